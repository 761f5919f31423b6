/* SPDX-License-Identifier: MIT */
/*
 * The driver of IKE: a datagram, a timer or a command in, actions out.
 *
 * The core has no sockets, no clock, no files and no randomness of its own: the same
 * calls with the same bytes, times and random octets give the same actions. The daemon,
 * the unit tests, the fuzzers and the simulator all drive it through this header.
 *
 * Times are milliseconds of one clock that never goes back. Addresses and SPIs are in
 * network order, ports and everything else in host order.
 */
#ifndef ESPTUN_IKE_H
#define ESPTUN_IKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proposal.h"
#include "trace.h"

struct ike;

struct ike_addr {
	uint8_t family; /* 4, 6, or 0 for "any" */
	uint8_t ip[16]; /* an IPv4 address takes the first four octets */
	uint16_t port;
};

struct ike_path {
	struct ike_addr local, remote;
};

/* Ports apart. */
bool same_address(const struct ike_addr *a, const struct ike_addr *b);

/* One side of a traffic selector (RFC 4301 section 4.4.1.1); host bits are zero. */
struct ike_subnet {
	uint8_t family; /* 4 or 6 */
	uint8_t ip[16];
	uint8_t bits;
	uint8_t proto; /* 0 is any */
	uint16_t port; /* 0 is any */
};

#define IKE_ID_MAX 1024 /* a certificate's subject may be long */

/* An identity as it goes into an ID payload (RFC 2407 section 4.6.2). */
struct ike_id {
	uint8_t type; /* 0: the address that the packets use */
	uint16_t len;
	uint8_t data[IKE_ID_MAX];
};

/* One pair of ESP tunnels that a peer is to have: a Quick Mode of its own in IKEv1. */
struct ike_child_cfg {
	struct ike_subnet local, remote;
};

/* Who brings a peer's tunnels up, besides the peer itself and IKE_UP. */
enum ike_start {
	IKE_START_NEVER,
	IKE_START_TRAFFIC, /* IKE_ACQUIRE; what ends goes back to waiting for it */
	IKE_START_NOW,	   /* we do, and up again for ever */
};

/* A peer as it is configured. The caller owns it and keeps it until ike_free(). */
struct ike_peer {
	char *name;
	struct ike_addr local; /* family 0: any address of ours */
	struct ike_addr remote;
	struct ike_id local_id, remote_id; /* remote_id type 0: the remote address */
	struct ike_proposal *ike; /* best first; auth is the same in all of them */
	size_t n_ike;
	struct esp_proposal *esp; /* best first */
	size_t n_esp;
	struct ike_child_cfg *child;
	size_t n_child;
	struct chunk *certs; /* ours in DER, the one that is signed with first */
	size_t n_certs;
	struct chunk *cas; /* names in DER of the authorities that are asked for */
	size_t n_cas;
	uint32_t ike_seconds;		 /* lifetime of the control tunnel */
	uint32_t esp_seconds;		 /* lifetime of the ESP tunnels */
	uint64_t esp_bytes, esp_packets; /* and for so much traffic in one; 0: for any */
	bool no_ids; /* phase 2 from any to any without ID payloads, as some routers */
	/* RFC 3706: silent for so long it is asked (0: never), and for so long it is dead. */
	uint32_t dpd_seconds, dpd_timeout;
	enum ike_start start;
	bool encap; /* ESP in UDP even without a NAT on the way */
};

struct ike_env {
	/* Randomness: fills out with len octets; must not fail. Tests give a seeded one. */
	void (*rand)(void *ctx, uint8_t *out, size_t len);
	/*
	 * NULL, or takes the recording: a line of JSON, without its end, for each call that
	 * concerns a peer. Nothing secret is in it. ike_replay_line() takes the lines from one
	 * that is a beginning on; return true to get another beginning when nothing is under
	 * way.
	 */
	bool (*record)(void *ctx, const struct ike_peer *peer, const char *line,
		       bool beginning);
	void *ctx;
};

