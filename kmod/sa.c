// SPDX-License-Identifier: GPL-2.0-only
/*
 * one one-way ESP tunnel: create, activate, free; the SPI table; counters
 *
 * Changes run in process context under et_dev.cfg. Packets take sequence
 * numbers and count with softirqs off.
 */
#include "sa.h"

#include <linux/random.h>
#include <linux/timekeeping.h>

#include "device.h"
#include "peer.h"

/*
 * The last sequence number. With ESN a little room is left: CPUs that pass the
 * check in et_sa_take_seq() at once may step over it, and never reach the wrap.
 */
#define SEQ_MAX	    U32_MAX
#define SEQ_MAX_ESN (U64_MAX - U16_MAX)

#define CREDIT_MAX (64 << 20)	/* octets a CPU may count unseen, about */
#define SPI_TRIES  64

struct workqueue_struct *et_wq;

static const struct rhashtable_params spi_params = {
	.key_len = sizeof_field(struct et_sa, spi),
	.key_offset = offsetof(struct et_sa, spi),
	.head_offset = offsetof(struct et_sa, in_spis),
	.automatic_shrinking = true,
};

/**
 * et_spi_lookup - the inbound SA or reserved SPI of this number
 * @enet: the outer namespace's
 * @spi: the SPI
 *
 * Context: RCU read-side section, which the result is valid in.
 */
struct et_sa *et_spi_lookup(struct et_net *enet, __be32 spi)
{
	return rhashtable_lookup(&enet->spis, &spi, spi_params);
}

static const struct rhashtable_params out_params = {
	.key_len = sizeof_field(struct et_sa, spi),
	.key_offset = offsetof(struct et_sa, spi),
	.head_offset = offsetof(struct et_sa, in_outs),
	.automatic_shrinking = true,
};

/**
 * et_sa_sends_to - which link has an outbound SA with this SPI and this peer address?
 * @enet: the outer namespace's
 * @spi: the SPI
 * @family: AF_INET or AF_INET6
 * @remote: the outer address
 *
 * Context: RCU read-side section.
 * Return: the link, NULL for none.
 */
const struct et_dev *et_sa_sends_to(struct et_net *enet, __be32 spi, u8 family,
				    const union et_addr *remote)
{
	const struct rhlist_head *pos, *list = rhltable_lookup(&enet->outs, &spi, out_params);
	const struct et_endpoint *ep;
	const struct et_sa *sa;

	rhl_for_each_entry_rcu(sa, pos, list, in_outs) {
		ep = rcu_dereference(sa->peer->endpoint);
		if (ep->family == family && et_addr_equal(&ep->remote, remote))
			return sa->peer->edev;
	}
	return NULL;
}

/* The two tables of a namespace, empty. */
int et_sa_tables_init(struct et_net *enet)
{
	int err = rhashtable_init(&enet->spis, &spi_params);

	if (err)
		return err;
	err = rhltable_init(&enet->outs, &out_params);
	if (err)
		rhashtable_destroy(&enet->spis);
	return err;
}

void et_sa_tables_exit(struct et_net *enet)
{
	rhltable_destroy(&enet->outs);
	rhashtable_destroy(&enet->spis);
}

static struct et_net *net_of(const struct et_sa *sa)
{
	return et_net(sa->peer->edev->net);
}

/* References */

void et_sa_get(struct et_sa *sa)
{
	kref_get(&sa->ref);
}

/**
 * et_sa_get_live - a reference for who found the SA under RCU
 * @sa: the SA
 *
 * Return: false when it is being removed: nothing will hold it after the
 * read-side section.
 */
bool et_sa_get_live(struct et_sa *sa)
{
	return kref_get_unless_zero(&sa->ref);
}

/* After the last reference and a grace period: nobody knows it any more. */
static void sa_free(struct work_struct *work)
{
	struct et_sa *sa = container_of(to_rcu_work(work), struct et_sa, free);

	et_cipher_free(&sa->cipher);
	free_percpu(sa->stats);
	kvfree(sa->replay);
	if (sa->peer)
		et_peer_put(sa->peer);
	kfree(sa);
}

