// SPDX-License-Identifier: MIT
/* Holds a socket for ESP in UDP (RFC 3948): the kernel needs one to receive it. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ikehelper.h"
#include "manual.h"
#include "text.h"

/* [ADDR:]PORT */
static int read_place(struct args *a, struct sockaddr_in *out)
{
	const char *text = arg_next(a), *colon = text ? strrchr(text, ':') : NULL;
	char ip[INET_ADDRSTRLEN] = "";
	uint64_t port = 0;

	out->sin_family = AF_INET;
	if (colon && colon - text < (ptrdiff_t)sizeof(ip))
		memcpy(ip, text, colon - text);
	if (!text || u64_parse(colon ? colon + 1 : text, UINT16_MAX, &port) < 0 ||
	    !port || (colon && inet_pton(AF_INET, ip, &out->sin_addr) != 1))
		return misuse("%s: write [ADDRESS:]PORT, 4500 for one", a->what);
	out->sin_port = htons(port);
	return 0;
}

static int open_encap(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), type = UDP_ENCAP_ESPINUDP;

	if (fd < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
	    setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof(type)) < 0)
		return -1;
	return fd;
}

int cmd_encap(int argc, char **argv)
{
	struct args a = { .argc = argc, .argv = argv, .what = "encap" };
	struct sockaddr_in at = { 0 }, from = { 0 };
	socklen_t from_len = sizeof(from);
	uint8_t data[64];
	ssize_t len;
	int fd, err;

	if ((err = read_place(&a, &at)) || (err = arg_end(&a)))
		return err;
	fd = open_encap(&at);
	if (fd < 0)
		return fail("encap: UDP port %u: %s", ntohs(at.sin_port),
			    strerror(errno));
	fputs("ikehelper: encap: holding\n", stderr);
	/* ESP never comes here; what does is for people who look for their IKE. */
	while (!ferror(stdout)) {
		len = recvfrom(fd, data, sizeof(data), MSG_TRUNC,
			       (struct sockaddr *)&from, &from_len);
		if (len < 0)
			continue; /* an ICMP error, told once */
		printf("%zd octets, not ESP, from %s port %u\n", len,
		       inet_ntoa(from.sin_addr), ntohs(from.sin_port));
		fflush(stdout);
	}
	return 1;
}
