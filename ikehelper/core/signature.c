// SPDX-License-Identifier: MIT
/* Signatures of Main Mode: RSA and ECDSA, made and verified with OpenSSL. */
#include "signature.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <string.h>

#define DER_MAX 160 /* octets of an ECDSA signature on P-521, as OpenSSL has it */

/* len: octets of r, and of s. */
static const struct curve {
	const char *name;
	enum ike_auth auth;
	enum ike_hash hash;
	size_t len;
} curves[] = {
	{ SN_X9_62_prime256v1, AUTH_ECDSA256, HASH_SHA256, 32 },
	{ SN_secp384r1, AUTH_ECDSA384, HASH_SHA384, 48 },
	{ SN_secp521r1, AUTH_ECDSA521, HASH_SHA512, 66 },
};

#define N_CURVES (sizeof(curves) / sizeof(curves[0]))

static const struct curve *curve_of(const EVP_PKEY *key)
{
	char name[32];

	if (!EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < N_CURVES; i++)
		if (!strcmp(curves[i].name, name))
			return &curves[i];
	return NULL;
}

enum ike_auth signature_auth(const EVP_PKEY *key)
{
	const struct curve *c = curve_of(key);

	if (c)
		return c->auth;
	/* A key for RSA-PSS alone is another kind. */
	return EVP_PKEY_is_a(key, "RSA") ? AUTH_RSA : AUTH_PSK;
}

enum ike_hash signature_hash(const struct ike_proposal *suite)
{
	for (size_t i = 0; i < N_CURVES; i++)
		if (curves[i].auth == suite->auth)
			return curves[i].hash;
	return suite->hash;
}

/* No digest is set, so that the hash is signed as it is. */
static EVP_PKEY_CTX *context(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx && init(ctx) == 1 &&
	    (signature_auth(key) != AUTH_RSA ||
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* OpenSSL's DER → r | s. Returns the length, or -1. */
static int raw_of_der(const struct curve *c, const uint8_t *der, size_t len, uint8_t *out)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, len);
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, c->len) >= 0 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + c->len, c->len) >= 0;

	ECDSA_SIG_free(sig);
	return ok ? (int)(2 * c->len) : -1;
}

/* r | s → OpenSSL's DER in out, DER_MAX octets. Returns the length, or -1. */
static int der_of_raw(const struct curve *c, struct chunk raw, uint8_t *out)
{
	BIGNUM *r = BN_bin2bn(raw.p, c->len, NULL);
	BIGNUM *s = BN_bin2bn(raw.p + c->len, c->len, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len = -1;

	if (r && s && sig && ECDSA_SIG_set0(sig, r, s)) {
		len = i2d_ECDSA_SIG(sig, NULL);
		len = len > 0 && len <= DER_MAX ? i2d_ECDSA_SIG(sig, &out) : -1;
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return len;
}

int signature_make(EVP_PKEY *key, struct chunk hash, uint8_t *out)
{
	const struct curve *c = curve_of(key);
	uint8_t der[DER_MAX];
	size_t len = c ? sizeof(der) : SIGNATURE_MAX;
	EVP_PKEY_CTX *ctx = NULL;
	bool ok;

	if (signature_auth(key) != AUTH_PSK && EVP_PKEY_get_size(key) <= SIGNATURE_MAX)
		ctx = context(key, EVP_PKEY_sign_init);
	ok = ctx && EVP_PKEY_sign(ctx, c ? der : out, &len, hash.p, hash.len) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return -1;
	return c ? raw_of_der(c, der, len, out) : (int)len;
}

bool signature_right(EVP_PKEY *key, struct chunk hash, struct chunk sig)
{
	const struct curve *c = curve_of(key);
	uint8_t der[DER_MAX];
	EVP_PKEY_CTX *ctx = NULL;
	bool right;
	int len;

	if (signature_auth(key) == AUTH_PSK || !hash.len)
		return false;
	if (c) {
		len = sig.len == 2 * c->len ? der_of_raw(c, sig, der) : -1;
		if (len < 0)
			return false;
		sig = CHUNK(der, len);
	} else if (sig.len != (size_t)EVP_PKEY_get_size(key)) {
		return false;
	}
	ctx = context(key, EVP_PKEY_verify_init);
	right = ctx && EVP_PKEY_verify(ctx, sig.p, sig.len, hash.p, hash.len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return right;
}
