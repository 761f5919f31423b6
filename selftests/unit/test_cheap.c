// SPDX-License-Identifier: MIT
/* What anybody may send costs little: state, answers, and what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "outcome.h"

static uint8_t first[1024]; /* a packet 1 of side 0's own */
static size_t first_len;

/* Side 0 has sent it, and nothing has arrived yet. */
static void begin(enum verdict (*fate)(struct pair_net *, int, size_t, const uint8_t *,
				       size_t))
{
	static const struct pair_cfg cfg = { 0 };

	pair_start(&net, &cfg);
	net.fate = fate;
	pair_command(&net, 0, IKE_UP);
	first_len = net.last_len[0];
	memcpy(first, net.last[0], first_len);
}

/* Another cookie, and with it another negotiation. */
static void forge(unsigned int i)
{
	memcpy(first, (uint8_t[]){ 0xee, i >> 16, i >> 8, i }, 4);
}

static size_t count_named(const struct side *s, enum trace_kind kind, const char *name)
{
	const struct trace_event *e;
	size_t n = 0;

	for (size_t i = 0; (e = pair_event(s, kind, i)); i++)
		n += !strcmp(e->name, name);
	return n;
}

static enum verdict no_fourth(struct pair_net *n, int from, size_t nth,
			      const uint8_t *data, size_t len)
{
	(void)n;
	(void)data;
	(void)len;
	return from && nth >= 4 ? LOSE : PASS;
}

/* Pitfall 4.1: a flood puts nobody out who has echoed our cookie. */
static void echoed_stays(void **state)
{
	(void)state;
	begin(no_fourth);
	pair_run(&net, net.now + 100);
	for (unsigned int i = 0; i < 2000; i++) {
		forge(i);
		pair_inject(&net, 1, first, first_len);
	}
	net.fate = NULL;
	pair_run(&net, net.now + 10000);
	is_up();
	assert_int_equal(count_named(&net.side[0], TRACE_SENT, "Main Mode 1"), 1);
	pair_stop(&net);
}

static size_t count_sends(struct ike *ike)
{
	struct ike_action a;
	size_t n = 0;

	while (ike_next(ike, &a))
		n += a.type == IKE_SEND;
	return n;
}

static size_t count_half_open(const struct ike *ike)
{
	size_t n = 0;

	for (const struct peer *p = ike->peers; p; p = p->next)
		for (const struct ike_sa *sa = p->sas; sa; sa = sa->next)
			n++;
	return n;
}

/* Pitfall 4.1: floods in the names of all other peers shut nobody out. */
static void many_addresses(void **state)
{
	static struct ike_peer peers[80];
	static char names[80][16];
	struct ike *ike;

	(void)state;
	begin(NULL);
	ike = net.side[1].ike;
	for (unsigned int i = 0; i < COUNT(peers); i++) {
		struct ike_path path;

		peers[i] = net.side[1].peer;
		snprintf(names[i], sizeof(names[i]), "other %u", i);
		peers[i].name = names[i];
		peers[i].remote.ip[3] = 100 + i;
		assert_int_equal(ike_peer_add(ike, &peers[i]), 0);
		path = (struct ike_path){ peers[i].local, peers[i].remote };
		for (unsigned int k = 0; k < 2 * HALF_OPEN_PEER; k++) {
			forge(i * 256 + k);
			ike_input(ike, net.now, &path, first, first_len);
			assert_int_equal(count_sends(ike), 1);
		}
	}
	assert_int_equal(count_half_open(ike), HALF_OPEN_MAX);
	pair_run(&net, net.now + 1000);
	is_up();
	pair_stop(&net);
}

static enum verdict dies_after_third(struct pair_net *n, int from, size_t nth,
				     const uint8_t *data, size_t len)
{
	(void)n;
	(void)data;
	(void)len;
	return !from && nth > 3 ? LOSE : PASS;
}

