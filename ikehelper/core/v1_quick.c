// SPDX-License-Identifier: MIT
/* Quick Mode: packets 7 to 9, which make one pair of ESP tunnels (RFC 2409 section 5.5). */
#include "sa.h"
#include "transform.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_LEN 32
#define NONCE_MIN 8
#define NONCE_MAX 256
#define SPI_MIN	  256 /* RFC 4303 section 2.1 */
#define OFFER_MAX 32
#define WHY_MAX	  160

static const struct ike_peer *cfg_of(const struct exchange *x)
{
	return x->sa->peer->cfg;
}

static const struct ike_child_cfg *child_of(const struct exchange *x)
{
	return &cfg_of(x)->child[x->quick->child];
}

int quick_start(struct ike_sa *sa, uint32_t child)
{
	uint32_t id = message_id_new(sa);
	struct exchange *x = id ? exchange_new(sa, XCHG_QUICK, true, id) : NULL;

	if (!x)
		return -1;
	x->quick->child = child;
	x->quick->choice.suite.group = cfg_of(x)->esp[0].group;
	exchange_run(x);
	return 0;
}

/* What went into the module for nothing comes out again. */
void quick_free(struct exchange *x)
{
	struct quick_mode *q = x->quick;
	struct buf *all[] = { &q->choice.reply, &q->ni,	 &q->nr,   &q->priv, &q->ours,
			      &q->theirs,	&q->gxy, &q->id_i, &q->id_r };
	struct ike *ike = x->sa->ike;

	if (!q->handed_over && q->added_out)
		queue_sa_del(ike, cfg_of(x), q->child, true, q->choice.spi);
	if (!q->handed_over && q->have_spi)
		queue_sa_del(ike, cfg_of(x), q->child, false, q->spi);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_wipe(all[i]);
	free(q);
	x->quick = NULL;
}

static bool with_pfs(const struct exchange *x)
{
	return x->quick->choice.suite.group != GROUP_NONE;
}

/* Our nonce and, with PFS, a private key; an SPI of our own. */
static void own_material(struct exchange *x, struct buf *nonce)
{
	struct ike *ike = x->sa->ike;
	struct quick_mode *q = x->quick;
	enum ike_group group = q->choice.suite.group;
	uint8_t octets[DH_MAX];
	size_t len = dh_private_len(group);

	random_octets(ike, octets, NONCE_LEN, true);
	buf_set(nonce, octets, NONCE_LEN);
	need_spi(x);
	if (!with_pfs(x))
		return;
	random_octets(ike, octets, len, true);
	buf_set(&q->priv, octets, len);
	OPENSSL_cleanse(octets, sizeof(octets));
	need_dh(x, DH_PUBLIC, group, buf_chunk(&q->priv), CHUNK(NULL, 0));
}

static void ask_shared(struct exchange *x)
{
	struct quick_mode *q = x->quick;

	need_dh(x, DH_SHARED, q->choice.suite.group, buf_chunk(&q->priv),
		buf_chunk(&q->theirs));
}

int quick1_prepare(struct exchange *x)
{
	if (!x->quick->have_spi)
		own_material(x, &x->quick->ni);
	return 0;
}

/* What we offer: ESP alone, or in UDP as the peer knows it. */
static uint16_t mode_of(const struct exchange *x)
{
	if (!x->quick->udp)
		return MODE_TUNNEL;
	return x->sa->nat.known == NAT_T_RFC ? MODE_UDP_TUNNEL : MODE_UDP_TUNNEL_DRAFT;
}

int quick1_out(struct exchange *x, struct buf *b, size_t *next)
{
	struct quick_mode *q = x->quick;
	const struct ike_peer *cfg = cfg_of(x);
	struct esp_life life = quick_our_life(x);
	struct esp_proposal offer[OFFER_MAX];
	size_t n = 0;
	size_t at;

	/* All of them with one group: there is but one KE (RFC 2409 section 5.5). */
	for (size_t i = 0; i < cfg->n_esp && n < OFFER_MAX; i++)
		if (cfg->esp[i].group == q->choice.suite.group)
			offer[n++] = cfg->esp[i];
	at = payload_begin(b, next, PL_SA);
	q->udp = nat_udp(x->sa);
	esp_sa_write(b, offer, n, q->spi, &life, mode_of(x));
	payload_end(b, at);
	payload_put(b, next, PL_NONCE, q->ni.data, q->ni.len);
	if (with_pfs(x))
		payload_put(b, next, PL_KE, q->ours.data, q->ours.len);
	buf_wipe(&q->id_i);
	buf_wipe(&q->id_r);
	/* Two phase 2s without IDs could not be told apart. */
	if (cfg->no_ids && child_is_any(child_of(x)) && child_of(x)->local.family == 4)
		return 0;
	id_write(&child_of(x)->local, &q->id_i);
	id_write(&child_of(x)->remote, &q->id_r);
	payload_put(b, next, PL_ID, q->id_i.data, q->id_i.len);
	payload_put(b, next, PL_ID, q->id_r.data, q->id_r.len);
	return 0;
}

