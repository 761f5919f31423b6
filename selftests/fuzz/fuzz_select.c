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

static __be32 next_addr(struct input *in)
{
	uint32_t a = next(in);

	/* Two octets, one for each end of the address. */
	return htonl(a << 24 | next(in));
}

static struct et_selector next_selector(struct input *in)
{
	struct et_selector s = { .local = next_addr(in), .remote = next_addr(in) };

	s.local_len = next(in) % 33;
	s.remote_len = next(in) % 33;
	s.local &= htonl(~(uint32_t)(0xffffffffULL >> s.local_len));
	s.remote &= htonl(~(uint32_t)(0xffffffffULL >> s.remote_len));
	s.proto = next(in) % 4 * 6;
	if (s.proto) {
		s.local_port = next(in) % 4;
		s.remote_port = next(in) % 4;
	}
	if (!et_prefix_ok(s.local, s.local_len) || !et_prefix_ok(s.remote, s.remote_len))
		abort();
	return s;
}

static struct et_flow next_flow(struct input *in)
{
	struct et_flow f = { .src = next_addr(in), .dst = next_addr(in) };

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
	struct et_trie trie = { NULL };

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
	if (trie.root)
		abort();
}

static void fuzz_packet(struct input *in)
{
	size_t len = in->end - in->p;
	/* A buffer of just this size, so that an octet read beyond it is seen. */
	uint8_t *packet = malloc(len ? len : 1);
	struct et_flow f;

	if (!packet)
		abort();
	memcpy(packet, in->p, len);
	if (et_flow_parse(packet, len, &f) == 0) {
		if (len < 20 || packet[0] >> 4 != 4 || f.proto != packet[9])
			abort();
		if (f.has_ports && (!et_proto_has_ports(f.proto) || len < 24))
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
