// SPDX-License-Identifier: MIT
/* Transforms of an SA payload: read, matched with our suites, and in words. */
#include "transform.h"

#include <stdio.h>
#include <string.h>

#include "payload.h"

#define WHY_MAX		(PROPOSAL_TEXT * 2)
#define TRANSFORM_FIXED 8

/* One space of numbers for both phases: attributes have 15 bits. */
#define PHASE2(id) (0x10000 | (id))

/* Numbers on the wire and what they are; ours is NONE for what we only know by name. */
struct code {
	uint16_t wire;
	int ours;
	const char *name;
};

static const struct code ike_ciphers[] = {
	{ 7, CIPHER_AES_CBC, "aes" }, { 5, CIPHER_3DES, "3des" }, { 1, 0, "des" },
	{ 3, 0, "blowfish" },	      { 6, 0, "cast" },		  { 8, 0, "camellia" },
	{ 0, 0, "cipher" },
};
static const struct code ike_hashes[] = {
	{ 1, 0, "md5" },
	{ 2, HASH_SHA1, "sha1" },
	{ 4, HASH_SHA256, "sha256" },
	{ 5, HASH_SHA384, "sha384" },
	{ 6, HASH_SHA512, "sha512" },
	{ 0, 0, "hash" },
};
/* A pre-shared key is 0 here, so that what is not ours is -1. */
static const struct code ike_auths[] = {
	{ 1, AUTH_PSK, "pre-shared key" },
	{ 2, -1, "DSS signatures" },
	{ 3, AUTH_RSA, "RSA signatures" },
	{ 9, AUTH_ECDSA256, "ECDSA-256 signatures" },
	{ 10, AUTH_ECDSA384, "ECDSA-384 signatures" },
	{ 11, AUTH_ECDSA521, "ECDSA-521 signatures" },
	{ 64221, -1, "hybrid RSA" },
	{ 65001, -1, "XAUTH with a pre-shared key" },
	{ 65005, -1, "XAUTH with RSA signatures" },
	{ 0, -1, "authentication method" },
};
static const struct code groups[] = {
	{ 1, 0, "modp768" },
	{ 2, GROUP_MODP1024, "modp1024" },
	{ 5, GROUP_MODP1536, "modp1536" },
	{ 14, GROUP_MODP2048, "modp2048" },
	{ 15, GROUP_MODP3072, "modp3072" },
	{ 16, GROUP_MODP4096, "modp4096" },
	{ 17, 0, "modp6144" },
	{ 18, 0, "modp8192" },
	{ 19, GROUP_ECP256, "ecp256" },
	{ 20, GROUP_ECP384, "ecp384" },
	{ 21, 0, "ecp521" },
	{ 31, GROUP_X25519, "x25519" },
	{ 0, 0, "group" },
};
static const struct code esp_ciphers[] = {
	{ 12, CIPHER_AES_CBC, "aes" },
	{ 20, CIPHER_AES_GCM_16, "aesgcm16" },
	{ 16, CIPHER_AES_CCM_16, "aesccm16" },
	{ 23, CIPHER_AES_GMAC, "aesgmac" },
	{ 11, CIPHER_NULL, "null" },
	{ 2, 0, "des" },
	{ 3, 0, "3des" },
	{ 13, 0, "aesctr" },
	{ 14, 0, "aesccm8" },
	{ 15, 0, "aesccm12" },
	{ 18, 0, "aesgcm8" },
	{ 19, 0, "aesgcm12" },
	{ 0, 0, "cipher" },
};
static const struct code esp_integs[] = {
	{ 2, HASH_SHA1, "sha1" },
	{ 5, HASH_SHA256, "sha256" },
	{ 6, HASH_SHA384, "sha384" },
	{ 7, HASH_SHA512, "sha512" },
	{ 1, 0, "md5" },
	{ 0, 0, "integrity" },
};

