// SPDX-License-Identifier: MIT
/*
 * Main Mode with signatures (RFC 2409 section 5.1): HASH_I and HASH_R are signed by the key
 * process, and the peer's signature is judged, with its certificates, by the verifier.
 */
#include "sa.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "signature.h"

#define VERDICTS_MAX 8 /* of one exchange: most need one */
#define CERT_X509    4 /* RFC 2408 section 3.9: X.509 certificate, signature */

bool main_signed(const struct ike_sa *sa)
{
	return sa->suite.auth != AUTH_PSK;
}

int sign_ask(struct exchange *x)
{
	const struct ike_proposal *suite = &x->sa->suite;
	uint8_t hash[HASH_MAX];
	struct buf id = { 0 };
	int ret;

	if (!main_signed(x->sa) || x->main->sig.len)
		return 0;
	main_own_id(x->sa, &id);
	ret = v1_hash_ir(x, x->initiator, buf_chunk(&id), hash);
	buf_wipe(&id);
	if (ret)
		return refuse(x, 0, "crypto", "the hash to sign cannot be made");
	need_sign(x, CHUNK(hash, hash_len(signature_hash(suite))));
	return 0;
}

/* Asking for certificates; a name of length 0 means any authority. */
void sign_put_request(const struct exchange *x, struct buf *b, size_t *next)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;

	for (size_t i = 0; main_signed(x->sa) && i < cfg->n_cas; i++) {
		size_t at = payload_begin(b, next, PL_CERTREQ);

		put_u8(b, CERT_X509);
		put_octets(b, cfg->cas[i].p, cfg->cas[i].len);
		payload_end(b, at);
	}
}

void sign_put(const struct exchange *x, struct buf *b, size_t *next)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;

	for (size_t i = 0; i < cfg->n_certs; i++) {
		size_t at = payload_begin(b, next, PL_CERT);

		put_u8(b, CERT_X509);
		put_octets(b, cfg->certs[i].p, cfg->certs[i].len);
		payload_end(b, at);
	}
	payload_put(b, next, PL_SIG, x->main->sig.data, x->main->sig.len);
}

int sign_check(struct exchange *x, const struct row *row, const struct payloads *ps,
	       char *why)
{
	const struct payload *sig = payload_get(ps, PL_SIG, 0);
	const struct payload *id = payload_get(ps, PL_ID, 0);
	struct buf want = { 0 }, certs = { 0 };
	const struct payload *cert;
	uint8_t hash[HASH_MAX];
	int ret;

	/* CBC lets anybody who sees it change it: such a one is passed over (pitfall 1.4). */
	if (x->main->judged)
		return x->main->forged ? OPEN_FORGED : 0;
	if (x->main->verdicts++ == VERDICTS_MAX) {
		snprintf(why, PAYLOAD_WHY, "too many with wrong signatures came before");
		return OPEN_FORGED;
	}
	if (!sig || !id || payload_get(ps, PL_ID, 1)) {
		snprintf(why, PAYLOAD_WHY, "%s",
			 !sig  ? "missing payloads: SIG"
			 : !id ? "missing payloads: ID"
			       : "two ID payloads");
		return OPEN_FORGED;
	}
	/* Behind each other: a certificate knows its length. */
	for (size_t i = 0; (cert = payload_get(ps, PL_CERT, i)); i++)
		if (cert->body[0] == CERT_X509)
			put_octets(&certs, cert->body + 1, cert->len - 1);
	main_expected_id(x->sa, &want);
	ret = v1_hash_ir(x, row->prot == PROT_HASH_I, CHUNK(id->body, id->len), hash);
	if (!ret)
		need_verify(x, CHUNK(hash, hash_len(signature_hash(&x->sa->suite))),
			    CHUNK(sig->body, sig->len), CHUNK(id->body, id->len),
			    buf_chunk(&want), buf_chunk(&certs));
	buf_wipe(&want);
	buf_wipe(&certs);
	if (!ret && !x->refusal)
		return OPEN_HELD;
	snprintf(why, PAYLOAD_WHY, "the signature cannot be checked");
	return OPEN_FORGED;
}

/* As ike.h says of IKE_NEED_VERIFY. */
void sign_verdict(struct exchange *x, struct chunk verdict)
{
	struct main_mode *m = x->main;
	const uint8_t *code = verdict.len > 1 ? verdict.p + 1 : NULL;
	const uint8_t *end = code ? memchr(code, 0, verdict.len - 1) : NULL;
	int len;

	m->judged = true;
	/* Without one the message is not refused for good: the peer repeats it. */
	m->forged = !end || verdict.p[0];
	if (!end) {
		refuse(x, N_AUTHENTICATION_FAILED, "no-verdict",
		       "the peer's signature could not be checked");
		return;
	}
	len = verdict.p + verdict.len - (end + 1);
	if (m->forged || *code)
		refuse(x, N_AUTHENTICATION_FAILED, (const char *)code, "%.*s", len,
		       (const char *)end + 1);
	else
		snprintf(x->sa->proof, sizeof(x->sa->proof), "%.*s", len,
			 (const char *)end + 1);
}
