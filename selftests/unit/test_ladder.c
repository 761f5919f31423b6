// SPDX-License-Identifier: MIT
/*
 * The ladder: events in, exactly this text out. Protects the picture that people read
 * (columns, phases, directions, refusals), the way through JSON that it travels from the
 * daemon, and that a peer's octets cannot write to a terminal.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ladder.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PLACE                                                                       \
	.peer = "osaka", .local = "198.51.100.1:500", .remote = "198.51.100.2:500", \
	.negotiation = 1

static const struct trace_event up[] = {
	{ PLACE, .ms = 1000, .kind = TRACE_SENT, .phase = 1, .number = 1,
	  .initiator = true, .size = 180, .name = "Main Mode 1",
	  .words = "SA: aes256-sha256-modp2048; vendor: DPD",
	  .text = "Proposes suites for the control tunnel." },
	{ PLACE, .ms = 1031, .kind = TRACE_RECEIVED, .phase = 1, .number = 2,
	  .initiator = true, .size = 100, .name = "Main Mode 2",
	  .words = "SA: aes256-sha256-modp2048", .text = "Chooses one of them." },
	{ PLACE, .ms = 1040, .kind = TRACE_KEYS, .phase = 1, .initiator = true,
	  .text = "Phase 1 made the keys of the control tunnel from both sides' material "
		  "and the pre-shared key; none of them travelled." },
	{ PLACE, .ms = 1050, .kind = TRACE_SENT, .phase = 2, .number = 7,
	  .initiator = true, .size = 348, .name = "Quick Mode 1",
	  .words = "HASH(1), SA, Ni, KE, IDci, IDcr" },
	{ PLACE, .ms = 2050, .kind = TRACE_RESENT, .phase = 2, .number = 7,
	  .initiator = true, .size = 348, .name = "Quick Mode 1" },
	{ PLACE, .ms = 12150, .kind = TRACE_UP, .phase = 2, .initiator = true,
	  .text = "The ESP tunnels are up." },
	{ PLACE, .ms = 12160, .kind = TRACE_FIRST_ESP, .phase = 3, .number = 10,
	  .initiator = true, .text = "User traffic flows." },
};

/* Both kinds of tunnel are renewed; the old ones go while the drawing goes on. */
static const struct trace_event renewed[] = {
	{ PLACE, .ms = 1000, .kind = TRACE_FIRST_ESP, .phase = 3, .number = 10 },
	{ PLACE, .ms = 2000, .kind = TRACE_SENT, .phase = 2, .number = 7, .size = 348,
	  .initiator = true, .renewal = true, .name = "Quick Mode 1" },
	{ PLACE, .ms = 2100, .kind = TRACE_UP, .phase = 2, .text = "ESP tunnels." },
	{ PLACE, .ms = 2200, .kind = TRACE_FIRST_ESP, .phase = 3, .number = 10 },
	{ PLACE, .ms = 2300, .kind = TRACE_DOWN, .phase = 2, .text = "Old ones." },
	{ .peer = "osaka",
	  .negotiation = 2,
	  .ms = 3000,
	  .kind = TRACE_RECEIVED,
	  .phase = 1,
	  .number = 1,
	  .size = 180,
	  .renewal = true,
	  .name = "Main Mode 1" },
	{ .peer = "osaka",
	  .negotiation = 2,
	  .ms = 3100,
	  .kind = TRACE_UP,
	  .phase = 1,
	  .text = "Control tunnel." },
	{ PLACE, .ms = 3200, .kind = TRACE_DOWN, .phase = 1, .text = "The old one." },
};

static const struct trace_event refused[] = {
	{ PLACE, .ms = 5, .kind = TRACE_RECEIVED, .phase = 1, .number = 1, .size = 120,
	  .name = "Main Mode 1", .words = "SA: 3des-sha1-modp1024" },
	{ PLACE, .ms = 6, .kind = TRACE_REFUSED, .phase = 1, .code = "no-proposal",
	  .text = "no suite is allowed on both sides",
	  .ours = "aes256-sha256-modp2048\naes128-sha256-modp2048",
	  .theirs = "3des-sha1-modp1024" },
};

