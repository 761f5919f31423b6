// SPDX-License-Identifier: GPL-2.0-only
/*
 * outer IPv4, IPv6 and UDP headers, routes, path MTU, DSCP, ECN
 *
 * Everything happens in the outer network namespace, with softirqs off.
 */
#include "outer.h"

#include <net/route.h>
#if IS_ENABLED(CONFIG_IPV6)
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#endif

#include "compat.h"
#include "device.h"
#include "peer.h"

static u8 outer_proto(const struct et_outer *o)
{
	return o->dport ? IPPROTO_UDP : IPPROTO_ESP;
}

static struct dst_entry *route_ipv4(struct et_dev *edev, const struct et_endpoint *ep,
				    struct et_outer *o)
{
	struct flowi4 fl4 = {
		.daddr = ep->remote.v4,
		.saddr = ep->local.v4,
		.flowi4_proto = outer_proto(o),
		.flowi4_oif = READ_ONCE(edev->options.link),
		.flowi4_mark = READ_ONCE(edev->options.mark),
		.fl4_sport = ep->sport,
		.fl4_dport = ep->dport,
	};
	struct rtable *rt = ip_route_output_flow(edev->net, &fl4, NULL);

	if (IS_ERR(rt))
		return ERR_CAST(rt);
	o->saddr.v4 = fl4.saddr;
	return &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)

static struct dst_entry *route_ipv6(struct et_dev *edev, const struct et_endpoint *ep,
				    struct et_outer *o)
{
	struct flowi6 fl6 = {
		.daddr = ep->remote.v6,
		.saddr = ep->local.v6,
		.flowlabel = ep->flow_label,
		.flowi6_proto = outer_proto(o),
		.flowi6_oif = READ_ONCE(edev->options.link),
		.flowi6_mark = READ_ONCE(edev->options.mark),
		.fl6_sport = ep->sport,
		.fl6_dport = ep->dport,
	};
	struct dst_entry *dst;

	/* booted with ipv6.disable=1: there are no tables to look into */
	if (!ipv6_mod_enabled())
		return ERR_PTR(-EAFNOSUPPORT);
	dst = ip6_dst_lookup_flow(edev->net, NULL, &fl6, NULL);
	o->saddr.v6 = fl6.saddr;
	return dst;
}

static struct dst_entry *cached_ipv6(struct et_endpoint *ep, struct et_outer *o)
{
	return dst_cache_get_ip6(&ep->route, &o->saddr.v6);
}

static void cache_ipv6(struct et_endpoint *ep, const struct et_outer *o)
{
	dst_cache_set_ip6(&ep->route, o->dst, &o->saddr.v6);
}

/* As iptunnel_xmit() does for IPv4. */
static void xmit_ipv6(struct sk_buff *skb, const struct et_outer *o, struct net *net)
{
	struct ipv6hdr *ip;

	skb_clear_hash_if_not_l4(skb);
	skb_dst_set(skb, o->dst);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));

	ip = skb_push(skb, sizeof(*ip));
	skb_reset_network_header(skb);
	ip6_flow_hdr(ip, o->tos, o->flow_label);
	ip->nexthdr = outer_proto(o);
	ip->hop_limit = o->ttl ?: ip6_dst_hoplimit(o->dst);
	ip->saddr = o->saddr.v6;
	ip->daddr = o->daddr.v6;
	skb->protocol = htons(ETH_P_IPV6);
	skb->ignore_df = !o->df;
	ip6_local_out(net, NULL, skb);
}

/* Without a checksum most receivers drop it (RFC 8200 section 8.1), IKE's sockets among them. */
static void sum_udp_ipv6(struct sk_buff *skb, const struct et_outer *o)
{
	udp6_set_csum(false, skb, &o->saddr.v6, &o->daddr.v6, skb->len);
}

#else

static struct dst_entry *route_ipv6(struct et_dev *edev, const struct et_endpoint *ep,
				    struct et_outer *o)
{
	return ERR_PTR(-EAFNOSUPPORT);
}

static struct dst_entry *cached_ipv6(struct et_endpoint *ep, struct et_outer *o)
{
	return NULL;
}