static const struct code *code_of(const struct code *codes, unsigned int wire)
{
	while (codes->wire && codes->wire != wire)
		codes++;
	return codes;
}

static uint16_t wire_of(const struct code *codes, int ours)
{
	while (codes->wire && codes->ours != ours)
		codes++;
	return codes->wire;
}

uint16_t wire_ike_cipher(enum ike_cipher cipher)
{
	return wire_of(ike_ciphers, cipher);
}

uint16_t wire_ike_hash(enum ike_hash hash)
{
	return wire_of(ike_hashes, hash);
}

uint16_t wire_ike_auth(enum ike_auth auth)
{
	return wire_of(ike_auths, auth);
}

const char *ike_auth_text(enum ike_auth auth)
{
	return code_of(ike_auths, wire_ike_auth(auth))->name;
}

uint16_t wire_esp_cipher(enum ike_cipher cipher)
{
	return wire_of(esp_ciphers, cipher);
}

bool esp_proposal_in_v1(const struct esp_proposal *p)
{
	return wire_esp_cipher(p->cipher);
}

uint16_t wire_esp_integ(enum ike_hash integ)
{
	return wire_of(esp_integs, integ);
}

/* Reads one attribute; false when it is cut off. A value above 64 bits has id 0. */
static bool read_attribute(struct reader *r, uint16_t *id, uint64_t *value)
{
	uint16_t len;
	const uint8_t *p;

	*id = read_u16(r);
	*value = read_u16(r);
	if (*id & ATTRIBUTE_TV) {
		*id &= ~ATTRIBUTE_TV;
		return !r->bad;
	}
	len = *value;
	p = read_octets(r, len);
	if (!p)
		return false;
	if (len < 1 || len > 8)
		*id = 0;
	*value = 0;
	for (uint16_t i = 0; *id && i < len; i++)
		*value = *value << 8 | p[i];
	return true;
}

static void set_field(struct transform *t, uint16_t *field, uint64_t value)
{
	/* An attribute given twice, with another value, has no meaning. */
	if (value == 0 || value > UINT16_MAX || (*field && *field != value))
		t->unacceptable = true;
	else
		*field = value;
}

static void set_attribute(struct transform *t, bool phase1, uint16_t id, uint64_t value,
			  uint64_t *life_type)
{
	switch (phase1 ? id : PHASE2(id)) {
	case A1_CIPHER:
		return set_field(t, &t->cipher, value);
	case A1_HASH:
	case PHASE2(A2_INTEG):
		return set_field(t, &t->hash, value);
	case A1_AUTH:
		return set_field(t, &t->auth, value);
	case A1_GROUP:
	case PHASE2(A2_GROUP):
		return set_field(t, &t->group, value);
	case A1_KEY_BITS:
	case PHASE2(A2_KEY_BITS):
		return set_field(t, &t->key_bits, value);
	case PHASE2(A2_MODE):
		return set_field(t, &t->mode, value);
	case PHASE2(A2_ESN):
		return set_field(t, &t->esn, value);
	case A1_LIFE_TYPE:
	case PHASE2(A2_LIFE_TYPE):
		*life_type = value;
		return;
	case A1_LIFE:
	case PHASE2(A2_LIFE):
		/* A life duration means what the type before it says (pitfall 1.12). */
		if (*life_type == LIFE_SECONDS)
			t->life.seconds = value;
		else if (*life_type == LIFE_KILOBYTES)
			t->life.kbytes = value;
		return;
	default:
		t->unacceptable = true;
	}
}

int transform_attributes(struct transform *t, bool phase1, struct reader r)
{
	uint64_t life_type = 0;
	uint64_t value;
	uint16_t id;

	if (!phase1)
		t->cipher = t->id;
	while (r.left) {
		if (!read_attribute(&r, &id, &value))
			return -1;
		set_attribute(t, phase1, id, value, &life_type);
	}
	if (phase1 && t->id != KEY_IKE)
		t->unacceptable = true;
	return 0;
}

