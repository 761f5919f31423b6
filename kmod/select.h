/* SPDX-License-Identifier: GPL-2.0-only */
/* prefix → peer trie on the way out, selector check on the way in (userspace too) */
#ifndef ET_SELECT_H
#define ET_SELECT_H

#include "pure.h"

struct et_peer;

/*
 * One traffic selector (RFC 4301 section 4.4.1): local is this side's inner
 * address, remote the other side's. Host bits are zero, ports in host order.
 */
struct et_selector {
	__be32 local;
	__be32 remote;
	u8 local_len; /* bits */
	u8 remote_len;
	u8 proto;	/* 0: any */
	u16 local_port; /* 0: any */
	u16 remote_port;
};

/* What a selector is compared with: an inner packet as its sender made it. */
struct et_flow {
	__be32 src;
	__be32 dst;
	u16 src_port; /* host order */
	u16 dst_port;
	u8 proto;
	bool has_ports; /* false: no such protocol, or a later fragment */
};

/*
 * The selectors of one peer, as one immutable piece. Each selector is an
 * entry of its device's trie too, linked there by next. Freed by kfree_rcu()
 * once it is neither in the trie nor its peer's.
 */
struct et_selector_entry {
	struct et_selector sel;
	struct et_peer *peer;
	struct et_selector_entry __rcu *next;
};

struct et_selectors {
	struct rcu_head rcu;
	u32 count;
	struct et_selector_entry entry[];
};

/*
 * Readers (et_trie_lookup) are in an RCU read-side section; writers are
 * serialised by the caller, on a device its config mutex.
 */
struct et_trie {
	struct et_trie_node __rcu *root;
};

bool et_proto_has_ports(u8 proto);
bool et_prefix_ok(__be32 addr, u8 len);
int et_flow_parse(const u8 *packet, u32 len, struct et_flow *flow);
bool et_selector_match_out(const struct et_selector *sel, const struct et_flow *flow);
bool et_selector_match_in(const struct et_selector *sel, const struct et_flow *flow);
bool et_selectors_match_in(const struct et_selectors *sels, const struct et_flow *flow);

struct et_peer *et_trie_lookup(const struct et_trie *trie, const struct et_flow *flow);
bool et_trie_has_remote(const struct et_trie *trie, __be32 addr);
int et_trie_insert(struct et_trie *trie, struct et_selectors *sels,
		   const struct et_selectors *ignore, u32 *bad);
void et_trie_remove(struct et_trie *trie, struct et_selectors *sels);

#endif
