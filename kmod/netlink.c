// SPDX-License-Identifier: GPL-2.0-only
/*
 * doit, events: requests that change things or ask for one of them
 *
 * Process context; requests run in parallel, et_dev.cfg puts those of one
 * device in a row. Every refusal says why and where (extack), and has changed
 * nothing. Keys are wiped from the request.
 */
#include "netlink.h"

#include <net/genetlink.h>
#include <net/ipv6.h>

#include "compat.h"
#include "device.h"
#include "netlink_gen.h"
#include "peer.h"
#include "sa.h"

static const struct genl_multicast_group groups[] = {
	[ESPTUN_NLGRP_EVENTS] = { .name = ESPTUN_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family et_nl_family __ro_after_init = {
	.name = ESPTUN_GENL_NAME,
	.version = ESPTUN_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = esptun_nl_ops,
	.n_ops = ARRAY_SIZE(esptun_nl_ops),
	.resv_start_op = __ESPTUN_CMD_MAX,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

/* Is a required attribute absent? Then the reply says which. */
#define MISSING(info, attr, name)                                                \
	({                                                                       \
		bool missing = GENL_REQ_ATTR_CHECK(info, attr);                  \
		if (missing)                                                     \
			NL_SET_ERR_MSG((info)->extack, name ": missing");        \
		missing;                                                         \
	})

#define REFUSE(info, attr, err, text)                                            \
	({                                                                       \
		NL_SET_ERR_MSG_ATTR((info)->extack, (info)->attrs[attr], text);  \
		err;                                                             \
	})

/**
 * et_nl_capable - may the sender of a request configure this device?
 * @request: the request
 * @edev: the device
 *
 * The family's flags ask for CAP_NET_ADMIN over the socket's namespace, the
 * inner one. Over the outer one it is needed too: else a container could
 * claim the host's SPIs.
 */
bool et_nl_capable(const struct sk_buff *request, const struct et_dev *edev)
{
	return netlink_ns_capable(request, edev->net->user_ns, CAP_NET_ADMIN);
}

static void dev_unlock(struct et_dev *edev)
{
	mutex_unlock(&edev->cfg);
	et_dev_settle(edev);
	dev_put(edev->dev);
}

/* The device that a request names, held and its configuration locked. */
static struct et_dev *dev_lock(struct sk_buff *skb, struct genl_info *info, int attr)
{
	struct net_device *dev;
	struct et_dev *edev;

	if (MISSING(info, attr, "ifindex"))
		return ERR_PTR(-EINVAL);
	dev = dev_get_by_index(genl_info_net(info), nla_get_u32(info->attrs[attr]));
	if (!dev)
		return ERR_PTR(REFUSE(info, attr, -ENODEV, "ifindex: no such device"));
	if (!et_is_dev(dev)) {
		dev_put(dev);
		return ERR_PTR(REFUSE(info, attr, -EOPNOTSUPP, "ifindex: no esptun device"));
	}

	edev = netdev_priv(dev);
	mutex_lock(&edev->cfg);
	if (edev->dead) {
		dev_unlock(edev);
		return ERR_PTR(REFUSE(info, attr, -ENODEV, "ifindex: no such device"));
	}
	if (!et_nl_capable(skb, edev)) {
		dev_unlock(edev);
		return ERR_PTR(REFUSE(info, attr, -EPERM,
				      "no CAP_NET_ADMIN over the outer network namespace"));
	}
	return edev;
}

/* The peer that a request names; the device is locked on success. */
static struct et_peer *peer_lock(struct sk_buff *skb, struct genl_info *info, int dev_attr,
				 int id_attr)
{
	struct et_peer *peer;
	struct et_dev *edev;

	if (MISSING(info, id_attr, "peer"))
		return ERR_PTR(-EINVAL);
	edev = dev_lock(skb, info, dev_attr);
	if (IS_ERR(edev))
		return ERR_CAST(edev);
	peer = et_peer_find(edev, nla_get_u32(info->attrs[id_attr]));
	if (peer)
		return peer;
	dev_unlock(edev);
	return ERR_PTR(REFUSE(info, id_attr, -ENOENT, "peer: the device has none of this id"));
}

/* The SA that a request names; the device is locked on success. */
static struct et_sa *sa_lock(struct sk_buff *skb, struct genl_info *info, bool out)
{
	struct et_peer *peer;
	struct et_sa *sa;

	if (MISSING(info, ESPTUN_A_SA_SPI, "spi"))
		return ERR_PTR(-EINVAL);
	peer = peer_lock(skb, info, ESPTUN_A_SA_IFINDEX, ESPTUN_A_SA_PEER_ID);
	if (IS_ERR(peer))
		return ERR_CAST(peer);
	sa = et_sa_find(peer, out, nla_get_be32(info->attrs[ESPTUN_A_SA_SPI]));
	if (sa)
		return sa;
	dev_unlock(peer->edev);
	return ERR_PTR(REFUSE(info, ESPTUN_A_SA_SPI, -ENOENT,
			      "spi: the peer has no such SA in this direction"));
}

/* Reply with one object, which show() puts into the message. */
#define REPLY(info, size, show, ...)                                             \
	({                                                                       \
		struct sk_buff *msg = genlmsg_new(size, GFP_KERNEL);             \
		int ret = msg ? show(msg, __VA_ARGS__) : -ENOMEM;                \
		if (ret)                                                         \
			nlmsg_free(msg);                                         \
		ret ?: genlmsg_reply(msg, info);                                 \
	})

int esptun_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_dev *edev = dev_lock(skb, info, ESPTUN_A_DEV_IFINDEX);
	int err;

	if (IS_ERR(edev))
		return PTR_ERR(edev);
	err = REPLY(info, ET_MSG_MAX, et_show_dev, info, edev);
	dev_unlock(edev);
	return err;
}

/* Peers */

/* An address has one attribute for each family. Return: the family, 0 without one. */
static u8 get_addr(const struct nlattr *ipv4, const struct nlattr *ipv6, union et_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (ipv6) {
		addr->v6 = nla_get_in6_addr(ipv6);
		return AF_INET6;
	}
	if (ipv4)
		addr->v4 = nla_get_be32(ipv4);
	return ipv4 ? AF_INET : AF_UNSPEC;
}

static int parse_selector(const struct nlattr *nest, struct et_selector *sel,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[ESPTUN_A_SELECTOR_MAX + 1];
	int err = nla_parse_nested(tb, ESPTUN_A_SELECTOR_MAX, nest, esptun_selector_nl_policy,
				   extack);
	u8 remote_family;

	if (err)
		return err;
	NL_SET_BAD_ATTR(extack, nest);
	sel->family = get_addr(tb[ESPTUN_A_SELECTOR_LOCAL_IPV4], tb[ESPTUN_A_SELECTOR_LOCAL_IPV6],
			       &sel->local);
	remote_family = get_addr(tb[ESPTUN_A_SELECTOR_REMOTE_IPV4],
				 tb[ESPTUN_A_SELECTOR_REMOTE_IPV6], &sel->remote);
	if (!sel->family || !tb[ESPTUN_A_SELECTOR_LOCAL_LEN] ||
	    !remote_family || !tb[ESPTUN_A_SELECTOR_REMOTE_LEN]) {
		NL_SET_ERR_MSG(extack, "selectors: local and remote address and length are needed");
		return -EINVAL;
	}
	if (sel->family != remote_family ||
	    (tb[ESPTUN_A_SELECTOR_LOCAL_IPV4] && tb[ESPTUN_A_SELECTOR_LOCAL_IPV6]) ||
	    (tb[ESPTUN_A_SELECTOR_REMOTE_IPV4] && tb[ESPTUN_A_SELECTOR_REMOTE_IPV6])) {
		NL_SET_ERR_MSG(extack, "selectors: local and remote are of two families");
		return -EINVAL;
	}

	sel->local_len = nla_get_u8(tb[ESPTUN_A_SELECTOR_LOCAL_LEN]);
	sel->remote_len = nla_get_u8(tb[ESPTUN_A_SELECTOR_REMOTE_LEN]);
	if (tb[ESPTUN_A_SELECTOR_PROTO])
		sel->proto = nla_get_u8(tb[ESPTUN_A_SELECTOR_PROTO]);
	if (tb[ESPTUN_A_SELECTOR_LOCAL_PORT])
		sel->local_port = nla_get_u16(tb[ESPTUN_A_SELECTOR_LOCAL_PORT]);
	if (tb[ESPTUN_A_SELECTOR_REMOTE_PORT])
		sel->remote_port = nla_get_u16(tb[ESPTUN_A_SELECTOR_REMOTE_PORT]);

	if (!et_prefix_ok(sel->family, &sel->local, sel->local_len)) {
		NL_SET_ERR_MSG(extack, "selectors: local has host bits set, or is too long");
		return -EINVAL;
	}
	if (!et_prefix_ok(sel->family, &sel->remote, sel->remote_len)) {
		NL_SET_ERR_MSG(extack, "selectors: remote has host bits set, or is too long");
		return -EINVAL;
	}
	if ((sel->local_port || sel->remote_port) && !et_proto_has_ports(sel->proto)) {
		NL_SET_ERR_MSG(extack, "selectors: ports need a proto that has them");
		return -EINVAL;
	}
	return 0;
}

static bool is_selectors(const struct nlattr *attr)
{
	return nla_type(attr) == ESPTUN_A_PEER_SELECTORS;
}

/* All selectors of a peer-set, NULL when it has none. */
static struct et_selectors *parse_selectors(struct genl_info *info)
{
	struct et_selectors *sels;
	struct nlattr *attr;
	u32 count = 0;
	int err, rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		count += is_selectors(attr);
	if (!count)
		return NULL;
	if (count > ET_SELECTORS_MAX)
		return ERR_PTR(REFUSE(info, ESPTUN_A_PEER_SELECTORS, -E2BIG,
				      "selectors: a peer has 256 at most"));

	sels = kzalloc(struct_size(sels, entry, count), GFP_KERNEL);
	if (!sels)
		return ERR_PTR(-ENOMEM);
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (!is_selectors(attr))
			continue;
		err = parse_selector(attr, &sels->entry[sels->count++].sel, info->extack);
		if (err) {
			kfree(sels);
			return ERR_PTR(err);
		}
	}
	return sels;
}

/* An outer address, if one is given. @any: it may be 0, too. */
static int parse_outer(struct genl_info *info, int ipv4, int ipv6, bool any, u8 *family,
		       union et_addr *addr)
{
	int attr = info->attrs[ipv6] ? ipv6 : ipv4;

	*family = get_addr(info->attrs[ipv4], info->attrs[ipv6], addr);
	if (info->attrs[ipv4] && info->attrs[ipv6])
		return REFUSE(info, attr, -EINVAL, "an IPv4 and an IPv6 address: give one");
	if (!*family || (any && ipv6_addr_any(&addr->v6)) || et_addr_is_outer(*family, addr))
		return 0;
	if (any)
		return REFUSE(info, attr, -EINVAL, "local: no unicast address that is routed");
	return REFUSE(info, attr, -EINVAL, "remote: no unicast address that is routed");
}

/* Both ports, or neither; 0 only together. */
static int parse_encap(struct genl_info *info, struct et_peer_params *p)
{
	const struct nlattr *sport = info->attrs[ESPTUN_A_PEER_ENCAP_SPORT];
	const struct nlattr *dport = info->attrs[ESPTUN_A_PEER_ENCAP_DPORT];

	if (!sport && !dport)
		return 0;
	if (MISSING(info, ESPTUN_A_PEER_ENCAP_SPORT, "encap-sport, beside encap-dport") ||
	    MISSING(info, ESPTUN_A_PEER_ENCAP_DPORT, "encap-dport, beside encap-sport"))
		return -EINVAL;
	p->has_encap = true;
	p->sport = nla_get_be16(sport);
	p->dport = nla_get_be16(dport);
	if (!p->sport != !p->dport)
		return REFUSE(info, ESPTUN_A_PEER_ENCAP_SPORT, -EINVAL,
			      "encap-sport: it and encap-dport are 0 both, or neither");
	return 0;
}

static void parse_switches(struct genl_info *info, struct et_peer_params *p)
{
	const struct nlattr *mapping = info->attrs[ESPTUN_A_PEER_MAPPING];
	const struct nlattr *acquire = info->attrs[ESPTUN_A_PEER_ACQUIRE];

	p->has_mapping = mapping;
	p->has_acquire = acquire;
	if (mapping)
		p->mapping = nla_get_u32(mapping);
	if (acquire)
		p->acquire = nla_get_u8(acquire);
}

static int parse_peer(struct genl_info *info, struct et_peer_params *p)
{
	int err;

	if (MISSING(info, ESPTUN_A_PEER_ID, "id"))
		return -EINVAL;
	p->id = nla_get_u32(info->attrs[ESPTUN_A_PEER_ID]);
	err = parse_outer(info, ESPTUN_A_PEER_REMOTE_IPV4, ESPTUN_A_PEER_REMOTE_IPV6, false,
			  &p->remote_family, &p->remote) ?:
	      parse_outer(info, ESPTUN_A_PEER_LOCAL_IPV4, ESPTUN_A_PEER_LOCAL_IPV6, true,
			  &p->local_family, &p->local) ?:
	      parse_encap(info, p);
	if (err)
		return err;
	p->has_remote = p->remote_family;
	p->has_local = p->local_family;
	parse_switches(info, p);
	p->selectors = parse_selectors(info);
	return PTR_ERR_OR_ZERO(p->selectors);
}

/* The selector that could not go in: where it is in the request. */
static void blame_selector(struct genl_info *info, u32 index)
{
	struct nlattr *attr;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (is_selectors(attr) && index-- == 0)
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "selectors: given twice, or another peer has it");
}

