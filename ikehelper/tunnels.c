// SPDX-License-Identifier: MIT
/* What the module is told for the configured peers: a peer for each pair of subnets, SAs. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "core/keymat.h"
#include "daemon.h"
#include "ikehelper.h"

static void complain(struct daemon *d, size_t peer, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", d->config->peer[peer].ike.name, what,
		mod_why(d->mod));
}

static uint32_t tunnel_id(const struct daemon *d, size_t peer, uint32_t child)
{
	return d->link[peer].child[child].id;
}

bool tunnel_of(const struct daemon *d, uint32_t ifindex, uint32_t id, size_t *peer,
	       uint32_t *child)
{
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++)
		for (j = 0; j < d->config->peer[i].ike.n_child; j++)
			if (d->link[i].ifindex == ifindex &&
			    d->link[i].child[j].id == id) {
				*peer = i;
				*child = j;
				return true;
			}
	return false;
}

static bool same_peer(const struct module_peer *a, const struct module_peer *b)
{
	return same_address(&a->path.remote, &b->path.remote) &&
	       same_address(&a->path.local, &b->path.local) && a->encap == b->encap &&
	       (!a->encap || (a->path.local.port == b->path.local.port &&
			      a->path.remote.port == b->path.remote.port)) &&
	       a->follow == b->follow &&
	       same_subnet(&a->selector.local, &b->selector.local) &&
	       same_subnet(&a->selector.remote, &b->selector.remote);
}

/*
 * Gives the module a peer for one pair of subnets, unless it has just that already. The
 * module itself follows a peer whose NAT moves it: it needs nobody for that, and so loses
 * the least, and ESP goes on while no daemon runs. A peer without a NAT stays where it is.
 */
static int set_peer(struct daemon *d, size_t peer, uint32_t child,
		    const struct module_peer *want)
{
	struct module_peer *was = &d->link[peer].child[child];
	const struct ike_path *path = &want->path;
	struct mod_peer now = {
		.ifindex = d->link[peer].ifindex,
		.id = tunnel_id(d, peer, child),
		.remote = path->remote,
		.local = path->local,
		.has_encap = true,
		.encap_sport = want->encap ? path->local.port : 0,
		.encap_dport = want->encap ? path->remote.port : 0,
		.mapping = want->follow ? MOD_MAPPING_FOLLOW : MOD_MAPPING_IGNORE,
		.selector = &want->selector,
		.n_selectors = 1,
		.has_acquire = true,
		.acquire = d->config->peer[peer].ike.start == IKE_START_TRAFFIC,
	};

	if (was->there && same_peer(was, want))
		return 0;
	if (mod_peer_set(d->mod, &now) < 0)
		return -1;
	was->there = true;
	was->path = want->path;
	was->encap = want->encap;
	was->follow = want->follow;
	was->selector = want->selector;
	return 0;
}

/* Any address apart, which is everybody's. */
static bool holds(const struct ike_subnet *a, const struct ike_subnet *b)
{
	size_t whole = a->bits / 8, rest = a->bits % 8;

	return a->bits && a->family == b->family && a->bits <= b->bits &&
	       !memcmp(a->ip, b->ip, whole) &&
	       (!rest || (a->ip[whole] ^ b->ip[whole]) >> (8 - rest) == 0);
}

/*
 * A peer of any subnets chooses its own. On the device the longest prefix wins, so that it
 * could choose what another peer is configured for, and get that one's traffic.
 */
static const char *owner(const struct daemon *d, size_t peer,
			 const struct module_peer *want)
{
	const struct ike_peer *p = &d->config->peer[peer].ike, *other;
	size_t i, j;

	for (j = 0; j < p->n_child; j++)
		if (same_subnet(&p->child[j].remote, &want->selector.remote))
			return NULL;
	for (i = 0; i < d->config->n_peers; i++) {
		other = &d->config->peer[i].ike;
		for (j = 0; j < other->n_child; j++)
			if (i != peer && d->link[i].ifindex == d->link[peer].ifindex &&
			    holds(&other->child[j].remote, &want->selector.remote))
				return other->name;
	}
	return NULL;
}

