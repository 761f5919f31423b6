/* SPDX-License-Identifier: MIT */
/* The configuration file (ikehelper.conf(5)) and what is wrong with it. */
#ifndef ESPTUN_CONFIG_H
#define ESPTUN_CONFIG_H

#include <stdio.h>

#include "core/ike.h"
#include "trust.h"

#define PSK_MAX 256 /* octets of a pre-shared key */
#define PSK_MIN 20  /* characters, without weak-psk = yes */

/* How this host and the peer prove to each other who they are. */
enum auth_by {
	BY_PSK,	   /* psk-file */
	BY_PUBKEY, /* key, peer-key */
	BY_CERT,   /* cert, key, ca, crl */
};

/* A file that a key names, and the line of the key. */
struct named_file {
	char *path; /* NULL: none */
	int line;
};

struct peer_config {
	struct ike_peer ike;
	char *interface;
	enum auth_by by;
	struct named_file psk, cert, key, ca, crl, peer_key;
	bool weak_psk;
	bool legacy;
	/* What credentials_load() reads: */
	struct trust trust; /* with signatures: what is believed of the peer */
	X509 *own;	    /* BY_CERT: our certificate */
};

struct config {
	struct peer_config *peer;
	size_t n_peers;
};

/*
 * Reads the file; every error goes to errors as a line "NAME:LINE: what; what to do".
 * Returns NULL if there was one. Opens no other file.
 */
struct config *config_parse(const char *name, FILE *in, FILE *errors);
void config_free(struct config *config);

bool same_subnet(const struct ike_subnet *a, const struct ike_subnet *b);

/*
 * Reads the pre-shared key of a peer into key and returns its length, or -1 after a line
 * to errors, which says where psk-file is written. The caller wipes key.
 */
int psk_read(const char *name, const struct peer_config *peer, char key[PSK_MAX],
	     FILE *errors);

#endif
