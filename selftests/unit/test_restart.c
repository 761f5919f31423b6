// SPDX-License-Identifier: MIT
/* A helper that dies and is started again: what the module has goes on, and is replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "outcome.h"

/* Traffic flows all the time, by the module's SAs. */
static void flows_for(uint64_t ms)
{
	for (uint64_t end = net.now + ms; net.now < end;) {
		pair_run(&net, net.now + 20);
		assert_true(pair_usable(&net, 0));
	}
}

static bool has_spi(const struct side *s, const uint8_t *spi)
{
	for (size_t i = 0; i < PAIR_SAS; i++)
		if (s->sa[i].used && !memcmp(s->sa[i].spi, spi, 4))
			return true;
	return false;
}

/* Whoever began it all; an INITIAL-CONTACT (RFC 2407 section 4.6.3.3) would end the pair. */
static void goes_on_and_is_replaced(void **state)
{
	static const struct pair_cfg cfgs[] = {
		{ .seed = 1 }, { .start = { IKE_START_NOW, IKE_START_NOW } }
	};
	uint8_t old[4];

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cfgs); i++) {
		up(&cfgs[i / 2]);
		/* Sooner, the new control tunnel would pass for one that crossed. */
		pair_run(&net, net.now + CROSSING_MS);
		memcpy(old, net.side[0].sa[0].spi, 4);
		pair_restart(&net, i % 2);
		assert_true(has_spi(&net.side[0], old));
		assert_int_equal(pair_count_sas(&net.side[i % 2], true), 1);
		flows_for(2 * MINUTE);
		assert_false(has_spi(&net.side[0], old));
		is_up();
		pair_stop(&net);
	}
}

/* Behind a NAT (RFC 3947) a peer is only where its mapping is: the module knows that. */
static void through_a_nat(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	uint8_t old[4];

	(void)state;
	for (int side = 0; side < 2; side++) {
		pair_start(&net, &cfg);
		pair_nat(&net, 0, false);
		pair_command(&net, 0, IKE_UP);
		pair_run(&net, net.now + 1000 + CROSSING_MS);
		memcpy(old, net.side[0].sa[0].spi, 4);
		assert_true(net.side[1].way[0].encap && net.side[1].way[0].follow);
		pair_restart(&net, side);
		flows_for(2 * MINUTE);
		assert_false(has_spi(&net.side[0], old));
		is_up();
		pair_stop(&net);
	}
}

/* Killed at any moment of a renewal, on either side. */
static void in_the_middle(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	size_t began;

	(void)state;
	for (int side = 0; side < 2; side++)
		for (size_t n = 0; n < 12; n++) {
			up(&cfg);
			began = net.sent;
			ike_command(net.side[0].ike, net.now,
				    &(struct ike_command){ .type = IKE_REKEY,
							   .peer = &net.side[0].peer,
							   .control = n >= 6 });
			for (int ms = 0; ms < 100 && net.sent < began + n % 6; ms++)
				pair_run(&net, net.now + 1);
			pair_restart(&net, side);
			flows_for(3 * MINUTE);
			assert_true(pair_usable(&net, 0));
			assert_int_equal(pair_count_sas(&net.side[side], true), 1);
			assert_int_equal(net.side[side].reserved, 0);
			pair_stop(&net);
		}
}

/* As long as nobody answers the old pair goes on, but not beyond its life. */
static void nobody_answers(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW,
							IKE_START_NEVER } };

	(void)state;
	up(&cfg);
	net.fate = all_lost;
	pair_restart(&net, 0);
	flows_for(20 * MINUTE);
	net.fate = NULL;
	flows_for(10 * MINUTE);
	assert_int_equal(pair_count_sas(&net.side[0], true), 1);
	net.fate = all_lost;
	pair_restart(&net, 0);
	pair_run(&net, net.now + 60 * MINUTE);
	is_clean();
	pair_stop(&net);
}

/* Nothing is known but the SAs: they go out of the module, and no more can be said. */
static void taken_down(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	up(&cfg);
	net.fate = all_lost;
	pair_restart(&net, 0);
	pair_command(&net, 0, IKE_DOWN);
	pair_run(&net, net.now + MINUTE);
	assert_int_equal(pair_count_sas(&net.side[0], true), 0);
	assert_int_equal(pair_count_sas(&net.side[0], false), 0);
	pair_stop(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_and_is_replaced),
		cmocka_unit_test(through_a_nat),
		cmocka_unit_test(in_the_middle),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(taken_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
