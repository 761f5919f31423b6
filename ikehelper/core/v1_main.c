// SPDX-License-Identifier: MIT
/* Main Mode: packets 1 to 6 (RFC 2409 sections 5.1 and 5.4). */
#include "sa.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IKE_PORT  500
#define NONCE_LEN 32
#define NONCE_MIN 8 /* RFC 2409 section 5 */
#define NONCE_MAX 256
#define WHY_MAX	  160

int main_start(struct peer *peer)
{
	const struct ike_peer *cfg = peer->cfg;
	struct ike_path path = { .local = cfg->local, .remote = cfg->remote };
	const struct ike_path *last = nat_path(peer);
	struct ike_sa *sa;
	struct exchange *x;

	/* From the address that is right now, which may be another than then. */
	if (last) {
		path.remote = last->remote;
		path.local.port = last->local.port;
	}
	if (!path.local.port)
		path.local.port = IKE_PORT;
	if (!path.remote.port)
		path.remote.port = IKE_PORT;
	sa = sa_new(peer, true, &path);
	x = sa ? exchange_new(sa, XCHG_MAIN, true, 0) : NULL;
	if (!x) {
		if (sa)
			sa_free(sa);
		return -1;
	}
	sa->version = IKE_V1;
	exchange_run(x);
	return 0;
}

void main_free(struct exchange *x)
{
	struct main_mode *m = x->main;
	struct buf *all[] = { &m->sai_b, &m->sar_b, &m->ni,	&m->nr,	 &m->gxi, &m->gxr,
			      &m->priv,	 &m->gxy,   &m->skeyid, &m->sig, &m->held };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_wipe(all[i]);
	free(m);
	x->main = NULL;
}

int main1_out(struct exchange *x, struct buf *b, size_t *next)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;
	struct buf *sai_b = &x->main->sai_b;

	ike_sa_write(sai_b, cfg->ike, cfg->n_ike, cfg->ike_seconds);
	payload_put(b, next, PL_SA, sai_b->data, sai_b->len);
	nat_put_vendors(x, b, next);
	vendor_put(b, next, VENDOR_DPD);
	return sai_b->bad ? refuse(x, 0, "memory", "out of memory") : 0;
}

void main_show(struct exchange *x, struct chunk theirs)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;
	struct refusal *r = x->refusal;
	size_t at = 0;

	if (!r)
		return;
	for (size_t i = 0; i < cfg->n_ike && at < sizeof(r->ours); i++) {
		char text[PROPOSAL_TEXT];

		ike_proposal_text(&cfg->ike[i], text);
		at += snprintf(r->ours + at, sizeof(r->ours) - at, "%s%s", at ? "\n" : "",
			       text);
	}
	if (theirs.p)
		ike_sa_text(theirs, r->theirs, sizeof(r->theirs));
}

/* Packets 1 and 2 alike: choose from what the peer wrote. */
static int choose(struct exchange *x, const struct payloads *ps, bool answer)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;
	const struct payload *p = payload_get(ps, PL_SA, 0);
	struct chunk sa_b = CHUNK(p->body, p->len);
	struct ike_choice choice;
	char why[WHY_MAX];

	switch (ike_sa_select(sa_b, cfg->ike, cfg->n_ike, answer, &choice, why)) {
	case SELECT_MALFORMED:
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed", "%s", why);
	case SELECT_NONE:
		refuse(x, N_NO_PROPOSAL_CHOSEN, "no-proposal",
		       answer ? "the peer's answer is not one of the suites that we offered"
			      : "no suite for the control tunnel is on both sides' lists");
		main_show(x, sa_b);
		return -1;
	case SELECT_OK:
		break;
	}
	x->sa->suite = choice.suite;
	x->main->peer_seconds = choice.seconds;
	x->main->sar_b = choice.reply;
	x->sa->dpd = vendor_has(ps, VENDOR_DPD);
	return 0;
}

