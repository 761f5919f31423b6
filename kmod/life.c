// SPDX-License-Identifier: GPL-2.0-only
/*
 * the lifetime of an SA: limits, its first packet, where packets come from
 *
 * Packets call for the work with softirqs off and decide nothing; the work
 * decides, in process context under et_dev.cfg.
 */
#include "device.h"
#include "netlink.h"
#include "peer.h"
#include "sa.h"

#define LOOK_MAX  (3600 * HZ)	/* jiffies stand still in suspend, boot time does not */
#define HOLD_TIME HZ		/* that a packet waits for the keys of its SPI */

static void kick(struct et_sa *sa, unsigned long delay)
{
	if (test_bit(ET_SA_KICKED, &sa->flags) || test_and_set_bit(ET_SA_KICKED, &sa->flags))
		return;
	/* the work's reference is taken with the work */
	if (et_sa_get_live(sa) && mod_delayed_work(et_wq, &sa->life, delay))
		et_sa_put(sa);
}

/**
 * et_sa_kick - a packet saw something that the lifetime work has to look at
 * @sa: the SA
 *
 * Context: softirqs off, in an RCU read-side section or with a reference.
 */
void et_sa_kick(struct et_sa *sa)
{
	kick(sa, 0);
}

/**
 * et_spi_kick - a packet waits for the keys of a reserved SPI
 * @sa: the reserved SPI
 *
 * Context: softirqs off, in an RCU read-side section.
 */
void et_spi_kick(struct et_sa *sa)
{
	kick(sa, HOLD_TIME);
}

/* How much of what a limit counts the SA has used. */
static u64 used(const struct et_sa *sa, enum et_limit limit)
{
	u64 packets, bytes;

	switch (limit) {
	case ET_LIMIT_TIME:
		return div_u64(et_sa_age(sa), NSEC_PER_SEC);
	case ET_LIMIT_BYTES:
		et_sa_sum(sa, &packets, &bytes);
		return bytes;
	default:
		return et_sa_seq(sa);
	}
}

static u64 hard_limit(const struct et_sa *sa, enum et_limit limit)
{
	return limit == ET_LIMIT_PACKETS ? sa->seq_max : sa->limits.hard[limit];
}

/* Tell of limits that were reached. Return: whether the SA is gone. */
static bool check_limits(struct et_sa *sa)
{
	static const enum esptun_expire_reason reason[] = {
		[ET_LIMIT_TIME] = ESPTUN_EXPIRE_REASON_TIME,
		[ET_LIMIT_BYTES] = ESPTUN_EXPIRE_REASON_BYTES,
		[ET_LIMIT_PACKETS] = ESPTUN_EXPIRE_REASON_PACKETS,
	};
	enum et_limit i;

	for (i = 0; i < ET_LIMITS; i++) {
		u64 soft = sa->limits.soft[i], hard = hard_limit(sa, i), now;

		if (!hard && (!soft || sa->soft_told[i]))
			continue;
		now = used(sa, i);
		if (hard && now >= hard) {
			et_event_expire(sa, reason[i], true);
			et_sa_remove(sa);
			return true;
		}
		if (soft && now >= soft && !sa->soft_told[i]) {
			sa->soft_told[i] = true;
			et_event_expire(sa, reason[i], false);
		}
	}
	return false;
}

/* Is this the newest inbound SA that the peer has sent on? */
static bool newest_heard(const struct et_sa *in)
{
	const struct et_sa *sa;

	list_for_each_entry(sa, &in->peer->sas, of_peer)
		if (!sa->out && sa->serial > in->serial && test_bit(ET_SA_FIRST, &sa->flags))
			return false;
	return true;
}

/* Packets come from elsewhere than before. An old SA's may have been on their way for long. */
static void heard_from(struct et_sa *in)
{
	struct et_source from;

	spin_lock_bh(&in->replay_lock);
	from = in->from;
	spin_unlock_bh(&in->replay_lock);
	if (newest_heard(in) && !et_peer_heard_from(in->peer, &from))
		set_bit(ET_SA_MOVED, &in->flags);
}