/*
 * With a NAT on the way ESP in UDP comes first, without one ESP alone; an initiator that
 * thinks otherwise gets its will, unless we insist. In an answer it is what we offered.
 */
static enum select choose_esp(struct exchange *x, struct chunk sa_b, bool answer,
			      struct esp_choice *choice, char *why)
{
	const struct ike_peer *cfg = cfg_of(x);
	struct quick_mode *q = x->quick;
	enum select s;

	if (!answer)
		q->udp = nat_udp(x->sa);
	s = esp_sa_select(sa_b, cfg->esp, cfg->n_esp, q->udp, answer, choice, why);
	if (s != SELECT_NONE || answer || (q->udp ? cfg->encap : !nat_floated(x->sa)))
		return s;
	q->udp = !q->udp;
	return esp_sa_select(sa_b, cfg->esp, cfg->n_esp, q->udp, answer, choice, why);
}

static int choose(struct exchange *x, const struct payloads *ps, bool answer)
{
	const struct payload *p = payload_get(ps, PL_SA, 0);
	struct chunk sa_b = CHUNK(p->body, p->len);
	struct quick_mode *q = x->quick;
	struct esp_choice choice;
	char why[WHY_MAX];

	if (cfg_of(x)->encap && !nat_floated(x->sa))
		return refuse(
			x, N_NO_PROPOSAL_CHOSEN, "no-nat-t",
			"encap = yes, but the peer stays on UDP port 500, where ESP "
			"in UDP cannot be");
	switch (choose_esp(x, sa_b, answer, &choice, why)) {
	case SELECT_MALFORMED:
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed", "%s", why);
	case SELECT_NONE:
		refuse(x, N_NO_PROPOSAL_CHOSEN, "no-proposal",
		       answer ? "the peer's answer is not one of the suites that we offered"
			      : "no suite for the ESP tunnels is on both sides' lists");
		quick_show(x, false);
		if (x->refusal)
			esp_sa_text(sa_b, x->refusal->theirs, sizeof(x->refusal->theirs));
		return -1;
	case SELECT_OK:
		break;
	}
	if ((answer && choice.suite.group != q->choice.suite.group) ||
	    !(choice.spi[0] | choice.spi[1] | choice.spi[2])) {
		buf_wipe(&choice.reply);
		return refuse(
			x, N_NO_PROPOSAL_CHOSEN, "bad-answer",
			"the peer's SA payload has another group or an SPI below %u",
			SPI_MIN);
	}
	q->choice = choice;
	return 0;
}

/* The peer's nonce, and its public value exactly when the suite has a group. */
static int take_material(struct exchange *x, const struct payloads *ps, struct buf *nonce)
{
	const struct payload *ke = payload_get(ps, PL_KE, 0);
	const struct payload *n = payload_get(ps, PL_NONCE, 0);
	struct quick_mode *q = x->quick;
	char why[WHY_MAX];

	if (!ke != !with_pfs(x))
		return refuse(x, N_NO_PROPOSAL_CHOSEN, "bad-ke",
			      ke ? "a KE payload, but a suite without a group"
				 : "no KE payload, but a suite with a group");
	if (ke && dh_check(q->choice.suite.group, CHUNK(ke->body, ke->len), why))
		return refuse(x, N_INVALID_KEY_INFORMATION, "bad-ke", "%s", why);
	if (n->len < NONCE_MIN || n->len > NONCE_MAX)
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed",
			      "a nonce of %zu octets", n->len);
	if (buf_set(nonce, n->body, n->len) ||
	    (ke && buf_set(&q->theirs, ke->body, ke->len)))
		return refuse(x, 0, "memory", "out of memory");
	return 0;
}

