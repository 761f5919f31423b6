// SPDX-License-Identifier: MIT
/*
 * Any run of sequence numbers through the replay window, against a list of all numbers
 * accepted. The input: the window's size and ESN in the first octet, the counter's start in
 * the next eight, then one step for each two octets.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/naive_replay.h"

#define STEPS_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Near the top in either direction, with a few leaps of millions. */
static uint64_t next_number(const struct naive_replay *m, const uint8_t *p)
{
	uint64_t by =
		p[0] & 0x80 ? (uint64_t)p[1] << (p[0] & 31) : (p[0] & 15U) << 8 | p[1];

	return p[0] & 0x40 ? m->top - by : m->top + by;
}

static void step(struct et_replay *r, struct naive_replay *m, const uint8_t *p)
{
	uint64_t seq = next_number(m, p);
	enum et_replay_verdict want;

	if (r->esn) {
		seq = et_replay_infer(r, seq);
		if (seq != naive_replay_infer(m, seq))
			abort();
	}
	want = naive_replay_check(m, seq);
	if (et_replay_check(r, seq) != want || et_replay_update(r, seq) != want)
		abort();
	if (want == ET_REPLAY_OK)
		naive_replay_accept(m, seq);
	if (r->top != m->top)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct naive_replay m;
	struct et_replay *r;
	uint64_t start;

	if (size < 9)
		return 0;
	m.window = 64U << data[0] % 11;
	m.n = 0;
	m.top = 0;
	r = malloc(et_replay_size(m.window));
	if (!r)
		abort();
	et_replay_init(r, m.window, data[0] & 0x80);
	memcpy(&start, data + 1, sizeof(start));
	if (start && et_replay_update(r, start) == ET_REPLAY_OK)
		naive_replay_accept(&m, start);
	for (size_t i = 9; i + 1 < size && m.n < STEPS_MAX; i += 2)
		step(r, &m, data + i);
	free(r);
	return 0;
}
