// SPDX-License-Identifier: GPL-2.0-only
/*
 * anti-replay window and ESN reconstruction (also compiles in userspace)
 *
 * No lock of its own: struct et_replay says who may call what. Any context.
 */
#include "replay.h"

#define BLOCK_BITS 64

static u32 nblocks(u32 window)
{
	return window / BLOCK_BITS * 2;
}

/**
 * et_replay_window_ok - is this a window that we keep?
 * @window: packets
 */
bool et_replay_window_ok(u32 window)
{
	return window >= ET_REPLAY_WINDOW_MIN && window <= ET_REPLAY_WINDOW_MAX &&
	       (window & (window - 1)) == 0;
}

/**
 * et_replay_size - octets that a struct et_replay for @window needs
 * @window: packets, one that et_replay_window_ok() takes
 */
size_t et_replay_size(u32 window)
{
	return sizeof(struct et_replay) + nblocks(window) * sizeof(u64);
}

/**
 * et_replay_init - an empty window
 * @r: et_replay_size(@window) octets
 * @window: packets, one that et_replay_window_ok() takes
 * @esn: sequence numbers have 64 bits
 */
void et_replay_init(struct et_replay *r, u32 window, bool esn)
{
	memset(r, 0, et_replay_size(window));
	r->window = window;
	r->mask = nblocks(window) - 1;
	r->esn = esn;
}

/**
 * et_replay_infer - the whole sequence number of a packet
 * @r: the window
 * @low: the half that the packet carries, in host order
 *
 * RFC 4303 appendix A2.2. The packet itself is not authentic yet: a forged
 * one only gives a number under which its ICV will not verify.
 *
 * Return: the 64-bit number with ESN, @low itself without.
 */
u64 et_replay_infer(const struct et_replay *r, u32 low)
{
	u64 top = READ_ONCE(r->top);
	u32 bottom = (u32)top - r->window + 1;
	u32 high = top >> 32;

	if (!r->esn)
		return low;

	if ((u32)top >= r->window - 1) {
		/* the window lies in one subspace: what is below it is of the next */
		if (low < bottom)
			high++;
	} else if (low >= bottom && high > 0) {
		/* it reaches back into the previous subspace, which is where low is */
		high--;
	}
	return (u64)high << 32 | low;
}

/**
 * et_replay_check - may this sequence number still be accepted?
 * @r: the window
 * @seq: the whole sequence number
 */
enum et_replay_verdict et_replay_check(const struct et_replay *r, u64 seq)
{
	u64 top = READ_ONCE(r->top);
	u64 seen;

	if (seq == 0)
		return ET_REPLAY_LATE;
	if (seq > top)
		return ET_REPLAY_OK;
	if (top - seq >= r->window)
		return ET_REPLAY_LATE;

	seen = READ_ONCE(r->block[seq / BLOCK_BITS & r->mask]);
	return seen >> seq % BLOCK_BITS & 1 ? ET_REPLAY_DUPLICATE : ET_REPLAY_OK;
}

/**
 * et_replay_update - accept the sequence number of an authentic packet
 * @r: the window
 * @seq: the whole sequence number
 *
 * Return: ET_REPLAY_OK and it is marked as seen, or why not.
 */
enum et_replay_verdict et_replay_update(struct et_replay *r, u64 seq)
{
	enum et_replay_verdict verdict = et_replay_check(r, seq);
	u64 i, from, *block, *late;

	if (verdict != ET_REPLAY_OK)
		return verdict;

	if (seq > r->top) {
		from = r->top / BLOCK_BITS;
		/* every block that is entered starts empty; at most all of them */
		for (i = min(seq / BLOCK_BITS - from, (u64)r->mask + 1); i > 0; i--)
			WRITE_ONCE(r->block[(seq / BLOCK_BITS - i + 1) & r->mask], 0);
		WRITE_ONCE(r->top, seq);
	} else {
		late = &r->late[fls(r->top - seq) - 1];
		WRITE_ONCE(*late, *late + 1);
	}
	block = &r->block[seq / BLOCK_BITS & r->mask];
	WRITE_ONCE(*block, *block | 1ULL << seq % BLOCK_BITS);
	return ET_REPLAY_OK;
}
