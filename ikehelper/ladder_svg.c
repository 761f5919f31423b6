// SPDX-License-Identifier: MIT
/* Draws the ten packets as an SVG picture: the rows of the text, as lines and words. */
#include <stdlib.h>
#include <string.h>

#include "ladder.h"

#define COLUMN 8  /* units of a character */
#define ROW    20 /* units of a line */
#define LEFT   2  /* columns left of the left line */

static unsigned right_of(const struct ladder *l)
{
	return (LEFT + ladder_inside(l) + 1) * COLUMN;
}

static void words(struct ladder *l, const char *class, const char *anchor, unsigned x,
		  const char *s)
{
	fprintf(l->out, "<text class=\"%s\" text-anchor=\"%s\" x=\"%u\" y=\"%u\">", class,
		anchor, x, l->rows * ROW + 14);
	for (; *s; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", l->out);
			break;
		case '>':
			fputs("&gt;", l->out);
			break;
		case '&':
			fputs("&amp;", l->out);
			break;
		default:
			fputc(*s, l->out);
		}
	fputs("</text>\n", l->out);
}

/* The lines of the two sites, a row further down. */
static void posts(struct ladder *l)
{
	unsigned y = l->rows * ROW;

	fprintf(l->out, "<path d=\"M%u %uv%uM%u %uv%u\"/>\n", LEFT * COLUMN, y, ROW,
		right_of(l), y, ROW);
}

static void svg_sites(struct ladder *l, const char *left, const char *right)
{
	words(l, "b", "start", LEFT * COLUMN, left);
	words(l, "b", "end", right_of(l), right);
	l->rows++;
}

static void svg_heading(struct ladder *l, const char *text)
{
	fprintf(l->out, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/>\n",
		LEFT * COLUMN, l->rows * ROW, right_of(l) - LEFT * COLUMN, ROW);
	words(l, "b", "start", (LEFT + 3) * COLUMN, text);
	l->rows++;
}

static void svg_arrow(struct ladder *l, enum ladder_direction direction,
		      enum ladder_stroke stroke, const char *label, const char *time)
{
	static const char *const class[] = { "plain", "dashed", "double" };
	unsigned left = LEFT * COLUMN, right = right_of(l);

	posts(l);
	words(l, "b", "start", (LEFT + 3) * COLUMN, label);
	words(l, "t", "end", right - 3 * COLUMN, time);
	fprintf(l->out, "<path class=\"%s\"%s%s d=\"M%u %uH%u\"/>\n", class[stroke],
		direction != LADDER_TO_PEER ? " marker-start=\"url(#head)\"" : "",
		direction != LADDER_TO_US ? " marker-end=\"url(#head)\"" : "", left,
		l->rows * ROW + ROW - 2, right);
	l->rows++;
}

static void svg_line(struct ladder *l, enum ladder_mark mark, unsigned indent,
		     const char *text)
{
	static const char *const class[N_MARKS] = {
		[MARK_NONE] = "t", [MARK_KEYS] = "k",	 [MARK_UP] = "k",
		[MARK_DOWN] = "r", [MARK_REFUSED] = "r", [MARK_NOTE] = "n",
	};

	if (mark != MARK_MORE)
		l->last = mark;
	posts(l);
	words(l, class[l->last], "start", (LEFT + indent) * COLUMN, text);
	l->rows++;
}

static const struct ladder_painter svg = {
	.sites = svg_sites,
	.heading = svg_heading,
	.arrow = svg_arrow,
	.line = svg_line,
};

int ladder_svg(FILE *out, const struct trace_event *event, size_t n)
{
	struct ladder l = { .painter = &svg, .width = LADDER_WIDTH_MAX };
	char *body = NULL;
	size_t size, i;

	l.out = open_memstream(&body, &size);
	if (!l.out)
		return -1;
	for (i = 0; i < n; i++)
		ladder_event(&l, &event[i]);
	if (fclose(l.out) != 0) {
		free(body);
		return -1;
	}
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\">\n"
		"<style>text{font:13px monospace;fill:#222;white-space:pre}.b{font-weight:bold}"
		".t{fill:#555}.n{fill:#069}.k{fill:#060}.r{fill:#a00;font-weight:bold}"
		"path{stroke:#222;fill:none}.dashed{stroke-dasharray:6 4}"
		".double{stroke-width:3}rect{fill:#dde7f0;stroke:#222}</style>\n"
		"<defs><marker id=\"head\" markerWidth=\"10\" markerHeight=\"8\" refX=\"9\" "
		"refY=\"4\" orient=\"auto-start-reverse\" markerUnits=\"userSpaceOnUse\">"
		"<path d=\"M0 0L10 4L0 8z\" style=\"fill:#222\"/></marker></defs>\n"
		"<rect x=\"0\" y=\"0\" width=\"%u\" height=\"%u\" style=\"fill:#fff;stroke:none\"/>\n",
		l.width * COLUMN, l.rows * ROW + ROW, l.width * COLUMN,
		l.rows * ROW + ROW);
	fputs(body, out);
	fputs("</svg>\n", out);
	free(body);
	return 0;
}
