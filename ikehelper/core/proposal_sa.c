// SPDX-License-Identifier: MIT
/* SA payloads of both phases: written, and one suite of the peer's selected. */
#include "proposal.h"

#include <stdio.h>
#include <string.h>

#include "payload.h"
#include "transform.h"

#define SA_FIXED 8 /* octets of DOI and situation */

bool ike_proposal_same(const struct ike_proposal *a, const struct ike_proposal *b)
{
	return a->cipher == b->cipher && a->key_bits == b->key_bits &&
	       a->hash == b->hash && a->group == b->group && a->auth == b->auth;
}

static bool esp_same(const struct esp_proposal *a, const struct esp_proposal *b)
{
	return a->cipher == b->cipher && a->key_bits == b->key_bits &&
	       a->integ == b->integ && a->group == b->group && a->esn == b->esn;
}

static size_t begin_proposal(struct buf *b, uint8_t number, uint8_t proto,
			     const uint8_t *spi, size_t spi_len, uint8_t transforms)
{
	size_t at = put_zeros(b, 4);

	put_u8(b, number);
	put_u8(b, proto);
	put_u8(b, spi_len);
	put_u8(b, transforms);
	put_octets(b, spi, spi_len);
	return at;
}

static void begin_sa(struct buf *b)
{
	put_u32(b, DOI_IPSEC);
	put_u32(b, SIT_IDENTITY);
}

/* The initiator's transform byte for byte, but that none follows it. */
static int write_reply(struct buf *b, const struct transform *t, const uint8_t *spi,
		       size_t spi_len)
{
	size_t at;
	size_t raw;

	begin_sa(b);
	at = begin_proposal(b, t->proposal, t->proto, spi, spi_len, 1);
	raw = b->len;
	put_octets(b, t->raw.p, t->raw.len);
	if (!b->bad)
		b->data[raw] = PL_NONE;
	payload_end(b, at);
	return b->bad ? -1 : 0;
}

enum select ike_sa_select(struct chunk sa, const struct ike_proposal *ours, size_t n,
			  bool only_one, struct ike_choice *out, char *why)
{
	struct transform t[TRANSFORMS_MAX];
	int count = transforms_read(sa, true, t, why);
	struct ike_proposal theirs;

	*out = (struct ike_choice){ 0 };
	if (count < 0)
		return SELECT_MALFORMED;
	for (size_t i = 0; i < n && !(only_one && count > 1); i++) {
		for (int j = 0; j < count; j++) {
			if (!transform_ike(&t[j], &theirs) ||
			    !ike_proposal_same(&theirs, &ours[i]))
				continue;
			out->suite = theirs;
			out->seconds = t[j].life.seconds;
			if (write_reply(&out->reply, &t[j], NULL, 0))
				break;
			return SELECT_OK;
		}
	}
	buf_wipe(&out->reply);
	return SELECT_NONE;
}

enum select esp_sa_select(struct chunk sa, const struct esp_proposal *ours, size_t n,
			  bool udp, bool only_one, struct esp_choice *out, char *why)
{
	struct transform t[TRANSFORMS_MAX];
	int count = transforms_read(sa, false, t, why);
	struct esp_proposal theirs;

	*out = (struct esp_choice){ 0 };
	if (count < 0)
		return SELECT_MALFORMED;
	for (size_t i = 0; i < n && !(only_one && count > 1); i++) {
		for (int j = 0; j < count; j++) {
			if (!transform_esp(&t[j], udp, &theirs) ||
			    !esp_same(&theirs, &ours[i]))
				continue;
			out->suite = theirs;
			out->life = t[j].life;
			memcpy(out->spi, t[j].spi.p, 4);
			out->reply_spi = SA_FIXED + 8;
			if (write_reply(&out->reply, &t[j], (uint8_t[4]){ 0 }, 4))
				break;
			return SELECT_OK;
		}
	}
	buf_wipe(&out->reply);
	return SELECT_NONE;
}

