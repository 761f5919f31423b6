/* SPDX-License-Identifier: MIT */
/*
 * Why a peer's tunnels are not up: one sentence and a stable code, from the events that
 * were recorded of it. docs/ikehelper.8 lists the codes.
 */
#ifndef ESPTUN_WHY_H
#define ESPTUN_WHY_H

#include <cjson/cJSON.h>

#include "core/trace.h"

/* A refusal, or the sign of one. code "" is none. */
struct why_refusal {
	uint64_t ms;
	char code[sizeof(((struct trace_event *)0)->code)];
	char text[TRACE_TEXT];
	char ours[TRACE_SIDE], theirs[TRACE_SIDE];
};

/* What is kept of one peer's events. Starts as zero. */
struct why {
	enum { WHY_NOTHING, WHY_UNDER_WAY, WHY_UP, WHY_DOWN, WHY_REFUSED } last;
	size_t pairs;	/* of ESP tunnels that are there, replaced ones included */
	uint64_t up_ms; /* since when there has been one, without a break */
	struct why_refusal refused; /* the last one */
	struct why_refusal hint;    /* in the negotiation under way; proves nothing */
	unsigned int times;	    /* refused with this code, one after the other */
	uint32_t negotiation;
	uint64_t packet_ms; /* the last packet, by its number in the ladder */
	uint8_t number;
	bool sent;
	uint64_t down_ms;
	char down[TRACE_TEXT];
};

/* What is asked for when, and what the core says of it. */
struct why_now {
	const char *peer;
	uint64_t ms;
	size_t up, children; /* pairs of subnets: with ESP tunnels, and configured */
};

void why_event(struct why *w, const struct trace_event *ev);

/*
 * {"peer", "code", "sentence", "remedy", "ago"|"since" (seconds), "times", "ours", "theirs",
 * "before": {"code", "sentence", "ago"}}, without what there is none of.
 */
cJSON *why_json(const struct why *w, const struct why_now *now);

/* What to do about it; NULL for a code that is not known. */
const char *why_remedy(const char *code);

#endif
