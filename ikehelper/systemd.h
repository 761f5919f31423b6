/* SPDX-License-Identifier: MIT */
/*
 * What systemd does for the daemon, where it runs under it: it is told when the daemon is
 * ready, and keeps its sockets while none runs (sd_notify(3), sd_listen_fds(3)).
 */
#ifndef ESPTUN_SYSTEMD_H
#define ESPTUN_SYSTEMD_H

#include "wire.h"

/* Takes the sockets that were kept; w->fd of the others is left as it is. */
void systemd_take(struct wire *w);
/* Ready; the sockets are to be kept. */
void systemd_ready(const struct wire *w);

#endif
