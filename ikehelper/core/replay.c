// SPDX-License-Identifier: MIT
/*
 * Runs a recording through the core again.
 *
 * The core is the same, with nothing left out of it: what the peer sent encrypted is
 * encrypted again, with the keys that the core makes this time, and is decrypted and
 * verified as always. These keys come from zeros in place of every secret.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

#define DATAGRAM_MAX 65507
#define SECRET_MAX   4096 /* octets of an answer */
#define FILLER	     0x5e /* of octets that the recording does not have */

/* An encrypted message of the peer's, which may repeat it. */
struct said {
	struct said *next;
	size_t len;
	uint8_t data[];
};

struct ike_replay {
	void (*event)(void *ctx, const struct trace_event *e);
	void *ctx;
	bool begun, astray;
	char local[64]; /* our address by route */
	struct ike_peer *cfg;
	struct ike *ike;
	struct buf random;
	size_t drawn;
	uint64_t now;
	struct said *said; /* the last one first */
};

static void draw(void *ctx, uint8_t *out, size_t len)
{
	struct ike_replay *r = ctx;
	size_t left = r->random.len - r->drawn;

	if (left < len)
		r->astray = true;
	memset(out, FILLER, len);
	len = len < left ? len : left;
	if (len)
		memcpy(out, r->random.data + r->drawn, len);
	r->drawn += len;
}

struct ike_replay *ike_replay_new(void (*event)(void *ctx, const struct trace_event *),
				  void *ctx)
{
	struct ike_replay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->event = event;
	r->ctx = ctx;
	return r;
}

void ike_replay_free(struct ike_replay *r)
{
	while (r->said) {
		struct said *s = r->said;

		r->said = s->next;
		free(s);
	}
	ike_free(r->ike);
	config_drop(r->cfg);
	buf_wipe(&r->random);
	free(r);
}

static int bad(char *why, const char *what)
{
	snprintf(why, IKE_REPLAY_WHY, "%s", what);
	return -1;
}

/* The exchange that is going to open the message; fresh is one that it begins. */
static struct exchange *exchange_of(struct ike *ike, const struct ike_header *h,
				    struct exchange *fresh)
{
	struct ike_sa *sa = ike->peers->sas;
	struct exchange *x;

	while (sa && (memcmp(sa->cookies, h->cookie_i, 8) ||
		      memcmp(sa->cookies + 8, h->cookie_r, 8)))
		sa = sa->next;
	if (!sa)
		return NULL;
	for (x = sa->exchanges; x; x = x->next)
		if (x->type == h->exchange && x->message_id == h->message_id)
			return x;
	*fresh = (struct exchange){
		.sa = sa,
		.type = h->exchange,
		.state = h->exchange == XCHG_QUICK ? QUICK_NONE : INFO_NONE,
		.message_id = h->message_id,
	};
	/* As in informational(): before packet 6 the chain has come to packet 5. */
	for (x = sa->exchanges; x && !sa->established; x = x->next)
		if (x->type == XCHG_MAIN)
			memcpy(sa->last_iv, x->iv, BLOCK_MAX);
	return fresh;
}

/* Seals the payloads behind the header; without an exchange for them they stay as they are. */
static int seal(struct ike_replay *r, struct buf *b, bool right)
{
	char why[PAYLOAD_WHY];
	struct exchange fresh, *x;
	const struct row *row;
	struct ike_header h;

	if (header_read(&h, b->data, b->len, why))
		return -1;
	x = exchange_of(r->ike, &h, &fresh);
	row = x && !x->over
		      ? table_find(h.version & 0xf0, h.exchange, !x->initiator, x->state)
		      : NULL;
	return row ? v1_imitate(x, row, h.next, b->data + IKE_HEADER_LEN,
				b->len - IKE_HEADER_LEN, right)
		   : -1;
}

static void keep(struct ike_replay *r, const struct buf *b)
{
	struct said *s = malloc(sizeof(*s) + b->len);

	if (!s)
		return;
	s->next = r->said;
	s->len = b->len;
	memcpy(s->data, b->data, b->len);
	r->said = s;
}

