// SPDX-License-Identifier: MIT
/* Whom the verifier believes: chains, dates, revocation, identities, and what strangers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs.h"
#include "payload.h"

/* What a peer shows; zeros are what is right: rsa's tokyo, by its subject. */
struct showing {
	X509 *cert, *between; /* its own, and another that signed it */
	EVP_PKEY *key;
	const char *id, *want; /* names, where it is not the subject */
	size_t sig_len;	       /* shorter, where it is not the whole */
	bool no_cert, other_hash, other_auth;
};

static size_t put_cert(uint8_t *out, X509 *x)
{
	return x ? i2d_X509(x, &out) : 0;
}

/* The body of an ID payload: a name, or the subject of a certificate. */
static size_t put_id(uint8_t *out, const char *name, X509 *x)
{
	const uint8_t *der;
	size_t len;

	memset(out, 0, 4);
	if (name) {
		out[0] = strchr(name, '@') ? ID_USER_FQDN : ID_FQDN;
		len = strlen(name);
		memcpy(out + 4, name, len);
	} else {
		out[0] = ID_DER_ASN1_DN;
		X509_NAME_get0_der(X509_get_subject_name(x), &der, &len);
		memcpy(out + 4, der, len);
	}
	return 4 + len;
}

static struct trust_verdict judged(const struct trust *t, struct showing s)
{
	static const uint8_t hash[32] = "thirty-two octets to be signed.", other[32];
	uint8_t sig[SIGNATURE_MAX], certs[8192], id[300], want[300];
	struct trust_query q = { .auth = AUTH_RSA, .hash = CHUNK(hash, sizeof(hash)) };
	struct trust_verdict v;
	X509 *x = s.cert ? s.cert : rsa.cert[0];
	EVP_PKEY *key = s.key ? s.key : rsa.key[0];
	int len = signature_make(key, q.hash, sig);
	size_t n;

	assert_true(len > 0);
	q.auth = s.other_auth ? AUTH_ECDSA256 : signature_auth(key);
	if (s.other_hash)
		q.hash.p = other;
	q.sig = CHUNK(sig, s.sig_len ? s.sig_len : (size_t)len);
	n = s.no_cert ? 0 : put_cert(certs, x);
	n += put_cert(certs + n, s.between);
	q.certs = CHUNK(certs, n);
	q.id = CHUNK(id, put_id(id, s.id, x));
	q.want = CHUNK(want, put_id(want, s.want, rsa.cert[0]));
	trust_judge(t, &q, &v);
	return v;
}

