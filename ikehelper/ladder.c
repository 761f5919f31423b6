// SPDX-License-Identifier: MIT
/*
 * Draws the ten packets from trace events, as text.
 *
 * This host is on the left, the peer on the right, time runs down. An event becomes rows
 * (an arrow, lines of text, a heading), and a painter prints or draws each row. Events
 * hold what a peer sent, so nothing but printable ASCII goes on.
 */
#include "ladder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN	 2   /* blanks left of the left line */
#define INDENT	 6   /* of text under an arrow, from the left line */
#define ROW_TEXT 512 /* octets of a row, the lines' drawing characters not counted */

/* The characters that lines are made of. */
struct style {
	const char *post;	  /* a site's line through time */
	const char *stroke[3];	  /* enum ladder_stroke */
	const char *from, *to;	  /* arrow heads on the left and on the right */
	const char *left, *right; /* the ends of a heading */
	const char *mark[N_MARKS];
};

static const struct style ascii = {
	.post = "|",
	.stroke = { "-", "~", "=" },
	.from = "<",
	.to = ">",
	.left = "+",
	.right = "+",
	.mark = { " ", "*", "+", "-", "X", ".", " " },
};

static const struct style unicode = {
	.post = "│",
	.stroke = { "─", "╌", "═" },
	.from = "◀",
	.to = "▶",
	.left = "╞",
	.right = "╡",
	.mark = { " ", "◆", "▲", "▼", "✗", "·", " " },
};

static const struct style *style_of(const struct ladder *l)
{
	return l->painter == &ladder_ascii ? &ascii : &unicode;
}

unsigned ladder_inside(const struct ladder *l)
{
	return l->width - 2 * MARGIN - 2;
}

static void repeat(FILE *out, const char *what, int times)
{
	while (times-- > 0)
		fputs(what, out);
}

static void paint_sites(struct ladder *l, const char *left, const char *right)
{
	fprintf(l->out, "%*s%-*s%s\n", MARGIN, "",
		(int)(ladder_inside(l) + 2 - strlen(right)), left, right);
}

static void paint_heading(struct ladder *l, const char *text)
{
	const struct style *s = style_of(l);

	fprintf(l->out, "%*s%s%s %s ", MARGIN, "", s->left, s->stroke[LADDER_DOUBLE],
		text);
	repeat(l->out, s->stroke[LADDER_DOUBLE], ladder_inside(l) - strlen(text) - 3);
	fprintf(l->out, "%s\n", s->right);
}

/* │──(1) Main Mode 1, 216 octets ──────────────────────────────────────── 31 ms ─▶│ */
static void paint_arrow(struct ladder *l, enum ladder_direction direction,
			enum ladder_stroke stroke, const char *label, const char *time)
{
	const struct style *s = style_of(l);
	const char *dash = s->stroke[stroke];
	int gap = ladder_inside(l) - strlen(label) - strlen(time) - 8;

	fprintf(l->out, "%*s%s%s%s %s ", MARGIN, "", s->post,
		direction == LADDER_TO_PEER ? dash : s->from, dash, label);
	repeat(l->out, dash, gap);
	fprintf(l->out, " %s %s%s%s\n", time, dash,
		direction == LADDER_TO_US ? dash : s->to, s->post);
}

static void paint_line(struct ladder *l, enum ladder_mark mark, unsigned indent,
		       const char *text)
{
	const struct style *s = style_of(l);

	fprintf(l->out, "%*s%s%*s%s %-*s%s\n", MARGIN, "", s->post, (int)indent - 2, "",
		s->mark[mark], (int)(ladder_inside(l) - indent), text, s->post);
}

const struct ladder_painter ladder_ascii = {
	.sites = paint_sites,
	.heading = paint_heading,
	.arrow = paint_arrow,
	.line = paint_line,
};

const struct ladder_painter ladder_unicode = {
	.sites = paint_sites,
	.heading = paint_heading,
	.arrow = paint_arrow,
	.line = paint_line,
};

/* How much of text goes on a line of max columns: up to a blank, a line end, its end. */
static size_t line_len(const char *text, size_t max)
{
	size_t len = strcspn(text, "\n"), i;

	if (len <= max)
		return len;
	for (i = max; i > max / 2; i--)
		if (text[i] == ' ')
			return i;
	return max;
}

/* The next line of text into out, at most max columns; moves text behind it. */
static void take_line(const char **text, char *out, size_t max)
{
	size_t len = line_len(*text, max), i;

	for (i = 0; i < len; i++)
		out[i] = (*text)[i] < ' ' || (*text)[i] > '~' ? '?' : (*text)[i];
	out[len] = '\0';
	*text += len;
	*text += strspn(*text, " ");
	if (**text == '\n')
		++*text;
}

/* Text under an arrow, on as many lines as it takes. */
static void write_text(struct ladder *l, enum ladder_mark mark, const char *text)
{
	char line[ROW_TEXT];

	while (*text) {
		take_line(&text, line, ladder_inside(l) - INDENT - 1);
		l->painter->line(l, mark, INDENT, line);
		mark = MARK_MORE;
	}
}

