// SPDX-License-Identifier: MIT
/*
 * Traps for which a peer is needed that has the keys and misbehaves: docs/traps.md says
 * which test guards against which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"

#define VENDORS_MAX 20

/* Side 0's control tunnel, from inside. */
static struct ike_sa *control(void)
{
	return sa_current(net.side[0].ike->peers);
}

/* A message of an exchange's own under side 0's keys, begun; its HASH is still zeros. */
static void forge_begin(struct exchange *x, uint8_t type, struct buf *b, size_t *next)
{
	static const uint8_t zeros[HASH_MAX];
	struct ike_header h = { .version = IKE_V1,
				.exchange = type,
				.flags = FLAG_ENCRYPTED };

	*x = (struct exchange){ .sa = control(), .type = type, .initiator = true };
	assert_non_null(x->sa);
	h.message_id = x->message_id = message_id_new(x->sa);
	memcpy(h.cookie_i, x->sa->cookies, 8);
	memcpy(h.cookie_r, x->sa->cookies + 8, 8);
	header_write(b, &h);
	*next = 16;
	payload_put(b, next, PL_HASH, zeros, x->sa->keys.len);
}

/* Seals it and gives it to side 1. */
static void forge_send(struct exchange *x, enum xstate state, struct buf *b)
{
	assert_int_equal(v1_seal(x, table_find(IKE_V1, x->type, true, state), b), 0);
	pair_inject(&net, 1, b->data, b->len);
	buf_wipe(b);
}

static void put_notify(struct buf *b, size_t *next, uint16_t type)
{
	size_t at = payload_begin(b, next, PL_NOTIFY);

	put_u32(b, 1);
	put_u8(b, PROTO_ESP);
	put_u8(b, 4);
	put_u16(b, type);
	put_u32(b, 0xc0ffee00);
	payload_end(b, at);
}

static void put_delete(struct buf *b, size_t *next, uint8_t proto, const uint8_t *spi,
		       size_t len)
{
	size_t at = payload_begin(b, next, PL_DELETE);

	put_u32(b, 1);
	put_u8(b, proto);
	put_u8(b, len);
	put_u16(b, 1);
	put_octets(b, spi, len);
	payload_end(b, at);
}

static const uint8_t any[] = { ID_IPV4_ADDR_SUBNET, [11] = 0 };

/* Packet 7 with a lifetime in seconds as it is, and both selectors of that body. */
static void forge_quick(uint64_t seconds, struct chunk id)
{
	static const uint8_t spi[4] = { 0xc1, 2, 3, 4 }, nonce[32] = { 1 };
	struct buf b = { 0 };
	struct exchange x;
	size_t next, at;

	forge_begin(&x, XCHG_QUICK, &b, &next);
	at = payload_begin(&b, &next, PL_SA);
	esp_sa_write(&b, net.side[0].esp, 1, spi,
		     &(struct esp_life){ .seconds = seconds }, 1);
	payload_end(&b, at);
	payload_put(&b, &next, PL_NONCE, nonce, sizeof(nonce));
	for (int i = 0; i < 2; i++)
		payload_put(&b, &next, PL_ID, id.p, id.len);
	forge_send(&x, QUICK_NONE, &b);
}

/* The SA that side 1 made of that. */
static const struct held_sa *forged_sa(void)
{
	for (size_t k = 0; k < PAIR_SAS; k++)
		if (net.side[1].sa[k].used &&
		    !memcmp(net.side[1].sa[k].spi, "\xc1\2\3\4", 4))
			return &net.side[1].sa[k];
	return NULL;
}

static void up_any(void)
{
	static const struct pair_cfg cfg = { .selectors = "0.0.0.0/0=0.0.0.0/0" };

	up(&cfg);
	is_up();
}

/*
 * Pitfall 1.5: HASH_I covers all of packet 1's SA payload. An offer that nobody chose is
 * changed on the way: the hash that both sides make is not the same any more.
 */
static enum verdict change_the_other_offer(struct pair_net *n, int from, size_t nth,
					   const uint8_t *data, size_t len)
{
	const struct ike_path path = { .local = n->side[0].peer.remote,
				       .remote = n->side[1].peer.remote };
	uint8_t copy[1024];
	size_t i;

	if (from || nth != 1)
		return PASS;
	memcpy(copy, data, len);
	/* The second transform's key length, 128, becomes 192, which nobody has. */
	for (i = len - 4; memcmp(copy + i, "\x80\x0e\x00\x80", 4) != 0; i--)
		assert_true(i > IKE_HEADER_LEN);
	copy[i + 3] = 192;
	pair_fly(n, 1, n->now + 1, &path, copy, len);
	return LOSE;
}

