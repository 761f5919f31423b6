// SPDX-License-Identifier: MIT
/* What systemd does for the daemon: it hears that it is ready, and keeps its sockets. */
#include "systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3 /* the first one that is handed over */

static const char *const names[WIRE_SOCKETS] = {
	[WIRE_IKE] = "ike",
	[WIRE_NAT] = "ike-nat",
	[WIRE_IKE6] = "ike6",
	[WIRE_NAT6] = "ike6-nat",
};

static void take(struct wire *w, int fd, const char *name, size_t len)
{
	size_t i;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (i = 0; i < WIRE_SOCKETS; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len) &&
		    w->fd[i] < 0) {
			w->fd[i] = fd;
			return;
		}
	close(fd);
}

void systemd_take(struct wire *w)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	const char *name = getenv("LISTEN_FDNAMES");
	int fd, end;
	size_t len;

	if (!pid || !n || !name || atoi(pid) != getpid())
		return;
	end = FIRST_FD + atoi(n);
	for (fd = FIRST_FD; fd < end; fd++) {
		len = strcspn(name, ":");
		take(w, fd, name, len);
		name += len + (name[len] == ':');
	}
}

/* fd -1: none goes along. */
static void notify(const char *text, int fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	union {
		char room[CMSG_SPACE(sizeof(fd))];
		struct cmsghdr align;
	} control = { .room = { 0 } };
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr msg = { .msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c = &control.align;
	int out;

	if (!path || !*path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (*path == '@') /* an abstract one */
		to.sun_path[0] = '\0';
	msg.msg_namelen = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (out < 0 || sendmsg(out, &msg, MSG_NOSIGNAL) < 0)
		fprintf(stderr, "cannot tell %s: %s\n", path, strerror(errno));
	if (out >= 0)
		close(out);
}

void systemd_ready(const struct wire *w)
{
	char text[64];
	size_t i;

	for (i = 0; i < WIRE_SOCKETS; i++) {
		if (w->fd[i] < 0)
			continue;
		/* An ICMP error that waits at a socket is no reason to drop it. */
		snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", names[i]);
		notify(text, w->fd[i]);
	}
	notify("READY=1", -1);
}