static void sa_release(struct kref *ref)
{
	queue_rcu_work(et_wq, &container_of(ref, struct et_sa, ref)->free);
}

void et_sa_put(struct et_sa *sa)
{
	kref_put(&sa->ref, sa_release);
}

/* Counters */

/**
 * et_sa_sum - what all CPUs counted
 * @sa: the SA
 * @packets: set to the packets sent, or received and accepted
 * @bytes: set to the octets of their inner packets
 */
void et_sa_sum(const struct et_sa *sa, u64 *packets, u64 *bytes)
{
	unsigned int start;
	u64 p, b;
	int cpu;

	*packets = 0;
	*bytes = 0;
	for_each_possible_cpu(cpu) {
		const struct et_sa_stats *stats = per_cpu_ptr(sa->stats, cpu);

		do {
			start = u64_stats_fetch_begin(&stats->sync);
			p = u64_stats_read(&stats->packets);
			b = u64_stats_read(&stats->bytes);
		} while (u64_stats_fetch_retry(&stats->sync, start));
		*packets += p;
		*bytes += b;
	}
}

/**
 * et_sa_seq - the last sequence number sent, or the highest one received
 * @sa: the SA
 */
u64 et_sa_seq(const struct et_sa *sa)
{
	if (sa->out)
		return min_t(u64, atomic64_read(&sa->seq), sa->seq_max);
	return sa->replay ? READ_ONCE(sa->replay->top) : 0;
}

/**
 * et_sa_age - nanoseconds since the keys came, suspend included
 * @sa: the SA
 */
u64 et_sa_age(const struct et_sa *sa)
{
	return ktime_get_boottime_ns() - sa->born;
}

/**
 * et_sa_count - count a packet that was sent, or received and accepted
 * @sa: the SA
 * @inner_len: octets of the inner packet
 *
 * Context: softirqs off.
 */
void et_sa_count(struct et_sa *sa, u32 inner_len)
{
	struct et_sa_stats *stats = this_cpu_ptr(sa->stats);

	u64_stats_update_begin(&stats->sync);
	u64_stats_inc(&stats->packets);
	u64_stats_add(&stats->bytes, inner_len);
	u64_stats_update_end(&stats->sync);

	stats->credit -= inner_len;
	if (unlikely(stats->credit < 0)) {
		stats->credit = sa->credit;
		et_sa_kick(sa);
	}
}

/**
 * et_sa_take_seq - take the next sequence number of an outbound SA, for ever
 * @sa: the SA
 *
 * The number is the IV of counter ciphers: it must be used for one packet and
 * may be lost, but never comes again under this key.
 *
 * Context: softirqs off.
 * Return: the number, or 0 when the SA has spent them all.
 */
u64 et_sa_take_seq(struct et_sa *sa)
{
	u64 seq = atomic64_read(&sa->seq);

	if (likely(seq < sa->seq_max))
		seq = atomic64_inc_return(&sa->seq);
	else
		seq = U64_MAX;

	if (likely(seq <= sa->seq_max))
		return seq;
	et_sa_kick(sa);
	return 0;
}

/**
 * et_sa_passed - a packet of this number is through, and counted
 * @sa: the SA
 * @seq: its sequence number
 *
 * Context: softirqs off.
 */
void et_sa_passed(struct et_sa *sa, u64 seq)
{
	if (unlikely(seq >= READ_ONCE(sa->seq_look)))
		et_sa_kick(sa);
}

/* Life */

static struct et_sa *sa_alloc(__be32 spi, bool out)
{
	struct et_sa *sa = kzalloc(sizeof(*sa), GFP_KERNEL);
	int cpu;

	if (!sa)
		return NULL;
	sa->stats = alloc_percpu(struct et_sa_stats);
	if (!sa->stats) {
		kfree(sa);
		return NULL;
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(sa->stats, cpu)->sync);

	sa->spi = spi;
	sa->out = out;
	kref_init(&sa->ref);
	spin_lock_init(&sa->replay_lock);
	INIT_LIST_HEAD(&sa->of_peer);
	INIT_DELAYED_WORK(&sa->life, et_sa_life_work);
	INIT_RCU_WORK(&sa->free, sa_free);
	return sa;
}