static void put_tv(struct buf *b, uint16_t id, uint16_t value)
{
	put_u16(b, id | ATTRIBUTE_TV);
	put_u16(b, value);
}

/*
 * A lifetime in a unit: the two attributes have neighbouring numbers in both phases. More
 * than four octets hold is said as the most that they do.
 */
static void put_life(struct buf *b, uint16_t type, uint16_t unit, uint64_t life)
{
	if (life > UINT32_MAX)
		life = UINT32_MAX;
	put_tv(b, type, unit);
	if (life <= UINT16_MAX)
		return put_tv(b, type + 1, life);
	put_u16(b, type + 1);
	put_u16(b, 4);
	put_u32(b, life);
}

static size_t begin_transform(struct buf *b, size_t i, size_t n, uint8_t id)
{
	size_t at = b->len;

	put_u8(b, i + 1 < n ? PL_TRANSFORM : PL_NONE);
	put_u8(b, 0);
	put_u16(b, 0); /* length */
	put_u8(b, i + 1);
	put_u8(b, id);
	put_u16(b, 0);
	return at;
}

void ike_life_write(struct buf *b, uint64_t seconds)
{
	put_life(b, A1_LIFE_TYPE, LIFE_SECONDS, seconds);
}

void ike_sa_write(struct buf *b, const struct ike_proposal *p, size_t n, uint32_t seconds)
{
	size_t proposal;

	begin_sa(b);
	proposal = begin_proposal(b, 1, PROTO_ISAKMP, NULL, 0, n);
	for (size_t i = 0; i < n; i++) {
		size_t at = begin_transform(b, i, n, KEY_IKE);

		put_tv(b, A1_CIPHER, wire_ike_cipher(p[i].cipher));
		if (p[i].cipher != CIPHER_3DES)
			put_tv(b, A1_KEY_BITS, p[i].key_bits);
		put_tv(b, A1_HASH, wire_ike_hash(p[i].hash));
		put_tv(b, A1_GROUP, p[i].group);
		put_tv(b, A1_AUTH, wire_ike_auth(p[i].auth));
		ike_life_write(b, seconds);
		payload_end(b, at);
	}
	payload_end(b, proposal);
}

void esp_life_write(struct buf *b, const struct esp_life *life)
{
	put_life(b, A2_LIFE_TYPE, LIFE_SECONDS, life->seconds);
	if (life->kbytes)
		put_life(b, A2_LIFE_TYPE, LIFE_KILOBYTES, life->kbytes);
}

void esp_sa_write(struct buf *b, const struct esp_proposal *p, size_t n,
		  const uint8_t *spi, const struct esp_life *life, uint16_t mode)
{
	size_t proposal;

	begin_sa(b);
	proposal = begin_proposal(b, 1, PROTO_ESP, spi, 4, n);
	for (size_t i = 0; i < n; i++) {
		size_t at = begin_transform(b, i, n, wire_esp_cipher(p[i].cipher));

		if (p[i].key_bits)
			put_tv(b, A2_KEY_BITS, p[i].key_bits);
		put_tv(b, A2_MODE, mode);
		if (p[i].group != GROUP_NONE)
			put_tv(b, A2_GROUP, p[i].group);
		if (p[i].integ != HASH_NONE)
			put_tv(b, A2_INTEG, wire_esp_integ(p[i].integ));
		if (p[i].esn)
			put_tv(b, A2_ESN, 1);
		esp_life_write(b, life);
		payload_end(b, at);
	}
	payload_end(b, proposal);
}

static struct esp_life read_life(struct chunk attributes, bool phase1)
{
	struct transform t = { 0 };

	if (transform_attributes(&t, phase1, reader_of(attributes.p, attributes.len)))
		return (struct esp_life){ 0 };
	return t.life;
}

uint64_t ike_life_read(struct chunk attributes)
{
	return read_life(attributes, true).seconds;
}

struct esp_life esp_life_read(struct chunk attributes)
{
	return read_life(attributes, false);
}
