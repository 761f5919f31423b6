// SPDX-License-Identifier: MIT
/* Commands of the daemon: up, down, what the module reports; and the status. */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void command_up(struct peer *peer)
{
	peer_want(peer, true);
	peer->held = false;
	peer->retry_at = 0;
	for (size_t i = 0; i < peer->cfg->n_child; i++)
		peer->child[i].retry_at = 0;
}

static void command_down(struct peer *peer)
{
	peer_want(peer, false);
	peer->held = true;
	peer_down(peer, "taken down by command");
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		sa->dead = true;
}

static void command_expire(struct peer *peer, const struct ike_command *cmd)
{
	uint32_t child;
	struct pair *pair = pair_find(peer, cmd->spi, cmd->out, &child);

	if (!pair)
		return;
	if (cmd->hard)
		pair_end(peer, child, pair, "their lifetime is over");
	else if (pair == peer->child[child].pairs)
		peer->child[child].renew = true;
}

/* ESP on an SPI whose packet 9 is still on its way is as good as packet 9. */
static void confirm(struct peer *peer, const uint8_t *spi)
{
	const struct row *row = table_find(IKE_V1, XCHG_QUICK, true, QUICK_2);

	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		for (struct exchange *x = sa->exchanges; x; x = x->next)
			if (x->type == XCHG_QUICK && !x->initiator && !x->over &&
			    x->state == QUICK_2 && !memcmp(x->quick->spi, spi, 4)) {
				x->state = QUICK_3;
				exchange_done(x, row);
				return;
			}
}

static void command_first(struct peer *peer, const uint8_t *spi)
{
	struct trace_event *e;
	struct pair *pair;
	uint32_t child;

	confirm(peer, spi);
	pair = pair_find(peer, spi, false, &child);
	if (!pair)
		return;
	if (pair->activate_at != NEVER)
		pair_activate(peer, child, pair);
	if (pair->heard)
		return;
	pair->heard = true;
	e = trace_pair(peer, TRACE_FIRST_ESP, pair);
	e->phase = 3;
	e->number = 10;
	snprintf(e->name, sizeof(e->name), "ESP");
	snprintf(e->words, sizeof(e->words), "ESP: SPI %02x%02x%02x%02x", spi[0], spi[1],
		 spi[2], spi[3]);
	snprintf(e->ref, sizeof(e->ref), "RFC 4303");
	snprintf(
		e->text, sizeof(e->text),
		"User traffic, encrypted with the keys that phase 2 made. This is what it "
		"was all for.");
}

/*
 * There may be a way now where there was none. A router's routes may change all the time:
 * what failed a moment ago is not tried again because of it.
 */
static void command_changed(struct peer *peer, const struct ike_addr *local)
{
	uint64_t now = peer->ike->now, soonest = peer->failed_at + RETRY_FIRST_MS;
	const struct ike_sa *current = sa_current(peer);
	struct ike_addr was = peer->routed;

	if (!local->family)
		return;
	peer->routed = *local;
	soonest = soonest > now ? soonest : now;
	if (peer->retry_at > soonest)
		peer->retry_at = soonest;
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		for (struct exchange *x = sa->exchanges; x; x = x->next)
			if (x->resend_at != NEVER)
				message_resend(x);
	if (!current)
		return;
	/*
	 * The route led to the address in use, and leads elsewhere now. The peer itself may
	 * use another address of ours, which no route names. The old tunnels stay until those
	 * from the new address are there.
	 */
	if (!peer->cfg->local.family && same_address(&current->path.local, &was) &&
	    !same_address(&was, local))
		peer->renew = peer->afresh = true;
	else
		dpd_look(peer, true);
}

/* Its back-off goes on: traffic never ceases to ask. */
static void command_acquire(struct peer *peer, uint32_t child)
{
	if (peer->cfg->start == IKE_START_TRAFFIC && !peer->held &&
	    child < peer->cfg->n_child)
		peer->child[child].wanted = true;
}

