/* SPDX-License-Identifier: MIT */
/*
 * Somebody who has the keys of a control tunnel and sees its datagrams go by: opens them,
 * and seals others, right up to the HASH. Written apart from the core, with OpenSSL alone.
 */
#ifndef ESPTUN_FUZZ_INSIDER_H
#define ESPTUN_FUZZ_INSIDER_H

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ike.h"

#define SECRETS	 4
#define INNERS	 8
#define DATAGRAM 2048
#define HDR	 28
#define BLOCK	 16
#define HASH	 32 /* all suites of the fuzzer have SHA-256 */

/* The numbers of RFC 2408 that the insider looks at. */
enum { MAIN_MODE = 2, SA = 1, KE = 4, ID = 5, HASH_PAYLOAD = 8, SIG = 9, NONCE = 10 };

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

struct datagram {
	struct ike_path path; /* as the receiver sees it */
	size_t len;
	uint8_t data[DATAGRAM];
	/* What the harness, which has the keys, sees in it. */
	bool open;
	uint8_t iv[BLOCK], plain[DATAGRAM];
	size_t used;	  /* octets of plain without padding */
	unsigned int nth; /* message of its exchange, from 1 */
};

struct octets {
	size_t len;
	uint8_t data[1024];
};

/* An exchange inside the control tunnel: where its chain of IVs has come to. */
struct inner {
	uint8_t mid[4], last[BLOCK];
	struct octets ni, nr;
	unsigned int messages;
};

/* What the harness knows of the newest control tunnel (RFC 2409 section 5). */
struct tunnel {
	uint8_t cookies[16];
	uint8_t skeyid[EVP_MAX_MD_SIZE], skeyid_a[EVP_MAX_MD_SIZE], key[EVP_MAX_MD_SIZE];
	size_t key_len; /* 0: not known yet */
	bool sign;	/* with a mock: what is signed is the signature */
	struct octets sai, gxi, gxr, ni, nr, secret[SECRETS];
	size_t n_secret;
	uint8_t last[BLOCK];   /* block of phase 1 */
	unsigned int messages; /* encrypted ones of phase 1 */
	struct inner inner[INNERS];
	size_t n_inner;
};

static inline void hmac(const uint8_t *key, size_t key_len, const uint8_t *data,
			size_t len, uint8_t *out)
{
	CHECK(HMAC(EVP_sha256(), key, key_len, data, len, out, NULL));
}

static inline void sha(const void *a, size_t a_len, const void *b, size_t b_len,
		       uint8_t *iv)
{
	uint8_t buf[1024], out[EVP_MAX_MD_SIZE];

	CHECK(a_len + b_len <= sizeof(buf));
	memcpy(buf, a, a_len);
	memcpy(buf + a_len, b, b_len);
	CHECK(EVP_Digest(buf, a_len + b_len, out, NULL, EVP_sha256(), NULL));
	memcpy(iv, out, BLOCK);
}

static inline void cbc(const struct tunnel *t, bool encrypt, const uint8_t *iv,
		       const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	CHECK(EVP_CipherInit_ex(ctx,
				t->key_len == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc(),
				NULL, t->key, iv, encrypt));
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	CHECK(EVP_CipherUpdate(ctx, out, &n, in, len) && (size_t)n == len);
	EVP_CIPHER_CTX_free(ctx);
}

static inline void set(struct octets *o, const void *data, size_t len)
{
	o->len = len < sizeof(o->data) ? len : sizeof(o->data);
	memcpy(o->data, data, o->len);
}

static inline void append(struct octets *o, const void *data, size_t len)
{
	if (len > sizeof(o->data) - o->len)
		len = sizeof(o->data) - o->len;
	memcpy(o->data + o->len, data, len);
	o->len += len;
}

/* With signatures SKEYID is prf(Ni | Nr, g^xy). */
static inline void skeyid_of(struct tunnel *t, const struct octets *secret)
{
	struct octets nonces = t->ni;

	append(&nonces, t->nr.data, t->nr.len);
	hmac(nonces.data, nonces.len, secret->data, secret->len, t->skeyid);
}