static void cache_ipv6(struct et_endpoint *ep, const struct et_outer *o) { }
static void xmit_ipv6(struct sk_buff *skb, const struct et_outer *o, struct net *net) { }
static void sum_udp_ipv6(struct sk_buff *skb, const struct et_outer *o) { }

#endif

static struct dst_entry *cached(struct et_endpoint *ep, struct et_outer *o)
{
	struct rtable *rt;

	if (ep->family == AF_INET6)
		return cached_ipv6(ep, o);
	rt = dst_cache_get_ip4(&ep->route, &o->saddr.v4);
	return rt ? &rt->dst : NULL;
}

/**
 * et_outer_route - find the way to a peer
 * @edev: the device that sends
 * @ep: where the peer is
 * @o: all but tos and df are filled in; dst is with a reference
 *
 * Context: softirqs off, RCU read-side section.
 * Return: 0, -ELOOP when the route leads back into the device, or the lookup's
 * error.
 */
int et_outer_route(struct et_dev *edev, struct et_endpoint *ep, struct et_outer *o)
{
	struct dst_entry *dst;

	o->family = ep->family;
	o->daddr = ep->remote;
	o->flow_label = ep->flow_label;
	o->sport = ep->sport;
	o->dport = ep->dport;
	o->dst = cached(ep, o);
	if (likely(o->dst))
		return 0;

	dst = ep->family == AF_INET6 ? route_ipv6(edev, ep, o) : route_ipv4(edev, ep, o);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	if (dst->dev == edev->dev) {
		dst_release(dst);
		return -ELOOP;
	}

	o->dst = dst;
	if (ep->family == AF_INET6)
		cache_ipv6(ep, o);
	else
		dst_cache_set_ip4(&ep->route, dst, o->saddr.v4);
	return 0;
}

/*
 * RFC 3948 section 2.1: over IPv4 the checksum should be 0, the ICV is the
 * better one.
 */
static void put_udp(struct sk_buff *skb, const struct et_outer *o)
{
	struct udphdr *uh = skb_push(skb, sizeof(*uh));

	uh->source = o->sport;
	uh->dest = o->dport;
	uh->len = htons(skb->len);
	uh->check = 0;
	skb_reset_transport_header(skb);
	if (o->family == AF_INET6)
		sum_udp_ipv6(skb, o);
}

/**
 * et_outer_xmit - put the outer headers before an ESP packet and send it
 * @skb: the packet, data at the ESP header; taken over
 * @edev: the device that sends it
 * @o: what the headers say; its route's reference is taken over
 *
 * Context: softirqs off.
 */
void et_outer_xmit(struct sk_buff *skb, struct et_dev *edev, const struct et_outer *o)
{
	/* what was said of the inner packet is not true of this one */
	skb->encapsulation = 0;
	skb->ip_summed = CHECKSUM_NONE;
	if (o->dport)
		put_udp(skb, o);
	skb_scrub_packet(skb, !net_eq(edev->net, dev_net(edev->dev)));
	skb->mark = READ_ONCE(edev->options.mark);
	skb->dev = NULL;	/* we count what we send ourselves */
	if (o->family == AF_INET6) {
		xmit_ipv6(skb, o, edev->net);
		return;
	}
	skb->protocol = htons(ETH_P_IP);
	et_iptunnel_xmit(dst_rtable(o->dst), skb, o->saddr.v4, o->daddr.v4, outer_proto(o), o->tos,
			 o->ttl ?: ip4_dst_hoplimit(o->dst), o->df ? htons(IP_DF) : 0);
}

/**
 * et_outer_source - where a packet came from
 * @skb: the packet; its network header is the outer one, its transport header
 *	UDP's, or else at its data
 */
struct et_source et_outer_source(const struct sk_buff *skb)
{
	struct et_source from = { .family = AF_INET };

	if (ip_hdr(skb)->version == 6) {
		from.family = AF_INET6;
		from.addr.v6 = ipv6_hdr(skb)->saddr;
	} else {
		from.addr.v4 = ip_hdr(skb)->saddr;
	}
	if (skb_transport_offset(skb))
		from.port = udp_hdr(skb)->source;
	return from;
}
