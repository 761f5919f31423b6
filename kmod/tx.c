// SPDX-License-Identifier: GPL-2.0-only
/*
 * inner packet → SA → encrypt → outer; ends with its entry point
 *
 * Read it from the end upwards. Runs with softirqs off; RCU protects peer,
 * endpoint and SA until the cipher has the packet, then a reference holds the
 * SA. tx_done() may run later and on another CPU.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>

#include "compat.h"
#include "device.h"
#include "outer.h"
#include "peer.h"
#include "sa.h"

static bool is_ipv6(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IPV6);
}

/* The cipher is done with a packet. */
static void tx_done(struct et_crypt *c, int err)
{
	struct et_outer outer = c->outer;
	struct sk_buff *skb = c->skb;
	u32 inner_len = c->inner_len;
	struct et_sa *sa = c->sa;
	u64 seq = c->seq;
	struct et_dev *edev = sa->peer->edev;

	et_crypt_put(c);
	if (unlikely(err)) {
		dst_release(outer.dst);
		et_drop(skb, edev, sa->peer, sa,
			err == -ENOSPC || err == -EBUSY ? ET_DROP_CRYPTO_BUSY :
							  ET_DROP_CRYPTO_ERROR);
		goto out;
	}

	et_sa_count(sa, inner_len);
	dev_sw_netstats_tx_add(edev->dev, 1, inner_len);
	et_outer_xmit(skb, edev, &outer);
out:
	et_sa_passed(sa, seq);
	et_sa_put(sa);
}

/*
 * One linear piece that is ours alone, with room for ESP around it: what is
 * shared (a TCP segment that may be sent again, a tap's clone) or paged is
 * copied once, so that the cipher always works in place on one piece.
 */
static int make_private(struct sk_buff *skb, u32 head, u32 tail)
{
	int need_head = max_t(int, head - skb_headroom(skb), 0);
	int need_tail = tail + skb->data_len - (skb_end_pointer(skb) - skb_tail_pointer(skb));

	if (likely(!skb_cloned(skb) && !skb_is_nonlinear(skb) && !need_head && need_tail <= 0))
		return 0;
	if (pskb_expand_head(skb, SKB_DATA_ALIGN(need_head), max(need_tail, 0), GFP_ATOMIC))
		return -ENOMEM;
	return skb_linearize(skb);
}

/*
 * May the outer packet not be fragmented? An IPv6 packet of 1280 octets has to
 * get through (RFC 8200 section 5): its sender would not make it smaller.
 */
static bool dont_fragment(const struct sk_buff *skb, const struct et_options *opt)
{
	if (is_ipv6(skb) && skb->len <= IPV6_MIN_MTU)
		return false;
	return et_options_df(opt, is_ipv6(skb) || ip_hdr(skb)->frag_off & htons(IP_DF));
}

/* One packet, no longer than the path takes. Takes over skb and outer's route. */
static void tx_one(struct sk_buff *skb, struct et_sa *sa, const struct et_outer *outer)
{
	const struct et_options *opt = &sa->peer->edev->options;
	const struct et_esp_geom *g = et_cipher_geom(&sa->cipher);
	u32 inner_len = skb->len;
	u32 cipher_len = et_esp_cipher_len(g, inner_len);
	u32 head = LL_RESERVED_SPACE(outer->dst->dev) + outer->dst->header_len +
		   et_outer_len(outer) + ET_ESP_HDR_LEN + g->iv_len;
	u32 tail = cipher_len - inner_len + g->icv_len;
	u8 next_header = is_ipv6(skb) ? IPPROTO_IPV6 : IPPROTO_IPIP;
	enum et_drop_reason reason;
	struct ip_esp_hdr *esp;
	struct et_crypt *c;
	u64 seq;

	reason = ET_DROP_NO_MEMORY;
	if (make_private(skb, head, tail))
		goto drop;
	reason = ET_DROP_CHECKSUM;
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(skb))
		goto drop;
	reason = ET_DROP_CRYPTO_BUSY;
	c = et_crypt_get();
	if (!c)
		goto drop;
	reason = ET_DROP_SA_EXPIRED;
	seq = et_sa_take_seq(sa);
	if (!seq || !et_sa_get_live(sa))
		goto drop_block;

	c->outer = *outer;
	c->outer.tos = et_options_tos(opt, ip_tunnel_get_dsfield(ip_hdr(skb), skb));
	c->outer.ttl = et_options_ttl(opt, ip_tunnel_get_ttl(ip_hdr(skb), skb));
	c->outer.df = dont_fragment(skb, opt);

	skb_put(skb, tail);
	et_esp_put_trailer(skb->data + inner_len, cipher_len - inner_len - ET_ESP_TRAILER_LEN,
			   next_header);
	esp = skb_push(skb, ET_ESP_HDR_LEN + g->iv_len);
	esp->spi = sa->spi;
	esp->seq_no = htonl(seq);
	skb_reset_transport_header(skb);

	c->done = tx_done;
	c->skb = skb;
	c->sa = sa;
	c->seq = seq;
	c->inner_len = inner_len;
	et_crypt_run(c, (u8 *)esp, cipher_len);
	return;