int quick1_in(struct exchange *x, const struct payloads *ps)
{
	if (quick_take_ids(x, ps) || choose(x, ps, false) ||
	    take_material(x, ps, &x->quick->ni))
		return -1;
	if (quick_gives_way(x))
		return 1;
	quick_take_life(x, x->quick->choice.life);
	return 0;
}

/* KEYMAT for one direction, into an SA for the module. */
static int add_sa(struct exchange *x, bool out)
{
	struct quick_mode *q = x->quick;
	const struct esp_proposal *suite = &q->choice.suite;
	size_t cipher = keymat_cipher_len(suite);
	size_t integ = keymat_integ_len(suite);
	uint8_t keys[KEYMAT_MAX];
	struct ike_action add = { .type = IKE_SA_ADD };

	if (keymat_esp(&x->sa->keys, buf_chunk(&q->gxy), PROTO_ESP,
		       out ? q->choice.spi : q->spi, buf_chunk(&q->ni), buf_chunk(&q->nr),
		       keys, cipher + integ))
		return refuse(x, 0, "crypto", "the ESP keys cannot be derived");
	add.sa_add.child = q->child;
	add.sa_add.out = out;
	memcpy(add.sa_add.spi, out ? q->choice.spi : q->spi, 4);
	memcpy(add.sa_add.pair_spi, q->spi, 4);
	add.sa_add.path = x->sa->path;
	add.sa_add.encap = q->udp;
	add.sa_add.follow = q->udp && x->sa->nat.there;
	quick_selectors(x, &add.sa_add.local, &add.sa_add.remote);
	add.sa_add.suite = *suite;
	add.sa_add.key = keys;
	add.sa_add.key_len = cipher;
	add.sa_add.integ_key = keys + cipher;
	add.sa_add.integ_key_len = integ;
	quick_set_limits(x, &add);
	need_sa_add(x, &add);
	OPENSSL_cleanse(keys, sizeof(keys));
	return 0;
}

/* Inbound first: what the peer sends on the new SA is never lost (pitfall 1.11). */
static int load_sas(struct exchange *x)
{
	struct quick_mode *q = x->quick;
	char suite[PROPOSAL_TEXT];
	struct trace_event *e;

	if (add_sa(x, false) || add_sa(x, true))
		return -1;
	esp_proposal_text(&q->choice.suite, suite);
	e = trace_sa(x->sa, TRACE_KEYS, 2);
	e->message_id = x->message_id;
	snprintf(e->name, sizeof(e->name), "KEYMAT");
	snprintf(e->ref, sizeof(e->ref), "RFC 2409 section 5.5");
	snprintf(
		e->text, sizeof(e->text),
		"Phase 2 made the ESP tunnels' keys, another set for each direction: from "
		"SKEYID_d of phase 1, %sthe SPI and both nonces (%s).",
		with_pfs(x) ? "a Diffie-Hellman secret of its own (PFS), " : "", suite);
	buf_wipe(&q->priv);
	buf_wipe(&q->gxy);
	return 0;
}

int quick2_prepare(struct exchange *x)
{
	if (!x->quick->have_spi) {
		own_material(x, &x->quick->nr);
		if (with_pfs(x))
			ask_shared(x);
		return 0;
	}
	return x->quick->added_in ? 0 : load_sas(x);
}

int quick2_out(struct exchange *x, struct buf *b, size_t *next)
{
	struct quick_mode *q = x->quick;

	memcpy(q->choice.reply.data + q->choice.reply_spi, q->spi, 4);
	payload_put(b, next, PL_SA, q->choice.reply.data, q->choice.reply.len);
	payload_put(b, next, PL_NONCE, q->nr.data, q->nr.len);
	if (with_pfs(x))
		payload_put(b, next, PL_KE, q->ours.data, q->ours.len);
	if (q->id_i.len) {
		payload_put(b, next, PL_ID, q->id_i.data, q->id_i.len);
		payload_put(b, next, PL_ID, q->id_r.data, q->id_r.len);
	}
	if (q->tell_lifetime)
		quick_put_life(x, b, next);
	return 0;
}

static bool body_same(const struct payload *p, const struct buf *b)
{
	return p->len == b->len && !memcmp(p->body, b->data, b->len);
}

int quick2_in(struct exchange *x, const struct payloads *ps)
{
	const struct payload *pi = payload_get(ps, PL_ID, 0);
	const struct payload *pr = payload_get(ps, PL_ID, 1);
	struct quick_mode *q = x->quick;

	if (pi && (!pr || !body_same(pi, &q->id_i) || !body_same(pr, &q->id_r)))
		return quick_refuse_selectors(x, "other IDs than those that we sent",
					      "the peer's answer has other selectors");
	if (choose(x, ps, true) || take_material(x, ps, &q->nr))
		return -1;
	quick_take_life(x, quick_told_life(ps));
	return 0;
}

