/* SPDX-License-Identifier: MIT */
/*
 * The worker process: Diffie-Hellman, which takes milliseconds, away from the loop and
 * from the process that parses packets.
 */
#ifndef ESPTUN_WORKER_H
#define ESPTUN_WORKER_H

#include "core/crypto.h"
#include "proc.h"

struct worker_request {
	uint32_t id;
	enum dh_op op;
	enum ike_group group;
	uint32_t priv_len, pub_len;
	uint8_t priv[DH_MAX], pub[DH_MAX];
};

struct worker_answer {
	uint32_t id;
	uint32_t len; /* 0: it could not be done */
	uint8_t out[DH_MAX];
};

/* Returns 0, or -1 with errno. */
int worker_start(struct proc *proc);

#endif
