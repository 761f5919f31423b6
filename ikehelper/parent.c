// SPDX-License-Identifier: MIT
/*
 * The daemon's first process: it holds the UDP sockets, so that ESP in UDP goes on
 * whatever happens to the others, and starts the network process again when that dies.
 *
 * It reads nothing that comes from the network, and waits most of the time.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "ikehelper.h"
#include "sandbox.h"
#include "systemd.h"

#define HEALTHY_MS   60000 /* after that a death is the first one again */
#define WAIT_FIRST_S 1
#define WAIT_MAX_S   60

struct parent {
	const char *path; /* of the configuration */
	struct wire wire;
	int signals;
	pid_t network; /* 0: not running */
	int line;      /* to it */
	uint64_t started_at, start_at;
	unsigned int deaths;
	bool was_ready; /* this one, or one before it */
	bool ending;	/* it was told to end */
	bool replacing; /* it was ended for another one */
};

/* These return the status to end with, or -1 to go on. */

static int start_network(struct parent *p)
{
	int line[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return fail("run: cannot open a socket: %s", strerror(errno));
	p->network = proc_fork("ikehelper-net");
	if (p->network == 0) {
		close(line[0]);
		close(p->signals);
		_exit(daemon_serve(line[1], &p->wire, p->path));
	}
	close(line[1]);
	p->line = line[0];
	p->started_at = daemon_now();
	if (p->network > 0)
		return -1;
	p->network = 0;
	close(p->line);
	fail("run: cannot start the network process: %s", strerror(errno));
	p->start_at = p->started_at + WAIT_MAX_S * 1000;
	return p->was_ready ? -1 : 1;
}

/* Before the first one was ready its status is ours. */
static int take_end(struct parent *p)
{
	unsigned int wait = 0;
	int status;

	while (waitpid(p->network, &status, 0) < 0 && errno == EINTR)
		;
	close(p->line);
	p->network = 0;
	if (p->ending || (!p->was_ready && !p->replacing)) {
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		return fail("run: the network process died of signal %d",
			    WTERMSIG(status));
	}
	if (daemon_now() - p->started_at > HEALTHY_MS || p->replacing)
		p->deaths = 0;
	else if (p->deaths++)
		wait = p->deaths < 8 ? WAIT_FIRST_S << (p->deaths - 2) : WAIT_MAX_S;
	p->start_at = daemon_now() + wait * 1000;
	fprintf(stderr,
		"ikehelper: the network process %s: another starts %s, ESP goes on\n",
		p->replacing ? "was replaced" : "died", wait ? "in a while" : "now");
	p->replacing = false;
	return -1;
}

static int take_signal(struct parent *p)
{
	struct signalfd_siginfo info;

	if (read(p->signals, &info, sizeof(info)) != sizeof(info))
		return -1;
	switch (info.ssi_signo) {
	case SIGHUP:
		/* What is lost with it is made anew: it dies as it may any time. */
		p->replacing = p->network;
		p->start_at = 0;
		if (p->network)
			kill(p->network, SIGKILL);
		return -1;
	case SIGUSR1:
		return 0;
	default:
		p->ending = true;
		if (!p->network)
			return 0;
		send(p->line, "", 1, MSG_NOSIGNAL);
		return -1;
	}
}

/* The network process says that it is ready, or its end is what is heard. */
static int take_word(struct parent *p)
{
	char ready;

	if (recv(p->line, &ready, 1, 0) != 1)
		return take_end(p);
	if (!p->was_ready)
		systemd_ready(&p->wire);
	p->was_ready = true;
	return -1;
}

/* Until another network process is to be started; -1 while there is one. */
static int wait_ms(const struct parent *p)
{
	uint64_t now = daemon_now();

	if (p->network)
		return -1;
	return p->start_at > now ? (int)(p->start_at - now) : 0;
}

static int loop(struct parent *p)
{
	int status = -1;

	while (status < 0) {
		struct pollfd fd[] = { { .fd = p->signals, .events = POLLIN },
				       { .fd = p->network ? p->line : -1,
					 .events = POLLIN } };

		if (poll(fd, 2, wait_ms(p)) < 0)
			return fail("run: %s", strerror(errno));
		if (fd[0].revents)
			status = take_signal(p);
		else if (fd[1].revents)
			status = take_word(p);
		else if (!p->network)
			status = start_network(p);
	}
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct parent p = { .path = CONFIG_PATH, .wire = WIRE_CLOSED };
	sigset_t signals;
	int status;

	if (argc == 2 && !strcmp(argv[0], "-c"))
		p.path = argv[1];
	else if (argc)
		return misuse("run: write run, or run -c FILE");
	sandbox_begin();
	setvbuf(stderr, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	p.signals = signalfd(-1, &signals, SFD_CLOEXEC);
	if (p.signals < 0)
		return fail("run: cannot wait for signals: %s", strerror(errno));
	systemd_take(&p.wire);
	if (wire_open(&p.wire) < 0 || sandbox_enter(SANDBOX_PARENT) < 0)
		return 1;
	status = loop(&p);
	if (p.was_ready)
		unlink(control_path);
	/* Also what no network process was there for. */
	if (p.ending)
		daemon_clear();
	return status;
}
