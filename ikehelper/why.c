// SPDX-License-Identifier: MIT
/* Why a peer's tunnels are not up, in one sentence, from what was recorded. */
#include "why.h"

#include <stdio.h>
#include <string.h>

#include "show.h"
#include "text.h"

/* Every code, and what to do; "" is nothing. docs/ikehelper.8 explains each of them. */
static const struct {
	const char *code, *remedy;
} codes[] = {
	{ "up", "" },
	{ "not-tried", "ikehelper up brings it up; start = now does it at the start" },
	{ "under-way", "wait a moment, and ask again" },
	{ "down", "ikehelper up brings it up again, if nothing else does" },
	{ "no-answer",
	  "let UDP port 500 pass on the way and at the peer, see that its IKE "
	  "runs, and that remote is its address" },
	{ "no-answer-4500",
	  "let UDP port 4500 pass on the way and at the peer; if it does, "
	  "compare the pre-shared keys" },
	{ "no-nat-t", "switch NAT traversal on at the peer, or take encap = yes out" },
	{ "peer-dead", "look whether the peer runs, and whether the way to it is open" },
	{ "no-answer-phase-2",
	  "compare subnets, suites and the group of esp with the peer's; "
	  "its log may say more" },
	{ "refused", "the peer's log has the reason" },
	{ "no-proposal",
	  "give both sides a suite in common: ike, esp (and its group) here" },
	{ "psk-differs",
	  "write the same pre-shared key on both sides, without blanks or a "
	  "line end that only one side takes for a part of it" },
	{ "hash-differs", "compare the pre-shared keys; with the same ones, packets are "
			  "changed on the way" },
	{ "id-differs",
	  "set remote-id to what the peer sends, or the peer's ID to that" },
	{ "auth-failed",
	  "compare pre-shared keys or certificates, and IDs: the peer's log says which" },
	{ "bad-signature",
	  "see that the peer signs with the key that its certificate, or "
	  "peer-key here, is of" },
	{ "key-type", "use keys of the same kind, RSA or ECDSA on one curve, on both "
		      "sides" },
	{ "no-cert", "set the peer to send its certificate" },
	{ "cert-expired", "the peer needs a new certificate; if not, a clock is wrong" },
	{ "cert-not-yet-valid", "set the clock, here or where certificates are made" },
	{ "cert-revoked", "the peer needs a new certificate and a new key" },
	{ "cert-id", "set remote-id, and the peer's ID, to what its certificate has" },
	{ "cert-usage", "the peer needs a certificate for signatures" },
	{ "cert-weak", "the peer needs a stronger certificate; legacy = yes takes this "
		       "one" },
	{ "cert-malformed", "set the peer to send X.509 certificates in DER" },
	{ "cert-invalid", "the peer needs another certificate" },
	{ "wrong-ca", "put the authority that signed the peer's certificate into ca, or "
		      "let ours sign it" },
	{ "crl-missing", "put the list of that authority into crl, and start the daemon "
			 "again" },
	{ "crl-expired", "put a new list into crl, and start the daemon again" },
	{ "garbage", "compare the suites; with the same ones, packets are changed on the "
		     "way" },
	{ "no-verdict", "try again; if it stays so, report it with ikehelper's log" },
	{ "selectors", "make local-subnets and remote-subnets the peer's, the other way "
		       "round" },
	{ "aggressive-mode", "set the peer to Main Mode" },
	{ "other-version", "set the peer to IKE version 1 for this connection" },
	{ "bad-ke", "use another Diffie-Hellman group: the peer's is not done right" },
	{ "payloads",
	  "the peer breaks the protocol: report it with ikehelper trace --json" },
	{ "malformed", "the peer breaks the protocol: report it with ikehelper trace "
		       "--json" },
	{ "bad-answer",
	  "look at what the peer has for ESP: it chose what we did not offer" },
	{ "module", "dmesg and ikehelper's log say what the kernel refuses" },
	{ "no-key",
	  "see that psk-file or key holds the key, and start the daemon again" },
	{ "crypto", "OpenSSL lacks an algorithm: choose another suite" },
	{ "memory", "this host is out of memory" },
	{ "internal", "start the daemon again, and report it with its log" },
};

#define N_CODES (sizeof(codes) / sizeof(codes[0]))

const char *why_remedy(const char *code)
{
	size_t i;

	for (i = 0; i < N_CODES; i++)
		if (!strcmp(codes[i].code, code))
			return codes[i].remedy;
	return NULL;
}

static void keep(struct why_refusal *r, const struct trace_event *ev)
{
	r->ms = ev->ms;
	snprintf(r->code, sizeof(r->code), "%s", ev->code);
	snprintf(r->text, sizeof(r->text), "%s", ev->text);
	snprintf(r->ours, sizeof(r->ours), "%s", ev->ours);
	snprintf(r->theirs, sizeof(r->theirs), "%s", ev->theirs);
}

