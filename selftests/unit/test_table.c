// SPDX-License-Identifier: MIT
/* The table of messages: complete, unambiguous, and the ladder that README.md draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "table.h"
#include "vectors.h"

#define STATES (INFO_1 + 1)

static const struct exchange_kind {
	uint8_t type;
	enum xstate first, last;
} exchanges[] = {
	{ XCHG_MAIN, MAIN_NONE, MAIN_6 },
	{ XCHG_QUICK, QUICK_NONE, QUICK_3 },
	{ XCHG_INFO, INFO_NONE, INFO_1 },
};

#define EXCHANGES (sizeof(exchanges) / sizeof(*exchanges))

static size_t rows_of(uint8_t version, uint8_t exchange, bool by_initiator, int from,
		      const struct row **found)
{
	size_t n = 0;

	for (size_t i = 0; i < table_rows; i++) {
		const struct row *row = &table[i];

		if (row->version != version || row->exchange != exchange ||
		    row->by_initiator != by_initiator || (int)row->from != from)
			continue;
		*found = row;
		n++;
	}
	return n;
}

/* Any message in any state: one row allows it, or there is none and it is refused. */
static void one_row_or_none(void **state)
{
	static const uint8_t versions[] = { 0x00, IKE_V1, 0x11, 0x20, 0xff };
	size_t allowed = 0;

	(void)state;
	for (size_t v = 0; v < sizeof(versions); v++)
		for (int exchange = 0; exchange < 256; exchange++)
			for (int from = 0; from < STATES + 2; from++)
				for (int initiator = 0; initiator < 2; initiator++) {
					const struct row *row = NULL;
					size_t n = rows_of(versions[v], exchange,
							   initiator, from, &row);

					assert_in_range(n, 0, 1);
					assert_ptr_equal(table_find(versions[v], exchange,
								    initiator, from),
							 row);
					allowed += n;
				}
	assert_int_equal(allowed, table_rows);
}

static const struct exchange_kind *kind_of(const struct row *row)
{
	for (size_t i = 0; i < EXCHANGES; i++)
		if (exchanges[i].type == row->exchange)
			return &exchanges[i];
	fail_msg("%s is of an exchange that is not ours", row->name);
	return NULL;
}

/* Each exchange is a straight line of messages, from its first state to its last. */
static void exchanges_are_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < table_rows; i++) {
		const struct row *row = &table[i];
		const struct exchange_kind *kind = kind_of(row);

		assert_in_range(row->from, kind->first, kind->last - 1);
		assert_int_equal(row->to, row->from + 1);
		/* The initiator begins, and they take turns. */
		assert_int_equal(row->by_initiator, (row->from - kind->first) % 2 == 0);
		assert_true(row->to == kind->last ||
			    table_find(row->version, row->exchange, !row->by_initiator,
				       row->to));
		/* The last message has no answer to wait for. */
		if (row->to == kind->last)
			assert_int_not_equal(row->timer, TIMER_RETRANSMIT);
	}
	assert_int_equal(table_rows, 6 + 3 + 1);
}

/* Unprotected are Main Mode 1 to 4; all others carry the HASH that is checked. */
static void protection(void **state)
{
	(void)state;
	for (size_t i = 0; i < table_rows; i++) {
		const struct row *row = &table[i];
		bool clear = row->exchange == XCHG_MAIN && row->to <= MAIN_4;

		assert_int_equal(row->prot == PROT_NONE, clear);
		assert_int_equal(!(row->must & P_HASH), clear);
		assert_int_equal(row->may & P_HASH, 0);
		assert_int_equal(row->must & row->may, 0);
		/* A delete that nobody has signed is nothing to listen to (pitfall 1.4). */
		if (row->exchange != XCHG_INFO)
			assert_int_equal((row->must | row->may) & P_DELETE, 0);
	}
}

static void everything_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < table_rows; i++) {
		const struct row *row = &table[i];

		assert_non_null(row->in);
		assert_non_null(row->out);
		assert_true(row->name && *row->name && strlen(row->name) < 48);
		assert_true(row->ref && !strncmp(row->ref, "RFC ", 4) &&
			    strlen(row->ref) < 48);
		assert_true(row->say && strlen(row->say) > 20);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(row->name, table[k].name);
	}
}

