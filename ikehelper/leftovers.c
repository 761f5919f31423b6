// SPDX-License-Identifier: MIT
/*
 * What a daemon before us left in the module: it is kept as far as the configuration still
 * has it, so that traffic goes on while a new daemon negotiates; the rest is removed.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "ikehelper.h"

struct peers {
	struct mod_peer *peer;
	struct ike_child_cfg *selector; /* the first of each */
	size_t n;
	bool failed;
};

static void add_peer(void *ctx, const struct mod_peer *peer)
{
	struct peers *all = ctx;
	struct ike_child_cfg *selector;
	struct mod_peer *more;

	if (peer->id < FIRST_PEER_ID)
		return;
	more = realloc(all->peer, (all->n + 1) * sizeof(*more));
	if (more)
		all->peer = more;
	selector = realloc(all->selector, (all->n + 1) * sizeof(*selector));
	if (selector)
		all->selector = selector;
	if (!more || !selector) {
		all->failed = true;
		return;
	}
	all->peer[all->n] = *peer;
	memset(&all->selector[all->n], 0, sizeof(*selector));
	if (peer->n_selectors)
		all->selector[all->n] = peer->selector[0];
	all->n++;
}

static bool is_any(const struct ike_subnet *s, uint8_t family)
{
	return s->family == family && !s->bits && !s->proto && !s->port;
}

/*
 * One from any to any may have been narrowed to what the peer wanted, and a NAT may have
 * moved the peer.
 */
static bool fits(const struct daemon *d, size_t peer, uint32_t child,
		 const struct mod_peer *m, const struct ike_child_cfg *have,
		 bool narrowed)
{
	const struct ike_peer *p = &d->config->peer[peer].ike;
	const struct ike_child_cfg *want = &p->child[child];
	uint8_t family = have->local.family;

	if (d->link[peer].ifindex != m->ifindex || m->n_selectors != 1 ||
	    (m->mapping != MOD_MAPPING_FOLLOW && !same_address(&m->remote, &p->remote)) ||
	    (p->local.family && !same_address(&m->local, &p->local)))
		return false;
	if (narrowed)
		return is_any(&want->local, family) && is_any(&want->remote, family);
	return same_subnet(&want->local, &have->local) &&
	       same_subnet(&want->remote, &have->remote);
}

/* Finds its place in the configuration; false: there is none. */
static bool keep(struct daemon *d, const struct mod_peer *m,
		 const struct ike_child_cfg *have, bool narrowed)
{
	struct module_peer *at;
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++)
		for (j = 0; j < d->config->peer[i].ike.n_child; j++) {
			at = &d->link[i].child[j];
			if (at->kept || !fits(d, i, j, m, have, narrowed))
				continue;
			at->id = m->id;
			at->kept = true;
			at->path.remote = m->remote;
			at->path.remote.port = m->encap_dport;
			at->path.local = m->local;
			at->path.local.port = m->encap_sport;
			at->encap = m->encap_sport;
			at->follow = m->mapping == MOD_MAPPING_FOLLOW;
			at->selector = *have;
			return true;
		}
	return false;
}

static int each_peer(struct daemon *d, bool all)
{
	struct peers left = { 0 };
	int err = mod_peer_dump(d->mod, 0, add_peer, &left);
	size_t i;

	if (err < 0)
		err = fail("run: the module's peers: %s", mod_why(d->mod));
	else if (left.failed)
		err = fail("run: out of memory");
	for (i = 0; !err && i < left.n; i++)
		if (all || (!keep(d, &left.peer[i], &left.selector[i], false) &&
			    !keep(d, &left.peer[i], &left.selector[i], true)))
			mod_peer_del(d->mod, left.peer[i].ifindex, left.peer[i].id);
	free(left.peer);
	free(left.selector);
	return err;
}

int leftovers_find(struct daemon *d)
{
	return each_peer(d, false);
}

void leftovers_remove(struct daemon *d)
{
	each_peer(d, true);
}

/* --- their SAs --------------------------------------------------------------------- */

struct sas {
	struct mod_sa *sa;
	size_t n;
};

static void add_sa(void *ctx, const struct mod_sa *sa)
{
	struct sas *all = ctx;
	struct mod_sa *more;

	if (sa->peer < FIRST_PEER_ID)
		return;
	more = realloc(all->sa, (all->n + 1) * sizeof(*more));
	if (!more)
		return;
	all->sa = more;
	all->sa[all->n++] = *sa;
}

static struct mod_sa *inbound_of(const struct sas *all, const struct mod_sa *out)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		struct mod_sa *in = &all->sa[i];

		if (!in->out && !in->reserved && in->ifindex == out->ifindex &&
		    in->peer == out->peer && !memcmp(in->spi, out->pair_spi, 4))
			return in;
	}
	return NULL;
}

/* When the module ends the SA, or 0 for never. */
static uint64_t end_of(const struct mod_sa *sa, uint64_t now)
{
	uint64_t life = sa->limit[MOD_HARD_SECONDS];

	if (!life)
		return 0;
	return now + (life > sa->age ? life - sa->age : 0) * 1000;
}

static int adopt(struct daemon *d, const struct mod_sa *out, const struct mod_sa *in)
{
	uint64_t now = daemon_now();
	struct ike_child_status pair = {
		.suite = out->suite,
		.since = now - (out->age * 1000 < now ? out->age * 1000 : now),
		.hard_at = end_of(out, now),
		.up = out->active,
	};
	const struct module_peer *m;
	size_t peer;

	if (!tunnel_of(d, out->ifindex, out->peer, &peer, &pair.child))
		return -1;
	m = &d->link[peer].child[pair.child];
	memcpy(pair.spi_in, in->spi, 4);
	memcpy(pair.spi_out, out->spi, 4);
	pair.encap = m->encap;
	pair.follow = m->follow;
	pair.local = m->selector.local;
	pair.remote = m->selector.remote;
	return ike_adopt(d->ike, now, &d->config->peer[peer].ike, &m->path, &pair);
}

/* Adopts the pairs that are sent on, or those that are not. */
static void adopt_pairs(struct daemon *d, const struct sas *all, bool active, bool *kept)
{
	struct mod_sa *in, *out;
	size_t i;

	for (i = 0; i < all->n; i++) {
		out = &all->sa[i];
		in = out->out && out->active == active ? inbound_of(all, out) : NULL;
		if (in && adopt(d, out, in) == 0)
			kept[i] = kept[in - all->sa] = true;
	}
}

/* A pair is what phase 2 loaded as one; half of it, or an SPI without keys, is nothing. */
void leftovers_adopt(struct daemon *d)
{
	struct sas all = { 0 };
	bool *kept;
	size_t i;

	if (mod_sa_dump(d->mod, 0, add_sa, &all) < 0)
		fprintf(stderr, "the module's SAs: %s\n", mod_why(d->mod));
	kept = calloc(all.n + 1, sizeof(*kept));
	if (!kept)
		goto out;
	/* There may be more than the core takes. */
	adopt_pairs(d, &all, true, kept);
	adopt_pairs(d, &all, false, kept);
	for (i = 0; i < all.n; i++)
		if (!kept[i])
			mod_sa_del(d->mod, all.sa[i].ifindex, all.sa[i].peer,
				   all.sa[i].out, all.sa[i].spi);
out:
	free(kept);
	free(all.sa);
}
