// SPDX-License-Identifier: MIT
/* Time: retransmission, giving up and saying why, lifetimes that end. */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why a phase 1 that we began got no further: what is likely, said as such. */
static void phase1_timeout(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	char addr[64], name[48];

	words_addr(&sa->path.remote, false, addr, sizeof(addr));
	words_notify(sa->hint_notify, name, sizeof(name));
	if (x->state == MAIN_5 && main_signed(sa) && sa->refused_packet)
		refuse(x, 0, "bad-signature",
		       "the peer answered packet 5 with a signature that is not right");
	else if (x->state == MAIN_5 && main_signed(sa))
		refuse(x, 0, "auth-failed",
		       "packet 5 was not answered%s%s: most likely the peer does not take "
		       "our signature, our certificate or our identity; its log says which",
		       sa->hint_notify ? " but with " : "", sa->hint_notify ? name : "");
	else if (x->state == MAIN_5 && sa->hint_garbage)
		refuse(x, 0, "psk-differs",
		       "packet 5 was not answered, but by what does not decrypt: the "
		       "pre-shared keys differ (we used the key for %s)",
		       addr);
	else if (x->state == MAIN_5 && !sa->hint_notify && nat_floated(sa))
		refuse(x, 0, "no-answer-4500",
		       "%s answers on UDP port 500 but not on 4500, to which packet 5 went: "
		       "port 4500 is filtered on the way, or the pre-shared keys differ",
		       addr);
	else if (x->state == MAIN_5)
		refuse(x, 0, "psk-differs",
		       "packet 5 was not answered%s%s: most likely the pre-shared keys "
		       "differ (we used the key for %s), or the peer expects another "
		       "identity",
		       sa->hint_notify ? " but with " : "", sa->hint_notify ? name : "",
		       addr);
	else if (sa->hint_notify)
		refuse(x, 0,
		       sa->hint_notify == N_NO_PROPOSAL_CHOSEN ? "no-proposal"
							       : "refused",
		       "the peer refuses packet %d: %s (nothing protects that answer: it "
		       "may be forged)",
		       x->state - MAIN_NONE, name);
	else if (x->state == MAIN_1)
		refuse(x, 0, "no-answer",
		       "no answer from %s to packet 1: UDP port 500 is filtered on the way, "
		       "or no IKE listens there",
		       addr);
	else
		refuse(x, 0, "no-answer", "no answer from %s to packet %d", addr,
		       x->state - MAIN_NONE);
	if (sa->hint_notify == N_NO_PROPOSAL_CHOSEN)
		main_show(x, CHUNK(NULL, 0));
}

/* Many peers refuse in silence, and what they refuse is in packet 7 for the first time. */
static void phase2_timeout(struct exchange *x)
{
	if (x->state != QUICK_1) {
		refuse(x, 0, "no-answer-phase-2", "no answer to packet 8");
		return;
	}
	refuse(x, 0, "no-answer-phase-2",
	       "no answer to packet 7: the peer refuses our subnets or our suites without a "
	       "word, or it is gone");
	quick_show(x, true);
	quick_show(x, false);
}

static void exchange_timeout(struct exchange *x)
{
	bool dead;

	if (x->needs)
		refuse(x, 0, "internal",
		       "another process of ours, or the module, is silent");
	else if (x->type == XCHG_MAIN && x->initiator)
		phase1_timeout(x);
	else if (x->type == XCHG_MAIN)
		refuse(x, 0, "no-answer", "the peer did not go on after packet %d",
		       x->state - MAIN_NONE);
	else
		phase2_timeout(x);
	dead = x->type == XCHG_QUICK && x->state == QUICK_1 && !x->needs &&
	       x->sa->heard_at < x->began_at;
	/* Packets 1 of anybody, or what has been said before, is not worth a line. */
	if (x->type == XCHG_MAIN && !x->initiator && !x->needs &&
	    (x->state <= MAIN_2 || x->sa->refused_packet))
		x->sa->dead = true;
	else
		exchange_fail(x);
	if (!dead)
		return;
	/* Nobody is at the other end any more: the next attempt begins with phase 1. */
	trace_down(x->sa, "The control tunnel is gone: the peer does not answer in it.");
	x->sa->dead = true;
}

static void exchange_timer(struct exchange *x)
{
	struct ike *ike = x->sa->ike;

	if (ike->now >= x->dies_at && x->over && x->type == XCHG_MAIN) {
		/* Phase 1 has been answered for long enough; its secrets are gone. */
		x->dies_at = NEVER;
		buf_wipe(&x->out);
	} else if (ike->now >= x->dies_at && x->over) {
		exchange_free(x);
	} else if (ike->now >= x->dies_at ||
		   (ike->now >= x->resend_at && x->sent >= SEND_TRIES)) {
		exchange_timeout(x);
	} else if (ike->now >= x->resend_at) {
		x->sent++;
		x->resend_at = ike->now + resend_interval(ike, x->sent);
		message_resend(x);
	}
}

static void sa_timer(struct ike_sa *sa)
{
	uint64_t now = sa->ike->now;
	struct exchange *next;

	for (struct exchange *x = sa->exchanges; x && !sa->dead; x = next) {
		next = x->next;
		exchange_timer(x);
	}
	if (sa->dead || now < sa_ends_at(sa))
		return;
	info_delete_ike(sa);
	trace_down(sa, "%s",
		   now < sa->hard_at
			   ? "The old control tunnel is gone: a new one has taken over."
			   : "The control tunnel is gone: its lifetime is over.");
	sa->dead = true;
}

void pair_end(struct peer *peer, uint32_t child, struct pair *pair, const char *why)
{
	struct ike_sa *sa = sa_current(peer);

	if (sa)
		info_delete_esp(sa, pair->spi_in);
	pair_down(peer, child, pair, why);
}

static void peer_timer(struct peer *peer)
{
	uint64_t now = peer->ike->now;
	struct pair *next;

	nat_keepalive(peer);
	if (now >= peer->dpd_at)
		dpd_look(peer, false);
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		if (!sa->dead)
			sa_timer(sa);
	for (uint32_t i = 0; i < peer->cfg->n_child; i++) {
		for (struct pair *p = peer->child[i].pairs; p; p = next) {
			next = p->next;
			if (now >= p->hard_at)
				pair_end(peer, i, p, "their lifetime is over");
			else if (now >= p->drop_at)
				pair_end(peer, i, p, "newer ones have taken over");
			else if (now >= p->activate_at)
				pair_activate(peer, i, p);
		}
	}
}

void ike_timer(struct ike *ike, uint64_t now)
{
	ike->now = now;
	for (struct peer *peer = ike->peers; peer; peer = peer->next) {
		if (now < peer_deadline(peer))
			continue;
		record_timer(peer, false);
		peer_timer(peer);
	}
	settle(ike);
}

uint64_t ike_deadline(const struct ike *ike)
{
	uint64_t at = NEVER;

	for (struct peer *peer = ike->peers; peer; peer = peer->next) {
		uint64_t due = peer_deadline(peer);

		at = due < at ? due : at;
	}
	return at;
}
