// SPDX-License-Identifier: MIT
/*
 * Records the calls into the core, with everything secret left out or replaced.
 *
 * What leaves the core is what is known to be harmless: of random octets those that are
 * seen on the wire, of answers SPIs, counts and verdicts, of encrypted messages the
 * payloads of those that were verified, and of these the kinds below. Of what was not
 * verified nothing is written down but its shape: it may be a message of ours that
 * somebody sent back, for this very purpose.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>

static bool recording(const struct ike *ike)
{
	return ike->env.record;
}

void random_octets(struct ike *ike, uint8_t *out, size_t len, bool secret)
{
	ike->env.rand(ike->env.ctx, out, len);
	if (!recording(ike) || !ike->drawing)
		return;
	if (secret)
		put_zeros(&ike->drawing->drawn, len);
	else
		put_octets(&ike->drawing->drawn, out, len);
}

static bool is_full(const struct bucket *b, uint64_t now)
{
	return b->left + (now - b->at) / 1000 >= BUCKET_MOST;
}

/* A call begins; part is what the peer has to do with it. */
static void begin(struct peer *peer, const char *what, cJSON *part)
{
	struct ike *ike = peer->ike;

	ike->drawing = peer;
	peer->record = cJSON_CreateObject();
	cJSON_AddNumberToObject(peer->record, "at", ike->now);
	cJSON_AddItemToObject(peer->record, what, part);
	/* All peers share these, and strangers. */
	if (!is_full(&ike->notes, ike->now) || !is_full(&ike->notifies, ike->now))
		fields_write(cJSON_AddObjectToObject(peer->record, "limits"),
			     limits_fields, 4, ike);
}

/*
 * Whether the payloads of what comes in clear are anything to the core: those of Main Mode
 * 1 to 4 and of notifies. Aggressive Mode shows a hash to guess the pre-shared key by, and
 * who spoke in our name to the peer, and does not see the answer, would read it here.
 */
static bool is_read(const uint8_t *header)
{
	return !(header[19] & FLAG_ENCRYPTED) && (header[17] & 0xf0) == IKE_V1 &&
	       (header[18] == XCHG_MAIN || header[18] == XCHG_INFO);
}

void record_input(struct peer *peer, const struct ike_path *path, struct chunk datagram)
{
	bool shown = is_read(datagram.p);
	cJSON *o;

	if (!recording(peer->ike))
		return;
	o = cJSON_CreateObject();
	fields_write(o, path_fields, 2, path);
	hex_write(o, "data", CHUNK(datagram.p, shown ? datagram.len : IKE_HEADER_LEN));
	if (!shown)
		cJSON_AddNumberToObject(o, "encrypted", datagram.len - IKE_HEADER_LEN);
	begin(peer, "input", o);
	peer->ike->input = o;
}

/* Payloads that a recording has as they are. */
static bool is_harmless(uint8_t type)
{
	static const uint8_t harmless[] = { PL_SA,	   PL_KE,	  PL_ID,
					    PL_NOTIFY,	   PL_DELETE,	  PL_VENDOR,
					    PL_NATD,	   PL_NATD_DRAFT, PL_NATOA,
					    PL_NATOA_DRAFT };

	return memchr(harmless, type, sizeof(harmless));
}

/* Of a chain of payloads that has been parsed; what follows it is zeroed, too. */
static void zero_secrets(uint8_t type, struct buf *b, bool all)
{
	size_t at = 0;

	while (type != PL_NONE && b->len - at >= 4) {
		uint8_t *p = b->data + at;
		size_t size = p[2] << 8 | p[3];

		if (size < 4 || size > b->len - at)
			break;
		p[1] = 0;
		if (all || !is_harmless(type))
			memset(p + 4, 0, size - 4);
		type = p[0];
		at += size;
	}
	if (b->len)
		memset(b->data + at, 0, b->len - at);
}

void record_opened(struct ike *ike, const struct ike_header *h, const struct buf *plain,
		   int ret)
{
	struct buf shown = { 0 };

	if (!ike->input)
		return;
	if (ret == OPEN_GARBAGE) {
		cJSON_AddStringToObject(ike->input, "found", "garbage");
		return;
	}
	cJSON_AddStringToObject(ike->input, "found",
				ret == OPEN_FORGED ? "forged" : "right");
	if (!buf_set(&shown, plain->data, plain->len)) {
		zero_secrets(h->next, &shown, ret == OPEN_FORGED);
		hex_write(ike->input, "plain", buf_chunk(&shown));
	}
	buf_wipe(&shown);
}

void record_again(struct ike *ike)
{
	if (ike->input)
		cJSON_AddStringToObject(ike->input, "found", "again");
}

void record_answer(struct peer *peer, const struct need *need, struct chunk data)
{
	bool harmless = need->kind == NEED_VERIFY || need->kind == NEED_INBOUND_SPI ||
			need->kind == NEED_COUNT;
	cJSON *o;

	if (!recording(peer->ike))
		return;
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "need", need->nth);
	if (data.p && harmless)
		hex_write(o, "octets", data);
	else if (data.p)
		cJSON_AddNumberToObject(o, "secret", data.len);
	begin(peer, "answer", o);
}

void record_command(struct peer *peer, const struct ike_command *cmd)
{
	cJSON *o;

	if (!recording(peer->ike))
		return;
	o = cJSON_CreateObject();
	fields_write(o, command_fields, sizeof(command_fields) / sizeof(*command_fields),
		     cmd);
	begin(peer, "command", o);
}

void record_adopt(struct peer *peer, const struct ike_path *path,
		  const struct ike_child_status *pair)
{
	cJSON *o;

	if (!recording(peer->ike))
		return;
	o = cJSON_CreateObject();
	fields_write(o, path_fields, 2, path);
	fields_write(o, adopt_fields, sizeof(adopt_fields) / sizeof(*adopt_fields), pair);
	begin(peer, "adopt", o);
}

void record_timer(struct peer *peer, bool run)
{
	if (recording(peer->ike))
		begin(peer, run ? "run" : "timer", cJSON_CreateObject());
}

/* Hands the line out; returns whether another beginning is wanted. */
static bool give(struct peer *peer, cJSON *o, bool beginning)
{
	const struct ike_env *env = &peer->ike->env;
	char *line = cJSON_PrintUnformatted(o);
	bool wanted = line && env->record(env->ctx, peer->cfg, line, beginning);

	cJSON_free(line);
	cJSON_Delete(o);
	return wanted;
}

void record_begin(struct peer *peer)
{
	cJSON *o, *begin;

	if (!recording(peer->ike))
		return;
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "at", peer->ike->now);
	begin = cJSON_AddObjectToObject(o, "begin");
	config_write(begin, peer->cfg);
	state_write(begin, peer);
	give(peer, o, true);
}

void record_end(struct peer *peer)
{
	cJSON *o = peer->record;

	if (!o)
		return;
	if (peer->drawn.len)
		hex_write(o, "random", buf_chunk(&peer->drawn));
	buf_wipe(&peer->drawn);
	peer->ike->input = NULL;
	peer->record = NULL;
	if (give(peer, o, false) && state_quiet(peer))
		record_begin(peer);
}
