// SPDX-License-Identifier: MIT
/* Which peer a packet goes to and what may come in, against a naive list (RFC 4301 section 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "naive_select.h"

#define PEER(n) ((struct et_peer *)(uintptr_t)(n))
#define ROUNDS	4000
#define PEERS	200

static uint8_t family(const char *s)
{
	return strchr(s, ':') ? AF_INET6 : AF_INET;
}

static union et_addr ip(const char *s)
{
	union et_addr a = { .word = { 0 } };

	assert_int_equal(inet_pton(family(s), s, &a), 1);
	return a;
}

static struct et_selector sel(const char *local, int local_len, const char *remote,
			      int remote_len)
{
	assert_int_equal(family(local), family(remote));
	return (struct et_selector){ .family = family(local),
				     .local = ip(local),
				     .local_len = local_len,
				     .remote = ip(remote),
				     .remote_len = remote_len };
}

static struct et_flow flow(const char *src, const char *dst, uint8_t proto,
			   uint16_t sport, uint16_t dport)
{
	return (struct et_flow){ .family = family(src),
				 .src = ip(src),
				 .dst = ip(dst),
				 .proto = proto,
				 .src_port = sport,
				 .dst_port = dport,
				 .has_ports = sport || dport };
}

static struct et_selectors *new_sels(struct et_peer *peer, const struct et_selector *s,
				     size_t n)
{
	struct et_selectors *sels = calloc(1, sizeof(*sels) + n * sizeof(sels->entry[0]));

	assert_non_null(sels);
	sels->count = n;
	for (size_t i = 0; i < n; i++) {
		sels->entry[i].sel = s[i];
		sels->entry[i].peer = peer;
	}
	return sels;
}

/* One peer with one selector goes in; returns what et_trie_remove() wants. */
static struct et_selectors *insert(struct et_trie *trie, int peer, struct et_selector s)
{
	struct et_selectors *sels = new_sels(PEER(peer), &s, 1);
	uint32_t bad;

	assert_int_equal(et_trie_insert(trie, sels, NULL, &bad), 0);
	return sels;
}

static void withdraw(struct et_trie *trie, struct et_selectors *sels)
{
	et_trie_remove(trie, sels);
	free(sels);
}

static void assert_empty(const struct et_trie *trie)
{
	assert_null(trie->root[0]);
	assert_null(trie->root[1]);
}

static void goes_to(const struct et_trie *trie, const char *dst, int peer)
{
	struct et_flow f = flow(family(dst) == AF_INET ? "10.1.0.1" : "2001:db8:1::1",
				dst, IPPROTO_ICMP, 0, 0);

	assert_ptr_equal(et_trie_lookup(trie, &f), PEER(peer));
}

static bool prefix_ok(const char *addr, int len)
{
	union et_addr a = ip(addr);

	return et_prefix_ok(family(addr), &a, len);
}

static void prefixes(void **state)
{
	(void)state;
	assert_true(prefix_ok("0.0.0.0", 0));
	assert_true(prefix_ok("10.0.0.0", 8));
	assert_true(prefix_ok("10.0.0.1", 32));
	assert_true(prefix_ok("128.0.0.0", 1));
	assert_false(prefix_ok("10.0.0.1", 31));
	assert_false(prefix_ok("0.0.0.1", 0));
	assert_false(prefix_ok("64.0.0.0", 1));
	assert_false(prefix_ok("0.0.0.0", 33));
	assert_false(prefix_ok("0.0.0.0", 255));
	assert_true(prefix_ok("::", 0));
	assert_true(prefix_ok("2001:db8::", 32));
	assert_true(prefix_ok("2001:db8:8000::", 33));
	assert_true(prefix_ok("2001:db8::1", 128));
	assert_false(prefix_ok("2001:db8:4000::", 33));
	assert_false(prefix_ok("2001:db8::1", 127));
	assert_false(prefix_ok("::1", 0));
	assert_false(prefix_ok("::", 129));
	assert_false(prefix_ok("::", 255));
}

static void empty_trie_has_no_peer(void **state)
{
	struct et_trie trie = { { NULL } };

	(void)state;
	goes_to(&trie, "10.2.0.1", 0);
}

