/* SPDX-License-Identifier: GPL-2.0-only */
/* outer IPv4 and UDP headers, routes, path MTU, DSCP, ECN */
#ifndef ET_OUTER_H
#define ET_OUTER_H

#include <linux/ip.h>
#include <linux/skbuff.h>
#include <linux/udp.h>

struct et_dev;
struct et_endpoint;
struct et_peer;
struct rtable;

/* What the outer header of one packet will say. */
struct et_outer {
	struct rtable *rt;
	__be32 saddr;
	__be32 daddr;
	__be16 sport;		/* ESP in UDP; 0: ESP alone */
	__be16 dport;
	u8 tos;
	__be16 df;		/* htons(IP_DF) or 0 */
};

#define ET_OUTER_MAX (sizeof(struct iphdr) + sizeof(struct udphdr))

/* Octets before the ESP header. */
static inline u32 et_outer_len(const struct et_outer *o)
{
	return sizeof(struct iphdr) + (o->dport ? sizeof(struct udphdr) : 0);
}

/* Softirqs off, RCU read-side section. */
int et_outer_route(struct et_dev *edev, struct et_endpoint *ep, struct et_outer *o);
void et_outer_xmit(struct sk_buff *skb, struct et_dev *edev, const struct et_outer *o);

#endif
