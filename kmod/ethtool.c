// SPDX-License-Identifier: GPL-2.0-only
/*
 * what ethtool shows of a link: its driver, and why packets were dropped
 *
 * Process context under rtnl.
 */
#include <linux/ethtool.h>

#include "device.h"
#include "drop.h"

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "esptun", sizeof(info->driver));
}

static int get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? ET_DROP_MAX : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 set, u8 *names)
{
	int i;

	for (i = 0; i < ET_DROP_MAX; i++)
		strscpy(names + i * ETH_GSTRING_LEN, et_drop_name(i), ETH_GSTRING_LEN);
}

static void get_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *counts)
{
	const struct et_dev *edev = netdev_priv(dev);
	int i;

	for (i = 0; i < ET_DROP_MAX; i++)
		counts[i] = atomic_long_read(&edev->drops.count[i]);
}

const struct ethtool_ops et_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_stats,
};
