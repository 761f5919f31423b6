/* SPDX-License-Identifier: MIT */
/* UDP port 500: datagrams with the address of ours that they use. */
#ifndef ESPTUN_WIRE_H
#define ESPTUN_WIRE_H

#include <sys/types.h>

#include "core/ike.h"

#define DATAGRAM_MAX 65536

/* Returns a socket that does not wait, or -1 after a line to stderr. */
int wire_open(void);
/* Sends from path->local if that is known; what cannot be sent is lost. */
void wire_send(int fd, const struct ike_path *path, const uint8_t *data, size_t len);
/*
 * Receives one datagram. Returns its length, 0 for one to be passed over, -1 when there
 * is none.
 */
ssize_t wire_receive(int fd, struct ike_path *path, uint8_t *data, size_t size);
/* The address and port that we would send from, in words; fd is any other UDP socket. */
void wire_route(int fd, const struct ike_addr *remote, char out[64]);

#endif
