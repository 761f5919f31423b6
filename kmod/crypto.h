/* SPDX-License-Identifier: GPL-2.0-only */
/* algorithm table, AEAD set-up, the request block (IV, AAD, scatterlists) */
#ifndef ET_CRYPTO_H
#define ET_CRYPTO_H

#include <crypto/aead.h>
#include <linux/llist.h>
#include <linux/scatterlist.h>

#include "esp.h"
#include "outer.h"

struct et_sa;

/* Which part of struct et_keys is wrong. */
enum et_keys_part { ET_KEYS_CIPHER, ET_KEYS_INTEG, ET_KEYS_KEY, ET_KEYS_INTEG_KEY };

/* An algorithm and its keys, as KEYMAT and the user give them. */
struct et_keys {
	u32 cipher;		/* enum esptun_cipher */
	u32 integ;		/* enum esptun_integ */
	const u8 *key;		/* the cipher's, salt behind it where it has one */
	u32 key_len;
	const u8 *integ_key;
	u32 integ_key_len;
	enum et_keys_part bad;	/* set by et_cipher_init() when it fails */
};

/* What an SA has of its algorithm, ready for packets. */
struct et_cipher {
	const struct et_alg *alg;
	struct crypto_aead *tfm;	/* NULL: an SPI without keys */
	u8 salt[ET_ESP_SALT_LEN];
	u16 key_bits;
};

/*
 * One packet in the cipher. Belongs to that packet from et_crypt_get() until
 * its done() has given it back, which may be on another CPU after an
 * asynchronous driver took it; then it returns to the CPU it came from.
 */
struct et_crypt {
	union {
		struct et_crypt *next;
		struct llist_node node;
	};
	int home;			/* CPU */

	/* The packet, for done(). */
	void (*done)(struct et_crypt *c, int err);
	struct sk_buff *skb;
	struct et_sa *sa;		/* with a reference */
	u64 seq;
	u32 inner_len;			/* out */
	struct et_outer outer;		/* out, with a reference to its route */

	/* The request. */
	struct scatterlist sg[2];	/* AAD, then the packet from behind the IV to its end */
	u8 aad[ET_ESP_AAD_MAX];
	u8 iv[ET_ESP_IV_MAX] __aligned(64);
	struct aead_request req __aligned(64);	/* and the driver's room behind it */
};

const struct et_esp_geom *et_cipher_geom(const struct et_cipher *ci);
int et_cipher_init(struct et_cipher *ci, struct et_keys *keys, bool esn,
		   struct netlink_ext_ack *extack);
void et_cipher_free(struct et_cipher *ci);
void et_cipher_kind(const struct et_cipher *ci, u32 *cipher, u32 *integ);

/* Softirqs off. */
struct et_crypt *et_crypt_get(void);
void et_crypt_put(struct et_crypt *c);
void et_crypt_run(struct et_crypt *c, u8 *esp, u32 cipher_len);

void et_crypto_exit(void);

#endif