/* Both sides of a refusal beside each other. */
static void write_sides(struct ladder *l, const char *ours, const char *theirs)
{
	size_t half = (ladder_inside(l) - INDENT - 4) / 2;
	char left[LADDER_WIDTH_MAX / 2], right[LADDER_WIDTH_MAX / 2], line[ROW_TEXT];
	const char *a = ours, *b = theirs;

	if (!*ours && !*theirs)
		return;
	snprintf(line, sizeof(line), "%-*s   %s", (int)half,
		 "this host has:", "the peer has:");
	l->painter->line(l, MARK_NONE, INDENT, line);
	while (*a || *b) {
		take_line(&a, left, half - 2);
		take_line(&b, right, half - 2);
		snprintf(line, sizeof(line), "  %-*s     %s", (int)half - 2, left, right);
		l->painter->line(l, MARK_NONE, INDENT, line);
	}
}

static void time_text(const struct ladder *l, const struct trace_event *ev, char out[32])
{
	uint64_t ms = ev->ms > l->start ? ev->ms - l->start : 0;

	if (ms < 10000)
		snprintf(out, 32, "+%" PRIu64 " ms", ms);
	else
		snprintf(out, 32, "+%" PRIu64 ".%" PRIu64 " s", ms / 1000,
			 ms % 1000 / 100);
}

static void write_message(struct ladder *l, const struct trace_event *ev)
{
	bool ours = ev->kind == TRACE_SENT || ev->kind == TRACE_RESENT;
	bool again = ev->kind == TRACE_RESENT || ev->kind == TRACE_DUPLICATE;
	char number[8] = "", label[LADDER_WIDTH_MAX], time[32];

	if (ev->number)
		snprintf(number, sizeof(number), "(%u) ", ev->number);
	time_text(l, ev, time);
	snprintf(label, ladder_inside(l) - strlen(time) - 8, "%s%s, %" PRIu32 " octets%s",
		 number, ev->name, ev->size,
		 !again ? ""
		 : ours ? ", sent again"
			: ", came again");
	l->painter->arrow(l, ours ? LADDER_TO_PEER : LADDER_TO_US,
			  again ? LADDER_DASHED : LADDER_PLAIN, label, time);
	if (again)
		return;
	write_text(l, MARK_NONE, ev->words);
	write_text(l, MARK_NOTE, ev->text);
}

static void write_first_esp(struct ladder *l, const struct trace_event *ev)
{
	char time[32];

	time_text(l, ev, time);
	l->painter->arrow(l, LADDER_BOTH, LADDER_DOUBLE, "(10) ESP, and so on", time);
	write_text(l, MARK_NONE, ev->words);
	write_text(l, MARK_NOTE, ev->text);
}

static void write_refusal(struct ladder *l, const struct trace_event *ev)
{
	char text[TRACE_TEXT + 64];

	snprintf(text, sizeof(text), "Stopped here: %s [%s]", ev->text, ev->code);
	write_text(l, MARK_REFUSED, text);
	write_sides(l, ev->ours, ev->theirs);
}

/* A negotiation's heading: who is who. */
static void begin(struct ladder *l, const struct trace_event *ev)
{
	char left[128], right[128], mine[64], theirs[64];
	const char *a = ev->local, *b = ev->remote, *c = ev->peer;
	char name[64];

	if (l->begun)
		fputc('\n', l->out);
	l->begun = true;
	snprintf(l->peer, sizeof(l->peer), "%s", ev->peer);
	l->negotiation = ev->negotiation;
	l->phase = 0;
	l->start = ev->ms;
	take_line(&a, mine, sizeof(mine) - 1);
	take_line(&b, theirs, sizeof(theirs) - 1);
	take_line(&c, name, 32);
	snprintf(left, sizeof(left), "this host, %s",
		 ev->initiator ? "initiator" : "responder");
	snprintf(right, sizeof(right), "%s, %s", *name ? name : "unknown peer",
		 ev->initiator ? "responder" : "initiator");
	l->painter->sites(l, left, right);
	l->painter->sites(l, mine, theirs);
}

/* What ended, and notes, are told where the drawing is: they begin nothing. */
static bool begins_nothing(const struct trace_event *ev)
{
	return ev->kind == TRACE_DOWN || ev->kind == TRACE_NOTE;
}

static void enter_phase(struct ladder *l, const struct trace_event *ev)
{
	static const char *const title[][2] = {
		[1] = { "Phase 1: the control tunnel (ISAKMP SA)",
			"Phase 1 from its start: the control tunnel is renewed" },
		[2] = { "Phase 2: the ESP tunnels (IPsec SAs), in the control tunnel",
			"Phase 2 again: the ESP tunnels are renewed" },
		[3] = { "User traffic, in the ESP tunnels",
			"User traffic, in the ESP tunnels" },
	};

	if (!ev->phase || ev->phase > 3 || begins_nothing(ev) || ev->phase == l->phase)
		return;
	l->phase = ev->phase;
	l->painter->heading(l, title[ev->phase][ev->renewal]);
}