static void set_limits(struct et_sa *sa, const struct et_limits *limits)
{
	u64 bytes = min_not_zero(limits->soft[ET_LIMIT_BYTES], limits->hard[ET_LIMIT_BYTES]);
	int cpu;

	sa->limits = *limits;
	sa->seq_max = min_not_zero(limits->hard[ET_LIMIT_PACKETS],
				   sa->esn ? SEQ_MAX_ESN : (u64)SEQ_MAX);
	sa->seq_look = U64_MAX;	/* until et_sa_arm() */
	sa->credit = bytes ? min_t(u64, bytes / 16, CREDIT_MAX) : S64_MAX;
	for_each_possible_cpu(cpu)
		per_cpu_ptr(sa->stats, cpu)->credit = sa->credit;
}

/**
 * et_sa_create - make an SA that nobody knows yet
 * @p: what it is to be
 * @extack: says what is wrong
 *
 * Context: process; may load crypto modules, so no lock is held.
 * Return: the SA with one reference, for et_sa_insert() or et_sa_put(); or the
 * error of et_cipher_init(), or -ENOMEM.
 */
struct et_sa *et_sa_create(struct et_sa_params *p, struct netlink_ext_ack *extack)
{
	struct et_sa *sa = sa_alloc(p->spi, p->out);
	int err;

	if (!sa)
		return ERR_PTR(-ENOMEM);
	sa->esn = p->esn;
	sa->pair_spi = p->pair_spi;
	set_limits(sa, &p->limits);

	err = et_cipher_init(&sa->cipher, &p->keys, p->esn, extack);
	if (err)
		goto err_put;
	if (!p->out) {
		err = -ENOMEM;
		sa->replay = kvzalloc(et_replay_size(p->window), GFP_KERNEL_ACCOUNT);
		if (!sa->replay)
			goto err_put;
		et_replay_init(sa->replay, p->window, p->esn);
	}
	return sa;

err_put:
	et_sa_put(sa);
	return ERR_PTR(err);
}

/* Into the SPI table, in the place of the peer's own reservation if there is one. */
static int spi_insert(struct et_sa *sa)
{
	struct et_sa *old = et_sa_find(sa->peer, false, sa->spi);
	struct rhashtable *spis = &net_of(sa)->spis;
	int err;

	if (!old || old->cipher.tfm)
		return rhashtable_lookup_insert_fast(spis, &sa->in_spis, spi_params);
	/* what finds this SA from now on waits, too, behind what waits already */
	et_hold_open(&sa->hold);
	err = rhashtable_replace_fast(spis, &old->in_spis, &sa->in_spis, spi_params);
	if (err)
		return err;
	et_hold_move(&old->hold, &sa->hold);
	et_sa_remove(old);
	return 0;
}

static bool pair_heard(const struct et_sa *out)
{
	const struct et_sa *in = et_sa_find(out->peer, false, out->pair_spi);

	return out->pair_spi && in && test_bit(ET_SA_FIRST, &in->flags);
}

/**
 * et_sa_insert - make an SA live
 * @sa: from et_sa_create(); the peer takes over the reference if this succeeds,
 *	else et_sa_put() is due
 * @peer: whose it is
 * @active: outbound, make it the current one
 *
 * Context: process, et_dev.cfg held.
 * Return: 0, -EEXIST when the SPI is in use, or a table's error.
 */
int et_sa_insert(struct et_sa *sa, struct et_peer *peer, bool active)
{
	int err;

	if (sa->out && et_sa_find(peer, true, sa->spi))
		return -EEXIST;

	kref_get(&peer->ref);
	sa->peer = peer;
	et_hold_init(&sa->hold, &net_of(sa)->held_in);
	sa->born = ktime_get_boottime_ns();
	sa->serial = ++peer->edev->last_serial;
	err = sa->out ? rhltable_insert(&net_of(sa)->outs, &sa->in_outs, out_params) :
			spi_insert(sa);
	if (err)
		return err;

	list_add_tail(&sa->of_peer, &peer->sas);
	et_sa_arm(sa);
	et_rx_held(sa);
	if (sa->out && (active || pair_heard(sa)))
		et_sa_activate(sa);
	return 0;
}

