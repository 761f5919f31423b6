/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/esptun.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_ESPTUN_GEN_H
#define _LINUX_ESPTUN_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/esptun.h>

/* Common nested types */
extern const struct nla_policy esptun_limits_nl_policy[ESPTUN_A_LIMITS_HARD_PACKETS + 1];
extern const struct nla_policy esptun_selector_nl_policy[ESPTUN_A_SELECTOR_REMOTE_IPV6 + 1];

extern const struct nla_policy esptun_dev_get_nl_policy[ESPTUN_A_DEV_IFINDEX + 1];

extern const struct nla_policy esptun_peer_set_nl_policy[ESPTUN_A_PEER_LOCAL_IPV6 + 1];

extern const struct nla_policy esptun_peer_del_nl_policy[ESPTUN_A_PEER_ID + 1];

extern const struct nla_policy esptun_peer_get_nl_policy[ESPTUN_A_PEER_ID + 1];

extern const struct nla_policy esptun_spi_alloc_nl_policy[ESPTUN_A_SA_PEER_ID + 1];

extern const struct nla_policy esptun_sa_new_nl_policy[ESPTUN_A_SA_ACTIVE + 1];

extern const struct nla_policy esptun_sa_activate_nl_policy[ESPTUN_A_SA_SPI + 1];

extern const struct nla_policy esptun_sa_del_nl_policy[ESPTUN_A_SA_SPI + 1];

extern const struct nla_policy esptun_sa_get_nl_policy[ESPTUN_A_SA_SPI + 1];

/* Ops table for esptun */
extern const struct genl_ops esptun_nl_ops[9];

int esptun_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int esptun_nl_spi_alloc_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_sa_new_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_sa_activate_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_sa_del_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_sa_get_doit(struct sk_buff *skb, struct genl_info *info);
int esptun_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

enum {
	ESPTUN_NLGRP_EVENTS,
};

#endif /* _LINUX_ESPTUN_GEN_H */
