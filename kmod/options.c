// SPDX-License-Identifier: GPL-2.0-only
/*
 * what ip link says of a link's outer packets: mark, device, DSCP, TTL, DF
 *
 * Process context under rtnl.
 */
#include "options.h"

#include <net/rtnetlink.h>

#include "device.h"
#include "peer.h"

const struct nla_policy et_options_policy[IFLA_ESPTUN_MAX + 1] = {
	[IFLA_ESPTUN_MARK] = { .type = NLA_U32 },
	[IFLA_ESPTUN_LINK] = { .type = NLA_U32 },
	[IFLA_ESPTUN_DSCP] = NLA_POLICY_MAX(NLA_U8, ESPTUN_DSCP_COPY),
	[IFLA_ESPTUN_DECAP_DSCP] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_ESPTUN_TTL] = NLA_POLICY_MAX(NLA_U16, ESPTUN_TTL_INHERIT),
	[IFLA_ESPTUN_DF] = NLA_POLICY_MAX(NLA_U8, ESPTUN_DF_CLEAR),
};

void et_options_init(struct et_options *o)
{
	o->dscp = ESPTUN_DSCP_COPY;
}

/* Where the routes of all peers lead may be another way now. */
static void forget_routes(struct et_dev *edev)
{
	struct et_peer *peer;
	unsigned long id;

	mutex_lock(&edev->cfg);
	xa_for_each(&edev->peers, id, peer)
		dst_cache_reset(&et_cfg_deref(peer->endpoint, edev)->route);
	mutex_unlock(&edev->cfg);
}

static int check_link(const struct et_dev *edev, const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	const struct net_device *dev;

	if (!nla_get_u32(attr))
		return 0;
	dev = __dev_get_by_index(edev->net, nla_get_u32(attr));
	if (!dev) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "dev: the outer namespace has no such device");
		return -ENODEV;
	}
	if (dev == edev->dev) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "dev: the link itself");
		return -ELOOP;
	}
	return 0;
}

/**
 * et_options_set - change what is given
 * @edev: the link
 * @data: IFLA_ESPTUN_*, NULL without any
 * @extack: says what is wrong
 *
 * Context: process, rtnl held.
 * Return: 0, or an error and nothing is changed.
 */
int et_options_set(struct et_dev *edev, struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct et_options *o = &edev->options;

	if (!data)
		return 0;
	if (data[IFLA_ESPTUN_LINK]) {
		int err = check_link(edev, data[IFLA_ESPTUN_LINK], extack);

		if (err)
			return err;
		WRITE_ONCE(o->link, nla_get_u32(data[IFLA_ESPTUN_LINK]));
	}
	if (data[IFLA_ESPTUN_MARK])
		WRITE_ONCE(o->mark, nla_get_u32(data[IFLA_ESPTUN_MARK]));
	if (data[IFLA_ESPTUN_DSCP])
		WRITE_ONCE(o->dscp, nla_get_u8(data[IFLA_ESPTUN_DSCP]));
	if (data[IFLA_ESPTUN_DECAP_DSCP])
		WRITE_ONCE(o->decap_dscp, nla_get_u8(data[IFLA_ESPTUN_DECAP_DSCP]));
	if (data[IFLA_ESPTUN_TTL])
		WRITE_ONCE(o->ttl, nla_get_u16(data[IFLA_ESPTUN_TTL]));
	if (data[IFLA_ESPTUN_DF])
		WRITE_ONCE(o->df, nla_get_u8(data[IFLA_ESPTUN_DF]));
	forget_routes(edev);
	return 0;
}

size_t et_options_size(void)
{
	return nla_total_size(4) +	/* IFLA_ESPTUN_MARK */
	       nla_total_size(4) +	/* IFLA_ESPTUN_LINK */
	       nla_total_size(1) +	/* IFLA_ESPTUN_DSCP */
	       nla_total_size(1) +	/* IFLA_ESPTUN_DECAP_DSCP */
	       nla_total_size(2) +	/* IFLA_ESPTUN_TTL */
	       nla_total_size(1);	/* IFLA_ESPTUN_DF */
}

int et_options_fill(struct sk_buff *skb, const struct et_options *o)
{
	if (nla_put_u32(skb, IFLA_ESPTUN_MARK, o->mark) ||
	    nla_put_u32(skb, IFLA_ESPTUN_LINK, o->link) ||
	    nla_put_u8(skb, IFLA_ESPTUN_DSCP, o->dscp) ||
	    nla_put_u8(skb, IFLA_ESPTUN_DECAP_DSCP, o->decap_dscp) ||
	    nla_put_u16(skb, IFLA_ESPTUN_TTL, o->ttl) ||
	    nla_put_u8(skb, IFLA_ESPTUN_DF, o->df))
		return -EMSGSIZE;
	return 0;
}
