// SPDX-License-Identifier: MIT
/* Who brings tunnels up, and up again: the three ways to start, peers that die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "outcome.h"

static void acquire(uint32_t child)
{
	ike_command(net.side[0].ike, net.now,
		    &(struct ike_command){ .type = IKE_ACQUIRE,
					   .peer = &net.side[0].peer,
					   .child = child });
	pair_run(&net, net.now + 1000);
}

/* Traffic brings up the child that it is for, and after its end again. */
static void started_by_traffic(void **state)
{
	static const struct pair_cfg cfg = {
		.selectors = "10.1.0.0/16=10.2.0.0/16,10.3.0.0/16=10.4.0.0/16",
		.start = { IKE_START_TRAFFIC, IKE_START_NEVER },
	};

	(void)state;
	pair_start(&net, &cfg);
	pair_run(&net, net.now + MINUTE);
	assert_int_equal(net.sent, 0);
	acquire(1);
	assert_true(pair_usable(&net, 1));
	assert_false(pair_usable(&net, 0));
	/* The module repeats itself. */
	acquire(1);
	assert_int_equal(net.sent, 9);
	acquire(0);
	assert_true(pair_usable(&net, 0));
	pair_command(&net, 1, IKE_DOWN);
	pair_run(&net, net.now + 10 * MINUTE);
	assert_int_equal(net.sent, 12 + 3);
	is_clean();
	acquire(1);
	assert_true(pair_usable(&net, 1));
	/* Taken down by command it stays so, until it is taken up by one. */
	pair_command(&net, 0, IKE_DOWN);
	acquire(1);
	is_clean();
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_true(pair_usable(&net, 0));
	assert_true(pair_usable(&net, 1));
	pair_stop(&net);
}

/* However much traffic asks, a peer that is not there is tried with the usual patience. */
static void traffic_to_nobody(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_TRAFFIC } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = all_lost;
	for (int second = 0; second < 24 * 3600; second++)
		acquire(0);
	assert_in_range(net.sent, 5 * 100, 5 * 24 * 15);
	net.fate = NULL;
	for (int second = 0; second < 600; second++)
		acquire(0);
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(started_by_traffic),
		cmocka_unit_test(traffic_to_nobody),
	};

	return cmocka_run_group_tests_name("dead", tests, NULL, NULL);
}