/* What a new peer needs, and what has to fit what is there. */
static int check_peer(struct genl_info *info, struct et_dev *edev, const struct et_peer_params *p)
{
	const struct et_peer *peer = et_peer_find(edev, p->id);
	u8 family = p->remote_family;

	if (!peer && !p->has_remote && MISSING(info, ESPTUN_A_PEER_REMOTE_IPV4,
					       "remote-ipv4 or remote-ipv6, of a new peer"))
		return -EINVAL;
	if (!peer && MISSING(info, ESPTUN_A_PEER_SELECTORS, "selectors, of a new peer"))
		return -EINVAL;
	if (!p->has_remote)
		family = et_cfg_deref(peer->endpoint, edev)->family;
	if (p->has_local && !ipv6_addr_any(&p->local.v6) && p->local_family != family)
		return REFUSE(info, p->local_family == AF_INET6 ? ESPTUN_A_PEER_LOCAL_IPV6 :
								  ESPTUN_A_PEER_LOCAL_IPV4,
			      -EINVAL, "local: of another family than remote");
	return 0;
}

int esptun_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_peer_params p = {};
	struct et_dev *edev;
	int err = parse_peer(info, &p);

	if (err)
		return err;
	edev = dev_lock(skb, info, ESPTUN_A_PEER_IFINDEX);
	if (IS_ERR(edev)) {
		err = PTR_ERR(edev);
		goto out_free;
	}

	err = check_peer(info, edev, &p) ?: et_peer_set(edev, &p);
	if (!err)
		p.selectors = NULL;
	else if (err == -EEXIST)
		blame_selector(info, p.bad_selector);
	dev_unlock(edev);