static void longest_prefix_wins(void **state)
{
	struct et_trie trie = { { NULL } };
	struct et_selectors *all = insert(&trie, 1, sel("0.0.0.0", 0, "0.0.0.0", 0));
	struct et_selectors *net = insert(&trie, 2, sel("0.0.0.0", 0, "10.2.0.0", 16));
	struct et_selectors *host = insert(&trie, 3, sel("0.0.0.0", 0, "10.2.3.4", 32));

	(void)state;
	goes_to(&trie, "192.0.2.1", 1);
	goes_to(&trie, "10.2.3.5", 2);
	goes_to(&trie, "10.2.3.4", 3);
	withdraw(&trie, net);
	goes_to(&trie, "10.2.3.5", 1);
	goes_to(&trie, "10.2.3.4", 3);
	withdraw(&trie, host);
	goes_to(&trie, "10.2.3.4", 1);
	withdraw(&trie, all);
	goes_to(&trie, "10.2.3.4", 0);
	assert_empty(&trie);
}

/* Prefixes that part in each of the four words of an address, and at their borders. */
static void longest_ipv6_prefix_wins(void **state)
{
	static const struct {
		const char *prefix;
		int len;
		const char *inside;
	} rows[] = {
		{ "::", 0, "3000::1" },
		{ "2001:db8::", 31, "2001:db9::1" },
		{ "2001:db8::", 32, "2001:db8:ffff::1" },
		{ "2001:db8::", 33, "2001:db8:1::1" },
		{ "2001:db8::", 63, "2001:db8:0:1::1" },
		{ "2001:db8::", 64, "2001:db8::8000:0:0:1" },
		{ "2001:db8::", 65, "2001:db8::1:0:0:1" },
		{ "2001:db8::", 96, "2001:db8::8000:1" },
		{ "2001:db8::", 97, "2001:db8::2" },
		{ "2001:db8::", 127, "2001:db8::1" },
		{ "2001:db8::", 128, "2001:db8::" },
	};
	struct et_selectors *in[11];
	struct et_trie trie = { { NULL } };

	(void)state;
	/* an even number of steps through all of them, in a mixed order */
	for (int i = 0, r = 0; i < 11; i++, r = (r + 4) % 11)
		in[r] = insert(&trie, r + 1, sel("::", 0, rows[r].prefix, rows[r].len));
	for (int r = 0; r < 11; r++)
		goes_to(&trie, rows[r].inside, r + 1);
	for (int r = 10; r > 0; r--) {
		withdraw(&trie, in[r]);
		goes_to(&trie, rows[r].inside, r);
	}
	withdraw(&trie, in[0]);
	assert_empty(&trie);
}

/* ::ffff:10.2.0.1 and 10.2.0.1 are two addresses, and so are 10.2.0.1 and a02:1::. */
static void families_are_apart(void **state)
{
	struct et_selector both[] = { sel("0.0.0.0", 0, "0.0.0.0", 0),
				      sel("::", 0, "a02:1::", 32) };
	struct et_trie trie = { { NULL } };
	struct et_flow v4 = flow("10.2.0.1", "10.2.0.1", IPPROTO_TCP, 1, 2);
	struct et_flow v6 = flow("a02:1::", "a02:1::", IPPROTO_TCP, 1, 2);
	struct et_flow other = flow("::ffff:10.2.0.1", "::ffff:10.2.0.1", 6, 1, 2);
	struct et_selectors *one = insert(&trie, 1, both[0]), *two;

	(void)state;
	assert_ptr_equal(et_trie_lookup(&trie, &v4), PEER(1));
	assert_true(et_trie_has_remote(&trie, &v4));
	assert_null(et_trie_lookup(&trie, &v6));
	assert_false(et_trie_has_remote(&trie, &v6));
	two = insert(&trie, 2, both[1]);
	assert_ptr_equal(et_trie_lookup(&trie, &v4), PEER(1));
	assert_ptr_equal(et_trie_lookup(&trie, &v6), PEER(2));
	assert_null(et_trie_lookup(&trie, &other));
	assert_true(et_selectors_match_in(one, &v4));
	assert_false(et_selectors_match_in(one, &v6));
	assert_false(et_selectors_match_in(two, &v4));
	withdraw(&trie, one);
	assert_null(et_trie_lookup(&trie, &v4));
	withdraw(&trie, two);
	assert_empty(&trie);
}

