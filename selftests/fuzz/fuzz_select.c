// SPDX-License-Identifier: MIT
/*
 * Any packet into the header parser, and any run of peers that come, go and are looked up,
 * against a naive list. The first octet of the input says which of the two.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/naive_select.h"

#define PEERS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p, *end;
};

/* The next octet; zeros behind the end. */
static uint8_t next(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

/* Two octets, one for each end of the address; one in the middle of IPv6's. */
static union et_addr next_addr(struct input *in, uint8_t family)
{
	union et_addr a = { .word = { 0 } };

	a.v6.s6_addr[0] = next(in);
	a.v6.s6_addr[family == AF_INET6 ? 15 : 3] = next(in);
	if (family == AF_INET6)
		a.v6.s6_addr[7] = next(in);
	return a;
}

static void cut(union et_addr *a, int len)
{
	for (int bit = len; bit < 128; bit++)
		a->v6.s6_addr[bit / 8] &= ~(0x80 >> bit % 8);
}

static uint8_t next_family(struct input *in)
{
	return next(in) % 2 ? AF_INET6 : AF_INET;
}

static struct et_selector next_selector(struct input *in)
{
	struct et_selector s = { .family = next_family(in) };
	int lens = s.family == AF_INET6 ? 129 : 33;

	s.local = next_addr(in, s.family);
	s.remote = next_addr(in, s.family);
	s.local_len = next(in) % lens;
	s.remote_len = next(in) % lens;
	cut(&s.local, s.local_len);
	cut(&s.remote, s.remote_len);
	s.proto = next(in) % 4 * 6;
	if (s.proto) {
		s.local_port = next(in) % 4;
		s.remote_port = next(in) % 4;
	}
	if (!et_prefix_ok(s.family, &s.local, s.local_len) ||
	    !et_prefix_ok(s.family, &s.remote, s.remote_len))
		abort();
	return s;
}

static struct et_flow next_flow(struct input *in)
{
	struct et_flow f = { .family = next_family(in) };

	f.src = next_addr(in, f.family);
	f.dst = next_addr(in, f.family);
	f.proto = next(in) % 4 * 6;
	f.has_ports = et_proto_has_ports(f.proto) && next(in) % 4;
	if (f.has_ports) {
		f.src_port = next(in) % 4;
		f.dst_port = next(in) % 4;
	}
	return f;
}

static struct et_selectors *try_insert(struct et_trie *trie, struct naive_select *m,
				       struct et_peer *peer, struct input *in)
{
	size_t n = next(in) % 4, clash = n;
	struct et_selectors *sels = calloc(1, sizeof(*sels) + n * sizeof(sels->entry[0]));
	uint32_t bad = 0;
	int err;

	if (!sels)
		abort();
	sels->count = n;
	for (size_t i = 0; i < n; i++) {
		sels->entry[i].peer = peer;
		sels->entry[i].sel = next_selector(in);
		if (clash == n && naive_select_has(m, &sels->entry[i].sel))
			clash = i;
		naive_select_add(m, &sels->entry[i].sel, peer);
	}
	err = et_trie_insert(trie, sels, NULL, &bad);
	if (err != (clash < n ? -EEXIST : 0) || (err && bad != clash))
		abort();
	if (!err)
		return sels;
	naive_select_remove(m, peer);
	free(sels);
	return NULL;
}

static void fuzz_trie(struct input *in)
{
	static struct naive_select m;
	struct et_selectors *have[PEERS + 1] = { NULL };
	struct et_trie trie = { { NULL } };

	m.n = 0;
	while (in->p < in->end) {
		int peer = 1 + next(in) % PEERS;
		struct et_peer *name = (struct et_peer *)(uintptr_t)peer;
		struct et_flow f;

		if (have[peer]) {
			et_trie_remove(&trie, have[peer]);
			free(have[peer]);
			have[peer] = NULL;
			naive_select_remove(&m, name);
		} else {
			have[peer] = try_insert(&trie, &m, name, in);
		}
		f = next_flow(in);
		if (et_trie_lookup(&trie, &f) != naive_select_lookup(&m, &f))
			abort();
	}
	for (int peer = 1; peer <= PEERS; peer++) {
		if (!have[peer])
			continue;
		et_trie_remove(&trie, have[peer]);
		free(have[peer]);
	}
	if (trie.root[0] || trie.root[1])
		abort();
}

static void fuzz_packet(struct input *in)
{
	size_t len = in->end - in->p;
	/* A buffer of just this size, so that an octet read beyond it is seen. */
	uint8_t *packet = malloc(len ? len : 1);
	struct et_flow f;
	bool v6;
	int err;

	if (!packet)
		abort();
	memcpy(packet, in->p, len);
	err = et_flow_parse(packet, len, &f);
	if (err > 0 && (size_t)err <= len)
		abort(); /* it would ask for ever */
	if (err == 0) {
		v6 = packet[0] >> 4 == 6;
		if (f.family != (v6 ? AF_INET6 : AF_INET) || len < (v6 ? 40 : 20) ||
		    f.len < (v6 ? 40 : 20) || (!v6 && f.proto != packet[9]))
			abort();
		if (f.has_ports && (!et_proto_has_ports(f.proto) || len < (v6 ? 44 : 24)))
			abort();
	}
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	if (size < 1 || size > 4096)
		return 0;
	if (next(&in) & 1)
		fuzz_packet(&in);
	else
		fuzz_trie(&in);
	return 0;
}