void ike_command(struct ike *ike, uint64_t now, const struct ike_command *cmd)
{
	struct peer *peer = peer_by_cfg(ike, cmd->peer);

	ike->now = now;
	if (!peer)
		return;
	record_command(peer, cmd);
	switch (cmd->type) {
	case IKE_UP:
		command_up(peer);
		break;
	case IKE_DOWN:
		command_down(peer);
		break;
	case IKE_LOG_KEYS:
		peer->keylog = cmd->keylog;
		break;
	case IKE_REKEY:
		peer_rekey(peer, cmd->control);
		break;
	case IKE_EXPIRE:
		command_expire(peer, cmd);
		break;
	case IKE_FIRST:
		command_first(peer, cmd->spi);
		break;
	case IKE_CHANGED:
		command_changed(peer, &cmd->local);
		break;
	case IKE_ACQUIRE:
		command_acquire(peer, cmd->child);
		break;
	case IKE_MOVED:
		nat_moved(peer, cmd->child, &cmd->moved);
		break;
	}
	settle(ike);
}

static const char *state_text(const struct ike_sa *sa)
{
	static const char *const sent[] = {
		"phase 1: starting",	  "phase 1: packet 1 sent",
		"phase 1: packet 2 sent", "phase 1: packet 3 sent",
		"phase 1: packet 4 sent", "phase 1: packet 5 sent",
		"phase 1: packet 6 sent",
	};
	static const char *const got[] = {
		"phase 1: starting",	      "phase 1: packet 1 received",
		"phase 1: packet 2 received", "phase 1: packet 3 received",
		"phase 1: packet 4 received", "phase 1: packet 5 received",
		"phase 1: packet 6 received",
	};
	const struct exchange *x = sa->exchanges;

	if (sa->established)
		return sa->retire_at == NEVER ? "established" : "replaced";
	/* The initiator sends the odd ones. */
	return (x->state % 2 == (sa->initiator ? 1 : 0) ? sent : got)[x->state];
}

static size_t count_pairs(const struct peer *peer)
{
	size_t n = 0;

	for (uint32_t i = 0; i < peer->cfg->n_child; i++)
		for (const struct pair *p = peer->child[i].pairs; p; p = p->next)
			n++;
	return n;
}

static size_t list_pairs(const struct peer *peer, struct ike_child_status *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < peer->cfg->n_child; i++) {
		for (const struct pair *p = peer->child[i].pairs; p; p = p->next) {
			struct ike_child_status *s = &out[n++];

			*s = (struct ike_child_status){
				.child = i,
				.suite = p->suite,
				.local = p->local,
				.remote = p->remote,
				.since = p->since,
				.renew_at = p->renew_at,
				.hard_at = p->hard_at,
				.up = p->activate_at == NEVER,
				.encap = p->encap,
				.follow = p->encap && p->nat.there,
			};
			memcpy(s->spi_in, p->spi_in, 4);
			memcpy(s->spi_out, p->spi_out, 4);
		}
	}
	return n;
}

/* The pairs belong to the peer: they are shown once, with its newest control tunnel. */
static void peer_status(const struct peer *peer,
			void (*fn)(void *ctx, const struct ike_sa_status *), void *ctx)
{
	struct ike_child_status *pairs = calloc(count_pairs(peer) + 1, sizeof(*pairs));
	const struct ike_sa *current = sa_current(peer);
	struct ike_sa_status s;

	if (!current)
		current = peer->sas;
	for (const struct ike_sa *sa = peer->sas; sa; sa = sa->next) {
		s = (struct ike_sa_status){
			.peer = peer->cfg,
			.state = state_text(sa),
			.path = sa->path,
			.initiator = sa->initiator,
			.nat_here = sa->nat.here,
			.nat_there = sa->nat.there,
			.suite = sa->suite,
			.since = sa->since,
			.hard_at = sa->hard_at == NEVER ? 0 : sa->hard_at,
			.dpd = sa->dpd,
			.proof = sa->proof,
		};
		memcpy(s.cookie_i, sa->cookies, 8);
		memcpy(s.cookie_r, sa->cookies + 8, 8);
		if (sa == current && pairs) {
			s.n_child = list_pairs(peer, pairs);
			s.child = pairs;
		}
		fn(ctx, &s);
	}
	if (!peer->sas) {
		s = (struct ike_sa_status){ .peer = peer->cfg,
					    .state = "down",
					    .proof = "" };
		s.path = (struct ike_path){ peer->cfg->local, peer->cfg->remote };
		if (pairs) {
			s.n_child = list_pairs(peer, pairs);
			s.child = pairs;
		}
		fn(ctx, &s);
	}
	free(pairs);
}

void ike_status(struct ike *ike, void (*fn)(void *ctx, const struct ike_sa_status *),
		void *ctx)
{
	for (struct peer *peer = ike->peers; peer; peer = peer->next)
		peer_status(peer, fn, ctx);
}
