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
	ike_command(net.side[0].ike, net.now,
		    &(struct ike_command){
			    .type = IKE_ACQUIRE, .peer = &net.side[0].peer, .child = 1 });
	pair_run(&net, net.now + 400);
	/* Pitfall 1.11: strongSwan would drop what comes right behind packet 9. */
	assert_int_equal(net.sent, 9);
	assert_false(pair_usable(&net, 1));
	pair_run(&net, net.now + 600);
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

/* Half an hour of nothing to say: questions, answers, and the tunnels stay. */
static void idle_is_not_dead(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 30, 0 } };

	(void)state;
	up(&cfg);
	pair_run(&net, net.now + 30 * MINUTE);
	is_up();
	/* Each question has one answer. */
	assert_in_range(net.sent, 9 + 2 * 45, 9 + 2 * 60);
	assert_int_equal(pair_count(&net.side[1], TRACE_REFUSED), 0);
	pair_stop(&net);
}

/* ESP that comes in is life, and saves every question. */
static void esp_is_life(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 30, 30 } };

	(void)state;
	up(&cfg);
	net.fate = all_lost;
	for (int second = 0; second < 600; second++) {
		for (int i = 0; i < 2; i++)
			net.side[i].sa[0].packets++;
		pair_run(&net, net.now + 1000);
	}
	is_up();
	assert_int_equal(net.sent, 9);
	pair_stop(&net);
}

/* What was said when the peer was given up; NULL: it was not. */
static const struct trace_event *given_up(int side)
{
	const struct trace_event *e;

	for (size_t n = 0; (e = pair_event(&net.side[side], TRACE_REFUSED, n)); n++)
		if (!strcmp(e->code, "peer-dead"))
			return e;
	return NULL;
}

/* A peer that falls silent: when it is given up, and what becomes of it then. */
static void dead_peer(void **state)
{
	static const enum ike_start starts[] = { IKE_START_NOW, IKE_START_TRAFFIC,
						 IKE_START_NEVER };

	(void)state;
	for (size_t i = 0; i < COUNT(starts); i++) {
		struct pair_cfg cfg = { .dpd_seconds = { 30, 0 },
					.start = { starts[i] } };
		const struct trace_event *e;

		up(&cfg);
		net.fate = all_lost;
		pair_run(&net, net.now + 110000);
		assert_null(given_up(0));
		assert_int_equal(pair_tunnels(&net.side[0]), 1);
		assert_int_equal(pair_count_sas(&net.side[0], true), 1);
		pair_run(&net, net.now + 20000);
		e = given_up(0);
		assert_non_null(e);
		assert_non_null(strstr(e->text, "no sign of life from 192.0.2.2 for 12"));
		e = pair_event(&net.side[0], TRACE_DOWN, 0);
		assert_non_null(strstr(e->text, "the peer is dead"));
		assert_int_equal(pair_count_sas(&net.side[0], true), 0);
		assert_int_equal(pair_count_sas(&net.side[0], false), 0);
		assert_int_equal(pair_tunnels(&net.side[0]), 0);
		/* It is there again, having lost all, and only now is start asked. */
		pair_crash(&net, 1);
		net.fate = NULL;
		pair_run(&net, net.now + 5 * MINUTE);
		assert_int_equal(pair_usable(&net, 0), starts[i] == IKE_START_NOW);
		acquire(0);
		assert_int_equal(pair_usable(&net, 0), starts[i] != IKE_START_NEVER);
		pair_stop(&net);
	}
}

/* Started anew without a word, it is found before it would be given up. */
static void reborn(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 30, 0 } };

	(void)state;
	up(&cfg);
	pair_crash(&net, 1);
	pair_run(&net, net.now + 80000);
	assert_true(pair_usable(&net, 0));
	pair_run(&net, net.now + 2 * MINUTE);
	assert_null(given_up(0));
	is_up();
	pair_stop(&net);
}

/* Pitfall 4.3: a third of all datagrams is lost, for a day: nobody who lives is given up. */
static void lossy_is_not_dead(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 30, 30 },
					     .start = { IKE_START_NOW, IKE_START_NOW } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = a_third;
	pair_run(&net, net.now + 24 * 60 * MINUTE);
	assert_null(given_up(0));
	assert_null(given_up(1));
	pair_stop(&net);
}

