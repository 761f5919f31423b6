// SPDX-License-Identifier: MIT
/* The core as a whole: two of them negotiate, on a good network and on a bad one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "payload.h"

static struct pair_net net;

static void up(const struct pair_cfg *cfg)
{
	pair_start(&net, cfg);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
}

/* One negotiation: everything that a good end means. */
static void is_up(void)
{
	assert_true(pair_usable(&net, 0));
	for (int i = 0; i < 2; i++) {
		const struct side *s = &net.side[i];

		assert_int_equal(pair_count_sas(s, false), 1);
		assert_int_equal(pair_count_sas(s, true), 1);
		assert_int_equal(s->reserved, 0);
		assert_int_equal(pair_tunnels(s), 1);
		assert_int_equal(pair_count(s, TRACE_REFUSED), 0);
	}
}

static void nine_packets(void **state)
{
	static const struct pair_cfg cfg = { .seed = 1 };

	(void)state;
	up(&cfg);
	is_up();
	assert_int_equal(net.sent, 9);
	for (int i = 0; i < 2; i++) {
		const struct side *s = &net.side[i];

		/* Each side sees all nine, in the article's order. */
		for (size_t k = 0, n = 1; k < s->n_trace; k++)
			if (s->trace[k].number) {
				assert_int_equal(s->trace[k].number, n);
				n++;
			}
		assert_int_equal(
			pair_count(s, TRACE_SENT) + pair_count(s, TRACE_RECEIVED), 9);
		assert_int_equal(pair_count(s, TRACE_KEYS), 2);
		assert_int_equal(pair_count(s, TRACE_UP), 2);
	}
	pair_stop(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nine_packets),
	};

	return cmocka_run_group_tests_name("ike", tests, NULL, NULL);
}
