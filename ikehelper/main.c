// SPDX-License-Identifier: MIT
/* The subcommand table. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ikehelper.h"

const char *control_path = CONTROL_PATH;

static int cmd_help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args, *what;
} commands[] = {
	{ "run", cmd_run, "[-c FILE]", "the daemon, in the foreground" },
	{ "up", cmd_up, "[-w SECONDS] PEER", "bring the tunnels up and wait for them" },
	{ "down", cmd_down, "PEER", "take the tunnels down" },
	{ "rekey", cmd_rekey, "PEER [--ike]", "renew the tunnels now" },
	{ "status", cmd_status, "[PEER] [--json]", "what is up, with counters" },
	{ "trace", cmd_trace, "[PEER] [--follow] [--json|--svg]",
	  "the negotiation, packet by packet" },
	{ "record", cmd_record, "PEER FILE",
	  "save what went on lately, for a bug report" },
	{ "replay", cmd_replay, "FILE [--json|--svg]", "run it again: the same ladder" },
	{ "why", cmd_why, "PEER [--json]", "why it is not up, and what to do" },
	{ "keylog", cmd_keylog, "PEER TIME FILE", "log keys for Wireshark for a while" },
	{ "check", cmd_check, "FILE", "is this configuration right?" },
	{ "genpsk", cmd_genpsk, "", "print a new pre-shared key" },
	{ "dev", cmd_dev, "show DEV [--json]", "drops that belong to no peer" },
	{ "peer", cmd_peer, "add|del|show ...", "peers of a device, without the daemon" },
	{ "sa", cmd_sa, "add|alloc|activate|del|show ...",
	  "SAs with keys of your own, without the daemon" },
	{ "encap", cmd_encap, "[ADDR:]PORT", "hold a socket that receives ESP in UDP" },
	{ "monitor", cmd_monitor, "[--json]", "the module's events as they happen" },
	{ "help", cmd_help, "", "this list" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void complain(const char *format, va_list args)
{
	fputs("ikehelper: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return 1;
}

int misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return 2;
}

bool take_option(int *argc, char **argv, const char *option)
{
	int i, n = 0;
	bool found = false;

	for (i = 0; i < *argc; i++) {
		if (strcmp(argv[i], option))
			argv[n++] = argv[i];
		else
			found = true;
	}
	*argc = n;
	return found;
}

static int cmd_help(int argc, char **argv)
{
	char left[64];
	size_t i;

	(void)argv;
	if (argc)
		return misuse("help takes no arguments");
	puts("usage: ikehelper [-s SOCKET] COMMAND [ARGUMENT...]\n");
	for (i = 0; i < N_COMMANDS; i++) {
		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		printf("  %-41s %s\n", left, commands[i].what);
	}
	puts("\nSee ikehelper(8) for all of it, ikehelper.conf(5) for the configuration.");
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *name;
	size_t i;

	setlocale(LC_CTYPE, "");
	argc--, argv++;
	if (argc && !strcmp(argv[0], "-s")) {
		if (argc < 2)
			return misuse("-s wants the path of the control socket");
		control_path = argv[1];
		argc -= 2, argv += 2;
	}
	if (!argc)
		return misuse("no command given: ikehelper help lists them");
	name = !strcmp(argv[0], "--help") || !strcmp(argv[0], "-h") ? "help" : argv[0];
	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return misuse("there is no command %s: ikehelper help lists them", name);
}