out_free:
	/* they may have been in the trie until one was refused: readers hold on to them */
	if (p.selectors)
		kfree_rcu(p.selectors, rcu);
	return err;
}

int esptun_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_peer *peer = peer_lock(skb, info, ESPTUN_A_PEER_IFINDEX, ESPTUN_A_PEER_ID);
	struct et_dev *edev;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	edev = peer->edev;
	et_peer_remove(peer);
	dev_unlock(edev);
	return 0;
}

int esptun_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_peer *peer = peer_lock(skb, info, ESPTUN_A_PEER_IFINDEX, ESPTUN_A_PEER_ID);
	int err;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = REPLY(info, ET_MSG_MAX, et_show_peer, info->snd_portid, info->snd_seq, 0, peer);
	dev_unlock(peer->edev);
	return err;
}

/* SAs */

int esptun_nl_spi_alloc_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_peer *peer = peer_lock(skb, info, ESPTUN_A_SA_IFINDEX, ESPTUN_A_SA_PEER_ID);
	struct et_sa *sa;
	int err;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	sa = et_spi_reserve(peer);
	err = PTR_ERR_OR_ZERO(sa);
	if (!err) {
		err = REPLY(info, NLMSG_GOODSIZE, et_show_spi, info, sa);
		if (err)
			et_sa_remove(sa);
	}
	dev_unlock(peer->edev);
	return err;
}