enum ike_action_type {
	IKE_SEND,	 /* put a datagram on the wire */
	IKE_NEED_PRF,	 /* ask the key process; answer with ike_answer() */
	IKE_NEED_SIGN,	 /* ask the key process; answer with ike_answer() */
	IKE_NEED_VERIFY, /* ask the verifier; answer with ike_answer() */
	IKE_NEED_DH,	 /* ask the worker process; answer with ike_answer() */
	IKE_NEED_SPI, /* reserve an inbound SPI in the module; answer with ike_answer() */
	/* how many packets did an inbound SA accept? answer with ike_answer() */
	IKE_NEED_COUNT,
	IKE_SA_ADD,	 /* load an SA into the module; answer with ike_answer() */
	IKE_SA_ACTIVATE, /* send on this outbound SA from now on */
	IKE_SA_DEL,	 /* remove an SA or free a reserved SPI, if it is still there */
	IKE_ESP_PATH,	 /* the peer is elsewhere: a child's ESP in UDP goes there now */
	IKE_TRACE,	 /* something happened that a person may want to see */
	IKE_KEYLOG,	 /* a key for Wireshark, for a peer whose key log is on */
};

enum dh_op {
	DH_PUBLIC, /* private key -> public value */
	DH_SHARED, /* private key and the peer's public value -> shared secret */
};

/*
 * One thing to do, valid until the next call into the core. Needs are answered with
 * their id by ike_answer(), at once or later and in any order; while a need is open the
 * core goes on with everything else.
 */
struct ike_action {
	enum ike_action_type type;
	uint32_t id; /* of a need, never 0 */
	const struct ike_peer *peer;
	union {
		struct {
			struct ike_path path;
			const uint8_t *data;
			size_t len;
		} send;
		/* prf(pre-shared key of the peer, data) with HMAC of hash, RFC 2409 section 5 */
		struct {
			enum ike_hash hash;
			const uint8_t *data;
			size_t len;
		} prf;
		/* The private key's signature over hash, as it is (signature.h). */
		struct {
			struct chunk hash;
		} sign;
		/*
		 * Did the peer make sig over hash, may it be who id says, and is that want?
		 * Both are bodies of ID payloads. Answer: 1 if the signature is not right, so
		 * that anybody may have made it, else 0; "", or a stable code that says why it
		 * is not believed; a NUL; and words without one: who signed, or why not.
		 */
		struct {
			enum ike_auth auth;
			struct chunk hash, sig, id, want;
			struct chunk certs; /* in DER, one behind the other */
		} verify;
		struct {
			enum dh_op op;
			enum ike_group group;
			const uint8_t *priv;
			size_t priv_len;
			const uint8_t *pub; /* the peer's, for DH_SHARED */
			size_t pub_len;
		} dh;
		/* Answer: four octets. */
		struct {
			uint32_t child; /* index into peer->child */
		} spi;
		/* Answer: an empty one for success, NULL for failure. */
		struct {
			uint32_t child;
			bool out;
			uint8_t spi[4];
			uint8_t pair_spi[4];  /* out only: the inbound SA of the pair */
			bool active;	      /* out only: send on it at once */
			struct ike_path path; /* outer addresses */
			bool encap;	      /* ESP in UDP, by the ports of path */
			bool follow;	      /* encap only: the peer's NAT may move it */
			struct ike_subnet local, remote;
			struct esp_proposal suite;
			const uint8_t *key; /* cipher key and salt as KEYMAT gives them */
			size_t key_len;
			const uint8_t *integ_key;
			size_t integ_key_len;
			/* 0: no limit; a soft one is to be told with IKE_EXPIRE */
			uint64_t soft_seconds, hard_seconds;
			uint64_t soft_bytes, hard_bytes;
			uint64_t soft_packets, hard_packets;
		} sa_add;
		struct {
			uint32_t child;
			bool out;
			uint8_t spi[4];
		} sa; /* IKE_SA_ACTIVATE, IKE_SA_DEL; IKE_NEED_COUNT: eight octets, or NULL */
		struct {
			uint32_t child;
			struct ike_path path;
		} esp_path;
		struct trace_event trace;
		/* The control tunnel's key, as tshark's ikev1_decryption_table wants it. */
		struct {
			uint8_t cookie_i[8];
			const uint8_t *key;
			size_t key_len;
		} keylog;
	};
};

