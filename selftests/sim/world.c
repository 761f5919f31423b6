// SPDX-License-Identifier: MIT
/* The world around two cores: network, other processes, modules; all from one seed. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_MS	 20    /* until the helper hears what its module saw */
#define LIGHT_MS 10000 /* after the dark: who was about to give up does not any more */

struct sim sim;

void sim_broken(const char *fmt, ...)
{
	va_list args;

	if (sim.why[0])
		return;
	va_start(args, fmt);
	vsnprintf(sim.why, sizeof(sim.why), fmt, args);
	va_end(args);
}

uint64_t sim_below(uint64_t n)
{
	return n ? pair_random(&sim.random) % n : 0;
}

bool sim_percent(unsigned int p)
{
	return sim_below(100) < p;
}

double sim_seconds(void)
{
	return (sim.net.now - 1000000) / 1000.0;
}

/* --- events: a heap, the earliest first ----------------------------------------------- */

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_at(struct event e)
{
	size_t i = sim.n++;

	if (sim.n > sim.room) {
		sim.room = sim.room ? 2 * sim.room : 64;
		sim.heap = realloc(sim.heap, sim.room * sizeof(e));
	}
	e.order = sim.orders++;
	e.boots = sim.boots[e.side];
	e.lives = sim.lives[e.side];
	for (; i && before(&e, &sim.heap[(i - 1) / 2]); i = (i - 1) / 2)
		sim.heap[i] = sim.heap[(i - 1) / 2];
	sim.heap[i] = e;
}

struct event sim_take(void)
{
	struct event first = sim.heap[0], last = sim.heap[--sim.n];
	size_t i = 0, k;

	while ((k = 2 * i + 1) < sim.n) {
		if (k + 1 < sim.n && before(&sim.heap[k + 1], &sim.heap[k]))
			k++;
		if (before(&last, &sim.heap[k]))
			break;
		sim.heap[i] = sim.heap[k];
		i = k;
	}
	sim.heap[i] = last;
	return first;
}

uint64_t sim_next(struct pair_net *net)
{
	(void)net;
	return sim.n ? sim.heap[0].at : UINT64_MAX;
}

/* --- the network, and the other processes --------------------------------------------- */

static uint64_t travel(void)
{
	return sim.net.now + 1 + sim_below(sim.delay);
}

void sim_send(struct pair_net *net, int from, const struct ike_path *path,
	      const uint8_t *data, size_t len)
{
	struct kept *kept = &sim.kept[sim.n_kept++ % KEPT];

	sim.f->datagrams++;
	kept->to = !from;
	kept->len = len < sizeof(kept->data) ? len : sizeof(kept->data);
	memcpy(kept->data, data, kept->len);
	if (sim_percent(sim.loss) || net->now < sim.dark_until)
		sim.f->lost++;
	else
		pair_fly(net, !from, travel(), path, data, len);
	if (sim_percent(sim.twice) && net->now >= sim.dark_until)
		pair_fly(net, !from, travel() + sim_below(60000), path, data, len);
}

void sim_answer(struct pair_net *net, int side, const struct answer *a)
{
	(void)net;
	sim_at((struct event){ .at = sim.net.now + sim_below(sim.answer_delay),
			       .type = ANSWER,
			       .side = side,
			       .answer = *a });
}

static void limits(int side, const struct ike_action *a)
{
	struct event e = { .side = side, .child = a->sa_add.child, .out = a->sa_add.out };

	memcpy(e.spi, a->sa_add.spi, 4);
	e.type = SOFT;
	e.at = sim.net.now + a->sa_add.soft_seconds * 1000 + sim_below(20);
	sim_at(e);
	/* Traffic may use it up before its time. */
	if (sim_percent(10)) {
		e.at = sim.net.now + a->sa_add.soft_seconds * (500 + sim_below(500));
		sim_at(e);
	}
	e.type = HARD;
	e.at = sim.net.now + a->sa_add.hard_seconds * 1000;
	sim_at(e);
}

