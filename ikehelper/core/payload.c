// SPDX-License-Identifier: MIT
/* Every payload, one descriptor table, caps. */
#include "payload.h"

#include <stdio.h>
#include <string.h>

static const struct descriptor {
	uint8_t type;
	uint8_t cap; /* times in one message */
	uint8_t min; /* octets of the body */
	uint32_t bit;
	const char *name;
} descriptors[] = {
	{ PL_SA, 1, 8, P_SA, "SA" },
	{ PL_KE, 1, 1, P_KE, "KE" },
	{ PL_ID, 2, 4, P_ID, "ID" },
	{ PL_CERT, 8, 1, P_CERT, "CERT" },
	{ PL_CERTREQ, 8, 1, P_CERTREQ, "CERTREQ" },
	{ PL_HASH, 1, 1, P_HASH, "HASH" },
	{ PL_SIG, 1, 1, P_SIG, "SIG" },
	{ PL_NONCE, 1, 8, P_NONCE, "nonce" },
	{ PL_NOTIFY, 8, 8, P_NOTIFY, "notify" },
	{ PL_DELETE, 8, 8, P_DELETE, "delete" },
	{ PL_VENDOR, 20, 0, P_VENDOR, "vendor" },
	{ PL_NATD, 8, 1, P_NATD, "NAT-D" },
	{ PL_NATOA, 2, 8, P_NATOA, "NAT-OA" },
	{ PL_NATD_DRAFT, 8, 1, P_NATD, "NAT-D" },
	{ PL_NATOA_DRAFT, 2, 8, P_NATOA, "NAT-OA" },
};

#define ID_MAX	      1024 /* octets; the name in a certificate may be long */
#define N_DESCRIPTORS (sizeof(descriptors) / sizeof(descriptors[0]))

static const struct {
	uint16_t type;
	const char *name;
} notifies[] = {
	{ N_INVALID_PAYLOAD_TYPE, "INVALID-PAYLOAD-TYPE" },
	{ N_INVALID_COOKIE, "INVALID-COOKIE" },
	{ N_INVALID_MAJOR_VERSION, "INVALID-MAJOR-VERSION" },
	{ N_INVALID_EXCHANGE_TYPE, "INVALID-EXCHANGE-TYPE" },
	{ N_INVALID_MESSAGE_ID, "INVALID-MESSAGE-ID" },
	{ N_INVALID_SPI, "INVALID-SPI" },
	{ N_NO_PROPOSAL_CHOSEN, "NO-PROPOSAL-CHOSEN" },
	{ N_PAYLOAD_MALFORMED, "PAYLOAD-MALFORMED" },
	{ N_INVALID_KEY_INFORMATION, "INVALID-KEY-INFORMATION" },
	{ N_INVALID_ID_INFORMATION, "INVALID-ID-INFORMATION" },
	{ N_INVALID_HASH_INFORMATION, "INVALID-HASH-INFORMATION" },
	{ N_AUTHENTICATION_FAILED, "AUTHENTICATION-FAILED" },
	{ N_RESPONDER_LIFETIME, "RESPONDER-LIFETIME" },
	{ N_REPLAY_STATUS, "REPLAY-STATUS" },
	{ N_INITIAL_CONTACT, "INITIAL-CONTACT" },
	{ N_R_U_THERE, "R-U-THERE" },
	{ N_R_U_THERE_ACK, "R-U-THERE-ACK" },
};

static const struct descriptor *describe(uint8_t type)
{
	for (size_t i = 0; i < N_DESCRIPTORS; i++)
		if (descriptors[i].type == type)
			return &descriptors[i];
	return NULL;
}

const char *payload_name(uint8_t type)
{
	const struct descriptor *d = describe(type);

	return d ? d->name : "unknown";
}

const char *notify_name(uint16_t type)
{
	for (size_t i = 0; i < sizeof(notifies) / sizeof(notifies[0]); i++)
		if (notifies[i].type == type)
			return notifies[i].name;
	return NULL;
}

int header_read(struct ike_header *h, const uint8_t *data, size_t len, char *why)
{
	struct reader r = reader_of(data, len);
	const uint8_t *cookies = read_octets(&r, 16);

	h->next = read_u8(&r);
	h->version = read_u8(&r);
	h->exchange = read_u8(&r);
	h->flags = read_u8(&r);
	h->message_id = read_u32(&r);
	h->length = read_u32(&r);
	if (r.bad) {
		snprintf(why, PAYLOAD_WHY, "%zu octets are too few for an IKE header",
			 len);
		return -1;
	}
	memcpy(h->cookie_i, cookies, 8);
	memcpy(h->cookie_r, cookies + 8, 8);
	if (h->length != len) {
		snprintf(why, PAYLOAD_WHY,
			 "the header says %u octets, the datagram has %zu", h->length,
			 len);
		return -1;
	}
	return 0;
}

void header_write(struct buf *b, const struct ike_header *h)
{
	put_octets(b, h->cookie_i, 8);
	put_octets(b, h->cookie_r, 8);
	put_u8(b, h->next);
	put_u8(b, h->version);
	put_u8(b, h->exchange);
	put_u8(b, h->flags);
	put_u32(b, h->message_id);
	put_u32(b, h->length);
}

static int add_payload(struct payloads *out, const struct descriptor *d, struct payload p,
		       char *why)
{
	size_t times = 0;

	if (p.len < d->min) {
		snprintf(why, PAYLOAD_WHY, "the %s payload has only %zu octets", d->name,
			 p.len);
		return -1;
	}
	for (size_t i = 0; i < out->n; i++)
		times += out->p[i].type == p.type;
	if (times == d->cap || out->n == PAYLOAD_MAX) {
		snprintf(why, PAYLOAD_WHY, "more than %zu %s payloads",
			 times == d->cap ? times : out->n, d->name);
		return -1;
	}
	out->p[out->n++] = p;
	out->seen |= d->bit;
	return 0;
}