static unsigned long until(const struct et_sa *sa, u64 seconds)
{
	u64 age = et_sa_age(sa), end = seconds * NSEC_PER_SEC;

	if (age >= end)
		return 0;
	return min_t(u64, nsecs_to_jiffies64(end - age) + 1, LOOK_MAX);
}

/**
 * et_sa_arm - queue the work for the next time when a limit may have been reached
 * @sa: the SA
 *
 * Context: process, et_dev.cfg held.
 */
void et_sa_arm(struct et_sa *sa)
{
	unsigned long delay = MAX_JIFFY_OFFSET;
	const struct et_limits *l = &sa->limits;

	if (l->hard[ET_LIMIT_TIME])
		delay = min(delay, until(sa, l->hard[ET_LIMIT_TIME]));
	if (l->soft[ET_LIMIT_TIME] && !sa->soft_told[ET_LIMIT_TIME])
		delay = min(delay, until(sa, l->soft[ET_LIMIT_TIME]));
	if (l->hard[ET_LIMIT_BYTES] ||
	    (l->soft[ET_LIMIT_BYTES] && !sa->soft_told[ET_LIMIT_BYTES]))
		delay = min(delay, (unsigned long)HZ);
	if (test_bit(ET_SA_MOVED, &sa->flags))
		delay = min(delay, (unsigned long)HZ);

	WRITE_ONCE(sa->seq_look, l->soft[ET_LIMIT_PACKETS] && !sa->soft_told[ET_LIMIT_PACKETS] ?
					 min(l->soft[ET_LIMIT_PACKETS], sa->seq_max) :
					 sa->seq_max);
	if (delay == MAX_JIFFY_OFFSET)
		return;
	/* not mod_delayed_work(): a packet's kick that came meanwhile is not put off */
	et_sa_get(sa);
	if (!queue_delayed_work(et_wq, &sa->life, delay))
		et_sa_put(sa);
}

/* A pair that was slow to be heard of does not bring back what a later SA replaced. */
static bool newer(const struct et_sa *out)
{
	const struct et_sa *now = et_cfg_deref(out->peer->out, out->peer->edev);

	return !now || out->serial > now->serial;
}

/* The first authentic packet: the peer has the new keys, so use their other half. */
static void heard_first(struct et_sa *in)
{
	struct et_sa *sa;

	in->first_told = true;
	et_event_first(in);
	list_for_each_entry(sa, &in->peer->sas, of_peer)
		if (sa->out && sa->pair_spi == in->spi && newer(sa))
			et_sa_activate(sa);
}

/* The keys of a reserved SPI are late for some packets. */
static void expire_held(struct et_sa *sa)
{
	struct sk_buff_head late;
	unsigned long next;

	__skb_queue_head_init(&late);
	next = et_hold_expire(&sa->hold, HOLD_TIME, &late);
	if (next)
		kick(sa, next);
	et_drop_list(&late, sa->peer, sa, ET_DROP_HOLD_TIMEOUT);
}

/**
 * et_sa_life_work - what packets called for, and time
 * @work: et_sa.life, with a reference to the SA
 */
void et_sa_life_work(struct work_struct *work)
{
	struct et_sa *sa = container_of(to_delayed_work(work), struct et_sa, life);
	struct et_dev *edev = sa->peer->edev;

	clear_bit(ET_SA_KICKED, &sa->flags);
	smp_mb__after_atomic();	/* what is looked at next was written before a later kick */

	mutex_lock(&edev->cfg);
	if (sa->dead)
		goto out;
	if (!sa->cipher.tfm) {
		expire_held(sa);
		goto out;
	}
	if (test_bit(ET_SA_FIRST, &sa->flags) && !sa->first_told)
		heard_first(sa);
	if (test_and_clear_bit(ET_SA_MOVED, &sa->flags))
		heard_from(sa);
	if (!check_limits(sa))
		et_sa_arm(sa);
out:
	mutex_unlock(&edev->cfg);
	et_sa_put(sa);
}
