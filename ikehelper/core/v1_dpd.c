// SPDX-License-Identifier: MIT
/*
 * Dead peers (RFC 3706): who shows no sign of life is asked, and in the end given up.
 *
 * Life is a verified message, or ESP that comes in: the module's counters are looked at
 * before a question is sent. A peer is dead when none of many questions was answered, and
 * no ESP came, for as long as the configuration says. Before that a new control tunnel is
 * tried: a peer that has but lost this one, or begun anew, answers to that.
 */
#include "sa.h"

#include <stdio.h>

#define LOOKS	     4 /* at the counters, in the time until a question */
#define QUESTIONS    20 /* until the peer is given up: a third of all packets may be lost */
#define DOUBT	     3	  /* part of the wait after which phase 1 is tried, too */
#define QUESTION_MIN 1000 /* milliseconds between two */
#define FRESH_MS     5000 /* a sign of life so young is worth no question */

static uint64_t delay_ms(const struct peer *peer)
{
	return peer->cfg->dpd_seconds * 1000ULL;
}

/* From the first question to the end. */
static uint64_t patience_ms(const struct peer *peer)
{
	uint64_t all = peer->cfg->dpd_timeout * 1000ULL;

	return all > delay_ms(peer) ? all - delay_ms(peer) : 0;
}

static bool can_ask(const struct ike_sa *sa)
{
	return sa && sa->dpd && sa->peer->cfg->dpd_seconds;
}

void dpd_begin(struct ike_sa *sa)
{
	struct peer *peer = sa->peer;
	struct ike *ike = peer->ike;

	dpd_alive(sa);
	/* Random, the highest bit zero (RFC 3706 section 6.2). */
	random_octets(ike, (uint8_t *)&sa->dpd_asked, sizeof(sa->dpd_asked), false);
	sa->dpd_asked &= INT32_MAX;
	if (can_ask(sa))
		peer->dpd_at = ike->now + delay_ms(peer) / LOOKS;
}

void dpd_alive(struct ike_sa *sa)
{
	sa->heard_at = sa->ike->now;
	sa->peer->heard_at = sa->ike->now;
	sa->peer->asked_at = NEVER;
}

static void send_dpd(struct ike_sa *sa, uint16_t type, uint32_t sequence)
{
	const uint8_t data[] = { sequence >> 24, sequence >> 16, sequence >> 8,
				 sequence };

	info_send(sa, &(struct info){ .payload = PL_NOTIFY,
				      .proto = PROTO_ISAKMP,
				      .type = type,
				      .spi = CHUNK(sa->cookies, COOKIES_LEN),
				      .data = CHUNK(data, sizeof(data)) });
}

static void give_up(struct peer *peer)
{
	struct ike_sa *sa = sa_current(peer);
	struct trace_event *e;
	char addr[64];

	peer->asked_at = peer->dpd_at = NEVER;
	peer->renew = peer->afresh = false;
	peer_down(peer, "the peer is dead");
	/* An attempt that has got nowhere so far begins again, if there is to be one. */
	for (struct ike_sa *s = peer->sas; s; s = s->next)
		s->dead |= s->initiator && !s->established;
	if (peer->cfg->start != IKE_START_NOW)
		peer_want(peer, false);
	peer_lost(peer);
	e = trace_sa(sa, TRACE_REFUSED, 0);
	words_addr(&sa->path.remote, false, addr, sizeof(addr));
	snprintf(e->name, sizeof(e->name), "DPD");
	snprintf(e->ref, sizeof(e->ref), "RFC 3706");
	snprintf(e->code, sizeof(e->code), "peer-dead");
	snprintf(
		e->text, sizeof(e->text),
		"no sign of life from %s for %llu s: %u questions were not answered, and "
		"no ESP came",
		addr, (unsigned long long)(peer->ike->now - peer->heard_at) / 1000,
		sa->dpd_open);
}

/* All counters are known: ask, wait, or give up. */
static void judge(struct peer *peer)
{
	uint64_t now = peer->ike->now, patience = patience_ms(peer);
	uint64_t silent = now - peer->heard_at;
	struct ike_sa *sa = sa_current(peer);
	bool in_doubt = peer->in_doubt;

	peer->in_doubt = false;
	if (!can_ask(sa)) {
		peer->dpd_at = NEVER;
		return;
	}
	if (peer->asked_at == NEVER &&
	    (silent >= delay_ms(peer) || (in_doubt && silent >= FRESH_MS))) {
		peer->asked_at = now;
		/* Answers to what was asked in an earlier silence come too late. */
		sa->dpd_open = 0;
	}
	if (peer->asked_at == NEVER) {
		peer->dpd_at = now + delay_ms(peer) / LOOKS;
	} else if (now - peer->asked_at >= patience) {
		give_up(peer);
	} else {
		if (now - peer->asked_at >= patience / DOUBT)
			peer->renew = peer->afresh = true;
		sa->dpd_open++;
		send_dpd(sa, N_R_U_THERE, ++sa->dpd_asked);
		peer->dpd_at =
			now + (patience / QUESTIONS > QUESTION_MIN ? patience / QUESTIONS
								   : QUESTION_MIN);
	}
}

void dpd_look(struct peer *peer, bool in_doubt)
{
	/* The module did not answer the last time: it goes without. */
	bool mute = peer->counts;

	if (in_doubt && peer->ike->now - peer->heard_at < FRESH_MS)
		return;
	peer->in_doubt |= in_doubt;
	peer->counts = 0;
	peer->dpd_at = peer->ike->now + FRESH_MS;
	if (can_ask(sa_current(peer)) && !mute)
		for (uint32_t i = 0; i < peer->cfg->n_child; i++)
			for (struct pair *p = peer->child[i].pairs; p; p = p->next)
				peer->counts += need_count(peer, i, p->spi_in);
	if (!peer->counts)
		judge(peer);
}

void dpd_count(struct peer *peer, const uint8_t *spi, uint64_t packets)
{
	uint32_t child;
	struct pair *pair = pair_find(peer, spi, false, &child);

	if (pair && packets > pair->packets) {
		pair->packets = packets;
		peer->heard_at = peer->ike->now;
		peer->asked_at = NEVER;
	}
	if (peer->counts && !--peer->counts)
		judge(peer);
}

/*
 * The cookies that it names are not looked at: that it came in this control tunnel says
 * more. What is late, and may have been held back on the way, is answered, but is no sign
 * of life (RFC 3706 section 7).
 */
bool dpd_take(struct exchange *x, const struct notify_body *n)
{
	struct ike_sa *sa = x->sa;
	struct reader r = reader_of(n->data.p, n->data.len);
	uint32_t sequence = read_u32(&r);
	bool fresh;

	if (r.bad)
		return false;
	if (n->type == N_R_U_THERE_ACK) {
		fresh = sa->dpd_asked - sequence < sa->dpd_open;
		if (fresh)
			sa->dpd_open = 0;
		return fresh;
	}
	fresh = !sa->dpd_heard || sequence > sa->dpd_heard;
	if (fresh)
		sa->dpd_heard = sequence;
	/* One answer a datagram, however often it asks. */
	if (!x->answers++)
		send_dpd(sa, N_R_U_THERE_ACK, sequence);
	return fresh;
}
