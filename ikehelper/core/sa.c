// SPDX-License-Identifier: MIT
/* Control tunnels and their exchanges: made, found, ended. */
#include "sa.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool all_zero(const uint8_t *p, size_t len)
{
	while (len && !*p) {
		p++;
		len--;
	}
	return !len;
}

static void random_cookie(struct ike *ike, uint8_t *cookie)
{
	/* Zero means "none yet" (RFC 2408 section 3.1). */
	do
		random_octets(ike, cookie, 8, false);
	while (all_zero(cookie, 8));
}

struct ike_sa *sa_new(struct peer *peer, bool initiator, const struct ike_path *path)
{
	struct ike *ike = peer->ike;
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->ike = ike;
	sa->peer = peer;
	sa->initiator = initiator;
	sa->path = *path;
	sa->negotiation = ++ike->last_negotiation;
	sa->since = ike->now;
	sa->renew_at = sa->hard_at = sa->retire_at = NEVER;
	random_cookie(ike, initiator ? sa->cookies : sa->cookies + 8);
	sa->next = peer->sas;
	peer->sas = sa;
	return sa;
}

void sa_free(struct ike_sa *sa)
{
	struct ike_sa **at = &sa->peer->sas;

	while (*at != sa)
		at = &(*at)->next;
	*at = sa->next;
	while (sa->exchanges)
		exchange_free(sa->exchanges);
	free(sa->message_ids);
	OPENSSL_cleanse(sa, sizeof(*sa));
	free(sa);
}

void sa_give(struct ike_sa *sa, struct peer *peer)
{
	struct ike_sa **at = &sa->peer->sas;

	while (*at != sa)
		at = &(*at)->next;
	*at = sa->next;
	sa->peer = peer;
	sa->next = peer->sas;
	peer->sas = sa;
}

struct ike_sa *sa_current(const struct peer *peer)
{
	struct ike_sa *best = NULL;

	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		if (sa->established && !sa->dead && sa->retire_at == NEVER &&
		    sa->ike->now < sa->hard_at && (!best || sa->since > best->since))
			best = sa;
	return best;
}

uint64_t sa_ends_at(const struct ike_sa *sa)
{
	uint64_t at = sa->retire_at < sa->hard_at ? sa->retire_at : sa->hard_at;

	/* One that is over may be asked for packet 9 again, and for nothing else. */
	for (const struct exchange *x = sa->exchanges; x; x = x->next)
		if (x->type == XCHG_QUICK && (x->initiator || !x->over) &&
		    x->dies_at > at)
			at = x->dies_at;
	return at;
}

bool message_id_use(struct ike_sa *sa, uint32_t message_id)
{
	size_t n = sa->n_message_ids;

	if (n == MESSAGE_IDS_MAX) {
		/* Worn out before its time: a new one is due. */
		sa->renew_at = sa->ike->now;
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (sa->message_ids[i] == message_id)
			return false;
	/* Room grows by doubling, so it is full when n is a power of two. */
	if (!(n & (n - 1))) {
		uint32_t *ids =
			reallocarray(sa->message_ids, n ? 2 * n : 1, sizeof(*ids));

		if (!ids)
			return false;
		sa->message_ids = ids;
	}
	sa->message_ids[sa->n_message_ids++] = message_id;
	return true;
}

uint32_t message_id_new(struct ike_sa *sa)
{
	uint8_t r[4];
	uint32_t id;

	for (int i = 0; i < 16; i++) {
		random_octets(sa->ike, r, sizeof(r), false);
		id = (uint32_t)r[0] << 24 | r[1] << 16 | r[2] << 8 | r[3];
		if (id && message_id_use(sa, id))
			return id;
	}
	return 0;
}

struct exchange *exchange_new(struct ike_sa *sa, uint8_t type, bool initiator,
			      uint32_t message_id)
{
	struct exchange *x;
	size_t n = 0;

	for (x = sa->exchanges; x; x = x->next)
		n++;
	if (n >= EXCHANGES_MAX)
		return NULL;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->sa = sa;
	x->type = type;
	x->initiator = initiator;
	x->message_id = message_id;
	x->state = type == XCHG_MAIN ? MAIN_NONE : QUICK_NONE;
	x->resend_at = NEVER;
	x->began_at = sa->ike->now;
	x->dies_at = sa->ike->now + HALF_OPEN_MS;
	if (type == XCHG_MAIN)
		x->main = calloc(1, sizeof(*x->main));
	else
		x->quick = calloc(1, sizeof(*x->quick));
	if (!x->main && !x->quick) {
		free(x);
		return NULL;
	}
	x->next = sa->exchanges;
	sa->exchanges = x;
	return x;
}

void exchange_free(struct exchange *x)
{
	struct exchange **at = &x->sa->exchanges;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	needs_forget(x);
	if (x->main)
		main_free(x);
	if (x->quick)
		quick_free(x);
	buf_wipe(&x->out);
	free(x->refusal);
	OPENSSL_cleanse(x, sizeof(*x));
	free(x);
}

bool same_address(const struct ike_addr *a, const struct ike_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, a->family == 6 ? 16 : 4);
}

uint64_t shorter_life(uint64_t ours, uint64_t theirs)
{
	if (!theirs)
		return ours;
	if (theirs < LIFE_MIN)
		theirs = LIFE_MIN;
	if (theirs > LIFE_MAX)
		theirs = LIFE_MAX;
	return theirs < ours ? theirs : ours;
}

int refuse(struct exchange *x, uint16_t notify, const char *code, const char *fmt, ...)
{
	va_list args;

	/* The first reason is the reason. */
	if (x->refusal)
		return -1;
	x->refusal = calloc(1, sizeof(*x->refusal));
	if (!x->refusal)
		return -1;
	x->refusal->notify = notify;
	snprintf(x->refusal->code, sizeof(x->refusal->code), "%s", code);
	va_start(args, fmt);
	vsnprintf(x->refusal->text, sizeof(x->refusal->text), fmt, args);
	va_end(args);
	return -1;
}
