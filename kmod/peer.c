// SPDX-License-Identifier: GPL-2.0-only
/*
 * the other gateway as one device sees it: endpoint, prefixes, its SAs
 *
 * Process context under et_dev.cfg; readers use RCU.
 */
#include "peer.h"

#include <linux/random.h>
#include <linux/timekeeping.h>

#include "device.h"
#include "netlink.h"
#include "sa.h"

#define HOLD_TIME (10 * HZ)	/* that a packet waits for an SA: IKE, and one packet of it lost */

/**
 * et_peer_find - a peer by its number
 * @edev: its device
 * @id: the number
 *
 * Context: process, et_dev.cfg held.
 */
struct et_peer *et_peer_find(struct et_dev *edev, u32 id)
{
	return xa_load(&edev->peers, id);
}

static void endpoint_free(struct et_endpoint *ep)
{
	if (ep)
		dst_cache_destroy(&ep->route);
	kfree(ep);
}

static void endpoint_free_rcu(struct rcu_head *rcu)
{
	endpoint_free(container_of(rcu, struct et_endpoint, rcu));
}

static u8 new_family(const struct et_peer_params *p, const struct et_endpoint *old)
{
	return p->has_remote || !old ? p->remote_family : old->family;
}

/*
 * What is given in the place of what the old one has; @old may be NULL. What is
 * of another family than the remote address is not taken over.
 */
static struct et_endpoint *endpoint_new(const struct et_peer_params *p,
					const struct et_endpoint *old)
{
	struct et_endpoint *ep = kzalloc(sizeof(*ep), GFP_KERNEL);

	if (!ep || dst_cache_init(&ep->route, GFP_KERNEL)) {
		kfree(ep);
		return NULL;
	}
	ep->family = new_family(p, old);
	ep->remote = p->has_remote || !old ? p->remote : old->remote;
	if (p->has_local)
		ep->local = p->local;
	else if (old && old->family == ep->family)
		ep->local = old->local;
	if (ep->family == AF_INET6)
		ep->flow_label = cpu_to_be32(get_random_u32()) & IPV6_FLOWLABEL_MASK;
	ep->sport = p->has_encap || !old ? p->sport : old->sport;
	ep->dport = p->has_encap || !old ? p->dport : old->dport;
	return ep;
}

/* After the last reference and a grace period. */
static void peer_free_rcu(struct rcu_head *rcu)
{
	struct et_peer *peer = container_of(rcu, struct et_peer, rcu);

	endpoint_free(rcu_access_pointer(peer->endpoint));
	kfree(rcu_access_pointer(peer->selectors));
	netdev_put(peer->edev->dev, &peer->dev_tracker);
	kfree(peer);
}

static void peer_release(struct kref *ref)
{
	call_rcu(&container_of(ref, struct et_peer, ref)->rcu, peer_free_rcu);
}

void et_peer_put(struct et_peer *peer)
{
	kref_put(&peer->ref, peer_release);
}

/* Traffic that wants an SA */

/* Nothing waits any more, and what did is dropped. */
static void stop_waiting(struct et_peer *peer)
{
	struct sk_buff_head rest;

	__skb_queue_head_init(&rest);
	et_hold_close(&peer->hold, &rest);
	et_drop_list(&rest, peer, NULL, ET_DROP_NO_SA);
}

/*
 * A packet wants an SA: told at once, and of the next that does not before a
 * second has passed. Then, when the first has waited for too long.
 */
static void wait_work(struct work_struct *work)
{
	struct et_peer *peer = container_of(to_delayed_work(work), struct et_peer, wait);
	struct et_dev *edev = peer->edev;
	unsigned long next;
	struct sk_buff_head late;
	bool tell;

	__skb_queue_head_init(&late);
	mutex_lock(&edev->cfg);
	if (peer->dead)
		goto out;
	tell = test_bit(ET_PEER_WANTS, &peer->flags) && !peer->asked &&
	       !rcu_access_pointer(peer->out);
	peer->asked = tell;
	if (tell)
		et_event_acquire(peer);
	else
		clear_bit(ET_PEER_WANTS, &peer->flags);
	smp_mb__after_atomic();	/* a packet that still saw the bit is in the queue by now */
	next = et_hold_expire(&peer->hold, HOLD_TIME, &late);
	et_drop_list(&late, peer, NULL, ET_DROP_HOLD_TIMEOUT);
	if (tell)
		next = HZ;
	if (next) {
		kref_get(&peer->ref);
		if (!queue_delayed_work(et_wq, &peer->wait, next))
			et_peer_put(peer);
	}
out:
	mutex_unlock(&edev->cfg);
	et_peer_put(peer);
}

