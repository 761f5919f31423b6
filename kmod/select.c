// SPDX-License-Identifier: GPL-2.0-only
/*
 * prefix → peer trie on the way out, selector check on the way in (userspace too)
 *
 * A path-compressed binary trie over remote prefixes, one for each family. A node holds a list of
 * entries, since several peers may have selectors with one remote prefix, the
 * most specific first; lookups run down one path and keep the last match, so
 * the longest prefix whose whole selector matches wins. Lookups run under RCU
 * in any context, changes in process context under the caller's mutex.
 */
#include "select.h"

#define EXT_HEADERS_MAX 8	/* of IPv6 before the protocol; real packets have two */

struct et_trie_node {
	struct et_trie_node __rcu *child[2];
	struct et_selector_entry __rcu *entries; /* none: only a fork */
	union et_addr key;			 /* bits behind len zero */
	u8 len;
	struct rcu_head rcu;
};

/* Writers only: the caller's mutex stands in for the read-side section. */
#define locked(p) rcu_dereference_protected(p, 1)

static u8 addr_bits(u8 family)
{
	return family == AF_INET6 ? 128 : 32;
}

/* The first len bits of a word; 1 to 32. */
static __be32 mask_of(u8 len)
{
	return htonl(U32_MAX << (32 - len));
}

static bool prefix_match(const union et_addr *addr, const union et_addr *prefix, u8 len)
{
	const __be32 *a = addr->word, *p = prefix->word;

	for (; len > 32; len -= 32)
		if (*a++ != *p++)
			return false;
	return !len || ((*a ^ *p) & mask_of(len)) == 0;
}

static bool same_addr(const union et_addr *a, const union et_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* The address without the bits behind the first len. */
static union et_addr prefix_of(const union et_addr *addr, u8 len)
{
	union et_addr prefix = {};
	__be32 *p = prefix.word;
	const __be32 *a = addr->word;

	for (; len > 32; len -= 32)
		*p++ = *a++;
	if (len)
		*p = *a & mask_of(len);
	return prefix;
}

/**
 * et_proto_has_ports - does an inner protocol start with two 16-bit ports?
 * @proto: its number
 */
bool et_proto_has_ports(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	default:
		return false;
	}
}

/**
 * et_prefix_ok - is this a prefix?
 * @family: of the address
 * @addr: its address
 * @len: its length in bits
 *
 * Return: false when it is longer than an address or has host bits set.
 */
bool et_prefix_ok(u8 family, const union et_addr *addr, u8 len)
{
	union et_addr prefix;

	if (len > addr_bits(family))
		return false;
	prefix = prefix_of(addr, len);
	return same_addr(addr, &prefix);
}

/* What follows the headers of hlen octets, unless it is a later fragment. */
static int parse_ports(const u8 *packet, u32 len, u32 hlen, struct et_flow *flow)
{
	if (!et_proto_has_ports(flow->proto) || flow->len < hlen + 4)
		return 0;
	if (len < hlen + 4)
		return hlen + 4;

	flow->src_port = get_unaligned_be16(packet + hlen);
	flow->dst_port = get_unaligned_be16(packet + hlen + 2);
	flow->has_ports = true;
	return 0;
}

static int parse_ipv4(const u8 *packet, u32 len, struct et_flow *flow)
{
	struct iphdr ip;
	u32 hlen;

	if (len < sizeof(ip))
		return sizeof(ip);
	memcpy(&ip, packet, sizeof(ip));
	hlen = ip.ihl * 4;
	if (hlen < sizeof(ip) || ntohs(ip.tot_len) < hlen)
		return -EINVAL;
	if (len < hlen)
		return hlen;

	*flow = (struct et_flow){
		.family = AF_INET,
		.proto = ip.protocol,
		.len = ntohs(ip.tot_len),
		.src.v4 = ip.saddr,
		.dst.v4 = ip.daddr,
	};
	return ip.frag_off & htons(IP_OFFSET) ? 0 : parse_ports(packet, len, hlen, flow);
}

/* Those that RFC 4301 section 4.4.1.1 passes over; AH and ESP are protocols to it. */
static bool is_ext_header(u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_DSTOPTS;
}

