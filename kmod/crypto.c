// SPDX-License-Identifier: GPL-2.0-only
/*
 * algorithm table, AEAD set-up, the request block (IV, AAD, scatterlists)
 *
 * Set-up runs in process context and may load crypto modules. Packets run with
 * softirqs off; the drivers may finish them later, in softirq too. The mask is
 * 0: with CRYPTO_ALG_ASYNC in it, 6.1 and 6.12 fall back to a far slower driver.
 */
#include "crypto.h"

#include <crypto/authenc.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>

#include <uapi/linux/esptun.h>

#include "compat.h"
#include "sa.h"

struct et_alg {
	enum esptun_cipher cipher;
	enum esptun_integ integ;
	const char *name;		/* as crypto_alloc_aead() knows it */
	const char *name_esn;
	struct et_esp_geom geom;
	u8 salt_len;
	u8 integ_key_len;
	bool iv_is_seq;			/* a counter will do; else it must be unpredictable */
	bool iv_in_aad;			/* the template does not authenticate the IV by itself */
};

/* gcm(aes), not rfc4106(gcm(aes)): that only cuts the salt off the key and copies the AAD. */
static const struct et_alg algs[] = {
	{
		.cipher = ESPTUN_CIPHER_AES_GCM_16,
		.integ = ESPTUN_INTEG_NONE,
		.name = "gcm(aes)",
		.name_esn = "gcm(aes)",
		.geom = { .iv_len = 8, .align = 4, .icv_len = 16 },
		.salt_len = 4,
		.iv_is_seq = true,
	},
	{
		.cipher = ESPTUN_CIPHER_AES_CBC,
		.integ = ESPTUN_INTEG_HMAC_SHA1_96,
		.name = "authenc(hmac(sha1),cbc(aes))",
		.name_esn = "authencesn(hmac(sha1),cbc(aes))",
		.geom = { .iv_len = 16, .align = 16, .icv_len = 12 },
		.integ_key_len = 20,
		.iv_in_aad = true,
	},
	{
		.cipher = ESPTUN_CIPHER_AES_CBC,
		.integ = ESPTUN_INTEG_HMAC_SHA256_128,
		.name = "authenc(hmac(sha256),cbc(aes))",
		.name_esn = "authencesn(hmac(sha256),cbc(aes))",
		.geom = { .iv_len = 16, .align = 16, .icv_len = 16 },
		.integ_key_len = 32,
		.iv_in_aad = true,
	},
};

/*
 * Request blocks: each CPU makes them as it first needs them and keeps them, so
 * that packets allocate nothing: one where drivers are synchronous, up to
 * REQUESTS_MAX where they are not. Then packets drop rather than queue.
 */
#define REQUEST_SIZE 2048
#define REQUESTS_MAX 64

struct block_pool {
	struct et_crypt *free;		/* this CPU's alone, softirqs off */
	struct llist_head back;		/* from other CPUs */
	u32 count;			/* made here so far */
};

static DEFINE_PER_CPU(struct block_pool, pools);

static const struct et_alg *alg_find(struct et_keys *k, struct netlink_ext_ack *extack)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(algs); i++)
		if (algs[i].cipher == k->cipher && algs[i].integ == k->integ)
			return &algs[i];

	k->bad = ET_KEYS_INTEG;
	if (k->cipher == ESPTUN_CIPHER_AES_CBC)
		NL_SET_ERR_MSG(extack, "integ: aes-cbc needs an integrity algorithm");
	else
		NL_SET_ERR_MSG(extack, "integ: aes-gcm-16 takes none, it is one");
	return NULL;
}

static int check_keys(const struct et_alg *alg, struct et_keys *k,
		      struct netlink_ext_ack *extack)
{
	if (k->key_len != 16 + alg->salt_len && k->key_len != 32 + alg->salt_len) {
		k->bad = ET_KEYS_KEY;
		if (alg->salt_len)
			NL_SET_ERR_MSG(extack,
				       "key: aes-gcm-16 takes 20 or 36 octets, 4 of them salt");
		else
			NL_SET_ERR_MSG(extack, "key: aes-cbc takes 16 or 32 octets");
		return -EINVAL;
	}
	if (k->integ_key_len == alg->integ_key_len)
		return 0;

	k->bad = ET_KEYS_INTEG_KEY;
	if (!alg->integ_key_len)
		NL_SET_ERR_MSG(extack, "integ-key: aes-gcm-16 takes none");
	else if (alg->integ_key_len == 20)
		NL_SET_ERR_MSG(extack, "integ-key: hmac-sha1-96 takes 20 octets");
	else
		NL_SET_ERR_MSG(extack, "integ-key: hmac-sha256-128 takes 32 octets");
	return -EINVAL;
}

