/* SPDX-License-Identifier: MIT */
/* What went into the core for one peer, as lines (core/record.h): the last of them. */
#ifndef ESPTUN_TAPE_H
#define ESPTUN_TAPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * now grows by TAPE_MAX behind its beginning, which is as long as the peer has subnets, and
 * on until the core can make another beginning; then it is what was before. One that grows
 * too much is given up.
 */
#define TAPE_MAX  (128 * 1024)
#define TAPE_MOST (4 * TAPE_MAX)

struct tape {
	struct {
		char *text;
		size_t len, cap, beginning;
	} before, now;
};

/* Returns whether another beginning is wanted. */
bool tape_add(struct tape *t, const char *line, bool beginning);
/* Says all lines. Returns 0, or -1 when there are none. */
int tape_tell(struct tape *t, void (*say)(void *ctx, const char *line), void *ctx);
void tape_free(struct tape *t);

#endif
