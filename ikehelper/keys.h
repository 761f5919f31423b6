/* SPDX-License-Identifier: MIT */
/*
 * The key process: it alone reads pre-shared keys, and answers prf(key, data) with them.
 * The process that parses packets never has one.
 */
#ifndef ESPTUN_KEYS_H
#define ESPTUN_KEYS_H

#define KEYS_WHY 512

/*
 * Opens a file that holds a secret. Returns the descriptor, or -1 with what to do in why:
 * not there, or others than its owner may read it.
 */
int secret_open(const char *path, char why[KEYS_WHY]);

#endif
