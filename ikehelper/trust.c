// SPDX-License-Identifier: MIT
/* Whether a signature, and the certificates with it, prove that a peer is who it says. */
#include "trust.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/dn.h"
#include "core/payload.h"

#define CERTS_MAX 8 /* as the core takes them */
#define NAME_TEXT 128
#define DATE_TEXT 40
#define ID_HEAD	  4 /* type, protocol and port, before the identity itself */

static int no(struct trust_verdict *v, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int no(struct trust_verdict *v, const char *code, const char *format, ...)
{
	va_list args;

	snprintf(v->code, sizeof(v->code), "%s", code);
	va_start(args, format);
	vsnprintf(v->text, sizeof(v->text), format, args);
	va_end(args);
	return -1;
}

void name_text(const X509_NAME *name, char *out, size_t size)
{
	const uint8_t *der = NULL;
	size_t len = 0;

	out[0] = 0;
	if (X509_NAME_get0_der(name, &der, &len))
		dn_text(CHUNK(der, len), out, size);
}

static void date_text(const ASN1_TIME *t, char *out)
{
	struct tm tm;

	if (!t || !ASN1_TIME_to_tm(t, &tm) ||
	    !strftime(out, DATE_TEXT, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(out, DATE_TEXT, "a date that cannot be read");
}

X509_STORE *trust_store_new(bool legacy)
{
	X509_STORE *store = X509_STORE_new();

	if (!store)
		return NULL;
	/* An authority may be one that another has signed. */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	/* 112 bits: no SHA-1, no RSA below 2048. */
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store), legacy ? 0 : 2);
	return store;
}

int trust_add_crl(X509_STORE *store, X509_CRL *crl)
{
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return X509_STORE_add_crl(store, crl) == 1 ? 0 : -1;
}

/* What OpenSSL found wrong with a chain, as a code and a sentence. */
static void chain_error(X509_STORE_CTX *ctx, struct trust_verdict *v)
{
	X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);
	int err = X509_STORE_CTX_get_error(ctx);
	char subject[NAME_TEXT] = "?", issuer[NAME_TEXT] = "?", date[DATE_TEXT];

	if (x) {
		name_text(X509_get_subject_name(x), subject, sizeof(subject));
		name_text(X509_get_issuer_name(x), issuer, sizeof(issuer));
	}
	switch (err) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		date_text(x ? X509_get0_notAfter(x) : NULL, date);
		no(v, "cert-expired", "the certificate of %s expired on %s", subject,
		   date);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		date_text(x ? X509_get0_notBefore(x) : NULL, date);
		no(v, "cert-not-yet-valid",
		   "the certificate of %s is not valid before %s; is the clock "
		   "right?",
		   subject, date);
		break;
	case X509_V_ERR_CERT_REVOKED:
		no(v, "cert-revoked", "the certificate of %s was revoked by %s", subject,
		   issuer);
		break;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		no(v, "crl-missing",
		   "crl has no list of %s, which issued the certificate of %s", issuer,
		   subject);
		break;
	case X509_V_ERR_CRL_HAS_EXPIRED:
		date_text(crl ? X509_CRL_get0_nextUpdate(crl) : NULL, date);
		no(v, "crl-expired",
		   "the revocation list of %s expired on %s: a new one is needed", issuer,
		   date);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		no(v, "wrong-ca",
		   "no authority of ca has signed the certificate of %s; it says "
		   "that %s has",
		   subject, issuer);
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		no(v, "cert-weak", "the certificate of %s is too weak: %s", subject,
		   X509_verify_cert_error_string(err));
		break;
	default:
		no(v, "cert-invalid", "the certificate of %s is not valid: %s", subject,
		   X509_verify_cert_error_string(err));
		break;
	}
}

/*
 * Only the peer's own certificate must have a list; where there is one, it counts. The first
 * thing that is wrong is the reason.
 */
static int on_error(int ok, X509_STORE_CTX *ctx)
{
	if (ok || (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNABLE_TO_GET_CRL &&
		   X509_STORE_CTX_get_error_depth(ctx) > 0))
		return 1;
	chain_error(ctx, X509_STORE_CTX_get_app_data(ctx));
	return 0;
}

static int check_chain(const struct trust *t, STACK_OF(X509) * certs,
		       struct trust_verdict *v)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok;

	ok = ctx &&
	     X509_STORE_CTX_init(ctx, t->store, sk_X509_value(certs, 0), certs) == 1;
	if (ok) {
		X509_STORE_CTX_set_app_data(ctx, v);
		X509_STORE_CTX_set_verify_cb(ctx, on_error);
		ok = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	if (ok)
		return 0;
	return v->code[0] ? -1 : no(v, "no-verdict", "OpenSSL could not verify it");
}

/* RFC 4945 section 5.1.3.2: for what a key is, where a certificate says it. */
static int check_usage(X509 *x, struct trust_verdict *v)
{
	if (X509_get_key_usage(x) &
	    (X509v3_KU_DIGITAL_SIGNATURE | X509v3_KU_NON_REPUDIATION))
		return 0;
	return no(v, "cert-usage",
		  "the certificate says that its key is not for signatures (keyUsage)");
}

