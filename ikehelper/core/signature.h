/* SPDX-License-Identifier: MIT */
/*
 * Signatures of Main Mode over HASH_I and HASH_R: RSA (RFC 2409 section 5.1) and ECDSA
 * (RFC 4754). A hash is signed as it is: RSA with the padding of PKCS #1 v1.5 and without
 * a name of the hash, ECDSA as r | s, each as long as the order of the curve.
 */
#ifndef ESPTUN_SIGNATURE_H
#define ESPTUN_SIGNATURE_H

#include <openssl/evp.h>

#include "crypto.h"

#define SIGNATURE_MAX 1024 /* octets: RSA with 8192 bits */

/* The method that a key, public or private, is for; AUTH_PSK: none that IKEv1 has. */
enum ike_auth signature_auth(const EVP_PKEY *key);
/* The hash that HASH_I and HASH_R are made with: the curve's own, else that of the suite. */
enum ike_hash signature_hash(const struct ike_proposal *suite);
/* Signs into out (SIGNATURE_MAX octets). Returns the length, or -1. */
int signature_make(EVP_PKEY *key, struct chunk hash, uint8_t *out);
/* Is sig the signature of hash by the owner of the key? */
bool signature_right(EVP_PKEY *key, struct chunk hash, struct chunk sig);

#endif