/* The key of an authenc template: a header, the integrity key, the cipher's. */
static int set_authenc_key(struct crypto_aead *tfm, const struct et_keys *k)
{
	struct crypto_authenc_key_param *param;
	struct {
		struct rtattr rta;
		struct crypto_authenc_key_param param;
		u8 keys[32 + 32];
	} blob;
	int err;

	BUILD_BUG_ON(offsetof(typeof(blob), param) != RTA_LENGTH(0));

	param = &blob.param;
	blob.rta.rta_type = CRYPTO_AUTHENC_KEYA_PARAM;
	blob.rta.rta_len = RTA_LENGTH(sizeof(*param));
	param->enckeylen = cpu_to_be32(k->key_len);
	memcpy(blob.keys, k->integ_key, k->integ_key_len);
	memcpy(blob.keys + k->integ_key_len, k->key, k->key_len);

	err = crypto_aead_setkey(tfm, (u8 *)&blob,
				 offsetof(typeof(blob), keys) + k->integ_key_len + k->key_len);
	memzero_explicit(&blob, sizeof(blob));
	return err;
}

/**
 * et_cipher_init - make an SA's cipher of its algorithm and keys
 * @ci: what to make; et_cipher_free() when done with it
 * @keys: the algorithm and the keys, which are not needed afterwards
 * @esn: 64-bit sequence numbers
 * @extack: says what is wrong
 *
 * Context: process; may load modules.
 * Return: 0, -EINVAL for a key or combination that cannot be, -EOPNOTSUPP for
 * an algorithm that this kernel lacks, -ENOMEM.
 */
int et_cipher_init(struct et_cipher *ci, struct et_keys *keys, bool esn,
		   struct netlink_ext_ack *extack)
{
	const struct et_alg *alg = alg_find(keys, extack);
	struct crypto_aead *tfm;
	int err;

	if (!alg)
		return -EINVAL;
	err = check_keys(alg, keys, extack);
	if (err)
		return err;

	keys->bad = ET_KEYS_CIPHER;
	tfm = crypto_alloc_aead(esn ? alg->name_esn : alg->name, 0, 0);
	if (IS_ERR(tfm)) {
		NL_SET_ERR_MSG(extack, "this kernel has no driver for the algorithm");
		return PTR_ERR(tfm) == -ENOMEM ? -ENOMEM : -EOPNOTSUPP;
	}

	err = -EOPNOTSUPP;
	if (sizeof(struct et_crypt) + crypto_aead_reqsize(tfm) > REQUEST_SIZE) {
		NL_SET_ERR_MSG(extack, "the algorithm's driver needs more room than we give");
		goto err_free;
	}

	err = crypto_aead_setauthsize(tfm, alg->geom.icv_len);
	if (!err && alg->integ_key_len)
		err = set_authenc_key(tfm, keys);
	else if (!err)
		err = crypto_aead_setkey(tfm, keys->key, keys->key_len - alg->salt_len);
	if (err) {
		NL_SET_ERR_MSG(extack, "the algorithm's driver refuses the key");
		goto err_free;
	}

	memcpy(ci->salt, keys->key + keys->key_len - alg->salt_len, alg->salt_len);
	ci->alg = alg;
	ci->tfm = tfm;
	ci->key_bits = (keys->key_len - alg->salt_len) * BITS_PER_BYTE;
	return 0;

err_free:
	crypto_free_aead(tfm);
	return err;
}

/**
 * et_cipher_free - forget the keys
 * @ci: what et_cipher_init() made, or zeroes
 *
 * Context: process.
 */
void et_cipher_free(struct et_cipher *ci)
{
	if (ci->tfm)
		crypto_free_aead(ci->tfm);
	memzero_explicit(ci, sizeof(*ci));
}

/**
 * et_cipher_geom - what the algorithm adds to a packet
 * @ci: a cipher with keys
 */
const struct et_esp_geom *et_cipher_geom(const struct et_cipher *ci)
{
	return &ci->alg->geom;
}

/**
 * et_cipher_kind - which algorithm it is
 * @ci: a cipher with keys
 * @cipher: set to the enum esptun_cipher
 * @integ: set to the enum esptun_integ
 */
void et_cipher_kind(const struct et_cipher *ci, u32 *cipher, u32 *integ)
{
	*cipher = ci->alg->cipher;
	*integ = ci->alg->integ;
}

/**
 * et_crypt_get - a request block for one packet
 *
 * Context: softirqs off.
 * Return: the block, or NULL when this CPU has REQUESTS_MAX packets in the cipher.
 */
