/* SPDX-License-Identifier: GPL-2.0-only */
/* anti-replay window and ESN reconstruction (also compiles in userspace) */
#ifndef ET_REPLAY_H
#define ET_REPLAY_H

#include "pure.h"

#define ET_REPLAY_WINDOW_MIN	 64
#define ET_REPLAY_WINDOW_DEFAULT 4096
#define ET_REPLAY_WINDOW_MAX	 65536
#define ET_REPLAY_LATE_MAX	 16 /* powers of two in the largest window */

enum et_replay_verdict {
	ET_REPLAY_OK,
	ET_REPLAY_DUPLICATE, /* inside the window and seen before */
	ET_REPLAY_LATE,	     /* left of the window (or 0, which nobody sends) */
};

/*
 * The window of RFC 6479: bit seq % 64 of block (seq / 64) % nblocks says that
 * seq was seen. Sliding clears the blocks that it enters, nothing is shifted;
 * so that the block being filled never overlaps the window's tail, there is
 * more room than the window needs: twice, to find a block with a mask.
 *
 * Writers are serialised by the caller. et_replay_infer() and
 * et_replay_check() may run beside a writer; their answer is then a hint.
 */
struct et_replay {
	u64 top;    /* highest sequence number accepted */
	u32 window; /* packets */
	u32 mask;   /* number of blocks, a power of two, less one */
	bool esn;
	/* accepted though late: [i] by 2^i to 2^(i+1) - 1 packets behind the top */
	u64 late[ET_REPLAY_LATE_MAX];
	u64 block[];
};

bool et_replay_window_ok(u32 window);
size_t et_replay_size(u32 window);
void et_replay_init(struct et_replay *r, u32 window, bool esn);
u64 et_replay_infer(const struct et_replay *r, u32 low);
enum et_replay_verdict et_replay_check(const struct et_replay *r, u64 seq);
enum et_replay_verdict et_replay_update(struct et_replay *r, u64 seq);

#endif
