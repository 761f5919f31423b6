// SPDX-License-Identifier: GPL-2.0-only
/*
 * what netlink shows: replies, dumpit, events
 *
 * Process context, under et_dev.cfg; a dump takes rtnl around it, to walk the
 * links. Keys are not here.
 */
#include <net/genetlink.h>
#include <net/ipv6.h>

#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "peer.h"
#include "sa.h"

const struct et_limit_attrs et_limit_attrs[] = {
	[ET_LIMIT_TIME] = { ESPTUN_A_LIMITS_SOFT_SECONDS, ESPTUN_A_LIMITS_HARD_SECONDS },
	[ET_LIMIT_BYTES] = { ESPTUN_A_LIMITS_SOFT_BYTES, ESPTUN_A_LIMITS_HARD_BYTES },
	[ET_LIMIT_PACKETS] = { ESPTUN_A_LIMITS_SOFT_PACKETS, ESPTUN_A_LIMITS_HARD_PACKETS },
};

/* The API's u64 have no padding attributes. */
static int put_u64(struct sk_buff *msg, int attr, u64 value)
{
	return nla_put(msg, attr, sizeof(value), &value);
}

static int put_drops(struct sk_buff *msg, int attr, const struct et_drops *drops)
{
	struct nlattr *nest;
	u64 count;
	int i;

	for (i = 0; i < ET_DROP_MAX; i++) {
		count = atomic_long_read(&drops->count[i]);
		if (!count)
			continue;
		nest = nla_nest_start(msg, attr);
		if (!nest || nla_put_string(msg, ESPTUN_A_DROP_NAME, et_drop_name(i)) ||
		    put_u64(msg, ESPTUN_A_DROP_PACKETS, count))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_late(struct sk_buff *msg, const struct et_replay *r)
{
	struct nlattr *nest;
	u64 count;
	int i;

	for (i = 0; i < ET_REPLAY_LATE_MAX; i++) {
		count = READ_ONCE(r->late[i]);
		if (!count)
			continue;
		nest = nla_nest_start(msg, ESPTUN_A_SA_LATE);
		if (!nest || nla_put_u32(msg, ESPTUN_A_LATE_BEHIND, 1 << i) ||
		    put_u64(msg, ESPTUN_A_LATE_PACKETS, count))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int finish(struct sk_buff *msg, void *hdr, int err)
{
	if (err) {
		genlmsg_cancel(msg, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return 0;
}

int et_show_dev(struct sk_buff *msg, const struct genl_info *info, struct et_dev *edev)
{
	void *hdr = genlmsg_put(msg, info->snd_portid, info->snd_seq, &et_nl_family, 0,
				ESPTUN_CMD_DEV_GET);

	if (!hdr)
		return -EMSGSIZE;
	return finish(msg, hdr,
		      nla_put_u32(msg, ESPTUN_A_DEV_IFINDEX, edev->dev->ifindex) ?:
		      nla_put_u32(msg, ESPTUN_A_DEV_PEERS, edev->peer_count) ?:
		      put_drops(msg, ESPTUN_A_DEV_DROPS, &edev->drops));
}

/* Peers */

/* An address has one attribute for each family. */
static int put_addr(struct sk_buff *msg, int ipv4, int ipv6, u8 family,
		    const union et_addr *addr)
{
	return family == AF_INET6 ? nla_put_in6_addr(msg, ipv6, &addr->v6) :
				    nla_put_be32(msg, ipv4, addr->v4);
}

static int put_selector(struct sk_buff *msg, const struct et_selector *sel)
{
	struct nlattr *nest = nla_nest_start(msg, ESPTUN_A_PEER_SELECTORS);

	if (!nest ||
	    put_addr(msg, ESPTUN_A_SELECTOR_LOCAL_IPV4, ESPTUN_A_SELECTOR_LOCAL_IPV6,
		     sel->family, &sel->local) ||
	    nla_put_u8(msg, ESPTUN_A_SELECTOR_LOCAL_LEN, sel->local_len) ||
	    put_addr(msg, ESPTUN_A_SELECTOR_REMOTE_IPV4, ESPTUN_A_SELECTOR_REMOTE_IPV6,
		     sel->family, &sel->remote) ||
	    nla_put_u8(msg, ESPTUN_A_SELECTOR_REMOTE_LEN, sel->remote_len) ||
	    (sel->proto && nla_put_u8(msg, ESPTUN_A_SELECTOR_PROTO, sel->proto)) ||
	    (sel->local_port &&
	     nla_put_u16(msg, ESPTUN_A_SELECTOR_LOCAL_PORT, sel->local_port)) ||
	    (sel->remote_port &&
	     nla_put_u16(msg, ESPTUN_A_SELECTOR_REMOTE_PORT, sel->remote_port)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int put_peer_name(struct sk_buff *msg, const struct et_peer *peer)
{
	return nla_put_u32(msg, ESPTUN_A_PEER_IFINDEX, peer->edev->dev->ifindex) ?:
	       nla_put_u32(msg, ESPTUN_A_PEER_ID, peer->id);
}

static int put_peer(struct sk_buff *msg, struct et_peer *peer)
{
	struct et_dev *edev = peer->edev;
	const struct et_endpoint *ep = et_cfg_deref(peer->endpoint, edev);
	const struct et_selectors *sels = et_cfg_deref(peer->selectors, edev);
	const struct et_sa *out = et_cfg_deref(peer->out, edev);
	u32 i, mtu;
	int err;

	err = put_peer_name(msg, peer) ?:
	      put_addr(msg, ESPTUN_A_PEER_REMOTE_IPV4, ESPTUN_A_PEER_REMOTE_IPV6, ep->family,
		       &ep->remote);
	if (!err && !ipv6_addr_any(&ep->local.v6))
		err = put_addr(msg, ESPTUN_A_PEER_LOCAL_IPV4, ESPTUN_A_PEER_LOCAL_IPV6,
			       ep->family, &ep->local);
	if (!err && ep->dport)
		err = nla_put_be16(msg, ESPTUN_A_PEER_ENCAP_SPORT, ep->sport) ?:
		      nla_put_be16(msg, ESPTUN_A_PEER_ENCAP_DPORT, ep->dport);
	if (!err && out)
		err = nla_put_be32(msg, ESPTUN_A_PEER_SPI_OUT, out->spi);
	if (!err)
		err = nla_put_u32(msg, ESPTUN_A_PEER_MAPPING, peer->mapping) ?:
		      nla_put_u8(msg, ESPTUN_A_PEER_ACQUIRE, peer->acquire);
	mtu = et_tx_mtu(peer);
	if (!err && mtu)
		err = nla_put_u32(msg, ESPTUN_A_PEER_MTU, mtu);
	for (i = 0; !err && i < sels->count; i++)
		err = put_selector(msg, &sels->entry[i].sel);
	return err ?: put_drops(msg, ESPTUN_A_PEER_DROPS, &peer->drops);
}

int et_show_peer(struct sk_buff *msg, u32 portid, u32 seq, int flags, struct et_peer *peer)
{
	void *hdr = genlmsg_put(msg, portid, seq, &et_nl_family, flags, ESPTUN_CMD_PEER_GET);

	return hdr ? finish(msg, hdr, put_peer(msg, peer)) : -EMSGSIZE;
}

/* SAs */

static int put_sa_name(struct sk_buff *msg, const struct et_sa *sa)
{
	return nla_put_u32(msg, ESPTUN_A_SA_IFINDEX, sa->peer->edev->dev->ifindex) ?:
	       nla_put_u32(msg, ESPTUN_A_SA_PEER_ID, sa->peer->id) ?:
	       nla_put_be32(msg, ESPTUN_A_SA_SPI, sa->spi);
}

static int put_direction(struct sk_buff *msg, const struct et_sa *sa)
{
	return nla_put_u32(msg, ESPTUN_A_SA_DIRECTION,
			   sa->out ? ESPTUN_DIRECTION_OUT : ESPTUN_DIRECTION_IN);
}

static int put_limits(struct sk_buff *msg, const struct et_limits *l)
{
	const struct et_limit_attrs *attrs = et_limit_attrs;
	struct nlattr *nest = nla_nest_start(msg, ESPTUN_A_SA_LIMITS);
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < ET_LIMITS; i++)
		if ((l->soft[i] && put_u64(msg, attrs[i].soft, l->soft[i])) ||
		    (l->hard[i] && put_u64(msg, attrs[i].hard, l->hard[i])))
			return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int put_counters(struct sk_buff *msg, const struct et_sa *sa)
{
	u64 packets, bytes;

	et_sa_sum(sa, &packets, &bytes);
	return put_u64(msg, ESPTUN_A_SA_PACKETS, packets) ?:
	       put_u64(msg, ESPTUN_A_SA_BYTES, bytes);
}

/* What an SA has that a reserved SPI lacks. */
static int put_keyed(struct sk_buff *msg, const struct et_sa *sa)
{
	const char *driver = crypto_tfm_alg_driver_name(crypto_aead_tfm(sa->cipher.tfm));
	u32 cipher, integ;
	int err;

	et_cipher_kind(&sa->cipher, &cipher, &integ);
	err = nla_put_u32(msg, ESPTUN_A_SA_CIPHER, cipher) ?:
	      nla_put_u32(msg, ESPTUN_A_SA_KEY_BITS, sa->cipher.key_bits) ?:
	      nla_put_u32(msg, ESPTUN_A_SA_INTEG, integ) ?:
	      nla_put_string(msg, ESPTUN_A_SA_DRIVER, driver) ?:
	      put_limits(msg, &sa->limits) ?:
	      put_u64(msg, ESPTUN_A_SA_AGE, div_u64(et_sa_age(sa), NSEC_PER_SEC)) ?:
	      put_u64(msg, ESPTUN_A_SA_SEQ, et_sa_seq(sa)) ?:
	      put_counters(msg, sa);
	if (!err && sa->esn)
		err = nla_put_flag(msg, ESPTUN_A_SA_ESN);
	if (!err && !sa->out)
		err = nla_put_u32(msg, ESPTUN_A_SA_REPLAY_WINDOW, sa->replay->window) ?:
		      put_late(msg, sa->replay);
	if (!err && sa->pair_spi)
		err = nla_put_be32(msg, ESPTUN_A_SA_PAIR_SPI, sa->pair_spi);
	if (!err && rcu_access_pointer(sa->peer->out) == sa)
		err = nla_put_flag(msg, ESPTUN_A_SA_ACTIVE);
	return err;
}

int et_show_sa(struct sk_buff *msg, u32 portid, u32 seq, int flags, const struct et_sa *sa)
{
	void *hdr = genlmsg_put(msg, portid, seq, &et_nl_family, flags, ESPTUN_CMD_SA_GET);

	if (!hdr)
		return -EMSGSIZE;
	return finish(msg, hdr,
		      put_sa_name(msg, sa) ?: put_direction(msg, sa) ?:
		      (sa->cipher.tfm ? put_keyed(msg, sa) :
					nla_put_flag(msg, ESPTUN_A_SA_RESERVED)) ?:
		      put_drops(msg, ESPTUN_A_SA_DROPS, &sa->drops));
}

int et_show_spi(struct sk_buff *msg, const struct genl_info *info, const struct et_sa *sa)
{
	void *hdr = genlmsg_put(msg, info->snd_portid, info->snd_seq, &et_nl_family, 0,
				ESPTUN_CMD_SPI_ALLOC);

	return hdr ? finish(msg, hdr, put_sa_name(msg, sa)) : -EMSGSIZE;
}

/* Events */

static struct sk_buff *event_new(u8 cmd, void **hdr)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	*hdr = msg ? genlmsg_put(msg, 0, 0, &et_nl_family, 0, cmd) : NULL;
	if (msg && !*hdr) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* To whoever listens in the namespace where the link is now. */
static void event_send(const struct et_dev *edev, struct sk_buff *msg, void *hdr, int err)
{
	if (finish(msg, hdr, err)) {
		nlmsg_free(msg);
		return;
	}
	rcu_read_lock();
	genlmsg_multicast_netns(&et_nl_family, dev_net(edev->dev), msg, 0, ESPTUN_NLGRP_EVENTS,
				GFP_ATOMIC);
	rcu_read_unlock();
}

/**
 * et_event_expire - tell that a limit of an SA was reached
 * @sa: the SA
 * @reason: which limit
 * @hard: the SA is going
 *
 * Context: process, et_dev.cfg held.
 */
void et_event_expire(const struct et_sa *sa, enum esptun_expire_reason reason, bool hard)
{
	void *hdr;
	struct sk_buff *msg = event_new(ESPTUN_CMD_SA_EXPIRE_NTF, &hdr);

	if (msg)
		event_send(sa->peer->edev, msg, hdr,
			   put_sa_name(msg, sa) ?: put_direction(msg, sa) ?:
			   nla_put_u32(msg, ESPTUN_A_SA_REASON, reason) ?:
			   (hard ? nla_put_flag(msg, ESPTUN_A_SA_HARD) : 0) ?:
			   put_counters(msg, sa));
}

/**
 * et_event_first - tell of the first authentic packet on an inbound SA
 * @sa: the SA
 *
 * Context: process, et_dev.cfg held.
 */
void et_event_first(const struct et_sa *sa)
{
	void *hdr;
	struct sk_buff *msg = event_new(ESPTUN_CMD_SA_FIRST_NTF, &hdr);

	if (msg)
		event_send(sa->peer->edev, msg, hdr, put_sa_name(msg, sa));
}

/**
 * et_event_acquire - tell that there is traffic for a peer without an outbound SA
 * @peer: the peer
 *
 * Context: process, et_dev.cfg held.
 */
void et_event_acquire(const struct et_peer *peer)
{
	void *hdr;
	struct sk_buff *msg = event_new(ESPTUN_CMD_ACQUIRE_NTF, &hdr);

	if (msg)
		event_send(peer->edev, msg, hdr, put_peer_name(msg, peer));
}

/**
 * et_event_mtu - tell the MTU that the last packet for a peer found
 * @peer: the peer
 *
 * Context: process, et_dev.cfg held.
 */
void et_event_mtu(const struct et_peer *peer)
{
	void *hdr;
	struct sk_buff *msg = event_new(ESPTUN_CMD_PEER_MTU_NTF, &hdr);

	if (msg)
		event_send(peer->edev, msg, hdr,
			   put_peer_name(msg, peer) ?:
			   nla_put_u32(msg, ESPTUN_A_PEER_MTU, READ_ONCE(peer->mtu)));
}

/**
 * et_event_moved - tell that a peer sends from elsewhere than its endpoint
 * @peer: the peer
 * @to: from where
 *
 * Context: process, et_dev.cfg held.
 */
void et_event_moved(const struct et_peer *peer, const struct et_source *to)
{
	void *hdr;
	struct sk_buff *msg = event_new(ESPTUN_CMD_PEER_MOVED_NTF, &hdr);

	if (msg)
		event_send(peer->edev, msg, hdr,
			   put_peer_name(msg, peer) ?:
			   put_addr(msg, ESPTUN_A_PEER_REMOTE_IPV4, ESPTUN_A_PEER_REMOTE_IPV6,
				    to->family, &to->addr) ?:
			   (to->port ? nla_put_be16(msg, ESPTUN_A_PEER_ENCAP_DPORT, to->port) : 0));
}

/* Dumps: a cursor of device, peer and SA, each by ascending number. */

enum { AT_IFINDEX, AT_PEER, AT_SERIAL };

typedef int (*show_peer_fn)(struct sk_buff *msg, struct netlink_callback *cb,
			    struct et_peer *peer);

/* One object into the dump; a message that holds nothing yet is given room for any. */
#define SHOW(msg, show, ...)                                                     \
	({                                                                       \
		int ret = show(msg, __VA_ARGS__);                                \
		if (ret && !(msg)->len &&                                        \
		    !pskb_expand_head(msg, 0, ET_MSG_MAX, GFP_KERNEL))           \
			ret = show(msg, __VA_ARGS__);                            \
		ret;                                                             \
	})

static int dump_peer(struct sk_buff *msg, struct netlink_callback *cb, struct et_peer *peer)
{
	return SHOW(msg, et_show_peer, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
		    NLM_F_MULTI, peer);
}

static int dump_sas(struct sk_buff *msg, struct netlink_callback *cb, struct et_peer *peer)
{
	const struct et_sa *sa;
	int err;

	list_for_each_entry(sa, &peer->sas, of_peer) {
		if (sa->serial <= cb->args[AT_SERIAL])
			continue;
		err = SHOW(msg, et_show_sa, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   NLM_F_MULTI, sa);
		if (err)
			return err;
		cb->args[AT_SERIAL] = sa->serial;
	}
	cb->args[AT_SERIAL] = 0;
	return 0;
}

static int dump_dev(struct sk_buff *msg, struct netlink_callback *cb, struct et_dev *edev,
		    show_peer_fn show)
{
	unsigned long id = cb->args[AT_PEER];
	struct et_peer *peer;
	int err = 0;

	mutex_lock(&edev->cfg);
	xa_for_each_start(&edev->peers, id, peer, id) {
		if (id != cb->args[AT_PEER])
			cb->args[AT_SERIAL] = 0;
		cb->args[AT_PEER] = id;
		err = show(msg, cb, peer);
		if (err)
			break;
	}
	mutex_unlock(&edev->cfg);
	if (!err) {
		cb->args[AT_PEER] = 0;
		cb->args[AT_SERIAL] = 0;
	}
	return err;
}

/* The device of the lowest index that is not below this one, which the reader may see. */
static struct et_dev *next_dev(struct netlink_callback *cb, int from, int only)
{
	struct net_device *dev, *best = NULL;

	for_each_netdev(sock_net(cb->skb->sk), dev) {
		if (!et_is_dev(dev) || dev->ifindex < from || (only && dev->ifindex != only) ||
		    (best && best->ifindex < dev->ifindex))
			continue;
		if (et_nl_capable(cb->skb, netdev_priv(dev)))
			best = dev;
	}
	return best ? netdev_priv(best) : NULL;
}

static int dump(struct sk_buff *msg, struct netlink_callback *cb, int only, show_peer_fn show)
{
	struct et_dev *edev;
	int err = 0;

	rtnl_lock();
	for (;;) {
		edev = next_dev(cb, cb->args[AT_IFINDEX], only);
		if (!edev)
			break;
		if (edev->dev->ifindex != cb->args[AT_IFINDEX]) {
			cb->args[AT_PEER] = 0;
			cb->args[AT_SERIAL] = 0;
		}
		cb->args[AT_IFINDEX] = edev->dev->ifindex;
		err = dump_dev(msg, cb, edev, show);
		if (err)
			break;
		cb->args[AT_IFINDEX]++;
	}
	rtnl_unlock();
	return msg->len ?: err;
}

static int ifindex_of(struct netlink_callback *cb, int attr)
{
	struct nlattr **attrs = et_dump_attrs(cb);

	return attrs && attrs[attr] ? nla_get_u32(attrs[attr]) : 0;
}

int esptun_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, ifindex_of(cb, ESPTUN_A_PEER_IFINDEX), dump_peer);
}

int esptun_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, ifindex_of(cb, ESPTUN_A_SA_IFINDEX), dump_sas);
}