int main1_in(struct exchange *x, const struct payloads *ps)
{
	const struct payload *p = payload_get(ps, PL_SA, 0);

	if (choose(x, ps, false) || nat_take_vendors(x, ps))
		return -1;
	/* HASH_I and HASH_R cover this body as the initiator sent it (section 5). */
	return buf_set(&x->main->sai_b, p->body, p->len);
}

int main2_out(struct exchange *x, struct buf *b, size_t *next)
{
	payload_put(b, next, PL_SA, x->main->sar_b.data, x->main->sar_b.len);
	nat_put_vendors(x, b, next);
	/* Only what the peer understands: the answer is never longer than the question. */
	if (x->sa->dpd)
		vendor_put(b, next, VENDOR_DPD);
	return 0;
}

int main2_in(struct exchange *x, const struct payloads *ps)
{
	return choose(x, ps, true) || nat_take_vendors(x, ps) ? -1 : 0;
}

/* Our part of the key agreement: a private key and a nonce. */
static void own_material(struct exchange *x, struct buf *nonce)
{
	struct ike *ike = x->sa->ike;
	uint8_t octets[DH_MAX];
	size_t len = dh_private_len(x->sa->suite.group);

	random_octets(ike, octets, len, true);
	buf_set(&x->main->priv, octets, len);
	random_octets(ike, octets, NONCE_LEN, true);
	buf_set(nonce, octets, NONCE_LEN);
	OPENSSL_cleanse(octets, sizeof(octets));
}

/* The peer's part: nothing is stored unless all of it is acceptable. */
static int take_material(struct exchange *x, const struct payloads *ps, struct buf *gx,
			 struct buf *nonce)
{
	const struct payload *ke = payload_get(ps, PL_KE, 0);
	const struct payload *n = payload_get(ps, PL_NONCE, 0);
	char why[WHY_MAX];

	if (dh_check(x->sa->suite.group, CHUNK(ke->body, ke->len), why))
		return refuse(x, N_INVALID_KEY_INFORMATION, "bad-ke", "%s", why);
	if (n->len < NONCE_MIN || n->len > NONCE_MAX)
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed",
			      "a nonce of %zu octets", n->len);
	if (buf_set(gx, ke->body, ke->len) || buf_set(nonce, n->body, n->len))
		return refuse(x, 0, "memory", "out of memory");
	return 0;
}

static void ask_keys(struct exchange *x, const struct buf *peer)
{
	struct main_mode *m = x->main;

	need_dh(x, DH_SHARED, x->sa->suite.group, buf_chunk(&m->priv), buf_chunk(peer));
	if (!main_signed(x->sa))
		need_skeyid(x, buf_chunk(&m->ni), buf_chunk(&m->nr));
}

int main3_prepare(struct exchange *x)
{
	if (x->main->gxi.len)
		return 0;
	own_material(x, &x->main->ni);
	need_dh(x, DH_PUBLIC, x->sa->suite.group, buf_chunk(&x->main->priv),
		CHUNK(NULL, 0));
	return 0;
}

static void put_material(struct buf *b, size_t *next, const struct buf *gx,
			 const struct buf *nonce)
{
	payload_put(b, next, PL_KE, gx->data, gx->len);
	payload_put(b, next, PL_NONCE, nonce->data, nonce->len);
}

int main3_out(struct exchange *x, struct buf *b, size_t *next)
{
	put_material(b, next, &x->main->gxi, &x->main->ni);
	return nat_put(x, b, next);
}

int main3_in(struct exchange *x, const struct payloads *ps)
{
	if (take_material(x, ps, &x->main->gxi, &x->main->ni))
		return -1;
	nat_take(x, ps);
	return 0;
}

int main4_prepare(struct exchange *x)
{
	if (x->main->gxr.len)
		return 0;
	own_material(x, &x->main->nr);
	need_dh(x, DH_PUBLIC, x->sa->suite.group, buf_chunk(&x->main->priv),
		CHUNK(NULL, 0));
	ask_keys(x, &x->main->gxi);
	return 0;
}