/* A renewal goes on below; a phase 1 of another kind is a drawing of its own. */
static bool is_new(const struct ladder *l, const struct trace_event *ev)
{
	if (!l->begun || strcmp(l->peer, ev->peer))
		return true;
	return ev->negotiation && ev->negotiation != l->negotiation && ev->phase == 1 &&
	       !ev->renewal && !begins_nothing(ev);
}

/* Events without a negotiation, user traffic for one, go on where the drawing is. */
void ladder_event(struct ladder *l, const struct trace_event *ev)
{
	if (is_new(l, ev))
		begin(l, ev);
	if (ev->renewal && ev->phase == 1)
		l->negotiation = ev->negotiation;
	enter_phase(l, ev);
	switch (ev->kind) {
	case TRACE_SENT:
	case TRACE_RECEIVED:
	case TRACE_RESENT:
	case TRACE_DUPLICATE:
		write_message(l, ev);
		break;
	case TRACE_FIRST_ESP:
		write_first_esp(l, ev);
		break;
	case TRACE_REFUSED:
		write_refusal(l, ev);
		break;
	case TRACE_KEYS:
		write_text(l, MARK_KEYS, ev->text);
		break;
	case TRACE_UP:
		write_text(l, MARK_UP, ev->text);
		break;
	case TRACE_DOWN:
		write_text(l, MARK_DOWN, ev->text);
		break;
	case TRACE_NOTE:
		write_text(l, MARK_NOTE, ev->text);
		break;
	}
}

/* --- JSON -------------------------------------------------------------------------- */

/* The texts of an event: name in JSON, place and room in the struct. */
static const struct {
	const char *name;
	size_t at, size;
} texts[] = {
#define TEXT(field)                                              \
	{                                                        \
#field, offsetof(struct trace_event, field),     \
			sizeof(((struct trace_event *)0)->field) \
	}
	TEXT(peer), TEXT(local), TEXT(remote), TEXT(name), TEXT(words),
	TEXT(text), TEXT(ref),	 TEXT(code),   TEXT(ours), TEXT(theirs),
#undef TEXT
};

#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

cJSON *trace_to_json(const struct trace_event *ev)
{
	const uint8_t *c = ev->cookie_i;
	cJSON *o = cJSON_CreateObject();
	char cookie[17], *text;
	size_t i;

	if (!o)
		return NULL;
	snprintf(cookie, sizeof(cookie), "%02x%02x%02x%02x%02x%02x%02x%02x", c[0], c[1],
		 c[2], c[3], c[4], c[5], c[6], c[7]);
	cJSON_AddNumberToObject(o, "ms", ev->ms);
	cJSON_AddStringToObject(o, "kind", trace_kind_name(ev->kind));
	cJSON_AddNumberToObject(o, "negotiation", ev->negotiation);
	cJSON_AddNumberToObject(o, "phase", ev->phase);
	cJSON_AddNumberToObject(o, "number", ev->number);
	cJSON_AddBoolToObject(o, "initiator", ev->initiator);
	cJSON_AddBoolToObject(o, "renewal", ev->renewal);
	cJSON_AddNumberToObject(o, "size", ev->size);
	cJSON_AddStringToObject(o, "cookie_i", cookie);
	cJSON_AddNumberToObject(o, "message_id", ev->message_id);
	for (i = 0; i < N_TEXTS; i++) {
		text = (char *)ev + texts[i].at;
		if (*text)
			cJSON_AddStringToObject(o, texts[i].name, text);
	}
	return o;
}

static double number_of(const cJSON *json, const char *name, double max)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, name);

	return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= max
		       ? v->valuedouble
		       : 0;
}

int trace_from_json(const cJSON *json, struct trace_event *ev)
{
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(json, "kind"));
	const char *cookie = cJSON_GetStringValue(cJSON_GetObjectItem(json, "cookie_i"));
	unsigned octet;
	int k = kind ? trace_kind_parse(kind) : -1;
	size_t i;

	if (k < 0)
		return -1;
	memset(ev, 0, sizeof(*ev));
	ev->kind = k;
	ev->ms = number_of(json, "ms", 1e15);
	ev->negotiation = number_of(json, "negotiation", UINT32_MAX);
	ev->phase = number_of(json, "phase", 3);
	ev->number = number_of(json, "number", 10);
	ev->initiator = cJSON_IsTrue(cJSON_GetObjectItem(json, "initiator"));
	ev->renewal = cJSON_IsTrue(cJSON_GetObjectItem(json, "renewal"));
	ev->size = number_of(json, "size", UINT32_MAX);
	ev->message_id = number_of(json, "message_id", UINT32_MAX);
	for (i = 0; cookie && i < 8 && sscanf(cookie + 2 * i, "%2x", &octet) == 1; i++)
		ev->cookie_i[i] = octet;
	for (i = 0; i < N_TEXTS; i++) {
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, texts[i].name);

		if (cJSON_IsString(v))
			snprintf((char *)ev + texts[i].at, texts[i].size, "%s",
				 v->valuestring);
	}
	return 0;
}
