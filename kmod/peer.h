/* SPDX-License-Identifier: GPL-2.0-only */
/* the other gateway as one device sees it: endpoint, prefixes, its SAs */
#ifndef ET_PEER_H
#define ET_PEER_H

#include <linux/kref.h>
#include <linux/netdevice.h>
#include <net/dst_cache.h>

#include "drop.h"
#include "hold.h"
#include "outer.h"
#include "select.h"

struct et_dev;
struct et_sa;

/* Where the peer is. Replaced as a whole, so that keys stay; freed by call_rcu(). */
struct et_endpoint {
	struct rcu_head rcu;
	u8 family;			/* AF_INET or AF_INET6, of both */
	union et_addr remote;
	union et_addr local;		/* 0: the route decides */
	__be16 sport;			/* ESP in UDP: ours and the peer's; both 0: ESP alone */
	__be16 dport;
	__be32 flow_label;		/* IPv6: one for all, so that packets keep their order */
	struct dst_cache route;
};

enum et_peer_flag {
	ET_PEER_WANTS,	/* a packet waits for an outbound SA */
};

/*
 * Held by its device (et_dev.peers), by each of its SAs, and by its works while
 * they are queued or run; readers find it through the trie or an SA, under RCU.
 * The last reference frees it after a grace period and only then lets the
 * net_device go.
 */
struct et_peer {
	struct et_dev *edev;
	u32 id;
	struct et_endpoint __rcu *endpoint;
	struct et_sa __rcu *out;	/* the current outbound SA, or none */
	struct et_selectors __rcu *selectors;
	struct et_hold hold;		/* open: no SA yet, and traffic may start it */
	unsigned long flags;		/* enum et_peer_flag */
	u32 mtu;			/* that the last packet found; 0: none has been sent */
	struct et_drops drops;

	/* et_dev.cfg. */
	struct list_head sas;		/* et_sa.of_peer, oldest first */
	u8 mapping;			/* enum esptun_mapping */
	bool acquire;			/* traffic may start it */
	bool ready;			/* counted in et_dev.ready_count */
	bool asked;			/* acquire was told for ET_PEER_WANTS */
	bool dead;
	struct et_source told;		/* peer-moved was told of this; family 0: of nothing */
					/* since the peer was where its endpoint is */
	u64 told_at;			/* ns, boot time */

	struct delayed_work wait;	/* asks for an SA, and ends waiting in vain */
	struct delayed_work tell_mtu;
	struct kref ref;
	struct rcu_head rcu;
	netdevice_tracker dev_tracker;
};

/* What peer-set gives; NULL or absent: leave as it is. */
struct et_peer_params {
	u32 id;
	bool has_remote, has_local, has_encap, has_mapping, has_acquire;
	u8 remote_family;	/* AF_INET or AF_INET6 */
	u8 local_family;
	union et_addr remote;
	union et_addr local;	/* 0: the route decides */
	__be16 sport;
	__be16 dport;
	u8 mapping;
	bool acquire;
	struct et_selectors *selectors;	/* taken over by a call that succeeds */
	u32 bad_selector;		/* set on -EEXIST */
};

bool et_addr_is_outer(u8 family, const union et_addr *addr);

/* Process context, et_dev.cfg held. */
struct et_peer *et_peer_find(struct et_dev *edev, u32 id);
int et_peer_set(struct et_dev *edev, struct et_peer_params *p);
void et_peer_remove(struct et_peer *peer);
void et_peer_count_ready(struct et_peer *peer);
bool et_peer_heard_from(struct et_peer *peer, const struct et_source *from);

/* Softirqs off, RCU read-side section. */
void et_peer_want_sa(struct et_peer *peer);
void et_peer_mtu_changed(struct et_peer *peer, u32 mtu);

/* Any context. */
void et_peer_put(struct et_peer *peer);

#endif
