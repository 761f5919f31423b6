// SPDX-License-Identifier: MIT
/* Vendor IDs: recognised, named, sent (RFC 2408 section 3.16). */
#include <string.h>

#include "payload.h"

/* The octets that count; the rest of id, if any, is the version that we send. */
static const struct {
	const char *name;
	uint8_t len;
	uint8_t id[16];
} vendors[] = {
	[VENDOR_DPD] = { "DPD",
			 14,
			 { 0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9, 0x6b, 0x86,
			   0x96, 0xfc, 0x77, 0x57, 0x01, 0x00 } },
	[VENDOR_NAT_T] = { "NAT-T",
			   16,
			   { 0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45, 0x5c, 0x57,
			     0x28, 0xf2, 0x0e, 0x95, 0x45, 0x2f } },
	[VENDOR_NAT_T_DRAFT] = { "NAT-T draft 02",
				 16,
				 { 0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e, 0x08,
				   0x63, 0x81, 0xb5, 0xec, 0x42, 0x7b, 0x1f } },
	[VENDOR_XAUTH] = { "XAUTH",
			   8,
			   { 0x09, 0x00, 0x26, 0x89, 0xdf, 0xd6, 0xb7, 0x12 } },
	[VENDOR_FRAGMENTATION] = { "fragmentation",
				   16,
				   { 0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85, 0x25,
				     0xe7, 0xde, 0x7f, 0x00, 0xd6, 0xc2, 0xd3 } },
	[VENDOR_UNITY] = { "Cisco Unity",
			   14,
			   { 0x12, 0xf5, 0xf2, 0x8c, 0x45, 0x71, 0x68, 0xa9, 0x70, 0x2d,
			     0x9f, 0xe2, 0x74, 0xcc } },
	[VENDOR_UNKNOWN] = { "unknown", 0, { 0 } },
};

enum vendor vendor_of(const struct payload *p)
{
	enum vendor v = 0;

	while (v != VENDOR_UNKNOWN &&
	       (p->len < vendors[v].len ||
		memcmp(p->body, vendors[v].id, vendors[v].len) != 0))
		v++;
	return v;
}

bool vendor_has(const struct payloads *ps, enum vendor v)
{
	const struct payload *p;

	for (size_t i = 0; (p = payload_get(ps, PL_VENDOR, i)); i++)
		if (vendor_of(p) == v)
			return true;
	return false;
}

const char *vendor_name(enum vendor v)
{
	return vendors[v].name;
}

void vendor_put(struct buf *b, size_t *next, enum vendor v)
{
	payload_put(b, next, PL_VENDOR, vendors[v].id, sizeof(vendors[v].id));
}