/* SKEYID_d, _a and _e of RFC 2409: the g^xy that leads to the logged key is the one. */
static inline void learn_keys(struct tunnel *t, const uint8_t *key, size_t key_len)
{
	uint8_t buf[1024], out[EVP_MAX_MD_SIZE], a[EVP_MAX_MD_SIZE];
	size_t len;

	for (size_t s = 0; s < SECRETS && s < t->n_secret; s++) {
		if (t->sign)
			skeyid_of(t, &t->secret[s]);
		for (uint8_t tag = 0; tag < 3; tag++) {
			len = tag ? HASH : 0;
			memcpy(buf, out, len);
			memcpy(buf + len, t->secret[s].data, t->secret[s].len);
			len += t->secret[s].len;
			memcpy(buf + len, t->cookies, 16);
			len += 16;
			buf[len++] = tag;
			hmac(t->skeyid, HASH, buf, len, out);
			if (tag == 1)
				memcpy(a, out, HASH);
		}
		if (key_len > HASH || memcmp(out, key, key_len))
			continue;
		memcpy(t->skeyid_a, a, HASH);
		memcpy(t->key, key, key_len);
		t->key_len = key_len;
		t->n_inner = 0;
		sha(t->gxi.data, t->gxi.len, t->gxr.data, t->gxr.len, t->last);
	}
}

/* The first payload of that type in a chain; NULL without one. Sets *end behind it. */
static inline uint8_t *find(uint8_t *data, size_t len, uint8_t first, uint8_t type,
			    size_t *body, size_t *end)
{
	size_t at = 0;

	while (first && len - at >= 4) {
		size_t size = data[at + 2] << 8 | data[at + 3];

		if (size < 4 || size > len - at)
			break;
		if (first == type) {
			*body = size - 4;
			*end = at + size;
			return data + at + 4;
		}
		first = data[at];
		at += size;
	}
	*end = first ? 0 : at; /* 0: not a chain of payloads */
	return NULL;
}

static inline void remember(struct datagram *d, struct octets *o, uint8_t type)
{
	uint8_t *data = d->open ? d->plain : d->data + HDR, *p;
	size_t body, end;

	p = find(data, d->open ? d->used : d->len - HDR, d->data[16], type, &body, &end);
	if (p)
		set(o, p, body);
}

static inline struct inner *inner_of(struct tunnel *t, const uint8_t *mid)
{
	struct inner *in;

	for (size_t i = 0; i < t->n_inner && i < INNERS; i++)
		if (!memcmp(t->inner[i].mid, mid, 4))
			return &t->inner[i];
	in = &t->inner[t->n_inner++ % INNERS];
	*in = (struct inner){ 0 };
	memcpy(in->mid, mid, 4);
	sha(t->last, BLOCK, mid, 4, in->last);
	return in;
}

/* Main Mode in clear: what HASH_I, HASH_R and the first IV are made of. */
static inline void watch_clear(struct tunnel *t, struct datagram *d)
{
	static const uint8_t zero[8];
	struct octets ke = { 0 }, nonce = { 0 };

	if (d->data[18] != MAIN_MODE)
		return;
	if (memcmp(t->cookies, d->data, 8)) {
		*t = (struct tunnel){ .sign = t->sign };
		remember(d, &t->sai, SA);
	}
	memcpy(t->cookies, d->data, memcmp(d->data + 8, zero, 8) ? 16 : 8);
	remember(d, &ke, KE);
	remember(d, &nonce, NONCE);
	if (!t->gxi.len) {
		t->gxi = ke;
		t->ni = nonce;
	} else if (ke.len != t->gxi.len || memcmp(ke.data, t->gxi.data, ke.len)) {
		t->gxr = ke;
		t->nr = nonce;
	}
}

/* Sees every honest datagram go by, as somebody who has the keys. */
static inline void watch(struct tunnel *t, struct datagram *d)
{
	static const uint8_t zero[4];
	bool phase1 = d->data[18] == MAIN_MODE;
	struct inner *in;
	size_t body, len = d->len - HDR;

	d->open = false;
	if (!(d->data[19] & 1)) {
		watch_clear(t, d);
		return;
	}
	if (!t->key_len || memcmp(t->cookies, d->data, 16) || !len || len % BLOCK)
		return;
	in = phase1 ? NULL : inner_of(t, d->data + 20);
	if (phase1 && memcmp(d->data + 20, zero, 4))
		return;
	memcpy(d->iv, phase1 ? t->last : in->last, BLOCK);
	cbc(t, false, d->iv, d->data + HDR, len, d->plain);
	/* A repetition does not move the chain; it does not decrypt to a chain either. */
	if (find(d->plain, len, d->data[16], 0, &body, &d->used) || !d->used)
		return;
	d->open = true;
	d->nth = phase1 ? ++t->messages : ++in->messages;
	memcpy(phase1 ? t->last : in->last, d->data + d->len - BLOCK, BLOCK);
	if (!phase1)
		remember(d, d->nth == 1 ? &in->ni : &in->nr, NONCE);
}