/* With signatures: SKEYID from what both sides have now. The key process has the other. */
static int make_skeyid(struct exchange *x)
{
	struct main_mode *m = x->main;
	enum ike_hash hash = x->sa->suite.hash;
	uint8_t skeyid[HASH_MAX];
	int ret;

	if (!main_signed(x->sa))
		return 0;
	ret = keymat_skeyid_sig(hash, buf_chunk(&m->ni), buf_chunk(&m->nr),
				buf_chunk(&m->gxy), skeyid);
	if (!ret)
		ret = buf_set(&m->skeyid, skeyid, hash_len(hash));
	OPENSSL_cleanse(skeyid, sizeof(skeyid));
	return ret;
}

/* SKEYID and its children, the encryption key, the first IV. */
static int derive(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct main_mode *m = x->main;
	char suite[PROPOSAL_TEXT];
	struct trace_event *e;

	if (make_skeyid(x) ||
	    keymat_derive(&sa->keys, &sa->suite, m->skeyid.data, buf_chunk(&m->gxy),
			  sa->cookies) ||
	    keymat_iv1(&sa->keys, buf_chunk(&m->gxi), buf_chunk(&m->gxr), x->iv))
		return refuse(x, 0, "crypto", "the keys cannot be derived");
	x->have_iv = true;
	sa->have_keys = true;
	buf_wipe(&m->priv);
	buf_wipe(&m->gxy);
	buf_wipe(&m->skeyid);
	if (sa->peer->keylog)
		queue_keylog(sa);
	ike_proposal_text(&sa->suite, suite);
	e = trace_sa(sa, TRACE_KEYS, 1);
	snprintf(e->name, sizeof(e->name), "SKEYID, SKEYID_d, SKEYID_a, SKEYID_e");
	snprintf(e->ref, sizeof(e->ref), "RFC 2409 section 5");
	snprintf(
		e->text, sizeof(e->text),
		"Phase 1 made the control tunnel's keys: SKEYID from %s "
		"and both nonces; from it and the Diffie-Hellman secret, which never "
		"travelled, one key to encrypt packet 5 and on, one to authenticate them, "
		"and one from which phase 2 will make the ESP keys (%s).",
		main_signed(sa) ? "the Diffie-Hellman secret" : "the pre-shared key",
		suite);
	return 0;
}

int main4_out(struct exchange *x, struct buf *b, size_t *next)
{
	put_material(b, next, &x->main->gxr, &x->main->nr);
	sign_put_request(x, b, next);
	return nat_put(x, b, next) || derive(x) ? -1 : 0;
}

int main4_in(struct exchange *x, const struct payloads *ps)
{
	if (take_material(x, ps, &x->main->gxr, &x->main->nr))
		return -1;
	nat_take(x, ps);
	return 0;
}

int main5_prepare(struct exchange *x)
{
	if (!x->main->gxy.len && !x->sa->have_keys) {
		ask_keys(x, &x->main->gxr);
		return 0;
	}
	if (!x->sa->have_keys && derive(x))
		return -1;
	return sign_ask(x);
}

/* Who we are, and the proof of it. */
static int put_id_and_proof(struct exchange *x, struct buf *b, size_t *next)
{
	uint8_t hash[HASH_MAX];
	struct buf id = { 0 };
	int ret = 0;

	main_own_id(x->sa, &id);
	payload_put(b, next, PL_ID, id.data, id.len);
	if (main_signed(x->sa))
		sign_put(x, b, next);
	else
		ret = v1_hash_ir(x, x->initiator, buf_chunk(&id), hash);
	buf_wipe(&id);
	if (ret)
		return refuse(x, 0, "crypto", "the HASH payload cannot be made");
	if (!main_signed(x->sa))
		payload_put(b, next, PL_HASH, hash, x->sa->keys.len);
	return 0;
}

/*
 * No tunnel with this peer that is of use but the one that is being made? ESP in UDP from
 * an address that we have no more is of none; but the peer's kernel may have followed us,
 * and then strongSwan's sends on the old SA for ever, whose new control tunnel does not
 * know it and takes no DELETE for it.
 */
