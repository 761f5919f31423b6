// SPDX-License-Identifier: MIT
/* OpenSSL: hash, prf, CBC, Diffie-Hellman over MODP and ECP groups and Curve25519. */
#include "crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t len;
} hashes[] = {
	[HASH_SHA1] = { "SHA1", 20 },
	[HASH_SHA256] = { "SHA256", 32 },
	[HASH_SHA384] = { "SHA384", 48 },
	[HASH_SHA512] = { "SHA512", 64 },
};

/* Random octets of a private key: at least twice the strength of the group, and for a
 * curve 64 bits more than its order, so that the reduction leaves no bias. */
static const struct group {
	enum ike_group group;
	uint16_t pub, shared, priv;
	BIGNUM *(*prime)(BIGNUM *bn);
	int curve;
} groups[] = {
	{ GROUP_MODP1024, 128, 128, 32, BN_get_rfc2409_prime_1024, 0 },
	{ GROUP_MODP1536, 192, 192, 32, BN_get_rfc3526_prime_1536, 0 },
	{ GROUP_MODP2048, 256, 256, 32, BN_get_rfc3526_prime_2048, 0 },
	{ GROUP_MODP3072, 384, 384, 40, BN_get_rfc3526_prime_3072, 0 },
	{ GROUP_MODP4096, 512, 512, 48, BN_get_rfc3526_prime_4096, 0 },
	{ GROUP_ECP256, 64, 32, 40, NULL, NID_X9_62_prime256v1 },
	{ GROUP_ECP384, 96, 48, 56, NULL, NID_secp384r1 },
	{ GROUP_X25519, 32, 32, 32, NULL, NID_X25519 },
};

size_t hash_len(enum ike_hash hash)
{
	return hash <= HASH_SHA512 ? hashes[hash].len : 0;
}

size_t cipher_block(enum ike_cipher cipher)
{
	return cipher == CIPHER_AES_CBC ? 16 : cipher == CIPHER_3DES ? 8 : 0;
}

int hash_of(enum ike_hash hash, const struct chunk *part, size_t n, uint8_t *out)
{
	EVP_MD *md = EVP_MD_fetch(NULL, hash_len(hash) ? hashes[hash].name : "", NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = md && ctx && EVP_DigestInit_ex2(ctx, md, NULL);

	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, part[i].p, part[i].len);
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return ok ? 0 : -1;
}

int prf(enum ike_hash hash, struct chunk key, const struct chunk *part, size_t n,
	uint8_t *out)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[2] = { OSSL_PARAM_END, OSSL_PARAM_END };
	size_t len = hash_len(hash);
	int ok = ctx && len;

	if (ok) {
		params[0] = OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, (char *)hashes[hash].name, 0);
		/* A NULL key would mean "the one of before"; an empty one is meant. */
		ok = EVP_MAC_init(ctx, key.p ? key.p : (const uint8_t *)"", key.len,
				  params);
	}
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_MAC_update(ctx, part[i].p, part[i].len);
	ok = ok && EVP_MAC_final(ctx, out, &len, len);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? 0 : -1;
}

static const char *cbc_name(enum ike_cipher cipher, uint16_t key_bits)
{
	if (cipher == CIPHER_AES_CBC && key_bits == 128)
		return "AES-128-CBC";
	if (cipher == CIPHER_AES_CBC && key_bits == 192)
		return "AES-192-CBC";
	if (cipher == CIPHER_AES_CBC && key_bits == 256)
		return "AES-256-CBC";
	if (cipher == CIPHER_3DES && key_bits == 192)
		return "DES-EDE3-CBC";
	return NULL;
}

static int cbc(enum ike_cipher cipher, const uint8_t *key, uint16_t key_bits,
	       const uint8_t *iv, uint8_t *data, size_t len, int encrypt)
{
	const char *name = cbc_name(cipher, key_bits);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *c = NULL;
	int done = 0;
	int ok;

	if (name && len && len <= BUF_MAX && len % cipher_block(cipher) == 0)
		c = EVP_CIPHER_fetch(NULL, name, NULL);
	ok = ctx && c && EVP_CipherInit_ex2(ctx, c, key, iv, encrypt, NULL) &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	     EVP_CipherUpdate(ctx, data, &done, data, len) && (size_t)done == len;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	return ok ? 0 : -1;
}

