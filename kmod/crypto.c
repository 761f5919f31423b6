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
#include <linux/fips.h>
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
	const char *missing;		/* what to say when the kernel lacks it, */
	const char *key;		/* and of a key of another length */
	const char *integ_key;
	struct et_esp_geom geom;
	u8 key_min, key_max;		/* octets, in steps of 8, salt not counted */
	u8 salt_len;
	u8 before_salt;			/* in an IV whose salt has 3 octets */
	u8 integ_key_len;
	bool counter;			/* the IV is a salt and the sequence number */
	bool iv_in_aad;			/* the template does not authenticate the IV by itself */
	bool text_in_aad;		/* GMAC: nothing is encrypted */
	bool unapproved;		/* refused in FIPS mode */
};

/*
 * Not rfc4106(gcm(aes)) and its like: they only cut the salt off the key and
 * copy the AAD, and none of them knows implicit IVs.
 */
#define COUNTER_MODE(id, template, config, iv, ...)                                        \
	{                                                                                  \
		.cipher = ESPTUN_CIPHER_##id, .integ = ESPTUN_INTEG_NONE,                  \
		.name = template, .name_esn = template,                                    \
		.missing = template " is not in this kernel: it needs " config,            \
		.integ_key = "integ-key: only an integrity algorithm has one",             \
		.geom = { .iv_len = iv, .align = 4, .icv_len = 16 },                       \
		.counter = true, __VA_ARGS__                                               \
	}

#define AES_KEY(cipher, lens, salt)                                                        \
	.key = "key: " cipher " takes " lens " octets, " #salt " of them salt",            \
	.key_min = 16, .key_max = 32, .salt_len = salt

#define GCM(id, iv, ...)                                                                   \
	COUNTER_MODE(id, "gcm(aes)", "CONFIG_CRYPTO_GCM", iv,                              \
		     AES_KEY("aes-gcm", "20, 28 or 36", 4), __VA_ARGS__)

/* Before the salt, the octet that says that the counter behind it has 4 (RFC 3610, L - 1). */
#define CCM(id, iv, ...)                                                                   \
	COUNTER_MODE(id, "ccm(aes)", "CONFIG_CRYPTO_CCM", iv,                              \
		     AES_KEY("aes-ccm", "19, 27 or 35", 3), .before_salt = 3, __VA_ARGS__)

#define CHACHA20(id, iv)                                                                   \
	COUNTER_MODE(id, "rfc7539(chacha20,poly1305)", "CONFIG_CRYPTO_CHACHA20POLY1305",   \
		     iv, .key = "key: chacha20-poly1305 takes 36 octets, 4 of them salt",  \
		     .key_min = 32, .key_max = 32, .salt_len = 4, .unapproved = true)

/* CBC, or no encryption, with HMAC: the key has as many octets as the hash. */
#define WITH_HMAC(id, template, hash, config, octets, icv, ...)                            \
	{                                                                                  \
		.integ = ESPTUN_INTEG_HMAC_##id,                                           \
		.name = "authenc(hmac(" hash ")," template ")",                            \
		.name_esn = "authencesn(hmac(" hash ")," template ")",                     \
		.missing = "authenc(hmac(" hash ")," template                              \
			   ") is not in this kernel: it needs CONFIG_CRYPTO_AUTHENC, _"    \
			   config,                                                         \
		.integ_key = "integ-key: hmac-" hash " takes " #octets " octets",          \
		.integ_key_len = octets, .iv_in_aad = true, __VA_ARGS__                    \
	}

#define HMAC(id, hash, config, octets, icv)                                                \
	WITH_HMAC(id, "cbc(aes)", hash, config " and _CBC", octets, icv,                   \
		  .cipher = ESPTUN_CIPHER_AES_CBC,                                         \
		  .key = "key: aes-cbc takes 16, 24 or 32 octets",                         \
		  .key_min = 16, .key_max = 32,                                            \
		  .geom = { .iv_len = 16, .align = 16, .icv_len = icv }),                  \
	WITH_HMAC(id, "ecb(cipher_null)", hash, config " and _NULL", octets, icv,          \
		  .cipher = ESPTUN_CIPHER_NULL, .key = "key: null takes none",             \
		  .geom = { .iv_len = 0, .align = 4, .icv_len = icv })

