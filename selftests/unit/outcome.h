/* SPDX-License-Identifier: MIT */
/* How a life of two cores is judged: what a good end is, what a refusal, and a few fates. */
#ifndef ESPTUN_OUTCOME_H
#define ESPTUN_OUTCOME_H

#include <string.h>

#include "pair.h"
#include "sa.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MINUTE	 60000

static struct pair_net net;

static inline void up(const struct pair_cfg *cfg)
{
	pair_start(&net, cfg);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
}

/* Everything that a good end means, on both sides. */
static inline void is_up(void)
{
	assert_true(pair_usable(&net, 0));
	for (int i = 0; i < 2; i++) {
		const struct side *s = &net.side[i];

		assert_int_equal(pair_count_sas(s, false), 1);
		assert_int_equal(pair_count_sas(s, true), 1);
		assert_int_equal(s->reserved, 0);
		assert_int_equal(pair_tunnels(s), 1);
		assert_int_equal(pair_count(s, TRACE_REFUSED), 0);
	}
}

/* Nothing is left of a negotiation that failed. */
static inline void is_clean(void)
{
	for (int i = 0; i < 2; i++) {
		const struct side *s = &net.side[i];

		assert_int_equal(pair_count_sas(s, false), 0);
		assert_int_equal(pair_count_sas(s, true), 0);
		assert_int_equal(s->reserved, 0);
	}
}

static inline void refused_with(int side, const char *code, const char *text)
{
	const struct trace_event *e = pair_event(&net.side[side], TRACE_REFUSED, 0);

	assert_non_null(e);
	assert_string_equal(e->code, code);
	if (!strstr(e->text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, e->text);
}

static inline enum verdict all_lost(struct pair_net *n, int from, size_t nth,
				    const uint8_t *data, size_t len)
{
	(void)n;
	(void)from;
	(void)nth;
	(void)data;
	(void)len;
	return LOSE;
}

static inline enum verdict a_third(struct pair_net *n, int from, size_t nth,
				   const uint8_t *data, size_t len)
{
	(void)n;
	(void)from;
	(void)data;
	(void)len;
	return nth * 2654435761u % 97 % 3 ? PASS : LOSE;
}

static inline void command_spi(int side, enum ike_command_type type,
			       const struct held_sa *sa, bool hard)
{
	struct ike_command cmd = { .type = type,
				   .peer = &net.side[side].peer,
				   .child = sa->child,
				   .out = sa->out,
				   .hard = hard };

	memcpy(cmd.spi, sa->spi, 4);
	ike_command(net.side[side].ike, net.now, &cmd);
	pair_run(&net, net.now + 500);
}

static inline enum verdict no_ninth(struct pair_net *n, int from, size_t nth,
				    const uint8_t *data, size_t len)
{
	(void)n;
	(void)data;
	(void)len;
	return nth >= 9 && from == 0 ? LOSE : PASS;
}

#endif
