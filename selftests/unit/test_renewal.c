// SPDX-License-Identifier: MIT
/* The lives of tunnels: renewed, crossed, expired, deleted, lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "outcome.h"

/* Months in a day: both kinds of tunnel are renewed, and traffic never stops. */
static void renewal(void **state)
{
	static const struct pair_cfg cfgs[] = {
		{ .ike_seconds = { 7200, 7200 }, .esp_seconds = { 1800, 1800 } },
		/* The shorter one renews, whoever began. */
		{ .ike_seconds = { 7200, 3600 }, .esp_seconds = { 1800, 900 } },
		{ .ike_seconds = { 900, 900 }, .esp_seconds = { 3600, 3600 } },
		{ .start = { IKE_START_NOW, IKE_START_NOW } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cfgs); i++) {
		up(&cfgs[i]);
		for (int minute = 0; minute < 24 * 60; minute++) {
			pair_run(&net, net.now + MINUTE);
			assert_true(pair_usable(&net, 0));
			for (int k = 0; k < 2; k++) {
				assert_in_range(pair_count_sas(&net.side[k], false), 1,
						2);
				assert_in_range(pair_tunnels(&net.side[k]), 1, 2);
			}
		}
		for (int k = 0; k < 2; k++)
			assert_int_equal(pair_count(&net.side[k], TRACE_REFUSED), 0);
		pair_stop(&net);
	}
}

/* Pitfalls 1.10 and 1.11: who renewed deletes what it replaced, else the other one does. */
static enum verdict informationals_lost(struct pair_net *n, int from, size_t nth,
					const uint8_t *data, size_t len)
{
	(void)n;
	(void)nth;
	return from == 0 && len > 18 && data[18] == XCHG_INFO ? LOSE : PASS;
}

static void replaced_pairs_go(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		up(&cfg);
		net.fate = lost ? informationals_lost : NULL;
		command_spi(0, IKE_EXPIRE, &net.side[0].sa[0], false);
		pair_run(&net, net.now + 20000);
		for (int k = 0; k < 2; k++)
			assert_int_equal(pair_count_sas(&net.side[k], true), 2);
		pair_run(&net, net.now + MINUTE);
		is_up();
		pair_stop(&net);
	}
}

/* On demand: three packets, or six; what is not there is not made. */
static void rekey(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	pair_start(&net, &cfg);
	for (int control = 0; control < 2; control++) {
		struct ike_command cmd = { .type = IKE_REKEY,
					   .peer = &net.side[0].peer,
					   .control = control };

		ike_command(net.side[0].ike, net.now, &cmd);
		pair_run(&net, net.now + 1000);
		assert_int_equal(net.sent, 0);
	}
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	for (int control = 0; control < 2; control++) {
		/* The responder may ask for it, too. */
		struct ike_command cmd = { .type = IKE_REKEY,
					   .peer = &net.side[1].peer,
					   .control = control };
		size_t sent = net.sent;

		ike_command(net.side[1].ike, net.now, &cmd);
		pair_run(&net, net.now + 5000);
		assert_int_equal(net.sent - sent, control ? 6 : 3);
		pair_run(&net, net.now + 2 * MINUTE);
		is_up();
	}
	pair_stop(&net);
}

/* In quick succession: what is replaced goes in its time, or makes room, on both sides. */
static void renewals_in_quick_succession(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (uint64_t pace = 1000; pace <= 10000; pace += 9000) {
		struct ike_command cmd = { .type = IKE_REKEY };

		up(&cfg);
		cmd.peer = &net.side[0].peer;
		for (int i = 0; i < 30; i++) {
			ike_command(net.side[0].ike, net.now, &cmd);
			pair_run(&net, net.now + pace);
			assert_true(pair_usable(&net, 0));
			for (int k = 0; k < 2; k++)
				assert_in_range(pair_count_sas(&net.side[k], true), 1,
						pace == 1000 ? PAIRS_MAX : 5);
		}
		pair_run(&net, net.now + 2 * MINUTE);
		is_up();
		pair_stop(&net);
	}
}

/* Renewals that cross: one of the two goes on, the same at both ends. */
static size_t control_tunnels(const struct side *s)
{
	size_t n = 0;

	for (const struct ike_sa *sa = s->ike->peers->sas; sa; sa = sa->next)
		n += sa->established && !sa->dead;
	return n;
}

