// SPDX-License-Identifier: MIT
/* Informational exchanges: notifies and deletes (RFC 2409 section 5.7). */
#include "sa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOI_IPSEC  1
#define ERRORS_END 16384 /* notify types below it are errors (RFC 2408 section 3.14.1) */
#define WHY_MAX	   160

int info_out(struct exchange *x, struct buf *b, size_t *next)
{
	const struct info *info = x->info;
	size_t at = payload_begin(b, next, info->payload);

	put_u32(b, DOI_IPSEC);
	put_u8(b, info->proto);
	put_u8(b, info->spi.len);
	put_u16(b, info->payload == PL_DELETE ? 1 : info->type); /* 1: one SPI */
	put_octets(b, info->spi.p, info->spi.len);
	put_octets(b, info->data.p, info->data.len);
	payload_end(b, at);
	return 0;
}

void info_send(struct ike_sa *sa, const struct info *info)
{
	const struct row *row = table_find(sa->version, XCHG_INFO, true, INFO_NONE);
	struct exchange x = {
		.sa = sa,
		.type = XCHG_INFO,
		.initiator = true,
		.state = INFO_NONE,
		.info = info,
	};

	if (!sa->established || sa->dead)
		return;
	x.message_id = message_id_new(sa);
	if (x.message_id)
		message_send(&x, row);
	buf_wipe(&x.out);
	free(x.refusal);
}

void info_delete_esp(struct ike_sa *sa, const uint8_t *spi)
{
	info_send(sa, &(struct info){ .payload = PL_DELETE,
				      .proto = PROTO_ESP,
				      .spi = CHUNK(spi, 4) });
}

void info_delete_ike(struct ike_sa *sa)
{
	info_send(sa, &(struct info){ .payload = PL_DELETE,
				      .proto = PROTO_ISAKMP,
				      .spi = CHUNK(sa->cookies, COOKIES_LEN) });
}

void info_notify(struct ike_sa *sa, uint16_t type, const uint8_t *esp_spi)
{
	info_send(sa, &(struct info){ .payload = PL_NOTIFY,
				      .proto = esp_spi ? PROTO_ESP : PROTO_ISAKMP,
				      .type = type,
				      .spi = CHUNK(esp_spi, esp_spi ? 4 : 0) });
}

void info_notify_clear(struct ike *ike, const struct ike_peer *peer,
		       const struct ike_path *path, const uint8_t *cookies, uint16_t type)
{
	struct ike_header h = { .version = IKE_V1, .exchange = XCHG_INFO };
	struct info info = { .payload = PL_NOTIFY, .proto = PROTO_ISAKMP, .type = type };
	struct exchange x = { .info = &info };
	struct buf b = { 0 };
	size_t next = 16; /* of the first payload's type in the header */

	if (!bucket_take(&ike->notifies, ike->now))
		return;
	memcpy(h.cookie_i, cookies, 8);
	memcpy(h.cookie_r, cookies + 8, 8);
	random_octets(ike, (uint8_t *)&h.message_id, sizeof(h.message_id), false);
	header_write(&b, &h);
	info_out(&x, &b, &next);
	patch_u32(&b, 24, b.len);
	if (!b.bad)
		queue_send(ike, peer, path, buf_chunk(&b));
	buf_wipe(&b);
}

/*
 * The peer's inbound SA is our outbound one, and the pair ends with it. strongSwan names
 * the other one when its own module fails.
 */
static void take_delete_esp(struct ike_sa *sa, const uint8_t *spi)
{
	uint32_t child;
	struct pair *pair = pair_find(sa->peer, spi, true, &child);

	if (!pair)
		pair = pair_find(sa->peer, spi, false, &child);
	if (pair)
		pair_down(sa->peer, child, pair, "the peer has deleted them");
}

static void take_delete_ike(struct ike_sa *sa, const uint8_t *cookies)
{
	for (struct ike_sa *s = sa->peer->sas; s; s = s->next) {
		if (s->dead || !s->established ||
		    memcmp(s->cookies, cookies, COOKIES_LEN) != 0)
			continue;
		s->dead = true;
		trace_down(s, "The %scontrol tunnel is gone: the peer has deleted it.",
			   s->retire_at == NEVER ? "" : "old ");
		if (!sa_current(s->peer))
			peer_lost(s->peer);
	}
}

static void take_delete(struct ike_sa *sa, const struct payload *p)
{
	struct delete_body d;
	char why[WHY_MAX];

	if (delete_parse(&d, p, why)) {
		trace_note(sa, "a delete is ignored: %s", why);
		return;
	}
	for (uint16_t i = 0; i < d.count && !sa->dead; i++) {
		if (d.proto == PROTO_ESP && d.spi_size == 4)
			take_delete_esp(sa, d.spis + 4 * i);
		else if (d.proto == PROTO_ISAKMP && d.spi_size == COOKIES_LEN)
			take_delete_ike(sa, d.spis + COOKIES_LEN * i);
	}
}

