// SPDX-License-Identifier: MIT
/* The key process: PSKs stay in it, and it answers prf only. */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int secret_open(const char *path, char why[KEYS_WHY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(why, KEYS_WHY, "cannot read %.200s: %s", path, strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		snprintf(why, KEYS_WHY, "%.200s is a directory, not a key file", path);
	} else if (S_ISREG(st.st_mode) && st.st_mode & 077) {
		snprintf(why, KEYS_WHY,
			 "%.200s is open to others than its owner (mode %03o): chmod 600 %.200s",
			 path, st.st_mode & 0777, path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}
