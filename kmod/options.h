/* SPDX-License-Identifier: GPL-2.0-only */
/* what ip link says of a link's outer packets: mark, device, DSCP, TTL, DF */
#ifndef ET_OPTIONS_H
#define ET_OPTIONS_H

#include <linux/netlink.h>
#include <net/inet_ecn.h>
#include <uapi/linux/esptun.h>

struct et_dev;

/* Written under rtnl, read by packets meanwhile: each field is true by itself. */
struct et_options {
	u32 mark;
	int link;	/* ifindex in the outer namespace; 0: the route decides */
	u16 ttl;	/* 0: the route's; ESPTUN_TTL_INHERIT */
	u8 dscp;	/* or ESPTUN_DSCP_COPY */
	u8 decap_dscp;	/* 0 or 1 */
	u8 df;		/* enum esptun_df */
};

/* The outer field from the inner one; ECN is always the inner one's (RFC 6040 section 4.1). */
static inline u8 et_options_tos(const struct et_options *o, u8 inner)
{
	u8 dscp = READ_ONCE(o->dscp);

	return dscp == ESPTUN_DSCP_COPY ? inner : dscp << 2 | (inner & INET_ECN_MASK);
}

/* Return: 0, the route's. */
static inline u8 et_options_ttl(const struct et_options *o, u8 inner)
{
	u16 ttl = READ_ONCE(o->ttl);

	return ttl == ESPTUN_TTL_INHERIT ? inner : ttl;
}

static inline bool et_options_df(const struct et_options *o, bool inner)
{
	u8 df = READ_ONCE(o->df);

	return df == ESPTUN_DF_COPY ? inner : df == ESPTUN_DF_SET;
}

/* Process context, rtnl held. */
extern const struct nla_policy et_options_policy[IFLA_ESPTUN_MAX + 1];
void et_options_init(struct et_options *o);
int et_options_set(struct et_dev *edev, struct nlattr *data[], struct netlink_ext_ack *extack);
size_t et_options_size(void);
int et_options_fill(struct sk_buff *skb, const struct et_options *o);

#endif