/* Said before, with the same header. */
static int again(const struct ike_replay *r, struct buf *b)
{
	const struct said *s = r->said;

	while (s && (s->len != b->len || memcmp(s->data, b->data, IKE_HEADER_LEN)))
		s = s->next;
	return s ? buf_set(b, s->data, s->len) : -1;
}

/* The encrypted part, which is of len octets; without "found" nobody reads it. */
static int encrypted(struct ike_replay *r, const cJSON *o, struct buf *b, size_t len)
{
	const char *found = cJSON_GetStringValue(cJSON_GetObjectItem(o, "found"));
	bool right = found && !strcmp(found, "right");
	int ret = 0;

	if (!found || !strcmp(found, "again") || !strcmp(found, "garbage"))
		put_zeros(b, len);
	else if (hex_read(o, "plain", b) || b->len != IKE_HEADER_LEN + len)
		return -1;
	if (b->bad)
		return -1;
	if (found && !strcmp(found, "again")) {
		ret = again(r, b);
	} else if (found && !strcmp(found, "garbage")) {
		/* No payload is so long. Where there are no whole blocks it cannot be sealed. */
		memset(b->data + IKE_HEADER_LEN, 0xff, len);
		seal(r, b, false);
	} else if (found) {
		ret = seal(r, b, right);
		if (right)
			keep(r, b);
	}
	r->astray |= ret < 0;
	return 0;
}

static int do_input(struct ike_replay *r, const cJSON *o, char *why)
{
	const cJSON *more = cJSON_GetObjectItem(o, "encrypted");
	double len = more ? more->valuedouble : 0;
	struct buf b = { 0 };
	struct ike_path path;
	int ret = fields_read(o, path_fields, 2, &path, why);

	if (!ret && (hex_read(o, "data", &b) || b.len < IKE_HEADER_LEN ||
		     (more && b.len != IKE_HEADER_LEN) || len < 0 || len > DATAGRAM_MAX ||
		     (more && encrypted(r, o, &b, len))))
		ret = bad(why, "this is no datagram");
	if (!ret)
		ike_input(r->ike, r->now, &path, b.data, b.len);
	buf_wipe(&b);
	return ret;
}

static int do_answer(struct ike_replay *r, const cJSON *o, char *why)
{
	const cJSON *nth = cJSON_GetObjectItem(o, "need");
	const cJSON *secret = cJSON_GetObjectItem(o, "secret");
	bool shown = cJSON_GetObjectItem(o, "octets");
	const struct need *need = r->ike->needs;
	struct buf b = { 0 };

	if (!cJSON_IsNumber(nth) || (shown && hex_read(o, "octets", &b)) ||
	    (secret && (secret->valuedouble < 0 || secret->valuedouble > SECRET_MAX))) {
		buf_wipe(&b);
		return bad(why, "this is no answer");
	}
	if (secret)
		put_zeros(&b, secret->valuedouble);
	while (need && need->nth != nth->valuedouble)
		need = need->next;
	r->astray |= !need;
	/* Success without octets is not NULL. */
	if (need)
		ike_answer(r->ike, r->now, need->id,
			   !shown && !secret ? NULL
			   : b.data	     ? b.data
					     : (const uint8_t *)"",
			   b.len);
	buf_wipe(&b);
	return 0;
}

static int do_command(struct ike_replay *r, const cJSON *o, char *why)
{
	struct ike_command cmd = { .peer = r->cfg };

	if (fields_read(o, command_fields, 8, &cmd, why))
		return -1;
	if (cmd.type > IKE_LOG_KEYS || cmd.child >= r->cfg->n_child)
		return bad(why, "there is no such command");
	ike_command(r->ike, r->now, &cmd);
	return 0;
}

static int do_adopt(struct ike_replay *r, const cJSON *o, char *why)
{
	struct ike_child_status pair = { 0 };
	struct ike_path path;

	if (fields_read(o, path_fields, 2, &path, why) ||
	    fields_read(o, adopt_fields, 11, &pair, why))
		return -1;
	if (pair.child >= r->cfg->n_child)
		return bad(why, "there are no such subnets");
	ike_adopt(r->ike, r->now, r->cfg, &path, &pair);
	return 0;
}