/* The peer has started anew: what was made before this control tunnel is of no use. */
static void take_initial_contact(struct ike_sa *sa)
{
	struct peer *peer = sa->peer;

	for (struct ike_sa *s = peer->sas; s; s = s->next) {
		if (s == sa || s->dead || !s->established || s->since >= sa->since)
			continue;
		s->dead = true;
		trace_down(s, "The control tunnel is gone: the peer has started anew.");
	}
	for (uint32_t i = 0; i < peer->cfg->n_child; i++) {
		struct pair *next;

		for (struct pair *p = peer->child[i].pairs; p; p = next) {
			next = p->next;
			if (p->since < sa->since)
				pair_down(peer, i, p, "the peer has started anew");
		}
	}
}

/* Which Quick Mode under way the peer speaks of: by an SPI, or the only one there is. */
static struct exchange *quick_meant(struct ike_sa *sa, const struct notify_body *n)
{
	static const uint8_t none[4];
	struct exchange *only = NULL;
	size_t waiting = 0;

	for (struct exchange *x = sa->exchanges; x; x = x->next) {
		if (x->type != XCHG_QUICK || x->over ||
		    x->state != (x->initiator ? QUICK_1 : QUICK_2))
			continue;
		if (n->spi.len == 4 && (!memcmp(n->spi.p, x->quick->spi, 4) ||
					!memcmp(n->spi.p, x->quick->choice.spi, 4)))
			return x;
		only = x;
		waiting++;
	}
	/* An SPI that we do not know belongs to what has ended meanwhile. */
	if (n->spi.len == 4 && memcmp(n->spi.p, none, 4) != 0)
		return NULL;
	return waiting == 1 ? only : NULL;
}

static const char *code_of(uint16_t type)
{
	switch (type) {
	case N_NO_PROPOSAL_CHOSEN:
		return "no-proposal";
	case N_INVALID_ID_INFORMATION:
		return "selectors";
	case N_AUTHENTICATION_FAILED:
		return "auth-failed";
	default:
		return "refused";
	}
}

/* An error that is authentic ends what it speaks of. */
static void take_error(struct ike_sa *sa, const struct notify_body *n)
{
	struct exchange *x = NULL;
	char name[48];

	if (sa->established) {
		x = quick_meant(sa, n);
	} else {
		for (x = sa->exchanges; x && x->type != XCHG_MAIN; x = x->next)
			;
	}
	if (!x || x->refusal)
		return;
	words_notify(n->type, name, sizeof(name));
	refuse(x, 0, sa->established ? code_of(n->type) : "auth-failed",
	       "the peer refuses: %s", name);
	if (!x->refusal)
		return;
	x->refusal->by_peer = true;
	if (x->type == XCHG_QUICK)
		quick_show(x, n->type == N_INVALID_ID_INFORMATION);
	exchange_fail(x);
}

/* Returns whether it is a sign of life. */
static bool take_notify(struct exchange *x, const struct payload *p)
{
	struct ike_sa *sa = x->sa;
	struct notify_body n;
	char why[WHY_MAX];

	if (notify_parse(&n, p, why))
		trace_note(sa, "a notify is ignored: %s", why);
	else if (n.type < ERRORS_END)
		take_error(sa, &n);
	else if (n.type == N_INITIAL_CONTACT && sa->established)
		take_initial_contact(sa);
	else if (n.type == N_RESPONDER_LIFETIME && sa->established)
		control_told_life(sa, &n);
	else if (n.type == N_R_U_THERE || n.type == N_R_U_THERE_ACK)
		return sa->established && dpd_take(x, &n);
	return true;
}

int info_in(struct exchange *x, const struct payloads *ps)
{
	struct ike_sa *sa = x->sa;
	bool alive = true;

	/* A delete of this control tunnel ends the message too (pitfall 1.19). */
	for (size_t i = 0; i < ps->n && !sa->dead; i++) {
		if (ps->p[i].type == PL_DELETE && sa->established)
			take_delete(sa, &ps->p[i]);
		else if (ps->p[i].type == PL_NOTIFY)
			alive &= take_notify(x, &ps->p[i]);
	}
	/* Signed, it is the peer's only once the signature has been judged. */
	if (alive && (sa->established || !main_signed(sa)))
		dpd_alive(sa);
	return 0;
}

void info_unprotected(struct ike_sa *sa, const struct payloads *ps)
{
	const struct payload *p = payload_get(ps, PL_NOTIFY, 0);
	struct trace_event *e;
	struct notify_body n;
	char why[WHY_MAX];
	char name[48];

	if (p && !notify_parse(&n, p, why)) {
		words_notify(n.type, name, sizeof(name));
		if (n.type < ERRORS_END && !sa->established)
			sa->hint_notify = n.type;
		e = trace_note(
			sa,
			"The peer says %s. Nothing protects that message, so it is shown "
			"and not acted upon.",
			name);
		if (e && n.type < ERRORS_END)
			snprintf(e->code, sizeof(e->code), "%s", code_of(n.type));
	} else if (payload_get(ps, PL_DELETE, 0)) {
		trace_note(sa, "A delete that nothing protects is not acted upon.");
	}
}
