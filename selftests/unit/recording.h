/* SPDX-License-Identifier: MIT */
/* A recorded session of two other implementations: its packets, and what both sides logged. */
#ifndef ESPTUN_TEST_RECORDING_H
#define ESPTUN_TEST_RECORDING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "crypto.h"
#include "payload.h"
#include "proposal.h"
#include "vectors.h"

#define LOG_MAX 400
#define WHY	(PROPOSAL_TEXT * 2 > PAYLOAD_WHY ? PROPOSAL_TEXT * 2 : PAYLOAD_WHY)

struct entry {
	const char *label;
	struct octets value;
	bool initiator, computed;
};

struct recording {
	cJSON *json;
	struct entry log[LOG_MAX];
	size_t n_log;
};

struct packet {
	const char *src, *dst;
	struct octets bytes;
	struct ike_header header;
	bool from_initiator;
};

/* What has to be explained by the packets; the rest of the log is chatter. */
static const char *const explained[] = {
	"SKEYID",
	"SKEYID_d",
	"SKEYID_a",
	"SKEYID_e",
	"encryption key Ka",
	"initial IV",
	"HASH_I",
	"HASH_R",
	"Hash",
	"Hash(1)",
	"Hash(2)",
	"Hash(3)",
	"natd_hash",
	"encryption initiator key",
	"encryption responder key",
	"integrity initiator key",
	"integrity responder key",
};

static inline const char *field(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

	assert_non_null(s);
	return s;
}

static inline struct chunk chunk_of(const struct octets *o)
{
	return CHUNK(o->data, o->len);
}

static inline struct octets octets_of(const struct payload *p)
{
	struct octets o = { .len = p->len };

	assert_true(p->len <= sizeof(o.data));
	memcpy(o.data, p->body, p->len);
	return o;
}

static inline void read_log(struct recording *r, const char *side, bool initiator)
{
	const cJSON *line;

	cJSON_ArrayForEach (line, cJSON_GetObjectItem(r->json, side)) {
		struct entry *e = &r->log[r->n_log];

		if (!cJSON_HasObjectItem(line, "label"))
			continue;
		assert_true(r->n_log < LOG_MAX);
		e->label = field(line, "label");
		e->initiator = initiator;
		assert_true(vec_hex(field(line, "hex"), &e->value));
		r->n_log++;
	}
}

static inline void recording_open(struct recording *r, const char *path)
{
	char *text = vec_read(path);

	if (!text)
		fail_msg("cannot read %s", path);
	r->json = cJSON_Parse(text);
	assert_non_null(r->json);
	free(text);
	read_log(r, "initiator", true);
	read_log(r, "responder", false);
}

/* This value was computed here: it must be in the log of one side at least. */
static inline void said(struct recording *r, const char *label, const void *value,
			size_t len)
{
	int sides = 0;

	for (size_t i = 0; i < r->n_log; i++) {
		struct entry *e = &r->log[i];

		if (strcmp(e->label, label) || !vec_equal(&e->value, value, len))
			continue;
		e->computed = true;
		sides |= 1 << e->initiator;
	}
	if (!sides)
		fail_msg("no side logged this %s", label);
}

/* The same for an IV, of which each side logs only some. */
static inline void maybe_said_iv(struct recording *r, uint32_t message_id,
				 const uint8_t *iv)
{
	char label[40];

	snprintf(label, sizeof(label), "next IV for MID %u", message_id);
	for (size_t i = 0; i < r->n_log; i++)
		if (!strcmp(r->log[i].label, label) &&
		    vec_equal(&r->log[i].value, iv, BLOCK_MAX))
			r->log[i].computed = true;
}

static inline bool wants_explanation(const char *label)
{
	for (size_t i = 0; i < sizeof(explained) / sizeof(*explained); i++)
		if (!strcmp(label, explained[i]))
			return true;
	return !strncmp(label, "next IV for MID ", 16);
}

static inline void all_explained(const struct recording *r)
{
	for (size_t i = 0; i < r->n_log; i++) {
		const struct entry *e = &r->log[i];

		if (!e->computed && wants_explanation(e->label))
			fail_msg("%s of the %s was not computed", e->label,
				 e->initiator ? "initiator" : "responder");
	}
}

/* The nth value of that label in the initiator's log. */
static inline struct chunk logged(const struct recording *r, const char *label,
				  size_t nth)
{
	for (size_t i = 0; i < r->n_log; i++)
		if (r->log[i].initiator && !strcmp(r->log[i].label, label) && !nth--)
			return chunk_of(&r->log[i].value);
	fail_msg("no %s in the log", label);
	return CHUNK(NULL, 0);
}

/* False for ESP. Octets in front of IKE on port 4500 are taken away (RFC 3948). */
static inline bool read_packet(const cJSON *json, struct packet *p)
{
	static const uint8_t marker[4];
	char why[WHY];

	p->src = field(json, "src");
	p->dst = field(json, "dst");
	assert_true(vec_hex(field(json, "hex"), &p->bytes));
	if (strstr(p->dst, ":4500")) {
		if (memcmp(p->bytes.data, marker, 4))
			return false;
		p->bytes.len -= 4;
		memmove(p->bytes.data, p->bytes.data + 4, p->bytes.len);
	}
	if (header_read(&p->header, p->bytes.data, p->bytes.len, why))
		fail_msg("%s", why);
	return true;
}

#endif