/**
 * et_peer_want_sa - a packet waits, or would, for an outbound SA
 * @peer: the peer
 *
 * Context: softirqs off, RCU read-side section.
 */
void et_peer_want_sa(struct et_peer *peer)
{
	if (test_bit(ET_PEER_WANTS, &peer->flags) ||
	    test_and_set_bit(ET_PEER_WANTS, &peer->flags))
		return;
	if (!kref_get_unless_zero(&peer->ref))
		return;
	if (mod_delayed_work(et_wq, &peer->wait, 0))
		et_peer_put(peer);
}

static void tell_mtu_work(struct work_struct *work)
{
	struct et_peer *peer = container_of(to_delayed_work(work), struct et_peer, tell_mtu);
	struct et_dev *edev = peer->edev;

	mutex_lock(&edev->cfg);
	if (!peer->dead)
		et_event_mtu(peer);
	mutex_unlock(&edev->cfg);
	et_peer_put(peer);
}

/**
 * et_peer_mtu_changed - a packet found another MTU than the one before it
 * @peer: the peer
 * @mtu: of inner packets
 *
 * Told a second later: once, whatever it was meanwhile.
 *
 * Context: softirqs off, RCU read-side section.
 */
void et_peer_mtu_changed(struct et_peer *peer, u32 mtu)
{
	WRITE_ONCE(peer->mtu, mtu);
	if (!kref_get_unless_zero(&peer->ref))
		return;
	if (!queue_delayed_work(et_wq, &peer->tell_mtu, HZ))
		et_peer_put(peer);
}

/**
 * et_peer_count_ready - after a change: may traffic go to the peer?
 * @peer: the peer
 *
 * Context: process, et_dev.cfg held.
 */
void et_peer_count_ready(struct et_peer *peer)
{
	bool ready = peer->acquire || rcu_access_pointer(peer->out);

	if (ready == peer->ready)
		return;
	peer->ready = ready;
	et_dev_count_ready(peer->edev, ready ? 1 : -1);
}

static void set_acquire(struct et_peer *peer, bool on)
{
	peer->acquire = on;
	if (!on)
		stop_waiting(peer);
	else if (!rcu_access_pointer(peer->out))
		et_hold_open(&peer->hold);
	et_peer_count_ready(peer);
}

static struct et_peer *peer_new(struct et_dev *edev, u32 id)
{
	struct et_peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);

	if (!peer)
		return NULL;
	peer->edev = edev;
	peer->id = id;
	peer->mapping = ESPTUN_MAPPING_EVENT;
	kref_init(&peer->ref);
	et_hold_init(&peer->hold, &et_net(edev->net)->held_out);
	INIT_DELAYED_WORK(&peer->wait, wait_work);
	INIT_DELAYED_WORK(&peer->tell_mtu, tell_mtu_work);
	INIT_LIST_HEAD(&peer->sas);
	netdev_hold(edev->dev, &peer->dev_tracker, GFP_KERNEL);
	return peer;
}

/* Selectors in the place of a peer's old ones, or none of them. */
static int swap_selectors(struct et_peer *peer, struct et_peer_params *p)
{
	struct et_dev *edev = peer->edev;
	struct et_selectors *old = et_cfg_deref(peer->selectors, edev);
	u32 i;
	int err;

	for (i = 0; i < p->selectors->count; i++)
		p->selectors->entry[i].peer = peer;
	err = et_trie_insert(&edev->trie, p->selectors, old, &p->bad_selector);
	if (err)
		return err;

	rcu_assign_pointer(peer->selectors, p->selectors);
	if (old) {
		et_trie_remove(&edev->trie, old);
		kfree_rcu(old, rcu);
	}
	return 0;
}

static void set_switches(struct et_peer *peer, const struct et_peer_params *p)
{
	if (p->has_mapping)
		peer->mapping = p->mapping;
	if (p->has_acquire)
		set_acquire(peer, p->acquire);
}

static int peer_add(struct et_dev *edev, struct et_peer_params *p)
{
	struct et_peer *peer = peer_new(edev, p->id);
	int err = -ENOMEM;

	if (!peer)
		return -ENOMEM;
	RCU_INIT_POINTER(peer->endpoint, endpoint_new(p, NULL));
	if (!rcu_access_pointer(peer->endpoint))
		goto err_put;
	err = xa_insert(&edev->peers, p->id, peer, GFP_KERNEL);
	if (err)
		goto err_put;
	err = swap_selectors(peer, p);
	if (err)
		goto err_erase;
	set_switches(peer, p);
	edev->peer_count++;
	return 0;

err_erase:
	xa_erase(&edev->peers, p->id);
err_put:
	et_peer_put(peer);
	return err;
}

