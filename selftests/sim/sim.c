// SPDX-License-Identifier: MIT
/*
 * One life: both sides start, renew, and suffer what the seed says; then the network is
 * good, and everything has to settle. User traffic flows all the time, and none of it may
 * be lost unless somebody took the tunnel down.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "sa.h"
#include "world.h"

#define TICK_MS	     1000
#define STUCK_MS     150000 /* nothing that began lasts longer */
#define ASTRAY_MS    30000
#define DUPLICATE_MS 100000 /* two pairs where one is enough */
#define SETTLE_MS    400000 /* beside the lifetime of the ESP tunnels */

static void soft_end_now(int side)
{
	uint32_t child = sim_below(sim.net.side[0].peer.n_child);
	const struct held_sa *sa = sim_in_use(side, child);
	struct event e = { .type = SOFT, .side = side, .child = child, .out = true };

	if (!sa)
		return;
	memcpy(e.spi, sa->spi, 4);
	sim_command(side, IKE_EXPIRE, &e);
}

static void take_down(int side)
{
	struct event e = { .type = UP };

	sim_disarm_all();
	sim.wanted = false;
	sim_command(side, IKE_DOWN, NULL);
	e.side = sim_below(2);
	e.at = sim.net.now + sim_below(30000);
	sim_at(e);
}

static void reset(int side)
{
	struct event e = { .type = UP };

	sim_disarm_all();
	pair_crash(&sim.net, side);
	sim.boots[side]++;
	e.side = sim_below(2);
	e.at = sim.net.now + sim_below(30000);
	sim_at(e);
}

/* Nothing is to be lost by it: ESP goes on. */
static void restart(int side)
{
	pair_restart(&sim.net, side);
	sim.lives[side]++;
}

/* It dies, or the way to it; for a while nothing passes. Nobody helps. */
static void die(int side)
{
	sim_disarm_all();
	sim.f->deaths++;
	sim.dark_until = sim.net.now + sim_below(300000);
	if (sim_percent(40))
		return;
	pair_crash(&sim.net, side);
	sim.boots[side]++;
}

static void rekey(int side)
{
	struct side *s = &sim.net.side[side];

	ike_command(s->ike, sim.net.now,
		    &(struct ike_command){ .type = IKE_REKEY,
					   .peer = &s->peer,
					   .control = sim_percent(70) });
}

static void trouble(void)
{
	int side = sim_below(2);

	if (sim.net.side[side].nat.there && sim_percent(50))
		return sim_nat_reboot(side);
	if (sim.dies && sim_percent(50))
		return die(side);
	switch (sim_below(5)) {
	case 2:
		rekey(side);
		if (sim_percent(50))
			rekey(!side);
		break;
	case 0:
		if (sim.takes_down)
			take_down(side);
		break;
	case 1:
		if (sim.resets)
			reset(side);
		else if (sim.restarts)
			restart(side);
		break;
	default:
		soft_end_now(side);
		if (sim_percent(70))
			soft_end_now(!side);
	}
}

/* What a person would see of a side, and what its module holds. */
static void digest_status(void *ctx, const struct ike_sa_status *s)
{
	uint64_t *d = ctx;

	for (const char *c = s->state; *c; c++)
		*d = *d * 31 + *c;
	for (size_t i = 0; i < 8; i++)
		*d = *d * 31 + s->cookie_i[i] + s->cookie_r[i] * 256;
	for (size_t i = 0; i < s->n_child; i++)
		*d = *d * 31 + s->child[i].spi_in[3] + s->child[i].up;
	*d = *d * 31 + s->path.remote.ip[3] + s->path.remote.port;
}

static uint64_t looks(int side)
{
	const struct side *s = &sim.net.side[side];
	uint64_t d = s->reserved;

	ike_status(s->ike, digest_status, &d);
	for (size_t i = 0; i < PAIR_SAS; i++)
		d = d * 31 + s->sa[i].used + s->sa[i].active * 2;
	for (size_t i = 0; i < PAIR_CHILDREN; i++)
		d = d * 31 + s->way[i].path.remote.port;
	return d;
}

