// SPDX-License-Identifier: MIT
/* Peers: what is to be up, what is due for renewal, when to try again. */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer *peer_by_cfg(const struct ike *ike, const struct ike_peer *cfg)
{
	struct peer *p = ike->peers;

	while (p && p->cfg != cfg)
		p = p->next;
	return p;
}

struct peer *peer_by_path(const struct ike *ike, const struct ike_path *path)
{
	struct peer *any = NULL;

	for (struct peer *p = ike->peers; p; p = p->next) {
		if (!same_address(&p->cfg->remote, &path->remote))
			continue;
		if (p->cfg->local.family && same_address(&p->cfg->local, &path->local))
			return p;
		if (!p->cfg->local.family)
			any = p;
	}
	return any;
}

bool peer_alike(const struct ike_peer *a, const struct ike_peer *b)
{
	return same_address(&a->remote, &b->remote) &&
	       (!a->local.family || !b->local.family ||
		same_address(&a->local, &b->local));
}

static bool same_id(const struct ike_id *a, const struct ike_id *b)
{
	return a->type == b->type && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

/* Two that nothing tells apart, not even their identities. */
static bool clash(const struct ike_peer *a, const struct ike_peer *b)
{
	return same_address(&a->remote, &b->remote) &&
	       same_address(&a->local, &b->local) &&
	       (!a->remote_id.type || !b->remote_id.type ||
		same_id(&a->remote_id, &b->remote_id));
}

int ike_peer_add(struct ike *ike, const struct ike_peer *cfg)
{
	struct peer **at = &ike->peers;
	struct peer *peer;

	for (; *at; at = &(*at)->next) {
		const struct ike_peer *other = (*at)->cfg;

		if (!strcmp(other->name, cfg->name) || clash(other, cfg))
			return -1;
	}
	peer = calloc(1, sizeof(*peer));
	if (peer)
		peer->child =
			calloc(cfg->n_child ? cfg->n_child : 1, sizeof(*peer->child));
	if (!peer || !peer->child) {
		free(peer);
		return -1;
	}
	peer->ike = ike;
	peer->cfg = cfg;
	peer->asked_at = peer->dpd_at = NEVER;
	peer_want(peer, cfg->start == IKE_START_NOW);
	*at = peer;
	record_begin(peer);
	return 0;
}

void peer_want(struct peer *peer, bool wanted)
{
	for (size_t i = 0; i < peer->cfg->n_child; i++)
		peer->child[i].wanted = wanted;
}

/* Uniform in 0 to n - 1, near enough for spreading things in time. */
static uint64_t random_below(struct ike *ike, uint64_t n)
{
	uint8_t r[4];

	random_octets(ike, r, sizeof(r), false);
	return ((uint32_t)r[0] << 24 | r[1] << 16 | r[2] << 8 | r[3]) % (n ? n : 1);
}

/* Who began a pair or a control tunnel renews it first, so that both seldom do. */
uint64_t renew_seconds(struct ike *ike, uint64_t life, bool initiator)
{
	uint64_t margin = life / 10 < 90 ? life / 10 : 90;
	uint64_t at = life * (initiator ? 75 : 80) / 100;

	at += random_below(ike, life * 5 / 100 + 1);
	return at < life - margin ? at : life - margin;
}

static uint64_t backoff(struct ike *ike, unsigned int failures)
{
	uint64_t ms = RETRY_FIRST_MS;

	while (failures-- > 1 && ms < RETRY_MAX_MS)
		ms *= 2;
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	return ms - ms / 4 + random_below(ike, ms / 2);
}

void peer_failed(struct peer *peer)
{
	peer->failures++;
	peer->failed_at = peer->ike->now;
	peer->retry_at = peer->ike->now + backoff(peer->ike, peer->failures);
	/* Asked for once, by hand or by traffic, is tried once. */
	if (peer->cfg->start != IKE_START_NOW)
		peer_want(peer, false);
}

void peer_lost(struct peer *peer)
{
	peer->retry_at = peer->ike->now + backoff(peer->ike, 1);
	for (size_t i = 0; i < peer->cfg->n_child; i++)
		peer->child[i].retry_at = peer->retry_at;
}

void child_failed(struct peer *peer, uint32_t child)
{
	struct child *c = &peer->child[child];

	c->failures++;
	c->retry_at = peer->ike->now + backoff(peer->ike, c->failures);
	if (peer->cfg->start != IKE_START_NOW && !c->pairs)
		c->wanted = false;
}

static bool phase1_started(const struct peer *peer)
{
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		if (sa->initiator && !sa->established && !sa->dead)
			return true;
	return false;
}

static bool phase2_under_way(const struct peer *peer, uint32_t child)
{
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		for (struct exchange *x = sa->exchanges; x; x = x->next)
			if (x->type == XCHG_QUICK && !x->over && !sa->dead &&
			    x->quick->child == child)
				return true;
	return false;
}

/* When this child wants a phase 2; NEVER while it has what it needs. */
static uint64_t child_due(const struct peer *peer, uint32_t child)
{
	const struct child *c = &peer->child[child];
	uint64_t due = NEVER;

	if (c->pairs)
		due = c->renew ? 0 : c->pairs->renew_at;
	else if (c->wanted)
		due = 0;
	return due == NEVER || due > c->retry_at ? due : c->retry_at;
}

/* Has ESP tunnels, or is to have some. */
static bool in_use(const struct peer *peer)
{
	for (size_t i = 0; i < peer->cfg->n_child; i++)
		if (peer->child[i].pairs || peer->child[i].wanted)
			return true;
	return false;
}

/*
 * One renewal after the other: a peer may take the ESP tunnels over from one older control
 * tunnel only, and end with another what that still holds (strongSwan 5.9, pitfall 1.10).
 * Until when the next one waits: not far into the rest of the newest one's life.
 */
static uint64_t replaced_until(const struct peer *peer, const struct ike_sa *newest)
{
	uint64_t latest = newest->renew_at + (newest->hard_at - newest->renew_at) / 2;
	uint64_t until = 0;

	for (const struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		if (!sa->dead && sa->retire_at != NEVER && sa_ends_at(sa) > until)
			until = sa_ends_at(sa);
	return until < latest ? until : latest;
}

/* When a phase 1 is wanted: none is there though it is needed, or it nears its end. */
static uint64_t control_due(const struct peer *peer)
{
	const struct ike_sa *sa = sa_current(peer);
	uint64_t due = NEVER;

	if (phase1_started(peer))
		return NEVER;
	if (sa && in_use(peer))
		due = sa->renew_at;
	if (peer->renew && in_use(peer))
		due = 0;
	if (sa && !peer->afresh && due < replaced_until(peer, sa))
		due = replaced_until(peer, sa);
	for (uint32_t i = 0; !sa && i < peer->cfg->n_child; i++) {
		uint64_t d = child_due(peer, i);

		due = d < due ? d : due;
	}
	return due == NEVER || due > peer->retry_at ? due : peer->retry_at;
}

void peer_rekey(struct peer *peer, bool control)
{
	if (control) {
		peer->renew = in_use(peer);
		peer->retry_at = 0;
		return;
	}
	for (size_t i = 0; i < peer->cfg->n_child; i++) {
		if (!peer->child[i].pairs)
			continue;
		peer->child[i].renew = true;
		peer->child[i].retry_at = 0;
	}
}

void peer_run(struct peer *peer)
{
	uint64_t now = peer->ike->now;
	struct ike_sa *sa;

	if (now >= control_due(peer) && main_start(peer))
		peer_failed(peer);
	sa = sa_current(peer);
	for (uint32_t i = 0; sa && !sa->dead && i < peer->cfg->n_child; i++)
		if (now >= child_due(peer, i) && !phase2_under_way(peer, i) &&
		    quick_start(sa, i))
			child_failed(peer, i);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t peer_deadline(const struct peer *peer)
{
	bool up = sa_current(peer);
	uint64_t at =
		earlier(earlier(control_due(peer), peer->dpd_at), nat_keepalive_at(peer));

	for (uint32_t i = 0; i < peer->cfg->n_child; i++) {
		if (up && !phase2_under_way(peer, i))
			at = earlier(at, child_due(peer, i));
		for (struct pair *p = peer->child[i].pairs; p; p = p->next)
			at = earlier(at, earlier(p->drop_at,
						 earlier(p->activate_at, p->hard_at)));
	}
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next) {
		at = earlier(at, sa_ends_at(sa));
		for (struct exchange *x = sa->exchanges; x; x = x->next)
			at = earlier(at, earlier(x->resend_at, x->dies_at));
	}
	return at;
}

struct pair *pair_find(struct peer *peer, const uint8_t *spi, bool out, uint32_t *child)
{
	for (uint32_t i = 0; i < peer->cfg->n_child; i++)
		for (struct pair *p = peer->child[i].pairs; p; p = p->next)
			if (!memcmp(out ? p->spi_out : p->spi_in, spi, 4)) {
				*child = i;
				return p;
			}
	return NULL;
}

void pair_activate(struct peer *peer, uint32_t child, struct pair *pair)
{
	pair->activate_at = NEVER;
	queue_sa_activate(peer->ike, peer->cfg, child, pair->spi_out);
}

void pair_down(struct peer *peer, uint32_t child, struct pair *pair, const char *why)
{
	struct child *c = &peer->child[child];
	struct pair **at = &c->pairs;
	bool current = c->pairs == pair;
	struct trace_event *e = trace_pair(peer, TRACE_DOWN, pair);

	e->phase = 2;
	snprintf(e->name, sizeof(e->name), "ESP tunnels");
	snprintf(
		e->text, sizeof(e->text),
		"The %sESP tunnels with SPI in %02x%02x%02x%02x, out %02x%02x%02x%02x are "
		"gone: %s.",
		current ? "" : "old ", pair->spi_in[0], pair->spi_in[1], pair->spi_in[2],
		pair->spi_in[3], pair->spi_out[0], pair->spi_out[1], pair->spi_out[2],
		pair->spi_out[3], why);
	while (*at != pair)
		at = &(*at)->next;
	*at = pair->next;
	/* Before the old one goes, the other has to carry what is sent. */
	if (c->pairs && (current || c->pairs->activate_at != NEVER))
		pair_activate(peer, child, c->pairs);
	if (c->pairs)
		c->pairs->drop_at = NEVER;
	queue_sa_del(peer->ike, peer->cfg, child, true, pair->spi_out);
	queue_sa_del(peer->ike, peer->cfg, child, false, pair->spi_in);
	if (!c->pairs) {
		c->renew = false;
		c->retry_at = peer->ike->now + backoff(peer->ike, 1);
		/* It waits for traffic again. */
		if (peer->cfg->start == IKE_START_TRAFFIC)
			c->wanted = false;
	}
	free(pair);
}

void peer_down(struct peer *peer, const char *why)
{
	for (uint32_t i = 0; i < peer->cfg->n_child; i++)
		while (peer->child[i].pairs)
			pair_end(peer, i, peer->child[i].pairs, why);
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next) {
		if (sa->dead || !sa->established)
			continue;
		info_delete_ike(sa);
		trace_down(sa, "The control tunnel is gone: %s.", why);
		sa->dead = true;
	}
}

/*
 * Older pairs go when the peer has surely switched: packet 9 has come, or packet 8 is not
 * repeated any more (pitfalls 1.10 and 1.11). Who renewed does it; the other one in case that
 * the DELETE was lost.
 */
static void drop_older(struct peer *peer, struct pair *pair)
{
	uint64_t at = peer->ike->now + (pair->initiator ? 1 : 2) * REPLACED_MS;

	for (struct pair *p = pair->next; p; p = p->next) {
		/* What an earlier one has replaced keeps its time. */
		if (p == pair->next || p->drop_at == NEVER)
			p->drop_at = at;
		/* One that is replaced already is not taken into use any more. */
		p->activate_at = NEVER;
	}
}

void pair_wait(struct peer *peer, struct pair *pair)
{
	if (pair->activate_at != NEVER)
		pair->activate_at = peer->ike->now + ACTIVATE_MS;
	drop_older(peer, pair);
}

void pair_up(struct peer *peer, uint32_t child, struct pair *pair)
{
	struct child *c = &peer->child[child];
	struct pair *oldest = c->pairs;
	struct pair **at = &c->pairs;
	size_t n = 1;

	for (; oldest && oldest->next; oldest = oldest->next)
		n++;
	if (n >= PAIRS_MAX)
		pair_end(peer, child, oldest, "too many have been made since");
	while (*at && (*at)->began_at > pair->began_at)
		at = &(*at)->next;
	pair->next = *at;
	*at = pair;
	drop_older(peer, c->pairs);
	/* Its packet 9 came after that of the next one. */
	if (c->pairs != pair)
		return;
	c->renew = false;
	c->failures = 0;
	c->retry_at = 0;
	/*
	 * The responder has what it needs once packet 9 has come; the initiator of a
	 * renewal stays on the old SA until the peer has surely taken it (pitfall 1.11).
	 */
	if (pair->initiator && pair->next)
		pair->activate_at = peer->ike->now + ACTIVATE_MS;
	/* What the module holds must not come before the peer has done with packet 9. */
	else if (pair->initiator && peer->cfg->start == IKE_START_TRAFFIC)
		pair->activate_at = peer->ike->now + HELD_MS;
	else
		pair_activate(peer, child, pair);
}

void peer_established(struct ike_sa *sa, uint64_t began)
{
	struct peer *peer = sa->peer;
	uint64_t now = peer->ike->now;

	peer->failures = 0;
	peer->retry_at = 0;
	peer->renew = false;
	dpd_begin(sa);
	for (struct ike_sa *s = peer->sas; s; s = s->next) {
		struct ike_sa *older = s;

		if (s == sa || !s->established || s->dead || s->retire_at != NEVER)
			continue;
		/*
		 * Two that crossed, the one begun before the other was there: both ends have
		 * to drop the same one, whatever the order in which they saw them.
		 */
		if (began < s->since && now - s->since < CROSSING_MS &&
		    s->initiator != sa->initiator &&
		    memcmp(s->cookies, sa->cookies, COOKIES_LEN) > 0)
			older = sa;
		older->retire_at = now + RETIRE_MS;
	}
	for (size_t i = 0; peer->afresh && i < peer->cfg->n_child; i++)
		peer->child[i].renew = peer->child[i].pairs;
	peer->afresh = false;
}