static const char *const up_ascii[] = {
	"  this host, initiator                                      osaka, responder",
	"  198.51.100.1:500                                          198.51.100.2:500",
	"  += Phase 1: the control tunnel (ISAKMP SA) ==============================+",
	"  |-- (1) Main Mode 1, 180 octets -------------------------------- +0 ms ->|",
	"  |      SA: aes256-sha256-modp2048; vendor: DPD                           |",
	"  |    . Proposes suites for the control tunnel.                           |",
	"  |<- (2) Main Mode 2, 100 octets ------------------------------- +31 ms --|",
	"  |      SA: aes256-sha256-modp2048                                        |",
	"  |    . Chooses one of them.                                              |",
	"  |    * Phase 1 made the keys of the control tunnel from both sides'      |",
	"  |      material and the pre-shared key; none of them travelled.          |",
	"  += Phase 2: the ESP tunnels (IPsec SAs), in the control tunnel ==========+",
	"  |-- (7) Quick Mode 1, 348 octets ------------------------------ +50 ms ->|",
	"  |      HASH(1), SA, Ni, KE, IDci, IDcr                                   |",
	"  |~~ (7) Quick Mode 1, 348 octets, sent again ~~~~~~~~~~~~~~~~ +1050 ms ~>|",
	"  |    + The ESP tunnels are up.                                           |",
	"  += User traffic, in the ESP tunnels =====================================+",
	"  |<= (10) ESP, and so on ====================================== +11.1 s =>|",
	"  |    . User traffic flows.                                               |",
};

static const char *const renewed_ascii[] = {
	"  this host, responder                                      osaka, initiator",
	"  198.51.100.1:500                                          198.51.100.2:500",
	"  += User traffic, in the ESP tunnels =====================================+",
	"  |<= (10) ESP, and so on ======================================== +0 ms =>|",
	"  += Phase 2 again: the ESP tunnels are renewed ===========================+",
	"  |-- (7) Quick Mode 1, 348 octets ---------------------------- +1000 ms ->|",
	"  |    + ESP tunnels.                                                      |",
	"  += User traffic, in the ESP tunnels =====================================+",
	"  |<= (10) ESP, and so on ===================================== +1200 ms =>|",
	"  |    - Old ones.                                                         |",
	"  += Phase 1 from its start: the control tunnel is renewed ================+",
	"  |<- (1) Main Mode 1, 180 octets ----------------------------- +2000 ms --|",
	"  |    + Control tunnel.                                                   |",
	"  |    - The old one.                                                      |",
};

static const char *const refused_ascii[] = {
	"  this host, responder                                      osaka, initiator",
	"  198.51.100.1:500                                          198.51.100.2:500",
	"  += Phase 1: the control tunnel (ISAKMP SA) ==============================+",
	"  |<- (1) Main Mode 1, 120 octets -------------------------------- +0 ms --|",
	"  |      SA: 3des-sha1-modp1024                                            |",
	"  |    X Stopped here: no suite is allowed on both sides [no-proposal]     |",
	"  |      this host has:                    the peer has:                   |",
	"  |        aes256-sha256-modp2048            3des-sha1-modp1024            |",
	"  |        aes128-sha256-modp2048                                          |",
};

static char *draw(const struct ladder_painter *painter, unsigned width,
		  const struct trace_event *ev, size_t n)
{
	struct ladder l = { .painter = painter, .width = width };
	char *text = NULL;
	size_t size, i;

	l.out = open_memstream(&text, &size);
	assert_non_null(l.out);
	for (i = 0; i < n; i++)
		ladder_event(&l, &ev[i]);
	fclose(l.out);
	return text;
}

static void check(const struct trace_event *ev, size_t n, const char *const *want,
		  size_t lines)
{
	char *text = draw(&ladder_ascii, 78, ev, n), *rest = text;
	size_t i;

	for (i = 0; i < lines; i++)
		assert_string_equal(strsep(&rest, "\n"), want[i]);
	assert_string_equal(rest, "");
	free(text);
}

static void draws_what_happened(void **state)
{
	(void)state;
	check(up, COUNT(up), up_ascii, COUNT(up_ascii));
}

static void a_renewal_goes_on_below(void **state)
{
	(void)state;
	check(renewed, COUNT(renewed), renewed_ascii, COUNT(renewed_ascii));
}

