/* SPDX-License-Identifier: MIT */
/*
 * UDP ports 500 and 4500: datagrams with the address of ours that they use.
 *
 * path->local.port says which of the two. On 4500, which ESP in UDP shares, the non-ESP
 * marker (RFC 3948 section 2.2) is put before what is sent and taken off what comes.
 */
#ifndef ESPTUN_WIRE_H
#define ESPTUN_WIRE_H

#include <sys/types.h>

#include "core/ike.h"

#define DATAGRAM_MAX 65536

enum wire_socket {
	WIRE_IKE,  /* 500 */
	WIRE_NAT,  /* 4500; ESP in UDP that arrives at it goes to the module */
	WIRE_IKE6, /* the same of IPv6 */
	WIRE_NAT6,
	WIRE_SOCKETS,
};

struct wire {
	int fd[WIRE_SOCKETS]; /* -1: not open, as a kernel's that is without IPv6 */
};

#define WIRE_CLOSED                    \
	{                              \
		{                      \
			-1, -1, -1, -1 \
		}                      \
	}

/*
 * Opens what is not open yet, and makes what is ready for use; none of the sockets waits.
 * Returns 0, or -1 after a line to stderr.
 */
int wire_open(struct wire *w);
void wire_close(struct wire *w);
/*
 * Sends from path->local if that is known; what cannot be sent is lost. A single octet
 * 0xff is a NAT keepalive, which has no marker.
 */
void wire_send(const struct wire *w, const struct ike_path *path, const uint8_t *data,
	       size_t len);
/*
 * Receives one datagram. Returns its length, 0 for one to be passed over, -1 when there
 * is none.
 */
ssize_t wire_receive(const struct wire *w, enum wire_socket which, struct ike_path *path,
		     uint8_t *data, size_t size);
/*
 * Opens sockets that only ask for routes, one for each family; -1: the kernel is without
 * it. Returns 0, or not 0 after a line to stderr.
 */
int wire_probe(int probe[2]);
/*
 * The address and port that we would send from. Returns false, with family 0, when there is
 * no route.
 */
bool wire_route(const int probe[2], const struct ike_addr *remote,
		struct ike_addr *local);

#endif
