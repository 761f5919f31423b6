/* SPDX-License-Identifier: MIT */
/*
 * The keys of IKEv1 (RFC 2409 section 5 and appendix B): SKEYID and what is derived from
 * it, the IVs, the HASHes that authenticate, and KEYMAT for ESP.
 *
 * All functions return 0, or -1 when OpenSSL fails. Nonces are payload bodies, g^xy is
 * padded to the size of the group, and "cookies" are CKY-I | CKY-R (16 octets).
 */
#ifndef ESPTUN_KEYMAT_H
#define ESPTUN_KEYMAT_H

#include "crypto.h"

#define COOKIES_LEN 16

/* What phase 1 makes. Secret: wipe with OPENSSL_cleanse(). */
struct v1_keys {
	enum ike_hash hash;
	size_t len; /* octets of each: hash_len(hash) */
	uint8_t skeyid[HASH_MAX];
	uint8_t d[HASH_MAX]; /* SKEYID_d: from it come the ESP keys */
	uint8_t a[HASH_MAX]; /* SKEYID_a: authenticates messages */
	uint8_t e[HASH_MAX]; /* SKEYID_e: from it comes the encryption key */
	enum ike_cipher cipher;
	uint16_t key_bits;
	uint8_t ka[32]; /* the key that encrypts IKE, key_bits / 8 octets */
};

/* SKEYID with a pre-shared key: prf(psk, Ni | Nr). The core asks the key process. */
int keymat_skeyid_psk(enum ike_hash hash, struct chunk psk, struct chunk ni,
		      struct chunk nr, uint8_t *skeyid);
/* SKEYID with signatures: prf(Ni | Nr, g^xy). */
int keymat_skeyid_sig(enum ike_hash hash, struct chunk ni, struct chunk nr,
		      struct chunk gxy, uint8_t *skeyid);

/* Fills keys from SKEYID (hash_len() octets): _d, _a, _e and, by appendix B, ka. */
int keymat_derive(struct v1_keys *keys, const struct ike_proposal *suite,
		  const uint8_t *skeyid, struct chunk gxy, const uint8_t *cookies);

/* The first IV of phase 1: hash(g^xi | g^xr), cut to the block. iv: BLOCK_MAX octets. */
int keymat_iv1(const struct v1_keys *keys, struct chunk gxi, struct chunk gxr,
	       uint8_t *iv);
/* The first IV of an exchange after it: hash(last block of phase 1 | message ID). */
int keymat_iv2(const struct v1_keys *keys, const uint8_t *last, uint32_t message_id,
	       uint8_t *iv);

/*
 * HASH_I = prf(SKEYID, g^xi | g^xr | CKY-I | CKY-R | SAi_b | IDii_b), and HASH_R, which
 * has g^xr, g^xi, CKY-R, CKY-I and IDir_b instead. The prf is that of hash, which is
 * keys->hash but where a signature brings its own (RFC 4754); out holds hash_len(hash).
 */
int keymat_hash_ir(const struct v1_keys *keys, enum ike_hash hash, bool initiator,
		   struct chunk gxi, struct chunk gxr, const uint8_t *cookies,
		   struct chunk sai_b, struct chunk id_b, uint8_t *out);
/* HASH(1) and the Informational's: prf(SKEYID_a, M-ID | rest). */
int keymat_hash1(const struct v1_keys *keys, uint32_t message_id, struct chunk rest,
		 uint8_t *out);
/* HASH(2): prf(SKEYID_a, M-ID | Ni_b | rest). */
int keymat_hash2(const struct v1_keys *keys, uint32_t message_id, struct chunk ni,
		 struct chunk rest, uint8_t *out);
/* HASH(3): prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b). */
int keymat_hash3(const struct v1_keys *keys, uint32_t message_id, struct chunk ni,
		 struct chunk nr, uint8_t *out);

/*
 * KEYMAT = prf(SKEYID_d, [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b), chained to len
 * octets (at most KEYMAT_MAX). gqm is empty without PFS. One call for each direction.
 */
#define KEYMAT_MAX 128
int keymat_esp(const struct v1_keys *keys, struct chunk gqm, uint8_t protocol,
	       const uint8_t *spi, struct chunk ni, struct chunk nr, uint8_t *out,
	       size_t len);
/* Octets of KEYMAT that a suite takes, cipher key with salt first, then integrity. */
size_t keymat_cipher_len(const struct esp_proposal *suite);
size_t keymat_integ_len(const struct esp_proposal *suite);

#endif
