/* SPDX-License-Identifier: GPL-2.0-only */
/* outer IPv4, IPv6 and UDP headers, routes, path MTU, DSCP, ECN */
#ifndef ET_OUTER_H
#define ET_OUTER_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>

#include "select.h"

struct dst_entry;
struct et_dev;
struct et_endpoint;

/* What the outer headers of one packet will say. */
struct et_outer {
	struct dst_entry *dst;
	union et_addr saddr;
	union et_addr daddr;
	__be32 flow_label;	/* IPv6 */
	__be16 sport;		/* ESP in UDP; 0: ESP alone */
	__be16 dport;
	u8 family;		/* AF_INET or AF_INET6 */
	u8 tos;			/* or traffic class */
	u8 ttl;			/* or hop limit; 0: the route's */
	bool df;		/* not to be fragmented */
};

/* Where an outer packet came from. */
struct et_source {
	union et_addr addr;
	__be16 port;		/* 0: not in UDP */
	u8 family;
};

#define ET_OUTER_MAX (sizeof(struct ipv6hdr) + sizeof(struct udphdr))

/* Octets before the ESP header. */
static inline u32 et_outer_len(const struct et_outer *o)
{
	return (o->family == AF_INET6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +
	       (o->dport ? sizeof(struct udphdr) : 0);
}

static inline bool et_addr_equal(const union et_addr *a, const union et_addr *b)
{
	return ipv6_addr_equal(&a->v6, &b->v6);
}

static inline bool et_source_equal(const struct et_source *a, const struct et_source *b)
{
	return a->family == b->family && a->port == b->port &&
	       et_addr_equal(&a->addr, &b->addr);
}

/* Softirqs off, RCU read-side section. */
int et_outer_route(struct et_dev *edev, struct et_endpoint *ep, struct et_outer *o);
void et_outer_xmit(struct sk_buff *skb, struct et_dev *edev, const struct et_outer *o);

/* A packet that came, its network and transport headers are the outer ones. */
struct et_source et_outer_source(const struct sk_buff *skb);

#endif
