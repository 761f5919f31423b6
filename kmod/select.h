/* SPDX-License-Identifier: GPL-2.0-only */
/* prefix → peer trie on the way out, selector check on the way in (userspace too) */
#ifndef ET_SELECT_H
#define ET_SELECT_H

#include "pure.h"

struct et_peer;

/* In network order; an IPv4 address takes the first word, and the others are zero. */
union et_addr {
	__be32 v4;
	struct in6_addr v6;
	__be32 word[4];
};

/*
 * One traffic selector (RFC 4301 section 4.4.1): local is this side's inner
 * address, remote the other side's. Host bits are zero, ports in host order.
 */
struct et_selector {
	u8 family;	/* AF_INET or AF_INET6, of both */
	u8 local_len;	/* bits */
	u8 remote_len;
	u8 proto;	/* 0: any */
	u16 local_port; /* 0: any */
	u16 remote_port;
	union et_addr local;
	union et_addr remote;
};

/* What a selector is compared with: an inner packet as its sender made it. */
struct et_flow {
	u8 family; /* AF_INET or AF_INET6 */
	u8 proto;  /* behind IPv6's extension headers */
	bool has_ports; /* false: no such protocol, or a later fragment */
	u16 src_port;	/* host order */
	u16 dst_port;
	u32 len; /* of the whole packet, as it says */
	union et_addr src;
	union et_addr dst;
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
	struct et_trie_node __rcu *root[2]; /* IPv4, IPv6 */
};

bool et_proto_has_ports(u8 proto);
bool et_prefix_ok(u8 family, const union et_addr *addr, u8 len);
int et_flow_parse(const u8 *packet, u32 len, struct et_flow *flow);
bool et_selector_match_out(const struct et_selector *sel, const struct et_flow *flow);
bool et_selector_match_in(const struct et_selector *sel, const struct et_flow *flow);
bool et_selectors_match_in(const struct et_selectors *sels, const struct et_flow *flow);

struct et_peer *et_trie_lookup(const struct et_trie *trie, const struct et_flow *flow);
bool et_trie_has_remote(const struct et_trie *trie, const struct et_flow *flow);
int et_trie_insert(struct et_trie *trie, struct et_selectors *sels,
		   const struct et_selectors *ignore, u32 *bad);
void et_trie_remove(struct et_trie *trie, struct et_selectors *sels);

#endif
