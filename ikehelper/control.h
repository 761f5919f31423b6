/* SPDX-License-Identifier: MIT */
/* What is answered to a client of the control socket. Private to control*.c. */
#ifndef ESPTUN_CONTROL_H
#define ESPTUN_CONTROL_H

#include <cjson/cJSON.h>

#include "daemon.h"

struct client;

/* One line; frees json. */
void control_say(struct client *c, cJSON *json);
/* The last line; the client is freed when it has gone out. */
void control_finish(struct client *c, const char *error);

/* control_status.c */
/* Answers what is up, of one peer or with -1 of all. */
void control_status(struct client *c, struct daemon *d, int peer);
/* Answers why a peer is not up. */
void control_why(struct client *c, struct daemon *d, int peer);
/* Whether all ESP tunnels of a peer are there. */
bool daemon_is_up(struct daemon *d, int peer);

#endif