enum ike_command_type {
	IKE_UP,	      /* bring peer up now */
	IKE_DOWN,     /* take peer down: DELETEs to it, SAs out of the module */
	IKE_REKEY,    /* renew the ESP tunnels now, or with control the control tunnel */
	IKE_EXPIRE,   /* the module says that an SA reached a limit */
	IKE_FIRST,    /* the module says that an inbound SA got its first packet */
	IKE_ACQUIRE,  /* the module has traffic for a child without tunnels */
	IKE_MOVED,    /* the module says that authentic ESP comes from elsewhere now */
	IKE_CHANGED,  /* addresses or routes have changed: look again at once */
	IKE_LOG_KEYS, /* emit IKE_KEYLOG from now on, or no more: keylog says which */
};

struct ike_command {
	enum ike_command_type type;
	const struct ike_peer *peer;
	uint32_t child;	       /* IKE_EXPIRE, IKE_FIRST, IKE_ACQUIRE, IKE_MOVED */
	bool out, hard;	       /* IKE_EXPIRE */
	uint8_t spi[4];	       /* IKE_EXPIRE, IKE_FIRST */
	bool keylog;	       /* IKE_LOG_KEYS */
	bool control;	       /* IKE_REKEY */
	struct ike_addr moved; /* IKE_MOVED: where from */
	struct ike_addr local; /* IKE_CHANGED: by route now; family 0: no route */
};

/* What a person sees of one control tunnel, and of one pair of ESP tunnels. */
struct ike_child_status {
	uint32_t child;
	uint8_t spi_in[4], spi_out[4];
	struct esp_proposal suite;
	struct ike_subnet local, remote;
	uint64_t since, renew_at, hard_at; /* 0: not yet, never */
	bool up, encap, follow;		   /* the last two as in sa_add */
};

struct ike_sa_status {
	const struct ike_peer *peer;
	const char *state; /* "down", "phase 1: packet 3 sent", "established", ... */
	struct ike_path path;
	uint8_t cookie_i[8], cookie_r[8];
	bool initiator;
	bool nat_here, nat_there; /* we are, the peer is behind a NAT */
	struct ike_proposal suite;
	uint64_t since, hard_at;
	bool dpd; /* the peer can be asked whether it is alive */
	/* With signatures: "with ... and the certificate of ... from ..."; else "". */
	const char *proof;
	const struct ike_child_status *child;
	size_t n_child;
};

struct ike *ike_new(const struct ike_env *env);
void ike_free(struct ike *ike);

/*
 * Returns 0, or -1 when a peer of that name is there, or one of the same two addresses.
 * These may be the same where a NAT has several peers behind it: they have to have the
 * same key, and each a remote_id of its own.
 */
int ike_peer_add(struct ike *ike, const struct ike_peer *peer);

/*
 * A pair of ESP tunnels that the module still has from a core before this one. It carries
 * traffic as it did, is renewed at once, and goes when the new pair has taken over. up
 * says that its outbound SA is in use; renew_at is not looked at. Returns 0, or -1 when
 * there is no room for it.
 */
int ike_adopt(struct ike *ike, uint64_t now, const struct ike_peer *peer,
	      const struct ike_path *path, const struct ike_child_status *pair);

void ike_input(struct ike *ike, uint64_t now, const struct ike_path *path,
	       const uint8_t *data, size_t len);
void ike_command(struct ike *ike, uint64_t now, const struct ike_command *cmd);
/* data NULL: it could not be done. An id that is not open any more is ignored. */
void ike_answer(struct ike *ike, uint64_t now, uint32_t id, const uint8_t *data,
		size_t len);
void ike_timer(struct ike *ike, uint64_t now);
/* When ike_timer() wants to be called next; UINT64_MAX for never. */
uint64_t ike_deadline(const struct ike *ike);

/* Takes the next action from the queue, in order; false when it is empty. */
bool ike_next(struct ike *ike, struct ike_action *action);

/* Calls fn for every control tunnel and for every configured peer that has none. */
void ike_status(struct ike *ike, void (*fn)(void *ctx, const struct ike_sa_status *),
		void *ctx);

/*
 * Runs a recording, line by line, through a core of its own; event gets what happens. For a
 * line: 0; 1 where the core first does something else than when it was recorded; -1 with
 * the reason in why (IKE_REPLAY_WHY octets) if it is not right, after which only free is
 * to be called.
 */
#define IKE_REPLAY_WHY 160
struct ike_replay;
struct ike_replay *ike_replay_new(void (*event)(void *ctx, const struct trace_event *),
				  void *ctx);
int ike_replay_line(struct ike_replay *r, const char *line, char *why);
void ike_replay_free(struct ike_replay *r);

#endif
