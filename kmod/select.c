// SPDX-License-Identifier: GPL-2.0-only
/*
 * prefix → peer trie on the way out, selector check on the way in (userspace too)
 *
 * A path-compressed binary trie over remote prefixes. A node holds a list of
 * entries, since several peers may have selectors with one remote prefix, the
 * most specific first; lookups run down one path and keep the last match, so
 * the longest prefix whose whole selector matches wins. Lookups run under RCU
 * in any context, changes in process context under the caller's mutex.
 */
#include "select.h"

#define KEY_BITS 32

struct et_trie_node {
	struct et_trie_node __rcu *child[2];
	struct et_selector_entry __rcu *entries; /* none: only a fork */
	u32 key;				 /* host order, bits below len zero */
	u8 len;
	struct rcu_head rcu;
};

/* Writers only: the caller's mutex stands in for the read-side section. */
#define locked(p) rcu_dereference_protected(p, 1)

static u32 mask_of(u8 len)
{
	return len ? U32_MAX << (KEY_BITS - len) : 0;
}

static bool prefix_match(__be32 addr, __be32 prefix, u8 len)
{
	return ((ntohl(addr) ^ ntohl(prefix)) & mask_of(len)) == 0;
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
 * @addr: its address
 * @len: its length in bits
 *
 * Return: false when it is longer than an address or has host bits set.
 */
bool et_prefix_ok(__be32 addr, u8 len)
{
	return len <= KEY_BITS && (ntohl(addr) & ~mask_of(len)) == 0;
}

/**
 * et_flow_parse - check an IPv4 packet's header and take what selectors look at
 * @packet: the IPv4 header and what follows
 * @len: octets that can be read there; ports beyond them count as absent
 * @flow: filled in on success
 *
 * Whether the packet's total length is what arrived is for the caller to
 * check: @len may end behind the headers.
 *
 * Return: 0, or -EINVAL when it is no IPv4 header.
 */
int et_flow_parse(const u8 *packet, u32 len, struct et_flow *flow)
{
	struct iphdr ip;
	u32 hlen;

	if (len < sizeof(ip))
		return -EINVAL;
	memcpy(&ip, packet, sizeof(ip));
	hlen = ip.ihl * 4;
	if (ip.version != 4 || hlen < sizeof(ip) || len < hlen ||
	    ntohs(ip.tot_len) < hlen)
		return -EINVAL;

	*flow = (struct et_flow){
		.src = ip.saddr,
		.dst = ip.daddr,
		.proto = ip.protocol,
	};
	if (!et_proto_has_ports(ip.protocol) || ip.frag_off & htons(IP_OFFSET) ||
	    len < hlen + 4 || ntohs(ip.tot_len) < hlen + 4)
		return 0;

	flow->src_port = get_unaligned_be16(packet + hlen);
	flow->dst_port = get_unaligned_be16(packet + hlen + 2);
	flow->has_ports = true;
	return 0;
}

static bool match(const struct et_selector *sel, const struct et_flow *flow, __be32 local,
		  __be32 remote, u16 local_port, u16 remote_port)
{
	if (!prefix_match(remote, sel->remote, sel->remote_len) ||
	    !prefix_match(local, sel->local, sel->local_len))
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
	return match(sel, flow, flow->src, flow->dst, flow->src_port, flow->dst_port);
}

/**
 * et_selector_match_in - may a packet from the other side come in?
 * @sel: the selector
 * @flow: the packet; its source is remote
 */
bool et_selector_match_in(const struct et_selector *sel, const struct et_flow *flow)
{
	return match(sel, flow, flow->dst, flow->src, flow->dst_port, flow->src_port);
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

static u32 bit_at(u32 key, u8 pos)
{
	return key >> (KEY_BITS - 1 - pos) & 1;
}

static bool covers(const struct et_trie_node *node, u32 key)
{
	return ((node->key ^ key) & mask_of(node->len)) == 0;
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
	u32 key = ntohl(flow->dst);

	node = rcu_dereference(trie->root);
	while (node && covers(node, key)) {
		for (e = rcu_dereference(node->entries); e;
		     e = rcu_dereference(e->next)) {
			if (et_selector_match_out(&e->sel, flow)) {
				best = e->peer;
				break;
			}
		}
		if (node->len == KEY_BITS)
			break;
		node = rcu_dereference(node->child[bit_at(key, node->len)]);
	}
	return best;
}

/**
 * et_trie_has_remote - does any selector's remote prefix hold this address?
 * @trie: the device's trie
 * @addr: the address
 *
 * Tells "no peer" from "not by its selectors" when et_trie_lookup() found none.
 *
 * Context: RCU read-side section.
 */
bool et_trie_has_remote(const struct et_trie *trie, __be32 addr)
{
	const struct et_trie_node *node = rcu_dereference(trie->root);
	u32 key = ntohl(addr);

	while (node && covers(node, key)) {
		if (rcu_dereference(node->entries))
			return true;
		if (node->len == KEY_BITS)
			break;
		node = rcu_dereference(node->child[bit_at(key, node->len)]);
	}
	return false;
}

static struct et_trie_node *node_new(u32 key, u8 len)
{
	struct et_trie_node *node = kzalloc(sizeof(*node), GFP_KERNEL);

	if (node) {
		node->key = key & mask_of(len);
		node->len = len;
	}
	return node;
}

/* The node of exactly this prefix, made if need be; NULL without memory. */
static struct et_trie_node *node_get(struct et_trie *trie, u32 key, u8 len)
{
	struct et_trie_node __rcu **pos = &trie->root;
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

	common = KEY_BITS - fls(node->key ^ key);
	common = min(common, min(node->len, len));
	if (common == len) {
		RCU_INIT_POINTER(new->child[bit_at(node->key, len)], node);
		rcu_assign_pointer(*pos, new);
		return new;
	}

	fork = node_new(key, common);
	if (!fork) {
		et_free_rcu(new);
		return NULL;
	}
	RCU_INIT_POINTER(fork->child[bit_at(key, common)], new);
	RCU_INIT_POINTER(fork->child[bit_at(node->key, common)], node);
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
	return a->local == b->local && a->local_len == b->local_len &&
	       a->remote == b->remote && a->remote_len == b->remote_len &&
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

	node = node_get(trie, ntohl(new->sel.remote), new->sel.remote_len);
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
	struct et_trie_node __rcu **pos = &trie->root, **parent = NULL;
	struct et_selector_entry __rcu **link;
	u32 key = ntohl(old->sel.remote);
	struct et_selector_entry *e;
	struct et_trie_node *node;

	for (node = locked(*pos); node; node = locked(*pos)) {
		if (node->len >= old->sel.remote_len)
			break;
		parent = pos;
		pos = &node->child[bit_at(key, node->len)];
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