static void whole_offer_is_hashed(void **state)
{
	static const struct pair_cfg cfg = {
		.ike = { "aes256-sha256-ecp256,aes128-sha256-ecp256",
			 "aes256-sha256-ecp256" }
	};

	(void)state;
	pair_start(&net, &cfg);
	net.fate = change_the_other_offer;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	refused_with(1, "hash-differs", "packet 5");
	is_clean();
	pair_stop(&net);
}

/* Pitfall 1.9: a repeated packet is answered, but not without end. */
static void answers_end(void **state)
{
	uint8_t seven[1024];
	size_t len, sent;

	(void)state;
	up_any();
	pair_command(&net, 0, IKE_REKEY);
	len = net.last_len[0];
	memcpy(seven, net.last[0], len);
	pair_run(&net, net.now + 1000);
	sent = net.sent;
	for (int i = 0; i < 1000; i++) {
		pair_inject(&net, 1, seven, len);
		pair_run(&net, net.now + 10);
	}
	assert_in_range(net.sent - sent, 0, 2 * ANSWERS_MAX);
	pair_stop(&net);
}

/* Pitfall 1.14: no lifetime is for ever, none is no time at all. */
static void strange_lifetimes(void **state)
{
	static const struct {
		uint64_t said, counts;
	} lives[] = {
		{ 0, 3600 }, { 1, 60 }, { 61, 61 }, { 3601, 3600 }, { UINT32_MAX, 3600 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lives); i++) {
		const struct held_sa *sa;

		up_any();
		forge_quick(lives[i].said, CHUNK(any, sizeof(any)));
		sa = forged_sa();
		assert_non_null(sa);
		assert_int_equal(sa->hard_seconds, lives[i].counts);
		assert_in_range(sa->soft_seconds, 1, lives[i].counts - 1);
		pair_stop(&net);
	}
}

/* Pitfall 1.15: a name is no selector (CVE-2023-38711), and nothing breaks. */
static void names_select_nothing(void **state)
{
	static const uint8_t fqdn[] = { ID_FQDN, 0, 0, 0, 'o', 's', 'a', 'k', 'a' };

	(void)state;
	up_any();
	forge_quick(3600, CHUNK(fqdn, sizeof(fqdn)));
	refused_with(1, "selectors", "neither an address nor a subnet");
	pair_run(&net, net.now + MINUTE);
	assert_true(pair_usable(&net, 0));
	assert_int_equal(net.side[1].reserved, 0);
	assert_int_equal(pair_count_sas(&net.side[1], false), 1);
	pair_stop(&net);
}

/* The body of an ID payload of addresses. */
struct selector {
	uint8_t type;
	const char *first, *second; /* addresses; NULL: there is none */
	size_t cut;		    /* octets that are missing at the end */
	int bits;		    /* of the subnet that it is; -1: of none */
};

static size_t put_selector(const struct selector *s, uint8_t *id)
{
	bool v6 = strchr(s->first, ':');
	size_t len = v6 ? 16 : 4;

	memset(id, 0, 4);
	id[0] = s->type;
	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, s->first, id + 4), 1);
	if (s->second)
		assert_int_equal(
			inet_pton(v6 ? AF_INET6 : AF_INET, s->second, id + 4 + len), 1);
	return 4 + (s->second ? 2 : 1) * len - s->cut;
}

