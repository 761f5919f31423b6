/* SPDX-License-Identifier: MIT */
/* Capabilities, seccomp, what each process may do. */
#ifndef ESPTUN_SANDBOX_H
#define ESPTUN_SANDBOX_H

enum sandbox_role {
	SANDBOX_PARENT,	 /* starts the others: what they need to start */
	SANDBOX_NETWORK, /* the loop: its sockets and CAP_NET_ADMIN */
	SANDBOX_GUARD,	 /* starts one of the last kind again: one socket, and fork */
	SANDBOX_KEYS,	 /* one socket */
	SANDBOX_WORKER,	 /* one socket */
};

/* No core dumps and no debugger, from the first secret on. */
void sandbox_begin(void);
/* Gives up everything that role does not need. Returns 0, or -1 after a line to stderr. */
int sandbox_enter(enum sandbox_role role);

#endif