/* A packet of phase 1 or 2. Trying again does not make the last refusal untrue. */
static void take_packet(struct why *w, const struct trace_event *ev)
{
	if (!ev->number)
		return;
	if (w->negotiation != ev->negotiation)
		w->hint.code[0] = '\0';
	w->negotiation = ev->negotiation;
	w->number = ev->number;
	w->packet_ms = ev->ms;
	w->sent = ev->kind == TRACE_SENT;
	if (!w->pairs && w->last != WHY_REFUSED)
		w->last = WHY_UNDER_WAY;
}

void why_event(struct why *w, const struct trace_event *ev)
{
	switch (ev->kind) {
	case TRACE_SENT:
	case TRACE_RECEIVED:
		take_packet(w, ev);
		break;
	case TRACE_UP:
		w->hint.code[0] = '\0'; /* it was not true */
		if (ev->phase != 2)
			break;
		if (!w->pairs++)
			w->up_ms = ev->ms;
		w->last = WHY_UP;
		break;
	case TRACE_DOWN:
		if (ev->phase != 2 || !w->pairs || --w->pairs)
			break;
		w->last = WHY_DOWN;
		w->down_ms = ev->ms;
		snprintf(w->down, sizeof(w->down), "%s", ev->text);
		break;
	case TRACE_REFUSED:
		w->times = strcmp(w->refused.code, ev->code) ? 1 : w->times + 1;
		keep(&w->refused, ev);
		w->last = WHY_REFUSED;
		break;
	case TRACE_NOTE:
		if (*ev->code)
			keep(&w->hint, ev);
		break;
	default:
		break;
	}
}

static void json_ago(cJSON *to, const char *name, uint64_t now, uint64_t ms)
{
	json_u64(to, name, now > ms ? (now - ms) / 1000 : 0);
}

static void json_sentence(cJSON *o, const char *code, const char *sentence)
{
	const char *remedy = why_remedy(code);

	cJSON_AddStringToObject(o, "code", code);
	cJSON_AddStringToObject(o, "sentence", sentence);
	if (remedy && *remedy)
		cJSON_AddStringToObject(o, "remedy", remedy);
}

static void json_sides(cJSON *o, const struct why_refusal *r)
{
	if (*r->ours)
		cJSON_AddStringToObject(o, "ours", r->ours);
	if (*r->theirs)
		cJSON_AddStringToObject(o, "theirs", r->theirs);
}

static void json_refused(cJSON *o, const struct why *w, const struct why_now *now)
{
	char part[64] = "", sentence[TRACE_TEXT + sizeof(part)];

	if (now->up)
		snprintf(part, sizeof(part), "%zu of %zu pairs of subnets are up; ",
			 now->up, now->children);
	snprintf(sentence, sizeof(sentence), "%s%s", part, w->refused.text);
	json_sentence(o, w->refused.code, sentence);
	json_ago(o, "ago", now->ms, w->refused.ms);
	json_u64(o, "times", w->times);
	json_sides(o, &w->refused);
}

static void json_under_way(cJSON *o, const struct why *w, const struct why_now *now)
{
	char sentence[128];

	if (*w->hint.code && why_remedy(w->hint.code)) {
		json_sentence(o, w->hint.code, w->hint.text);
		json_ago(o, "ago", now->ms, w->hint.ms);
		json_sides(o, &w->hint);
		return;
	}
	if (!w->number)
		snprintf(sentence, sizeof(sentence), "nothing has been negotiated yet");
	else if (w->sent)
		snprintf(sentence, sizeof(sentence),
			 "packet %u has gone out and is not answered yet", w->number);
	else
		snprintf(sentence, sizeof(sentence),
			 "packet %u has come in, and it goes on from there", w->number);
	json_sentence(o, w->number ? "under-way" : "not-tried", sentence);
	if (w->number)
		json_ago(o, "ago", now->ms, w->packet_ms);
}

/* What was wrong before, where that is not what the answer is about. */
static void json_before(cJSON *o, const struct why *w, const struct why_now *now)
{
	cJSON *before;

	if (!*w->refused.code)
		return;
	before = cJSON_AddObjectToObject(o, "before");
	cJSON_AddStringToObject(before, "code", w->refused.code);
	cJSON_AddStringToObject(before, "sentence", w->refused.text);
	json_ago(before, "ago", now->ms, w->refused.ms);
	json_sides(before, &w->refused);
}

cJSON *why_json(const struct why *w, const struct why_now *now)
{
	bool up = now->up >= now->children;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "peer", now->peer);
	if (!up && w->last == WHY_REFUSED) {
		json_refused(o, w, now);
		return o;
	}
	if (up) {
		json_sentence(o, "up", "its tunnels are up");
		json_ago(o, "since", now->ms, w->up_ms);
	} else if (w->last == WHY_DOWN) {
		json_sentence(o, "down", w->down);
		json_ago(o, "ago", now->ms, w->down_ms);
	} else {
		json_under_way(o, w, now);
	}
	json_before(o, w, now);
	return o;
}