/* (1) to (6) are phase 1, (7) to (9) phase 2, each once and in order. */
static void numbers_of_the_article(void **state)
{
	uint8_t next = 1;

	(void)state;
	for (size_t i = 0; i < table_rows; i++) {
		const struct row *row = &table[i];

		if (!row->number)
			continue;
		assert_int_equal(row->number, next++);
		assert_int_equal(row->exchange,
				 row->number <= 6 ? XCHG_MAIN : XCHG_QUICK);
	}
	assert_int_equal(next, 10);
}

#define WIDTH	92 /* columns of README.md */
#define TEXT_AT 27

struct text {
	size_t len;
	char data[8192];
};

static void write(struct text *t, const char *s, size_t len)
{
	assert_true(t->len + len < sizeof(t->data));
	memcpy(t->data + t->len, s, len);
	t->len += len;
}

static void write_line(struct text *t, const char *s)
{
	write(t, s, strlen(s));
	write(t, "\n", 1);
}

static void payload_names(uint32_t set, char *out, size_t size)
{
	static const struct {
		uint32_t bit;
		uint8_t type;
	} names[] = {
		{ P_HASH, PL_HASH },   { P_SA, PL_SA }, { P_KE, PL_KE },
		{ P_NONCE, PL_NONCE }, { P_ID, PL_ID },
	};

	*out = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t at = strlen(out);

		if (set & names[i].bit)
			snprintf(out + at, size - at, "%s%s", at ? ", " : "",
				 payload_name(names[i].type));
	}
}

/* "(1) ──▶ SA", and what it is for beside it. */
static void write_row(struct text *t, unsigned int number, const char *arrow,
		      const char *what, const char *say)
{
	char line[128];
	int columns =
		snprintf(line, sizeof(line), "%*s(%u) ", number < 10 ? 2 : 1, "", number);

	/* An arrow is three columns wide, of three octets each. */
	snprintf(line + columns, sizeof(line) - columns, "%s %-*s", arrow,
		 TEXT_AT - columns - 4, what);
	write(t, line, strlen(line));
	while (*say) {
		size_t len = strlen(say);

		if (len > WIDTH - TEXT_AT)
			for (len = WIDTH - TEXT_AT; say[len] != ' '; len--)
				;
		write(t, say, len);
		write(t, "\n", 1);
		say += len;
		if (*say == ' ') {
			say++;
			snprintf(line, sizeof(line), "%*s", TEXT_AT, "");
			write(t, line, TEXT_AT);
		}
	}
}

/* The ten packets as README.md has them, from the table. */
static void draw_ladder(struct text *t)
{
	char names[64];

	write_line(t, "```");
	for (size_t i = 0; i < table_rows; i++) {
		const struct row *row = &table[i];

		if (row->number == 1)
			write_line(t, "phase 1 makes the control tunnel");
		if (row->number == 7)
			write_line(t, "phase 2, inside it, makes two ESP tunnels");
		if (!row->number)
			continue;
		payload_names(row->must, names, sizeof(names));
		write_row(t, row->number, row->by_initiator ? "──▶" : "◀──", names,
			  row->say);
	}
	write_line(t, "traffic, for which all of it was done");
	write_row(t, 10, "◀═▶", "ESP",
		  "User traffic, encrypted, in one ESP tunnel for each direction.");
	write_line(t, "```");
	t->data[t->len] = '\0';
}

/* README.md shows what the table says; the failure prints what it has to show. */
static void readme_shows_the_ladder(void **state)
{
	static const char open[] = "<!-- ladder -->\n", close[] = "<!-- /ladder -->";
	struct text *t = calloc(1, sizeof(*t));
	char path[512], *readme, *from, *to;

	(void)state;
	vec_carried_path(path, sizeof(path), "../../../README.md");
	readme = vec_read(path);
	assert_non_null(readme);
	from = strstr(readme, open);
	assert_non_null(from);
	from += strlen(open);
	to = strstr(from, close);
	assert_non_null(to);
	*to = '\0';
	draw_ladder(t);
	assert_string_equal(from, t->data);
	free(readme);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_row_or_none),
		cmocka_unit_test(exchanges_are_lines),
		cmocka_unit_test(protection),
		cmocka_unit_test(everything_is_said),
		cmocka_unit_test(numbers_of_the_article),
		cmocka_unit_test(readme_shows_the_ladder),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
