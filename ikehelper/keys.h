/* SPDX-License-Identifier: MIT */
/*
 * The key process: it alone reads pre-shared keys and private keys, and answers prf(key,
 * data) and signatures with them. The process that parses packets never has one.
 */
#ifndef ESPTUN_KEYS_H
#define ESPTUN_KEYS_H

#include "config.h"
#include "core/signature.h"
#include "proc.h"

#define KEYS_WHY      512
#define KEYS_DATA_MAX 1024 /* two nonces of 256 octets, and room */

enum keys_op {
	KEYS_PRF,  /* of data, with the pre-shared key */
	KEYS_SIGN, /* data, which is a hash, with the private key */
};

struct keys_request {
	uint32_t id;
	uint32_t peer; /* index into the configuration */
	enum keys_op op;
	enum ike_hash hash; /* of the prf */
	uint32_t len;
	uint8_t data[KEYS_DATA_MAX];
};

struct keys_answer {
	uint32_t id;
	uint32_t len; /* 0: it could not be done */
	uint8_t out[SIGNATURE_MAX];
};

/*
 * Starts the process and waits until it has read the keys of all peers, who are complete
 * (credentials.h). Returns 0, or -1
 * after it said on stderr what is wrong with the key files. name is that of the file.
 */
int keys_start(struct proc *proc, const char *name, const struct config *config);

/* Reads the peer's secret and forgets it. Returns 0, or -1 after a line to stderr. */
int key_check(const char *name, const struct peer_config *peer);

/*
 * Opens a file that holds a secret. Returns the descriptor, or -1 with what to do in why:
 * not there, or others than its owner may read it.
 */
int secret_open(const char *path, char why[KEYS_WHY]);

#endif
