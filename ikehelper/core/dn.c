// SPDX-License-Identifier: MIT
/* The distinguished name of a certificate's subject, in words. */
#include "dn.h"

#include <stdio.h>
#include <string.h>

enum { DER_OID = 6, DER_SEQUENCE = 0x30, DER_SET = 0x31 };

/* Types of attributes as people write them (RFC 4519), by the octets of their OID. */
static const struct {
	const char *name;
	uint8_t len;
	uint8_t oid[10];
} types[] = {
	{ "CN", 3, { 0x55, 4, 3 } },
	{ "serialNumber", 3, { 0x55, 4, 5 } },
	{ "C", 3, { 0x55, 4, 6 } },
	{ "L", 3, { 0x55, 4, 7 } },
	{ "ST", 3, { 0x55, 4, 8 } },
	{ "O", 3, { 0x55, 4, 10 } },
	{ "OU", 3, { 0x55, 4, 11 } },
	{ "emailAddress", 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1 } },
	{ "UID", 10, { 9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1 } },
	{ "DC", 10, { 9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25 } },
};

/* One element with a length of up to two octets. Returns its tag, 0 when there is none. */
static uint8_t element(struct reader *r, struct reader *body)
{
	uint8_t tag = read_u8(r);
	size_t len = read_u8(r);

	if (len == 0x81)
		len = read_u8(r);
	else if (len == 0x82)
		len = read_u16(r);
	else if (len > 0x7f)
		return 0;
	*body = reader_of(read_octets(r, len), len);
	return r->bad ? 0 : tag;
}

static const char *type_name(const struct reader *oid)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].len == oid->left && !memcmp(types[i].oid, oid->p, oid->left))
			return types[i].name;
	return "?";
}

void dn_text(struct chunk der, char *out, size_t size)
{
	struct reader outer = reader_of(der.p, der.len), name, set, pair, oid, value;
	size_t at = 0;

	out[0] = 0;
	if (element(&outer, &name) != DER_SEQUENCE)
		return;
	while (at < size && element(&name, &set) == DER_SET &&
	       element(&set, &pair) == DER_SEQUENCE && element(&pair, &oid) == DER_OID &&
	       element(&pair, &value)) {
		at += snprintf(out + at, size - at, "%s%s=", at ? ", " : "",
			       type_name(&oid));
		for (; value.left && at + 1 < size; value.left--, value.p++)
			out[at++] = *value.p >= ' ' && *value.p < 0x7f ? *value.p : '?';
		if (at < size)
			out[at] = 0;
	}
}