/* HASH_I and HASH_R, over the ID payload as it is now. */
static inline void hash_ir(struct tunnel *t, struct datagram *d, uint8_t *out)
{
	bool initiator = d->nth == 1;
	const struct octets *own = initiator ? &t->gxi : &t->gxr;
	const struct octets *other = initiator ? &t->gxr : &t->gxi;
	struct octets all = { 0 };
	size_t body, end;
	uint8_t *id = find(d->plain, d->used, d->data[16], ID, &body, &end);

	append(&all, own->data, own->len);
	append(&all, other->data, other->len);
	append(&all, t->cookies + (initiator ? 0 : 8), 8);
	append(&all, t->cookies + (initiator ? 8 : 0), 8);
	append(&all, t->sai.data, t->sai.len);
	if (id)
		append(&all, id, body);
	hmac(t->skeyid, HASH, all.data, all.len, out);
}

/* HASH(1) to HASH(3), and the Informational's, which is as HASH(1). */
static inline void hash_inner(struct tunnel *t, struct datagram *d, uint8_t *out)
{
	static const uint8_t zero;
	struct inner *in = inner_of(t, d->data + 20);
	struct octets all = { 0 };

	append(&all, &zero, d->nth == 3);
	append(&all, d->data + 20, 4);
	append(&all, in->ni.data, d->nth > 1 ? in->ni.len : 0);
	append(&all, in->nr.data, d->nth > 2 ? in->nr.len : 0);
	if (d->nth < 3 && d->used > 4 + HASH)
		append(&all, d->plain + 4 + HASH, d->used - 4 - HASH);
	hmac(t->skeyid_a, HASH, all.data, all.len, out);
}

/* Puts changed payloads under encryption, with the right HASH if wanted. */
static inline void seal(struct tunnel *t, struct datagram *d, bool hash)
{
	bool phase1 = d->data[18] == MAIN_MODE;
	struct inner *in = phase1 ? NULL : inner_of(t, d->data + 20);
	size_t body, end, len = d->used;
	uint8_t *p = find(d->plain, d->used, d->data[16],
			  phase1 && t->sign ? SIG : HASH_PAYLOAD, &body, &end);

	if (hash && p && body == HASH)
		(phase1 ? hash_ir : hash_inner)(t, d, p);
	while (len % BLOCK || !len)
		d->plain[len++] = 0;
	cbc(t, true, d->iv, d->plain, len, d->data + HDR);
	d->len = HDR + len;
	d->data[24] = d->data[25] = 0;
	d->data[26] = d->len >> 8;
	d->data[27] = d->len;
	/* The chain goes on from this one, if it is the last so far. */
	if (d->nth == (phase1 ? t->messages : in->messages))
		memcpy(phase1 ? t->last : in->last, d->data + d->len - BLOCK, BLOCK);
}

/* Starts, or ends as the third message, an exchange of the insider's own. */
static inline void forge_header(struct tunnel *t, struct datagram *d, uint8_t exchange,
				const uint8_t *mid, bool third)
{
	struct inner *in;

	memcpy(d->data, t->cookies, 16);
	d->data[16] = HASH_PAYLOAD;
	d->data[17] = 0x10; /* version 1.0 */
	d->data[18] = exchange;
	d->data[19] = 1; /* encrypted */
	memcpy(d->data + 20, mid, 4);
	in = inner_of(t, d->data + 20);
	memcpy(d->iv, in->last, BLOCK);
	d->nth = in->messages = third ? 3 : 1;
	d->plain[3] = 4 + HASH;
	d->used = 4 + HASH;
	d->open = true;
}

#endif
