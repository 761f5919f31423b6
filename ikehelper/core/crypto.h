/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL behind the few calls that IKE needs: hash, prf, CBC, Diffie-Hellman.
 *
 * All of them are pure functions. Secrets that they make on the way are wiped.
 */
#ifndef ESPTUN_CRYPTO_H
#define ESPTUN_CRYPTO_H

#include "buf.h"
#include "ike.h"

#define HASH_MAX  64  /* octets of SHA-512 */
#define BLOCK_MAX 16  /* octets of an AES block */
#define DH_MAX	  512 /* octets of a MODP 4096 value */

size_t hash_len(enum ike_hash hash);	     /* octets; 0 for HASH_NONE */
size_t cipher_block(enum ike_cipher cipher); /* octets of a CBC block; 0 for others */

/* Hash of the concatenated parts into out (hash_len() octets). Returns 0 or -1. */
int hash_of(enum ike_hash hash, const struct chunk *part, size_t n, uint8_t *out);

/* prf of IKEv1: HMAC (RFC 2409 section 4) of the concatenated parts. Returns 0 or -1. */
int prf(enum ike_hash hash, struct chunk key, const struct chunk *part, size_t n,
	uint8_t *out);

/*
 * CBC without padding, in place; len is a multiple of the block, key has key_bits / 8
 * octets. iv becomes the last cipher block, which is the IV of what follows. Return 0
 * or -1.
 */
int cbc_encrypt(enum ike_cipher cipher, const uint8_t *key, uint16_t key_bits,
		uint8_t *iv, uint8_t *data, size_t len);
int cbc_decrypt(enum ike_cipher cipher, const uint8_t *key, uint16_t key_bits,
		uint8_t *iv, uint8_t *data, size_t len);

/* Octets of a public value on the wire: g^x, or x | y of a point (RFC 5903). */
size_t dh_public_len(enum ike_group group); /* 0: a group that we do not know */
size_t dh_shared_len(enum ike_group group); /* g^xy, or x of the point */
/* Random octets to make a private key from. */
size_t dh_private_len(enum ike_group group);

/*
 * A public value from the wire: of the right length, 1 < g^x < p - 1, or a point on the
 * curve. Returns 0, or -1 with the reason in why (96 octets).
 */
int dh_check(enum ike_group group, struct chunk pub, char *why);

/*
 * What the worker process does for IKE_NEED_DH. priv is a number in network order, for a
 * curve taken modulo its order. Writes dh_public_len() or dh_shared_len() octets, padded
 * on the left, to out (DH_MAX octets) and returns how many; -1 on a bad value.
 */
int dh_compute(enum dh_op op, enum ike_group group, struct chunk priv, struct chunk pub,
	       uint8_t *out);

#endif