/* A longer prefix whose selector forbids the packet leaves it to a shorter one. */
static void falls_back_to_a_shorter_prefix(void **state)
{
	struct et_trie trie = { { NULL } };
	struct et_selector dns = sel("10.1.0.0", 16, "10.2.0.53", 32);
	struct et_flow udp = flow("10.1.0.1", "10.2.0.53", IPPROTO_UDP, 999, 53);
	struct et_flow web = flow("10.1.0.1", "10.2.0.53", IPPROTO_TCP, 999, 80);
	struct et_flow alien = flow("172.16.0.1", "10.2.0.53", IPPROTO_UDP, 999, 53);
	struct et_selectors *wide, *narrow;

	(void)state;
	dns.proto = IPPROTO_UDP;
	dns.remote_port = 53;
	wide = insert(&trie, 1, sel("10.1.0.0", 16, "10.2.0.0", 16));
	narrow = insert(&trie, 2, dns);
	assert_ptr_equal(et_trie_lookup(&trie, &udp), PEER(2));
	assert_ptr_equal(et_trie_lookup(&trie, &web), PEER(1));
	assert_null(et_trie_lookup(&trie, &alien));
	withdraw(&trie, wide);
	assert_null(et_trie_lookup(&trie, &web));
	withdraw(&trie, narrow);
}

/* Two peers, one remote prefix: the one that asks for more goes first, whoever came first. */
static void narrower_of_one_prefix_first(void **state)
{
	struct et_selector any = sel("0.0.0.0", 0, "10.2.0.0", 16);
	struct et_selector tcp = any;
	struct et_flow f = flow("10.1.0.1", "10.2.0.1", IPPROTO_TCP, 1, 2);

	(void)state;
	tcp.proto = IPPROTO_TCP;
	for (int order = 0; order < 2; order++) {
		struct et_trie trie = { { NULL } };
		struct et_selectors *first = insert(&trie, 1, order ? tcp : any);
		struct et_selectors *second = insert(&trie, 2, order ? any : tcp);

		assert_ptr_equal(et_trie_lookup(&trie, &f), PEER(order ? 1 : 2));
		goes_to(&trie, "10.2.0.1", order ? 2 : 1); /* ICMP */
		withdraw(&trie, first);
		withdraw(&trie, second);
	}
}

/* The same selector twice would make the second peer deaf: refused, and nothing changed. */
static void same_selector_is_refused_whole(void **state)
{
	struct et_trie trie = { { NULL } };
	struct et_selectors *first =
		insert(&trie, 1, sel("10.1.0.0", 16, "10.3.0.0", 16));
	struct et_selector three[] = {
		sel("10.1.0.0", 16, "10.2.0.0", 16),
		sel("10.1.0.0", 16, "10.2.128.0", 17),
		sel("10.1.0.0", 16, "10.3.0.0", 16),
	};
	struct et_selectors *second = new_sels(PEER(2), three, 3);
	uint32_t bad = 99;

	(void)state;
	assert_int_equal(et_trie_insert(&trie, second, NULL, &bad), -EEXIST);
	assert_int_equal(bad, 2);
	goes_to(&trie, "10.2.0.1", 0);
	goes_to(&trie, "10.2.200.1", 0);
	goes_to(&trie, "10.3.0.1", 1);
	free(second);
	withdraw(&trie, first);
	assert_empty(&trie);
}

/* Replacing a peer's selectors by overlapping ones: there is no moment without. */
static void replaces_its_own(void **state)
{
	struct et_trie trie = { { NULL } };
	struct et_selectors *old = insert(&trie, 1, sel("10.1.0.0", 16, "10.2.0.0", 16));
	struct et_selector two[] = {
		sel("10.1.0.0", 16, "10.2.0.0", 16),
		sel("10.1.0.0", 16, "10.4.0.0", 16),
	};
	struct et_selectors *new = new_sels(PEER(1), two, 2);
	uint32_t bad;

	(void)state;
	assert_int_equal(et_trie_insert(&trie, new, old, &bad), 0);
	goes_to(&trie, "10.2.0.1", 1);
	withdraw(&trie, old);
	goes_to(&trie, "10.2.0.1", 1);
	goes_to(&trie, "10.4.0.1", 1);
	withdraw(&trie, new);
	assert_empty(&trie);
}

