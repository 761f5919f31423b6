// SPDX-License-Identifier: GPL-2.0-only
/*
 * packets that wait for their SA: bounded queues, left in the order of arrival
 *
 * Packets come with softirqs off; what lets them go on runs in process context
 * under et_dev.cfg, one at a time for a queue.
 */
#include "hold.h"

#include <linux/jiffies.h>
#include <linux/rcupdate.h>

#define HOLD_PACKETS 64
#define HOLD_OCTETS  (128 * 1024)
#define HOLD_TOTAL   (1024 * 1024)	/* in a namespace, each way */

struct held_cb {
	unsigned long since;	/* jiffies */
};

static struct held_cb *held_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct held_cb) > sizeof(skb->cb));
	return (struct held_cb *)skb->cb;
}

/**
 * et_hold_init - make an empty, closed one
 * @hold: the queue
 * @total: what it shares with the others of the namespace
 */
void et_hold_init(struct et_hold *hold, atomic_t *total)
{
	skb_queue_head_init(&hold->queue);
	hold->total = total;
}

/**
 * et_hold_open - let packets wait from now on
 * @hold: the queue
 */
void et_hold_open(struct et_hold *hold)
{
	spin_lock_bh(&hold->queue.lock);
	WRITE_ONCE(hold->open, true);
	spin_unlock_bh(&hold->queue.lock);
}

static bool fits(const struct et_hold *hold, const struct sk_buff *skb)
{
	return skb_queue_len(&hold->queue) < HOLD_PACKETS &&
	       hold->octets + skb->truesize <= HOLD_OCTETS &&
	       atomic_read(hold->total) + skb->truesize <= HOLD_TOTAL;
}

/* The queue's lock is held. */
static struct sk_buff *take(struct et_hold *hold)
{
	struct sk_buff *skb = __skb_dequeue(&hold->queue);

	if (skb) {
		hold->octets -= skb->truesize;
		atomic_sub(skb->truesize, hold->total);
	}
	return skb;
}

/**
 * et_hold_put - let a packet wait
 * @hold: the queue
 * @skb: the packet; taken over when this succeeds
 *
 * Context: softirqs off.
 * Return: 0; -ENOSPC, no more may wait; -ESHUTDOWN, there is nothing to wait
 * for any more, look again.
 */
int et_hold_put(struct et_hold *hold, struct sk_buff *skb)
{
	int err = 0;

	spin_lock(&hold->queue.lock);
	if (!hold->open) {
		err = -ESHUTDOWN;
	} else if (!fits(hold, skb)) {
		err = -ENOSPC;
	} else {
		held_cb(skb)->since = jiffies;
		hold->octets += skb->truesize;
		atomic_add(skb->truesize, hold->total);
		__skb_queue_tail(&hold->queue, skb);
	}
	spin_unlock(&hold->queue.lock);
	return err;
}

/**
 * et_hold_close - let nothing wait any more
 * @hold: the queue
 * @rest: gets what waited, to be dropped; initialised
 */
void et_hold_close(struct et_hold *hold, struct sk_buff_head *rest)
{
	struct sk_buff *skb;

	spin_lock_bh(&hold->queue.lock);
	WRITE_ONCE(hold->open, false);
	while ((skb = take(hold)))
		__skb_queue_tail(rest, skb);
	spin_unlock_bh(&hold->queue.lock);
}

/**
 * et_hold_move - put what waits in one queue before what waits in another
 * @from: the first; closed by this
 * @to: the other, open, of the same total
 */
void et_hold_move(struct et_hold *from, struct et_hold *to)
{
	struct sk_buff_head rest;
	u32 octets;

	__skb_queue_head_init(&rest);
	spin_lock_bh(&from->queue.lock);
	WRITE_ONCE(from->open, false);
	skb_queue_splice_init(&from->queue, &rest);
	octets = from->octets;
	from->octets = 0;
	spin_unlock_bh(&from->queue.lock);

	spin_lock_bh(&to->queue.lock);
	skb_queue_splice(&rest, &to->queue);
	to->octets += octets;
	spin_unlock_bh(&to->queue.lock);
}

/**
 * et_hold_drain - let everything go on, in order, and close
 * @hold: the queue
 * @go_on: takes over one packet; softirqs are off, in an RCU read-side section
 * @ctx: for go_on()
 *
 * What arrives meanwhile goes on behind what waited: it closes only when
 * nothing waits, and then all are through.
 */
void et_hold_drain(struct et_hold *hold, void (*go_on)(struct sk_buff *skb, void *ctx),
		   void *ctx)
{
	struct sk_buff *skb;

	if (!et_hold_is_open(hold))
		return;
	local_bh_disable();
	rcu_read_lock();
	do {
		spin_lock(&hold->queue.lock);
		skb = take(hold);
		if (!skb)
			WRITE_ONCE(hold->open, false);
		spin_unlock(&hold->queue.lock);
		if (skb)
			go_on(skb, ctx);
	} while (skb);
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * et_hold_expire - take out what has waited for too long
 * @hold: the queue
 * @age: how long, in jiffies
 * @late: gets it, to be dropped; initialised
 *
 * Return: jiffies until the next one has, 0 when nothing waits any more.
 */
unsigned long et_hold_expire(struct et_hold *hold, unsigned long age, struct sk_buff_head *late)
{
	unsigned long now = jiffies, left = 0;
	struct sk_buff *skb;

	spin_lock_bh(&hold->queue.lock);
	while ((skb = skb_peek(&hold->queue)) && time_after_eq(now, held_cb(skb)->since + age))
		__skb_queue_tail(late, take(hold));
	if (skb)
		left = held_cb(skb)->since + age - now;
	spin_unlock_bh(&hold->queue.lock);
	return left;
}
