/* SPDX-License-Identifier: MIT */
/*
 * Suites as people write them (aes256-sha256-modp2048), on the wire, and how one is
 * selected, and why not.
 */
#ifndef ESPTUN_PROPOSAL_H
#define ESPTUN_PROPOSAL_H

#include "buf.h"

enum ike_cipher {
	CIPHER_NONE,
	CIPHER_AES_CBC,
	CIPHER_3DES,
	CIPHER_NULL,	   /* RFC 2410: not encrypted, as with GMAC */
	CIPHER_AES_GCM_16, /* from here on, ciphers that authenticate as well */
	CIPHER_AES_CCM_16,
	CIPHER_CHACHA20_POLY1305,
	CIPHER_AES_GMAC,
	CIPHER_AES_GCM_16_IIV, /* RFC 8750: implicit IV */
	CIPHER_AES_CCM_16_IIV,
	CIPHER_CHACHA20_POLY1305_IIV,
};
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
	GROUP_X25519 = 31, /* of IKEv2; strongSwan offers it in IKEv1 before all others */
};

/* How each side proves who it is. IKEv1 has one of them for both sides. */
enum ike_auth {
	AUTH_PSK,
	AUTH_RSA,      /* RFC 2409 section 5.1 */
	AUTH_ECDSA256, /* RFC 4754: on P-256 with SHA-256, and so on */
	AUTH_ECDSA384,
	AUTH_ECDSA521,
};

/* Phase 1: cipher, hash (which is the prf and the integrity too), group. */
struct ike_proposal {
	enum ike_cipher cipher;
	uint16_t key_bits; /* 128, 192 or 256; 192 for 3DES */
	enum ike_hash hash;
	enum ike_group group;
	enum ike_auth auth; /* not written with the suite: a pre-shared key unless set */
};

/* Phase 2, for ESP in tunnel mode. */
struct esp_proposal {
	enum ike_cipher cipher;
	uint16_t key_bits;    /* 0 for NULL */
	enum ike_hash integ;  /* HASH_NONE with a combined-mode cipher */
	enum ike_group group; /* perfect forward secrecy, GROUP_NONE without */
	bool esn;
};

/* How long ESP tunnels live; 0: not said, or no limit. */
struct esp_life {
	uint64_t seconds, kbytes;
};

#define PROPOSAL_TEXT 64

/*
 * Parse one suite. legacy allows 3DES, MODP 1024 and MODP 1536. On error returns -1 and
 * writes into why (PROPOSAL_TEXT * 2 octets) which word is wrong and what to write.
 */
int ike_proposal_parse(const char *text, bool legacy, struct ike_proposal *out,
		       char *why);
int esp_proposal_parse(const char *text, bool legacy, struct esp_proposal *out,
		       char *why);
/*
 * Write the suite in the same spelling, and " with RSA signatures" behind it where it is
 * not with a pre-shared key; out holds PROPOSAL_TEXT octets.
 */
void ike_proposal_text(const struct ike_proposal *p, char *out);
void esp_proposal_text(const struct esp_proposal *p, char *out);

/* Whether the cipher authenticates, too, and takes no integrity algorithm beside it. */
bool cipher_is_aead(enum ike_cipher cipher);

/* Whether IKEv1 has numbers for the suite; ChaCha20 and implicit IVs came too late. */
bool esp_proposal_in_v1(const struct esp_proposal *p);

bool ike_proposal_same(const struct ike_proposal *a, const struct ike_proposal *b);

const char *ike_group_text(enum ike_group group); /* "modp2048" */
const char *ike_auth_text(enum ike_auth auth);	  /* "RSA signatures" */

/* What was selected from a peer's SA payload. */
struct ike_choice {
	struct ike_proposal suite;
	uint64_t seconds; /* the lifetime that the peer wrote; 0: none */
	struct buf reply; /* body of the SA payload to answer with; buf_wipe() it */
};

struct esp_choice {
	struct esp_proposal suite;
	struct esp_life life; /* that the peer wrote */
	uint8_t spi[4];	      /* the peer's, for our outbound SA */
	struct buf reply;     /* with four zero octets where our SPI belongs: */
	size_t reply_spi;
};

enum select {
	SELECT_OK,
	SELECT_NONE,	  /* well-formed, and nothing in common with ours */
	SELECT_MALFORMED, /* why says where */
};

/*
 * Bodies of SA payloads (RFC 2407 section 4.6.1, RFC 2409 appendix A): one proposal, one
 * transform for each suite, best first, with a lifetime. ESP is in tunnel mode, and mode
 * (MODE_...) says whether in UDP.
 */
void ike_sa_write(struct buf *b, const struct ike_proposal *p, size_t n,
		  uint32_t seconds);
void esp_sa_write(struct buf *b, const struct esp_proposal *p, size_t n,
		  const uint8_t *spi, const struct esp_life *life, uint16_t mode);

/*
 * Selects, by our order of preference, a transform of sa that equals one of ours. The
 * reply repeats it byte for byte. only_one: sa is an answer and may hold but one
 * transform. On SELECT_MALFORMED the reason is in why (PROPOSAL_TEXT * 2 octets).
 */
enum select ike_sa_select(struct chunk sa, const struct ike_proposal *ours, size_t n,
			  bool only_one, struct ike_choice *out, char *why);
enum select esp_sa_select(struct chunk sa, const struct esp_proposal *ours, size_t n,
			  bool udp, bool only_one, struct esp_choice *out, char *why);

/*
 * The lifetime attributes of phase 1 and of phase 2, which RESPONDER-LIFETIME carries as
 * well. What is malformed says nothing: 0.
 */
void ike_life_write(struct buf *b, uint64_t seconds);
uint64_t ike_life_read(struct chunk attributes);
void esp_life_write(struct buf *b, const struct esp_life *life);
struct esp_life esp_life_read(struct chunk attributes);

/* Write what an SA payload's body offers, one suite a line, cut to size octets. */
void ike_sa_text(struct chunk sa, char *out, size_t size);
void esp_sa_text(struct chunk sa, char *out, size_t size);

#endif