/* Pitfall 4.3: asleep for a night, this host asks before it judges. */
static void after_sleep(void **state)
{
	static const struct pair_cfg cfg = { .esp_seconds = { 86400, 86400 },
					     .ike_seconds = { 86400, 86400 },
					     .dpd_seconds = { 30, 0 } };

	(void)state;
	up(&cfg);
	net.now += 8 * 60 * MINUTE;
	pair_run(&net, net.now + MINUTE);
	is_up();
	pair_stop(&net);
}

/* Without its vendor ID the peer is not asked (RFC 3706 section 5.1). */
static enum verdict no_vendor(struct pair_net *n, int from, size_t nth,
			      const uint8_t *data, size_t len)
{
	struct ike_path path = { n->side[!from].peer.local, n->side[!from].peer.remote };
	uint8_t copy[1024];

	if (nth > 1)
		return PASS;
	/* The last payload of packet 1: another vendor's. */
	memcpy(copy, data, len);
	copy[len - 10] ^= 1;
	ike_input(n->side[!from].ike, n->now, &path, copy, len);
	return LOSE;
}

static void peer_without_dpd(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 30, 30 } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = no_vendor;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	net.fate = NULL;
	is_up();
	pair_run(&net, net.now + 30 * MINUTE);
	is_up();
	assert_int_equal(net.sent, 9);
	assert_non_null(strstr(pair_event(&net.side[0], TRACE_UP, 0)->text,
			       "does not speak DPD"));
	pair_stop(&net);
}

static void send_dpd(int side, uint16_t type, uint32_t sequence, size_t times)
{
	struct ike_sa *sa = sa_current(net.side[side].ike->peers);
	const uint8_t data[] = { sequence >> 24, sequence >> 16, sequence >> 8,
				 sequence };

	while (times--)
		info_send(sa, &(struct info){ .payload = PL_NOTIFY,
					      .proto = PROTO_ISAKMP,
					      .type = type,
					      .spi = CHUNK(sa->cookies, COOKIES_LEN),
					      .data = CHUNK(data, sizeof(data)) });
	pair_run(&net, net.now + 1000);
}

/* Pitfall 4.3, RFC 3706 section 7: what may have been held back is answered, but is no life. */
static void sequence_numbers(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct peer *peer;
	uint64_t heard;

	(void)state;
	up(&cfg);
	peer = net.side[0].ike->peers;
	send_dpd(1, N_R_U_THERE, 1000, 1);
	heard = peer->heard_at;
	assert_int_equal(net.sent, 9 + 2);
	send_dpd(1, N_R_U_THERE, 1000, 1);
	send_dpd(1, N_R_U_THERE, 7, 1);
	assert_int_equal(net.sent, 9 + 6);
	assert_int_equal(peer->heard_at, heard);
	send_dpd(1, N_R_U_THERE, 1001, 1);
	assert_true(peer->heard_at > heard);
	/* Answers to no question. */
	heard = peer->heard_at;
	send_dpd(1, N_R_U_THERE_ACK, 1001, 1);
	send_dpd(1, N_R_U_THERE_ACK, sa_current(peer)->dpd_asked, 1);
	send_dpd(1, N_R_U_THERE_ACK, sa_current(peer)->dpd_asked + 1, 1);
	assert_int_equal(peer->heard_at, heard);
	assert_int_equal(net.sent, 9 + 8 + 3);
	is_up();
	pair_stop(&net);
}

static void changed(const char *local)
{
	struct ike_command cmd = { .type = IKE_CHANGED, .peer = &net.side[0].peer };

	if (local) {
		cmd.local.family = 4;
		memcpy(cmd.local.ip, local, 4);
	}
	ike_command(net.side[0].ike, net.now, &cmd);
	pair_run(&net, net.now + 1000);
}

/* A way to the peer opens: it is tried at once, but not again and again. */
static void route_returns(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = all_lost;
	pair_run(&net, net.now + 120 * MINUTE);
	net.fate = NULL;
	changed(NULL);
	assert_false(pair_usable(&net, 0));
	changed("\xc0\0\2\1");
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);

	pair_start(&net, &cfg);
	net.fate = all_lost;
	for (int second = 0; second < 3600; second++)
		changed("\xc0\0\2\1");
	assert_in_range(net.sent, 1, 3600 + 5 * 80);
	pair_stop(&net);
}

