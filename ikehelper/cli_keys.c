// SPDX-License-Identifier: MIT
/* Keys at the command line: a key log for Wireshark, a new pre-shared key. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "client.h"
#include "ikehelper.h"
#include "text.h"

#define PSK_OCTETS 32

int cmd_keylog(int argc, char **argv)
{
	uint32_t seconds;
	cJSON *request;
	int fd, status;

	if (argc != 3)
		return misuse("keylog: write keylog PEER TIME FILE");
	if (seconds_parse(argv[1], &seconds) < 0 || !seconds)
		return misuse("keylog: %s is no time; write 10m, 90s or seconds",
			      argv[1]);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return fail("keylog: %s is there already: name a new file", argv[2]);
	if (fd < 0)
		return fail("keylog: cannot make %s: %s", argv[2], strerror(errno));
	request = client_request("keylog", argv[0]);
	cJSON_AddNumberToObject(request, "seconds", seconds);
	status = client_simply("keylog", request, fd);
	close(fd);
	if (status)
		unlink(argv[2]);
	else
		fprintf(stderr,
			"ikehelper: the keys of %s go to %s from now on: whoever has them "
			"reads the traffic\n",
			argv[0], argv[2]);
	return status;
}

int cmd_genpsk(int argc, char **argv)
{
	uint8_t octets[PSK_OCTETS];
	char text[PSK_OCTETS * 2];
	struct stat st;

	(void)argv;
	if (argc)
		return misuse("genpsk takes no arguments");
	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return fail("genpsk: OpenSSL gives no random octets");
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 077)
		fputs("ikehelper: genpsk: others may read the file that this goes to: "
		      "chmod 600 it\n",
		      stderr);
	EVP_EncodeBlock((unsigned char *)text, octets, sizeof(octets));
	puts(text);
	OPENSSL_cleanse(octets, sizeof(octets));
	OPENSSL_cleanse(text, sizeof(text));
	return fflush(stdout) ? fail("genpsk: cannot write: %s", strerror(errno)) : 0;
}