static int peer_change(struct et_peer *peer, struct et_peer_params *p)
{
	struct et_endpoint *old = et_cfg_deref(peer->endpoint, peer->edev), *new = NULL;
	int err;

	if (p->has_remote || p->has_local || p->has_encap) {
		new = endpoint_new(p, old);
		if (!new)
			return -ENOMEM;
	}
	if (p->selectors) {
		err = swap_selectors(peer, p);
		if (err) {
			endpoint_free(new);
			return err;
		}
	}
	if (new) {
		rcu_assign_pointer(peer->endpoint, new);
		call_rcu(&old->rcu, endpoint_free_rcu);
		peer->told.family = 0;
	}
	set_switches(peer, p);
	return 0;
}

/**
 * et_peer_set - make a peer, or replace what is given of an existing one
 * @edev: its device
 * @p: what is given; a new peer needs remote and selectors
 *
 * Context: process, et_dev.cfg held.
 * Return: 0; -EEXIST when the device has selector p->bad_selector already;
 * -ENOMEM. Nothing has changed after an error.
 */
int et_peer_set(struct et_dev *edev, struct et_peer_params *p)
{
	struct et_peer *peer = et_peer_find(edev, p->id);

	return peer ? peer_change(peer, p) : peer_add(edev, p);
}

/**
 * et_addr_is_outer - can a gateway be at this address?
 * @family: AF_INET or AF_INET6
 * @addr: the address
 *
 * Return: true for a unicast address that is routed. A link-local one would
 * need a link beside it.
 */
bool et_addr_is_outer(u8 family, const union et_addr *addr)
{
	if (family == AF_INET)
		return addr->v4 && !ipv4_is_multicast(addr->v4) && !ipv4_is_lbcast(addr->v4);
	return !ipv6_addr_any(&addr->v6) && !ipv6_addr_v4mapped(&addr->v6) &&
	       !(ipv6_addr_type(&addr->v6) & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LINKLOCAL));
}

/**
 * et_peer_heard_from - an SA's newest packet came from a place of its own
 * @peer: whose SA
 * @from: where it came from
 *
 * Only a place of the endpoint's kind counts: whether ESP travels in UDP is
 * negotiated, no NAT changes that. And one that netlink would take.
 *
 * Context: process, et_dev.cfg held.
 * Return: false when it is too soon to tell: call again in a second.
 */
bool et_peer_heard_from(struct et_peer *peer, const struct et_source *from)
{
	const struct et_endpoint *ep = et_cfg_deref(peer->endpoint, peer->edev);
	struct et_peer_params there = {
		.has_remote = true,
		.remote_family = from->family,
		.remote = from->addr,
		.has_encap = true,
		.sport = ep->sport,
		.dport = from->port,
	};
	u64 now = ktime_get_boottime_ns();

	if (peer->mapping == ESPTUN_MAPPING_IGNORE || !from->port != !ep->dport ||
	    !et_addr_is_outer(from->family, &from->addr))
		return true;
	if (from->family == ep->family && et_addr_equal(&from->addr, &ep->remote) &&
	    from->port == ep->dport) {
		peer->told.family = 0;
		return true;
	}
	if (et_source_equal(from, &peer->told))
		return true;
	if (peer->told_at && now - peer->told_at < NSEC_PER_SEC)
		return false;

	if (peer->mapping == ESPTUN_MAPPING_FOLLOW && peer_change(peer, &there))
		return false;
	et_event_moved(peer, from);
	peer->told = *from;
	peer->told_at = now;
	return true;
}

/**
 * et_peer_remove - take a peer with all its SAs away
 * @peer: the peer; its device's reference goes
 *
 * Context: process, et_dev.cfg held.
 */
void et_peer_remove(struct et_peer *peer)
{
	struct et_dev *edev = peer->edev;
	struct et_sa *sa, *next;

	peer->dead = true;
	et_trie_remove(&edev->trie, et_cfg_deref(peer->selectors, edev));
	set_acquire(peer, false);
	list_for_each_entry_safe(sa, next, &peer->sas, of_peer)
		et_sa_remove(sa);
	if (cancel_delayed_work(&peer->wait))
		et_peer_put(peer);
	if (cancel_delayed_work(&peer->tell_mtu))
		et_peer_put(peer);
	xa_erase(&edev->peers, peer->id);
	edev->peer_count--;
	et_peer_put(peer);
}
