// SPDX-License-Identifier: MIT
/* Two cores back to back: what a test sees of their modules, traces and control tunnels. */
#include <string.h>

#include "pair.h"

static bool heard_by(const struct side *s, const struct held_sa *out)
{
	for (size_t i = 0; i < PAIR_SAS; i++) {
		const struct held_sa *in = &s->sa[i];

		if (in->used && !in->out && !memcmp(in->spi, out->spi, 4))
			return in->key_len == out->key_len &&
			       !memcmp(in->key, out->key, in->key_len) &&
			       in->suite.cipher == out->suite.cipher &&
			       in->suite.integ == out->suite.integ &&
			       !memcmp(&in->local, &out->remote, sizeof(in->local)) &&
			       !memcmp(&in->remote, &out->local, sizeof(in->remote));
	}
	return false;
}

bool pair_usable(const struct pair_net *net, uint32_t child)
{
	size_t ways = 0;

	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < PAIR_SAS; k++) {
			const struct held_sa *sa = &net->side[i].sa[k];

			if (sa->used && sa->out && sa->active && sa->child == child &&
			    heard_by(&net->side[!i], sa))
				ways++;
		}
	return ways == 2;
}

size_t pair_count_sas(const struct side *s, bool out)
{
	size_t n = 0;

	for (size_t i = 0; i < PAIR_SAS; i++)
		n += s->sa[i].used && s->sa[i].out == out;
	return n;
}

const struct trace_event *pair_event(const struct side *s, enum trace_kind kind,
				     size_t nth)
{
	for (size_t i = 0; i < s->n_trace; i++)
		if (s->trace[i].kind == kind && !nth--)
			return &s->trace[i];
	return NULL;
}

size_t pair_count(const struct side *s, enum trace_kind kind)
{
	size_t n = 0;

	while (pair_event(s, kind, n))
		n++;
	return n;
}

static void count_established(void *ctx, const struct ike_sa_status *s)
{
	*(size_t *)ctx += !strcmp(s->state, "established");
}

size_t pair_tunnels(const struct side *s)
{
	size_t n = 0;

	ike_status(s->ike, count_established, &n);
	return n;
}
