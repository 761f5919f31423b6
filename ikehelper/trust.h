/* SPDX-License-Identifier: MIT */
/*
 * What is believed of a peer that signs: its raw public key, or whose certificates, not
 * revoked by which lists (RFC 5280), and whether a signature with certificates fits.
 */
#ifndef ESPTUN_TRUST_H
#define ESPTUN_TRUST_H

#include <openssl/x509.h>

#include "core/signature.h"

struct trust {
	EVP_PKEY *key;	   /* the peer's, with auth = pubkey; else */
	X509_STORE *store; /* authorities, and revocation lists where they are given */
};

/* A store to put authorities into; with legacy it takes weak ones. NULL without memory. */
X509_STORE *trust_store_new(bool legacy);
/* From then on each peer's issuer has to have a list. Returns 0 or -1. */
int trust_add_crl(X509_STORE *store, X509_CRL *crl);

/* As in struct ike_action, verify. */
struct trust_query {
	enum ike_auth auth;
	struct chunk hash, sig, id, want, certs;
};

#define VERDICT_CODE 32
#define VERDICT_TEXT 320

struct trust_verdict {
	bool forged; /* the signature is not right: anybody may have sent it */
	char code[VERDICT_CODE]; /* "": believed; else stable, ikehelper(8) lists them */
	char text[VERDICT_TEXT]; /* who signed it, or why it is not believed */
};

void trust_judge(const struct trust *trust, const struct trust_query *q,
		 struct trust_verdict *out);

/* Does the certificate's subject, or its subjectAltName, have this identity? */
bool cert_has_id(X509 *x, uint8_t type, struct chunk id);

/* The text of a name: "C=JP, O=Example, CN=osaka". */
void name_text(const X509_NAME *name, char *out, size_t size);

#endif