/* Pitfall 1.10: never a third control tunnel, of which a peer might take over nothing. */
static void control_renewals_wait(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	size_t most = 0;

	(void)state;
	up(&cfg);
	for (int second = 0; second < 180; second++) {
		struct ike_command cmd = { .type = IKE_REKEY,
					   .peer = &net.side[0].peer,
					   .control = true };

		ike_command(net.side[0].ike, net.now, &cmd);
		pair_run(&net, net.now + 1000);
		assert_true(pair_usable(&net, 0));
		for (int k = 0; k < 2; k++)
			if (control_tunnels(&net.side[k]) > most)
				most = control_tunnels(&net.side[k]);
	}
	assert_int_equal(most, 2);
	/* All the same they come, one after the other. */
	assert_true(net.sent > 9 + 3 * 6);
	pair_run(&net, net.now + 2 * MINUTE);
	is_up();
	pair_stop(&net);
}

static void renewals_cross(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pair_cfg cfg = { .seed = seed };

		up(&cfg);
		for (int k = 0; k < 2; k++) {
			struct ike_command cmd = { .type = IKE_EXPIRE,
						   .peer = &net.side[k].peer };

			memcpy(cmd.spi, net.side[k].sa[0].spi, 4);
			ike_command(net.side[k].ike, net.now, &cmd);
		}
		pair_run(&net, net.now + 5000);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(pair_count_sas(&net.side[k], true), 2);
			assert_int_equal(pair_count_sas(&net.side[k], false), 2);
		}
		pair_run(&net, net.now + 2 * MINUTE);
		is_up();
		pair_stop(&net);
	}
}

/* An error that names what has ended does not end what is under way. */
static void error_of_another(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	up(&cfg);
	net.fate = no_ninth;
	command_spi(0, IKE_EXPIRE, &net.side[0].sa[0], false);
	info_notify(net.side[0].ike->peers->sas, N_NO_PROPOSAL_CHOSEN,
		    (const uint8_t[]){ 1, 2, 3, 4 });
	net.fate = NULL;
	pair_run(&net, net.now + 2 * MINUTE);
	is_up();
	pair_stop(&net);
}

/* A control tunnel that ends waits as long as packet 9 in it may have to be repeated. */
static void ending_tunnel_waits(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct ike_sa *sa;

	(void)state;
	for (int replaced = 0; replaced < 2; replaced++) {
		up(&cfg);
		command_spi(0, IKE_EXPIRE, &net.side[0].sa[0], false);
		sa = net.side[0].ike->peers->sas;
		*(replaced ? &sa->retire_at : &sa->hard_at) = net.now;
		pair_run(&net, net.now + 20000);
		assert_int_equal(pair_count(&net.side[0], TRACE_DOWN), 0);
		assert_null(sa_current(net.side[0].ike->peers));
		pair_run(&net, net.now + MINUTE);
		assert_int_equal(pair_count(&net.side[0], TRACE_DOWN), 2);
		assert_true(pair_usable(&net, 0));
		pair_stop(&net);
	}
}

/* Who sent packet 9 may have to send it again; who has it holds the control tunnel for nothing. */
static void ninth_may_be_wanted_again(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (int k = 0; k < 2; k++) {
		up(&cfg);
		net.side[k].ike->peers->sas->retire_at = net.now;
		pair_run(&net, net.now + 20000);
		assert_int_equal(pair_count(&net.side[k], TRACE_DOWN), k);
		pair_stop(&net);
	}
}

/* Both start at the same moment: it settles, and stays usable. */
static void crossing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pair_cfg cfg = { .seed = seed,
					.start = { IKE_START_NOW, IKE_START_NOW } };

		pair_start(&net, &cfg);
		for (int second = 0; second < 60; second++) {
			pair_run(&net, net.now + 1000);
			assert_true(pair_usable(&net, 0));
		}
		pair_run(&net, net.now + MINUTE);
		for (int k = 0; k < 2; k++)
			assert_int_equal(pair_tunnels(&net.side[k]), 1);
		for (int k = 0; k < 2; k++)
			assert_int_equal(pair_count_sas(&net.side[k], false), 1);
		pair_stop(&net);
	}
}

/* A peer that has lost everything: found out at the latest when renewal is due. */
static void peer_crashes(void **state)
{
	static const struct pair_cfg cfgs[] = {
		{ .start = { IKE_START_NOW, IKE_START_NEVER } },
		{ .start = { IKE_START_NEVER, IKE_START_NOW } }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cfgs); i++) {
		pair_start(&net, &cfgs[i]);
		pair_run(&net, net.now + 1000);
		is_up();
		pair_crash(&net, 1);
		/* Who starts does so at once; the other side has to run into it. */
		pair_run(&net, net.now + (i ? 1000 : 60 * MINUTE));
		assert_true(pair_usable(&net, 0));
		pair_run(&net, net.now + 120 * MINUTE);
		assert_true(pair_usable(&net, 0));
		assert_in_range(pair_count_sas(&net.side[0], false), 1, 2);
		pair_stop(&net);
	}
}

