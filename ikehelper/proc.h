/* SPDX-License-Identifier: MIT */
/* A child process that answers requests over a socket pair, one message each way. */
#ifndef ESPTUN_PROC_H
#define ESPTUN_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* So many requests may wait for an answer; more are refused, not queued. */
#define PROC_PENDING_MAX 64

/* proc_answer() returns this, and an answer is longer. */
#define PROC_ANOTHER 1

typedef int proc_serve(int fd, void *ctx);

struct proc {
	pid_t pid; /* 0: not running */
	int fd;	   /* ours; becomes readable with an answer, or when the child is gone */
	uint32_t pending[PROC_PENDING_MAX]; /* ids without an answer; 0 is a free place */
};

/*
 * Forks as fork() does. The child dies with its parent, and no signal but SIGKILL that
 * others send ends it.
 */
pid_t proc_fork(const char *name);
/*
 * Forks. The child runs serve(fd, ctx) with all other descriptors but the first three
 * closed, and exits with what it returns; it dies with its parent. Returns 0 or -1.
 */
int proc_start(struct proc *p, const char *name, proc_serve *serve, void *ctx);
/*
 * The same with a process between, which forks another child when one dies of a signal;
 * those that had an id without an answer then get none (PROC_ANOTHER).
 */
int proc_start_guarded(struct proc *p, const char *name, proc_serve *serve, void *ctx);
/* Closes our end, which ends the child, and waits for it. */
void proc_stop(struct proc *p);

/* Sends a request that begins with its id. Returns 0, or -1: no room, or it is gone. */
int proc_ask(struct proc *p, uint32_t id, const void *request, size_t len);
/*
 * Receives an answer. Returns its length, PROC_ANOTHER when the child has just been
 * replaced, 0 when there is nothing, -1 when the child is gone.
 */
ssize_t proc_answer(struct proc *p, void *answer, size_t size);
/* Marks an id as answered; 0 when it was not open. */
int proc_done(struct proc *p, uint32_t id);

#endif
