// SPDX-License-Identifier: MIT
/* What went into the core for one peer, as lines: the last of them, from a beginning on. */
#include "tape.h"

#include <stdlib.h>
#include <string.h>

void tape_free(struct tape *t)
{
	free(t->before.text);
	free(t->now.text);
	*t = (struct tape){ 0 };
}

/* Returns 0, or -1 when it is too much. */
static int append(struct tape *t, const char *line)
{
	size_t len = strlen(line), need = t->now.len + len + 1;
	char *text;

	if (t->now.beginning && need > t->now.beginning + TAPE_MOST)
		return -1;
	if (need > t->now.cap) {
		text = realloc(t->now.text, 2 * need);
		if (!text)
			return -1;
		t->now.text = text;
		t->now.cap = 2 * need;
	}
	memcpy(t->now.text + t->now.len, line, len + 1);
	t->now.len = need;
	return 0;
}

bool tape_add(struct tape *t, const char *line, bool beginning)
{
	if (beginning) {
		free(t->before.text);
		t->before = t->now;
		memset(&t->now, 0, sizeof(t->now));
	} else if (!t->now.len) {
		return true;
	}
	/* A gap would make what follows worthless. */
	if (append(t, line) < 0)
		tape_free(t);
	else if (beginning)
		t->now.beginning = t->now.len;
	return !t->now.len || t->now.len > t->now.beginning + TAPE_MAX;
}

int tape_tell(struct tape *t, void (*say)(void *ctx, const char *line), void *ctx)
{
	size_t at;

	if (!t->now.len)
		return -1;
	for (at = 0; at < t->before.len; at += strlen(t->before.text + at) + 1)
		say(ctx, t->before.text + at);
	for (at = 0; at < t->now.len; at += strlen(t->now.text + at) + 1)
		say(ctx, t->now.text + at);
	return 0;
}
