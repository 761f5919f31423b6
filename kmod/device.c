// SPDX-License-Identifier: GPL-2.0-only
/*
 * the link: rtnl_link_ops, netdev ops, features, MTU, carrier, netns
 *
 * Process context under rtnl. The inner side may move to another namespace;
 * the outer one stays in the namespace where the link was created, or the one
 * that was given with it (link-netns), and the link dies with that.
 */
#include "device.h"

#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ip_tunnels.h>
#include <net/netns/generic.h>
#include <net/sch_generic.h>

#include "compat.h"
#include "esp.h"
#include "outer.h"
#include "peer.h"
#include "sa.h"

/*
 * The algorithm that adds most but for HMAC-SHA-384 and -512, whose ICVs are 8
 * and 16 octets longer: CBC with HMAC-SHA-256-128. On a path of 1500
 * octets: 1500 - 20 (IPv4) - 8 (SPI, sequence number) - 16 (IV) - 16 (ICV)
 * = 1440, a whole number of blocks, less 2 of trailer: an MTU of 1438.
 */
static const struct et_esp_geom widest = { .iv_len = 16, .align = 16, .icv_len = 16 };

#define ET_TAIL_MAX (15 + ET_ESP_TRAILER_LEN + 32)	/* padding, trailer, ICV */

#define ET_FEATURES \
	(NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | NETIF_F_HW_CSUM | NETIF_F_GSO_SOFTWARE)

static unsigned int net_id __read_mostly;

struct et_net *et_net(const struct net *net)
{
	return net_generic(net, net_id);
}

/**
 * et_dev_count_ready - traffic may go to a peer from now on, or may not
 * @edev: its device
 * @change: 1 or -1
 *
 * The link has a carrier while it may go to one. Context: process, et_dev.cfg held.
 */
void et_dev_count_ready(struct et_dev *edev, int change)
{
	edev->ready_count += change;
	if (edev->ready_count)
		netif_carrier_on(edev->dev);
	else
		netif_carrier_off(edev->dev);
}

/**
 * et_dev_settle - return when packets can pass a link that has just got its carrier
 * @edev: its device
 *
 * The stack would give the link its queue in a work of its own, and drop what
 * is sent before: the first packets of a tunnel that everybody was told is up.
 *
 * Context: process, et_dev.cfg not held; takes rtnl if there is something to do.
 */
void et_dev_settle(struct et_dev *edev)
{
	struct net_device *dev = edev->dev;

	if (likely(!netif_carrier_ok(dev) || !qdisc_tx_is_noop(dev)))
		return;
	rtnl_lock();
	if (netif_running(dev))
		dev_activate(dev);
	rtnl_unlock();
}

static int link_init(struct net_device *dev)
{
	struct et_dev *edev = netdev_priv(dev);
	int err = et_stats_init(dev);

	if (err)
		return err;
	err = gro_cells_init(&edev->gro_cells, dev);
	if (err)
		et_stats_free(dev);
	return err;
}

/*
 * The link is down and no packet of the stack is in et_xmit() any more. What
 * still has an SA, inbound or in a cipher, holds the net_device by it.
 */
static void link_uninit(struct net_device *dev)
{
	struct et_dev *edev = netdev_priv(dev);
	struct et_peer *peer;
	unsigned long id;

	list_del_init(&edev->in_net);
	mutex_lock(&edev->cfg);
	edev->dead = true;
	xa_for_each(&edev->peers, id, peer)
		et_peer_remove(peer);
	mutex_unlock(&edev->cfg);
}

/* The last reference is gone, so every peer and every SA is. */
static void dev_free(struct net_device *dev)
{
	struct et_dev *edev = netdev_priv(dev);

	gro_cells_destroy(&edev->gro_cells);
	xa_destroy(&edev->peers);
	mutex_destroy(&edev->cfg);
	et_stats_free(dev);
}

/* Nobody has asked for IPv6: no link-local address, so no router solicitations into the tunnel. */
static int link_up(struct net_device *dev)
{
	struct inet6_dev *idev = __in6_dev_get(dev);

	if (idev)
		idev->cnf.addr_gen_mode = IN6_ADDR_GEN_MODE_NONE;
	return 0;
}

/* The device that outer packets leave by, for IFLA_LINK; itself means none. */
static int link_below(const struct net_device *dev)
{
	const struct et_dev *edev = netdev_priv(dev);

	return READ_ONCE(edev->options.link) ?: dev->ifindex;
}

static const struct net_device_ops dev_ops = {
	.ndo_init = link_init,
	.ndo_uninit = link_uninit,
	.ndo_open = link_up,
	.ndo_start_xmit = et_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
	.ndo_get_iflink = link_below,
};

static const struct device_type dev_type = { .name = "esptun" };

/**
 * et_is_dev - is this link one of ours?
 * @dev: the link
 */
