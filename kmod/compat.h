/* SPDX-License-Identifier: GPL-2.0-only */
/* every kernel difference 6.1 … 7.2, and the only #if on a version */
#ifndef ET_COMPAT_H
#define ET_COMPAT_H

#include <linux/netdevice.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/ip_tunnels.h>
#include <net/rtnetlink.h>

/* Since 6.5; sparse does not know __has_include. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Since 6.3 a crypto completion gets the caller's pointer, not the request. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
typedef struct crypto_async_request *et_crypto_arg;
#define et_crypto_data(arg) ((arg)->data)
#else
typedef void *et_crypto_arg;
#define et_crypto_data(arg) (arg)
#endif

/* Until 6.7 a dump's attributes were found through its own structure. */
static inline struct nlattr **et_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_info_dump(cb)->attrs;
#endif
}

/* Later kernels allocate a device's per-CPU statistics themselves. */
static inline int et_stats_init(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
#else
	return 0;
#endif
}

static inline void et_stats_free(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	free_percpu(dev->tstats);
#endif
}

/* No transmit lock, per-CPU statistics: flags became fields. */
static inline void et_dev_setup(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
#endif
}

/* In 6.15 newlink's arguments became a structure. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define ET_NEWLINK_ARGS                                                               \
	struct net *link_net, struct net_device *dev, struct nlattr *tb[],            \
		struct nlattr *data[], struct netlink_ext_ack *extack
#define ET_NEWLINK_NET link_net
#define ET_NEWLINK_DATA data
#else
#define ET_NEWLINK_ARGS                                                               \
	struct net_device *dev, struct rtnl_newlink_params *params,                   \
		struct netlink_ext_ack *extack
#define ET_NEWLINK_NET rtnl_newlink_link_net(params)
#define ET_NEWLINK_DATA ((params)->data)
#endif

/* Before 6.10 a route was cast, where it is found now. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define dst_rtable(dst) ((struct rtable *)(dst))
#endif

/* Since 6.12 and its like, of tunnels over tunnels; each level takes a good part of the stack. */
#ifndef IP_TUNNEL_RECURSION_LIMIT
#define IP_TUNNEL_RECURSION_LIMIT 5
#endif

/* In 6.16 iptunnel_xmit() took the IPCB flags as one more argument. */
static inline void et_iptunnel_xmit(struct rtable *rt, struct sk_buff *skb, __be32 saddr,
				    __be32 daddr, u8 proto, u8 tos, u8 ttl, __be16 df)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
	iptunnel_xmit(NULL, rt, skb, saddr, daddr, proto, tos, ttl, df, false);
#else
	iptunnel_xmit(NULL, rt, skb, saddr, daddr, proto, tos, ttl, df, false, 0);
#endif
}

#endif
