/* SPDX-License-Identifier: MIT */
/*
 * The client's end of the control socket: one request, lines back.
 *
 * What returns int gives the exit status: 0, or not 0 after a line to stderr.
 */
#ifndef ESPTUN_CLIENT_H
#define ESPTUN_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

/* A connection to the daemon, read line by line. */
struct client_link {
	const char *what; /* the subcommand, for complaints */
	int fd;
	FILE *in;
	char *line;
	size_t size;
};

/* Waits a moment for a daemon that is about to make its socket, if patient. */
int client_open(struct client_link *l, const char *what, bool patient);
void client_close(struct client_link *l);
cJSON *client_request(const char *command, const char *peer);
/* Sends a request as one line, with a descriptor if pass is not -1, and frees it. */
int client_ask(struct client_link *l, cJSON *request, int pass);
/*
 * The next line of the answer, which the caller frees; NULL at its end, with the exit
 * status in *status.
 */
cJSON *client_answer(struct client_link *l, int *status);
/* Sends a request that is answered by its end alone, and frees it. */
int client_simply(const char *what, cJSON *request, int pass);

/* At most one argument may be left, a peer. */
int client_peer(int argc, char **argv, const char *what, const char **peer);
/* The text of this name in an answer, or "". */
const char *client_string(const cJSON *json, const char *name);

#endif
