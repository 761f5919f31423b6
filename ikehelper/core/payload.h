/* SPDX-License-Identifier: MIT */
/*
 * The ISAKMP header and every payload (RFC 2408 section 3, RFC 2407 section 4.6): one
 * descriptor table with names, least lengths and caps, and parsers that never read past
 * what they were given.
 */
#ifndef ESPTUN_PAYLOAD_H
#define ESPTUN_PAYLOAD_H

#include "buf.h"

#define IKE_HEADER_LEN 28
#define PAYLOAD_MAX    40 /* payloads in one message */
#define PAYLOAD_WHY    160

#define IKE_V1 0x10

enum { /* exchange types */
       XCHG_MAIN = 2,
       XCHG_AGGRESSIVE = 4,
       XCHG_INFO = 5,
       XCHG_QUICK = 32,
};

enum { /* flags of the header */
       FLAG_ENCRYPTED = 1,
       FLAG_COMMIT = 2,
       FLAG_AUTH_ONLY = 4,
};

enum { /* payload types on the wire */
       PL_NONE = 0,
       PL_SA = 1,
       PL_PROPOSAL = 2,
       PL_TRANSFORM = 3,
       PL_KE = 4,
       PL_ID = 5,
       PL_CERT = 6,
       PL_CERTREQ = 7,
       PL_HASH = 8,
       PL_SIG = 9,
       PL_NONCE = 10,
       PL_NOTIFY = 11,
       PL_DELETE = 12,
       PL_VENDOR = 13,
       PL_NATD = 20,
       PL_NATOA = 21,
       PL_NATD_DRAFT = 130,
       PL_NATOA_DRAFT = 131,
       PL_PRIVATE = 128, /* from here on unknown ones are ignored */
};

/* Sets of payloads, as the table of messages writes them. */
enum {
	P_SA = 1 << 0,
	P_KE = 1 << 1,
	P_ID = 1 << 2,
	P_CERT = 1 << 3,
	P_CERTREQ = 1 << 4,
	P_HASH = 1 << 5,
	P_SIG = 1 << 6,
	P_NONCE = 1 << 7,
	P_NOTIFY = 1 << 8,
	P_DELETE = 1 << 9,
	P_VENDOR = 1 << 10,
	P_NATD = 1 << 11,
	P_NATOA = 1 << 12,
};

enum { /* protocol identifiers (RFC 2407 section 4.4.1) */
       PROTO_ISAKMP = 1,
       PROTO_ESP = 3,
};

enum { /* ID types (RFC 2407 section 4.6.2.1) */
       ID_IPV4_ADDR = 1,
       ID_FQDN = 2,
       ID_USER_FQDN = 3,
       ID_IPV4_ADDR_SUBNET = 4,
       ID_IPV6_ADDR = 5,
       ID_IPV6_ADDR_SUBNET = 6,
       ID_IPV4_RANGE = 7,
       ID_IPV6_RANGE = 8,
       ID_DER_ASN1_DN = 9,
       ID_KEY_ID = 11,
};

enum { /* notify types that we send or understand */
       N_INVALID_PAYLOAD_TYPE = 1,
       N_INVALID_COOKIE = 4,
       N_INVALID_MAJOR_VERSION = 5,
       N_INVALID_EXCHANGE_TYPE = 7,
       N_INVALID_MESSAGE_ID = 9,
       N_INVALID_SPI = 11,
       N_NO_PROPOSAL_CHOSEN = 14,
       N_PAYLOAD_MALFORMED = 16,
       N_INVALID_KEY_INFORMATION = 17,
       N_INVALID_ID_INFORMATION = 18,
       N_INVALID_HASH_INFORMATION = 23,
       N_AUTHENTICATION_FAILED = 24,
       N_RESPONDER_LIFETIME = 24576,
       N_REPLAY_STATUS = 24577,
       N_INITIAL_CONTACT = 24578,
       N_R_U_THERE = 36136, /* RFC 3706 section 5.2 */
       N_R_U_THERE_ACK = 36137,
};

struct ike_header {
	uint8_t cookie_i[8], cookie_r[8];
	uint8_t next; /* type of the first payload */
	uint8_t version;
	uint8_t exchange;
	uint8_t flags;
	uint32_t message_id;
	uint32_t length;
};

