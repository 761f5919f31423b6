// SPDX-License-Identifier: MIT
/* What others send: forged, changed, repeated, random, or too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"

/* What another host can make up without any key. */
static size_t clear_message(uint8_t *out, const uint8_t *model, uint8_t exchange,
			    uint8_t first, const uint8_t *body, size_t len)
{
	struct ike_header h = { .version = IKE_V1, .exchange = exchange, .next = first };
	struct buf b = { 0 };
	size_t total;

	memcpy(h.cookie_i, model, 8);
	memcpy(h.cookie_r, model + 8, 8);
	h.message_id = 0x1234;
	h.length = total = IKE_HEADER_LEN + len;
	header_write(&b, &h);
	put_octets(&b, body, len);
	memcpy(out, b.data, b.len);
	buf_wipe(&b);
	return total;
}

/* CVE-2019-10155's class: what is not protected changes nothing. */
static void forged_in_clear(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	uint8_t notify[12] = { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0 };
	uint8_t out[256], delete[4 + 8 + 16] = { 0, 0, 0, 28, 0, 0, 0, 1, 1, 16, 0, 1 };
	size_t len;

	(void)state;
	up(&cfg);
	memcpy(delete + 12, net.last[0], 16);
	len = clear_message(out, net.last[0], XCHG_INFO, PL_DELETE, delete,
			    sizeof(delete));
	for (int i = 0; i < 2; i++)
		pair_inject(&net, i, out, len);
	memcpy(delete + 3, "\x10\x00\x00\x00\x01\x03\x04\x00\x01", 9);
	memcpy(delete + 12, net.side[0].sa[0].spi, 4);
	len = clear_message(out, net.last[0], XCHG_INFO, PL_DELETE, delete, 16);
	for (int i = 0; i < 2; i++)
		pair_inject(&net, i, out, len);
	for (unsigned int type = 1; type < 24600; type += type < 40 ? 1 : 4100) {
		notify[10] = type >> 8;
		notify[11] = type;
		len = clear_message(out, net.last[0], XCHG_INFO, PL_NOTIFY, notify,
				    sizeof(notify));
		for (int i = 0; i < 2; i++)
			pair_inject(&net, i, out, len);
	}
	notify[10] = N_INITIAL_CONTACT >> 8;
	notify[11] = N_INITIAL_CONTACT & 0xff;
	len = clear_message(out, net.last[0], XCHG_INFO, PL_NOTIFY, notify,
			    sizeof(notify));
	pair_inject(&net, 0, out, len);
	is_up();
	assert_int_equal(net.sent, 9);
	pair_stop(&net);
}

/* How far the side has come, in all that it has under way. */
static size_t progress(const struct side *s)
{
	size_t n = 0;

	for (const struct ike_sa *sa = s->ike->peers->sas; sa; sa = sa->next)
		for (const struct exchange *x = sa->exchanges; x; x = x->next)
			n = n * 31 + x->state + 1;
	return n;
}

/* Each encrypted packet with each of its octets changed: refused, and nothing changes. */
static enum verdict flip(struct pair_net *n, int from, size_t nth, const uint8_t *data,
			 size_t len)
{
	uint8_t copy[1024];

	size_t before = progress(&n->side[!from]);
	/* HASH_I does not cover INITIAL-CONTACT at the end of packet 5 (pitfall 1.20). */
	size_t end = nth == 5 ? len - 64 : len;

	if (nth < 5 || nth > 9 || n->ctx)
		return PASS;
	n->ctx = n; /* what is sent because of it is left alone */
	for (size_t at = IKE_HEADER_LEN; at < end; at++) {
		struct ike_path path = { .local = n->side[!from].peer.local,
					 .remote = n->side[!from].peer.remote };

		memcpy(copy, data, len);
		copy[at] ^= 1 + nth;
		ike_input(n->side[!from].ike, n->now, &path, copy, len);
		assert_int_equal(progress(&n->side[!from]), before);
	}
	n->ctx = NULL;
	return PASS;
}

static void changed_on_the_way(void **state)
{
	static const struct pair_cfg cfg = { .esp = { "aes256-sha256-ecp256",
						      "aes256-sha256-ecp256" } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = flip;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_true(pair_usable(&net, 0));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_count_sas(&net.side[i], false), 1);
		assert_int_equal(pair_tunnels(&net.side[i]), 1);
	}
	pair_stop(&net);
}

/* Nothing protects 2 to 4: a bad one is refused, and the negotiation goes on. */
static enum verdict spoil(struct pair_net *n, int from, size_t nth, const uint8_t *data,
			  size_t len)
{
	struct ike_path path = { .local = n->side[!from].peer.local,
				 .remote = n->side[!from].peer.remote };
	size_t before = progress(&n->side[!from]);
	uint8_t copy[1024];

	if (nth < 2 || nth > 4)
		return PASS;
	memcpy(copy, data, len);
	if (nth == 2)
		copy[IKE_HEADER_LEN + 4 + 3] ^= 2; /* another DOI */
	else
		memset(copy + IKE_HEADER_LEN + 4, 0, 64); /* no point of the curve */
	ike_input(n->side[!from].ike, n->now, &path, copy, len);
	copy[16] = PL_HASH; /* another payload than there ought to be */
	ike_input(n->side[!from].ike, n->now, &path, copy, len);
	/* And the right one, from somebody else's address. */
	path.remote.ip[3] = 77;
	ike_input(n->side[!from].ike, n->now, &path, data, len);
	assert_int_equal(progress(&n->side[!from]), before);
	return PASS;
}

static void bad_ones_in_clear(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = spoil;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_true(pair_usable(&net, 0));
	assert_int_equal(net.sent, 9);
	pair_stop(&net);
}