drop_block:
	et_crypt_put(c);
drop:
	dst_release(outer->dst);
	et_drop(skb, sa->peer->edev, sa->peer, sa, reason);
}

/* A super-packet becomes segments, each private, linear and summed. */
static void tx_segments(struct sk_buff *skb, struct et_sa *sa, const struct et_outer *outer)
{
	struct sk_buff *segs = skb_gso_segment(skb, 0), *next;

	if (IS_ERR_OR_NULL(segs)) {
		dst_release(outer->dst);
		et_drop(skb, sa->peer->edev, sa->peer, sa, ET_DROP_GSO);
		return;
	}

	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		dst_hold(outer->dst);
		tx_one(skb, sa, outer);
	}
	dst_release(outer->dst);
}

/* The longest inner packet that fits the path. */
static u32 inner_mtu(const struct et_sa *sa, const struct et_outer *outer)
{
	u32 path = dst_mtu(outer->dst), around = et_outer_len(outer);

	return et_esp_inner_max(et_cipher_geom(&sa->cipher), path > around ? path - around : 0);
}

/* Booted with ipv6.disable=1 the stack has nothing to answer with, and would not look. */
static void icmpv6_error(struct sk_buff *skb, u8 type, u8 code, u32 info)
{
	if (ipv6_mod_enabled())
		icmpv6_ndo_send(skb, type, code, info);
}