/* Inbound, source is remote and destination local: a packet turned round does not pass. */
static void inbound_is_the_mirror(void **state)
{
	struct et_selector s = sel("10.1.0.0", 16, "10.2.0.0", 16);
	struct et_flow in = flow("10.2.0.1", "10.1.0.1", IPPROTO_TCP, 80, 999);
	struct et_flow out = flow("10.1.0.1", "10.2.0.1", IPPROTO_TCP, 999, 80);
	struct et_selectors *sels;

	(void)state;
	s.proto = IPPROTO_TCP;
	s.remote_port = 80;
	assert_true(et_selector_match_in(&s, &in));
	assert_false(et_selector_match_in(&s, &out));
	assert_true(et_selector_match_out(&s, &out));
	assert_false(et_selector_match_out(&s, &in));

	sels = new_sels(PEER(1), &s, 1);
	assert_true(et_selectors_match_in(sels, &in));
	in.src = ip("10.3.0.1");
	assert_false(et_selectors_match_in(sels, &in));
	sels->count = 0;
	in.src = ip("10.2.0.1");
	assert_false(et_selectors_match_in(sels, &in));
	sels->count = 1;
	free(sels);
}

/* A fragment has no ports to show, so a selector with ports does not let it in. */
static void fragments_have_no_ports(void **state)
{
	struct et_selector s = sel("0.0.0.0", 0, "0.0.0.0", 0);
	struct et_flow f = flow("10.2.0.1", "10.1.0.1", IPPROTO_UDP, 0, 0);

	(void)state;
	s.proto = IPPROTO_UDP;
	assert_true(et_selector_match_in(&s, &f));
	s.local_port = 53;
	assert_false(et_selector_match_in(&s, &f));
}

/* An IPv4 header of hlen octets and ports 0x1122, 0x3344 behind it. */
static size_t packet(uint8_t *p, uint8_t hlen, uint8_t proto)
{
	memset(p, 0, 80);
	p[0] = 0x40 | hlen / 4;
	p[3] = hlen + 8;
	p[9] = proto;
	memcpy(p + 12, "\x0a\x01\x00\x01\x0a\x02\x00\x01", 8);
	memcpy(p + hlen, "\x11\x22\x33\x44", 4);
	return hlen + 8;
}

/* Looked at in pieces: each answer asks for more, and the whole is then understood. */
static void assert_asks_until(const uint8_t *p, int len, int needed)
{
	struct et_flow f;
	int have = 0, want;

	for (have = 0; have < needed; have++) {
		/* of just this size, so that an octet read beyond it is seen */
		uint8_t *copy = malloc(have ? have : 1);

		assert_non_null(copy);
		memcpy(copy, p, have);
		want = et_flow_parse(copy, have, &f);
		free(copy);
		assert_in_range(want, have + 1, needed);
	}
	for (; have <= len; have++)
		assert_int_equal(et_flow_parse(p, have, &f), 0);
}

static void assert_addr(const union et_addr *addr, const char *text)
{
	union et_addr want = ip(text);

	assert_memory_equal(addr, &want, sizeof(want));
}