static int do_timer(struct ike_replay *r, const cJSON *o, char *why)
{
	(void)o;
	(void)why;
	ike_timer(r->ike, r->now);
	return 0;
}

static int do_run(struct ike_replay *r, const cJSON *o, char *why)
{
	(void)o;
	(void)why;
	r->ike->now = r->now;
	settle(r->ike);
	return 0;
}

static int do_begin(struct ike_replay *r, const cJSON *o, char *why)
{
	const struct ike_env env = { .rand = draw, .ctx = r };

	/* One beginning is enough. */
	if (r->begun)
		return 0;
	r->cfg = config_read(o, why);
	if (!r->cfg)
		return -1;
	r->ike = ike_new(&env);
	if (!r->ike || ike_peer_add(r->ike, r->cfg))
		return bad(why, "out of memory");
	r->ike->now = r->now;
	r->begun = true;
	return state_read(o, r->ike->peers, why);
}

static const struct {
	const char *name;
	int (*run)(struct ike_replay *r, const cJSON *o, char *why);
} calls[] = {
	{ "begin", do_begin },	   { "input", do_input }, { "answer", do_answer },
	{ "command", do_command }, { "adopt", do_adopt }, { "timer", do_timer },
	{ "run", do_run },
};

/* The daemon knows our address by route where the core does not. */
static void tell(struct ike_replay *r, struct trace_event *e)
{
	char port[8];

	if (*r->local && !strncmp(e->local, "any:", 4)) {
		snprintf(port, sizeof(port), "%s", e->local + 3);
		snprintf(e->local, sizeof(e->local), "%.50s%s", r->local, port);
	}
	r->event(r->ctx, e);
}

/* As they were; all that is allowed, unless it is said. */
static int set_limits(struct ike *ike, const cJSON *o, uint64_t now, char *why)
{
	ike->notes = ike->notifies = (struct bucket){ BUCKET_MOST, now };
	return o ? fields_read(o, limits_fields, 4, ike, why) : 0;
}

static int do_line(struct ike_replay *r, const cJSON *o, char *why)
{
	const struct field at = { "at", FIELD_NUMBER, 0, sizeof(r->now) };
	const char *local = cJSON_GetStringValue(cJSON_GetObjectItem(o, "local"));
	const cJSON *part = NULL;
	struct ike_action a;
	uint64_t now;
	size_t i;

	if (cJSON_GetObjectItem(o, "recording")) {
		snprintf(r->local, sizeof(r->local), "%s", local ? local : "");
		return 0;
	}
	if (fields_read(o, &at, 1, &now, why))
		return -1;
	if (now < r->now)
		return bad(why, "it is earlier than the line before");
	r->now = now;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && !part; i++)
		part = cJSON_GetObjectItem(o, calls[i].name);
	if (!part)
		return bad(why, "it says nothing that is known");
	if (!r->begun && i != 1)
		return bad(why, "a recording begins with the peer and its state");
	if (r->begun && set_limits(r->ike, cJSON_GetObjectItem(o, "limits"), now, why))
		return -1;
	r->drawn = 0;
	buf_wipe(&r->random);
	if (cJSON_GetObjectItem(o, "random") && hex_read(o, "random", &r->random))
		return bad(why, "its random octets are not hexadecimal");
	if (calls[i - 1].run(r, part, why))
		return -1;
	while (ike_next(r->ike, &a))
		if (a.type == IKE_TRACE)
			tell(r, &a.trace);
	r->astray |= r->drawn < r->random.len;
	return 0;
}

int ike_replay_line(struct ike_replay *r, const char *line, char *why)
{
	bool was = r->astray;
	cJSON *o = cJSON_Parse(line);
	int ret = o ? do_line(r, o, why) : bad(why, "it is not JSON");

	cJSON_Delete(o);
	return ret ? ret : r->astray && !was;
}
