// SPDX-License-Identifier: MIT
/* Any text as a recording, line by line: it runs, or its first wrong line is refused. */
#include <stdlib.h>
#include <string.h>

#include "ike.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static void on_event(void *ctx, const struct trace_event *e)
{
	(void)ctx;
	CHECK(memchr(e->text, 0, sizeof(e->text)) &&
	      memchr(e->words, 0, sizeof(e->words)));
	CHECK(memchr(e->local, 0, sizeof(e->local)) &&
	      memchr(e->peer, 0, sizeof(e->peer)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ike_replay *r = ike_replay_new(on_event, NULL);
	char *text = malloc(len + 1), *rest = text, *line;
	char why[IKE_REPLAY_WHY];
	int ret = 0;

	CHECK(r && text);
	memcpy(text, data, len);
	text[len] = 0;
	while (ret >= 0 && (line = strsep(&rest, "\n"))) {
		why[0] = 0;
		ret = ike_replay_line(r, line, why);
		CHECK(ret >= 0 || (*why && memchr(why, 0, sizeof(why))));
	}
	ike_replay_free(r);
	free(text);
	return 0;
}
