/* SPDX-License-Identifier: MIT */
/*
 * Two cores back to back in one process: a network that loses and repeats on demand, a
 * clock that jumps to the next deadline, modules and key processes that answer at once,
 * later, or not at all. Everything comes from one seed.
 */
#ifndef ESPTUN_PAIR_H
#define ESPTUN_PAIR_H

#include "ike.h"
#include "natbox.h"
#include "trust.h"

#define PAIR_SAS      32
#define PAIR_TRACES   400
#define PAIR_CHILDREN 4
#define PAIR_SUITES   8

enum verdict { PASS, LOSE, TWICE, TWICE_LATE };

/* An ESP SA as the module would hold it. */
struct held_sa {
	bool used, out, active;
	bool heard;	 /* a packet came in on it */
	uint64_t serial; /* counts up */
	uint32_t child;
	uint8_t spi[4], pair_spi[4];
	struct ike_subnet local, remote;
	struct esp_proposal suite;
	uint8_t key[128];
	size_t key_len; /* of cipher and integrity together */
	uint64_t soft_seconds, hard_seconds, soft_bytes, hard_bytes;
	uint64_t soft_packets, hard_packets;
	uint64_t hard_at;
	uint64_t packets; /* came in */
};

struct answer {
	uint32_t id;
	bool ok;
	uint8_t data[512];
	size_t len;
};

/* Where the module sends ESP of a child, and how. */
struct esp_way {
	struct ike_path path;
	bool encap, follow;
};

struct side {
	struct ike *ike;
	struct ike_addr home;
	struct natbox nat;
	struct esp_way way[PAIR_CHILDREN];
	struct ike_peer peer;
	struct ike_proposal suites[PAIR_SUITES];
	struct esp_proposal esp[PAIR_SUITES];
	struct ike_child_cfg children[PAIR_CHILDREN];
	char name[24];
	const char *psk;
	/* With signatures; without a key and a trust they are a mock. */
	EVP_PKEY *key;
	const struct trust *trust;
	size_t verdicts_asked, lost_verdicts; /* so many have no answer but "cannot" */
	uint64_t random;		      /* state of the generator */
	/* of struct ike_env; ctx is the side */
	bool (*record)(void *ctx, const struct ike_peer *peer, const char *line,
		       bool beginning);
	struct held_sa sa[PAIR_SAS];
	uint64_t serials;
	size_t reserved; /* SPIs without an SA */
	struct trace_event *trace;
	size_t n_trace;
	size_t n_keylog;
	/* Faults */
	bool no_spi, no_add_in, no_add_out, no_dh, no_verdict, silent;
	bool late; /* the module's answers wait for pair_late_answers() */
};

struct datagram {
	struct datagram *next;
	int to;
	struct ike_path path; /* on the way: local is where it goes */
	uint64_t at;
	size_t len;
	uint8_t data[];
};

struct pair_net;

/* What a test does itself: the network, the time that answers take, events of its own. */
struct pair_world {
	/* Sends what it likes of it on with pair_fly(). */
	void (*send)(struct pair_net *net, int from, const struct ike_path *path,
		     const uint8_t *data, size_t len);
	/* Gives it with pair_answer(), now or later. */
	void (*answer)(struct pair_net *net, int side, const struct answer *a);
	/* When its next event is; UINT64_MAX for never. */
	uint64_t (*next)(struct pair_net *net);
	void (*happen)(struct pair_net *net);
	/* Every action, before the side takes it. */
	void (*action)(struct pair_net *net, int side, const struct ike_action *a);
};

struct pair_net {
	struct side side[2];
	const struct pair_world *world; /* NULL: fate and the faults below */
	uint64_t now;
	struct datagram *flying;
	size_t sent; /* datagrams so far, of both sides */
	/* What becomes of the nth datagram (from 1); NULL: it arrives. */
	enum verdict (*fate)(struct pair_net *net, int from, size_t nth,
			     const uint8_t *data, size_t len);
	void *ctx;
	bool defer; /* answers come after everything else, the last need first */
	struct answer waiting[64];
	int waiting_side[64];
	size_t n_waiting;
	struct answer late[8];
	int late_side[8];
	size_t n_late;
	bool mock;
	uint64_t digest;       /* of every action, in order */
	uint8_t last[2][4096]; /* the last datagram that each side sent */
	size_t last_len[2];
};

/* Suites are lists separated by commas, as in the configuration (legacy = yes). */
struct pair_cfg {
	const char *ike[2], *esp[2], *psk[2];
	enum ike_auth auth;    /* of both sides */
	const char *selectors; /* of side 0: "10.1.0.0/16=10.2.0.0/16,..." */
	uint64_t seed;
	uint32_t ike_seconds[2], esp_seconds[2];
	uint32_t dpd_seconds[2], dpd_timeout;
	enum ike_start start[2];
	bool ipv6;  /* between the two sides */
	bool mock;  /* Diffie-Hellman and prf that cost nothing */
	bool quiet; /* keep no trace */
	bool (*record)(void *ctx, const struct ike_peer *peer, const char *line,
		       bool beginning);
};

/* Defaults for what cfg leaves zero; the cores are made by it. */
void pair_start(struct pair_net *net, const struct pair_cfg *cfg);
void pair_stop(struct pair_net *net);
/* The side loses all that it knew, its module too. */
void pair_crash(struct pair_net *net, int side);
/* The helper alone dies, and another one finds what the module has. */
void pair_restart(struct pair_net *net, int side);
void pair_command(struct pair_net *net, int side, enum ike_command_type type);
/* Lets everything happen that happens until then. */
void pair_run(struct pair_net *net, uint64_t until_ms);
void pair_late_answers(struct pair_net *net);
/* path is that of struct datagram. */
void pair_fly(struct pair_net *net, int to, uint64_t at, const struct ike_path *path,
	      const uint8_t *data, size_t len);
/*
 * Puts a side behind a NAT, before anything is sent. Without forwards the other side has to
 * be asked: it cannot begin. The other one expects the inner address as the identity.
 */
void pair_nat(struct pair_net *net, int side, bool forwards);
void pair_answer(struct pair_net *net, int side, const struct answer *a);
/* Any seed will do. */
uint64_t pair_random(uint64_t *state);
/* A datagram of nobody's, from the other side's address. */
void pair_inject(struct pair_net *net, int to, const uint8_t *data, size_t len);

/* Carries ESP both ways: each side sends on an SA that the other one holds. */
bool pair_usable(const struct pair_net *net, uint32_t child);
size_t pair_count_sas(const struct side *s, bool out);
/* The nth (from 0) event of a kind; NULL when there are fewer. */
const struct trace_event *pair_event(const struct side *s, enum trace_kind kind,
				     size_t nth);
size_t pair_count(const struct side *s, enum trace_kind kind);
/* Control tunnels that are established and not replaced. */
size_t pair_tunnels(const struct side *s);

#endif