/* Every packet of one negotiation again into the next, at every step of it. */
struct tape {
	size_t n, len[9];
	uint8_t data[9][1024];
	bool play;
};

static enum verdict record_or_play(struct pair_net *n, int from, size_t nth,
				   const uint8_t *data, size_t len)
{
	struct tape *t = n->ctx;

	if (!t->play && nth <= 9) {
		memcpy(t->data[t->n], data, len);
		t->len[t->n++] = len;
	}
	if (t->play) {
		t->play = false;
		for (size_t i = 0; i < t->n; i++)
			for (int to = 0; to < 2; to++) {
				struct ike_path path = {
					.local = n->side[to].peer.local,
					.remote = n->side[to].peer.remote,
				};

				ike_input(n->side[to].ike, n->now, &path, t->data[i],
					  t->len[i]);
			}
		t->play = true;
	}
	(void)from;
	return PASS;
}

static void replayed(void **state)
{
	static const struct pair_cfg cfg = { .seed = 7 }, other = { .seed = 8 };
	static struct tape tape;

	(void)state;
	pair_start(&net, &cfg);
	net.fate = record_or_play;
	net.ctx = &tape;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_int_equal(tape.n, 9);
	/* Into the same one, when it is up. */
	tape.play = true;
	for (size_t i = 0; i < 9; i++)
		pair_inject(&net, 1 - (i & 1), tape.data[i], tape.len[i]);
	pair_run(&net, net.now + 5 * MINUTE);
	for (size_t i = 6; i < 9; i++)
		pair_inject(&net, 1 - (i & 1), tape.data[i], tape.len[i]);
	assert_int_equal(pair_count_sas(&net.side[1], false), 1);
	pair_stop(&net);

	pair_start(&net, &other);
	net.fate = record_or_play;
	net.ctx = &tape;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_true(pair_usable(&net, 0));
	assert_int_equal(pair_count_sas(&net.side[1], false), 1);
	pair_stop(&net);
}

/* Random octets, and random changes of real packets, into every state. */
static enum verdict noise(struct pair_net *n, int from, size_t nth, const uint8_t *data,
			  size_t len)
{
	uint8_t copy[1024];

	if (n->ctx || len > sizeof(copy))
		return PASS;
	n->ctx = n;
	srand(nth);
	for (size_t i = 0; i < 400; i++) {
		int to = rand() & 1;
		struct ike_path path = { .local = n->side[to].peer.local,
					 .remote = n->side[to].peer.remote };
		size_t cut = i % 3 ? len : (size_t)rand() % (len + 1);

		memcpy(copy, data, len);
		for (int k = rand() % 8; k >= 0; k--)
			copy[16 + rand() % (len - 16)] = rand();
		if (i % 2)
			memcpy(copy + 24, (uint8_t[]){ 0, 0, cut >> 8, cut }, 4);
		ike_input(n->side[to].ike, n->now, &path, copy, cut);
	}
	(void)from;
	n->ctx = NULL;
	return PASS;
}

static void garbage_in_every_state(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW, IKE_START_NOW } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = noise;
	pair_run(&net, net.now + 5000);
	net.fate = NULL;
	pair_run(&net, net.now + 10 * MINUTE);
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);
}

/* Half-open negotiations are bounded, and the real peer still gets in. */
static void half_open(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	uint8_t first[1024];
	size_t len, n = 0;

	(void)state;
	pair_start(&net, &cfg);
	pair_command(&net, 0, IKE_UP);
	len = net.last_len[0];
	memcpy(first, net.last[0], len);
	for (unsigned int i = 0; i < 2000; i++) {
		first[0] = i >> 8;
		first[1] = i;
		first[2] = 0xee;
		pair_inject(&net, 1, first, len);
	}
	for (const struct ike_sa *sa = net.side[1].ike->peers->sas; sa; sa = sa->next)
		n++;
	assert_in_range(n, 1, HALF_OPEN_PEER);
	pair_run(&net, net.now + 1000);
	assert_true(pair_usable(&net, 0));
	/* Their state goes by itself, and packet 2 was never sent by timer. */
	pair_run(&net, net.now + 2 * MINUTE);
	assert_in_range(net.sent, 9, 9 + 2000);
	is_up();
	pair_stop(&net);
}

static void strangers(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct ike_path path;
	uint8_t first[1024];
	size_t len, sent;

	(void)state;
	pair_start(&net, &cfg);
	pair_command(&net, 0, IKE_UP);
	len = net.last_len[0];
	memcpy(first, net.last[0], len);
	path = (struct ike_path){ net.side[1].peer.local, net.side[1].peer.remote };
	path.remote.ip[3] = 99;
	sent = net.sent;
	for (int i = 0; i < 100; i++)
		ike_input(net.side[1].ike, net.now, &path, first, len);
	/* One note or twenty, but no answer and no state. */
	pair_run(&net, net.now);
	assert_int_equal(net.sent, sent);
	assert_in_range(pair_count(&net.side[1], TRACE_NOTE), 1, 30);
	/* Aggressive Mode from the peer itself: said in so many words. */
	first[18] = XCHG_AGGRESSIVE;
	pair_run(&net, net.now + 10000);
	first[0] ^= 1;
	pair_inject(&net, 1, first, len);
	refused_with(1, "aggressive-mode", "Aggressive Mode");
	pair_stop(&net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_in_clear),
		cmocka_unit_test(bad_ones_in_clear),
		cmocka_unit_test(changed_on_the_way),
		cmocka_unit_test(replayed),
		cmocka_unit_test(garbage_in_every_state),
		cmocka_unit_test(half_open),
		cmocka_unit_test(strangers),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
