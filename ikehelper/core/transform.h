/* SPDX-License-Identifier: MIT */
/*
 * Transforms: what an SA payload offers (RFC 2408 sections 3.5 and 3.6), one alternative
 * each. Private to the proposals.
 */
#ifndef ESPTUN_TRANSFORM_H
#define ESPTUN_TRANSFORM_H

#include "proposal.h"

enum { /* attributes of phase 1 (RFC 2409 appendix A) */
       A1_CIPHER = 1,
       A1_HASH = 2,
       A1_AUTH = 3,
       A1_GROUP = 4,
       A1_LIFE_TYPE = 11,
       A1_LIFE = 12,
       A1_KEY_BITS = 14,
};

enum { /* attributes of phase 2 (RFC 2407 section 4.5, RFC 4304) */
       A2_LIFE_TYPE = 1,
       A2_LIFE = 2,
       A2_GROUP = 3,
       A2_MODE = 4,
       A2_INTEG = 5,
       A2_KEY_BITS = 6,
       A2_ESN = 11,
};

#define TRANSFORMS_MAX 128 /* in one SA payload; nobody needs more */
#define KEY_IKE	       1   /* transform identifier of phase 1 */
#define LIFE_SECONDS   1
#define LIFE_KILOBYTES 2
#define DOI_IPSEC      1
#define SIT_IDENTITY   1
#define ATTRIBUTE_TV   0x8000

enum { /* encapsulation modes (RFC 2407 section 4.5, RFC 3947 section 5.1) */
       MODE_TUNNEL = 1,
       MODE_UDP_TUNNEL = 3,
       MODE_UDP_TUNNEL_DRAFT = 61443, /* until the RFC gave it a number */
};

/* One transform of an SA payload, with what its attributes say; 0 is "not said". */
struct transform {
	uint8_t id;
	uint8_t proposal; /* number of the proposal that it is in */
	uint8_t proto;
	struct chunk spi;
	struct chunk raw;  /* the whole transform payload */
	bool unacceptable; /* an attribute that we do not know, or a bundle */
	uint16_t cipher, hash, auth, group, mode, key_bits, esn;
	struct esp_life life; /* phase 1 uses its seconds alone */
};

/*
 * Splits the body of an SA payload into out, TRANSFORMS_MAX of them. Returns how many, or
 * -1 with the reason in why (PROPOSAL_TEXT * 2 octets).
 */
int transforms_read(struct chunk sa, bool phase1, struct transform *out, char *why);
/* Sets what a list of attributes says. Returns 0, or -1 when it is cut off. */
int transform_attributes(struct transform *t, bool phase1, struct reader r);

/* The suite that a transform means; false when it is none of ours. udp: ESP in UDP. */
bool transform_ike(const struct transform *t, struct ike_proposal *p);
bool transform_esp(const struct transform *t, bool udp, struct esp_proposal *p);

/* The wire's numbers for what is ours; 0 when there is none. */
uint16_t wire_ike_cipher(enum ike_cipher cipher);
uint16_t wire_ike_hash(enum ike_hash hash);
uint16_t wire_ike_auth(enum ike_auth auth);
uint16_t wire_esp_cipher(enum ike_cipher cipher);
uint16_t wire_esp_integ(enum ike_hash integ);

#endif
