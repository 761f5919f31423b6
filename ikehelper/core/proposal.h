/* SPDX-License-Identifier: MIT */
/*
 * Suites as people write them (aes256-sha256-modp2048), on the wire, and how one is
 * selected, and why not.
 */
#ifndef ESPTUN_PROPOSAL_H
#define ESPTUN_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ike_cipher { CIPHER_NONE, CIPHER_AES_CBC, CIPHER_3DES, CIPHER_AES_GCM_16 };
enum ike_hash { HASH_NONE, HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512 };
enum ike_group {
	GROUP_NONE = 0, /* the others are the numbers of the IANA registry */
	GROUP_MODP1024 = 2,
	GROUP_MODP1536 = 5,
	GROUP_MODP2048 = 14,
	GROUP_MODP3072 = 15,
	GROUP_MODP4096 = 16,
	GROUP_ECP256 = 19,
	GROUP_ECP384 = 20,
};

/* Phase 1: cipher, hash (which is the prf and the integrity too), group. */
struct ike_proposal {
	enum ike_cipher cipher;
	uint16_t key_bits; /* 128 or 256; 192 for 3DES */
	enum ike_hash hash;
	enum ike_group group;
};

/* Phase 2, for ESP in tunnel mode. */
struct esp_proposal {
	enum ike_cipher cipher;
	uint16_t key_bits;
	enum ike_hash integ;  /* HASH_NONE with a combined-mode cipher */
	enum ike_group group; /* perfect forward secrecy, GROUP_NONE without */
	bool esn;
};

#define PROPOSAL_TEXT 64

/*
 * Parse one suite. legacy allows 3DES, SHA-1 with MODP 1024 and 1536. On error returns
 * -1 and writes into why (PROPOSAL_TEXT * 2 octets) which word is wrong and what to write.
 */
int ike_proposal_parse(const char *text, bool legacy, struct ike_proposal *out,
		       char *why);
int esp_proposal_parse(const char *text, bool legacy, struct esp_proposal *out,
		       char *why);
/* Write the suite in the same spelling; out holds PROPOSAL_TEXT octets. */
void ike_proposal_text(const struct ike_proposal *p, char *out);
void esp_proposal_text(const struct esp_proposal *p, char *out);

#endif