int payloads_parse(struct payloads *out, uint8_t first, const uint8_t *data, size_t len,
		   char *why)
{
	struct reader r = reader_of(data, len);
	uint8_t type = first;

	*out = (struct payloads){ 0 };
	for (size_t nth = 1; type != PL_NONE; nth++) {
		const struct descriptor *d = describe(type);
		uint8_t next = read_u8(&r);
		uint8_t reserved = read_u8(&r);
		uint16_t size = read_u16(&r);
		struct payload p = { .type = type };

		/* Reserved octets are to be ignored when they come (pitfall 1.22). */
		(void)reserved;
		if (!r.bad && size >= 4) {
			p.len = size - 4;
			p.body = read_octets(&r, p.len);
		}
		if (r.bad || size < 4) {
			snprintf(why, PAYLOAD_WHY,
				 "payload %zu (%s) does not fit into the message", nth,
				 payload_name(type));
			return -1;
		}
		if (!d && type < PL_PRIVATE) {
			snprintf(why, PAYLOAD_WHY, "payload %zu has the unknown type %u",
				 nth, type);
			return -1;
		}
		if (d && add_payload(out, d, p, why))
			return -1;
		type = next;
	}
	out->used = len - r.left;
	return 0;
}

/* Writes the names of the payloads in set, each once. */
static void set_names(uint32_t set, char *out, size_t size)
{
	uint32_t done = 0;
	size_t at = 0;

	out[0] = 0;
	for (size_t i = 0; i < N_DESCRIPTORS && at < size; i++) {
		const struct descriptor *d = &descriptors[i];

		if (!(set & d->bit) || done & d->bit)
			continue;
		at += snprintf(out + at, size - at, "%s%s", at ? ", " : "", d->name);
		done |= d->bit;
	}
}

int payloads_check(const struct payloads *ps, uint32_t must, uint32_t may, char *why)
{
	uint32_t missing = must & ~ps->seen;
	uint32_t extra = ps->seen & ~(must | may);
	char names[96];

	if (!missing && !extra)
		return 0;
	set_names(missing ? missing : extra, names, sizeof(names));
	snprintf(why, PAYLOAD_WHY, "%s: %s",
		 missing ? "missing payloads" : "unexpected payloads", names);
	return -1;
}

const struct payload *payload_get(const struct payloads *ps, uint8_t type, size_t nth)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->p[i].type == type && !nth--)
			return &ps->p[i];
	return NULL;
}

size_t payload_begin(struct buf *b, size_t *next, uint8_t type)
{
	size_t at = put_zeros(b, 4);

	if (!b->bad) {
		b->data[*next] = type;
		*next = at;
	}
	return at;
}

void payload_end(struct buf *b, size_t at)
{
	patch_u16(b, at + 2, b->len - at);
}

void payload_put(struct buf *b, size_t *next, uint8_t type, const void *body, size_t len)
{
	size_t at = payload_begin(b, next, type);

	put_octets(b, body, len);
	payload_end(b, at);
}

int id_parse(struct id_body *out, const struct payload *p, char *why)
{
	struct reader r = reader_of(p->body, p->len);

	out->type = read_u8(&r);
	out->proto = read_u8(&r);
	out->port = read_u16(&r);
	if (r.bad || r.left > ID_MAX) {
		snprintf(why, PAYLOAD_WHY, "an ID payload of %zu octets", p->len);
		return -1;
	}
	out->data = CHUNK(r.p, r.left);
	return 0;
}

struct id_kind id_kind(const struct id_body *id)
{
	struct id_kind k = { .len = 4 };

	switch (id->type) {
	case ID_IPV6_ADDR:
		k.len = 16;
		/* fall through */
	case ID_IPV4_ADDR:
		k.of = ID_ONE;
		break;
	case ID_IPV6_ADDR_SUBNET:
		k.len = 16;
		/* fall through */
	case ID_IPV4_ADDR_SUBNET:
		k.of = ID_MASK;
		break;
	case ID_IPV6_RANGE:
		k.len = 16;
		/* fall through */
	case ID_IPV4_RANGE:
		k.of = ID_RANGE;
		break;
	}
	if (k.of != ID_OTHER && id->data.len != (k.of == ID_ONE ? k.len : 2 * k.len))
		k.of = ID_OTHER;
	return k;
}

int notify_parse(struct notify_body *out, const struct payload *p, char *why)
{
	struct reader r = reader_of(p->body, p->len);
	uint8_t spi_size;

	out->doi = read_u32(&r);
	out->proto = read_u8(&r);
	spi_size = read_u8(&r);
	out->type = read_u16(&r);
	out->spi = CHUNK(read_octets(&r, spi_size), spi_size);
	if (r.bad) {
		snprintf(why, PAYLOAD_WHY, "a notify payload shorter than its SPI");
		return -1;
	}
	out->data = CHUNK(r.p, r.left);
	return 0;
}

int delete_parse(struct delete_body *out, const struct payload *p, char *why)
{
	struct reader r = reader_of(p->body, p->len);

	out->doi = read_u32(&r);
	out->proto = read_u8(&r);
	out->spi_size = read_u8(&r);
	out->count = read_u16(&r);
	out->spis = read_octets(&r, (size_t)out->count * out->spi_size);
	if (r.bad || r.left || (out->count && !out->spi_size)) {
		snprintf(why, PAYLOAD_WHY,
			 "a delete payload of %zu octets that claims %u SPIs of %u",
			 p->len, out->count, out->spi_size);
		return -1;
	}
	return 0;
}