static int parse_ipv6(const u8 *packet, u32 len, struct et_flow *flow)
{
	u32 at = sizeof(struct ipv6hdr);
	bool later = false;
	struct ipv6hdr ip;
	const u8 *ext;
	int i;

	if (len < sizeof(ip))
		return sizeof(ip);
	memcpy(&ip, packet, sizeof(ip));
	*flow = (struct et_flow){
		.family = AF_INET6,
		.proto = ip.nexthdr,
		.len = at + ntohs(ip.payload_len),
		.src.v6 = ip.saddr,
		.dst.v6 = ip.daddr,
	};

	for (i = 0; is_ext_header(flow->proto) && !later; i++) {
		if (i == EXT_HEADERS_MAX || at + 8 > flow->len)
			return -EINVAL;
		if (len < at + 8)
			return at + 8;
		ext = packet + at;
		if (flow->proto == IPPROTO_FRAGMENT) {
			later = get_unaligned_be16(ext + 2) & ~7;
			at += 8;
		} else {
			at += (ext[1] + 1) * 8;
		}
		flow->proto = ext[0];
	}
	if (at > flow->len)
		return -EINVAL;
	return later ? 0 : parse_ports(packet, len, at, flow);
}

/**
 * et_flow_parse - check a packet's headers and take what selectors look at
 * @packet: the IPv4 or IPv6 header and what follows
 * @len: octets that can be read there
 * @flow: filled in on success
 *
 * Whether the packet's length is what arrived is for the caller to check: @len
 * may end behind the headers.
 *
 * Return: 0; -EINVAL when these are no headers of IP; or how many octets have
 * to be readable, more than @len, to look again.
 */
int et_flow_parse(const u8 *packet, u32 len, struct et_flow *flow)
{
	if (!len)
		return 1;
	switch (packet[0] >> 4) {
	case 4:
		return parse_ipv4(packet, len, flow);
	case 6:
		return parse_ipv6(packet, len, flow);
	default:
		return -EINVAL;
	}
}

static bool match(const struct et_selector *sel, const struct et_flow *flow,
		  const union et_addr *local, const union et_addr *remote, u16 local_port,
		  u16 remote_port)
{
	if (sel->family != flow->family ||
	    !prefix_match(remote, &sel->remote, sel->remote_len) ||
	    !prefix_match(local, &sel->local, sel->local_len))
		return false;
	if (!sel->proto)
		return true;
	if (sel->proto != flow->proto)
		return false;
	if (!sel->local_port && !sel->remote_port)
		return true;
	/* a fragment without ports is not known to be allowed (RFC 4301 section 7) */
	return flow->has_ports && (!sel->local_port || sel->local_port == local_port) &&
	       (!sel->remote_port || sel->remote_port == remote_port);
}

/**
 * et_selector_match_out - may a packet from this side go through?
 * @sel: the selector
 * @flow: the packet; its source is local
 */
bool et_selector_match_out(const struct et_selector *sel, const struct et_flow *flow)
{
	return match(sel, flow, &flow->src, &flow->dst, flow->src_port, flow->dst_port);
}

/**
 * et_selector_match_in - may a packet from the other side come in?
 * @sel: the selector
 * @flow: the packet; its source is remote
 */
bool et_selector_match_in(const struct et_selector *sel, const struct et_flow *flow)
{
	return match(sel, flow, &flow->dst, &flow->src, flow->dst_port, flow->src_port);
}

/**
 * et_selectors_match_in - may it come in by any of a peer's selectors?
 * @sels: the peer's selectors
 * @flow: the packet (RFC 4301 section 5.2)
 */
bool et_selectors_match_in(const struct et_selectors *sels, const struct et_flow *flow)
{
	u32 i;

	for (i = 0; i < sels->count; i++)
		if (et_selector_match_in(&sels->entry[i].sel, flow))
			return true;
	return false;
}

static u32 bit_at(const union et_addr *key, u8 pos)
{
	return ntohl(key->word[pos / 32]) >> (31 - pos % 32) & 1;
}

