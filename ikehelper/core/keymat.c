// SPDX-License-Identifier: MIT
/* SKEYID and its children, the IVs, the HASHes and KEYMAT of IKEv1. */
#include "keymat.h"

#include <openssl/crypto.h>
#include <string.h>

#define PARTS(...)                             \
	(const struct chunk[]){ __VA_ARGS__ }, \
		sizeof((const struct chunk[]){ __VA_ARGS__ }) / sizeof(struct chunk)

int keymat_skeyid_psk(enum ike_hash hash, struct chunk psk, struct chunk ni,
		      struct chunk nr, uint8_t *skeyid)
{
	return prf(hash, psk, PARTS(ni, nr), skeyid);
}

int keymat_skeyid_sig(enum ike_hash hash, struct chunk ni, struct chunk nr,
		      struct chunk gxy, uint8_t *skeyid)
{
	uint8_t key[512];
	int ret;

	/* RFC 2409 section 5: a nonce has 8 to 256 octets. */
	if (ni.len > 256 || nr.len > 256)
		return -1;
	memcpy(key, ni.p, ni.len);
	memcpy(key + ni.len, nr.p, nr.len);
	ret = prf(hash, CHUNK(key, ni.len + nr.len), PARTS(gxy), skeyid);
	OPENSSL_cleanse(key, sizeof(key));
	return ret;
}

/* Appendix B: SKEYID_e itself, or K1 | K2 | ... when the cipher wants more. */
static int derive_ka(struct v1_keys *k)
{
	size_t need = k->key_bits / 8;
	uint8_t block[HASH_MAX];
	const uint8_t zero = 0;
	struct chunk seed = CHUNK(&zero, 1);
	int ret = 0;

	if (need > sizeof(k->ka))
		return -1;
	if (need <= k->len) {
		memcpy(k->ka, k->e, need);
		return 0;
	}
	for (size_t at = 0; !ret && at < need; at += k->len) {
		size_t part = need - at < k->len ? need - at : k->len;

		ret = prf(k->hash, CHUNK(k->e, k->len), &seed, 1, block);
		memcpy(k->ka + at, block, part);
		seed = CHUNK(block, k->len);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

int keymat_derive(struct v1_keys *k, const struct ike_proposal *suite,
		  const uint8_t *skeyid, struct chunk gxy, const uint8_t *cookies)
{
	static const uint8_t tag[] = { 0, 1, 2 };
	struct chunk c = CHUNK(cookies, COOKIES_LEN);
	struct chunk key;

	*k = (struct v1_keys){
		.hash = suite->hash,
		.len = hash_len(suite->hash),
		.cipher = suite->cipher,
		.key_bits = suite->key_bits,
	};
	if (!k->len)
		return -1;
	memcpy(k->skeyid, skeyid, k->len);
	key = CHUNK(k->skeyid, k->len);
	if (prf(k->hash, key, PARTS(gxy, c, CHUNK(&tag[0], 1)), k->d) ||
	    prf(k->hash, key, PARTS(CHUNK(k->d, k->len), gxy, c, CHUNK(&tag[1], 1)),
		k->a) ||
	    prf(k->hash, key, PARTS(CHUNK(k->a, k->len), gxy, c, CHUNK(&tag[2], 1)),
		k->e))
		return -1;
	return derive_ka(k);
}

int keymat_iv1(const struct v1_keys *k, struct chunk gxi, struct chunk gxr, uint8_t *iv)
{
	uint8_t full[HASH_MAX];

	if (hash_of(k->hash, PARTS(gxi, gxr), full))
		return -1;
	memcpy(iv, full, BLOCK_MAX);
	return 0;
}

static void number(uint8_t out[4], uint32_t v)
{
	out[0] = v >> 24;
	out[1] = v >> 16;
	out[2] = v >> 8;
	out[3] = v;
}

int keymat_iv2(const struct v1_keys *k, const uint8_t *last, uint32_t message_id,
	       uint8_t *iv)
{
	uint8_t full[HASH_MAX];
	uint8_t id[4];

	number(id, message_id);
	if (hash_of(k->hash, PARTS(CHUNK(last, cipher_block(k->cipher)), CHUNK(id, 4)),
		    full))
		return -1;
	memcpy(iv, full, BLOCK_MAX);
	return 0;
}

int keymat_hash_ir(const struct v1_keys *k, enum ike_hash hash, bool initiator,
		   struct chunk gxi, struct chunk gxr, const uint8_t *cookies,
		   struct chunk sai_b, struct chunk id_b, uint8_t *out)
{
	struct chunk key = CHUNK(k->skeyid, k->len);
	struct chunk ci = CHUNK(cookies, 8);
	struct chunk cr = CHUNK(cookies + 8, 8);

	if (initiator)
		return prf(hash, key, PARTS(gxi, gxr, ci, cr, sai_b, id_b), out);
	return prf(hash, key, PARTS(gxr, gxi, cr, ci, sai_b, id_b), out);
}

int keymat_hash1(const struct v1_keys *k, uint32_t message_id, struct chunk rest,
		 uint8_t *out)
{
	return keymat_hash2(k, message_id, CHUNK(NULL, 0), rest, out);
}

int keymat_hash2(const struct v1_keys *k, uint32_t message_id, struct chunk ni,
		 struct chunk rest, uint8_t *out)
{
	uint8_t id[4];

	number(id, message_id);
	return prf(k->hash, CHUNK(k->a, k->len), PARTS(CHUNK(id, 4), ni, rest), out);
}

int keymat_hash3(const struct v1_keys *k, uint32_t message_id, struct chunk ni,
		 struct chunk nr, uint8_t *out)
{
	uint8_t id[5] = { 0 };

	number(id + 1, message_id);
	return prf(k->hash, CHUNK(k->a, k->len), PARTS(CHUNK(id, 5), ni, nr), out);
}

int keymat_esp(const struct v1_keys *k, struct chunk gqm, uint8_t protocol,
	       const uint8_t *spi, struct chunk ni, struct chunk nr, uint8_t *out,
	       size_t len)
{
	uint8_t block[HASH_MAX];
	struct chunk before = CHUNK(NULL, 0);
	int ret = len > KEYMAT_MAX ? -1 : 0;

	for (size_t at = 0; !ret && at < len; at += k->len) {
		size_t part = len - at < k->len ? len - at : k->len;

		ret = prf(k->hash, CHUNK(k->d, k->len),
			  PARTS(before, gqm, CHUNK(&protocol, 1), CHUNK(spi, 4), ni, nr),
			  block);
		memcpy(out + at, block, part);
		before = CHUNK(block, k->len);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

size_t keymat_cipher_len(const struct esp_proposal *suite)
{
	size_t salt = 0;

	/* A salt follows the key: RFC 4106 section 8.1, RFC 4309 section 7.1 */
	if (suite->cipher == CIPHER_AES_CCM_16 || suite->cipher == CIPHER_AES_CCM_16_IIV)
		salt = 3;
	else if (cipher_is_aead(suite->cipher))
		salt = 4;
	return suite->key_bits / 8 + salt;
}

size_t keymat_integ_len(const struct esp_proposal *suite)
{
	return hash_len(suite->integ);
}