int cbc_encrypt(enum ike_cipher cipher, const uint8_t *key, uint16_t key_bits,
		uint8_t *iv, uint8_t *data, size_t len)
{
	size_t block = cipher_block(cipher);

	if (cbc(cipher, key, key_bits, iv, data, len, 1))
		return -1;
	memcpy(iv, data + len - block, block);
	return 0;
}

int cbc_decrypt(enum ike_cipher cipher, const uint8_t *key, uint16_t key_bits,
		uint8_t *iv, uint8_t *data, size_t len)
{
	size_t block = cipher_block(cipher);
	uint8_t last[BLOCK_MAX];

	if (!block || len < block)
		return -1;
	memcpy(last, data + len - block, block);
	if (cbc(cipher, key, key_bits, iv, data, len, 0))
		return -1;
	memcpy(iv, last, block);
	return 0;
}

static const struct group *group_of(enum ike_group group)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (groups[i].group == group)
			return &groups[i];
	return NULL;
}

size_t dh_public_len(enum ike_group group)
{
	const struct group *g = group_of(group);

	return g ? g->pub : 0;
}

size_t dh_shared_len(enum ike_group group)
{
	const struct group *g = group_of(group);

	return g ? g->shared : 0;
}

size_t dh_private_len(enum ike_group group)
{
	const struct group *g = group_of(group);

	return g ? g->priv : 0;
}

/* 1 < y < p - 1 (RFC 2631 section 2.1.5; the other values have order 1 or 2). */
static bool modp_in_range(const BIGNUM *y, const BIGNUM *p)
{
	BIGNUM *top = BN_dup(p);
	bool ok = top && BN_sub_word(top, 1) && !BN_is_zero(y) && !BN_is_one(y) &&
		  BN_cmp(y, top) < 0;

	BN_free(top);
	return ok;
}

