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

static __be32 ip(const char *s)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, s, &a), 1);
	return a.s_addr;
}

static struct et_selector sel(const char *local, int local_len, const char *remote,
			      int remote_len)
{
	return (struct et_selector){ .local = ip(local),
				     .local_len = local_len,
				     .remote = ip(remote),
				     .remote_len = remote_len };
}

static struct et_flow flow(const char *src, const char *dst, uint8_t proto,
			   uint16_t sport, uint16_t dport)
{
	return (struct et_flow){ .src = ip(src),
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

static void goes_to(const struct et_trie *trie, const char *dst, int peer)
{
	struct et_flow f = flow("10.1.0.1", dst, IPPROTO_ICMP, 0, 0);

	assert_ptr_equal(et_trie_lookup(trie, &f), PEER(peer));
}

static void prefixes(void **state)
{
	(void)state;
	assert_true(et_prefix_ok(ip("0.0.0.0"), 0));
	assert_true(et_prefix_ok(ip("10.0.0.0"), 8));
	assert_true(et_prefix_ok(ip("10.0.0.1"), 32));
	assert_true(et_prefix_ok(ip("128.0.0.0"), 1));
	assert_false(et_prefix_ok(ip("10.0.0.1"), 31));
	assert_false(et_prefix_ok(ip("0.0.0.1"), 0));
	assert_false(et_prefix_ok(ip("64.0.0.0"), 1));
	assert_false(et_prefix_ok(ip("0.0.0.0"), 33));
	assert_false(et_prefix_ok(ip("0.0.0.0"), 255));
}

static void empty_trie_has_no_peer(void **state)
{
	struct et_trie trie = { NULL };

	(void)state;
	goes_to(&trie, "10.2.0.1", 0);
}

static void longest_prefix_wins(void **state)
{
	struct et_trie trie = { NULL };
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
	assert_null(trie.root);
}

/* A longer prefix whose selector forbids the packet leaves it to a shorter one. */
static void falls_back_to_a_shorter_prefix(void **state)
{
	struct et_trie trie = { NULL };
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
		struct et_trie trie = { NULL };
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
	struct et_trie trie = { NULL };
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
	assert_null(trie.root);
}

/* Replacing a peer's selectors by overlapping ones: there is no moment without. */
static void replaces_its_own(void **state)
{
	struct et_trie trie = { NULL };
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
	assert_null(trie.root);
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

static void flow_of_good_packets(void **state)
{
	uint8_t p[80];
	struct et_flow f;

	(void)state;
	for (int hlen = 20; hlen <= 60; hlen += 4) {
		size_t len = packet(p, hlen, IPPROTO_UDP);

		assert_int_equal(et_flow_parse(p, len, &f), 0);
		assert_int_equal(f.src, ip("10.1.0.1"));
		assert_int_equal(f.dst, ip("10.2.0.1"));
		assert_int_equal(f.proto, IPPROTO_UDP);
		assert_true(f.has_ports);
		assert_int_equal(f.src_port, 0x1122);
		assert_int_equal(f.dst_port, 0x3344);
		assert_int_equal(et_flow_parse(p, hlen + 3, &f), 0);
		assert_false(f.has_ports); /* the header is there, the ports are not */
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
	for (size_t len = 0; len < 20; len++)
		assert_int_equal(et_flow_parse(p, len, &f), -EINVAL);
	p[0] = 0x65; /* IPv6 */
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

static uint32_t rng(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 32;
}

/* Few different values, so that prefixes nest, meet and repeat. */
static __be32 random_addr(uint64_t *x)
{
	return htonl(0x0a000000 | (rng(x) & 0x80030003));
}

static struct et_selector random_selector(uint64_t *x)
{
	static const uint8_t lens[] = { 0, 1, 8, 14, 15, 16, 30, 31, 32 };
	struct et_selector s = { .local_len = lens[rng(x) % 9],
				 .remote_len = lens[rng(x) % 9] };

	s.local = random_addr(x) & htonl(~(uint32_t)(0xffffffffULL >> s.local_len));
	s.remote = random_addr(x) & htonl(~(uint32_t)(0xffffffffULL >> s.remote_len));
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
	struct et_flow f = { .src = random_addr(x), .dst = random_addr(x) };

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
	struct et_trie trie = { NULL };
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
	assert_null(trie.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),
		cmocka_unit_test(empty_trie_has_no_peer),
		cmocka_unit_test(longest_prefix_wins),
		cmocka_unit_test(falls_back_to_a_shorter_prefix),
		cmocka_unit_test(narrower_of_one_prefix_first),
		cmocka_unit_test(same_selector_is_refused_whole),
		cmocka_unit_test(replaces_its_own),
		cmocka_unit_test(inbound_is_the_mirror),
		cmocka_unit_test(fragments_have_no_ports),
		cmocka_unit_test(flow_of_good_packets),
		cmocka_unit_test(flow_of_bad_packets),
		cmocka_unit_test(random_against_model),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