static void flow_of_good_packets(void **state)
{
	uint8_t p[80];
	struct et_flow f;

	(void)state;
	for (int hlen = 20; hlen <= 60; hlen += 4) {
		size_t len = packet(p, hlen, IPPROTO_UDP);

		assert_int_equal(et_flow_parse(p, len, &f), 0);
		assert_int_equal(f.family, AF_INET);
		assert_addr(&f.src, "10.1.0.1");
		assert_addr(&f.dst, "10.2.0.1");
		assert_int_equal(f.proto, IPPROTO_UDP);
		assert_int_equal(f.len, len);
		assert_true(f.has_ports);
		assert_int_equal(f.src_port, 0x1122);
		assert_int_equal(f.dst_port, 0x3344);
		assert_asks_until(p, len, hlen + 4);
	}
	packet(p, 20, IPPROTO_ICMP);
	assert_int_equal(et_flow_parse(p, 28, &f), 0);
	assert_false(f.has_ports);
	packet(p, 20, IPPROTO_TCP);
	p[7] = 1; /* fragment offset 8 */
	assert_int_equal(et_flow_parse(p, 28, &f), 0);
	assert_false(f.has_ports);
	p[6] = 0x20; /* the first of more fragments still has its ports */
	p[7] = 0;
	assert_int_equal(et_flow_parse(p, 28, &f), 0);
	assert_true(f.has_ports);
}

static void flow_of_bad_packets(void **state)
{
	uint8_t p[80];
	struct et_flow f;

	(void)state;
	packet(p, 20, IPPROTO_UDP);
	p[0] = 0x55; /* no version of IP */
	assert_int_equal(et_flow_parse(p, 28, &f), -EINVAL);
	p[0] = 0x44; /* a header of 16 octets */
	assert_int_equal(et_flow_parse(p, 28, &f), -EINVAL);
	p[0] = 0x4f; /* one longer than the packet */
	assert_int_equal(et_flow_parse(p, 28, &f), -EINVAL);
	p[0] = 0x45;
	p[3] = 19; /* a total length shorter than the header */
	assert_int_equal(et_flow_parse(p, 28, &f), -EINVAL);
	p[3] = 23; /* ports behind the packet's own end are not its ports */
	assert_int_equal(et_flow_parse(p, 28, &f), 0);
	assert_false(f.has_ports);
}

/* An IPv6 header, extension headers as given, and ports 0x1122, 0x3344 behind them. */
static int packet6(uint8_t *p, uint8_t next, const uint8_t *ext, int ext_len)
{
	memset(p, 0, 40);
	p[0] = 0x60;
	p[4] = (ext_len + 8) >> 8;
	p[5] = ext_len + 8;
	p[6] = next;
	inet_pton(AF_INET6, "2001:db8:1::1", p + 8);
	inet_pton(AF_INET6, "2001:db8:2::1", p + 24);
	if (ext_len)
		memcpy(p + 40, ext, ext_len);
	memcpy(p + 40 + ext_len, "\x11\x22\x33\x44\0\0\0\0", 8);
	return 40 + ext_len + 8;
}

static void flow_of_good_ipv6_packets(void **state)
{
	static const uint8_t chain[] = {
		IPPROTO_ROUTING,
		0,
		1,
		4,
		0,
		0,
		0,
		0, /* hop-by-hop options */
		IPPROTO_FRAGMENT,
		1,
		0,
		0,
		0,
		0,
		0,
		0, /* routing, 16 octets */
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0, /* its second half */
		IPPROTO_DSTOPTS,
		0,
		0,
		1,
		0,
		0,
		0,
		9, /* the first fragment */
		IPPROTO_TCP,
		0,
		1,
		4,
		0,
		0,
		0,
		0, /* destination options */
	};
	uint8_t p[128], next;
	struct et_flow f;
	int len;

	(void)state;
	len = packet6(p, IPPROTO_UDP, NULL, 0);
	assert_int_equal(et_flow_parse(p, len, &f), 0);
	assert_int_equal(f.family, AF_INET6);
	assert_addr(&f.src, "2001:db8:1::1");
	assert_addr(&f.dst, "2001:db8:2::1");
	assert_int_equal(f.proto, IPPROTO_UDP);
	assert_int_equal(f.len, 48);
	assert_true(f.has_ports);
	assert_int_equal(f.src_port, 0x1122);
	assert_int_equal(f.dst_port, 0x3344);
	assert_asks_until(p, len, 44);

	/* every start into the chain leads to TCP */
	for (size_t at = 0; at < sizeof(chain); at += chain[at + 1] * 8 + 8) {
		next = at ? chain[at - (at == 24 ? 16 : 8)] : IPPROTO_HOPOPTS;
		if (next == IPPROTO_FRAGMENT)
			continue; /* its second octet is no length */
		len = packet6(p, next, chain + at, sizeof(chain) - at);
		assert_int_equal(et_flow_parse(p, len, &f), 0);
		assert_int_equal(f.proto, IPPROTO_TCP);
		assert_int_equal(f.src_port, 0x1122);
		assert_asks_until(p, len, len - 4);
	}
	/* RFC 4301: AH and ESP are protocols */
	for (next = IPPROTO_ESP; next <= IPPROTO_AH; next++) {
		len = packet6(p, next, chain, 8);
		assert_int_equal(et_flow_parse(p, len, &f), 0);
		assert_int_equal(f.proto, next);
		assert_false(f.has_ports);
	}
	/* no payload at all */
	packet6(p, IPPROTO_NONE, NULL, 0);
	p[5] = 0;
	assert_int_equal(et_flow_parse(p, 40, &f), 0);
	assert_int_equal(f.len, 40);
}

