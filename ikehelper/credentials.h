/* SPDX-License-Identifier: MIT */
/*
 * Certificates, revocation lists and keys from the files that the configuration names.
 *
 * What is wrong is said to errors, a line for each, as config.h has it; name is that of
 * the configuration.
 */
#ifndef ESPTUN_CREDENTIALS_H
#define ESPTUN_CREDENTIALS_H

#include "config.h"

/*
 * Reads what is public, for all peers: cert, ca, crl and peer-key, and completes the peers
 * by it: how to sign, what to send, whom to trust. Returns 0 or -1.
 */
int credentials_load(const char *name, struct config *config, FILE *errors);
void credentials_free(struct peer_config *peer);

/* Reads the private key of a peer that needs one; NULL after a line to errors. */
EVP_PKEY *private_key_read(const char *name, const struct peer_config *peer,
			   FILE *errors);

#endif