static bool first_contact(const struct ike_sa *sa)
{
	bool moved = false;

	for (size_t i = 0; i < sa->peer->cfg->n_child; i++)
		for (const struct pair *p = sa->peer->child[i].pairs; p; p = p->next) {
			if (!p->encap || !p->path.local.family ||
			    same_address(&p->path.local, &sa->path.local))
				return false;
			moved = true;
		}
	return moved || !sa_current(sa->peer);
}

int main5_out(struct exchange *x, struct buf *b, size_t *next)
{
	nat_float(x->sa);
	if (put_id_and_proof(x, b, next))
		return -1;
	sign_put_request(x, b, next);
	if (first_contact(x->sa)) {
		size_t at = payload_begin(b, next, PL_NOTIFY);

		put_u32(b, 1); /* IPsec DOI */
		put_u8(b, PROTO_ISAKMP);
		put_u8(b, COOKIES_LEN);
		put_u16(b, N_INITIAL_CONTACT);
		put_octets(b, x->sa->cookies, COOKIES_LEN);
		payload_end(b, at);
	}
	return 0;
}

int main5_in(struct exchange *x, const struct payloads *ps)
{
	return main_check_id(x, ps);
}

int main6_prepare(struct exchange *x)
{
	return sign_ask(x);
}

int main6_out(struct exchange *x, struct buf *b, size_t *next)
{
	return put_id_and_proof(x, b, next);
}

int main6_in(struct exchange *x, const struct payloads *ps)
{
	return main_check_id(x, ps);
}

void main_done(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	uint64_t life = shorter_life(sa->peer->cfg->ike_seconds, x->main->peer_seconds);
	char suite[PROPOSAL_TEXT];
	struct trace_event *e;

	memcpy(sa->last_iv, x->iv, BLOCK_MAX);
	sa->established = true;
	sa->since = sa->ike->now;
	control_set_life(sa, life);
	ike_proposal_text(&sa->suite, suite);
	e = trace_sa(sa, TRACE_UP, 1);
	snprintf(e->name, sizeof(e->name), "control tunnel");
	snprintf(e->text, sizeof(e->text),
		 "The control tunnel is up: %s, for %llu s. Each side has shown that it "
		 "holds %s%s; phase 2 can speak in secret now.%s",
		 suite, (unsigned long long)life,
		 main_signed(sa) ? "its private key: the peer " : "the pre-shared key",
		 sa->proof,
		 sa->dpd ? ""
			 : " The peer does not speak DPD: if it dies, that shows when a "
			   "renewal has no answer.");
	/* Not in packet 6, where nothing would protect it (RFC 2407 section 4.6.3.1). */
	if (!x->initiator && x->main->peer_seconds > life)
		control_tell_life(sa);
	main_free(x);
	peer_established(sa, x->began_at);
}

/* A secret or public value of the length that it has to have. */
static int take_value(struct buf *out, size_t want, struct chunk data)
{
	return data.p && data.len == want ? buf_set(out, data.p, data.len) : -1;
}

int main_answer(struct exchange *x, enum need_kind kind, struct chunk data)
{
	struct main_mode *m = x->main;
	enum ike_group group = x->sa->suite.group;

	switch (kind) {
	case NEED_SKEYID:
		if (!take_value(&m->skeyid, hash_len(x->sa->suite.hash), data))
			return 0;
		return refuse(x, 0, "no-key", "the pre-shared key cannot be used");
	case NEED_SIGN:
		if (data.len && !buf_set(&m->sig, data.p, data.len))
			return 0;
		return refuse(x, 0, "no-key", "the private key cannot be used");
	case NEED_VERIFY:
		sign_verdict(x, data);
		return 0;
	case NEED_PUBLIC:
		if (!take_value(x->initiator ? &m->gxi : &m->gxr, dh_public_len(group),
				data))
			return 0;
		return refuse(x, 0, "bad-ke", "Diffie-Hellman failed");
	default:
		if (!take_value(&m->gxy, dh_shared_len(group), data))
			return 0;
		return refuse(x, N_INVALID_KEY_INFORMATION, "bad-ke",
			      "Diffie-Hellman failed");
	}
}
