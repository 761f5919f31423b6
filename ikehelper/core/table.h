/* SPDX-License-Identifier: MIT */
/*
 * One row per message of every exchange: the way of a negotiation, read from above.
 *
 * A row is seen from both sides: who sends the message runs out(), who receives it runs
 * in(), and both go from state "from" to state "to". A combination of version, exchange,
 * sender and state that has no row is refused by that alone.
 */
#ifndef ESPTUN_TABLE_H
#define ESPTUN_TABLE_H

#include "payload.h"

struct exchange;
struct payloads;

/* How far an exchange has come: which of its messages have been sent or taken in. */
enum xstate {
	MAIN_NONE,
	MAIN_1,
	MAIN_2,
	MAIN_3,
	MAIN_4,
	MAIN_5,
	MAIN_6,
	QUICK_NONE,
	QUICK_1,
	QUICK_2,
	QUICK_3,
	INFO_NONE,
	INFO_1,
};

/* What protects a message, and is checked before in() sees a payload of it. */
enum protection {
	PROT_NONE,	/* Main Mode 1 to 4 */
	PROT_HASH_I,	/* encrypted; HASH_I over the whole of phase 1, or signed */
	PROT_HASH_R,	/* the same from the responder */
	PROT_HASH_1,	/* encrypted; HASH(1) of Quick Mode */
	PROT_HASH_2,	/* HASH(2) */
	PROT_HASH_3,	/* HASH(3) */
	PROT_HASH_INFO, /* encrypted; HASH(1) of an Informational */
};

/* What the sender does until the next message comes. */
enum row_timer {
	TIMER_NONE,	  /* send it once */
	TIMER_RETRANSMIT, /* again and again, later and later; then give up */
	TIMER_ANSWER, /* again only when the peer repeats its own; give up after a while */
};

struct row {
	uint8_t version; /* IKE_V1 */
	uint8_t exchange;
	bool by_initiator; /* the initiator of the exchange sends it */
	enum xstate from, to;
	/*
	 * Payloads, P_...; HASH included. Where phase 1 is signed, SIG takes its place in the
	 * messages that PROT_HASH_I and PROT_HASH_R protect, and certificates may be there.
	 */
	uint32_t must, may;
	enum protection prot;
	enum row_timer timer;
	/*
	 * The receiver: in() takes in verified payloads. The sender: prepare() asks other
	 * processes for what the message needs and is called until it asks for nothing more,
	 * then out() appends the payloads to b. Both sides: done() after the last message of an
	 * exchange. They return 0, or -1 after refuse(); in() also 1: not now, the peer will
	 * repeat it.
	 */
	int (*in)(struct exchange *x, const struct payloads *ps);
	int (*prepare)(struct exchange *x);
	int (*out)(struct exchange *x, struct buf *b, size_t *next);
	void (*done)(struct exchange *x);
	uint8_t number;		/* (1) to (9) as in the article; 0 for none of them */
	const char *name;	/* "Main Mode 1" */
	const char *ref;	/* "RFC 2409 section 5.4" */
	const char *say;	/* what this step achieves, one sentence */
	const char *say_signed; /* the same with signatures, where it differs */
};

extern const struct row table[];
extern const size_t table_rows;

/* The row of the next message in that state; NULL when the protocol knows none. */
const struct row *table_find(uint8_t version, uint8_t exchange, bool by_initiator,
			     enum xstate from);

#endif
