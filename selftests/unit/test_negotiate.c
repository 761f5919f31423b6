// SPDX-License-Identifier: MIT
/* Two cores negotiate, on a good network and on a bad one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "outcome.h"

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

static void every_suite(void **state)
{
	static const char *const suites[][2] = {
		{ "aes128-sha1-modp1024", "aes128-sha1-modp1024" },
		{ "aes256-sha1-modp1536", "aes256-sha1-modp1536" },
		{ "aes256-sha256-modp2048", "aes256-sha256-modp2048" },
		{ "aes128-sha384-modp3072", "aes128gcm16-modp3072" },
		{ "aes256-sha512-modp4096", "aes256gcm16-modp4096" },
		{ "aes128-sha256-ecp256", "aes128-sha256-ecp256" },
		{ "aes256-sha384-ecp384", "aes256gcm16-ecp384-esn" },
		{ "3des-sha1-modp1024", "aes128-sha256" },
		{ "aes128-sha256-x25519", "aes128gcm16-x25519" },
		{ "3des-sha512-ecp256", "aes256-sha1-esn" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(suites); i++) {
		struct pair_cfg cfg = { .seed = i };

		cfg.ike[0] = cfg.ike[1] = suites[i][0];
		cfg.esp[0] = cfg.esp[1] = suites[i][1];
		up(&cfg);
		is_up();
		assert_int_equal(net.sent, 9);
		pair_stop(&net);
	}
}

/* The responder's own order decides; what the initiator prefers does not. */
static void responder_chooses(void **state)
{
	static const struct pair_cfg cfg = {
		.ike = { "aes128-sha1-ecp256,aes256-sha256-ecp256",
			 "aes256-sha512-ecp384,aes256-sha256-ecp256,aes128-sha1-ecp256" },
		.esp = { "aes128-sha1,aes256gcm16", "aes256gcm16,aes128-sha1" },
	};

	(void)state;
	up(&cfg);
	is_up();
	assert_string_equal(pair_event(&net.side[0], TRACE_RECEIVED, 0)->words,
			    "SA: aes256-sha256-ecp256; vendor: NAT-T; vendor: DPD");
	assert_int_equal(net.side[0].sa[0].suite.cipher, CIPHER_AES_GCM_16);
	pair_stop(&net);
}

/* Pitfall 1.14: the shorter lifetime counts on both sides. */
static void lifetimes(void **state)
{
	static const struct pair_cfg cfgs[] = {
		{ .esp_seconds = { 3600, 1200 } },
		{ .esp_seconds = { 1200, 3600 } },
		/* Above 16 bits the attribute has another form (pitfall 1.12). */
		{ .esp_seconds = { 86400, 70000 }, .ike_seconds = { 86400, 100000 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cfgs); i++) {
		const uint32_t *s = cfgs[i].esp_seconds;

		up(&cfgs[i]);
		is_up();
		for (int k = 0; k < 2; k++)
			assert_int_equal(net.side[k].sa[0].hard_seconds,
					 s[0] < s[1] ? s[0] : s[1]);
		pair_stop(&net);
	}
}

/* Same seed, same actions, to the octet; and another seed gives others. */
static void deterministic(void **state)
{
	uint64_t digests[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair_cfg cfg = { .seed = i / 2 };

		up(&cfg);
		pair_run(&net, net.now + 600 * MINUTE);
		digests[i] = net.digest;
		pair_stop(&net);
	}
	assert_true(digests[0] == digests[1]);
	assert_true(digests[0] != digests[2]);
}

/* The answers of other processes may come late and in any order. */
static void answers_in_any_order(void **state)
{
	static const struct pair_cfg cfg = { .esp = { "aes256-sha256-ecp384",
						      "aes256-sha256-ecp384" } };

	(void)state;
	pair_start(&net, &cfg);
	net.defer = true;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	pair_stop(&net);
}

struct lesion {
	size_t nth;
	enum verdict verdict;
};

static enum verdict nth_suffers(struct pair_net *n, int from, size_t nth,
				const uint8_t *data, size_t len)
{
	const struct lesion *l = n->ctx;

	(void)from;
	(void)data;
	(void)len;
	return nth == l->nth ? l->verdict : PASS;
}

/* Pitfall 1.9: whichever of the nine is lost, repeated, or repeated late. */
static void one_packet_suffers(void **state)
{
	(void)state;
	for (enum verdict v = LOSE; v <= TWICE_LATE; v++)
		for (size_t nth = 1; nth <= 9; nth++) {
			struct lesion lesion = { nth, v };
			struct pair_cfg cfg = { .seed = nth,
						.esp = { "aes256gcm16-ecp256",
							 "aes256gcm16-ecp256" } };

			pair_start(&net, &cfg);
			net.fate = nth_suffers;
			net.ctx = &lesion;
			pair_command(&net, 0, IKE_UP);
			pair_run(&net, net.now + 10000);
			is_up();
			pair_stop(&net);
		}
}

/* A third of all datagrams is lost: it takes longer, and ends well. */
static void a_third_is_lost(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW,
							IKE_START_NEVER } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = a_third;
	pair_run(&net, net.now + 10 * MINUTE);
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);
}