static void expect(const struct trust *t, struct showing s, const char *code,
		   const char *text)
{
	struct trust_verdict v = judged(t, s);

	assert_string_equal(v.code, code);
	if (!strstr(v.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, v.text);
}

static void good_certificate(void **state)
{
	struct trust t = trust_make(rsa.ca, NULL);

	(void)state;
	expect(&t, (struct showing){ 0 }, "",
	       "with RSA signatures and the certificate of O=Test, CN=tokyo from O=Test, "
	       "CN=authority");
	X509_STORE_free(t.store);
}

/* An authority's own certificate is not needed when the one that it signed is trusted. */
static void chains(void **state)
{
	EVP_PKEY *between_key = new_ec();
	X509 *between = cert_make(&(struct cert_plan){ .cn = "between",
						       .key = between_key,
						       .issuer = rsa.ca,
						       .issuer_key = rsa.ca_key,
						       .ca = true });
	X509 *leaf = cert_make(&(struct cert_plan){ .cn = "tokyo",
						    .key = rsa.key[0],
						    .issuer = between,
						    .issuer_key = between_key });
	struct trust root = trust_make(rsa.ca, NULL), partial = trust_make(between, NULL);
	/* A certificate that may not sign others is no authority. */
	X509 *bad = cert_make(&(struct cert_plan){ .cn = "tokyo",
						   .key = rsa.key[0],
						   .issuer = rsa.cert[1],
						   .issuer_key = rsa.key[1] });

	(void)state;
	expect(&root, (struct showing){ .cert = leaf, .between = between }, "", "tokyo");
	expect(&root, (struct showing){ .cert = leaf }, "wrong-ca", "CN=between");
	expect(&partial, (struct showing){ .cert = leaf }, "", "tokyo");
	expect(&root, (struct showing){ .cert = bad, .between = rsa.cert[1] },
	       "cert-invalid", "");
	X509_STORE_free(root.store);
	X509_STORE_free(partial.store);
	X509_free(between);
	X509_free(leaf);
	X509_free(bad);
	EVP_PKEY_free(between_key);
}

static void expect_cert(const struct cert_plan *plan, const char *code, const char *text)
{
	struct trust t = trust_make(rsa.ca, NULL);
	struct cert_plan p = *plan;
	X509 *x;

	p.cn = p.cn ? p.cn : "tokyo";
	p.key = p.key ? p.key : rsa.key[0];
	p.issuer = p.issuer ? p.issuer : rsa.ca;
	p.issuer_key = p.issuer_key ? p.issuer_key : rsa.ca_key;
	x = cert_make(&p);
	expect(&t, (struct showing){ .cert = x, .key = p.key }, code, text);
	X509_free(x);
	X509_STORE_free(t.store);
}

static void bad_certificates(void **state)
{
	EVP_PKEY *weak = rsa_key(1024, 65537);

	(void)state;
	expect_cert(&(struct cert_plan){ .from_days = -9, .days = -2 }, "cert-expired",
		    "the certificate of O=Test, CN=tokyo expired on 20");
	expect_cert(&(struct cert_plan){ .from_days = 2, .days = 9 },
		    "cert-not-yet-valid", "is the clock right?");
	expect_cert(&(struct cert_plan){ .issuer = ec.ca, .issuer_key = ec.ca_key },
		    "wrong-ca", "");
	/* Says that ours signed it; another key did. */
	expect_cert(&(struct cert_plan){ .issuer_key = rsa.other_key }, "wrong-ca", "");
	expect_cert(&(struct cert_plan){ .cn = "osaka" }, "id-differs", "");
	expect_cert(&(struct cert_plan){ .usage = "keyEncipherment" }, "cert-usage", "");
	expect_cert(&(struct cert_plan){ .usage = "nonRepudiation" }, "", "tokyo");
	expect_cert(&(struct cert_plan){ .md = EVP_sha1() }, "cert-weak", "");
	expect_cert(&(struct cert_plan){ .key = weak }, "cert-weak", "");
	EVP_PKEY_free(weak);
}

static void bad_signatures(void **state)
{
	struct trust t = trust_make(rsa.ca, NULL);

	(void)state;
	expect(&t, (struct showing){ .key = rsa.other_key }, "bad-signature", "");
	expect(&t, (struct showing){ .other_hash = true }, "bad-signature", "");
	expect(&t, (struct showing){ .sig_len = 255 }, "bad-signature", "");
	expect(&t, (struct showing){ .other_auth = true }, "key-type", "ECDSA-256");
	expect(&t, (struct showing){ .cert = ec.cert[0] }, "key-type", "RSA");
	expect(&t, (struct showing){ .no_cert = true }, "no-cert", "");
	expect(&t, (struct showing){ .key = rsa.key[1], .cert = rsa.cert[1] },
	       "id-differs", "");
	X509_STORE_free(t.store);
}

/* Each octet of a certificate changed, and each end cut: nothing of it is believed. */
static void damaged_certificates(void **state)
{
	static const uint8_t hash[32];
	struct trust t = trust_make(rsa.ca, NULL);
	uint8_t der[4096], sig[SIGNATURE_MAX], id[300];
	size_t len = put_cert(der, rsa.cert[0]), id_len = put_id(id, NULL, rsa.cert[0]);
	int sig_len = signature_make(rsa.key[0], CHUNK(hash, 32), sig);
	struct trust_query q = {
		AUTH_RSA,	   CHUNK(hash, 32),   CHUNK(sig, sig_len),
		CHUNK(id, id_len), CHUNK(id, id_len), CHUNK(der, len)
	};
	struct trust_verdict v;

	(void)state;
	trust_judge(&t, &q, &v);
	assert_string_equal(v.code, "");
	for (size_t i = 0; i < len; i += 3) {
		der[i] ^= 0x41;
		trust_judge(&t, &q, &v);
		assert_string_not_equal(v.code, "");
		der[i] ^= 0x41;
	}
	for (size_t n = 1; n < len; n += 7) {
		uint8_t *copy = malloc(n);

		memcpy(copy, der, n);
		q.certs = CHUNK(copy, n);
		trust_judge(&t, &q, &v);
		assert_string_equal(v.code, "cert-malformed");
		free(copy);
	}
	X509_STORE_free(t.store);
}

static void identities(void **state)
{
	static const char san[] = "DNS:tokyo.example, email:gw@tokyo.example";
	struct trust t = trust_make(rsa.ca, NULL);
	X509 *x = cert_make(&(struct cert_plan){ .cn = "other.example",
						 .key = rsa.key[0],
						 .issuer = rsa.ca,
						 .issuer_key = rsa.ca_key,
						 .san = san });

	(void)state;
	expect(&t, (struct showing){ x, .id = "tokyo.example", .want = "tokyo.example" },
	       "", "");
	expect(&t,
	       (struct showing){ x, .id = "gw@tokyo.example",
				 .want = "gw@tokyo.example" },
	       "", "");
	/* What it says that it is, is not who is expected; or its certificate denies it. */
	expect(&t, (struct showing){ x, .id = "tokyo.example", .want = "osaka.example" },
	       "id-differs", "");
	expect(&t, (struct showing){ x, .id = "osaka.example", .want = "osaka.example" },
	       "cert-id", "CN=other.example");
	/* The subject's name is no host name, whatever it looks like. */
	expect(&t, (struct showing){ x, .id = "other.example", .want = "other.example" },
	       "cert-id", "");
	expect(&t, (struct showing){ x, .want = "tokyo.example" }, "id-differs", "");
	X509_free(x);
	X509_STORE_free(t.store);
}

static void expect_crl(X509 *issuer, EVP_PKEY *key, long serial, int days,
		       const char *code, const char *text)
{
	X509_CRL *crl = crl_make(issuer, key, serial, days);
	struct trust t = trust_make(rsa.ca, crl);

	expect(&t, (struct showing){ 0 }, code, text);
	X509_STORE_free(t.store);
	X509_CRL_free(crl);
}

static void revocation(void **state)
{
	(void)state;
	expect_crl(rsa.ca, rsa.ca_key, 0, 9, "", "tokyo");
	expect_crl(rsa.ca, rsa.ca_key, 11, 9, "", "tokyo"); /* osaka's */
	expect_crl(rsa.ca, rsa.ca_key, 10, 9, "cert-revoked", "CN=tokyo was revoked");
	expect_crl(rsa.ca, rsa.ca_key, 0, -1, "crl-expired",
		   "CN=authority expired on 20");
	expect_crl(ec.cert[0], ec.key[0], 0, 9, "crl-missing", "CN=authority");
	/* Somebody else's signature under our authority's name. */
	expect_crl(rsa.ca, rsa.other_key, 0, 9, "cert-invalid", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_certificate),	cmocka_unit_test(chains),
		cmocka_unit_test(bad_certificates),	cmocka_unit_test(bad_signatures),
		cmocka_unit_test(damaged_certificates), cmocka_unit_test(identities),
		cmocka_unit_test(revocation),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