static int parse_limits(struct genl_info *info, struct et_limits *limits)
{
	const struct et_limit_attrs *attrs = et_limit_attrs;
	struct nlattr *tb[ESPTUN_A_LIMITS_MAX + 1];
	int err, i;

	if (!info->attrs[ESPTUN_A_SA_LIMITS])
		return 0;
	err = nla_parse_nested(tb, ESPTUN_A_LIMITS_MAX, info->attrs[ESPTUN_A_SA_LIMITS],
			       esptun_limits_nl_policy, info->extack);
	if (err)
		return err;

	for (i = 0; i < ET_LIMITS; i++) {
		if (tb[attrs[i].soft])
			limits->soft[i] = nla_get_u64(tb[attrs[i].soft]);
		if (tb[attrs[i].hard])
			limits->hard[i] = nla_get_u64(tb[attrs[i].hard]);
		if (limits->hard[i] && limits->soft[i] > limits->hard[i])
			return REFUSE(info, ESPTUN_A_SA_LIMITS, -EINVAL,
				      "limits: a soft one is above its hard one");
	}
	if (max(limits->soft[ET_LIMIT_TIME], limits->hard[ET_LIMIT_TIME]) > U32_MAX)
		return REFUSE(info, ESPTUN_A_SA_LIMITS, -EINVAL,
			      "limits: above 4294967295 seconds");
	return 0;
}

