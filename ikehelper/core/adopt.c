// SPDX-License-Identifier: MIT
/* Pairs of ESP tunnels that are there already when the core starts. */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ike_adopt(struct ike *ike, uint64_t now, const struct ike_peer *cfg,
	      const struct ike_path *path, const struct ike_child_status *is)
{
	struct peer *peer = peer_by_cfg(ike, cfg);
	struct pair *pair = calloc(1, sizeof(*pair));
	struct trace_event *e;
	struct pair **at;
	size_t n = 0;

	ike->now = now;
	if (!peer || !pair)
		goto refuse;
	for (at = &peer->child[is->child].pairs; *at; at = &(*at)->next)
		n++;
	if (n >= PAIRS_MAX)
		goto refuse;
	record_adopt(peer, path, is);
	/* What is not in use yet may be unknown to the peer: the other one stays current. */
	if (is->up)
		at = &peer->child[is->child].pairs;
	memcpy(pair->spi_in, is->spi_in, 4);
	memcpy(pair->spi_out, is->spi_out, 4);
	pair->suite = is->suite;
	pair->path = *path;
	pair->encap = is->encap;
	/* Whether there is a NAT on our side is not known; keepalives do no harm. */
	if (is->encap)
		pair->nat = (struct nat){ NAT_T_RFC, .here = true, .there = is->follow };
	pair->local = is->local;
	pair->remote = is->remote;
	pair->since = is->since;
	pair->renew_at = now;
	pair->hard_at = is->hard_at ? is->hard_at : NEVER;
	pair->activate_at = pair->drop_at = NEVER;
	pair->heard = true;
	pair->next = *at;
	*at = pair;
	e = trace_pair(peer, TRACE_UP, pair);
	e->phase = 2;
	snprintf(e->name, sizeof(e->name), "ESP tunnels");
	snprintf(e->text, sizeof(e->text),
		 "The ESP tunnels with SPI in %02x%02x%02x%02x, out %02x%02x%02x%02x are "
		 "there from before: they go on until new ones have taken over.",
		 is->spi_in[0], is->spi_in[1], is->spi_in[2], is->spi_in[3],
		 is->spi_out[0], is->spi_out[1], is->spi_out[2], is->spi_out[3]);
	record_end(peer);
	return 0;
refuse:
	free(pair);
	return -1;
}