/* The verifier's work is all that a forged signature makes. */
static void judge_forged(struct side *s, const struct ike_action *a)
{
	static const char verdict[] = "\1bad-signature\0it is not right";
	struct chunk sig = a->verify.sig, hash = a->verify.hash;

	if (sig.len == hash.len && !memcmp(sig.p, hash.p, sig.len))
		sim_broken("%.3f s: a forged signature is right", sim_seconds());
	ike_answer(s->ike, sim.net.now, a->id, (const uint8_t *)verdict, sizeof(verdict));
}

/* Somebody on the way changes an encrypted datagram: nothing may come of it. */
static void forge(void)
{
	struct kept *k = &sim.kept[sim_below(KEPT)];
	uint8_t data[sizeof(k->data)];
	struct side *s = &sim.net.side[k->to];
	struct ike_path path = { .local = s->home, .remote = s->peer.remote };
	struct ike_action a;
	uint64_t was;
	size_t len;

	if (ike_deadline(s->ike) <= sim.net.now || k->len <= IKE_HEADER_LEN ||
	    !(k->data[19] & FLAG_ENCRYPTED))
		return;
	path.local.port = sim_percent(50) ? 500 : 4500;
	path.remote.ip[3] += sim_percent(50);
	path.remote.port = sim_below(30000);
	memcpy(data, k->data, k->len);
	/* HASH_I and HASH_R cover no notify (pitfall 1.20): ID and HASH come before it. */
	len = k->data[18] == XCHG_MAIN ? 32 : k->len - IKE_HEADER_LEN;
	data[IKE_HEADER_LEN + sim_below(len)] ^= 1 << sim_below(8);
	/* What time alone changes. */
	ike_timer(s->ike, sim.net.now);
	was = looks(k->to);
	ike_input(s->ike, sim.net.now, &path, data, k->len);
	while (ike_next(s->ike, &a))
		if (a.type == IKE_NEED_VERIFY)
			judge_forged(s, &a);
		else if (a.type != IKE_TRACE && a.type != IKE_SEND)
			sim_broken("%.3f s: a forged datagram made action %d",
				   sim_seconds(), a.type);
	if (looks(k->to) != was)
		sim_broken("%.3f s: a forged datagram changed side %d", sim_seconds(),
			   k->to);
	sim.f->forged++;
}

/* --- what has to hold ------------------------------------------------------------------ */

static void check_ends(int side)
{
	const struct ike *ike = sim.net.side[side].ike;
	size_t n = 0;

	for (const struct peer *p = ike->peers; p; p = p->next)
		for (const struct ike_sa *sa = p->sas; sa; sa = sa->next) {
			n++;
			if (!sa->established && sim.net.now - sa->since > STUCK_MS)
				sim_broken("%.3f s: side %d: a phase 1 does not end",
					   sim_seconds(), side);
			for (const struct exchange *x = sa->exchanges; x; x = x->next)
				if (!x->over && sim.net.now - x->began_at > STUCK_MS)
					sim_broken(
						"%.3f s: side %d: an exchange does not "
						"end",
						sim_seconds(), side);
		}
	if (n > 2 * HALF_OPEN_PEER)
		sim_broken("%.3f s: side %d has %zu control tunnels", sim_seconds(), side,
			   n);
}

static size_t count_sas(int side, uint32_t child, bool out)
{
	size_t n = 0;

	for (size_t i = 0; i < PAIR_SAS; i++) {
		const struct held_sa *sa = &sim.net.side[side].sa[i];

		n += sa->used && sa->child == child && sa->out == out;
	}
	return n;
}

/* One pair for each child is enough, but for a while after a renewal. */
static void check_duplicates(int side)
{
	size_t all = 0;

	for (uint32_t i = 0; i < sim.net.side[0].peer.n_child; i++) {
		size_t n = count_sas(side, i, true);
		uint64_t *since = &sim.duplicate_since[side][i];

		all += n + count_sas(side, i, false);
		if (n < 2 || !sim.settling)
			*since = sim.net.now;
		if (sim.net.now - *since > DUPLICATE_MS)
			sim_broken("%.3f s: side %d has %zu pairs of child %u for %u s",
				   sim_seconds(), side, n, i, DUPLICATE_MS / 1000);
	}
	if (all > sim.f->most_sas)
		sim.f->most_sas = all;
}