void sim_action(struct pair_net *net, int side, const struct ike_action *a)
{
	struct side *s = &net->side[side];

	s->no_spi = s->no_dh = s->no_add_in = s->no_add_out = false;
	if (sim_percent(sim.faults))
		s->no_spi = s->no_dh = s->no_add_in = s->no_add_out = true;
	if (a->type == IKE_SA_ADD && !s->no_add_in)
		limits(side, a);
	if (a->type == IKE_TRACE && a->trace.kind == TRACE_UP)
		*(a->trace.phase == 1 ? &sim.f->controls : &sim.f->pairs) += 1;
	/* A control tunnel alone, which carries nothing, may be unknown to the peer. */
	if (a->type == IKE_TRACE && a->trace.kind == TRACE_DOWN && a->trace.phase == 2 &&
	    strstr(a->trace.text, "the peer is dead")) {
		sim.f->given_up++;
		if (!sim.dies && !sim.resets && !sim.takes_down)
			sim_broken("%.3f s: side %d gives up a peer that lives",
				   sim_seconds(), side);
	}
	if (a->type == IKE_TRACE && getenv("SIM_VERBOSE"))
		printf("# %9.3f %d %-9s %-14s | %s %s\n", sim_seconds(), side,
		       trace_kind_name(a->trace.kind), a->trace.name, a->trace.text,
		       a->trace.code);
}

/* --- the module ------------------------------------------------------------------------ */

static struct held_sa *sa_by_spi(int side, bool out, const uint8_t *spi)
{
	for (size_t i = 0; i < PAIR_SAS; i++) {
		struct held_sa *sa = &sim.net.side[side].sa[i];

		if (sa->used && sa->out == out && !memcmp(sa->spi, spi, 4))
			return sa;
	}
	return NULL;
}

struct held_sa *sim_in_use(int side, uint32_t child)
{
	for (size_t i = 0; i < PAIR_SAS; i++) {
		struct held_sa *sa = &sim.net.side[side].sa[i];

		if (sa->used && sa->out && sa->active && sa->child == child)
			return sa;
	}
	return NULL;
}

void sim_disarm(uint32_t child)
{
	sim.armed[child] = false;
	sim.epoch[child]++;
}

void sim_disarm_all(void)
{
	for (uint32_t i = 0; i < PAIR_CHILDREN; i++)
		sim_disarm(i);
}

static void esp_send(int side, uint32_t child)
{
	const struct held_sa *sa = sim_in_use(side, child);
	const struct held_sa *in = sa ? sa_by_spi(!side, false, sa->spi) : NULL;
	struct event e = { .type = ESP, .side = !side, .child = child };
	struct side *s = &sim.net.side[side];

	if (!sa && sim.armed[child])
		sim_broken("%.3f s: side %d has no outbound SA for child %u",
			   sim_seconds(), side, child);
	if (!sa && sim.net.side[side].peer.start == IKE_START_TRAFFIC)
		sim_command(side, IKE_ACQUIRE, &e);
	if (!sa)
		return;
	sim.f->esp++;
	e.path = (struct ike_path){ .local = s->way[child].path.remote,
				    .remote = s->way[child].path.local };
	natbox_out(&s->nat, sim.net.now, &e.path.remote);
	if (sim_percent(sim.loss) || sim.net.now < sim.dark_until)
		return;
	e.at = travel();
	e.serial = ++sim.serials;
	e.epoch = sim.epoch[child];
	/* Whose life ends first takes the other along. */
	e.hard_at = in && in->hard_at < sa->hard_at ? in->hard_at : sa->hard_at;
	memcpy(e.spi, sa->spi, 4);
	sim_at(e);
}

bool sim_leads(int side, struct ike_addr to)
{
	const struct side *other = &sim.net.side[!side];
	struct natbox nat = other->nat;

	return natbox_in(&nat, sim.net.now, &to) && same_address(&to, &other->home);
}

bool sim_reachable(uint32_t child)
{
	for (int side = 0; side < 2; side++)
		if (!sim_leads(side, sim.net.side[side].way[child].path.remote))
			return false;
	return true;
}

void sim_nat_reboot(int side)
{
	sim.f->nat_reboots++;
	natbox_reboot(&sim.net.side[side].nat);
	sim.late_until = sim.net.now + sim.delay + TOLD_MS;
	sim_disarm_all();
}

/*
 * The last valid packet says where the peer is (RFC 3947 section 7), and a sequence number
 * says which one that is among those of its SA alone (RFC 4303 section 3.3.3). With
 * several children the core may have led this one to the new mapping already when its own
 * packet from before comes: it looks like a move, until the core has been told.
 */
