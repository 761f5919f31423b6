/* SPDX-License-Identifier: MIT */
/* Members of a struct as members of a JSON object, by a table, and back. */
#ifndef ESPTUN_FIELDS_H
#define ESPTUN_FIELDS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum field_kind {
	FIELD_NUMBER, /* enum or unsigned of 1, 2, 4 or 8 octets; -1: the highest */
	FIELD_BOOL,
	FIELD_OCTETS, /* hexadecimal, always all of them */
	FIELD_ADDR,   /* struct ike_addr: "192.0.2.1 500" */
	FIELD_SUBNET, /* struct ike_subnet: "10.1.0.0/16" */
	FIELD_IKE,    /* struct ike_proposal without auth, struct esp_proposal: a suite */
	FIELD_ESP,
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t at, size;
};

#define FIELD(kind, type, member)                             \
	{                                                     \
#member, kind, offsetof(struct type, member), \
			sizeof(((struct type *)0)->member)    \
	}

/* One of these for the values of an array of texts. */
cJSON *field_write(const struct field *f, const void *in);
int field_read(const struct field *f, void *out, const cJSON *v);

/* Without memory members are missing. */
void fields_write(cJSON *o, const struct field *f, size_t n, const void *in);
/* Returns 0, or -1 when one is missing or wrong, with its name in why (FIELDS_WHY). */
#define FIELDS_WHY 96
int fields_read(const cJSON *o, const struct field *f, size_t n, void *out, char *why);

void hex_write(cJSON *o, const char *name, struct chunk octets);
/* Appends what it holds. Returns 0, or -1 when there is no such text in hexadecimal. */
int hex_read(const cJSON *o, const char *name, struct buf *out);

#endif
