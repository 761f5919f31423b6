/* SPDX-License-Identifier: GPL-2.0-only */
/* packets that wait for their SA: bounded queues, left in the order of arrival */
#ifndef ET_HOLD_H
#define ET_HOLD_H

#include <linux/atomic.h>
#include <linux/skbuff.h>

/*
 * Inbound, a reserved SPI has one for packets that are sooner than its keys;
 * outbound, a peer that traffic may start has one for packets without an SA.
 *
 * It is open from when there may be something to wait for until all that
 * waited has gone on: a packet that finds it open waits behind the others. The
 * queue's lock guards everything, and is taken by packets only while it is
 * open; without the lock, open is a hint. It holds no reference: its owner
 * empties it before it goes, and the device outlives the owner.
 */
struct et_hold {
	struct sk_buff_head queue;
	u32 octets;		/* of memory (truesize) */
	bool open;
	atomic_t *total;	/* octets held in the namespace, this way */
};

void et_hold_init(struct et_hold *hold, atomic_t *total);
void et_hold_open(struct et_hold *hold);

/* Softirqs off. */
int et_hold_put(struct et_hold *hold, struct sk_buff *skb);

/* Process context. */
void et_hold_close(struct et_hold *hold, struct sk_buff_head *rest);
void et_hold_move(struct et_hold *from, struct et_hold *to);
void et_hold_drain(struct et_hold *hold, void (*go_on)(struct sk_buff *skb, void *ctx),
		   void *ctx);
unsigned long et_hold_expire(struct et_hold *hold, unsigned long age,
			     struct sk_buff_head *late);

/* May it be open? */
static inline bool et_hold_is_open(const struct et_hold *hold)
{
	return READ_ONCE(hold->open);
}

#endif