/* Pitfalls 1.9 and 4.2, VU#419128: who has to be asked again asks. We never do it by the clock. */
static void nothing_by_timer(void **state)
{
	const struct side *s = &net.side[1];

	(void)state;
	begin(all_lost);
	forge(1);
	pair_inject(&net, 1, first, first_len);
	assert_in_range(net.last_len[1], 1, first_len);
	pair_run(&net, net.now + 5 * MINUTE);
	assert_int_equal(pair_count(s, TRACE_SENT), 1);
	assert_int_equal(pair_count(s, TRACE_RESENT), 0);
	assert_int_equal(count_half_open(s->ike), 0);
	pair_stop(&net);

	begin(dies_after_third);
	pair_run(&net, net.now + 5 * MINUTE);
	assert_int_equal(pair_count(s, TRACE_SENT), 2);
	assert_int_equal(pair_count(s, TRACE_RESENT), 0);
	assert_int_equal(count_half_open(s->ike), 0);
	pair_stop(&net);
}

/* Pitfalls 1.9 and 4.2, VU#419128: repeated, it is answered again, but not without bounds. */
static void repetitions_are_bounded(void **state)
{
	const struct side *s = &net.side[1];

	(void)state;
	begin(all_lost);
	forge(1);
	for (int i = 0; i < 5; i++)
		pair_inject(&net, 1, first, first_len);
	assert_int_equal(pair_count(s, TRACE_SENT) + pair_count(s, TRACE_RESENT), 2);
	for (int i = 0; i < 90; i++) {
		pair_run(&net, net.now + 300);
		pair_inject(&net, 1, first, first_len);
	}
	assert_int_equal(pair_count(s, TRACE_SENT), 1);
	assert_int_equal(pair_count(s, TRACE_RESENT), ANSWERS_MAX);
	pair_stop(&net);
}

/* Pitfall 1.20: HASH_I covers no notify, and what packet 5 says besides is not believed. */
static void notify_in_packet_5(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	const struct trace_event *e;
	size_t told = 0;

	(void)state;
	up(&cfg);
	pair_crash(&net, 0);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_true(pair_usable(&net, 0));
	for (size_t i = 0; (e = pair_event(&net.side[1], TRACE_RECEIVED, i)); i++)
		told += e->number == 5 && strstr(e->words, "INITIAL-CONTACT");
	assert_int_equal(told, 2);
	/* What is there goes when the new tunnels have taken over, as ever. */
	assert_int_equal(pair_count(&net.side[1], TRACE_DOWN), 0);
	assert_int_equal(pair_count_sas(&net.side[1], true), 2);
	pair_run(&net, net.now + 2 * MINUTE);
	is_up();
	pair_stop(&net);
}

static int eight_questions(struct exchange *x, struct buf *b, size_t *next)
{
	for (uint8_t i = 0; i < 8; i++) {
		size_t at = payload_begin(b, next, PL_NOTIFY);

		put_u32(b, 1); /* IPsec DOI */
		put_u8(b, PROTO_ISAKMP);
		put_u8(b, COOKIES_LEN);
		put_u16(b, N_R_U_THERE);
		put_octets(b, x->sa->cookies, COOKIES_LEN);
		put_u32(b, 100 + i);
		payload_end(b, at);
	}
	return 0;
}

/* Pitfall 4.2: one answer a datagram, of the peer's own even. */
static void one_answer(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct row row = *table_find(IKE_V1, XCHG_INFO, true, INFO_NONE);
	struct exchange x = { .type = XCHG_INFO, .initiator = true };

	(void)state;
	up(&cfg);
	row.out = eight_questions;
	x.sa = sa_current(net.side[0].ike->peers);
	x.message_id = message_id_new(x.sa);
	assert_int_equal(message_send(&x, &row), 0);
	buf_wipe(&x.out);
	pair_run(&net, net.now + 1000);
	assert_int_equal(net.sent, 9 + 2);
	pair_stop(&net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoed_stays),
		cmocka_unit_test(many_addresses),
		cmocka_unit_test(nothing_by_timer),
		cmocka_unit_test(repetitions_are_bounded),
		cmocka_unit_test(notify_in_packet_5),
		cmocka_unit_test(one_answer),
	};

	return cmocka_run_group_tests_name("cheap", tests, NULL, NULL);
}
