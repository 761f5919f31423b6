/* SPDX-License-Identifier: MIT */
/* Commands by hand: reading their arguments, talking to the module. */
#ifndef ESPTUN_MANUAL_H
#define ESPTUN_MANUAL_H

#include <cjson/cJSON.h>

#include "netlink.h"

/* The arguments still to be read, and what is being done, for complaints. */
struct args {
	int argc;
	char **argv;
	const char *what;
};

struct verb {
	const char *name, *what;
	int (*run)(struct args *a);
};

/* Runs the verb that the first argument names. */
int run_verb(const char *noun, const struct verb *verb, size_t n, int argc, char **argv);

/* The next argument, NULL at the end. */
const char *arg_next(struct args *a);
/* These return 0, or the exit status after a line to stderr. */
int arg_dev(struct args *a, uint32_t *ifindex, const char **name);
int arg_id(struct args *a, uint32_t *id);
int arg_spi(struct args *a, uint8_t spi[4]);
int arg_direction(struct args *a, bool *out);
int arg_end(struct args *a);

/* NULL after a line to stderr. */
struct mod *module_open(const char *what);
/* Closes, and complains about what the module did not do. Returns the exit status. */
int module_done(struct mod *mod, int err, const char *what, const char *dev);
/* Whether a device has a peer of this number. Returns 0, or -1 with mod_why(). */
int module_has_peer(struct mod *mod, uint32_t ifindex, uint32_t id, bool *found);

/* What a show command was asked for: everything, one device, one peer of it. */
struct show {
	const char *dev;
	uint32_t ifindex, id;
	bool one, found;
	cJSON *list; /* NULL for text */
};

/* Reads the arguments, lets dump add to list or print, and ends as a command does. */
int run_show(struct args *a, int (*dump)(struct mod *mod, struct show *s));

#endif