struct et_crypt *et_crypt_get(void)
{
	struct block_pool *pool = this_cpu_ptr(&pools);
	struct et_crypt *c = pool->free;

	if (unlikely(!c)) {
		BUILD_BUG_ON(offsetof(struct et_crypt, next) != offsetof(struct et_crypt, node));
		c = (struct et_crypt *)llist_del_all(&pool->back);
	}
	if (likely(c)) {
		pool->free = c->next;
		return c;
	}

	if (pool->count == REQUESTS_MAX)
		return NULL;
	c = kmalloc(REQUEST_SIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (c) {
		c->home = smp_processor_id();
		pool->count++;
	}
	return c;
}

/**
 * et_crypt_put - give a request block back
 * @c: from et_crypt_get()
 *
 * Context: softirqs off, any CPU.
 */
void et_crypt_put(struct et_crypt *c)
{
	struct block_pool *pool = this_cpu_ptr(&pools);

	if (likely(c->home == smp_processor_id())) {
		c->next = pool->free;
		pool->free = c;
	} else {
		llist_add(&c->node, &per_cpu_ptr(&pools, c->home)->back);
	}
}

static void crypt_done(et_crypto_arg arg, int err)
{
	struct et_crypt *c = et_crypto_data(arg);

	c->done(c, err);
}

static void put_wire_iv(const struct et_alg *alg, u64 seq, u8 *iv)
{
	u64 random[2];

	if (alg->iv_is_seq) {
		put_unaligned_be64(seq, iv);
		return;
	}
	random[0] = get_random_u64();
	random[1] = get_random_u64();
	memcpy(iv, random, sizeof(random));
}

/**
 * et_crypt_run - encrypt or decrypt one packet in place, as its SA's direction says
 * @c: the block, with done, skb, sa and seq set
 * @esp: the ESP header; behind it IV, ciphertext and ICV, all private and linear
 * @cipher_len: octets of ciphertext, without the ICV
 *
 * Outbound, the IV is written here. done() gets the result, 0 or -EBADMSG or
 * what the driver says, and owns block and packet: before this returns when the
 * driver is synchronous, and else at any time.
 *
 * Context: softirqs off; so is done()'s.
 */
void et_crypt_run(struct et_crypt *c, u8 *esp, u32 cipher_len)
{
	const struct et_sa *sa = c->sa;
	const struct et_alg *alg = sa->cipher.alg;
	const struct et_esp_geom *g = &alg->geom;
	u8 *wire_iv = esp + ET_ESP_HDR_LEN;
	u8 *text = wire_iv + g->iv_len;
	struct aead_request *req = &c->req;
	u32 aad_len;
	int err;

	if (sa->out)
		put_wire_iv(alg, c->seq, wire_iv);
	memcpy(c->iv, sa->cipher.salt, alg->salt_len);
	memcpy(c->iv + alg->salt_len, wire_iv, g->iv_len);

	aad_len = et_esp_put_aad(c->aad, sa->spi, c->seq, sa->esn);
	if (alg->iv_in_aad) {
		memcpy(c->aad + aad_len, wire_iv, g->iv_len);
		aad_len += g->iv_len;
	}

	sg_init_table(c->sg, ARRAY_SIZE(c->sg));
	sg_set_buf(&c->sg[0], c->aad, aad_len);
	sg_set_buf(&c->sg[1], text, cipher_len + g->icv_len);

	aead_request_set_tfm(req, sa->cipher.tfm);
	aead_request_set_callback(req, 0, crypt_done, c);
	aead_request_set_ad(req, aad_len);
	if (sa->out) {
		aead_request_set_crypt(req, c->sg, c->sg, cipher_len, c->iv);
		err = crypto_aead_encrypt(req);
	} else {
		aead_request_set_crypt(req, c->sg, c->sg, cipher_len + g->icv_len, c->iv);
		err = crypto_aead_decrypt(req);
	}
	/* no MAY_BACKLOG: -EBUSY is a refusal, and only -EINPROGRESS means "later" */
	if (err != -EINPROGRESS)
		c->done(c, err);
}

/**
 * et_crypto_exit - free the request blocks
 *
 * Context: process; no packet is in any cipher and none will come.
 */
void et_crypto_exit(void)
{
	struct et_crypt *c, *next;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct block_pool *pool = per_cpu_ptr(&pools, cpu);

		for (c = pool->free; c; c = next) {
			next = c->next;
			kfree(c);
		}
		for (c = (struct et_crypt *)llist_del_all(&pool->back); c; c = next) {
			next = c->next;
			kfree(c);
		}
	}
}