/* What only one direction has. */
static int parse_direction(struct genl_info *info, struct et_sa_params *p)
{
	const struct nlattr *window = info->attrs[ESPTUN_A_SA_REPLAY_WINDOW];
	const struct nlattr *pair = info->attrs[ESPTUN_A_SA_PAIR_SPI];

	p->window = window ? nla_get_u32(window) : ET_REPLAY_WINDOW_DEFAULT;
	if (p->out && window)
		return REFUSE(info, ESPTUN_A_SA_REPLAY_WINDOW, -EINVAL,
			      "replay-window: only an inbound SA has one");
	if (!et_replay_window_ok(p->window))
		return REFUSE(info, ESPTUN_A_SA_REPLAY_WINDOW, -EINVAL,
			      "replay-window: a power of two from 64 to 65536");
	if (!p->out && pair)
		return REFUSE(info, ESPTUN_A_SA_PAIR_SPI, -EINVAL,
			      "pair-spi: only an outbound SA has one");
	if (!p->out && info->attrs[ESPTUN_A_SA_ACTIVE])
		return REFUSE(info, ESPTUN_A_SA_ACTIVE, -EINVAL,
			      "active: only an outbound SA can be");
	p->pair_spi = pair ? nla_get_be32(pair) : 0;
	return 0;
}

static void parse_keys(struct genl_info *info, struct et_keys *k)
{
	const struct nlattr *integ = info->attrs[ESPTUN_A_SA_INTEG];
	const struct nlattr *key = info->attrs[ESPTUN_A_SA_KEY];
	const struct nlattr *integ_key = info->attrs[ESPTUN_A_SA_INTEG_KEY];

	k->cipher = nla_get_u32(info->attrs[ESPTUN_A_SA_CIPHER]);
	k->integ = integ ? nla_get_u32(integ) : ESPTUN_INTEG_NONE;
	if (key) {
		k->key = nla_data(key);
		k->key_len = nla_len(key);
	}
	if (integ_key) {
		k->integ_key = nla_data(integ_key);
		k->integ_key_len = nla_len(integ_key);
	}
}

static int parse_sa(struct genl_info *info, struct et_sa_params *p)
{
	if (MISSING(info, ESPTUN_A_SA_IFINDEX, "ifindex") ||
	    MISSING(info, ESPTUN_A_SA_PEER_ID, "peer-id") ||
	    MISSING(info, ESPTUN_A_SA_DIRECTION, "direction") ||
	    MISSING(info, ESPTUN_A_SA_SPI, "spi") ||
	    MISSING(info, ESPTUN_A_SA_CIPHER, "cipher"))
		return -EINVAL;

	p->out = nla_get_u32(info->attrs[ESPTUN_A_SA_DIRECTION]) == ESPTUN_DIRECTION_OUT;
	p->spi = nla_get_be32(info->attrs[ESPTUN_A_SA_SPI]);
	if (be32_to_cpu(p->spi) < ET_SPI_MIN)
		return REFUSE(info, ESPTUN_A_SA_SPI, -EINVAL, "spi: below 256 is reserved");
	p->esn = info->attrs[ESPTUN_A_SA_ESN];
	parse_keys(info, &p->keys);
	return parse_direction(info, p) ?: parse_limits(info, &p->limits);
}