/* A payload of the chain inside an SA payload; type is what it has to be. */
static const uint8_t *read_nested(struct reader *r, uint8_t type, struct reader *body,
				  uint8_t *next)
{
	const uint8_t *start = r->p;
	uint16_t len;

	*next = read_u8(r);
	read_u8(r); /* reserved */
	len = read_u16(r);
	if (r->bad || len < 4 || (*next != PL_NONE && *next != type))
		return NULL;
	*body = reader_of(read_octets(r, len - 4), len - 4);
	return r->bad ? NULL : start;
}

static int read_proposal(struct reader r, bool phase1, struct transform *out, size_t *n)
{
	struct transform common = { 0 };
	uint8_t next = PL_TRANSFORM;
	uint8_t spi_len, count;

	common.proposal = read_u8(&r);
	common.proto = read_u8(&r);
	spi_len = read_u8(&r);
	count = read_u8(&r);
	common.spi = CHUNK(read_octets(&r, spi_len), spi_len);
	if (r.bad || !count)
		return -1;
	for (; count && next == PL_TRANSFORM; count--) {
		struct transform *t = &out[*n];
		struct reader body;
		const uint8_t *start;

		if (*n == TRANSFORMS_MAX)
			return -1;
		start = read_nested(&r, PL_TRANSFORM, &body, &next);
		if (!start || body.left < TRANSFORM_FIXED - 4)
			return -1;
		*t = common;
		t->raw = CHUNK(start, body.left + 4);
		read_u8(&body); /* its number */
		t->id = read_u8(&body);
		read_u16(&body); /* reserved */
		if (transform_attributes(t, phase1, body))
			return -1;
		(*n)++;
	}
	return count || next != PL_NONE || r.left ? -1 : 0;
}

/* Proposals with the same number are to be used together (AH and ESP): not by us. */
static void mark_bundles(struct transform *t, size_t n, size_t first)
{
	for (size_t i = 0; i < first; i++) {
		if (t[i].proposal != t[first].proposal)
			continue;
		t[i].unacceptable = true;
		for (size_t j = first; j < n; j++)
			t[j].unacceptable = true;
	}
}

int transforms_read(struct chunk sa, bool phase1, struct transform *out, char *why)
{
	struct reader r = reader_of(sa.p, sa.len);
	uint32_t doi = read_u32(&r);
	uint32_t situation = read_u32(&r);
	uint8_t next = PL_PROPOSAL;
	size_t n = 0;

	if (r.bad || doi != DOI_IPSEC || situation != SIT_IDENTITY) {
		snprintf(why, WHY_MAX, "the SA payload is not of the IPsec DOI");
		return -1;
	}
	while (next == PL_PROPOSAL) {
		size_t first = n;
		struct reader body;

		if (!read_nested(&r, PL_PROPOSAL, &body, &next) ||
		    read_proposal(body, phase1, out, &n)) {
			snprintf(why, WHY_MAX,
				 "the SA payload is broken after %zu transforms", n);
			return -1;
		}
		mark_bundles(out, n, first);
	}
	if (r.left) {
		snprintf(why, WHY_MAX, "%zu octets follow the last proposal", r.left);
		return -1;
	}
	return n;
}

/* Key lengths: AES-128 when it is not said (pitfall 1.13); never said for 3DES and NULL. */
static uint16_t key_bits(const struct transform *t, enum ike_cipher cipher)
{
	if (cipher == CIPHER_3DES)
		return t->key_bits ? 0 : 192;
	if (cipher == CIPHER_NULL)
		return t->key_bits;
	return t->key_bits ? t->key_bits : 128;
}

