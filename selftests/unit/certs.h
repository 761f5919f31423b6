/* SPDX-License-Identifier: MIT */
/* Keys, certificates and revocation lists as tests want them, made when they run. */
#ifndef ESPTUN_TEST_CERTS_H
#define ESPTUN_TEST_CERTS_H

#include <openssl/bn.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "trust.h"

#define DAY 86400

/* What a certificate says; zeros are what is usual. */
struct cert_plan {
	const char *cn;
	EVP_PKEY *key;
	X509 *issuer; /* NULL: itself */
	EVP_PKEY *issuer_key;
	bool ca;
	int from_days, days; /* 0: from yesterday, for a year */
	const char *san;     /* "DNS:a.example, IP:192.0.2.1" */
	const char *usage;   /* "digitalSignature" */
	const EVP_MD *md;    /* SHA-256 */
	long serial;
};

/* A key of 2048 bits with that public exponent. */
static inline EVP_PKEY *rsa_key(unsigned int bits, unsigned long exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();
	EVP_PKEY *key = NULL;

	BN_set_word(e, exponent);
	if (EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) != 1 ||
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) != 1 ||
	    EVP_PKEY_keygen(ctx, &key) != 1)
		abort();
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static inline void cert_extend(X509 *x, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	if (!e || !X509_add_ext(x, e, -1))
		abort();
	X509_EXTENSION_free(e);
}

static inline X509 *cert_make(const struct cert_plan *p)
{
	X509 *x = X509_new(), *issuer = p->issuer ? p->issuer : x;
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), p->serial ? p->serial : 1);
	X509_gmtime_adj(X509_getm_notBefore(x), (p->from_days ? p->from_days : -1) * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), (p->days ? p->days : 365) * DAY);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (uint8_t *)"Test", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (uint8_t *)p->cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, p->key);
	if (p->ca)
		cert_extend(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
	if (p->ca)
		cert_extend(x, issuer, NID_key_usage, "keyCertSign, cRLSign");
	if (p->usage)
		cert_extend(x, issuer, NID_key_usage, p->usage);
	if (p->san)
		cert_extend(x, issuer, NID_subject_alt_name, p->san);
	if (!X509_sign(x, p->issuer ? p->issuer_key : p->key,
		       p->md ? p->md : EVP_sha256()))
		abort();
	return x;
}

/* A list from yesterday on, that ends in so many days; without a serial it is empty. */
static inline X509_CRL *crl_make(X509 *issuer, EVP_PKEY *key, long serial, int days)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, -2 * DAY);
	ASN1_TIME *to = X509_gmtime_adj(NULL, days * DAY);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	ASN1_INTEGER_set(number, serial);
	X509_REVOKED_set_serialNumber(revoked, number);
	X509_REVOKED_set_revocationDate(revoked, from);
	if (serial)
		X509_CRL_add0_revoked(crl, revoked);
	else
		X509_REVOKED_free(revoked);
	if (!X509_CRL_sign(crl, key, EVP_sha256()))
		abort();
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_INTEGER_free(number);
	return crl;
}

/* As credentials.c makes it of ca and crl, both may be NULL. */
static inline struct trust trust_make(X509 *ca, X509_CRL *crl)
{
	struct trust t = { .store = trust_store_new(false) };

	if (ca)
		X509_STORE_add_cert(t.store, ca);
	if (crl)
		trust_add_crl(t.store, crl);
	return t;
}

/* Made once: the authority, and the two sides with keys of one kind. */
static struct {
	EVP_PKEY *ca_key, *key[2], *other_key;
	X509 *ca, *cert[2];
} rsa, ec;

static inline void make_sites(EVP_PKEY *(*make)(void), EVP_PKEY *ca_key, EVP_PKEY **key,
			      X509 **ca, X509 **cert)
{
	static const char *const names[] = { "tokyo", "osaka" };

	*ca = cert_make(
		&(struct cert_plan){ .cn = "authority", .key = ca_key, .ca = true });
	for (int i = 0; i < 2; i++) {
		key[i] = make();
		cert[i] = cert_make(&(struct cert_plan){ .cn = names[i],
							 .key = key[i],
							 .issuer = *ca,
							 .issuer_key = ca_key,
							 .serial = 10 + i });
	}
}

static inline EVP_PKEY *new_rsa(void)
{
	return rsa_key(2048, 65537);
}

static inline EVP_PKEY *new_ec(void)
{
	return EVP_EC_gen("P-256");
}

static inline int make_all(void **state)
{
	(void)state;
	rsa.ca_key = new_rsa();
	rsa.other_key = new_rsa();
	ec.ca_key = new_ec();
	make_sites(new_rsa, rsa.ca_key, rsa.key, &rsa.ca, rsa.cert);
	make_sites(new_ec, ec.ca_key, ec.key, &ec.ca, ec.cert);
	return 0;
}

static inline int free_all(void **state)
{
	EVP_PKEY *keys[] = { rsa.ca_key, rsa.key[0], rsa.key[1], rsa.other_key,
			     ec.ca_key,	 ec.key[0],  ec.key[1] };
	X509 *certs[] = {
		rsa.ca, rsa.cert[0], rsa.cert[1], ec.ca, ec.cert[0], ec.cert[1]
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		EVP_PKEY_free(keys[i]);
	for (size_t i = 0; i < sizeof(certs) / sizeof(*certs); i++)
		X509_free(certs[i]);
	return 0;
}

#endif
