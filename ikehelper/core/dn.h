/* SPDX-License-Identifier: MIT */
/* The distinguished name of a certificate's subject, in words. */
#ifndef ESPTUN_DN_H
#define ESPTUN_DN_H

#include "buf.h"

/*
 * Writes a name in DER (X.501) as "C=JP, O=Example, CN=osaka", in its own order, cut to
 * size octets; what is malformed ends the text. What cannot be printed becomes "?".
 */
void dn_text(struct chunk der, char *out, size_t size);

#endif
