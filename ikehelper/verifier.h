/* SPDX-License-Identifier: MIT */
/*
 * The verifier: a process that judges peers' signatures and certificates. Strangers choose
 * what it parses, so it has no secret, and neither the network's sockets nor the module.
 */
#ifndef ESPTUN_VERIFIER_H
#define ESPTUN_VERIFIER_H

#include "config.h"
#include "proc.h"

#define VERIFIER_DATA_MAX 32768 /* a chain of eight certificates, and room */

#define VERDICT_MAX (1 + VERDICT_CODE + VERDICT_TEXT)

struct verifier_request {
	uint32_t id;
	uint32_t peer; /* index into the configuration */
	enum ike_auth auth;
	/* Lengths of what is behind each other in data; no more of it is sent. */
	uint32_t hash_len, sig_len, id_len, want_len, certs_len;
	uint8_t data[VERIFIER_DATA_MAX];
};

struct verifier_answer {
	uint32_t id;
	struct trust_verdict verdict;
};

/* config is complete (credentials.h). Returns 0, or -1 with errno. */
int verifier_start(struct proc *proc, const struct config *config);
/* Asks for what IKE_NEED_VERIFY wants. Returns 0, or -1: too long, no room, it is gone. */
int verifier_ask(struct proc *proc, uint32_t peer, const struct ike_action *a);
/* Writes a verdict as the core wants it answered, and returns its length. */
size_t verdict_write(const struct trust_verdict *v, uint8_t out[VERDICT_MAX]);

#endif
