// SPDX-License-Identifier: MIT
/* Members of a struct as members of a JSON object, by a table, and back. */
#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define EXACT (1ULL << 53) /* from here on JSON's numbers are not exact */

static uint64_t number_of(const void *in, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)in;
	case 2:
		return *(const uint16_t *)in;
	case 4:
		return *(const uint32_t *)in;
	default:
		return *(const uint64_t *)in;
	}
}

static int number_read(const cJSON *v, void *out, size_t size)
{
	uint64_t most = size < 8 ? (1ULL << 8 * size) - 1 : EXACT, n;

	if (!cJSON_IsNumber(v) || v->valuedouble < -1 || v->valuedouble > most)
		return -1;
	n = v->valuedouble < 0 ? UINT64_MAX : (uint64_t)v->valuedouble;
	if (size == 1)
		*(uint8_t *)out = n;
	else if (size == 2)
		*(uint16_t *)out = n;
	else if (size == 4)
		*(uint32_t *)out = n;
	else
		*(uint64_t *)out = n;
	return 0;
}

static cJSON *octets_write(const uint8_t *p, size_t len)
{
	char *text = malloc(2 * len + 1);
	cJSON *v;

	if (!text)
		return NULL;
	text[0] = 0;
	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
	v = cJSON_CreateString(text);
	free(text);
	return v;
}

static int octets_read(const char *text, uint8_t *out, size_t size)
{
	char why[TEXT_WHY];

	return text && hex_parse(text, out, size, why) == (int)size ? 0 : -1;
}

static cJSON *addr_write(const struct ike_addr *a)
{
	char text[TEXT_ADDR + 8], ip[TEXT_ADDR];

	addr_text(a, ip);
	snprintf(text, sizeof(text), "%s %u", ip, a->port);
	return cJSON_CreateString(text);
}

static int addr_read(const char *text, struct ike_addr *out)
{
	const char *space = text ? strchr(text, ' ') : NULL;
	char ip[TEXT_ADDR];
	uint64_t port;

	if (!space || space - text >= TEXT_ADDR || u64_parse(space + 1, 65535, &port))
		return -1;
	snprintf(ip, sizeof(ip), "%.*s", (int)(space - text), text);
	*out = (struct ike_addr){ 0 };
	if (strcmp(ip, "any") && addr_parse(ip, out))
		return -1;
	out->port = port;
	return 0;
}

cJSON *field_write(const struct field *f, const void *in)
{
	char text[TEXT_SUBNET > PROPOSAL_TEXT ? TEXT_SUBNET : PROPOSAL_TEXT];
	struct ike_proposal suite;
	uint64_t n;

	switch (f->kind) {
	case FIELD_NUMBER:
		n = number_of(in, f->size);
		return cJSON_CreateNumber(n < EXACT ? (double)n : -1);
	case FIELD_BOOL:
		return cJSON_CreateBool(*(const bool *)in);
	case FIELD_OCTETS:
		return octets_write(in, f->size);
	case FIELD_ADDR:
		return addr_write(in);
	case FIELD_SUBNET:
		subnet_text(in, text);
		break;
	case FIELD_IKE:
		suite = *(const struct ike_proposal *)in;
		suite.auth = AUTH_PSK;
		ike_proposal_text(&suite, text);
		break;
	case FIELD_ESP:
		esp_proposal_text(in, text);
		break;
	}
	return cJSON_CreateString(text);
}

int field_read(const struct field *f, void *out, const cJSON *v)
{
	const char *text = cJSON_GetStringValue(v);
	char why[TEXT_WHY > PROPOSAL_TEXT * 2 ? TEXT_WHY : PROPOSAL_TEXT * 2];

	if (f->kind == FIELD_NUMBER)
		return number_read(v, out, f->size);
	if (f->kind == FIELD_BOOL) {
		*(bool *)out = cJSON_IsTrue(v);
		return cJSON_IsBool(v) ? 0 : -1;
	}
	if (f->kind == FIELD_OCTETS)
		return octets_read(text, out, f->size);
	if (f->kind == FIELD_ADDR)
		return addr_read(text, out);
	if (!text)
		return -1;
	if (f->kind == FIELD_SUBNET)
		return subnet_parse(text, out, why);
	if (f->kind == FIELD_IKE)
		return ike_proposal_parse(text, true, out, why);
	return esp_proposal_parse(text, true, out, why);
}

void fields_write(cJSON *o, const struct field *f, size_t n, const void *in)
{
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToObject(o, f[i].name,
				      field_write(&f[i], (const char *)in + f[i].at));
}

int fields_read(const cJSON *o, const struct field *f, size_t n, void *out, char *why)
{
	for (size_t i = 0; i < n; i++) {
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, f[i].name);

		if (v && !field_read(&f[i], (char *)out + f[i].at, v))
			continue;
		snprintf(why, FIELDS_WHY, "\"%s\" is %s", f[i].name,
			 v ? "not what belongs there" : "missing");
		return -1;
	}
	return 0;
}

void hex_write(cJSON *o, const char *name, struct chunk octets)
{
	cJSON_AddItemToObject(o, name, octets_write(octets.p, octets.len));
}

int hex_read(const cJSON *o, const char *name, struct buf *out)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
	size_t len = text ? strlen(text) / 2 : 0;
	size_t at = put_zeros(out, len);

	if (!text || out->bad || strlen(text) % 2)
		return -1;
	return octets_read(text, out->data + at, len);
}
