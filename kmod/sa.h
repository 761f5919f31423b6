/* SPDX-License-Identifier: GPL-2.0-only */
/* one one-way ESP tunnel: create, activate, free; the SPI table; counters; its lifetime */
#ifndef ET_SA_H
#define ET_SA_H

#include <linux/kref.h>
#include <linux/rhashtable.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "crypto.h"
#include "drop.h"
#include "esp.h"
#include "hold.h"
#include "replay.h"

struct et_dev;
struct et_net;
struct et_peer;

#define ET_SPI_MIN 256	/* RFC 4303 section 2.1: below is reserved */

enum et_limit { ET_LIMIT_TIME, ET_LIMIT_BYTES, ET_LIMIT_PACKETS, ET_LIMITS };

/* Seconds, octets of inner packets, sequence numbers; 0: no limit. */
struct et_limits {
	u64 soft[ET_LIMITS];
	u64 hard[ET_LIMITS];
};

/* What sa-new gives. */
struct et_sa_params {
	bool out;
	__be32 spi;
	struct et_keys keys;
	bool esn;
	u32 window;		/* packets; in */
	struct et_limits limits;
	__be32 pair_spi;	/* out; 0: none */
};

/* One CPU's share of an SA's counters. */
struct et_sa_stats {
	u64_stats_t packets;
	u64_stats_t bytes;		/* of the inner packets */
	struct u64_stats_sync sync;
	s64 credit;			/* octets until the byte limits are looked at */
};

enum et_sa_flag {
	ET_SA_FIRST,	/* an authentic packet has arrived */
	ET_SA_MOVED,	/* et_sa.from has changed, and nobody has looked */
	ET_SA_KICKED,	/* the lifetime work was called for by a packet */
};

/*
 * An SA, or an SPI reserved for one to come: then it has no tfm, and the SA
 * that takes its place takes over what waits in its hold. Immutable
 * once it is in the SPI table or its peer's list, but for counters, the window
 * and what is marked as et_dev.cfg's.
 *
 * The creation's reference lives until et_sa_remove(); the lifetime work holds
 * one while it is queued or runs; a packet holds one while the cipher has it.
 * Readers find an SA in the SPI table or in et_peer.out, under RCU, where its
 * last reference may just have gone: et_sa_get_live() tells. That one frees it
 * in a work after a grace period, since a crypto driver may sleep when its key
 * goes.
 */
struct et_sa {
	union {
		struct rhash_head in_spis;	/* inbound; et_net.spis */
		struct rhlist_head in_outs;	/* outbound; et_net.outs */
	};
	__be32 spi;
	bool out;
	bool esn;
	struct et_peer *peer;
	struct et_cipher cipher;
	u64 seq_max;			/* hard packet limit, within the sequence space */
	s64 credit;			/* octets a CPU may count before it calls for a look */
	struct et_sa_stats __percpu *stats;

	/* Below: written while it is live. */
	unsigned long flags;		/* enum et_sa_flag */
	u64 seq_look;			/* sequence number at which the limits are looked at */
	struct et_drops drops;
	struct kref ref;

	/* Outbound: the last number taken, IV of counter ciphers and age in packets. */
	atomic64_t seq ____cacheline_aligned_in_smp;

	/* Inbound. */
	spinlock_t replay_lock ____cacheline_aligned_in_smp;
	struct et_replay *replay;
	struct et_source from;		/* of the highest number; replay_lock */
	struct et_hold hold;		/* open: the keys are still to come, or have just come */

	/* Configuration and lifetime; et_dev.cfg. */
	struct list_head of_peer;	/* et_peer.sas */
	u64 serial;			/* order of creation on the device */
	struct et_limits limits;
	u64 born;			/* ns, boot time */
	__be32 pair_spi;
	bool soft_told[ET_LIMITS];
	bool first_told;
	bool dead;
	struct delayed_work life;
	struct rcu_work free;
};

/* Process context. */
struct et_sa *et_sa_create(struct et_sa_params *p, struct netlink_ext_ack *extack);

/* Process context, et_dev.cfg held. */
int et_sa_insert(struct et_sa *sa, struct et_peer *peer, bool active);
struct et_sa *et_spi_reserve(struct et_peer *peer);
struct et_sa *et_sa_find(struct et_peer *peer, bool out, __be32 spi);
void et_sa_activate(struct et_sa *sa);
void et_sa_remove(struct et_sa *sa);

/* RCU read-side section. */
struct et_sa *et_spi_lookup(struct et_net *enet, __be32 spi);
const struct et_dev *et_sa_sends_to(struct et_net *enet, __be32 spi, u8 family,
				    const union et_addr *remote);

/* Softirqs off, under RCU or with a reference. */
u64 et_sa_take_seq(struct et_sa *sa);
void et_sa_count(struct et_sa *sa, u32 inner_len);
void et_sa_passed(struct et_sa *sa, u64 seq);

/* life.c. Softirqs off, under RCU or with a reference. */
void et_sa_kick(struct et_sa *sa);
void et_spi_kick(struct et_sa *sa);

/* life.c. Process context, et_dev.cfg held; the work takes it. */
void et_sa_arm(struct et_sa *sa);
void et_sa_life_work(struct work_struct *work);

/* Any context. */
void et_sa_get(struct et_sa *sa);
bool et_sa_get_live(struct et_sa *sa);
void et_sa_put(struct et_sa *sa);
void et_sa_sum(const struct et_sa *sa, u64 *packets, u64 *bytes);
u64 et_sa_seq(const struct et_sa *sa);
u64 et_sa_age(const struct et_sa *sa);

/* Process context; the second when the namespace has no device and no packet any more. */
int et_sa_tables_init(struct et_net *enet);
void et_sa_tables_exit(struct et_net *enet);

int et_sa_init(void);
void et_sa_exit(void);

#endif
