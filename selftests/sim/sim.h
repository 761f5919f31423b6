/* SPDX-License-Identifier: MIT */
/* One life of two helpers, and what many of them came to. */
#ifndef ESPTUN_SIM_H
#define ESPTUN_SIM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_figures {
	uint64_t controls, pairs, datagrams, lost, esp, forged, hard_ends, nat_reboots;
	uint64_t settle_ms, settle_seed;
	uint64_t most_datagrams, most_seed;
	uint64_t most_sas;
	uint64_t deaths, given_up;
};

/*
 * Lives it, adding to the figures. Returns NULL, or what went wrong, valid until the next
 * call. mock: Diffie-Hellman and SKEYID cost nothing.
 */
const char *sim_life(uint64_t seed, bool mock, struct sim_figures *f);

#endif
