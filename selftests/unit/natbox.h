/* SPDX-License-Identifier: MIT */
/* A NAT in front of a side: it gives each of its UDP ports a port of its own. */
#ifndef ESPTUN_NATBOX_H
#define ESPTUN_NATBOX_H

#include "ike.h"

#define NATBOX_FLOWS 4

struct natbox {
	bool there;
	bool forwards; /* ports of the side are reached from outside, by the same number */
	struct ike_addr inside, outside;
	uint64_t idle_ms; /* a flow without packets for so long is forgotten; 0: never */
	uint16_t last;	  /* port that was given out */
	struct natbox_flow {
		uint16_t inner, outer; /* outer 0: unused */
		uint64_t used_at;
	} flow[NATBOX_FLOWS];
};

/* A packet goes out, from becomes what the world sees. */
void natbox_out(struct natbox *n, uint64_t now, struct ike_addr *from);
/* A packet comes in, to becomes what the side sees; false: it leads nowhere. */
bool natbox_in(struct natbox *n, uint64_t now, struct ike_addr *to);
/* All flows are forgotten; those to come get other ports. */
void natbox_reboot(struct natbox *n);

#endif
