// SPDX-License-Identifier: MIT
/* A child process that answers requests over a socket pair, one message each way. */
#include "proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

#define PAUSE_MS 100

/* The terminal and systemd signal every process; ours end when their socket does. */
pid_t proc_fork(const char *name)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

/*
 * Forked before there is a secret, it stays as it is, so that what replaces a process that
 * a peer's octets ended inherits nothing of the negotiations since.
 */
static int guard(int fd, const char *name, proc_serve *serve, void *ctx)
{
	pid_t pid;
	int status;

	if (sandbox_enter(SANDBOX_GUARD) < 0)
		return 1;
	for (;;) {
		pid = proc_fork(name);
		if (pid == 0)
			_exit(serve(fd, ctx));
		/* If it is one that dies at once, then not more than some a second. */
		poll(NULL, 0, PAUSE_MS);
		while (pid > 0 && waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				return 1;
		if (pid < 0 || WIFEXITED(status))
			return pid < 0 ? 1 : WEXITSTATUS(status);
		if (send(fd, "", PROC_ANOTHER, MSG_NOSIGNAL) != PROC_ANOTHER)
			return 1;
	}
}

static void child(int fd, const char *guarded, proc_serve *serve, void *ctx)
{
	if (fd != STDERR_FILENO + 1) {
		dup2(fd, STDERR_FILENO + 1);
		fd = STDERR_FILENO + 1;
	}
	close_range(fd + 1, ~0U, 0);
	_exit(guarded ? guard(fd, guarded, serve, ctx) : serve(fd, ctx));
}

static int start(struct proc *p, const char *name, bool guarded, proc_serve *serve,
		 void *ctx)
{
	int fd[2];

	memset(p, 0, sizeof(*p));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -1;
	p->pid = proc_fork(name);
	if (p->pid == 0)
		child(fd[1], guarded ? name : NULL, serve, ctx);
	close(fd[1]);
	p->fd = fd[0];
	if (p->pid > 0)
		return 0;
	p->pid = 0;
	close(fd[0]);
	return -1;
}

int proc_start(struct proc *p, const char *name, proc_serve *serve, void *ctx)
{
	return start(p, name, false, serve, ctx);
}

int proc_start_guarded(struct proc *p, const char *name, proc_serve *serve, void *ctx)
{
	return start(p, name, true, serve, ctx);
}

void proc_stop(struct proc *p)
{
	if (!p->pid)
		return;
	close(p->fd);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}

int proc_ask(struct proc *p, uint32_t id, const void *request, size_t len)
{
	size_t i = 0;

	while (i < PROC_PENDING_MAX && p->pending[i])
		i++;
	if (i == PROC_PENDING_MAX || !p->pid ||
	    send(p->fd, request, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
		return -1;
	p->pending[i] = id;
	return 0;
}

ssize_t proc_answer(struct proc *p, void *answer, size_t size)
{
	ssize_t n = recv(p->fd, answer, size, MSG_DONTWAIT);

	if (n > 0)
		return n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int proc_done(struct proc *p, uint32_t id)
{
	size_t i;

	for (i = 0; id && i < PROC_PENDING_MAX; i++)
		if (p->pending[i] == id) {
			p->pending[i] = 0;
			return 1;
		}
	return 0;
}