static int check_signature(EVP_PKEY *key, const struct trust_query *q,
			   struct trust_verdict *v)
{
	enum ike_auth auth = key ? signature_auth(key) : AUTH_PSK;

	if (auth != q->auth)
		return no(v, "key-type",
			  "the peer's key is not one for %s, which were agreed on",
			  ike_auth_text(q->auth));
	if (!signature_right(key, q->hash, q->sig))
		return no(v, "bad-signature", "the peer's signature is not right");
	v->forged = false;
	return 0;
}

static X509_NAME *read_name(struct chunk der)
{
	const uint8_t *p = der.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, der.len);

	if (name && p == der.p + der.len)
		return name;
	X509_NAME_free(name);
	return NULL;
}

static bool same_name(struct chunk a, const X509_NAME *b)
{
	X509_NAME *name = read_name(a);
	bool same = name && b && !X509_NAME_cmp(name, b);

	X509_NAME_free(name);
	return same;
}

/* The peer is who it has to be; a name may be spelled in another case, or type of string. */
static int check_id(const struct trust_query *q, struct trust_verdict *v)
{
	struct chunk id = CHUNK(q->id.p + ID_HEAD, q->id.len - ID_HEAD);
	struct chunk want = CHUNK(q->want.p + ID_HEAD, q->want.len - ID_HEAD);
	X509_NAME *name;
	bool same;

	same = q->id.p[0] == q->want.p[0] && id.len == want.len &&
	       !memcmp(id.p, want.p, id.len);
	if (!same && q->id.p[0] == ID_DER_ASN1_DN && q->want.p[0] == ID_DER_ASN1_DN) {
		name = read_name(want);
		same = same_name(id, name);
		X509_NAME_free(name);
	}
	if (same)
		return 0;
	return no(v, "id-differs",
		  "the signature is right, but the peer's identity is not the configured "
		  "one");
}

bool cert_has_id(X509 *x, uint8_t type, struct chunk id)
{
	const unsigned int flags =
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;

	switch (type) {
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		return X509_check_ip(x, id.p, id.len, 0) == 1;
	case ID_FQDN:
		return id.len &&
		       X509_check_host(x, (const char *)id.p, id.len, flags, NULL) == 1;
	case ID_USER_FQDN:
		return id.len &&
		       X509_check_email(x, (const char *)id.p, id.len, flags) == 1;
	case ID_DER_ASN1_DN:
		return same_name(id, X509_get_subject_name(x));
	default:
		return false;
	}
}

static int check_cert_id(X509 *x, struct chunk id, struct trust_verdict *v)
{
	char subject[NAME_TEXT];

	if (cert_has_id(x, id.p[0], CHUNK(id.p + ID_HEAD, id.len - ID_HEAD)))
		return 0;
	name_text(X509_get_subject_name(x), subject, sizeof(subject));
	return no(v, "cert-id", "the peer's identity is not in its certificate, of %s",
		  subject);
}

/* Certificates behind each other. Returns how many, or -1. */
static int read_certs(struct chunk der, STACK_OF(X509) * out)
{
	const uint8_t *end = der.p + der.len;
	X509 *x;

	while (der.p < end) {
		x = d2i_X509(NULL, &der.p, end - der.p);
		if (!x || sk_X509_num(out) == CERTS_MAX || !sk_X509_push(out, x)) {
			X509_free(x);
			return -1;
		}
	}
	return sk_X509_num(out);
}

static int judge_certs(const struct trust *t, const struct trust_query *q,
		       STACK_OF(X509) * certs, struct trust_verdict *v)
{
	char subject[NAME_TEXT], issuer[NAME_TEXT];
	X509 *x;
	int n = read_certs(q->certs, certs);

	if (n < 0)
		return no(v, "cert-malformed", "the peer's certificates cannot be read");
	if (!n)
		return no(v, "no-cert", "the peer sent no certificate");
	x = sk_X509_value(certs, 0);
	/* First what a stranger cannot do. */
	if (check_signature(X509_get0_pubkey(x), q, v) || check_chain(t, certs, v) ||
	    check_usage(x, v) || check_id(q, v) || check_cert_id(x, q->id, v))
		return -1;
	name_text(X509_get_subject_name(x), subject, sizeof(subject));
	name_text(X509_get_issuer_name(x), issuer, sizeof(issuer));
	snprintf(v->text, sizeof(v->text), "with %s and the certificate of %s from %s",
		 ike_auth_text(q->auth), subject, issuer);
	return 0;
}

void trust_judge(const struct trust *t, const struct trust_query *q,
		 struct trust_verdict *v)
{
	STACK_OF(X509) *certs = sk_X509_new_null();

	/* Until the signature turns out to be right. */
	*v = (struct trust_verdict){ .forged = true };
	if (q->id.len < ID_HEAD || q->want.len < ID_HEAD) {
		no(v, "malformed", "an ID payload of %zu octets", q->id.len);
	} else if (t->key) {
		if (!check_signature(t->key, q, v) && !check_id(q, v))
			snprintf(v->text, sizeof(v->text),
				 "with %s and its configured public key",
				 ike_auth_text(q->auth));
	} else if (certs && t->store) {
		judge_certs(t, q, certs, v);
	} else {
		no(v, "no-verdict", "nothing says whom to trust");
	}
	sk_X509_pop_free(certs, X509_free);
}