/**
 * et_spi_reserve - set a random free SPI aside for a peer
 * @peer: the peer
 *
 * Context: process, et_dev.cfg held.
 * Return: what holds the place until et_sa_insert() or et_sa_remove(); -ENOMEM;
 * -EBUSY when chance found none that is free.
 */
struct et_sa *et_spi_reserve(struct et_peer *peer)
{
	struct et_sa *sa = sa_alloc(0, false);
	int i, err = -EBUSY;

	if (!sa)
		return ERR_PTR(-ENOMEM);
	kref_get(&peer->ref);
	sa->peer = peer;
	et_hold_init(&sa->hold, &net_of(sa)->held_in);
	et_hold_open(&sa->hold);

	for (i = 0; i < SPI_TRIES; i++) {
		sa->spi = cpu_to_be32(get_random_u32());
		if (be32_to_cpu(sa->spi) < ET_SPI_MIN)
			continue;
		err = rhashtable_lookup_insert_fast(&net_of(sa)->spis, &sa->in_spis,
						    spi_params);
		if (err != -EEXIST)
			break;
	}
	if (err) {
		et_sa_put(sa);
		return ERR_PTR(err == -EEXIST ? -EBUSY : err);
	}

	sa->born = ktime_get_boottime_ns();
	sa->serial = ++peer->edev->last_serial;
	list_add_tail(&sa->of_peer, &peer->sas);
	return sa;
}

/**
 * et_sa_find - an SA of a peer, or an SPI reserved for it
 * @peer: the peer
 * @out: which way
 * @spi: the SPI
 *
 * Context: process, et_dev.cfg held.
 */
struct et_sa *et_sa_find(struct et_peer *peer, bool out, __be32 spi)
{
	struct et_sa *sa;

	list_for_each_entry(sa, &peer->sas, of_peer)
		if (sa->out == out && sa->spi == spi)
			return sa;
	return NULL;
}

/* Open before it is needed, empty before it is closed: no packet is without a place. */
static void set_current(struct et_peer *peer, struct et_sa *sa)
{
	if (!sa && peer->acquire)
		et_hold_open(&peer->hold);
	rcu_assign_pointer(peer->out, sa);
	if (sa)
		et_tx_held(peer);
	et_peer_count_ready(peer);
}

/**
 * et_sa_activate - make an outbound SA the one that its peer sends on
 * @sa: the SA
 *
 * Context: process, et_dev.cfg held.
 */
void et_sa_activate(struct et_sa *sa)
{
	set_current(sa->peer, sa);
}

/**
 * et_sa_remove - take an SA, or a reserved SPI, out of everything
 * @sa: the SA; packets in the cipher hold on to it
 *
 * Context: process, et_dev.cfg held.
 */
void et_sa_remove(struct et_sa *sa)
{
	struct et_peer *peer = sa->peer;
	struct sk_buff_head rest;

	sa->dead = true;
	list_del_init(&sa->of_peer);
	if (sa->out)
		rhltable_remove(&net_of(sa)->outs, &sa->in_outs, out_params);
	else	/* -ENOENT, when an SA has taken a reserved SPI's place */
		rhashtable_remove_fast(&net_of(sa)->spis, &sa->in_spis, spi_params);
	if (rcu_access_pointer(peer->out) == sa)
		set_current(peer, NULL);

	__skb_queue_head_init(&rest);
	et_hold_close(&sa->hold, &rest);
	et_drop_list(&rest, peer, sa, ET_DROP_SPI_RESERVED);
	if (cancel_delayed_work(&sa->life))
		et_sa_put(sa);
	et_sa_put(sa);
}

int et_sa_init(void)
{
	et_wq = alloc_workqueue("esptun", WQ_UNBOUND, 0);
	return et_wq ? 0 : -ENOMEM;
}

/* No SA is left but some that wait for their grace period. */
void et_sa_exit(void)
{
	rcu_barrier();
	destroy_workqueue(et_wq);
}
