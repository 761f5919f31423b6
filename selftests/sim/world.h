/* SPDX-License-Identifier: MIT */
/* Around two cores: a network, a clock with events, modules through which packets flow. */
#ifndef ESPTUN_WORLD_H
#define ESPTUN_WORLD_H

#include "../unit/pair.h"
#include "sim.h"

#define KEPT 16 /* datagrams to forge from */

enum event_type { TICK, ESP, ANSWER, FIRST, SOFT, HARD, MOVED, TROUBLE, UP };

struct event {
	uint64_t at, order;
	enum event_type type;
	int side;
	unsigned int boots; /* of the side: what was meant for it before is void */
	unsigned int lives; /* of its helper: answers to the one before are void */
	uint32_t child, epoch;
	uint8_t spi[4];
	bool out;
	uint64_t hard_at;     /* of the SA that it was sent on, or is to be received on */
	struct ike_path path; /* ESP: on the way, as struct datagram has it */
	uint64_t serial;      /* ESP: counts up */
	struct answer answer;
};

struct kept {
	uint8_t data[2048];
	size_t len;
	int to;
};

struct sim {
	struct pair_net net;
	struct sim_figures *f;
	uint64_t random, seed, orders;
	struct event *heap;
	size_t n, room;
	/* The kind of life */
	unsigned int loss, twice, faults; /* percent */
	uint64_t delay, answer_delay;
	bool takes_down, resets, restarts, dies, forges, settling;
	uint64_t dark_until; /* nothing passes between the two */
	uint64_t late_until; /* a packet from before a NAT's reboot may still come */
	bool unlucky;	     /* renewal may come too late, for want of answers */
	unsigned int boots[2], lives[2];
	/* Does traffic flow, so that none of it may be lost? */
	bool armed[PAIR_CHILDREN], wanted;
	uint32_t epoch[PAIR_CHILDREN];
	uint64_t duplicate_since[2][PAIR_CHILDREN], astray_since[2];
	uint64_t serials, highest[2][PAIR_CHILDREN]; /* of ESP sent, and received */
	bool first[2][PAIR_SAS];
	struct kept kept[KEPT];
	size_t n_kept;
	char why[256];
};

extern struct sim sim;

void sim_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Uniform in 0 to n - 1. */
uint64_t sim_below(uint64_t n);
bool sim_percent(unsigned int p);
/* Since the beginning, for a person. */
double sim_seconds(void);
void sim_at(struct event e);
struct event sim_take(void);

/* struct pair_world: datagrams, answers of other processes, the next event, actions. */
void sim_send(struct pair_net *net, int from, const struct ike_path *path,
	      const uint8_t *data, size_t len);
void sim_answer(struct pair_net *net, int side, const struct answer *a);
uint64_t sim_next(struct pair_net *net);
void sim_action(struct pair_net *net, int side, const struct ike_action *a);

/* The outbound SA that is sent on; NULL for none. */
struct held_sa *sim_in_use(int side, uint32_t child);
/* From now on, and for what is on its way, losses are nobody's fault. */
void sim_disarm(uint32_t child);
void sim_disarm_all(void);
/* What the side sends there leads through a NAT to the other one. */
bool sim_leads(int side, struct ike_addr to);
/* ESP of both sides does. */
bool sim_reachable(uint32_t child);
/* A NAT loses what it knew; what is on its way to it is lost. */
void sim_nat_reboot(int side);
/* Each side sends a packet on each child. */
void sim_esp(void);
void sim_esp_arrives(const struct event *e);
void sim_hard_end(const struct event *e);
/* e, where there is one, says which SA. */
void sim_command(int side, enum ike_command_type type, const struct event *e);

#endif