/* Silence is not a refusal; asked for by hand it is tried once. */
static void no_answer(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = all_lost;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 60 * MINUTE);
	refused_with(0, "no-answer", "no answer from 192.0.2.2 to packet 1");
	assert_int_equal(pair_count(&net.side[0], TRACE_REFUSED), 1);
	assert_int_equal(net.sent, 5);
	assert_true(ike_deadline(net.side[0].ike) == UINT64_MAX);
	is_clean();
	pair_stop(&net);
}

/* A peer with start = now is tried for ever, more and more seldom. */
static void never_gives_up(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW,
							IKE_START_NEVER } };
	size_t sent;

	(void)state;
	pair_start(&net, &cfg);
	net.fate = all_lost;
	pair_run(&net, net.now + 24 * 60 * MINUTE);
	sent = net.sent;
	/* A storm would be more than 5 packets every 4 minutes. */
	assert_in_range(sent, 5 * 100, 5 * 24 * 15);
	net.fate = NULL;
	pair_run(&net, net.now + 10 * MINUTE);
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);
}
static void several_children(void **state)
{
	static const struct pair_cfg cfg = {
		.selectors = "10.1.0.0/16=10.2.0.0/16,10.3.0.0/16=10.4.0.0/16,"
			     "10.5.0.7/32=0.0.0.0/0"
	};

	(void)state;
	up(&cfg);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(pair_usable(&net, i));
	assert_int_equal(net.sent, 6 + 3 * 3);
	pair_stop(&net);
}

/* Down says goodbye: both sides are clean without waiting for anything. */
static void down(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW,
							IKE_START_NEVER } };

	(void)state;
	for (int side = 0; side < 2; side++) {
		pair_start(&net, &cfg);
		pair_run(&net, net.now + 1000);
		is_up();
		pair_command(&net, side, IKE_DOWN);
		pair_run(&net, net.now + 100);
		is_clean();
		assert_int_equal(pair_tunnels(&net.side[0]) + pair_tunnels(&net.side[1]),
				 0);
		for (int i = 0; i < 2; i++)
			assert_int_equal(pair_count(&net.side[i], TRACE_DOWN), 2);
		/* Who is to start brings it up again when it was the peer's wish. */
		pair_run(&net, net.now + MINUTE);
		if (side == 1)
			is_up();
		else
			is_clean();
		pair_stop(&net);
	}
}

static void key_log(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	up(&cfg);
	assert_int_equal(net.side[0].n_keylog, 0);
	pair_command(&net, 0, IKE_DOWN);
	pair_command(&net, 0, IKE_LOG_KEYS);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	assert_int_equal(net.side[0].n_keylog, 1);
	assert_int_equal(net.side[1].n_keylog, 0);
	pair_stop(&net);
}

/* The module, a worker or the key process fails: nothing is left, and both know. */
static void others_fail(void **state)
{
	static const struct pair_cfg cfg = { .esp = { "aes256gcm16-ecp256",
						      "aes256gcm16-ecp256" } };

	(void)state;
	for (int side = 0; side < 2; side++)
		for (int fault = 0; fault < 5; fault++) {
			struct side *s = &net.side[side];
			const struct trace_event *e;

			pair_start(&net, &cfg);
			s->no_spi = fault == 0;
			s->no_add_in = fault == 1;
			s->no_add_out = fault == 2;
			s->no_dh = fault == 3;
			s->silent = fault == 4;
			pair_command(&net, 0, IKE_UP);
			pair_run(&net, net.now + 3 * MINUTE);
			e = pair_event(s, TRACE_REFUSED, 0);
			assert_non_null(e);
			assert_string_equal(e->code, fault < 3	  ? "module"
						     : fault == 3 ? "bad-ke"
								  : "internal");
			is_clean();
			pair_stop(&net);
		}
}

/* The module answers when nobody waits any more: what it did is undone. */
static void answers_too_late(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (int side = 0; side < 2; side++)
		for (int at_add = 0; at_add < 2; at_add++) {
			pair_start(&net, &cfg);
			net.side[side].late = true;
			pair_command(&net, 0, IKE_UP);
			pair_run(&net, net.now + 1000);
			assert_int_equal(net.n_late, 1);
			if (at_add)
				pair_late_answers(&net);
			pair_run(&net, net.now + 1000);
			for (int i = 0; i < 2; i++)
				pair_command(&net, i, IKE_DOWN);
			pair_late_answers(&net);
			pair_run(&net, net.now + 2 * MINUTE);
			is_clean();
			pair_stop(&net);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nine_packets),
		cmocka_unit_test(every_suite),
		cmocka_unit_test(responder_chooses),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(deterministic),
		cmocka_unit_test(answers_in_any_order),
		cmocka_unit_test(one_packet_suffers),
		cmocka_unit_test(a_third_is_lost),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(never_gives_up),
		cmocka_unit_test(several_children),
		cmocka_unit_test(down),
		cmocka_unit_test(key_log),
		cmocka_unit_test(others_fail),
		cmocka_unit_test(answers_too_late),
	};

	return cmocka_run_group_tests_name("negotiate", tests, NULL, NULL);
}