/* How many bits two addresses have in common, from the first. */
static u8 common_bits(const union et_addr *a, const union et_addr *b)
{
	u32 i;

	for (i = 0; i < 3 && a->word[i] == b->word[i]; i++)
		;
	return i * 32 + 32 - fls(ntohl(a->word[i] ^ b->word[i]));
}

static bool covers(const struct et_trie_node *node, const union et_addr *key)
{
	return prefix_match(key, &node->key, node->len);
}

static struct et_trie_node *child_of(const struct et_trie_node *node, const union et_addr *key,
				     u8 bits)
{
	return node->len < bits ? rcu_dereference(node->child[bit_at(key, node->len)]) : NULL;
}

static struct et_trie_node __rcu **root_of(struct et_trie *trie, u8 family)
{
	return &trie->root[family == AF_INET6];
}

/**
 * et_trie_lookup - the peer that a packet goes to
 * @trie: the device's trie
 * @flow: the packet, on its way out
 *
 * Context: RCU read-side section, which the result is valid in.
 * Return: the owner of the longest remote prefix whose whole selector
 * matches, or NULL.
 */
struct et_peer *et_trie_lookup(const struct et_trie *trie, const struct et_flow *flow)
{
	const struct et_selector_entry *e;
	const struct et_trie_node *node;
	struct et_peer *best = NULL;

	node = rcu_dereference(trie->root[flow->family == AF_INET6]);
	for (; node && covers(node, &flow->dst);
	     node = child_of(node, &flow->dst, addr_bits(flow->family))) {
		for (e = rcu_dereference(node->entries); e;
		     e = rcu_dereference(e->next)) {
			if (et_selector_match_out(&e->sel, flow)) {
				best = e->peer;
				break;
			}
		}
	}
	return best;
}

/**
 * et_trie_has_remote - does any selector's remote prefix hold a packet's destination?
 * @trie: the device's trie
 * @flow: the packet
 *
 * Tells "no peer" from "not by its selectors" when et_trie_lookup() found none.
 *
 * Context: RCU read-side section.
 */
bool et_trie_has_remote(const struct et_trie *trie, const struct et_flow *flow)
{
	const struct et_trie_node *node;

	node = rcu_dereference(trie->root[flow->family == AF_INET6]);
	for (; node && covers(node, &flow->dst);
	     node = child_of(node, &flow->dst, addr_bits(flow->family)))
		if (rcu_dereference(node->entries))
			return true;
	return false;
}

static struct et_trie_node *node_new(const union et_addr *key, u8 len)
{
	struct et_trie_node *node = kzalloc(sizeof(*node), GFP_KERNEL);

	if (node) {
		node->key = prefix_of(key, len);
		node->len = len;
	}
	return node;
}

/* The node of exactly this prefix, made if need be; NULL without memory. */
static struct et_trie_node *node_get(struct et_trie_node __rcu **pos, const union et_addr *key,
				     u8 len)
{
	struct et_trie_node *node, *new, *fork;
	u8 common;

	for (node = locked(*pos); node; node = locked(*pos)) {
		if (node->len > len || !covers(node, key))
			break;
		if (node->len == len)
			return node;
		pos = &node->child[bit_at(key, node->len)];
	}

	new = node_new(key, len);
	if (!new || !node) {
		if (new)
			rcu_assign_pointer(*pos, new);
		return new;
	}

	common = common_bits(&node->key, key);
	common = min(common, min(node->len, len));
	if (common == len) {
		RCU_INIT_POINTER(new->child[bit_at(&node->key, len)], node);
		rcu_assign_pointer(*pos, new);
		return new;
	}

	fork = node_new(key, common);
	if (!fork) {
		et_free_rcu(new);
		return NULL;
	}
	RCU_INIT_POINTER(fork->child[bit_at(key, common)], new);
	RCU_INIT_POINTER(fork->child[bit_at(&node->key, common)], node);
	rcu_assign_pointer(*pos, fork);
	return new;
}