/*
 * Reads the header and checks that its length is that of the datagram (RFC 2408 section
 * 5.1). Returns 0, or -1 with the reason in why (PAYLOAD_WHY octets).
 */
int header_read(struct ike_header *h, const uint8_t *data, size_t len, char *why);
/* Writes the header; patch_u32(b, 24, length) when the length is known. */
void header_write(struct buf *b, const struct ike_header *h);

/* One payload of a message; body is what follows the generic header, not a copy. */
struct payload {
	uint8_t type;
	const uint8_t *body;
	size_t len;
};

struct payloads {
	struct payload p[PAYLOAD_MAX];
	size_t n;
	uint32_t seen; /* P_... */
	size_t used;   /* octets from the first payload to the end of the last */
};

/*
 * Splits data into payloads, the first of which has type first; what follows the last
 * one (padding) is left alone. Unknown types from 128 on are skipped, others refused; no
 * type comes more often than its cap. Returns 0, or -1 with the reason in why.
 */
int payloads_parse(struct payloads *out, uint8_t first, const uint8_t *data, size_t len,
		   char *why);
/* must and nothing outside must | may? Returns 0, or -1 and names what is not so. */
int payloads_check(const struct payloads *ps, uint32_t must, uint32_t may, char *why);
/* The nth (from 0) payload of that type, NULL when there is none. */
const struct payload *payload_get(const struct payloads *ps, uint8_t type, size_t nth);
const char *payload_name(uint8_t type); /* "SA", "KE", "nonce", ... */
const char *notify_name(uint16_t type); /* "NO-PROPOSAL-CHOSEN", NULL when unknown */

/* Vendor IDs that we know; those with a version are told by what comes before it. */
enum vendor {
	VENDOR_DPD,
	VENDOR_NAT_T, /* RFC 3947 */
	VENDOR_NAT_T_DRAFT,
	VENDOR_XAUTH,
	VENDOR_FRAGMENTATION,
	VENDOR_UNITY,
	VENDOR_UNKNOWN,
};

enum vendor vendor_of(const struct payload *p);
bool vendor_has(const struct payloads *ps, enum vendor v);
const char *vendor_name(enum vendor v); /* "DPD", "NAT-T", ... */
/* Appends the vendor ID to a chain as payload_put() does: one of 16 octets. */
void vendor_put(struct buf *b, size_t *next, enum vendor v);

/*
 * Appends a payload to a chain. next is the offset of the octet that is to hold its type
 * (the header's, or the first octet of the payload before it) and is moved on to this
 * one's own; returns the offset of the generic header for payload_end().
 */
size_t payload_begin(struct buf *b, size_t *next, uint8_t type);
/* Writes the length of the payload that began at offset at and ends here. */
void payload_end(struct buf *b, size_t at);
/* A whole payload with that body. */
void payload_put(struct buf *b, size_t *next, uint8_t type, const void *body, size_t len);

/* The ID payload's body (RFC 2407 section 4.6.2). */
struct id_body {
	uint8_t type, proto;
	uint16_t port;
	struct chunk data;
};
/* What an ID of addresses is made of: one, one and a mask, the first and the last. */
struct id_kind {
	enum {
		ID_OTHER,
		ID_ONE,
		ID_MASK,
		ID_RANGE
	} of;	    /* ID_OTHER: or of no such length */
	size_t len; /* octets of an address */
};
struct id_kind id_kind(const struct id_body *id);
int id_parse(struct id_body *out, const struct payload *p, char *why);

/* The notification's body (RFC 2408 section 3.14). */
struct notify_body {
	uint32_t doi;
	uint8_t proto;
	uint16_t type;
	struct chunk spi, data;
};
int notify_parse(struct notify_body *out, const struct payload *p, char *why);

/* The body of a delete (RFC 2408 section 3.15): count SPIs of spi_size octets at spis. */
struct delete_body {
	uint32_t doi;
	uint8_t proto, spi_size;
	uint16_t count;
	const uint8_t *spis;
};
int delete_parse(struct delete_body *out, const struct payload *p, char *why);

#endif
