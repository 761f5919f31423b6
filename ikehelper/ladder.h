/* SPDX-License-Identifier: MIT */
/* Draws the ten packets from trace events: text, SVG, JSON. */
#ifndef ESPTUN_LADDER_H
#define ESPTUN_LADDER_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "core/trace.h"

#define LADDER_WIDTH_MAX 100
#define LADDER_WIDTH_MIN 72

enum ladder_direction { LADDER_TO_PEER, LADDER_TO_US, LADDER_BOTH };
enum ladder_stroke { LADDER_PLAIN, LADDER_DASHED, LADDER_DOUBLE };
enum ladder_mark {
	MARK_NONE,
	MARK_KEYS,
	MARK_UP,
	MARK_DOWN,
	MARK_REFUSED,
	MARK_NOTE,
	MARK_MORE, /* the line above goes on */
	N_MARKS
};

struct ladder;

/* Draws single rows; their text is printable ASCII and fits. */
struct ladder_painter {
	void (*sites)(struct ladder *l, const char *left, const char *right);
	void (*heading)(struct ladder *l, const char *text);
	void (*arrow)(struct ladder *l, enum ladder_direction direction,
		      enum ladder_stroke stroke, const char *label, const char *time);
	void (*line)(struct ladder *l, enum ladder_mark mark, unsigned indent,
		     const char *text);
};

extern const struct ladder_painter ladder_unicode, ladder_ascii;

/* A drawing under way. Set the first part, and zero the rest. */
struct ladder {
	const struct ladder_painter *painter;
	FILE *out;
	unsigned width; /* columns, LADDER_WIDTH_MIN to _MAX */

	bool begun;
	char peer[64];
	uint32_t negotiation;
	uint8_t phase;
	uint64_t start; /* ms of the negotiation's first event */
	unsigned rows;	/* SVG: drawn so far */
	enum ladder_mark last;
};

/* Draws one event below what is there; a new negotiation gets a heading. */
void ladder_event(struct ladder *ladder, const struct trace_event *event);

/* Columns between the lines of the two sites. */
unsigned ladder_inside(const struct ladder *ladder);

/* The whole of it as one SVG picture. Returns 0, or -1 without memory. */
int ladder_svg(FILE *out, const struct trace_event *event, size_t n);

/* One event as JSON and back; NULL without memory, -1 for what is no event. */
cJSON *trace_to_json(const struct trace_event *event);
int trace_from_json(const cJSON *json, struct trace_event *event);

#endif
