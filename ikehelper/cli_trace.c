// SPDX-License-Identifier: MIT
/* What happened, drawn: by the daemon now, or from a recording of it. */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client.h"
#include "core/ike.h"
#include "ikehelper.h"
#include "ladder.h"
#include "show.h"

static unsigned terminal_width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col > LADDER_WIDTH_MAX)
		return LADDER_WIDTH_MAX;
	return w.ws_col < LADDER_WIDTH_MIN ? LADDER_WIDTH_MIN : w.ws_col;
}

/* How it is to be shown. */
struct drawing {
	const char *what; /* the subcommand, for complaints */
	bool json, svg;
	struct ladder ladder;
	struct trace_event
		*event; /* for an SVG picture, which needs all of them at once */
	size_t n;
	int status;
};

static int drawing_begin(struct drawing *d, const char *what, int *argc, char **argv)
{
	*d = (struct drawing){ .what = what };
	d->json = take_option(argc, argv, "--json");
	d->svg = take_option(argc, argv, "--svg");
	d->ladder.out = stdout;
	d->ladder.width = terminal_width();
	d->ladder.painter =
		!strcmp(nl_langinfo(CODESET), "UTF-8") ? &ladder_unicode : &ladder_ascii;
	if (d->svg && d->json)
		return misuse("%s: --svg goes alone", what);
	return 0;
}

static void keep(struct drawing *d, const struct trace_event *e)
{
	struct trace_event *event = realloc(d->event, (d->n + 1) * sizeof(*event));

	if (!event) {
		d->status = fail("%s: out of memory", d->what);
		return;
	}
	d->event = event;
	event[d->n++] = *e;
}

static void draw(struct drawing *d, const struct trace_event *e)
{
	if (d->svg)
		keep(d, e);
	else if (d->json)
		json_print(trace_to_json(e), false);
	else
		ladder_event(&d->ladder, e);
	fflush(stdout);
}

static int drawing_end(struct drawing *d)
{
	if (d->svg && !d->status && ladder_svg(stdout, d->event, d->n) < 0)
		d->status = fail("%s: out of memory", d->what);
	free(d->event);
	return d->status;
}

int cmd_trace(int argc, char **argv)
{
	bool follow = take_option(&argc, argv, "--follow");
	struct trace_event event;
	struct client_link l;
	struct drawing d;
	const char *peer;
	cJSON *o;
	int status = drawing_begin(&d, "trace", &argc, argv);

	if (!status)
		status = client_peer(argc, argv, "trace", &peer);
	if (!status && d.svg && follow)
		status = misuse("trace: --svg goes alone");
	if (!status)
		status = client_open(&l, "trace", false);
	if (status)
		return status;
	o = client_request("trace", peer);
	cJSON_AddBoolToObject(o, "follow", follow);
	d.status = client_ask(&l, o, -1);
	while (!d.status && !ferror(stdout) && (o = client_answer(&l, &d.status))) {
		if (trace_from_json(o, &event) == 0)
			draw(&d, &event);
		cJSON_Delete(o);
	}
	client_close(&l);
	return drawing_end(&d);
}

/* --- recordings -------------------------------------------------------------------- */

static int save(const char *peer, const char *path, FILE *out)
{
	struct client_link l;
	cJSON *o;
	int status = client_open(&l, "record", false);

	if (status)
		return status;
	status = client_ask(&l, client_request("record", peer), -1);
	while (!status && (o = client_answer(&l, &status))) {
		fputs(l.line, out);
		cJSON_Delete(o);
	}
	client_close(&l);
	if (!status && (fflush(out) || ferror(out)))
		status = fail("record: cannot write %s: %s", path, strerror(errno));
	return status;
}

int cmd_record(int argc, char **argv)
{
	FILE *out;
	int fd, status;

	if (argc != 2)
		return misuse("record: write record PEER FILE");
	fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return fail("record: %s is there already: name a new file", argv[1]);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		return fail("record: cannot make %s: %s", argv[1], strerror(errno));
	status = save(argv[0], argv[1], out);
	fclose(out);
	if (status)
		unlink(argv[1]);
	return status;
}

/* What the daemon shows of what happened, too. */
static void on_event(void *ctx, const struct trace_event *e)
{
	if (!e->routine)
		draw(ctx, e);
}

static int run_again(struct drawing *d, const char *path, FILE *in)
{
	struct ike_replay *r = ike_replay_new(on_event, d);
	char why[IKE_REPLAY_WHY];
	char *line = NULL;
	size_t size = 0, n = 0, astray = 0;
	int ret = r ? 0 : -1, err;

	while (ret >= 0 && getline(&line, &size, in) >= 0) {
		ret = ike_replay_line(r, line, why);
		n++;
		if (ret > 0)
			astray = n;
	}
	err = errno;
	free(line);
	if (r)
		ike_replay_free(r);
	if (!r)
		return fail("replay: out of memory");
	if (ret < 0)
		return fail("replay: %s, line %zu: %s", path, n, why);
	if (ferror(in))
		return fail("replay: cannot read %s: %s", path, strerror(err));
	if (!n)
		return fail("replay: %s is empty", path);
	if (astray)
		return fail(
			"replay: from line %zu of %s on, this ikehelper does something "
			"else than the one that recorded it",
			astray, path);
	return 0;
}

int cmd_replay(int argc, char **argv)
{
	struct drawing d;
	FILE *in;
	int status = drawing_begin(&d, "replay", &argc, argv);

	if (status)
		return status;
	if (argc != 1 || *argv[0] == '-')
		return misuse("replay: write replay FILE [--json|--svg]");
	in = fopen(argv[0], "re");
	if (!in)
		return fail("replay: cannot read %s: %s", argv[0], strerror(errno));
	status = run_again(&d, argv[0], in);
	fclose(in);
	return drawing_end(&d) || status;
}
