/* SPDX-License-Identifier: MIT */
/* The anti-replay window the slow way: a list of every number ever accepted. */
#ifndef NAIVE_REPLAY_H
#define NAIVE_REPLAY_H

#include <stdlib.h>

#include "replay.h"

#define NAIVE_REPLAY_MAX 4096

struct naive_replay {
	uint64_t top, window;
	uint64_t seen[NAIVE_REPLAY_MAX];
	size_t n;
};

/* RFC 4303 section 3.4.3 word by word. */
static enum et_replay_verdict naive_replay_check(const struct naive_replay *m,
						 uint64_t seq)
{
	if (seq == 0 || (m->top >= m->window && seq <= m->top - m->window))
		return ET_REPLAY_LATE;
	for (size_t i = 0; i < m->n; i++)
		if (m->seen[i] == seq)
			return ET_REPLAY_DUPLICATE;
	return ET_REPLAY_OK;
}

static void naive_replay_accept(struct naive_replay *m, uint64_t seq)
{
	if (m->n == NAIVE_REPLAY_MAX)
		abort();
	m->seen[m->n++] = seq;
	if (seq > m->top)
		m->top = seq;
}

/*
 * RFC 4303 appendix A2 in one sentence: the number with this low half among the 2^32
 * numbers that begin at the window's left edge; below zero there is none.
 */
static uint64_t naive_replay_infer(const struct naive_replay *m, uint32_t low)
{
	__int128 edge = (__int128)m->top - m->window + 1;
	__int128 n = edge + (uint32_t)(low - (uint32_t)edge);

	return n < 0 ? n + ((__int128)1 << 32) : n;
}

#endif
