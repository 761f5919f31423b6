// SPDX-License-Identifier: MIT
/* The anti-replay window and ESN reconstruction of the module, against a naive model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "naive_replay.h"

#define WRAP (1ULL << 32)

static struct et_replay *new_window(uint32_t window, bool esn)
{
	struct et_replay *r = malloc(et_replay_size(window));

	assert_non_null(r);
	et_replay_init(r, window, esn);
	return r;
}

static void accepts(struct et_replay *r, uint64_t seq)
{
	assert_int_equal(et_replay_check(r, seq), ET_REPLAY_OK);
	assert_int_equal(et_replay_update(r, seq), ET_REPLAY_OK);
}

static void refuses(struct et_replay *r, uint64_t seq, enum et_replay_verdict why)
{
	assert_int_equal(et_replay_check(r, seq), why);
	assert_int_equal(et_replay_update(r, seq), why);
}

/* Runs fn with every window that the module offers. */
static void each_window(void (*fn)(struct et_replay *r, uint32_t window), bool esn)
{
	for (uint32_t w = ET_REPLAY_WINDOW_MIN; w <= ET_REPLAY_WINDOW_MAX; w *= 2) {
		struct et_replay *r = new_window(w, esn);

		fn(r, w);
		free(r);
	}
}

static void window_sizes(void **state)
{
	(void)state;
	for (uint32_t w = 64; w <= 65536; w *= 2)
		assert_true(et_replay_window_ok(w));
	assert_false(et_replay_window_ok(0));
	assert_false(et_replay_window_ok(1));
	assert_false(et_replay_window_ok(32));
	assert_false(et_replay_window_ok(65));
	assert_false(et_replay_window_ok(96));
	assert_false(et_replay_window_ok(131072));
	assert_false(et_replay_window_ok(UINT32_MAX));
}

static void run_in_order(struct et_replay *r, uint32_t window)
{
	for (uint64_t seq = 1; seq <= 3ULL * window; seq++) {
		accepts(r, seq);
		refuses(r, seq, ET_REPLAY_DUPLICATE);
	}
}

static void in_order(void **state)
{
	(void)state;
	each_window(run_in_order, false);
}

static void run_zero(struct et_replay *r, uint32_t window)
{
	(void)window;
	refuses(r, 0, ET_REPLAY_LATE);
	accepts(r, 1);
	refuses(r, 0, ET_REPLAY_LATE);
}

static void zero_is_never_sent(void **state)
{
	(void)state;
	each_window(run_zero, false);
}

/* The edge: window packets count back from the highest, itself included. */
static void run_edge(struct et_replay *r, uint32_t window)
{
	uint64_t top = 10ULL * window + 17;

	accepts(r, top);
	refuses(r, top - window, ET_REPLAY_LATE);
	refuses(r, top - window - 1, ET_REPLAY_LATE);
	refuses(r, 1, ET_REPLAY_LATE);
	accepts(r, top - window + 1);
	refuses(r, top - window + 1, ET_REPLAY_DUPLICATE);
	for (uint64_t seq = top - 1; seq > top - window + 1; seq--)
		accepts(r, seq);
	for (uint64_t seq = top; seq > top - window; seq--)
		refuses(r, seq, ET_REPLAY_DUPLICATE);
}

static void late_at_the_edge(void **state)
{
	(void)state;
	each_window(run_edge, false);
}

/* By how many packets the late ones were late, in powers of two: what sizes a window. */
static void run_lateness(struct et_replay *r, uint32_t window)
{
	accepts(r, window);
	for (uint32_t i = 0; i < ET_REPLAY_LATE_MAX; i++)
		assert_int_equal(r->late[i], 0);
	for (uint64_t seq = 1; seq < window; seq++) {
		accepts(r, seq);
		refuses(r, seq, ET_REPLAY_DUPLICATE);
	}
	for (uint32_t i = 0; i < ET_REPLAY_LATE_MAX; i++)
		assert_int_equal(r->late[i], 1u << i < window ? 1u << i : 0);
}

static void lateness_is_counted(void **state)
{
	(void)state;
	each_window(run_lateness, false);
}

/* After a jump of any length nothing that was not seen counts as seen. */
static void run_jumps(struct et_replay *r, uint32_t window)
{
	static const int64_t around[] = { -65, -64, -63, -1, 0, 1, 63, 64, 65 };
	uint64_t top = 0;

	for (unsigned int times = 0; times <= 4; times++) {
		for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
			int64_t by = (int64_t)times * window + around[i];

			if (by <= 0)
				continue;
			top += by;
			accepts(r, top);
			/* Mark the far half, so that a block left over would show. */
			for (uint64_t k = 1; k < window && k < top && k <= 130; k++)
				if (et_replay_check(r, top - k) == ET_REPLAY_OK)
					accepts(r, top - k);
		}
	}
	accepts(r, top + window);
	for (uint64_t seq = top + 1; seq < top + window; seq++)
		accepts(r, seq);
}

static void jumps_leave_nothing_behind(void **state)
{
	(void)state;
	each_window(run_jumps, false);
}