/* A change while all is well costs one question; a peer that has gone is found sooner. */
static void route_changes(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 600, 0 },
					     .dpd_timeout = 700 };

	(void)state;
	up(&cfg);
	changed("\xc0\0\2\1");
	assert_int_equal(net.sent, 9);
	pair_run(&net, net.now + MINUTE);
	changed("\xc0\0\2\1");
	assert_int_equal(net.sent, 9 + 2);
	is_up();
	net.fate = all_lost;
	pair_run(&net, net.now + MINUTE);
	changed("\xc0\0\2\1");
	pair_run(&net, net.now + 110000);
	assert_non_null(given_up(0));
	pair_stop(&net);
}

/* Our address changes: new tunnels from the new one, and only then the old ones go. */
static void address_changes(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 30, 0 } };
	struct peer *peer;

	(void)state;
	pair_start(&net, &cfg);
	net.side[0].peer.local.family = 0;
	pair_command(&net, 0, IKE_UP);
	changed("\xc0\0\2\1");
	peer = net.side[0].ike->peers;
	assert_true(pair_usable(&net, 0));
	/* The peer has chosen another address of ours: what the route says is no matter. */
	sa_current(peer)->path.local.ip[3] = 99;
	changed("\xc0\0\2\3");
	changed("\xc0\0\2\1");
	pair_run(&net, net.now + MINUTE);
	assert_int_equal(pair_count(&net.side[1], TRACE_UP), 2);
	sa_current(peer)->path.local = net.side[1].peer.remote;
	net.fate = all_lost;
	changed("\xc0\0\2\7");
	pair_run(&net, net.now + MINUTE);
	assert_int_equal(pair_count_sas(&net.side[0], true), 1);
	assert_int_equal(pair_tunnels(&net.side[0]), 1);
	net.fate = NULL;
	changed("\xc0\0\2\7");
	pair_run(&net, net.now + 3 * MINUTE);
	assert_true(pair_usable(&net, 0));
	assert_int_equal(pair_count(&net.side[1], TRACE_UP), 4);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pair_count_sas(&net.side[i], true), 1);
	pair_stop(&net);
}

static size_t initial_contacts(void)
{
	const struct trace_event *e;
	size_t n = 0;

	for (size_t i = 0; (e = pair_event(&net.side[0], TRACE_SENT, i)); i++)
		n += e->number == 5 && strstr(e->words, "INITIAL-CONTACT");
	return n;
}

/*
 * In UDP the peer's kernel may follow the old SAs and go on sending on them: it is told to
 * drop them, which it need not where they end with the old address.
 */
static void address_changes_in_udp(void **state)
{
	static const struct pair_cfg cfg = { .dpd_seconds = { 30, 0 } };
	struct peer *peer;

	(void)state;
	for (int encap = 0; encap < 2; encap++) {
		pair_start(&net, &cfg);
		net.side[0].peer.local.family = 0;
		net.side[0].peer.encap = encap;
		pair_command(&net, 0, IKE_UP);
		changed("\xc0\0\2\1");
		assert_int_equal(initial_contacts(), 1);
		/* As if it had been another one so far. */
		peer = net.side[0].ike->peers;
		peer->child[0].pairs->path.local.ip[3] = 9;
		sa_current(peer)->path.local.ip[3] = 9;
		changed("\xc0\0\2\x9");
		changed("\xc0\0\2\1");
		pair_run(&net, net.now + 3 * MINUTE);
		assert_true(pair_usable(&net, 0));
		assert_int_equal(initial_contacts(), 1 + encap);
		for (int i = 0; i < 2; i++)
			assert_int_equal(pair_count_sas(&net.side[i], true), 1);
		pair_stop(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(started_by_traffic),
		cmocka_unit_test(traffic_to_nobody),
		cmocka_unit_test(idle_is_not_dead),
		cmocka_unit_test(esp_is_life),
		cmocka_unit_test(dead_peer),
		cmocka_unit_test(reborn),
		cmocka_unit_test(lossy_is_not_dead),
		cmocka_unit_test(after_sleep),
		cmocka_unit_test(peer_without_dpd),
		cmocka_unit_test(sequence_numbers),
		cmocka_unit_test(route_returns),
		cmocka_unit_test(route_changes),
		cmocka_unit_test(address_changes),
		cmocka_unit_test(address_changes_in_udp),
	};

	return cmocka_run_group_tests_name("dead", tests, NULL, NULL);
}