/* What follows a later fragment's header is data, whatever it looks like. */
static void ipv6_fragments(void **state)
{
	uint8_t ext[8] = { IPPROTO_UDP, 0, 0, 8 }, p[64];
	struct et_flow f;
	int len = packet6(p, IPPROTO_FRAGMENT, ext, 8);

	(void)state;
	assert_int_equal(et_flow_parse(p, len, &f), 0);
	assert_int_equal(f.proto, IPPROTO_UDP);
	assert_false(f.has_ports);
	ext[0] = IPPROTO_DSTOPTS;
	packet6(p, IPPROTO_FRAGMENT, ext, 8);
	assert_int_equal(et_flow_parse(p, len, &f), 0);
	assert_int_equal(f.proto, IPPROTO_DSTOPTS);
	ext[0] = IPPROTO_UDP;
	ext[3] = 1; /* offset 0 and more to come: the first */
	packet6(p, IPPROTO_FRAGMENT, ext, 8);
	assert_int_equal(et_flow_parse(p, len, &f), 0);
	assert_true(f.has_ports);
}

static void flow_of_bad_ipv6_packets(void **state)
{
	uint8_t ext[72], p[128];
	struct et_flow f;
	int len;

	(void)state;
	memset(ext, 0, sizeof(ext)); /* hop-by-hop options that lead to more of them */
	len = packet6(p, IPPROTO_HOPOPTS, ext, 64);
	p[40 + 56] = IPPROTO_UDP;
	assert_int_equal(et_flow_parse(p, len, &f), 0);
	assert_true(f.has_ports);
	len = packet6(p, IPPROTO_HOPOPTS, ext, 72);
	p[40 + 64] = IPPROTO_UDP;
	assert_int_equal(et_flow_parse(p, len, &f), -EINVAL); /* nine of them */

	packet6(p, IPPROTO_DSTOPTS, ext, 8);
	p[40] = IPPROTO_UDP;
	p[5] = 7; /* the packet ends in a header */
	assert_int_equal(et_flow_parse(p, 56, &f), -EINVAL);
	p[5] = 16;
	p[41] = 2; /* a header that is longer than the packet */
	assert_int_equal(et_flow_parse(p, 56, &f), -EINVAL);
	p[41] = 0;
	p[5] = 11; /* ports behind the packet's own end are not its ports */
	assert_int_equal(et_flow_parse(p, 56, &f), 0);
	assert_false(f.has_ports);
}

static uint32_t rng(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 32;
}

/* Few different values, so that prefixes nest, meet and repeat. */
static union et_addr random_addr(uint64_t *x, uint8_t family)
{
	union et_addr a = { .word = { 0 } };

	for (int i = 0; i < (family == AF_INET6 ? 4 : 1); i++)
		a.word[i] = htonl(0x0a000000 | (rng(x) & 0x80030003));
	return a;
}

static union et_addr random_prefix(uint64_t *x, uint8_t family, uint8_t len)
{
	union et_addr a = random_addr(x, family);

	for (int bit = len; bit < 128; bit++)
		a.v6.s6_addr[bit / 8] &= ~(0x80 >> bit % 8);
	return a;
}

