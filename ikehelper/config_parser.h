/* SPDX-License-Identifier: MIT */
/* A configuration file half read: between the lines (config.c) and peers (config_peer.c). */
#ifndef ESPTUN_CONFIG_PARSER_H
#define ESPTUN_CONFIG_PARSER_H

#include "config.h"

#define NAME_MAX_LEN  32   /* of a peer; it has to fit struct trace_event too */
#define PROFILE_NAMES 128  /* octets for the names of all profiles */
#define LINE_MAX_LEN  4096 /* octets; what is longer is no configuration */

enum key {
	K_INTERFACE,
	K_REMOTE,
	K_LOCAL,
	K_AUTH,
	K_PSK_FILE,
	K_CERT,
	K_KEY,
	K_CA,
	K_CRL,
	K_PEER_KEY,
	K_VERSION,
	K_IKE,
	K_ESP,
	K_LIFETIME_IKE,
	K_LIFETIME_ESP,
	K_LIFETIME_ESP_BYTES,
	K_LIFETIME_ESP_PACKETS,
	K_LOCAL_SUBNETS,
	K_REMOTE_SUBNETS,
	K_LOCAL_ID,
	K_REMOTE_ID,
	K_START,
	K_ENCAP,
	K_DPD_DELAY,
	K_DPD_TIMEOUT,
	K_PHASE2_IDS,
	K_WEAK_PSK,
	K_LEGACY,
	K_PROFILE,
	N_KEYS
};

extern const char *const key_name[N_KEYS];

/* A section as it is written, until its end is known. */
struct section {
	char name[NAME_MAX_LEN + 1];
	int line;
	char *value[N_KEYS];
	int at[N_KEYS];		       /* the line of each value */
	const struct profile *profile; /* NULL: none */
};

struct parser {
	const char *file;
	FILE *errors;
	int line, n_errors;
	struct section section;
	bool in_peer; /* section holds a peer */
	bool skip;    /* its first line was wrong: say nothing about its keys */
	struct config *config;
	int *peer_line; /* of config->peer[i] */
};

/* Tells an error, with what to do about it. Returns -1. */
int wrong(struct parser *p, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * What a kind of peer is known to want, as values of keys; written ones go before them.
 * Its weak suites stand behind the others, with legacy = yes.
 */
struct profile {
	const char *name;
	const char *value[N_KEYS];
	const char *weak_ike, *weak_esp; /* NULL: none */
};

/* NULL for a name that is not known; names, PROFILE_NAMES octets, is then a list of all. */
const struct profile *profile_find(const char *name, char *names);

/* Cuts blanks off both ends, in place. */
char *trim(char *s);

/* The value of a key, or its default; the line is then that of the section. */
const char *value(const struct section *s, enum key k, int *line);
/* The same for a key that has to be written: without it, an error with an example. */
const char *needed(struct parser *p, enum key k, const char *example, int *line);
bool yes(struct parser *p, enum key k);

/* auth, and the files of psk-file, cert, key, ca, crl and peer-key. */
void set_auth(struct parser *p, struct peer_config *peer);
/* local-id or remote-id. */
void set_id(struct parser *p, enum key k, struct ike_id *out);

/* ike and esp. */
void set_suites(struct parser *p, struct ike_peer *ike);
/* local-subnets and remote-subnets: each of the one with each of its family of the other. */
void set_children(struct parser *p, struct ike_peer *ike);

/* Makes a peer of what is written in the section, as far as it is right. */
void section_to_peer(struct parser *p, struct peer_config *peer);

#endif