static int sa_new(struct sk_buff *skb, struct genl_info *info)
{
	static const int part[] = {
		[ET_KEYS_CIPHER] = ESPTUN_A_SA_CIPHER,
		[ET_KEYS_INTEG] = ESPTUN_A_SA_INTEG,
		[ET_KEYS_KEY] = ESPTUN_A_SA_KEY,
		[ET_KEYS_INTEG_KEY] = ESPTUN_A_SA_INTEG_KEY,
	};
	struct et_sa_params p = {};
	struct et_peer *peer;
	struct et_sa *sa;
	int err = parse_sa(info, &p);

	if (err)
		return err;
	/* Nothing is allocated, and no crypto module loaded, for who may not. */
	peer = peer_lock(skb, info, ESPTUN_A_SA_IFINDEX, ESPTUN_A_SA_PEER_ID);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	dev_unlock(peer->edev);

	sa = et_sa_create(&p, info->extack);
	if (IS_ERR(sa)) {
		NL_SET_BAD_ATTR(info->extack, info->attrs[part[p.keys.bad]]);
		return PTR_ERR(sa);
	}

	peer = peer_lock(skb, info, ESPTUN_A_SA_IFINDEX, ESPTUN_A_SA_PEER_ID);
	if (IS_ERR(peer)) {
		et_sa_put(sa);
		return PTR_ERR(peer);
	}
	err = et_sa_insert(sa, peer, info->attrs[ESPTUN_A_SA_ACTIVE]);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[ESPTUN_A_SA_SPI],
				    "spi: in use");
	if (err)
		et_sa_put(sa);
	dev_unlock(peer->edev);
	return err;
}

int esptun_nl_sa_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = sa_new(skb, info), rem;
	struct nlattr *attr;

	/* one that is given twice, too */
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (nla_type(attr) == ESPTUN_A_SA_KEY || nla_type(attr) == ESPTUN_A_SA_INTEG_KEY)
			memzero_explicit(nla_data(attr), nla_len(attr));
	return err;
}

int esptun_nl_sa_activate_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_sa *sa = sa_lock(skb, info, true);

	if (IS_ERR(sa))
		return PTR_ERR(sa);
	et_sa_activate(sa);
	dev_unlock(sa->peer->edev);
	return 0;
}

/* The SA of a request with a direction; the device is locked on success. */
static struct et_sa *sa_lock_direction(struct sk_buff *skb, struct genl_info *info)
{
	if (MISSING(info, ESPTUN_A_SA_DIRECTION, "direction"))
		return ERR_PTR(-EINVAL);
	return sa_lock(skb, info, nla_get_u32(info->attrs[ESPTUN_A_SA_DIRECTION]) ==
					  ESPTUN_DIRECTION_OUT);
}

int esptun_nl_sa_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_sa *sa = sa_lock_direction(skb, info);
	struct et_dev *edev;

	if (IS_ERR(sa))
		return PTR_ERR(sa);
	edev = sa->peer->edev;
	et_sa_remove(sa);
	dev_unlock(edev);
	return 0;
}

int esptun_nl_sa_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct et_sa *sa = sa_lock_direction(skb, info);
	int err;

	if (IS_ERR(sa))
		return PTR_ERR(sa);
	err = REPLY(info, NLMSG_GOODSIZE, et_show_sa, info->snd_portid, info->snd_seq, 0, sa);
	dev_unlock(sa->peer->edev);
	return err;
}

int et_netlink_init(void)
{
	return genl_register_family(&et_nl_family);
}

void et_netlink_exit(void)
{
	genl_unregister_family(&et_nl_family);
}

MODULE_ALIAS_GENL_FAMILY(ESPTUN_GENL_NAME);