/*
 * Pitfall 1.14: kilobytes are taken over as seconds are, and renewal comes before their
 * end; sequence numbers run out too. Each side limits what it sends.
 */
static void traffic_limits(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	static const struct {
		uint64_t bytes[2], both;
	} lives[] = {
		{ { 4608000000, 0 }, 4608000000 },
		{ { 0, 4608000000 }, 4608000000 },
		{ { 4608000000, 2000000000 }, 2000000000 },
		{ { 2000000000, 4608000000 }, 2000000000 },
		/* One kilobyte would be a new phase 2 for each packet. */
		{ { 1000, 0 }, 10000000 },
		{ { 0, 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lives); i++) {
		pair_start(&net, &cfg);
		for (int k = 0; k < 2; k++)
			net.side[k].peer.esp_bytes = lives[i].bytes[k];
		pair_command(&net, 0, IKE_UP);
		pair_run(&net, net.now + 1000);
		is_up();
		for (int k = 0; k < 4; k++) {
			const struct held_sa *sa = &net.side[k / 2].sa[k % 2];
			/* Who offers too little has to live with it. */
			bool alone = i == 4 && k < 2;
			uint64_t bytes = alone ? 1000 : lives[i].both;

			assert_int_equal(sa->hard_bytes, sa->out ? bytes : 0);
			assert_in_range(sa->soft_bytes, bytes / 1000 * 740,
					bytes / 100 * 85);
			assert_int_equal(sa->hard_packets, sa->out ? UINT32_MAX : 0);
			assert_in_range(sa->soft_packets, UINT32_MAX / 100 * 74,
					UINT32_MAX / 100 * 86);
		}
		pair_stop(&net);
	}
}

/* The module's reports: a soft end renews, a hard one ends, each once. */
static void expiry(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct held_sa old;

	(void)state;
	up(&cfg);
	old = net.side[0].sa[0];
	command_spi(0, IKE_EXPIRE, &old, false);
	command_spi(0, IKE_EXPIRE, &old, false);
	assert_int_equal(pair_count_sas(&net.side[0], false), 2);
	/* Pitfall 1.11: the initiator goes on sending on the old one for a moment. */
	assert_true(net.side[0].sa[1].active);
	assert_false(net.side[1].sa[1].active);
	pair_run(&net, net.now + 1500);
	assert_false(net.side[0].sa[1].active);
	assert_true(pair_usable(&net, 0));
	/* Or until it hears ESP on the new one. */
	for (size_t i = 0; i < PAIR_SAS; i++)
		if (net.side[0].sa[i].used && net.side[0].sa[i].active)
			old = net.side[0].sa[i];
	command_spi(0, IKE_EXPIRE, &old, false);
	assert_int_equal(pair_count_sas(&net.side[0], false), 3);
	command_spi(0, IKE_FIRST, &net.side[0].sa[4], false);
	for (size_t i = 0; i < PAIR_SAS; i++)
		if (net.side[0].sa[i].used && net.side[0].sa[i].active)
			assert_memory_equal(net.side[0].sa[i].pair_spi,
					    net.side[0].sa[4].spi, 4);
	old = net.side[0].sa[0];
	pair_run(&net, net.now + 5000);
	assert_true(pair_usable(&net, 0));
	command_spi(0, IKE_EXPIRE, &old, true);
	command_spi(0, IKE_EXPIRE, &old, true);
	assert_int_equal(pair_count_sas(&net.side[0], false), 2);
	assert_int_equal(pair_count_sas(&net.side[1], false), 2);
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);
}

/* Pitfall 1.10: a control tunnel goes, and the ESP tunnels live on without it. */
static void control_tunnel_goes(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	up(&cfg);
	info_delete_ike(sa_current(net.side[1].ike->peers));
	pair_run(&net, net.now + 1000);
	assert_int_equal(pair_tunnels(&net.side[0]), 0);
	assert_true(pair_usable(&net, 0));
	/* And are renewed in a new one. */
	for (int minute = 0; minute < 120; minute++) {
		pair_run(&net, net.now + MINUTE);
		assert_true(pair_usable(&net, 0));
	}
	pair_stop(&net);
}

