/* SPDX-License-Identifier: MIT */
/* The module's choice of a peer the slow way: a list of selectors, all of them looked at. */
#ifndef NAIVE_SELECT_H
#define NAIVE_SELECT_H

#include <arpa/inet.h>
#include <stdlib.h>

#include "select.h"

#define NAIVE_SELECT_MAX 2048

struct naive_select {
	struct {
		struct et_selector sel;
		struct et_peer *peer;
	} entry[NAIVE_SELECT_MAX]; /* oldest first */
	size_t n;
};

/* Bit by bit, where the code under test has masks. */
static bool naive_in_prefix(const union et_addr *addr, const union et_addr *prefix,
			    int len)
{
	const uint8_t *a = addr->v6.s6_addr, *p = prefix->v6.s6_addr;

	for (int bit = 0; bit < len; bit++)
		if ((a[bit / 8] ^ p[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

/* RFC 4301 section 4.4.1 as we have it: 0 is any; asked for ports have to be there. */
static bool naive_match_out(const struct et_selector *s, const struct et_flow *f)
{
	bool ports = s->proto && (s->local_port || s->remote_port);

	return s->family == f->family &&
	       naive_in_prefix(&f->dst, &s->remote, s->remote_len) &&
	       naive_in_prefix(&f->src, &s->local, s->local_len) &&
	       (!s->proto || s->proto == f->proto) && (!ports || f->has_ports) &&
	       (!ports || !s->local_port || s->local_port == f->src_port) &&
	       (!ports || !s->remote_port || s->remote_port == f->dst_port);
}

static bool naive_same(const struct et_selector *a, const struct et_selector *b)
{
	return a->family == b->family && a->local_len == b->local_len &&
	       !memcmp(&a->local, &b->local, 16) && !memcmp(&a->remote, &b->remote, 16) &&
	       a->remote_len == b->remote_len && a->proto == b->proto &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port;
}

/* Longest remote prefix, then longest local one, then a protocol, then ports. */
static int naive_rank(const struct et_selector *s)
{
	return s->remote_len * 10000 + s->local_len * 10 + (s->proto ? 2 : 0) +
	       (s->local_port || s->remote_port ? 1 : 0);
}

static bool naive_select_has(const struct naive_select *m, const struct et_selector *s)
{
	for (size_t i = 0; i < m->n; i++)
		if (naive_same(&m->entry[i].sel, s))
			return true;
	return false;
}

static void naive_select_add(struct naive_select *m, const struct et_selector *s,
			     struct et_peer *peer)
{
	if (m->n == NAIVE_SELECT_MAX)
		abort();
	m->entry[m->n].sel = *s;
	m->entry[m->n++].peer = peer;
}

static void naive_select_remove(struct naive_select *m, const struct et_peer *peer)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->entry[i].peer != peer)
			m->entry[kept++] = m->entry[i];
	m->n = kept;
}

/* Of equals the oldest. */
static struct et_peer *naive_select_lookup(const struct naive_select *m,
					   const struct et_flow *f)
{
	struct et_peer *best = NULL;
	int rank = -1;

	for (size_t i = 0; i < m->n; i++) {
		if (!naive_match_out(&m->entry[i].sel, f) ||
		    naive_rank(&m->entry[i].sel) <= rank)
			continue;
		rank = naive_rank(&m->entry[i].sel);
		best = m->entry[i].peer;
	}
	return best;
}

#endif