/* Take a node without entries and with at most one child out of the path. */
static void node_prune(struct et_trie_node __rcu **pos)
{
	struct et_trie_node *node = locked(*pos);
	struct et_trie_node *left = locked(node->child[0]);
	struct et_trie_node *right = locked(node->child[1]);

	if (locked(node->entries) || (left && right))
		return;
	rcu_assign_pointer(*pos, left ? left : right);
	et_free_rcu(node);
}

/* Where an entry of two with one remote prefix is tried first: the narrower. */
static u32 narrowness(const struct et_selector *s)
{
	return s->local_len << 2 | !!s->proto << 1 | (s->local_port || s->remote_port);
}

static bool same(const struct et_selector *a, const struct et_selector *b)
{
	return a->family == b->family &&
	       same_addr(&a->local, &b->local) && a->local_len == b->local_len &&
	       same_addr(&a->remote, &b->remote) && a->remote_len == b->remote_len &&
	       a->proto == b->proto && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port;
}

static bool is_of(const struct et_selectors *sels, const struct et_selector_entry *e)
{
	return sels && e >= sels->entry && e < sels->entry + sels->count;
}

static int insert_one(struct et_trie *trie, struct et_selector_entry *new,
		      const struct et_selectors *ignore)
{
	struct et_selector_entry __rcu **pos;
	struct et_selector_entry *e;
	struct et_trie_node *node;

	node = node_get(root_of(trie, new->sel.family), &new->sel.remote, new->sel.remote_len);
	if (!node)
		return -ENOMEM;

	for (e = locked(node->entries); e; e = locked(e->next))
		if (same(&e->sel, &new->sel) && !is_of(ignore, e))
			return -EEXIST;

	pos = &node->entries;
	for (e = locked(*pos); e; e = locked(*pos)) {
		if (narrowness(&e->sel) < narrowness(&new->sel))
			break;
		pos = &e->next;
	}
	RCU_INIT_POINTER(new->next, e);
	rcu_assign_pointer(*pos, new);
	return 0;
}

static void remove_one(struct et_trie *trie, struct et_selector_entry *old)
{
	struct et_trie_node __rcu **pos = root_of(trie, old->sel.family), **parent = NULL;
	struct et_selector_entry __rcu **link;
	struct et_selector_entry *e;
	struct et_trie_node *node;

	for (node = locked(*pos); node; node = locked(*pos)) {
		if (node->len >= old->sel.remote_len)
			break;
		parent = pos;
		pos = &node->child[bit_at(&old->sel.remote, node->len)];
	}

	link = &node->entries;
	for (e = locked(*link); e != old; e = locked(*link))
		link = &e->next;
	rcu_assign_pointer(*link, locked(old->next));

	node_prune(pos);
	if (parent)
		node_prune(parent);
}

/**
 * et_trie_insert - put all selectors of a peer into the trie
 * @trie: the device's trie
 * @sels: what to put in; belongs to the trie until et_trie_remove()
 * @ignore: selectors about to be removed, which may be the same as new ones; or NULL
 * @bad: set to the index of the selector that could not go in
 *
 * Context: process, changes to the trie serialised by the caller.
 * Return: 0; -EEXIST when the same selector is there already; -ENOMEM. Nothing
 * has changed after an error.
 */
int et_trie_insert(struct et_trie *trie, struct et_selectors *sels,
		   const struct et_selectors *ignore, u32 *bad)
{
	int err = 0;
	u32 i;

	for (i = 0; i < sels->count; i++) {
		err = insert_one(trie, &sels->entry[i], ignore);
		if (err)
			break;
	}
	if (!err)
		return 0;

	*bad = i;
	while (i > 0)
		remove_one(trie, &sels->entry[--i]);
	return err;
}

/**
 * et_trie_remove - take all selectors of a peer out of the trie
 * @trie: the device's trie
 * @sels: what et_trie_insert() put in; readers may hold on to it for a grace period
 *
 * Context: process, changes to the trie serialised by the caller.
 */
void et_trie_remove(struct et_trie *trie, struct et_selectors *sels)
{
	u32 i;

	for (i = 0; i < sels->count; i++)
		remove_one(trie, &sels->entry[i]);
}
