// SPDX-License-Identifier: GPL-2.0-only
/*
 * the one function that drops a packet, and says why
 *
 * Any context that may free an skb.
 */
#include "device.h"
#include "drop.h"
#include "peer.h"
#include "sa.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

enum link_count {
	QUIET,		/* nothing is wrong with it, nobody need look */
	DROPPED,
	ERROR,
};

static const struct {
	const char *name;
	enum link_count link;
	enum skb_drop_reason core;
} reasons[] = {
#define ROW(reason, name, link, core) { name, link, SKB_DROP_REASON_##core },
	ET_DROP_REASONS(ROW)
#undef ROW
};

/**
 * et_drop_name - a reason as people and netlink read it
 * @reason: the reason
 */
const char *et_drop_name(enum et_drop_reason reason)
{
	return reasons[reason].name;
}

static void count_on_link(struct net_device *dev, enum link_count count, bool in)
{
	if (count == DROPPED && in)
		DEV_STATS_INC(dev, rx_dropped);
	else if (count == DROPPED)
		DEV_STATS_INC(dev, tx_dropped);
	else if (count == ERROR && in)
		DEV_STATS_INC(dev, rx_errors);
	else if (count == ERROR)
		DEV_STATS_INC(dev, tx_errors);
}

/**
 * et_drop - free a packet that goes no further, count it and say why
 * @skb: the packet
 * @edev: the device it came through or was to go to
 * @peer: the peer, NULL when none was found
 * @sa: the SA, NULL when none was found; only an inbound one means an inbound packet
 * @reason: why
 */
void et_drop(struct sk_buff *skb, struct et_dev *edev, struct et_peer *peer, struct et_sa *sa,
	     enum et_drop_reason reason)
{
	if (sa)
		atomic_long_inc(&sa->drops.count[reason]);
	if (peer)
		atomic_long_inc(&peer->drops.count[reason]);
	atomic_long_inc(&edev->drops.count[reason]);
	count_on_link(edev->dev, reasons[reason].link, sa && !sa->out);

	trace_esptun_drop(skb, edev->dev->name, peer ? peer->id : 0,
			  sa ? be32_to_cpu(sa->spi) : 0, reasons[reason].name);
	if (reasons[reason].link == QUIET)
		consume_skb(skb);
	else
		kfree_skb_reason(skb, reasons[reason].core);
}

/**
 * et_drop_list - drop packets that have waited in vain
 * @list: the packets, no longer in any queue
 * @peer: whose they are
 * @sa: the reserved SPI that they came for, NULL for outbound ones
 * @reason: why
 */
void et_drop_list(struct sk_buff_head *list, struct et_peer *peer, struct et_sa *sa,
		  enum et_drop_reason reason)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list)))
		et_drop(skb, peer->edev, peer, sa, reason);
}