/* Pitfall 1.15: one address, a subnet, or a range that is one, of both families; no other. */
static void selectors_of_each_kind(void **state)
{
	static const struct pair_cfg cfg = { .selectors =
						     "0.0.0.0/0=0.0.0.0/0,::/0=::/0" };
	static const struct selector selectors[] = {
		{ ID_IPV4_ADDR, "10.0.0.1", NULL, 0, 32 },
		{ ID_IPV4_ADDR_SUBNET, "10.0.0.0", "255.255.0.0", 0, 16 },
		{ ID_IPV4_RANGE, "10.0.0.0", "10.0.255.255", 0, 16 },
		{ ID_IPV4_RANGE, "0.0.0.0", "255.255.255.255", 0, 0 },
		{ ID_IPV4_RANGE, "10.0.0.1", "10.0.0.1", 0, 32 },
		{ ID_IPV6_ADDR, "2001:db8::1", NULL, 0, 128 },
		{ ID_IPV6_ADDR_SUBNET, "2001:db8::", "ffff:ffff:fffe::", 0, 47 },
		{ ID_IPV6_ADDR_SUBNET, "::", "::", 0, 0 },
		{ ID_IPV6_RANGE, "2001:db8::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff", 0,
		  48 },
		{ ID_IPV4_RANGE, "10.0.0.1", "10.0.0.9", 0, -1 },
		{ ID_IPV4_RANGE, "10.0.0.0", "10.0.0.254", 0, -1 },
		{ ID_IPV4_RANGE, "10.0.1.0", "10.0.0.0", 0, -1 },
		{ ID_IPV4_RANGE, "10.0.0.0", "10.0.0.255", 1, -1 },
		{ ID_IPV4_ADDR_SUBNET, "10.0.0.0", "255.0.255.0", 0, -1 },
		{ ID_IPV6_ADDR, "2001:db8::1", NULL, 12, -1 },
		{ ID_IPV6_ADDR_SUBNET, "2001:db8::", "ffff:0:ffff::", 0, -1 },
		{ ID_IPV6_ADDR_SUBNET, "2001:db8::1", "ffff:ffff::", 0, -1 },
		{ ID_IPV6_RANGE, "2001:db8::", "2001:db9::", 0, -1 },
		{ ID_IPV6_ADDR_SUBNET, "::", NULL, 0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(selectors); i++) {
		const struct selector *s = &selectors[i];
		const struct held_sa *sa;
		uint8_t id[36];

		up(&cfg);
		forge_quick(3600, CHUNK(id, put_selector(s, id)));
		sa = forged_sa();
		assert_int_equal(!!sa, s->bits >= 0);
		if (sa) {
			assert_int_equal(sa->local.family, strchr(s->first, ':') ? 6 : 4);
			assert_int_equal(sa->local.bits, s->bits);
			assert_memory_equal(sa->local.ip, id + 4,
					    sa->local.family == 6 ? 16 : 4);
			/* The child of its family takes it. */
			assert_int_equal(sa->child, sa->local.family == 6);
		} else {
			refused_with(1, "selectors", "neither an address nor a subnet");
		}
		pair_stop(&net);
	}
}

static bool has_word(const struct side *s, enum trace_kind kind, uint8_t number,
		     const char *word)
{
	const struct trace_event *e;

	for (size_t i = 0; (e = pair_event(s, kind, i)); i++)
		if (e->number == number)
			return strstr(e->words, word);
	fail_msg("packet %u is missing", number);
	return false;
}

/* Pitfall 1.15: without IDs they are those of the tunnel, and the answer has none either. */
static void no_ids(void **state)
{
	static const struct pair_cfg cfg = { .selectors = "0.0.0.0/0=0.0.0.0/0" };

	(void)state;
	pair_start(&net, &cfg);
	net.side[0].peer.no_ids = true;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	assert_false(has_word(&net.side[0], TRACE_SENT, 7, "ID"));
	assert_false(has_word(&net.side[1], TRACE_SENT, 8, "ID"));
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			net.side[i].sa[0].local.bits + net.side[i].sa[0].remote.bits, 0);
	pair_stop(&net);
}

/* Pitfall 1.16: the commit bit is the peer's business; it never is in what we send. */
static enum verdict commit(struct pair_net *n, int from, size_t nth, const uint8_t *data,
			   size_t len)
{
	const struct ike_path path = { .local = n->side[from].peer.remote,
				       .remote = n->side[!from].peer.remote };
	uint8_t copy[1024];

	(void)nth;
	assert_false(data[19] & 2);
	memcpy(copy, data, len);
	copy[19] |= 2;
	pair_fly(n, !from, n->now + 1, &path, copy, len);
	return LOSE;
}

static void commit_bit(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = commit;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	assert_int_equal(net.sent, 9);
	pair_stop(&net);
}

/* Pitfall 1.17: known by their octets, whatever version follows; a part is not enough. */
static void vendors_by_octets(void **state)
{
	uint8_t nat_t[17] = { 0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45,
			      0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95, 0x45, 0x2f };
	uint8_t dpd[16] = { 0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9,
			    0x6b, 0x86, 0x96, 0xfc, 0x77, 0x57, 0x01, 0x07 };
	struct payload p = { .type = PL_VENDOR, .body = nat_t, .len = 16 };

	(void)state;
	assert_int_equal(vendor_of(&p), VENDOR_NAT_T);
	p.len = 15;
	assert_int_equal(vendor_of(&p), VENDOR_UNKNOWN);
	p.len = 0;
	assert_int_equal(vendor_of(&p), VENDOR_UNKNOWN);
	p = (struct payload){ .type = PL_VENDOR, .body = dpd, .len = 16 };
	assert_int_equal(vendor_of(&p), VENDOR_DPD);
	dpd[0] ^= 1;
	assert_int_equal(vendor_of(&p), VENDOR_UNKNOWN);
}