static const struct et_alg algs[] = {
	GCM(AES_GCM_16, 8),
	GCM(AES_GCM_16_IIV, 0, .unapproved = true),
	GCM(AES_GMAC, 8, .iv_in_aad = true, .text_in_aad = true),
	CCM(AES_CCM_16, 8),
	CCM(AES_CCM_16_IIV, 0, .unapproved = true),
	CHACHA20(CHACHA20_POLY1305, 8),
	CHACHA20(CHACHA20_POLY1305_IIV, 0),
	HMAC(SHA1_96, "sha1", "SHA1", 20, 12),
	HMAC(SHA256_128, "sha256", "SHA256", 32, 16),
	HMAC(SHA384_192, "sha384", "SHA512", 48, 24),
	HMAC(SHA512_256, "sha512", "SHA512", 64, 32),
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

static const char not_in_fips[] = "cipher: not approved, and this kernel is in FIPS mode";

static const struct et_alg *alg_find(struct et_keys *k, struct netlink_ext_ack *extack)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(algs); i++)
		if (algs[i].cipher == k->cipher && algs[i].integ == k->integ)
			return &algs[i];

	k->bad = ET_KEYS_INTEG;
	if (k->integ == ESPTUN_INTEG_NONE)
		NL_SET_ERR_MSG(extack, "integ: this cipher needs an integrity algorithm");
	else
		NL_SET_ERR_MSG(extack, "integ: this cipher takes none, it is one");
	return NULL;
}

/* What is wrong, in words of the table: NL_SET_ERR_MSG() takes none but literal ones. */
static int refuse(struct et_keys *k, enum et_keys_part bad, int err, const char *why,
		  struct netlink_ext_ack *extack)
{
	k->bad = bad;
	if (extack)
		extack->_msg = why;
	return err;
}

static int check_keys(const struct et_alg *alg, struct et_keys *k,
		      struct netlink_ext_ack *extack)
{
	int len = (int)k->key_len - alg->salt_len;

	if (len < alg->key_min || len > alg->key_max || len % 8)
		return refuse(k, ET_KEYS_KEY, -EINVAL, alg->key, extack);
	if (k->integ_key_len != alg->integ_key_len)
		return refuse(k, ET_KEYS_INTEG_KEY, -EINVAL, alg->integ_key, extack);
	if (alg->unapproved && fips_enabled)
		return refuse(k, ET_KEYS_CIPHER, -EOPNOTSUPP, not_in_fips, extack);
	return 0;
}

/* The key of an authenc template: a header, the integrity key, the cipher's. */
static int set_authenc_key(struct crypto_aead *tfm, const struct et_keys *k)
{
	struct crypto_authenc_key_param *param;
	struct {
		struct rtattr rta;
		struct crypto_authenc_key_param param;
		u8 keys[64 + 32];
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

	tfm = crypto_alloc_aead(esn ? alg->name_esn : alg->name, 0, 0);
	if (IS_ERR(tfm))
		return refuse(keys, ET_KEYS_CIPHER,
			      PTR_ERR(tfm) == -ENOMEM ? -ENOMEM : -EOPNOTSUPP,
			      fips_enabled ? not_in_fips : alg->missing, extack);

	keys->bad = ET_KEYS_CIPHER;
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

	ci->salt[0] = alg->before_salt;
	memcpy(ci->salt + sizeof(ci->salt) - alg->salt_len,
	       keys->key + keys->key_len - alg->salt_len, alg->salt_len);
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

/* What the packet carries in front of its text: a counter, chance, or nothing. */
static void put_wire_iv(const struct et_alg *alg, u64 seq, u8 *iv)
{
	u64 random[2];

	if (!alg->geom.iv_len)
		return;
	if (alg->counter) {
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
	if (alg->counter)
		et_esp_put_nonce(c->iv, sa->cipher.salt, g->iv_len ? wire_iv : NULL, c->seq);
	else
		memcpy(c->iv, wire_iv, g->iv_len);

	aad_len = et_esp_put_aad(c->aad, sa->spi, c->seq, sa->esn);
	if (alg->iv_in_aad) {
		memcpy(c->aad + aad_len, wire_iv, g->iv_len);
		aad_len += g->iv_len;
	}

	sg_init_table(c->sg, ARRAY_SIZE(c->sg));
	sg_set_buf(&c->sg[0], c->aad, aad_len);
	sg_set_buf(&c->sg[1], text, cipher_len + g->icv_len);

	if (alg->text_in_aad) {
		aad_len += cipher_len;
		cipher_len = 0;
	}
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