/* A control tunnel that carries nothing, and that nobody here asked for, runs out. */
static void unused_is_not_renewed(void **state)
{
	static const struct pair_cfg cfg = { .ike_seconds = { 600, 600 } };
	const struct trace_event *e;

	(void)state;
	up(&cfg);
	info_delete_esp(sa_current(net.side[0].ike->peers), net.side[0].sa[0].spi);
	pair_run(&net, net.now + 100);
	assert_int_equal(pair_count_sas(&net.side[1], false), 0);
	assert_int_equal(pair_tunnels(&net.side[1]), 1);
	net.fate = all_lost;
	pair_run(&net, net.now + 20 * MINUTE);
	assert_int_equal(pair_tunnels(&net.side[1]), 0);
	for (size_t i = 0; (e = pair_event(&net.side[1], TRACE_SENT, i)); i++)
		assert_string_not_equal(e->name, "Main Mode 1");
	pair_stop(&net);
}

/* Pitfall 1.20: it ends what is older than the control tunnel that it came in. */
static void initial_contact(void **state)
{
	static const struct pair_cfg cfg = { .ike_seconds = { 900, 900 } };

	(void)state;
	up(&cfg);
	info_notify(sa_current(net.side[1].ike->peers), N_INITIAL_CONTACT, NULL);
	pair_run(&net, net.now + 1000);
	is_up();
	/* A second phase 1 later the pair is of a time before. */
	pair_run(&net, net.now + 14 * MINUTE);
	is_up();
	assert_int_equal(pair_count(&net.side[0], TRACE_UP), 3);
	info_notify(sa_current(net.side[1].ike->peers), N_INITIAL_CONTACT, NULL);
	pair_run(&net, net.now + 100);
	assert_int_equal(pair_count_sas(&net.side[0], false), 0);
	assert_int_equal(pair_tunnels(&net.side[0]), 1);
	pair_stop(&net);
}

/* Without packet 9 and without ESP the responder takes its offer back, on both sides. */
static void ninth_never_comes(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = no_ninth;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 2 * MINUTE);
	refused_with(1, "no-answer-phase-2", "no answer to packet 8");
	is_clean();
	pair_stop(&net);
}

/* Pitfall 1.11: ESP on the new SPI is as good as packet 9. */
static void first_esp(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = no_ninth;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_false(pair_usable(&net, 0));
	for (size_t i = 0; i < 2; i++)
		command_spi(1, IKE_FIRST, &net.side[1].sa[0], false);
	assert_true(pair_usable(&net, 0));
	assert_int_equal(pair_count(&net.side[1], TRACE_FIRST_ESP), 1);
	assert_int_equal(pair_event(&net.side[1], TRACE_FIRST_ESP, 0)->number, 10);
	pair_stop(&net);
}

/*
 * Pitfall 1.10: one renews, and the other one soon after. That is no crossing: the newest
 * stays, which is what a peer with rules of its own expects.
 */
static void soon_after_is_no_crossing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		const struct pair_cfg cfg = { .seed = seed };

		up(&cfg);
		for (int side = 1; side >= 0; side--) {
			ike_command(net.side[side].ike, net.now,
				    &(struct ike_command){ .type = IKE_REKEY,
							   .peer = &net.side[side].peer,
							   .control = true });
			/* As where the way to the peer has changed: that does not wait. */
			net.side[side].ike->peers->afresh = true;
			pair_run(&net, net.now + CROSSING_MS / 2);
		}
		pair_run(&net, net.now + 2 * RETIRE_MS);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(pair_tunnels(&net.side[k]), 1);
			assert_int_equal(sa_current(net.side[k].ike->peers)->initiator,
					 !k);
		}
		pair_stop(&net);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(renewal),
		cmocka_unit_test(replaced_pairs_go),
		cmocka_unit_test(rekey),
		cmocka_unit_test(renewals_in_quick_succession),
		cmocka_unit_test(control_renewals_wait),
		cmocka_unit_test(renewals_cross),
		cmocka_unit_test(error_of_another),
		cmocka_unit_test(ending_tunnel_waits),
		cmocka_unit_test(ninth_may_be_wanted_again),
		cmocka_unit_test(crossing),
		cmocka_unit_test(peer_crashes),
		cmocka_unit_test(control_tunnel_goes),
		cmocka_unit_test(unused_is_not_renewed),
		cmocka_unit_test(initial_contact),
		cmocka_unit_test(traffic_limits),
		cmocka_unit_test(expiry),
		cmocka_unit_test(ninth_never_comes),
		cmocka_unit_test(first_esp),
		cmocka_unit_test(soon_after_is_no_crossing),
	};

	return cmocka_run_group_tests_name("renewal", tests, NULL, NULL);
}