/* The point of x | y; NULL when it is not on the curve. */
static EC_POINT *ec_point(const EC_GROUP *curve, struct chunk pub, BN_CTX *ctx)
{
	uint8_t octets[1 + DH_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	EC_POINT *point = EC_POINT_new(curve);

	memcpy(octets + 1, pub.p, pub.len);
	if (point && EC_POINT_oct2point(curve, point, octets, 1 + pub.len, ctx) == 1 &&
	    EC_POINT_is_on_curve(curve, point, ctx) == 1 &&
	    !EC_POINT_is_at_infinity(curve, point))
		return point;
	EC_POINT_free(point);
	return NULL;
}

int dh_check(enum ike_group group, struct chunk pub, char *why)
{
	const struct group *g = group_of(group);
	bool ok;

	if (!g || pub.len != g->pub) {
		snprintf(why, 96,
			 "the public value has %zu octets, the group %u wants %u",
			 pub.len, group, g ? g->pub : 0);
		return -1;
	}
	if (g->curve == NID_X25519) {
		ok = true; /* any octets are a value; a shared secret of zeros is refused */
	} else if (g->curve) {
		EC_GROUP *curve = EC_GROUP_new_by_curve_name(g->curve);
		EC_POINT *point = curve ? ec_point(curve, pub, NULL) : NULL;

		ok = point;
		EC_POINT_free(point);
		EC_GROUP_free(curve);
	} else {
		BIGNUM *p = g->prime(NULL);
		BIGNUM *y = BN_bin2bn(pub.p, pub.len, NULL);

		ok = p && y && modp_in_range(y, p);
		BN_free(y);
		BN_free(p);
	}
	if (!ok)
		snprintf(why, 96, "the public value is %s",
			 g->curve ? "not a point on the curve" : "out of range");
	return ok ? 0 : -1;
}

/* base^priv mod p, in time that does not depend on priv. */
static bool modp_compute(const struct group *g, const BIGNUM *priv, struct chunk pub,
			 uint8_t *out, BN_CTX *ctx)
{
	BIGNUM *p = g->prime(NULL);
	BIGNUM *base = BN_new();
	BIGNUM *y = BN_secure_new();
	bool ok = p && base && y &&
		  (pub.p ? BN_bin2bn(pub.p, pub.len, base) != NULL
			 : BN_set_word(base, 2)) &&
		  BN_mod_exp_mont_consttime(y, base, priv, p, ctx, NULL) &&
		  modp_in_range(y, p) && BN_bn2binpad(y, out, g->shared) == g->shared;

	BN_clear_free(y);
	BN_free(base);
	BN_free(p);
	return ok;
}

static bool ecp_compute(const struct group *g, BIGNUM *priv, struct chunk pub,
			uint8_t *out, BN_CTX *ctx)
{
	EC_GROUP *curve = EC_GROUP_new_by_curve_name(g->curve);
	EC_POINT *peer = curve && pub.p ? ec_point(curve, pub, ctx) : NULL;
	EC_POINT *point = curve ? EC_POINT_new(curve) : NULL;
	BIGNUM *x = BN_secure_new();
	BIGNUM *y = BN_secure_new();
	bool ok = point && x && y && (peer || !pub.p) &&
		  BN_nnmod(priv, priv, EC_GROUP_get0_order(curve), ctx) &&
		  !BN_is_zero(priv) &&
		  EC_POINT_mul(curve, point, peer ? NULL : priv, peer, peer ? priv : NULL,
			       ctx) &&
		  !EC_POINT_is_at_infinity(curve, point) &&
		  EC_POINT_get_affine_coordinates(curve, point, x, y, ctx) &&
		  BN_bn2binpad(x, out, g->shared) == g->shared &&
		  (peer || BN_bn2binpad(y, out + g->shared, g->shared) == g->shared);

	BN_clear_free(y);
	BN_clear_free(x);
	EC_POINT_clear_free(point);
	EC_POINT_free(peer);
	EC_GROUP_free(curve);
	return ok;
}

/* RFC 7748 section 6.1; without pub our own value. */
static bool x25519_compute(struct chunk priv, struct chunk pub, uint8_t *out)
{
	EVP_PKEY *own =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv.p, priv.len);
	EVP_PKEY *peer =
		pub.p ? EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, pub.p, pub.len)
		      : NULL;
	EVP_PKEY_CTX *ctx = own && peer ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t len = 32;
	bool ok;

	if (pub.p)
		ok = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		     EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		     EVP_PKEY_derive(ctx, out, &len) == 1;
	else
		ok = own && EVP_PKEY_get_raw_public_key(own, out, &len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
	return ok && len == 32;
}

int dh_compute(enum dh_op op, enum ike_group group, struct chunk priv, struct chunk pub,
	       uint8_t *out)
{
	const struct group *g = group_of(group);
	char why[96];
	BN_CTX *ctx;
	BIGNUM *x;
	bool ok;

	if (!g || !priv.len || priv.len > DH_MAX)
		return -1;
	if (op == DH_SHARED && dh_check(group, pub, why))
		return -1;
	if (op == DH_PUBLIC)
		pub = CHUNK(NULL, 0);
	if (g->curve == NID_X25519)
		return x25519_compute(priv, pub, out) ? g->shared : -1;
	ctx = BN_CTX_secure_new();
	x = BN_secure_new();
	ok = ctx && x && BN_bin2bn(priv.p, priv.len, x);
	if (ok) {
		BN_set_flags(x, BN_FLG_CONSTTIME);
		ok = g->curve ? ecp_compute(g, x, pub, out, ctx)
			      : modp_compute(g, x, pub, out, ctx);
	}
	BN_clear_free(x);
	BN_CTX_free(ctx);
	if (!ok)
		return -1;
	return op == DH_PUBLIC ? g->pub : g->shared;
}
