/* SPDX-License-Identifier: GPL-2.0-only */
/* outer IPv4 header, routes, path MTU, DSCP, ECN */
#ifndef ET_OUTER_H
#define ET_OUTER_H

#include <linux/skbuff.h>

struct et_dev;
struct et_endpoint;
struct et_peer;
struct rtable;

/* What the outer header of one packet will say. */
struct et_outer {
	struct rtable *rt;
	__be32 saddr;
	__be32 daddr;
	u8 tos;
	__be16 df;		/* htons(IP_DF) or 0 */
};

#define ET_OUTER_LEN 20	/* octets of an IPv4 header */

/* Softirqs off, RCU read-side section. */
int et_outer_route(struct et_dev *edev, struct et_endpoint *ep, struct et_outer *o);
void et_outer_xmit(struct sk_buff *skb, struct et_dev *edev, const struct et_outer *o);

#endif
