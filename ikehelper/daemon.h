/* SPDX-License-Identifier: MIT */
/* The running daemon, shared by its loop and its control socket. */
#ifndef ESPTUN_DAEMON_H
#define ESPTUN_DAEMON_H

#include <event2/event.h>

#include "config.h"
#include "core/ike.h"
#include "netlink.h"
#include "proc.h"
#include "tape.h"
#include "why.h"
#include "wire.h"

#define HISTORY_MAX 200 /* events kept for each peer */

/* What happened to one peer, as JSON lines without their ends, the oldest first. */
struct history {
	char *line[HISTORY_MAX];
	size_t n;
};

/*
 * The daemon's peers in the module have numbers from here on, one for each pair of
 * subnets; those below are for manual keys.
 */
#define FIRST_PEER_ID 65536

/* What the module was told of one pair of subnets. */
struct module_peer {
	uint32_t id;
	bool there;
	bool kept; /* from a daemon before us */
	struct ike_path path;
	bool encap;  /* ESP in UDP, by the ports of path */
	bool follow; /* to where the peer's NAT moves it */
	struct ike_child_cfg selector;
};

/* One configured peer at run time; in the order of the configuration. */
struct link {
	uint32_t ifindex;
	struct module_peer *child; /* ike.n_child of them */
	struct history history;
	struct tape tape;
	struct why why;
	int keylog_fd; /* -1: off */
	uint64_t keylog_end;
};

struct control;

struct daemon {
	struct event_base *base;
	struct config *config;
	struct link *link;
	struct history strangers; /* events of no configured peer */
	struct mod *mod;
	struct ike *ike;
	struct wire wire;
	int probe[2]; /* UDP sockets that only ask for routes */
	int routes;
	struct event *routes_ready, *routes_timer;
	struct proc keys, worker, verifier;
	struct event *udp_ready[WIRE_SOCKETS], *mod_ready, *keys_ready, *worker_ready,
		*verifier_ready, *timer;
	struct event *parent_ready;
	struct control *control;
	int status; /* of the process, when it ends */
};

/*
 * The network process: all of the daemon but what parent.c has. Says over the descriptor
 * parent when it is ready, and takes everything down when it hears something there.
 * Returns its exit status.
 */
int daemon_serve(int parent, const struct wire *wire, const char *path);
/* Takes everything out of the module without a word to anybody. */
void daemon_clear(void);

/* Milliseconds of a clock that goes on while the machine sleeps. */
uint64_t daemon_now(void);
/* The core hands back the struct ike_peer that it was given. */
size_t daemon_index(const struct daemon *d, const struct ike_peer *peer);
/* The index of a peer in the configuration, or -1. */
int daemon_find(const struct daemon *d, const char *name);
/* Does all that the core wants done, and sets the timer for when it wants to be called. */
void daemon_pump(struct daemon *d);
/* Calls fn with d when fd is ready; what is 0 for a timer. NULL without memory. */
struct event *daemon_watch(struct daemon *d, int fd, short what, event_callback_fn fn);
/* Gives the core a command, and does what it wants done. */
void daemon_command(struct daemon *d, size_t peer, enum ike_command_type type);
/* The same for a command of one's own. */
void daemon_tell(struct daemon *d, const struct ike_command *cmd);
/* Renews its ESP tunnels, or its control tunnel. */
void daemon_rekey(struct daemon *d, size_t peer, bool control);
/* Random octets; ctx is not looked at, and it does not fail. */
void daemon_random(void *ctx, uint8_t *out, size_t len);

/* ask.c: the other processes. What they answer goes to the core. */
void ask_keys(struct daemon *d, size_t peer, const struct ike_action *a);
void ask_verifier(struct daemon *d, size_t peer, const struct ike_action *a);
void ask_worker(struct daemon *d, const struct ike_action *a);
/* Listens to them, and sees to those that die. Returns 0 or -1. */
int ask_watch(struct daemon *d);

/* tunnels.c: what the module is told. int: 0, or not 0 after a line to stderr. */
int tunnels_find(struct daemon *d);  /* the devices are there, and are ours */
int tunnels_start(struct daemon *d); /* makes all peers, tries all suites */
/* The pair of subnets that a peer of the module is; false: it is none of ours. */
bool tunnel_of(const struct daemon *d, uint32_t ifindex, uint32_t id, size_t *peer,
	       uint32_t *child);
int tunnel_reserve(struct daemon *d, size_t peer, uint32_t child, uint8_t spi[4]);
int tunnel_add(struct daemon *d, size_t peer, const struct ike_action *a);
/* The peer is elsewhere: ESP of this child goes there. */
void tunnel_move(struct daemon *d, size_t peer, uint32_t child,
		 const struct ike_path *path);
/* Packets that came in on an SA: eight octets, the highest first. */
int tunnel_count(struct daemon *d, size_t peer, uint32_t child, const uint8_t spi[4],
		 uint8_t count[8]);
void tunnel_activate(struct daemon *d, size_t peer, uint32_t child, const uint8_t spi[4]);
void tunnel_del(struct daemon *d, size_t peer, uint32_t child, bool out,
		const uint8_t spi[4]);

/* leftovers.c: what daemons left in the module. */
/* Keeps the peers that the configuration has, removes the others. Returns 0, or not 0 after
 * a line to stderr. */
int leftovers_find(struct daemon *d);
/* The core takes over the SAs of the peers that were kept; half of a pair is removed. */
void leftovers_adopt(struct daemon *d);
/* Takes all peers of daemons out, with their SAs. */
void leftovers_remove(struct daemon *d);

/* routes.c: changes of addresses and routes. int as above; watch has no line. */
int routes_open(struct daemon *d);
int routes_watch(struct daemon *d);
void routes_close(struct daemon *d);

/* record.c: what happened, kept for those who ask. */
void record_event(struct daemon *d, const struct trace_event *event);
/* A line of the peer's recording, as struct ike_env has it; ctx is the daemon. */
bool record_call(void *ctx, const struct ike_peer *peer, const char *line,
		 bool beginning);
/* Says the recording of a peer, line by line. Returns 0, or -1 when there is none. */
int record_tell(struct daemon *d, size_t peer, void (*say)(void *ctx, const char *line),
		void *ctx);
/* A line of tshark's ikev1_decryption_table, if the peer's key log is on. */
void record_key(struct daemon *d, size_t peer, const struct ike_action *a);
/* Keys of a peer go to fd for so many seconds. Takes over fd. */
void record_keylog(struct daemon *d, size_t peer, int fd, uint32_t seconds);
/* Ends the key logs whose time is over. */
void record_end_keylogs(struct daemon *d, uint64_t now);
void record_forget(struct daemon *d);

/*
 * Binds the control socket. Returns 0, or -1 after a line to stderr: another daemon is
 * there, or the path cannot be made.
 */
int control_bind(const char *path);
/* Serves clients on the bound socket; NULL without memory. */
struct control *control_start(struct daemon *d, int fd);
void control_stop(struct control *control);
/* Tells clients that wait what happened; peer is -1 for a stranger. */
void control_event(struct control *control, int peer, const struct trace_event *event,
		   const char *json);
/* Clients that wait for a tunnel are answered when it is up. */
void control_check(struct control *control);

#endif