/* Is it longer than fits the path? Tells the sender when it asked not to fragment. */
static bool too_big(struct sk_buff *skb, const struct et_options *opt, u32 mtu)
{
	if (is_ipv6(skb))
		mtu = max_t(u32, mtu, IPV6_MIN_MTU);
	if (skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu)
		return false;
	/* the outer packet is fragmented then, behind us */
	if (!dont_fragment(skb, opt))
		return false;

	skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (is_ipv6(skb))
		icmpv6_error(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	else
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	return true;
}

/* Peer and packet are known: SA and route. */
static void tx_to_peer(struct sk_buff *skb, struct et_peer *peer)
{
	struct et_sa *sa = rcu_dereference(peer->out);
	struct et_dev *edev = peer->edev;
	struct et_outer outer;
	u32 mtu;
	int err;

	if (!sa) {
		et_drop(skb, edev, peer, NULL, ET_DROP_NO_SA);
		return;
	}

	err = et_outer_route(edev, rcu_dereference(peer->endpoint), &outer);
	if (err) {
		et_drop(skb, edev, peer, sa,
			err == -ELOOP ? ET_DROP_ROUTE_LOOP : ET_DROP_NO_ROUTE);
		return;
	}
	mtu = inner_mtu(sa, &outer);
	if (unlikely(mtu != READ_ONCE(peer->mtu)))
		et_peer_mtu_changed(peer, mtu);
	if (too_big(skb, &edev->options, mtu)) {
		dst_release(outer.dst);
		et_drop(skb, edev, peer, sa, ET_DROP_TOO_BIG);
		return;
	}

	if (skb_is_gso(skb))
		tx_segments(skb, sa, &outer);
	else
		tx_one(skb, sa, &outer);
}

/**
 * et_tx_mtu - the longest inner packet that goes to a peer without a fragment now
 * @peer: the peer
 *
 * Return: its octets; 0 without an SA or a route.
 */
u32 et_tx_mtu(struct et_peer *peer)
{
	struct et_outer outer;
	struct et_sa *sa;
	u32 mtu = 0;

	local_bh_disable();
	rcu_read_lock();
	sa = rcu_dereference(peer->out);
	if (sa && !et_outer_route(peer->edev, rcu_dereference(peer->endpoint), &outer)) {
		mtu = inner_mtu(sa, &outer);
		dst_release(outer.dst);
	}
	rcu_read_unlock();
	local_bh_enable();
	return mtu;
}

static void tx_held(struct sk_buff *skb, void *peer)
{
	tx_to_peer(skb, peer);
}

/**
 * et_tx_held - an outbound SA is there: send what waited for it
 * @peer: the peer
 *
 * Context: process, et_dev.cfg held.
 */
void et_tx_held(struct et_peer *peer)
{
	et_hold_drain(&peer->hold, tx_held, peer);
}

/* Has the packet to wait for an SA, or behind those that did? Takes it over then. */
static bool tx_waits(struct sk_buff *skb, struct et_peer *peer)
{
	bool has_sa;
	int err;

	skb_orphan(skb);	/* its socket may send to others meanwhile */
	err = et_hold_put(&peer->hold, skb);
	has_sa = rcu_access_pointer(peer->out);
	if (err == -ESHUTDOWN || (err && has_sa))
		return false;
	if (!has_sa)
		et_peer_want_sa(peer);
	if (err)
		et_drop(skb, peer->edev, peer, NULL, ET_DROP_HOLD_FULL);
	return true;
}

/* The headers that selectors look at, whole and linear. */
static int parse_inner(struct sk_buff *skb, struct et_flow *flow)
{
	int want = et_flow_parse(skb->data, skb_headlen(skb), flow);

	while (want > 0) {
		if (!pskb_may_pull(skb, want))
			return -EINVAL;
		want = et_flow_parse(skb->data, skb_headlen(skb), flow);
	}
	if (want || flow->family != (is_ipv6(skb) ? AF_INET6 : AF_INET))
		return -EINVAL;
	return skb_is_gso(skb) || flow->len <= skb->len ? 0 : -EINVAL;
}

/* Multicast that stays on a link: MLD, router solicitations, mDNS, ... */
static bool is_link_local(const struct et_flow *flow)
{
	if (flow->family == AF_INET6)
		return ipv6_addr_is_multicast(&flow->dst.v6) &&
		       IPV6_ADDR_MC_SCOPE(&flow->dst.v6) <= IPV6_ADDR_SCOPE_LINKLOCAL;
	return ipv4_is_local_multicast(flow->dst.v4);
}

/* No selector has the packet: say so to its sender. */
static enum et_drop_reason refuse(struct sk_buff *skb, const struct et_dev *edev,
				  const struct et_flow *flow)
{
	if (is_link_local(flow))
		return ET_DROP_LINK_LOCAL;
	if (is_ipv6(skb))
		icmpv6_error(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
	else
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	return et_trie_has_remote(&edev->trie, flow) ? ET_DROP_SELECTOR_OUT : ET_DROP_NO_PEER;
}

/**
 * et_xmit - a packet was routed to the link: ndo_start_xmit
 * @skb: the inner packet
 * @dev: the link
 *
 * Context: softirqs off.
 * Return: NETDEV_TX_OK; the packet is consumed whatever becomes of it.
 */
netdev_tx_t et_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct et_dev *edev = netdev_priv(dev);
	enum et_drop_reason reason;
	struct et_peer *peer;
	struct et_flow flow;

	reason = ET_DROP_INNER_PROTOCOL;
	if (skb->protocol != htons(ETH_P_IP) && !is_ipv6(skb))
		goto drop;

	/* a loop through other tunnels, which no single route shows */
	reason = ET_DROP_ROUTE_LOOP;
	if (unlikely(dev_recursion_level() > IP_TUNNEL_RECURSION_LIMIT))
		goto drop;

	skb_reset_network_header(skb);
	reason = ET_DROP_MALFORMED_OUT;
	if (parse_inner(skb, &flow))
		goto drop;

	rcu_read_lock();
	peer = et_trie_lookup(&edev->trie, &flow);
	if (peer) {
		if (likely(!et_hold_is_open(&peer->hold)) || !tx_waits(skb, peer))
			tx_to_peer(skb, peer);
		rcu_read_unlock();
		return NETDEV_TX_OK;
	}
	reason = refuse(skb, edev, &flow);
	rcu_read_unlock();
drop:
	et_drop(skb, edev, NULL, NULL, reason);
	return NETDEV_TX_OK;
}
