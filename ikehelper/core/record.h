/* SPDX-License-Identifier: MIT */
/*
 * A recording: what goes into the core for one peer, call by call, as lines of JSON that
 * replay.c runs through a core again. Nothing secret is in them (docs/design.md section 5).
 */
#ifndef ESPTUN_RECORD_H
#define ESPTUN_RECORD_H

#include "fields.h"
#include "sa.h"

/* --- record.c: the calls. They do nothing while nobody records. --- */

/* What the call is about, before anything follows from it. */
void record_input(struct peer *peer, const struct ike_path *path, struct chunk datagram);
void record_answer(struct peer *peer, const struct need *need, struct chunk data);
void record_command(struct peer *peer, const struct ike_command *cmd);
void record_adopt(struct peer *peer, const struct ike_path *path,
		  const struct ike_child_status *pair);
/* It is time for something; run: only for what peer_run() does. */
void record_timer(struct peer *peer, bool run);

/* What v1_open() made of the datagram that is coming in; ret is what it returned. */
void record_opened(struct ike *ike, const struct ike_header *h, const struct buf *plain,
		   int ret);
/* It is the last one of its exchange once more. */
void record_again(struct ike *ike);

/* The call has ended for this peer: out goes its line. */
void record_end(struct peer *peer);
/* A line from which a replay may begin. */
void record_begin(struct peer *peer);

/* --- record_state.c: a peer, its configuration and its state, as JSON --- */

/* Nothing is under way: what there is can be written down. */
bool state_quiet(const struct peer *peer);
void state_write(cJSON *o, const struct peer *peer);
/* Into a peer that has just been added. Returns 0, or -1 with the reason in why. */
int state_read(const cJSON *o, struct peer *peer, char *why);
/* Certificates and authorities' names: their lengths only. */
void config_write(cJSON *o, const struct ike_peer *cfg);
/* NULL with the reason in why. */
struct ike_peer *config_read(const cJSON *o, char *why);
void config_drop(struct ike_peer *cfg);

extern const struct field path_fields[2], command_fields[8], adopt_fields[11],
	limits_fields[4];

#endif