/* Where ESP gets through, the control tunnel knows the way soon: they share it. */
static void check_way(int side)
{
	const struct ike_sa *sa = sa_current(sim.net.side[side].ike->peers);

	if (!sa || !sim.armed[0] || sim_leads(side, sa->path.remote))
		sim.astray_since[side] = sim.net.now;
	if (sim.net.now - sim.astray_since[side] > ASTRAY_MS)
		sim_broken("%.3f s: side %d's control tunnel leads nowhere",
			   sim_seconds(), side);
}

static void tick(void)
{
	sim_at((struct event){ .type = TICK, .at = sim.net.now + TICK_MS });
	for (int side = 0; side < 2; side++) {
		check_ends(side);
		check_duplicates(side);
		check_way(side);
	}
	if (sim.forges && sim_percent(20))
		forge();
}

static void happen(struct pair_net *net)
{
	struct event e = sim_take();

	if (e.boots != sim.boots[e.side] && e.type != TICK && e.type != UP &&
	    e.type != ESP)
		return;
	switch (e.type) {
	case TICK:
		tick();
		break;
	case ESP:
		return sim_esp_arrives(&e);
	case ANSWER:
		if (e.lives == sim.lives[e.side])
			pair_answer(net, e.side, &e.answer);
		break;
	case FIRST:
		sim_command(e.side, IKE_FIRST, &e);
		break;
	case SOFT:
		sim_command(e.side, IKE_EXPIRE, &e);
		break;
	case HARD:
		sim_hard_end(&e);
		break;
	case MOVED:
		sim_command(e.side, IKE_MOVED, &e);
		break;
	case TROUBLE:
		trouble();
		break;
	case UP:
		sim.wanted = true;
		sim_command(e.side, IKE_UP, NULL);
		break;
	}
	pair_run(net, net->now);
	sim_esp();
}

static const struct pair_world world = { sim_send, sim_answer, sim_next, happen,
					 sim_action };

/* Exactly one pair for each child on both sides, and nothing else. */
static bool settled(void)
{
	for (int side = 0; side < 2; side++) {
		const struct side *s = &sim.net.side[side];

		for (uint32_t i = 0; i < s->peer.n_child; i++)
			if (count_sas(side, i, true) != 1 ||
			    count_sas(side, i, false) != 1 || !pair_usable(&sim.net, i) ||
			    !sim_reachable(i))
				return false;
		if (s->reserved || pair_tunnels(s) != 1)
			return false;
	}
	return true;
}

static void run_for(uint64_t ms)
{
	uint64_t until = sim.net.now + ms;

	while (sim.net.now < until && !sim.why[0])
		pair_run(&sim.net, sim.net.now + TICK_MS);
}

static void settle_down(uint64_t most_ms)
{
	uint64_t began = sim.net.now;

	while (!settled() && !sim.why[0]) {
		if (sim.net.now - began > most_ms) {
			sim_broken(
				"%.3f s: not settled after %llu s: %zu and %zu SAs out, "
				"%zu and %zu control tunnels, %zu and %zu SPIs reserved",
				sim_seconds(), (unsigned long long)most_ms / 1000,
				pair_count_sas(&sim.net.side[0], true),
				pair_count_sas(&sim.net.side[1], true),
				pair_tunnels(&sim.net.side[0]),
				pair_tunnels(&sim.net.side[1]), sim.net.side[0].reserved,
				sim.net.side[1].reserved);
			return;
		}
		/* What is not to be tried for ever is asked for again. */
		if (!sim.dies && (sim.net.now - began) / TICK_MS % 60 == 0)
			sim_command(0, IKE_UP, NULL);
		run_for(TICK_MS);
	}
	if (sim.net.now - began > sim.f->settle_ms) {
		sim.f->settle_ms = sim.net.now - began;
		sim.f->settle_seed = sim.seed;
	}
}