static void draws_a_refusal_with_both_sides(void **state)
{
	(void)state;
	check(refused, COUNT(refused), refused_ascii, COUNT(refused_ascii));
}

/* Characters, not octets: every row ends at the same column, whatever the locale. */
static size_t columns(const char *line)
{
	size_t n = 0;

	for (; *line; line++)
		n += (*line & 0xc0) != 0x80;
	return n;
}

static void every_row_is_as_wide(void **state)
{
	unsigned width;

	(void)state;
	for (width = LADDER_WIDTH_MIN; width <= LADDER_WIDTH_MAX; width++) {
		char *text = draw(&ladder_unicode, width, up, COUNT(up)), *rest = text,
		     *line;

		while ((line = strsep(&rest, "\n")) && *line)
			assert_int_equal(columns(line), width - 2);
		free(text);
	}
}

static void json_carries_every_field(void **state)
{
	struct trace_event ev = refused[1], back;
	cJSON *json;
	size_t i;

	(void)state;
	ev.cookie_i[0] = 0xa5;
	ev.message_id = 0xfffffffe;
	ev.initiator = true;
	strcpy(ev.ref, "RFC 2409 section 5.4");
	json = trace_to_json(&ev);
	assert_int_equal(trace_from_json(json, &back), 0);
	assert_memory_equal(&ev, &back, sizeof(ev));
	cJSON_Delete(json);
	for (i = 0; i < COUNT(up); i++) {
		json = trace_to_json(&up[i]);
		assert_int_equal(trace_from_json(json, &back), 0);
		assert_memory_equal(&up[i], &back, sizeof(back));
		cJSON_Delete(json);
	}
}

static void json_that_is_no_event_is_refused(void **state)
{
	static const char *const bad[] = { "{}", "[]", "{\"kind\":\"dance\"}",
					   "{\"kind\":7}" };
	struct trace_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		cJSON *json = cJSON_Parse(bad[i]);

		assert_int_equal(trace_from_json(json, &ev), -1);
		cJSON_Delete(json);
	}
}

/* A peer's identity may hold anything; the terminal gets printable ASCII. */
static void terminal_is_safe(void **state)
{
	struct trace_event ev = up[0];
	char *text;

	(void)state;
	strcpy(ev.words, "IDii: \x1b[2J\x9b\xff\r evil");
	strcpy(ev.peer, "\x1b]0;title\a");
	text = draw(&ladder_ascii, 78, &ev, 1);
	assert_null(strpbrk(text, "\x1b\x9b\xff\r\a"));
	assert_non_null(strstr(text, "IDii: ?[2J??? evil"));
	free(text);
}

/* A word longer than a row is cut, not lost, and never runs over the line. */
static void long_words_are_wrapped(void **state)
{
	struct trace_event ev = up[0];
	char *text, *rest, *line;
	size_t n = 0;

	(void)state;
	memset(ev.words, 'w', sizeof(ev.words) - 1);
	rest = text = draw(&ladder_ascii, 80, &ev, 1);
	while ((line = strsep(&rest, "\n")) && *line) {
		assert_int_equal(strlen(line), 78);
		for (; *line; line++)
			n += *line == 'w';
	}
	assert_true(n >= sizeof(ev.words) - 1);
	free(text);
}

static void svg_is_whole_and_escaped(void **state)
{
	struct trace_event ev = up[0];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	strcpy(ev.words, "ID: <script>&");
	assert_int_equal(ladder_svg(out, &ev, 1), 0);
	fclose(out);
	assert_int_equal(strncmp(text, "<svg ", 5), 0);
	assert_non_null(strstr(text, "</svg>\n"));
	assert_non_null(strstr(text, "ID: &lt;script&gt;&amp;"));
	assert_non_null(strstr(text, "(1) Main Mode 1, 180 octets"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_what_happened),
		cmocka_unit_test(a_renewal_goes_on_below),
		cmocka_unit_test(draws_a_refusal_with_both_sides),
		cmocka_unit_test(every_row_is_as_wide),
		cmocka_unit_test(json_carries_every_field),
		cmocka_unit_test(json_that_is_no_event_is_refused),
		cmocka_unit_test(terminal_is_safe),
		cmocka_unit_test(long_words_are_wrapped),
		cmocka_unit_test(svg_is_whole_and_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