bool et_is_dev(const struct net_device *dev)
{
	return dev->netdev_ops == &dev_ops;
}

static void dev_setup(struct net_device *dev)
{
	struct et_dev *edev = netdev_priv(dev);
	u32 overhead = ET_OUTER_MAX + ET_ESP_HDR_LEN + widest.iv_len + ET_TAIL_MAX;

	SET_NETDEV_DEVTYPE(dev, &dev_type);
	dev->netdev_ops = &dev_ops;
	dev->ethtool_ops = &et_ethtool_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	netif_keep_dst(dev);	/* ICMP errors and path MTU need the packet's route */
	dev->features |= ET_FEATURES;
	dev->hw_features |= ET_FEATURES;
	dev->hw_enc_features |= ET_FEATURES;
	dev->needed_headroom = LL_MAX_HEADER + ET_OUTER_MAX + ET_ESP_HDR_LEN + widest.iv_len;
	dev->needed_tailroom = ET_TAIL_MAX;
	dev->mtu = et_esp_inner_max(&widest, ETH_DATA_LEN - sizeof(struct iphdr));
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = IP_MAX_MTU - overhead;
	dev->needs_free_netdev = true;
	dev->priv_destructor = dev_free;
	et_dev_setup(dev);

	edev->dev = dev;
	et_options_init(&edev->options);
	mutex_init(&edev->cfg);
	xa_init(&edev->peers);
	INIT_LIST_HEAD(&edev->in_net);
}

static int dev_newlink(ET_NEWLINK_ARGS)
{
	struct et_dev *edev = netdev_priv(dev);
	int err;

	edev->net = ET_NEWLINK_NET;
	err = et_options_set(edev, ET_NEWLINK_DATA, extack);
	if (err)
		return err;
	netif_carrier_off(dev);
	err = register_netdevice(dev);
	if (!err)
		list_add_tail(&edev->in_net, &et_net(edev->net)->devs);
	return err;
}

/* rtnetlink has asked for the right over the namespace where the link is, not the outer one. */
static int dev_changelink(struct net_device *dev, struct nlattr *tb[], struct nlattr *data[],
			  struct netlink_ext_ack *extack)
{
	struct et_dev *edev = netdev_priv(dev);

	if (!ns_capable(edev->net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack, "CAP_NET_ADMIN is needed over the outer namespace, too");
		return -EPERM;
	}
	return et_options_set(edev, data, extack);
}

static size_t dev_get_size(const struct net_device *dev)
{
	return et_options_size();
}

static int dev_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct et_dev *edev = netdev_priv(dev);

	return et_options_fill(skb, &edev->options);
}

static struct net *dev_link_net(const struct net_device *dev)
{
	const struct et_dev *edev = netdev_priv(dev);

	return edev->net;
}

static struct rtnl_link_ops link_ops __read_mostly = {
	.kind = "esptun",
	.priv_size = sizeof(struct et_dev),
	.setup = dev_setup,
	.policy = et_options_policy,
	.maxtype = IFLA_ESPTUN_MAX,
	.newlink = dev_newlink,
	.changelink = dev_changelink,
	.get_size = dev_get_size,
	.fill_info = dev_fill_info,
	.get_link_net = dev_link_net,
};

static int __net_init net_start(struct net *net)
{
	struct et_net *enet = et_net(net);

	INIT_LIST_HEAD(&enet->devs);
	return et_sa_tables_init(enet);
}

/*
 * An outer namespace goes, and takes the links with it: returns when they are
 * freed. Inner namespaces delete their links themselves (rtnl_link_ops).
 */
static void __net_exit net_stop(struct net *net)
{
	struct et_dev *edev, *next;
	LIST_HEAD(list);

	rtnl_lock();
	list_for_each_entry_safe(edev, next, &et_net(net)->devs, in_net)
		unregister_netdevice_queue(edev->dev, &list);
	unregister_netdevice_many(&list);
	rtnl_unlock();
}

/* All devices of the namespace are gone, ESP cannot arrive in it any more. */
static void __net_exit net_free(struct net *net)
{
	et_sa_tables_exit(et_net(net));
}

static struct pernet_operations net_ops = {
	.init = net_start,
	.pre_exit = net_stop,
	.exit = net_free,
	.id = &net_id,
	.size = sizeof(struct et_net),
};

int et_net_init(void)
{
	return register_pernet_subsys(&net_ops);
}

void et_net_exit(void)
{
	unregister_pernet_subsys(&net_ops);
}

int et_link_init(void)
{
	return rtnl_link_register(&link_ops);
}

/* Deletes all links, in all namespaces, and waits for them. */
void et_link_exit(void)
{
	rtnl_link_unregister(&link_ops);
}

MODULE_ALIAS_RTNL_LINK("esptun");
