// SPDX-License-Identifier: MIT
/* Why a peer's tunnels are not up, for people: a client of the daemon. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "ikehelper.h"
#include "show.h"
#include "text.h"

#define COLUMN_MIN 16

/* ", for 2h 5m", if it is there. */
static void print_seconds(const cJSON *json, const char *name, const char *format)
{
	const cJSON *v = cJSON_GetObjectItem(json, name);
	char text[32];

	if (!cJSON_IsNumber(v) || v->valuedouble < 0)
		return;
	seconds_text(v->valuedouble, text);
	printf(format, text);
}

/* Both sides' proposals, selectors or IDs, one a line, beside each other. */
static void print_sides(const cJSON *json)
{
	const char *ours = client_string(json, "ours"), *p;
	const char *theirs = client_string(json, "theirs");
	size_t width = COLUMN_MIN, n;

	if (!*ours && !*theirs)
		return;
	for (p = ours; *p; p += n + (p[n] == '\n')) {
		n = strcspn(p, "\n");
		width = n > width ? n : width;
	}
	printf("  %-*s   %s\n", (int)width + 2, "this host has:", "the peer has:");
	while (*ours || *theirs) {
		n = strcspn(ours, "\n");
		printf("    %-*.*s", (int)width, (int)n, ours);
		ours += n + (ours[n] == '\n');
		n = strcspn(theirs, "\n");
		printf("%s%.*s\n", n ? "   " : "", (int)n, theirs);
		theirs += n + (theirs[n] == '\n');
	}
}

static void print_why(const cJSON *o)
{
	const cJSON *times = cJSON_GetObjectItem(o, "times");
	const cJSON *before = cJSON_GetObjectItem(o, "before");
	const char *remedy = client_string(o, "remedy");

	printf("%s: %s", client_string(o, "peer"), client_string(o, "sentence"));
	print_seconds(o, "since", ", for %s");
	printf(" [%s]\n", client_string(o, "code"));
	print_seconds(o, "ago", "  %s ago");
	if (cJSON_IsNumber(times) && times->valuedouble > 1)
		printf(", %.0f times in a row", times->valuedouble);
	if (cJSON_GetObjectItem(o, "ago"))
		putchar('\n');
	print_sides(o);
	if (*remedy)
		printf("  what to do: %s\n", remedy);
	if (!before)
		return;
	print_seconds(before, "ago", "  before, %s ago: ");
	printf("%s [%s]\n", client_string(before, "sentence"),
	       client_string(before, "code"));
	print_sides(before);
}

int cmd_why(int argc, char **argv)
{
	bool json = take_option(&argc, argv, "--json");
	struct client_link l;
	const char *peer;
	cJSON *o;
	int status = client_peer(argc, argv, "why", &peer);

	if (status || !peer)
		return status ? status : misuse("why: the name of the peer is missing");
	status = client_open(&l, "why", false);
	if (!status)
		status = client_ask(&l, client_request("why", peer), -1);
	while (!status && (o = client_answer(&l, &status))) {
		if (json) {
			json_print(o, true);
			continue;
		}
		print_why(o);
		cJSON_Delete(o);
	}
	client_close(&l);
	return status;
}
