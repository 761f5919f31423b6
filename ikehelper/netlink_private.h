/* SPDX-License-Identifier: MIT */
/* One request to the module and its answer: between netlink.c and netlink_read.c. */
#ifndef ESPTUN_NETLINK_PRIVATE_H
#define ESPTUN_NETLINK_PRIVATE_H

#include <linux/esptun.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "netlink.h"

struct mod {
	struct nl_sock *sock, *events;
	int family;
	char why[MOD_WHY];
};

#define MOD_CIPHERS (CIPHER_CHACHA20_POLY1305_IIV + 1)
#define MOD_INTEGS  (HASH_SHA512 + 1)

/* The module's numbers of ours; 0 too for what it does not have. */
extern const uint32_t mod_cipher[MOD_CIPHERS];
extern const uint32_t mod_integ[MOD_INTEGS];

/* What one request is waiting for. */
struct waiting {
	struct mod *mod;
	int left; /* 1 until the kernel said that it is done, then 0 or -1 */
	void (*parse)(struct nlattr *attr, int len, void *arg);
	void *arg;
};

/* A request to be filled; NULL without memory, with mod_why(). */
struct nl_msg *mod_request(struct mod *mod, int cmd, int flags);
/* Sends and frees msg, and waits until the kernel has done it. */
int mod_transact(struct mod *mod, struct nl_msg *msg, struct waiting *w);
/* A connected generic netlink socket, or NULL. */
struct nl_sock *mod_socket(void);
/* Puts an error into mod_why(), the kernel's own words (extack) first. Returns -1. */
int mod_explain(struct mod *mod, int err, struct nlattr *tlv, int len);

#endif
