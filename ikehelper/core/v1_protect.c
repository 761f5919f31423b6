// SPDX-License-Identifier: MIT
/* What protects a message of IKEv1: encryption, the IV chain, the HASH payload. */
#include "sa.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "signature.h"

/*
 * The IV of this message: the one the exchange has come to, or the first of an exchange
 * after phase 1 (RFC 2409 appendix B).
 */
static int current_iv(const struct exchange *x, uint8_t *iv)
{
	if (x->have_iv) {
		memcpy(iv, x->iv, BLOCK_MAX);
		return 0;
	}
	return keymat_iv2(&x->sa->keys, x->sa->last_iv, x->message_id, iv);
}

int v1_hash_ir(const struct exchange *x, bool initiator, struct chunk id_b, uint8_t *out)
{
	const struct main_mode *m = x->main;

	return keymat_hash_ir(&x->sa->keys, signature_hash(&x->sa->suite), initiator,
			      buf_chunk(&m->gxi), buf_chunk(&m->gxr), x->sa->cookies,
			      buf_chunk(&m->sai_b), id_b, out);
}

/* What the HASH payload of a message has to be; rest is what follows it. */
static int expected_hash(const struct exchange *x, enum protection prot,
			 struct chunk rest, uint8_t *out)
{
	const struct v1_keys *k = &x->sa->keys;
	const struct quick_mode *q = x->quick;

	switch (prot) {
	case PROT_HASH_1:
	case PROT_HASH_INFO:
		return keymat_hash1(k, x->message_id, rest, out);
	case PROT_HASH_2:
		return keymat_hash2(k, x->message_id, buf_chunk(&q->ni), rest, out);
	case PROT_HASH_3:
		return keymat_hash3(k, x->message_id, buf_chunk(&q->ni),
				    buf_chunk(&q->nr), out);
	default:
		return -1;
	}
}

/* The same for all messages, whose payloads these are. HASH and, in phase 1, ID are there. */
static int right_hash(const struct exchange *x, const struct row *row,
		      const struct payloads *ps, uint8_t *out)
{
	const struct payload *hash = payload_get(ps, PL_HASH, 0);
	const struct payload *id = payload_get(ps, PL_ID, 0);

	if (row->prot == PROT_HASH_I || row->prot == PROT_HASH_R)
		return v1_hash_ir(x, row->prot == PROT_HASH_I, CHUNK(id->body, id->len),
				  out);
	return expected_hash(x, row->prot,
			     CHUNK(hash->body + hash->len, ps->used - 4 - hash->len),
			     out);
}

static int verify(struct exchange *x, const struct row *row, const struct buf *plain,
		  const struct payloads *ps, char *why)
{
	bool ir = row->prot == PROT_HASH_I || row->prot == PROT_HASH_R;
	const struct payload *hash = payload_get(ps, PL_HASH, 0);
	const struct payload *id = payload_get(ps, PL_ID, 0);
	uint8_t want[HASH_MAX];
	int ret;

	if (ir && main_signed(x->sa))
		return sign_check(x, row, ps, why);
	/* A payload of an unknown type is not in ps, but it is before HASH all the same. */
	if (!hash || (ir && !id) || (!ir && hash->body != plain->data + 4)) {
		snprintf(why, PAYLOAD_WHY, "%s",
			 !hash ? "missing payloads: HASH"
			 : ir  ? "missing payloads: ID"
			       : "HASH is not the first payload");
		return OPEN_FORGED;
	}
	ret = right_hash(x, row, ps, want);
	if (ret || hash->len != x->sa->keys.len ||
	    CRYPTO_memcmp(hash->body, want, hash->len)) {
		snprintf(why, PAYLOAD_WHY, "the HASH payload is not right");
		ret = OPEN_FORGED;
	}
	OPENSSL_cleanse(want, sizeof(want));
	return ret;
}

int v1_open(struct exchange *x, const struct row *row, const struct ike_header *h,
	    struct chunk datagram, struct buf *plain, struct payloads *ps,
	    uint8_t *next_iv, char *why)
{
	const struct v1_keys *k = &x->sa->keys;
	size_t len = datagram.len - IKE_HEADER_LEN;

	if (!x->sa->have_keys || !len || len % cipher_block(k->cipher)) {
		snprintf(why, PAYLOAD_WHY, "%zu octets are no whole cipher blocks", len);
		return OPEN_GARBAGE;
	}
	if (buf_set(plain, datagram.p + IKE_HEADER_LEN, len) || current_iv(x, next_iv) ||
	    cbc_decrypt(k->cipher, k->ka, k->key_bits, next_iv, plain->data, len)) {
		snprintf(why, PAYLOAD_WHY, "decryption failed");
		return OPEN_GARBAGE;
	}
	if (h->next == PL_NONE) {
		snprintf(why, PAYLOAD_WHY, "there are no payloads");
		return OPEN_GARBAGE;
	}
	if (payloads_parse(ps, h->next, plain->data, len, why)) {
		/* Where it is wrong tells nothing, and a recording does not keep it. */
		snprintf(why, PAYLOAD_WHY, "it does not decrypt to payloads");
		return OPEN_GARBAGE;
	}
	return verify(x, row, plain, ps, why);
}

int v1_seal(struct exchange *x, const struct row *row, struct buf *b)
{
	const struct v1_keys *k = &x->sa->keys;
	size_t block = cipher_block(k->cipher);
	size_t after = IKE_HEADER_LEN + 4 + k->len;
	uint8_t iv[BLOCK_MAX];

	/* The driver left room for this HASH in front (RFC 2409 section 5.5). */
	if (row->prot != PROT_HASH_I && row->prot != PROT_HASH_R &&
	    (b->bad || b->len < after ||
	     expected_hash(x, row->prot, CHUNK(b->data + after, b->len - after),
			   b->data + IKE_HEADER_LEN + 4)))
		return -1;
	put_zeros(b, (block - (b->len - IKE_HEADER_LEN) % block) % block);
	patch_u32(b, 24, b->len);
	if (b->bad || current_iv(x, iv) ||
	    cbc_encrypt(k->cipher, k->ka, k->key_bits, iv, b->data + IKE_HEADER_LEN,
			b->len - IKE_HEADER_LEN))
		return -1;
	memcpy(x->iv, iv, sizeof(iv));
	x->have_iv = true;
	return 0;
}

int v1_imitate(struct exchange *x, const struct row *row, uint8_t first, uint8_t *data,
	       size_t len, bool right)
{
	const struct v1_keys *k = &x->sa->keys;
	bool ir = row->prot == PROT_HASH_I || row->prot == PROT_HASH_R;
	const struct payload *hash;
	uint8_t iv[BLOCK_MAX], want[HASH_MAX];
	struct payloads ps;
	char why[PAYLOAD_WHY];

	if (!x->sa->have_keys || !len || len % cipher_block(k->cipher))
		return -1;
	if (right && payloads_parse(&ps, first, data, len, why))
		return -1;
	hash = right ? payload_get(&ps, PL_HASH, 0) : NULL;
	if (hash && (hash->len != k->len ||
		     (ir ? !payload_get(&ps, PL_ID, 0) : hash->body != data + 4) ||
		     right_hash(x, row, &ps, want)))
		return -1;
	if (hash)
		memcpy(data + (hash->body - data), want, k->len);
	return current_iv(x, iv) ||
	       cbc_encrypt(k->cipher, k->ka, k->key_bits, iv, data, len);
}
