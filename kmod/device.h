/* SPDX-License-Identifier: GPL-2.0-only */
/* the link: rtnl_link_ops, netdev ops, features, MTU, carrier, netns */
#ifndef ET_DEVICE_H
#define ET_DEVICE_H

#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/gro_cells.h>

#include "drop.h"
#include "options.h"
#include "select.h"

/*
 * The locks, all of them, outermost first:
 *  rtnl           links come, go and move; et_net.devs
 *  et_dev.cfg     every netlink write to a device, and what expires by itself:
 *                 peers, selectors, SAs, which SA is current
 *  et_hold.queue.lock  packets that wait for an SA, both ways
 *  et_sa.replay_lock  one inbound SA's window, in softirq: several CPUs may
 *                 receive on one SA
 * The data path otherwise runs under RCU and takes a reference (kref) on the
 * SA alone, for as long as the cipher has the packet.
 *
 * References: an SA holds its peer, a peer holds the net_device. So a link that
 * is deleted waits, in unregister_netdevice(), for packets that are still in
 * the cipher; and since the outer namespace's exit deletes the link, it waits
 * for them too, and et_dev.net needs no reference.
 */

/* What the module keeps in each namespace, for devices whose outer side it is. */
struct et_net {
	struct rhashtable spis;		/* inbound SAs and reserved SPIs, by SPI */
	struct rhltable outs;		/* outbound SAs, by SPI: whose ICMP errors to believe */
	struct list_head devs;		/* et_dev.in_net; rtnl */
	atomic_t held_in;		/* octets in et_hold queues of reserved SPIs */
	atomic_t held_out;		/* and of peers */
};

/* For lifetimes, and packets that wait in vain; unbound. */
extern struct workqueue_struct *et_wq;

struct et_dev {
	struct net_device *dev;
	struct net *net;		/* where the outer packets travel, fixed */
	struct et_trie trie;
	struct gro_cells gro_cells;
	struct et_drops drops;
	struct et_options options;

	struct mutex cfg;		/* and what follows, but for in_net */
	struct xarray peers;		/* by id */
	u64 last_serial;		/* of SAs */
	u32 peer_count;
	u32 ready_count;		/* peers that traffic may go to: the carrier */
	bool dead;

	struct list_head in_net;	/* et_net.devs; rtnl */
};

/* Read an RCU pointer that et_dev.cfg protects, holding it. */
#define et_cfg_deref(p, edev) rcu_dereference_protected(p, lockdep_is_held(&(edev)->cfg))

bool et_is_dev(const struct net_device *dev);
struct et_net *et_net(const struct net *net);
void et_dev_count_ready(struct et_dev *edev, int change);
void et_dev_settle(struct et_dev *edev);
int et_net_init(void);
void et_net_exit(void);
int et_link_init(void);
void et_link_exit(void);

/* tx.c. Softirqs off. */
netdev_tx_t et_xmit(struct sk_buff *skb, struct net_device *dev);
/* Process context, et_dev.cfg held. */
void et_tx_held(struct et_peer *peer);
u32 et_tx_mtu(struct et_peer *peer);

/* rx.c. Softirq, RCU read-side section. */
int et_rx(struct sk_buff *skb);
int et_rx_in_udp(struct sk_buff *skb);
/* Process context, et_dev.cfg held. */
void et_rx_held(struct et_sa *sa);

/* ethtool.c */
extern const struct ethtool_ops et_ethtool_ops;

/* ingress.c. Process context. */
int et_ingress_init(void);
void et_ingress_exit(void);

#endif