/* The same: many that nobody knows, and more than there can be. */
static void many_vendors(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (size_t n = VENDORS_MAX; n <= VENDORS_MAX + 1; n++) {
		struct ike_header h = { .version = IKE_V1, .exchange = XCHG_MAIN };
		struct buf b = { 0 }, sa = { 0 };
		size_t next = 16;

		pair_start(&net, &cfg);
		memset(h.cookie_i, 7, 8);
		header_write(&b, &h);
		ike_sa_write(&sa, net.side[0].suites, 1, 3600);
		payload_put(&b, &next, PL_SA, sa.data, sa.len);
		for (size_t i = 0; i < n; i++)
			payload_put(&b, &next, PL_VENDOR, "unheard of", 10);
		patch_u32(&b, 24, b.len);
		pair_inject(&net, 1, b.data, b.len);
		assert_int_equal(pair_count(&net.side[1], TRACE_SENT),
				 n == VENDORS_MAX ? 1 : 0);
		buf_wipe(&sa);
		buf_wipe(&b);
		pair_stop(&net);
	}
}

/* Pitfall 1.19: what stands behind the delete of its own control tunnel is not read. */
static void own_delete_is_the_end(void **state)
{
	struct buf b = { 0 };
	struct exchange x;
	size_t next;

	(void)state;
	up_any();
	forge_begin(&x, XCHG_INFO, &b, &next);
	put_delete(&b, &next, PROTO_ISAKMP, x.sa->cookies, COOKIES_LEN);
	put_delete(&b, &next, PROTO_ESP, control()->peer->child[0].pairs->spi_in, 4);
	put_delete(&b, &next, PROTO_ISAKMP, x.sa->cookies, COOKIES_LEN);
	forge_send(&x, INFO_NONE, &b);
	assert_int_equal(pair_tunnels(&net.side[1]), 0);
	assert_int_equal(pair_count_sas(&net.side[1], true), 1);
	pair_stop(&net);
}

/* Pitfall 1.21: no notify is answered by another one, known or not, protected or not. */
static void notify_is_not_answered(void **state)
{
	static const uint16_t types[] = { 1, 11, 16, 9999, 16384, 24576, 40000, 65535 };
	size_t sent;

	(void)state;
	up_any();
	sent = net.sent;
	for (size_t i = 0; i < COUNT(types); i++) {
		struct buf b = { 0 };
		struct exchange x;
		size_t next;

		forge_begin(&x, XCHG_INFO, &b, &next);
		put_notify(&b, &next, types[i]);
		forge_send(&x, INFO_NONE, &b);
	}
	/* One that does not decrypt, and one that is not protected. */
	for (size_t i = 0; i < 2; i++) {
		uint8_t junk[60] = {
			[16] = PL_NOTIFY, 0x10,	    XCHG_INFO, i == 0, 1, 2, 3, 4,
			[27] = 60,	  [31] = 32
		};

		memcpy(junk, control()->cookies, COOKIES_LEN);
		pair_inject(&net, 1, junk, sizeof(junk));
	}
	assert_int_equal(net.sent, sent);
	is_up();
	pair_stop(&net);
}

/* Pitfall 3.2: whatever is renewed, or begun again, no key is loaded a second time. */
static void no_key_twice(void **state)
{
	static const struct pair_cfg cfg = { .esp_seconds = { 600, 600 },
					     .ike_seconds = { 3600, 3600 },
					     .start = { IKE_START_NOW, IKE_START_NOW } };
	static struct held_sa seen[1024];
	size_t n = 0;

	(void)state;
	pair_start(&net, &cfg);
	for (int minute = 1; minute <= 12 * 60; minute++) {
		pair_run(&net, net.now + MINUTE);
		for (size_t i = 0; i < PAIR_SAS; i++) {
			const struct held_sa *sa = &net.side[0].sa[i];
			bool known = !sa->used;

			for (size_t k = 0; k < n; k++)
				if (seen[k].serial == sa->serial)
					known = true;
				else if (sa->used)
					assert_memory_not_equal(seen[k].key, sa->key,
								sa->key_len);
			assert_true(n < COUNT(seen));
			if (!known)
				seen[n++] = *sa;
		}
		if (minute % 240 == 0)
			pair_crash(&net, minute / 240 % 2);
	}
	/* Both directions of a pair, six times an hour at least. */
	assert_true(n >= 2 * 12 * 6);
	pair_stop(&net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_offer_is_hashed),
		cmocka_unit_test(answers_end),
		cmocka_unit_test(strange_lifetimes),
		cmocka_unit_test(names_select_nothing),
		cmocka_unit_test(selectors_of_each_kind),
		cmocka_unit_test(no_ids),
		cmocka_unit_test(commit_bit),
		cmocka_unit_test(vendors_by_octets),
		cmocka_unit_test(many_vendors),
		cmocka_unit_test(own_delete_is_the_end),
		cmocka_unit_test(notify_is_not_answered),
		cmocka_unit_test(no_key_twice),
	};

	return cmocka_run_group_tests_name("traps", tests, NULL, NULL);
}