static uint64_t rng(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Thousands of random numbers near the window, at low and at very high counters. */
static void random_against_model(void **state)
{
	static const uint64_t starts[] = {
		0, 40, 100000, WRAP - 500, 7 * WRAP - 300, UINT64_MAX - 200000
	};
	uint64_t seed = 0x243f6a8885a308d3;

	(void)state;
	print_message("seed 0x%llx\n", (unsigned long long)seed);
	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		for (uint32_t w = 64; w <= 1024; w *= 4) {
			struct et_replay *r = new_window(w, true);
			struct naive_replay m = { .window = w };

			if (starts[s]) {
				accepts(r, starts[s]);
				naive_replay_accept(&m, starts[s]);
			}
			for (int i = 0; i < 4000; i++) {
				/* Mostly near the top, a few far ahead. */
				uint64_t reach = i % 64 ? 2 * w : 8 * w,
					 back = reach / 8 * 5;
				uint64_t seq = m.top + rng(&seed) % reach;
				enum et_replay_verdict want;

				seq -= seq > back ? back : 0;
				want = naive_replay_check(&m, seq);
				assert_int_equal(et_replay_check(r, seq), want);
				assert_int_equal(et_replay_update(r, seq), want);
				if (want == ET_REPLAY_OK)
					naive_replay_accept(&m, seq);
				assert_int_equal(r->top, m.top);
				assert_int_equal(et_replay_infer(r, seq),
						 naive_replay_infer(&m, seq));
			}
			free(r);
		}
	}
}

/* Without ESN the number is what the packet says, whatever was seen. */
static void no_esn_infers_nothing(void **state)
{
	struct et_replay *r = new_window(64, false);

	(void)state;
	accepts(r, 0xfffffff0);
	assert_int_equal(et_replay_infer(r, 5), 5);
	refuses(r, et_replay_infer(r, 5), ET_REPLAY_LATE);
	free(r);
}

static void infers(struct et_replay *r, uint64_t top, uint64_t seq)
{
	r->top = top;
	assert_int_equal(et_replay_infer(r, (uint32_t)seq), seq);
}

/* RFC 4303 appendix A2.1 case A: the window lies in one subspace of 2^32 numbers. */
static void run_case_a(struct et_replay *r, uint32_t window)
{
	uint64_t th = 3 * WRAP, tl;

	for (tl = window - 1; tl < WRAP; tl += 0x10000001 - window) {
		infers(r, th + tl, th + tl);
		infers(r, th + tl, th + tl + 1);
		infers(r, th + tl, th + tl - window + 1); /* the window's left edge */
		if (tl >= window) /* left of it is taken for the next subspace */
			infers(r, th + tl, th + WRAP + tl - window);
		infers(r, th + tl, th + WRAP - 1);
		if (tl >= window)
			infers(r, th + tl, th + WRAP);
	}
	infers(r, th + WRAP - 1, th + WRAP); /* the next packet after the wrap */
	infers(r, th + window - 1, th);	     /* the window reaches back to exactly zero */
}

static void esn_case_a(void **state)
{
	(void)state;
	each_window(run_case_a, true);
}

/* RFC 4303 appendix A2.1 case B: the window spans two subspaces. */
static void run_case_b(struct et_replay *r, uint32_t window)
{
	uint64_t th = 3 * WRAP;

	for (uint64_t tl = 0; tl < window - 1; tl += window / 16) {
		infers(r, th + tl, th + tl);
		infers(r, th + tl, th + tl + 1);
		infers(r, th + tl, th);
		infers(r, th + tl, th - 1);
		infers(r, th + tl, th + tl - window + 1);
		infers(r, th + tl, th + tl - window + WRAP);
		infers(r, th + tl, th + 0x80000000);
	}
}

static void esn_case_b(void **state)
{
	(void)state;
	each_window(run_case_b, true);
}

/* At the start there is no subspace before: a high low half is far ahead, not behind. */
static void esn_first_subspace(void **state)
{
	struct et_replay *r = new_window(64, true);

	(void)state;
	infers(r, 0, 1);
	infers(r, 0, 0xffffffff);
	infers(r, 5, 0xffffffff);
	infers(r, 5, 2);
	infers(r, 70, 0xffffffff);
	infers(r, 70, WRAP + 5);
	free(r);
}

/* The last subspace has no next one: the inferred number must come out as refused. */
static void esn_last_subspace(void **state)
{
	struct et_replay *r = new_window(64, true);

	(void)state;
	accepts(r, UINT64_MAX - 10);
	infers(r, UINT64_MAX - 10, UINT64_MAX - 3);
	assert_int_equal(et_replay_check(r, et_replay_infer(r, 5)), ET_REPLAY_LATE);
	free(r);
}

/* A stream across 2^32 with reordering: nothing lost, nothing taken twice. */
static void run_across_wrap(struct et_replay *r, uint32_t window)
{
	uint64_t first = WRAP - 2ULL * window, last = WRAP + 2ULL * window;

	accepts(r, first - 1);
	for (uint64_t seq = first; seq < last; seq += window / 2) {
		for (uint64_t k = window / 2; k > 0;
		     k--) { /* each half window backwards */
			uint64_t n = seq + k - 1;

			assert_int_equal(et_replay_infer(r, (uint32_t)n), n);
			accepts(r, n);
			assert_int_equal(et_replay_infer(r, (uint32_t)n), n);
			refuses(r, n, ET_REPLAY_DUPLICATE);
		}
	}
	refuses(r, last - 1 - window, ET_REPLAY_LATE);
}

static void esn_across_wrap(void **state)
{
	(void)state;
	each_window(run_across_wrap, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_sizes),
		cmocka_unit_test(in_order),
		cmocka_unit_test(zero_is_never_sent),
		cmocka_unit_test(late_at_the_edge),
		cmocka_unit_test(lateness_is_counted),
		cmocka_unit_test(jumps_leave_nothing_behind),
		cmocka_unit_test(random_against_model),
		cmocka_unit_test(no_esn_infers_nothing),
		cmocka_unit_test(esn_case_a),
		cmocka_unit_test(esn_case_b),
		cmocka_unit_test(esn_first_subspace),
		cmocka_unit_test(esn_last_subspace),
		cmocka_unit_test(esn_across_wrap),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
