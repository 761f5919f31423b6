// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/esptun.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/esptun.h>

/* Common nested types */
const struct nla_policy esptun_limits_nl_policy[ESPTUN_A_LIMITS_HARD_PACKETS + 1] = {
	[ESPTUN_A_LIMITS_SOFT_SECONDS] = { .type = NLA_U64, },
	[ESPTUN_A_LIMITS_HARD_SECONDS] = { .type = NLA_U64, },
	[ESPTUN_A_LIMITS_SOFT_BYTES] = { .type = NLA_U64, },
	[ESPTUN_A_LIMITS_HARD_BYTES] = { .type = NLA_U64, },
	[ESPTUN_A_LIMITS_SOFT_PACKETS] = { .type = NLA_U64, },
	[ESPTUN_A_LIMITS_HARD_PACKETS] = { .type = NLA_U64, },
};

const struct nla_policy esptun_selector_nl_policy[ESPTUN_A_SELECTOR_REMOTE_IPV6 + 1] = {
	[ESPTUN_A_SELECTOR_LOCAL_IPV4] = { .type = NLA_U32, },
	[ESPTUN_A_SELECTOR_LOCAL_LEN] = { .type = NLA_U8, },
	[ESPTUN_A_SELECTOR_REMOTE_IPV4] = { .type = NLA_U32, },
	[ESPTUN_A_SELECTOR_REMOTE_LEN] = { .type = NLA_U8, },
	[ESPTUN_A_SELECTOR_PROTO] = { .type = NLA_U8, },
	[ESPTUN_A_SELECTOR_LOCAL_PORT] = { .type = NLA_U16, },
	[ESPTUN_A_SELECTOR_REMOTE_PORT] = { .type = NLA_U16, },
	[ESPTUN_A_SELECTOR_LOCAL_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[ESPTUN_A_SELECTOR_REMOTE_IPV6] = NLA_POLICY_EXACT_LEN(16),
};

/* ESPTUN_CMD_DEV_GET - do */
const struct nla_policy esptun_dev_get_nl_policy[ESPTUN_A_DEV_IFINDEX + 1] = {
	[ESPTUN_A_DEV_IFINDEX] = { .type = NLA_U32, },
};

/* ESPTUN_CMD_PEER_SET - do */
const struct nla_policy esptun_peer_set_nl_policy[ESPTUN_A_PEER_LOCAL_IPV6 + 1] = {
	[ESPTUN_A_PEER_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_PEER_ID] = { .type = NLA_U32, },
	[ESPTUN_A_PEER_REMOTE_IPV4] = { .type = NLA_U32, },
	[ESPTUN_A_PEER_REMOTE_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[ESPTUN_A_PEER_LOCAL_IPV4] = { .type = NLA_U32, },
	[ESPTUN_A_PEER_LOCAL_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[ESPTUN_A_PEER_SELECTORS] = NLA_POLICY_NESTED(esptun_selector_nl_policy),
	[ESPTUN_A_PEER_ENCAP_SPORT] = { .type = NLA_U16, },
	[ESPTUN_A_PEER_ENCAP_DPORT] = { .type = NLA_U16, },
	[ESPTUN_A_PEER_MAPPING] = NLA_POLICY_MAX(NLA_U32, 2),
	[ESPTUN_A_PEER_ACQUIRE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* ESPTUN_CMD_PEER_DEL - do */
const struct nla_policy esptun_peer_del_nl_policy[ESPTUN_A_PEER_ID + 1] = {
	[ESPTUN_A_PEER_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_PEER_ID] = { .type = NLA_U32, },
};

/* ESPTUN_CMD_PEER_GET - do */
const struct nla_policy esptun_peer_get_nl_policy[ESPTUN_A_PEER_ID + 1] = {
	[ESPTUN_A_PEER_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_PEER_ID] = { .type = NLA_U32, },
};

/* ESPTUN_CMD_SPI_ALLOC - do */
const struct nla_policy esptun_spi_alloc_nl_policy[ESPTUN_A_SA_PEER_ID + 1] = {
	[ESPTUN_A_SA_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_SA_PEER_ID] = { .type = NLA_U32, },
};

/* ESPTUN_CMD_SA_NEW - do */
const struct nla_policy esptun_sa_new_nl_policy[ESPTUN_A_SA_ACTIVE + 1] = {
	[ESPTUN_A_SA_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_SA_PEER_ID] = { .type = NLA_U32, },
	[ESPTUN_A_SA_DIRECTION] = NLA_POLICY_MAX(NLA_U32, 1),
	[ESPTUN_A_SA_SPI] = { .type = NLA_U32, },
	[ESPTUN_A_SA_CIPHER] = NLA_POLICY_MAX(NLA_U32, 8),
	[ESPTUN_A_SA_INTEG] = NLA_POLICY_MAX(NLA_U32, 4),
	[ESPTUN_A_SA_KEY] = { .type = NLA_BINARY, },
	[ESPTUN_A_SA_INTEG_KEY] = { .type = NLA_BINARY, },
	[ESPTUN_A_SA_ESN] = { .type = NLA_FLAG, },
	[ESPTUN_A_SA_REPLAY_WINDOW] = { .type = NLA_U32, },
	[ESPTUN_A_SA_LIMITS] = NLA_POLICY_NESTED(esptun_limits_nl_policy),
	[ESPTUN_A_SA_PAIR_SPI] = { .type = NLA_U32, },
	[ESPTUN_A_SA_ACTIVE] = { .type = NLA_FLAG, },
};

/* ESPTUN_CMD_SA_ACTIVATE - do */
const struct nla_policy esptun_sa_activate_nl_policy[ESPTUN_A_SA_SPI + 1] = {
	[ESPTUN_A_SA_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_SA_PEER_ID] = { .type = NLA_U32, },
	[ESPTUN_A_SA_SPI] = { .type = NLA_U32, },
};

/* ESPTUN_CMD_SA_DEL - do */
const struct nla_policy esptun_sa_del_nl_policy[ESPTUN_A_SA_SPI + 1] = {
	[ESPTUN_A_SA_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_SA_PEER_ID] = { .type = NLA_U32, },
	[ESPTUN_A_SA_DIRECTION] = NLA_POLICY_MAX(NLA_U32, 1),
	[ESPTUN_A_SA_SPI] = { .type = NLA_U32, },
};

/* ESPTUN_CMD_SA_GET - do */
const struct nla_policy esptun_sa_get_nl_policy[ESPTUN_A_SA_SPI + 1] = {
	[ESPTUN_A_SA_IFINDEX] = { .type = NLA_U32, },
	[ESPTUN_A_SA_PEER_ID] = { .type = NLA_U32, },
	[ESPTUN_A_SA_DIRECTION] = NLA_POLICY_MAX(NLA_U32, 1),
	[ESPTUN_A_SA_SPI] = { .type = NLA_U32, },
};

/* Ops table for esptun */
const struct genl_ops esptun_nl_ops[9] = {
	{
		.cmd		= ESPTUN_CMD_DEV_GET,
		.doit		= esptun_nl_dev_get_doit,
		.policy		= esptun_dev_get_nl_policy,
		.maxattr	= ESPTUN_A_DEV_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_PEER_SET,
		.doit		= esptun_nl_peer_set_doit,
		.policy		= esptun_peer_set_nl_policy,
		.maxattr	= ESPTUN_A_PEER_LOCAL_IPV6,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_PEER_DEL,
		.doit		= esptun_nl_peer_del_doit,
		.policy		= esptun_peer_del_nl_policy,
		.maxattr	= ESPTUN_A_PEER_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_PEER_GET,
		.doit		= esptun_nl_peer_get_doit,
		.dumpit		= esptun_nl_peer_get_dumpit,
		.policy		= esptun_peer_get_nl_policy,
		.maxattr	= ESPTUN_A_PEER_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_SPI_ALLOC,
		.doit		= esptun_nl_spi_alloc_doit,
		.policy		= esptun_spi_alloc_nl_policy,
		.maxattr	= ESPTUN_A_SA_PEER_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_SA_NEW,
		.doit		= esptun_nl_sa_new_doit,
		.policy		= esptun_sa_new_nl_policy,
		.maxattr	= ESPTUN_A_SA_ACTIVE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_SA_ACTIVATE,
		.doit		= esptun_nl_sa_activate_doit,
		.policy		= esptun_sa_activate_nl_policy,
		.maxattr	= ESPTUN_A_SA_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_SA_DEL,
		.doit		= esptun_nl_sa_del_doit,
		.policy		= esptun_sa_del_nl_policy,
		.maxattr	= ESPTUN_A_SA_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= ESPTUN_CMD_SA_GET,
		.doit		= esptun_nl_sa_get_doit,
		.dumpit		= esptun_nl_sa_get_dumpit,
		.policy		= esptun_sa_get_nl_policy,
		.maxattr	= ESPTUN_A_SA_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

static const struct genl_multicast_group esptun_nl_mcgrps[] = {
	[ESPTUN_NLGRP_EVENTS] = { "events", },
};