int quick3_prepare(struct exchange *x)
{
	struct quick_mode *q = x->quick;

	if (q->added_in)
		return 0;
	if (with_pfs(x) && !q->gxy.len) {
		ask_shared(x);
		return 0;
	}
	return load_sas(x);
}

int quick3_out(struct exchange *x, struct buf *b, size_t *next)
{
	/* HASH(3) is all that there is. */
	(void)x;
	(void)b;
	(void)next;
	return 0;
}

int quick3_in(struct exchange *x, const struct payloads *ps)
{
	(void)x;
	(void)ps;
	return 0;
}

void quick_done(struct exchange *x)
{
	struct quick_mode *q = x->quick;
	struct ike *ike = x->sa->ike;
	struct pair *pair = calloc(1, sizeof(*pair));
	char local[WORDS_SUBNET], remote[WORDS_SUBNET], suite[PROPOSAL_TEXT];
	struct trace_event *e;

	/* Without memory for it the SAs go with the exchange. */
	if (!pair)
		return;
	memcpy(pair->spi_in, q->spi, 4);
	memcpy(pair->spi_out, q->choice.spi, 4);
	pair->suite = q->choice.suite;
	pair->path = x->sa->path;
	pair->nat = x->sa->nat;
	pair->encap = q->udp;
	pair->negotiation = x->sa->negotiation;
	pair->initiator = x->initiator;
	quick_selectors(x, &pair->local, &pair->remote);
	pair->began_at = x->began_at;
	pair->since = ike->now;
	pair->activate_at = pair->drop_at = NEVER;
	pair->hard_at = ike->now + q->seconds * 1000;
	pair->renew_at = ike->now + renew_seconds(ike, q->seconds, x->initiator) * 1000;
	q->handed_over = true;

	words_subnet(&pair->local, local, sizeof(local));
	words_subnet(&pair->remote, remote, sizeof(remote));
	esp_proposal_text(&pair->suite, suite);
	e = trace_sa(x->sa, TRACE_UP, 2);
	e->message_id = x->message_id;
	snprintf(e->name, sizeof(e->name), "ESP tunnels");
	snprintf(e->text, sizeof(e->text),
		 "The ESP tunnels are up, one for each direction: %s to %s, %s%s, SPI in "
		 "%02x%02x%02x%02x, out %02x%02x%02x%02x, for %llu s.",
		 local, remote, suite, q->udp ? " in UDP" : "", q->spi[0], q->spi[1],
		 q->spi[2], q->spi[3], q->choice.spi[0], q->choice.spi[1],
		 q->choice.spi[2], q->choice.spi[3], (unsigned long long)q->seconds);
	pair_up(x->sa->peer, q->child, pair);
}

int quick_answer(struct exchange *x, enum need_kind kind, struct chunk data)
{
	struct quick_mode *q = x->quick;
	enum ike_group group = q->choice.suite.group;
	bool ok = data.p;

	switch (kind) {
	case NEED_INBOUND_SPI:
		ok = ok && data.len == 4;
		if (!ok)
			return refuse(x, N_NO_PROPOSAL_CHOSEN, "module",
				      "the module gave no SPI");
		memcpy(q->spi, data.p, 4);
		q->have_spi = true;
		return 0;
	case NEED_ADD_IN:
		q->added_in = ok;
		break;
	case NEED_ADD_OUT:
		q->added_out = ok;
		break;
	case NEED_PUBLIC:
		ok = ok && data.len == dh_public_len(group) &&
		     !buf_set(&q->ours, data.p, data.len);
		break;
	default:
		ok = ok && data.len == dh_shared_len(group) &&
		     !buf_set(&q->gxy, data.p, data.len);
		break;
	}
	if (ok)
		return 0;
	if (kind == NEED_ADD_IN || kind == NEED_ADD_OUT)
		return refuse(x, N_NO_PROPOSAL_CHOSEN, "module",
			      "the module did not take the %s SA",
			      kind == NEED_ADD_IN ? "inbound" : "outbound");
	return refuse(x, N_INVALID_KEY_INFORMATION, "bad-ke", "Diffie-Hellman failed");
}