static bool may_be_led_back(void)
{
	return sim.net.side[0].peer.n_child > 1 && sim.net.now < sim.late_until;
}

void sim_esp(void)
{
	for (uint32_t child = 0; child < sim.net.side[0].peer.n_child; child++) {
		if (!sim.armed[child] && sim.wanted &&
		    sim.net.now >= sim.dark_until + LIGHT_MS && !may_be_led_back() &&
		    pair_usable(&sim.net, child) && sim_reachable(child)) {
			sim_disarm(child);
			sim.armed[child] = true;
		}
		for (int side = 0; side < 2; side++)
			esp_send(side, child);
	}
}

void sim_command(int side, enum ike_command_type type, const struct event *e)
{
	struct side *s = &sim.net.side[side];
	struct ike_command cmd = { .type = type, .peer = &s->peer };

	if (e) {
		cmd.child = e->child;
		cmd.out = e->out;
		cmd.hard = e->type == HARD;
		memcpy(cmd.spi, e->spi, 4);
		cmd.moved = e->path.remote;
	}
	ike_command(s->ike, sim.net.now, &cmd);
}

/* An authentic packet, the highest yet, from elsewhere: the module follows and tells. */
static void follow(const struct event *e)
{
	struct esp_way *w = &sim.net.side[e->side].way[e->child];
	struct event told = *e;

	if (e->serial <= sim.highest[e->side][e->child])
		return;
	sim.highest[e->side][e->child] = e->serial;
	if (!w->follow || (same_address(&w->path.remote, &e->path.remote) &&
			   w->path.remote.port == e->path.remote.port))
		return;
	w->path.remote = e->path.remote;
	told.type = MOVED;
	told.at = sim.net.now + sim_below(TOLD_MS);
	sim_at(told);
}

/* The first packet makes the pair's other half the one in use, and is told. */
void sim_esp_arrives(const struct event *e)
{
	struct side *s = &sim.net.side[e->side];
	struct held_sa *in = sa_by_spi(e->side, false, e->spi);
	struct ike_addr to = e->path.local;
	struct event told = *e;

	if (!natbox_in(&s->nat, sim.net.now, &to))
		in = NULL;
	if (!in && sim.armed[e->child] && e->epoch == sim.epoch[e->child] &&
	    !(sim.unlucky && sim.net.now >= e->hard_at))
		sim_broken(
			"%.3f s: side %d lost a packet of child %u, SPI %02x%02x%02x%02x",
			sim_seconds(), e->side, e->child, e->spi[0], e->spi[1], e->spi[2],
			e->spi[3]);
	if (in) {
		in->packets++;
		follow(e);
	}
	if (!in || in->heard)
		return;
	in->heard = true;
	for (size_t i = 0; i < PAIR_SAS; i++) {
		struct held_sa *out = &s->sa[i];
		struct held_sa *now = sim_in_use(e->side, e->child);

		if (!out->used || !out->out || memcmp(out->pair_spi, e->spi, 4) != 0 ||
		    (now && now->serial >= out->serial))
			continue;
		if (now)
			now->active = false;
		out->active = true;
	}
	told.type = FIRST;
	told.at = sim.net.now + sim_below(TOLD_MS);
	sim_at(told);
}

/* An SA that is in use ends: only for want of answers. */
void sim_hard_end(const struct event *e)
{
	struct held_sa *sa = sa_by_spi(e->side, e->out, e->spi);
	const struct held_sa *now = sim_in_use(e->side, e->child);
	const struct held_sa *out;

	if (!sa)
		return;
	/* The core takes the other half of the pair along. */
	if (now && !e->out && !memcmp(now->pair_spi, e->spi, 4))
		out = now;
	else
		out = e->out ? sa : sa_by_spi(!e->side, true, e->spi);
	if (out && out->active && sim.armed[e->child]) {
		if (!sim.unlucky)
			sim_broken(
				"%.3f s: side %d's SA %02x%02x%02x%02x was not renewed",
				sim_seconds(), e->side, e->spi[0], e->spi[1], e->spi[2],
				e->spi[3]);
		sim.f->hard_ends++;
		sim_disarm(e->child);
	}
	sa->used = false;
	sim_command(e->side, IKE_EXPIRE, e);
}
