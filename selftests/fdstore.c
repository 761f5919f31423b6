// SPDX-License-Identifier: MIT
/*
 * A stand-in for systemd where it keeps a service's descriptors: fdstore COMMAND...
 *
 * Runs the command as a Type=notify service, keeps what it sends with FDSTORE=1, and when
 * it dies of a signal starts it again with that handed over (sd_listen_fds(3)). Says
 * "started PID" and "ready". Ends with the command when that exits.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD 3
#define KEPT_MAX 16

static struct {
	int fd;
	char name[64];
} kept[KEPT_MAX];
static int n_kept;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* An abstract name, so that nothing is left behind. */
static int listen_for_notes(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[64];
	int len;

	len = snprintf(name, sizeof(name), "@esptun-fdstore-%d", getpid());
	memcpy(at.sun_path + 1, name + 1, len - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at,
			   offsetof(struct sockaddr_un, sun_path) + len))
		die("fdstore: bind");
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

/* The same name again replaces what was kept under it. */
static void keep(const char *name, size_t len, int fd)
{
	int i;

	for (i = 0; i < n_kept; i++)
		if (strlen(kept[i].name) == len && !memcmp(kept[i].name, name, len))
			break;
	if (i == KEPT_MAX || len >= sizeof(kept[i].name))
		exit(1);
	if (i < n_kept)
		close(kept[i].fd);
	else
		n_kept++;
	kept[i].fd = fd;
	memcpy(kept[i].name, name, len);
}

static void take_note(int notes)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char text[256], *name;
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(notes, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = len < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	int fd;

	if (len < 0)
		return;
	text[len] = '\0';
	name = strstr(text, "FDNAME=");
	if (c && name && strstr(text, "FDSTORE=1")) {
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		keep(name + 7, strcspn(name + 7, "\n"), fd);
	}
	if (strstr(text, "READY=1"))
		puts("ready");
}

/* Duplicates are above all that is to be overwritten. */
static void hand_over(void)
{
	char names[KEPT_MAX * 65] = "", number[16];
	int i, high[KEPT_MAX];

	for (i = 0; i < n_kept; i++) {
		high[i] = fcntl(kept[i].fd, F_DUPFD, FIRST_FD + KEPT_MAX);
		strcat(strcat(names, i ? ":" : ""), kept[i].name);
	}
	for (i = 0; i < n_kept; i++)
		if (dup2(high[i], FIRST_FD + i) < 0 || close(high[i]) < 0)
			die("fdstore: dup2");
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	snprintf(number, sizeof(number), "%d", n_kept);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fdstore: fork");
	if (pid) {
		printf("started %d\n", pid);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (n_kept)
		hand_over();
	execvp(argv[0], argv);
	die(argv[0]);
	return -1;
}

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN };
	int status;
	pid_t pid;

	if (argc < 2) {
		fputs("usage: fdstore COMMAND...\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	p.fd = listen_for_notes();
	do {
		pid = start(argv + 1);
		while (waitpid(pid, &status, WNOHANG) == 0)
			if (poll(&p, 1, 100) > 0)
				take_note(p.fd);
	} while (WIFSIGNALED(status));
	return WEXITSTATUS(status);
}