int tunnel_add(struct daemon *d, size_t peer, const struct ike_action *a)
{
	struct mod_sa sa = {
		.ifindex = d->link[peer].ifindex,
		.peer = tunnel_id(d, peer, a->sa_add.child),
		.out = a->sa_add.out,
		.suite = a->sa_add.suite,
		.key = a->sa_add.key,
		.key_len = a->sa_add.key_len,
		.integ_key = a->sa_add.integ_key,
		.integ_key_len = a->sa_add.integ_key_len,
		.limit = { [MOD_SOFT_SECONDS] = a->sa_add.soft_seconds,
			   [MOD_HARD_SECONDS] = a->sa_add.hard_seconds,
			   [MOD_SOFT_BYTES] = a->sa_add.soft_bytes,
			   [MOD_HARD_BYTES] = a->sa_add.hard_bytes,
			   [MOD_SOFT_PACKETS] = a->sa_add.soft_packets,
			   [MOD_HARD_PACKETS] = a->sa_add.hard_packets },
		.active = a->sa_add.active,
	};
	const struct module_peer want = {
		.path = a->sa_add.path,
		.encap = a->sa_add.encap,
		.follow = a->sa_add.follow,
		.selector = { .local = a->sa_add.local, .remote = a->sa_add.remote },
	};
	const char *name = owner(d, peer, &want);

	if (name) {
		fprintf(stderr, "%s: its subnet is one of peer %s: refused\n",
			d->config->peer[peer].ike.name, name);
		return -1;
	}
	memcpy(sa.spi, a->sa_add.spi, 4);
	if (sa.out && !sa.active)
		memcpy(sa.pair_spi, a->sa_add.pair_spi, 4);
	if (set_peer(d, peer, a->sa_add.child, &want) == 0 &&
	    mod_sa_new(d->mod, &sa) == 0)
		return 0;
	complain(d, peer, "cannot load an SA into the module");
	return -1;
}

void tunnel_move(struct daemon *d, size_t peer, uint32_t child,
		 const struct ike_path *path)
{
	struct module_peer want = d->link[peer].child[child];

	want.path = *path;
	/* It follows a peer by itself: what it was told last may not be what it has. */
	d->link[peer].child[child].there = false;
	if (set_peer(d, peer, child, &want) < 0)
		complain(d, peer, "cannot tell the module where the peer is");
}

int tunnel_reserve(struct daemon *d, size_t peer, uint32_t child, uint8_t spi[4])
{
	if (mod_spi_alloc(d->mod, d->link[peer].ifindex, tunnel_id(d, peer, child),
			  spi) == 0)
		return 0;
	complain(d, peer, "cannot reserve an SPI in the module");
	return -1;
}

int tunnel_count(struct daemon *d, size_t peer, uint32_t child, const uint8_t spi[4],
		 uint8_t count[8])
{
	uint64_t packets;
	size_t i;

	/* It may be gone already, as for tunnel_del(). */
	if (mod_sa_packets(d->mod, d->link[peer].ifindex, tunnel_id(d, peer, child),
			   false, spi, &packets) < 0)
		return -1;
	for (i = 0; i < 8; i++)
		count[i] = packets >> (56 - 8 * i);
	return 0;
}

void tunnel_activate(struct daemon *d, size_t peer, uint32_t child, const uint8_t spi[4])
{
	if (mod_sa_activate(d->mod, d->link[peer].ifindex, tunnel_id(d, peer, child),
			    spi) < 0)
		complain(d, peer, "cannot activate an SA");
}

void tunnel_del(struct daemon *d, size_t peer, uint32_t child, bool out,
		const uint8_t spi[4])
{
	/* It may be gone already: by its hard limit, or with its device. */
	mod_sa_del(d->mod, d->link[peer].ifindex, tunnel_id(d, peer, child), out, spi);
}