static void choose_kind(struct pair_cfg *cfg)
{
	static const unsigned int losses[] = { 0, 0, 5, 15, 30 };
	static const uint64_t delays[] = { 1, 20, 200, 1000, 3000 };
	unsigned int kind = sim_below(10);

	sim.loss = losses[sim_below(5)];
	sim.delay = delays[sim_below(5)];
	sim.twice = sim_percent(50) ? 10 : 0;
	sim.faults = sim_percent(30) ? 1 + sim_below(10) : 0;
	sim.answer_delay = sim_percent(50) ? 1 : 1 + sim_below(2000);
	sim.takes_down = kind == 7 || kind == 9;
	sim.resets = kind >= 8;
	sim.restarts = kind >= 5;
	sim.dies = kind == 5 || kind == 6;
	sim.forges = sim_percent(50);
	sim.unlucky = sim.loss || sim.faults || sim.dies;
	cfg->auth = sim_percent(30) ? AUTH_RSA : AUTH_PSK;
	cfg->dpd_timeout = 90;
	for (int i = 0; i < 2; i++) {
		cfg->start[i] = sim_below(3);
		cfg->dpd_seconds[i] = sim_percent(70) ? 5 + sim_below(25) : 0;
		cfg->esp_seconds[i] = 120 + sim_below(240);
		cfg->ike_seconds[i] = 200 + sim_below(600);
	}
	/* Who dies without help comes back without. */
	if (sim.dies && cfg->start[0] == IKE_START_NEVER)
		cfg->start[0] = IKE_START_NOW;
	if (sim_percent(30))
		cfg->selectors =
			"10.1.0.0/16=10.2.0.0/16,2001:db8:1::/48=2001:db8:2::/48";
	cfg->ipv6 = sim_percent(30);
}

/* Side 0 is the one that is always asked: only it may be behind a NAT that lets nobody in. */
static void choose_nats(void)
{
	for (int side = 0; side < 2; side++) {
		if (!sim_percent(25))
			continue;
		pair_nat(&sim.net, side, side || sim_percent(50));
		sim.net.side[side].nat.idle_ms = sim_percent(50) ? 30000 : 0;
	}
	for (int side = 0; side < 2; side++)
		sim.net.side[side].peer.encap = sim_percent(10);
}

static void begin(void)
{
	sim.net.world = &world;
	sim.wanted = true;
	sim_at((struct event){ .type = TICK, .at = sim.net.now + TICK_MS });
	for (int i = sim_below(8); i; i--)
		sim_at((struct event){ .type = TROUBLE,
				       .at = sim.net.now + sim_below(600000) });
	if (sim.dies)
		return;
	sim_command(0, IKE_UP, NULL);
	if (sim_percent(50))
		sim_command(1, IKE_UP, NULL);
}

const char *sim_life(uint64_t seed, bool mock, struct sim_figures *f)
{
	struct pair_cfg cfg = {
		.ike = { mock ? "aes128-sha1-modp1024" : "aes256-sha256-ecp256",
			 mock ? "aes128-sha1-modp1024" : "aes256-sha256-ecp256" },
		.esp = { "aes128gcm16", "aes128gcm16" },
		.seed = seed,
		.mock = mock,
		.quiet = true,
	};
	uint64_t datagrams = f->datagrams;
	uint64_t life;

	memset(&sim, 0, sizeof(sim));
	sim.f = f;
	sim.random = sim.seed = seed;
	choose_kind(&cfg);
	pair_start(&sim.net, &cfg);
	choose_nats();
	begin();
	run_for(600000);
	/* Where nobody dies a person asks for it once more; everything is well from here on. */
	sim.settling = true;
	sim.loss = sim.faults = sim.twice = 0;
	sim.delay = 20;
	sim.dark_until = 0;
	sim.answer_delay = 1;
	life = cfg.esp_seconds[0] > cfg.esp_seconds[1] ? cfg.esp_seconds[0]
						       : cfg.esp_seconds[1];
	settle_down(life * 1000 + SETTLE_MS);
	run_for(life * 1000);
	sim.unlucky = false;
	run_for(life * 1500);
	settle_down(DUPLICATE_MS);
	if (f->datagrams - datagrams > f->most_datagrams) {
		f->most_datagrams = f->datagrams - datagrams;
		f->most_seed = seed;
	}
	pair_stop(&sim.net);
	free(sim.heap);
	return sim.why[0] ? sim.why : NULL;
}
