// SPDX-License-Identifier: GPL-2.0-only
/*
 * outer IPv4 and UDP headers, routes, path MTU, DSCP, ECN
 *
 * Everything happens in the outer network namespace, with softirqs off.
 */
#include "outer.h"

#include <net/route.h>

#include "compat.h"
#include "device.h"
#include "peer.h"

/**
 * et_outer_route - find the way to a peer
 * @edev: the device that sends
 * @ep: where the peer is
 * @o: all but tos and df are filled in; rt is with a reference
 *
 * Context: softirqs off, RCU read-side section.
 * Return: 0, -ELOOP when the route leads back into the device, or the lookup's
 * error.
 */
int et_outer_route(struct et_dev *edev, struct et_endpoint *ep, struct et_outer *o)
{
	struct flowi4 fl4 = {};
	struct rtable *rt;

	o->daddr = ep->remote;
	o->sport = ep->sport;
	o->dport = ep->dport;
	rt = dst_cache_get_ip4(&ep->route, &o->saddr);
	if (likely(rt)) {
		o->rt = rt;
		return 0;
	}

	fl4.daddr = ep->remote;
	fl4.saddr = ep->local;
	fl4.flowi4_proto = ep->dport ? IPPROTO_UDP : IPPROTO_ESP;
	fl4.fl4_sport = ep->sport;
	fl4.fl4_dport = ep->dport;
	rt = ip_route_output_flow(edev->net, &fl4, NULL);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->dst.dev == edev->dev) {
		ip_rt_put(rt);
		return -ELOOP;
	}

	o->saddr = fl4.saddr;
	o->rt = rt;
	dst_cache_set_ip4(&ep->route, &rt->dst, fl4.saddr);
	return 0;
}

/* RFC 3948 section 2.1: the checksum should be 0, the ICV is the better one. */
static void put_udp(struct sk_buff *skb, const struct et_outer *o)
{
	struct udphdr *uh = skb_push(skb, sizeof(*uh));

	uh->source = o->sport;
	uh->dest = o->dport;
	uh->len = htons(skb->len);
	uh->check = 0;
	skb_reset_transport_header(skb);
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
	bool xnet = !net_eq(edev->net, dev_net(edev->dev));

	if (o->dport)
		put_udp(skb, o);
	/* we count what we send ourselves; and the mark was for the inner packet */
	skb->dev = NULL;
	skb->mark = 0;
	skb->protocol = htons(ETH_P_IP);
	et_iptunnel_xmit(o->rt, skb, o->saddr, o->daddr, o->dport ? IPPROTO_UDP : IPPROTO_ESP,
			 o->tos, ip4_dst_hoplimit(&o->rt->dst), o->df, xnet);
}
