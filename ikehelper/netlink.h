/* SPDX-License-Identifier: MIT */
/*
 * The module as the helper sees it (uapi/esptun.yaml): peers, SAs, counters, events.
 *
 * SPIs and addresses are in network order, all else is in host order. Functions return 0,
 * or -1 with a sentence for a person in mod_why(), the kernel's own where it gave one.
 */
#ifndef ESPTUN_NETLINK_H
#define ESPTUN_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ike.h"

#define MOD_WHY	      256
#define MOD_DROPS_MAX 64
#define MOD_LATE_MAX  16

struct mod;

enum mod_limit {
	MOD_SOFT_SECONDS,
	MOD_HARD_SECONDS,
	MOD_SOFT_BYTES,
	MOD_HARD_BYTES,
	MOD_SOFT_PACKETS,
	MOD_HARD_PACKETS,
	MOD_LIMITS
};

extern const char *const mod_limit_name[MOD_LIMITS];

/* Named reasons to drop a packet with a count above zero. */
struct mod_drops {
	size_t n;
	struct {
		char name[32];
		uint64_t packets;
	} drop[MOD_DROPS_MAX];
};

struct mod_dev {
	uint32_t ifindex, peers;
	struct mod_drops drops;
};

/* What the module does when the peer sends from elsewhere. */
enum mod_mapping {
	MOD_MAPPING_KEEP, /* as it is; of a new peer, MOD_MAPPING_EVENT */
	MOD_MAPPING_IGNORE,
	MOD_MAPPING_EVENT,  /* MOD_MOVED */
	MOD_MAPPING_FOLLOW, /* MOD_MOVED, and the peer is sent to there */
};

extern const char *const mod_mapping_name[];

struct mod_peer {
	uint32_t ifindex, id;
	struct ike_addr remote, local; /* outer; family 0: as it is, or local by route */
	bool has_encap; /* the two ports are given; else as it is, none for a new peer */
	uint16_t encap_sport; /* ESP in UDP, ours; both 0: ESP alone */
	uint16_t encap_dport; /* the peer's */
	enum mod_mapping mapping;
	bool has_acquire; /* the next is given; else as it is, off for a new peer */
	bool acquire;	  /* without an outbound SA hold packets, and tell MOD_ACQUIRE */
	const struct ike_child_cfg *selector;
	size_t n_selectors;
	/* Replies only. */
	bool has_out;
	uint8_t spi_out[4];
	uint32_t mtu; /* of inner packets; 0: no SA, or no route */
	struct mod_drops drops;
};

struct mod_sa {
	uint32_t ifindex, peer;
	bool out;
	uint8_t spi[4];
	struct esp_proposal suite; /* the group is not looked at */
	const uint8_t *key;	   /* cipher key and salt; never in replies */
	size_t key_len;
	const uint8_t *integ_key;
	size_t integ_key_len;
	uint32_t replay_window; /* 0: the module's default */
	uint64_t limit[MOD_LIMITS];
	uint8_t pair_spi[4]; /* out only, 0: none */
	bool active;	     /* out only: make it current, or it is */
	/* Replies only. */
	bool reserved; /* an SPI without keys yet; suite and counters mean nothing */
	uint64_t age, packets, bytes, seq;
	char driver[64];
	struct mod_drops drops;
	/* In: accepted by 2^i to 2^(i+1) - 1 behind the highest. */
	uint64_t late[MOD_LATE_MAX];
};

enum mod_event_type {
	MOD_EXPIRE,  /* a limit was reached */
	MOD_FIRST,   /* the first authentic packet came in on an SA */
	MOD_ACQUIRE, /* there is traffic for a peer without an outbound SA */
	MOD_MOVED,   /* authentic packets come from another address or port of the peer */
	MOD_MTU,     /* the longest packet that goes to a peer whole is another one */
	MOD_LOST,    /* the kernel had more events than the socket could hold */
};

struct mod_event {
	enum mod_event_type type;
	uint32_t ifindex, peer;
	bool out; /* MOD_EXPIRE, MOD_FIRST: of this SA */
	uint8_t spi[4];
	struct ike_addr
		addr;	    /* MOD_MOVED: from where; port 0 when it is not ESP in UDP */
	uint32_t mtu;	    /* MOD_MTU */
	bool hard;	    /* MOD_EXPIRE: the SA is gone */
	const char *reason; /* MOD_EXPIRE: "time", "bytes", "packets" */
	uint64_t packets, bytes;
};

/* Returns NULL with the reason in why: module not loaded, another API version. */
struct mod *mod_open(char why[MOD_WHY]);
void mod_close(struct mod *mod);
const char *mod_why(const struct mod *mod);

int mod_dev_get(struct mod *mod, uint32_t ifindex, struct mod_dev *out);

int mod_peer_set(struct mod *mod, const struct mod_peer *peer);
int mod_peer_del(struct mod *mod, uint32_t ifindex, uint32_t id);
/* Of one device, or with ifindex 0 of all devices in this network namespace. */
int mod_peer_dump(struct mod *mod, uint32_t ifindex,
		  void (*fn)(void *ctx, const struct mod_peer *), void *ctx);

int mod_spi_alloc(struct mod *mod, uint32_t ifindex, uint32_t peer, uint8_t spi[4]);
int mod_sa_new(struct mod *mod, const struct mod_sa *sa);
int mod_sa_activate(struct mod *mod, uint32_t ifindex, uint32_t peer,
		    const uint8_t spi[4]);
int mod_sa_del(struct mod *mod, uint32_t ifindex, uint32_t peer, bool out,
	       const uint8_t spi[4]);
/* What an SA has sent, or received and accepted, and may; octets of the inner packets. */
struct mod_counters {
	uint64_t packets, bytes;
	uint64_t hard_packets, hard_bytes; /* where it ends; 0: no limit */
};
int mod_sa_counters(struct mod *mod, uint32_t ifindex, uint32_t peer, bool out,
		    const uint8_t spi[4], struct mod_counters *c);
/* How many packets an SA has sent, or received and accepted. */
int mod_sa_packets(struct mod *mod, uint32_t ifindex, uint32_t peer, bool out,
		   const uint8_t spi[4], uint64_t *packets);
int mod_sa_dump(struct mod *mod, uint32_t ifindex,
		void (*fn)(void *ctx, const struct mod_sa *), void *ctx);

/* Subscribes; returns a descriptor that becomes readable, or -1. */
int mod_events_open(struct mod *mod);
/* Calls fn for each event that is there, without waiting for more. */
int mod_events_read(struct mod *mod, void (*fn)(void *ctx, const struct mod_event *),
		    void *ctx);

#endif
