/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands share: their entry points and how they complain.
 *
 * A subcommand gets the arguments behind its name and returns the exit status: 0, 1 for
 * "it could not be done", 2 for "it was not asked properly".
 */
#ifndef ESPTUN_IKEHELPER_H
#define ESPTUN_IKEHELPER_H

#include <stdbool.h>

#define CONTROL_PATH "/run/esptun/control.sock"
#define CONFIG_PATH  "/etc/esptun/ikehelper.conf"

/* Where the daemon's control socket is: -s PATH, or CONTROL_PATH. */
extern const char *control_path;

/* Both print one line, "ikehelper: ...", to stderr; they return 1 and 2. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes an option out of the arguments, wherever it is. Returns whether it was there. */
bool take_option(int *argc, char **argv, const char *option);

int cmd_run(int argc, char **argv);
int cmd_up(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_rekey(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_keylog(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_genpsk(int argc, char **argv);
int cmd_dev(int argc, char **argv);
int cmd_peer(int argc, char **argv);
int cmd_sa(int argc, char **argv);
int cmd_encap(int argc, char **argv);
int cmd_monitor(int argc, char **argv);

#endif