bool transform_ike(const struct transform *t, struct ike_proposal *p)
{
	int auth = code_of(ike_auths, t->auth)->ours;

	*p = (struct ike_proposal){
		.cipher = code_of(ike_ciphers, t->cipher)->ours,
		.hash = code_of(ike_hashes, t->hash)->ours,
		.group = code_of(groups, t->group)->ours,
		.auth = auth < 0 ? AUTH_PSK : auth,
	};
	p->key_bits = key_bits(t, p->cipher);
	return !t->unacceptable && t->proto == PROTO_ISAKMP && auth >= 0;
}

static bool in_udp(const struct transform *t)
{
	return t->mode == MODE_UDP_TUNNEL || t->mode == MODE_UDP_TUNNEL_DRAFT;
}

bool transform_esp(const struct transform *t, bool udp, struct esp_proposal *p)
{
	*p = (struct esp_proposal){
		.cipher = code_of(esp_ciphers, t->cipher)->ours,
		.integ = code_of(esp_integs, t->hash)->ours,
		.group = code_of(groups, t->group)->ours,
		.esn = t->esn == 1,
	};
	p->key_bits = key_bits(t, p->cipher);
	return !t->unacceptable && t->proto == PROTO_ESP && t->spi.len == 4 &&
	       (udp ? in_udp(t) : t->mode == MODE_TUNNEL || !t->mode) && t->esn <= 1 &&
	       (p->integ != HASH_NONE || !t->hash) &&
	       (p->group != GROUP_NONE || !t->group);
}

/* "sha256", or for what has no name its number: "hash 9". */
static void append_code(char *out, size_t size, const struct code *codes,
			unsigned int wire, unsigned int bits)
{
	const struct code *c = code_of(codes, wire);
	size_t at = strlen(out);

	if (at)
		at += snprintf(out + at, size - at, "-");
	if (!c->wire)
		snprintf(out + at, size - at, "%s %u", c->name, wire);
	else if (!strncmp(c->name, "aes", 3))
		snprintf(out + at, size - at, "aes%u%s", bits, c->name + 3);
	else
		snprintf(out + at, size - at, "%s", c->name);
}

static void transform_text(const struct transform *t, bool phase1, char *out, size_t size)
{
	unsigned int bits = t->key_bits ? t->key_bits : 128;
	size_t at;

	out[0] = 0;
	append_code(out, size, phase1 ? ike_ciphers : esp_ciphers, t->cipher, bits);
	if (t->hash)
		append_code(out, size, phase1 ? ike_hashes : esp_integs, t->hash, 0);
	if (t->group)
		append_code(out, size, groups, t->group, 0);
	at = strlen(out);
	if (phase1 && t->auth != wire_ike_auth(AUTH_PSK)) {
		const struct code *c = code_of(ike_auths, t->auth);

		at += snprintf(out + at, size - at, " with %s", c->name);
		if (!c->wire)
			snprintf(out + at, size - at, " %u", t->auth);
	}
	if (t->esn)
		at += snprintf(out + at, size - at, "-esn");
	if (!phase1 && in_udp(t))
		at += snprintf(out + at, size - at, " in UDP");
	else if (!phase1 && t->mode > MODE_TUNNEL)
		at += snprintf(out + at, size - at, " in mode %u", t->mode);
	if (!phase1 && t->proto != PROTO_ESP)
		snprintf(out + at, size - at, " of protocol %u", t->proto);
}

static void sa_text(struct chunk sa, bool phase1, char *out, size_t size)
{
	struct transform t[TRANSFORMS_MAX];
	char why[WHY_MAX];
	char line[2 * PROPOSAL_TEXT];
	int count = transforms_read(sa, phase1, t, why);
	size_t at = 0;

	out[0] = 0;
	for (int i = 0; i < count && at < size; i++) {
		transform_text(&t[i], phase1, line, sizeof(line));
		at += snprintf(out + at, size - at, "%s%s", at ? "\n" : "", line);
	}
}

void ike_sa_text(struct chunk sa, char *out, size_t size)
{
	sa_text(sa, true, out, size);
}

void esp_sa_text(struct chunk sa, char *out, size_t size)
{
	sa_text(sa, false, out, size);
}
