// SPDX-License-Identifier: MIT
/* The core as a whole: two of them negotiate, on a good network and on a bad one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "sa.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MINUTE	 60000

static struct pair_net net;

static void up(const struct pair_cfg *cfg)
{
	pair_start(&net, cfg);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
}

/* Everything that a good end means, on both sides. */
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

/* Nothing is left of a negotiation that failed. */
static void is_clean(void)
{
	for (int i = 0; i < 2; i++) {
		const struct side *s = &net.side[i];

		assert_int_equal(pair_count_sas(s, false), 0);
		assert_int_equal(pair_count_sas(s, true), 0);
		assert_int_equal(s->reserved, 0);
	}
}

static void refused_with(int side, const char *code, const char *text)
{
	const struct trace_event *e = pair_event(&net.side[side], TRACE_REFUSED, 0);

	assert_non_null(e);
	assert_string_equal(e->code, code);
	if (!strstr(e->text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, e->text);
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
			    "SA: aes256-sha256-ecp256");
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
static enum verdict a_third(struct pair_net *n, int from, size_t nth, const uint8_t *data,
			    size_t len)
{
	(void)n;
	(void)from;
	(void)data;
	(void)len;
	return nth * 2654435761u % 97 % 3 ? PASS : LOSE;
}

static void a_third_is_lost(void **state)
{
	static const struct pair_cfg cfg = { .start = { true, false } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = a_third;
	pair_run(&net, net.now + 10 * MINUTE);
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);
}

static enum verdict all_lost(struct pair_net *n, int from, size_t nth,
			     const uint8_t *data, size_t len)
{
	(void)n;
	(void)from;
	(void)nth;
	(void)data;
	(void)len;
	return LOSE;
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
	static const struct pair_cfg cfg = { .start = { true, false } };
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

static void wrong_psk(void **state)
{
	static const struct pair_cfg cfg = { .psk = { "the right pre-shared key",
						      "the wrong pre-shared key" } };

	(void)state;
	up(&cfg);
	/* The responder knows at once, the initiator when it has waited. */
	refused_with(
		1, "psk-differs",
		"packet 5 does not decrypt to payloads: the pre-shared keys differ (we "
		"used the key for 192.0.2.1)");
	pair_run(&net, net.now + 2 * MINUTE);
	refused_with(0, "psk-differs", "packet 5 was not answered");
	assert_int_equal(pair_count(&net.side[0], TRACE_REFUSED), 1);
	assert_int_equal(pair_count(&net.side[1], TRACE_REFUSED), 1);
	assert_int_equal(pair_tunnels(&net.side[0]) + pair_tunnels(&net.side[1]), 0);
	is_clean();
	pair_stop(&net);
}

static void no_common_suite(void **state)
{
	static const struct pair_cfg cfg = { .ike = { "aes256-sha256-ecp256",
						      "aes128-sha1-modp1024,"
						      "aes128-sha1-modp2048" } };
	const struct trace_event *e;

	(void)state;
	up(&cfg);
	refused_with(1, "no-proposal", "no suite for the control tunnel");
	e = pair_event(&net.side[1], TRACE_REFUSED, 0);
	assert_string_equal(e->ours, "aes128-sha1-modp1024\naes128-sha1-modp2048");
	assert_string_equal(e->theirs, "aes256-sha256-ecp256");
	/* The notify is not authentic: shown at once, believed only when time is up. */
	assert_int_equal(pair_count(&net.side[0], TRACE_REFUSED), 0);
	e = pair_event(&net.side[0], TRACE_NOTE, 0);
	assert_non_null(strstr(e->text, "NO-PROPOSAL-CHOSEN"));
	assert_string_equal(e->code, "no-proposal");
	pair_run(&net, net.now + 2 * MINUTE);
	refused_with(0, "no-proposal", "NO-PROPOSAL-CHOSEN");
	assert_string_equal(pair_event(&net.side[0], TRACE_REFUSED, 0)->ours,
			    "aes256-sha256-ecp256");
	is_clean();
	pair_stop(&net);
}

/* Phase 2 refusals are authentic: they end the exchange at once on both sides. */
static void no_common_esp_suite(void **state)
{
	static const char *const esp[][2] = {
		{ "aes256gcm16", "aes128gcm16" },
		{ "aes256gcm16-ecp256", "aes256gcm16" },
		{ "aes256gcm16", "aes256gcm16-ecp256" },
		{ "aes256-sha256-ecp256", "aes256-sha256-ecp384" },
		{ "aes256gcm16-esn", "aes256gcm16" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(esp); i++) {
		struct pair_cfg cfg = { .esp = { esp[i][0], esp[i][1] } };

		up(&cfg);
		refused_with(1, "no-proposal", "no suite for the ESP tunnels");
		refused_with(0, "no-proposal", "the peer refuses: NO-PROPOSAL-CHOSEN");
		assert_string_equal(pair_event(&net.side[1], TRACE_REFUSED, 0)->theirs,
				    esp[i][0]);
		assert_int_equal(pair_tunnels(&net.side[0]), 1);
		is_clean();
		pair_stop(&net);
	}
}

static void other_identity(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (int side = 0; side < 2; side++) {
		struct ike_id *id;
		const struct trace_event *e;

		pair_start(&net, &cfg);
		id = &net.side[side].peer.remote_id;
		id->type = ID_FQDN;
		id->len = 5;
		memcpy(id->data, "osaka", 5);
		pair_command(&net, 0, IKE_UP);
		pair_run(&net, net.now + 1000);
		refused_with(side, "id-differs", "identity");
		e = pair_event(&net.side[side], TRACE_REFUSED, 0);
		assert_string_equal(e->ours, "osaka");
		assert_string_equal(e->theirs, side ? "192.0.2.1" : "192.0.2.2");
		/* Said under the keys of phase 1: the other side knows at once as well. */
		assert_int_equal(pair_tunnels(&net.side[0]) + pair_tunnels(&net.side[1]),
				 0);
		if (side == 1)
			refused_with(0, "auth-failed", "INVALID-ID-INFORMATION");
		is_clean();
		pair_stop(&net);
	}
}

/* The same kind, the same length, another name. */
static void nearly_the_identity(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct ike_id *ids[2];

	(void)state;
	pair_start(&net, &cfg);
	ids[0] = &net.side[0].peer.local_id;
	ids[1] = &net.side[1].peer.remote_id;
	for (int i = 0; i < 2; i++) {
		ids[i]->type = ID_FQDN;
		ids[i]->len = 5;
		memcpy(ids[i]->data, i ? "osaka" : "osakb", 5);
	}
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	refused_with(1, "id-differs", "identity");
	is_clean();
	pair_stop(&net);
}

static void named_identities(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	static const char *const names[] = { "osaka.example", "kyoto.example" };

	(void)state;
	pair_start(&net, &cfg);
	for (int i = 0; i < 2; i++) {
		struct ike_id *ids[] = { &net.side[i].peer.local_id,
					 &net.side[i].peer.remote_id };

		for (int k = 0; k < 2; k++) {
			ids[k]->type = ID_FQDN;
			ids[k]->len = strlen(names[i ^ k]);
			memcpy(ids[k]->data, names[i ^ k], ids[k]->len);
		}
	}
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	pair_stop(&net);
}

static void subnet(struct ike_subnet *s, uint8_t a, uint8_t b, uint8_t bits)
{
	*s = (struct ike_subnet){ .family = 4, .ip = { a, b }, .bits = bits };
}

static void other_selectors(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	const struct trace_event *e;

	(void)state;
	pair_start(&net, &cfg);
	subnet(&net.side[1].children[0].remote, 10, 9, 16);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	refused_with(1, "selectors", "not those of a tunnel");
	e = pair_event(&net.side[1], TRACE_REFUSED, 0);
	assert_string_equal(e->ours, "ours 10.2.0.0/16, theirs 10.9.0.0/16");
	assert_string_equal(e->theirs, "ours 10.2.0.0/16, theirs 10.1.0.0/16");
	refused_with(0, "selectors", "INVALID-ID-INFORMATION");
	is_clean();
	pair_stop(&net);
}

/* A route-based responder, from any to any, takes whatever the peer asks for. */
static void any_to_any(void **state)
{
	static const struct pair_cfg cfg = { .selectors = "0.0.0.0/0=0.0.0.0/0" };

	(void)state;
	up(&cfg);
	is_up();
	pair_stop(&net);

	pair_start(&net, &cfg);
	subnet(&net.side[0].children[0].local, 10, 1, 16);
	subnet(&net.side[0].children[0].remote, 10, 2, 32);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
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
	static const struct pair_cfg cfg = { .start = { true, false } };

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
	static const struct pair_cfg cfg = { .start = { true, true } };

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

static void command_spi(int side, enum ike_command_type type, const struct held_sa *sa,
			bool hard)
{
	struct ike_command cmd = { .type = type,
				   .peer = &net.side[side].peer,
				   .child = sa->child,
				   .out = sa->out,
				   .hard = hard };

	memcpy(cmd.spi, sa->spi, 4);
	ike_command(net.side[side].ike, net.now, &cmd);
	pair_run(&net, net.now + 500);
}

static enum verdict no_ninth(struct pair_net *n, int from, size_t nth,
			     const uint8_t *data, size_t len)
{
	(void)n;
	(void)data;
	(void)len;
	return nth >= 9 && from == 0 ? LOSE : PASS;
}

/* Months in a day: both kinds of tunnel are renewed, and traffic never stops. */
static void renewal(void **state)
{
	static const struct pair_cfg cfgs[] = {
		{ .ike_seconds = { 7200, 7200 }, .esp_seconds = { 1800, 1800 } },
		/* The shorter one renews, whoever began. */
		{ .ike_seconds = { 7200, 3600 }, .esp_seconds = { 1800, 900 } },
		{ .ike_seconds = { 900, 900 }, .esp_seconds = { 3600, 3600 } },
		{ .start = { true, true } },
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

/* Renewals that cross: one of the two goes on, the same at both ends. */
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

/* Both start at the same moment: it settles, and stays usable. */
static void crossing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pair_cfg cfg = { .seed = seed, .start = { true, true } };

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
	static const struct pair_cfg cfgs[] = { { .start = { true, false } },
						{ .start = { false, true } } };

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
	refused_with(1, "no-answer", "no answer to packet 8");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(wrong_psk),
		cmocka_unit_test(no_common_suite),
		cmocka_unit_test(no_common_esp_suite),
		cmocka_unit_test(other_identity),
		cmocka_unit_test(nearly_the_identity),
		cmocka_unit_test(named_identities),
		cmocka_unit_test(other_selectors),
		cmocka_unit_test(any_to_any),
		cmocka_unit_test(several_children),
		cmocka_unit_test(down),
		cmocka_unit_test(key_log),
		cmocka_unit_test(others_fail),
		cmocka_unit_test(answers_too_late),
		cmocka_unit_test(forged_in_clear),
		cmocka_unit_test(bad_ones_in_clear),
		cmocka_unit_test(changed_on_the_way),
		cmocka_unit_test(replayed),
		cmocka_unit_test(garbage_in_every_state),
		cmocka_unit_test(half_open),
		cmocka_unit_test(strangers),
		cmocka_unit_test(renewal),
		cmocka_unit_test(replaced_pairs_go),
		cmocka_unit_test(rekey),
		cmocka_unit_test(renewals_cross),
		cmocka_unit_test(error_of_another),
		cmocka_unit_test(ending_tunnel_waits),
		cmocka_unit_test(crossing),
		cmocka_unit_test(peer_crashes),
		cmocka_unit_test(control_tunnel_goes),
		cmocka_unit_test(unused_is_not_renewed),
		cmocka_unit_test(initial_contact),
		cmocka_unit_test(expiry),
		cmocka_unit_test(ninth_never_comes),
		cmocka_unit_test(first_esp),
	};

	return cmocka_run_group_tests_name("ike", tests, NULL, NULL);
}