static struct et_selector random_selector(uint64_t *x)
{
	static const uint8_t lens[] = { 0,  1,	8,  14, 15, 16, 30, 31,	 32,
					33, 40, 63, 64, 65, 96, 97, 127, 128 };
	uint8_t family = rng(x) % 2 ? AF_INET6 : AF_INET;
	int n = family == AF_INET6 ? 18 : 9;
	struct et_selector s = { .family = family,
				 .local_len = lens[rng(x) % n],
				 .remote_len = lens[rng(x) % n] };

	s.local = random_prefix(x, family, s.local_len);
	s.remote = random_prefix(x, family, s.remote_len);
	if (rng(x) % 2)
		s.proto = rng(x) % 2 ? IPPROTO_UDP : IPPROTO_TCP;
	if (s.proto && rng(x) % 2)
		s.local_port = rng(x) % 3;
	if (s.proto && rng(x) % 2)
		s.remote_port = rng(x) % 3;
	return s;
}

static struct et_flow random_flow(uint64_t *x)
{
	uint8_t family = rng(x) % 2 ? AF_INET6 : AF_INET;
	struct et_flow f = { .family = family,
			     .src = random_addr(x, family),
			     .dst = random_addr(x, family) };

	f.proto = rng(x) % 2 ? IPPROTO_UDP : IPPROTO_TCP;
	f.has_ports = rng(x) % 4;
	f.src_port = f.has_ports ? rng(x) % 3 : 0;
	f.dst_port = f.has_ports ? rng(x) % 3 : 0;
	return f;
}

static void toggle_peer(struct et_trie *trie, struct naive_select *m,
			struct et_selectors **have, int peer, uint64_t *seed)
{
	struct et_selector s[3];
	bool refused = false;
	uint32_t bad;
	size_t n = 1 + rng(seed) % 3;

	if (*have) {
		withdraw(trie, *have);
		naive_select_remove(m, PEER(peer));
		*have = NULL;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		s[i] = random_selector(seed);
		refused |= naive_select_has(m, &s[i]);
		naive_select_add(m, &s[i], PEER(peer));
	}
	*have = new_sels(PEER(peer), s, n);
	assert_int_equal(et_trie_insert(trie, *have, NULL, &bad), refused ? -EEXIST : 0);
	if (refused) {
		free(*have);
		*have = NULL;
		naive_select_remove(m, PEER(peer));
	}
}

static void random_against_model(void **state)
{
	static struct naive_select m;
	struct et_selectors *have[PEERS + 1] = { NULL };
	struct et_trie trie = { { NULL } };
	uint64_t seed = 0x13198a2e03707344;

	(void)state;
	print_message("seed 0x%llx\n", (unsigned long long)seed);
	for (int round = 0; round < ROUNDS; round++) {
		int peer = 1 + rng(&seed) % PEERS;

		toggle_peer(&trie, &m, &have[peer], peer, &seed);
		for (int i = 0; i < 20; i++) {
			struct et_flow f = random_flow(&seed);

			assert_ptr_equal(et_trie_lookup(&trie, &f),
					 naive_select_lookup(&m, &f));
		}
	}
	for (int peer = 1; peer <= PEERS; peer++)
		if (have[peer])
			withdraw(&trie, have[peer]);
	assert_empty(&trie);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),
		cmocka_unit_test(empty_trie_has_no_peer),
		cmocka_unit_test(longest_prefix_wins),
		cmocka_unit_test(longest_ipv6_prefix_wins),
		cmocka_unit_test(families_are_apart),
		cmocka_unit_test(falls_back_to_a_shorter_prefix),
		cmocka_unit_test(narrower_of_one_prefix_first),
		cmocka_unit_test(same_selector_is_refused_whole),
		cmocka_unit_test(replaces_its_own),
		cmocka_unit_test(inbound_is_the_mirror),
		cmocka_unit_test(fragments_have_no_ports),
		cmocka_unit_test(flow_of_good_packets),
		cmocka_unit_test(flow_of_bad_packets),
		cmocka_unit_test(flow_of_good_ipv6_packets),
		cmocka_unit_test(ipv6_fragments),
		cmocka_unit_test(flow_of_bad_ipv6_packets),
		cmocka_unit_test(random_against_model),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