/* The devices of all peers are there and are ours. */
int tunnels_find(struct daemon *d)
{
	struct mod_dev dev;
	const char *name;
	size_t i;

	for (i = 0; i < d->config->n_peers; i++) {
		name = d->config->peer[i].interface;
		d->link[i].ifindex = if_nametoindex(name);
		if (!d->link[i].ifindex)
			return fail(
				"run: interface %s does not exist: ip link add %s type "
				"esptun",
				name, name);
		if (mod_dev_get(d->mod, d->link[i].ifindex, &dev) < 0)
			return fail("run: interface %s: %s", name, mod_why(d->mod));
	}
	return 0;
}

/* Each pair of subnets has its number: its old one, or the next that is free. */
static void number(struct daemon *d)
{
	uint32_t id = FIRST_PEER_ID, child;
	size_t i, j, peer;

	for (i = 0; i < d->config->n_peers; i++)
		for (j = 0; j < d->config->peer[i].ike.n_child; j++) {
			if (d->link[i].child[j].kept)
				continue;
			while (tunnel_of(d, d->link[i].ifindex, id, &peer, &child))
				id++;
			d->link[i].child[j].id = id++;
		}
}

/* Every pair of subnets gets its peer in the module: without SAs it drops by name. */
static int fill_devices(struct daemon *d)
{
	struct module_peer want = { 0 };
	const struct ike_peer *p;
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++) {
		p = &d->config->peer[i].ike;
		for (j = 0; j < p->n_child; j++) {
			want = d->link[i].child[j];
			if (!want.kept) {
				want.path.remote = p->remote;
				want.path.local = p->local;
				want.selector = p->child[j];
			}
			if (set_peer(d, i, j, &want) < 0)
				return fail("run: peer %s: %s", p->name, mod_why(d->mod));
		}
	}
	return 0;
}

/*
 * Loads an SA of each suite and takes it out again: an algorithm that the kernel lacks is
 * told now, and the first negotiation need not wait while the kernel loads the others.
 */
static int try_suite(struct daemon *d, size_t peer, const struct esp_proposal *suite)
{
	struct mod_sa sa = { .ifindex = d->link[peer].ifindex,
			     .peer = tunnel_id(d, peer, 0),
			     .suite = *suite };
	uint8_t key[KEYMAT_MAX];
	int err;

	sa.key = key;
	sa.key_len = keymat_cipher_len(suite);
	sa.integ_key = key + sa.key_len;
	sa.integ_key_len = keymat_integ_len(suite);
	daemon_random(NULL, key, sizeof(key));
	err = mod_spi_alloc(d->mod, sa.ifindex, sa.peer, sa.spi);
	if (!err)
		err = mod_sa_new(d->mod, &sa);
	if (!err)
		err = mod_sa_del(d->mod, sa.ifindex, sa.peer, false, sa.spi);
	return err;
}

static int try_suites(struct daemon *d)
{
	char text[PROPOSAL_TEXT];
	const struct ike_peer *p;
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++) {
		p = &d->config->peer[i].ike;
		for (j = 0; j < p->n_esp; j++) {
			if (try_suite(d, i, &p->esp[j]) == 0)
				continue;
			esp_proposal_text(&p->esp[j], text);
			return fail("run: peer %s: esp = %s does not work here: %s",
				    p->name, text, mod_why(d->mod));
		}
	}
	return 0;
}

static void empty_devices(struct daemon *d)
{
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++)
		for (j = 0; j < d->config->peer[i].ike.n_child; j++)
			if (!d->link[i].child[j].kept)
				mod_peer_del(d->mod, d->link[i].ifindex,
					     tunnel_id(d, i, j));
}

int tunnels_start(struct daemon *d)
{
	if (leftovers_find(d))
		return 1;
	number(d);
	if (!fill_devices(d) && !try_suites(d))
		return 0;
	empty_devices(d);
	return 1;
}
