// SPDX-License-Identifier: MIT
/* What happened, drawn by a client of the daemon: trace. */
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client.h"
#include "ikehelper.h"
#include "ladder.h"

static unsigned terminal_width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col > LADDER_WIDTH_MAX)
		return LADDER_WIDTH_MAX;
	return w.ws_col < LADDER_WIDTH_MIN ? LADDER_WIDTH_MIN : w.ws_col;
}

/* Events for an SVG picture, which needs all of them at once. */
struct events {
	struct trace_event *event;
	size_t n;
};

static int keep(struct events *e, const cJSON *json)
{
	struct trace_event *event = realloc(e->event, (e->n + 1) * sizeof(*event));

	if (!event)
		return fail("trace: out of memory");
	e->event = event;
	if (trace_from_json(json, &event[e->n]) == 0)
		e->n++;
	return 0;
}

static void draw(struct ladder *ladder, const cJSON *json)
{
	struct trace_event event;

	if (trace_from_json(json, &event) == 0)
		ladder_event(ladder, &event);
	fflush(stdout);
}

int cmd_trace(int argc, char **argv)
{
	bool json = take_option(&argc, argv, "--json"),
	     svg = take_option(&argc, argv, "--svg");
	bool follow = take_option(&argc, argv, "--follow");
	struct ladder ladder = { .out = stdout, .width = terminal_width() };
	struct events events = { .n = 0 };
	const char *peer;
	struct client_link l;
	cJSON *o;
	int status = client_peer(argc, argv, "trace", &peer);

	if (svg && (json || follow))
		return misuse("trace: --svg goes alone");
	if (!status)
		status = client_open(&l, "trace", false);
	if (status)
		return status;
	ladder.painter =
		!strcmp(nl_langinfo(CODESET), "UTF-8") ? &ladder_unicode : &ladder_ascii;
	o = client_request("trace", peer);
	cJSON_AddBoolToObject(o, "follow", follow);
	status = client_ask(&l, o, -1);
	while (!status && !ferror(stdout) && (o = client_answer(&l, &status))) {
		if (json)
			fputs(l.line, stdout), fflush(stdout);
		else if (svg)
			status = keep(&events, o);
		else
			draw(&ladder, o);
		cJSON_Delete(o);
	}
	if (svg && !status && ladder_svg(stdout, events.event, events.n) < 0)
		status = fail("trace: out of memory");
	free(events.event);
	client_close(&l);
	return status;
}
