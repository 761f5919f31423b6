// SPDX-License-Identifier: MIT
/* How long control tunnels live: what a responder says of it, and what is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "outcome.h"

static struct ike_sa *control(int side)
{
	return sa_current(net.side[side].ike->peers);
}

static uint64_t seconds(int side)
{
	return (control(side)->hard_at - control(side)->since) / 1000;
}

/* Pitfall 1.14: both sides know the shorter one, and who asked for the longer is told. */
static void shorter_one_counts(void **state)
{
	static const struct {
		uint32_t ours, theirs;
		bool told;
	} lives[] = {
		{ 14400, 3600, true },
		{ 86400, 70000, true }, /* another form of the attribute */
		{ 3600, 14400, false },
		{ 3600, 3600, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lives); i++) {
		const struct pair_cfg cfg = { .ike_seconds = { lives[i].ours,
							       lives[i].theirs } };
		uint32_t shorter = lives[i].told ? lives[i].theirs : lives[i].ours;
		const struct trace_event *e;
		bool told = false;

		up(&cfg);
		is_up();
		assert_int_equal(seconds(0), shorter);
		assert_int_equal(seconds(1), shorter);
		assert_true(control(0)->renew_at < control(0)->hard_at);
		for (size_t k = 0; (e = pair_event(&net.side[0], TRACE_RECEIVED, k)); k++)
			told |= !!strstr(e->words, "RESPONDER-LIFETIME");
		assert_int_equal(told, lives[i].told);
		/* Renewed by who began, before it ends, and never without a tunnel. */
		for (int k = 0; k < 60; k++) {
			pair_run(&net, net.now + shorter * 50);
			assert_true(pair_usable(&net, 0));
			assert_in_range(pair_tunnels(&net.side[0]), 1, 2);
		}
		pair_stop(&net);
	}
}

static enum verdict informational_lost(struct pair_net *n, int from, size_t nth,
				       const uint8_t *data, size_t len)
{
	(void)n;
	(void)len;
	(void)nth;
	return from && data[18] == XCHG_INFO ? LOSE : PASS;
}

/* What nobody repeats may be lost: the responder, who knows better, renews. */
static void word_is_lost(void **state)
{
	static const struct pair_cfg cfg = { .ike_seconds = { 14400, 900 } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = informational_lost;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	assert_int_equal(seconds(0), 14400);
	for (int k = 0; k < 60; k++) {
		pair_run(&net, net.now + MINUTE);
		assert_true(pair_usable(&net, 0));
		assert_in_range(pair_tunnels(&net.side[1]), 1, 2);
	}
	pair_stop(&net);
}

/* A RESPONDER-LIFETIME of side's own making, with these cookies. */
static void say(int side, const uint8_t *cookies, size_t len, uint64_t life)
{
	struct buf b = { 0 };

	ike_life_write(&b, life);
	info_send(control(side), &(struct info){ .payload = PL_NOTIFY,
						 .proto = PROTO_ISAKMP,
						 .type = N_RESPONDER_LIFETIME,
						 .spi = CHUNK(cookies, len),
						 .data = buf_chunk(&b) });
	buf_wipe(&b);
	pair_run(&net, net.now + 100);
}

/* Pitfall 1.14: it shortens only, within reason, and only what the responder speaks of. */
static void strange_words(void **state)
{
	static const struct pair_cfg cfg = { .ike_seconds = { 3600, 3600 } };
	static const uint8_t others[COOKIES_LEN] = { 1 };

	(void)state;
	up(&cfg);
	say(1, control(1)->cookies, COOKIES_LEN, 7200);
	say(1, control(1)->cookies, COOKIES_LEN, 0);
	say(1, control(1)->cookies, 8, 600);
	say(1, others, COOKIES_LEN, 600);
	say(0, control(0)->cookies, COOKIES_LEN, 600);
	assert_int_equal(seconds(0), 3600);
	assert_int_equal(seconds(1), 3600);
	say(1, NULL, 0, 1800);
	assert_int_equal(seconds(0), 1800);
	say(1, control(1)->cookies, COOKIES_LEN, 1);
	assert_int_equal(seconds(0), LIFE_MIN);
	pair_run(&net, net.now + 5 * MINUTE);
	is_up();
	pair_stop(&net);
}

/* Somebody with the keys of packet 6, whose HASH_R stays right, puts a notify behind it. */
static enum verdict notify_in_packet_6(struct pair_net *n, int from, size_t nth,
				       const uint8_t *data, size_t len)
{
	static uint8_t iv[BLOCK_MAX], copy[1024];
	const struct ike_path path = { .local = n->side[0].peer.local,
				       .remote = n->side[0].peer.remote };
	const struct v1_keys *k;
	struct buf life = { 0 };
	uint8_t *at = copy + IKE_HEADER_LEN;

	if (nth == 5)
		memcpy(iv, data + len - 16, 16);
	if (nth != 6)
		return PASS;
	assert_int_equal(from, 1);
	k = &n->side[1].ike->peers->sas->keys;
	memcpy(copy, data, len);
	assert_int_equal(
		cbc_decrypt(k->cipher, k->ka, k->key_bits, iv, at, len - IKE_HEADER_LEN),
		0);
	/* ID and HASH come first; the HASH is the last one. */
	while (*at)
		at += at[2] << 8 | at[3];
	*at = PL_NOTIFY;
	at += at[2] << 8 | at[3];
	ike_life_write(&life, 60);
	memcpy(at, "\0\0\0\x24\0\0\0\1\1\x10\x60", 11);
	at[11] = 0; /* 24576 */
	memcpy(at + 12, n->side[1].ike->peers->sas->cookies, COOKIES_LEN);
	memcpy(at + 28, life.data, life.len);
	assert_int_equal(life.len, 8);
	buf_wipe(&life);
	len = (at + 36 - copy - IKE_HEADER_LEN + 15) / 16 * 16 + IKE_HEADER_LEN;
	memset(at + 36, 0, copy + len - (at + 36));
	copy[26] = len >> 8;
	copy[27] = len & 0xff;
	memcpy(iv, n->last[0] + n->last_len[0] - 16, 16);
	assert_int_equal(cbc_encrypt(k->cipher, k->ka, k->key_bits, iv,
				     copy + IKE_HEADER_LEN, len - IKE_HEADER_LEN),
			 0);
	pair_fly(n, 0, n->now + 1, &path, copy, len);
	return LOSE;
}

/* Pitfalls 1.14 and 1.20: HASH_R covers no notify: what packet 6 says besides is nothing. */
static void word_in_packet_6(void **state)
{
	static const struct pair_cfg cfg = { .ike_seconds = { 3600, 3600 } };
	const struct trace_event *e;
	bool seen = false;

	(void)state;
	pair_start(&net, &cfg);
	net.fate = notify_in_packet_6;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 100);
	for (size_t k = 0; (e = pair_event(&net.side[0], TRACE_RECEIVED, k)); k++)
		seen |= e->number == 6 && strstr(e->words, "RESPONDER-LIFETIME 60 s");
	assert_true(seen);
	assert_int_equal(seconds(0), 3600);
	pair_stop(&net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(shorter_one_counts),
		cmocka_unit_test(word_is_lost),
		cmocka_unit_test(strange_words),
		cmocka_unit_test(word_in_packet_6),
	};

	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
