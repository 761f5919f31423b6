/* SPDX-License-Identifier: MIT */
/*
 * What happened, as events: the one record from which the ladder, the log and the
 * refusals' explanations are made. Holds no secrets.
 */
#ifndef ESPTUN_TRACE_H
#define ESPTUN_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	TRACE_SENT,	 /* a message went out */
	TRACE_RECEIVED,	 /* a message came in and was verified as far as it can be */
	TRACE_RESENT,	 /* ours again, by timer or because the peer repeated its own */
	TRACE_DUPLICATE, /* the peer repeated itself */
	TRACE_KEYS,	 /* keys were made: which, from what, by which phase */
	TRACE_UP,	 /* a tunnel is there (text says which) */
	TRACE_DOWN,	 /* a tunnel is gone (text says why) */
	TRACE_FIRST_ESP, /* packet (10): user traffic flows */
	TRACE_REFUSED,	 /* it stopped here: code and text say why */
	TRACE_NOTE,	 /* anything else worth a line, an ignored message for one */
};

#define TRACE_WORDS 600
#define TRACE_TEXT  600
#define TRACE_SIDE  400

struct trace_event {
	uint64_t ms; /* the clock of the core */
	enum trace_kind kind;
	char peer[64];	      /* "" when it belongs to no configured peer */
	uint32_t negotiation; /* counts up: one phase 1, with the phase 2s inside it */
	uint8_t phase;	/* 1, 2, 3 for user traffic, 0 for neither (Informational) */
	uint8_t number; /* (1) to (10) as in the article; 0: not one of the ten */
	bool initiator; /* this host started the exchange */
	bool routine;	/* DPD: of interest while one looks on, and then no more */
	bool renewal;	/* a message of what takes the place of a tunnel that is up */
	char local[64], remote[64]; /* address and port in words */
	uint32_t size;		    /* octets of the datagram's payload */
	uint8_t cookie_i[8];
	uint32_t message_id;
	char name[48]; /* "Main Mode 1", "Quick Mode 2", "Informational" */
	char words
		[TRACE_WORDS]; /* the payloads in words: "SA: aes256-sha256-modp2048; vendor: DPD" */
	char text
		[TRACE_TEXT]; /* a sentence: what this step achieves, or what went wrong */
	char ref[48];	      /* "RFC 2409 section 5.4" */
	char code[32]; /* TRACE_REFUSED: stable, e.g. "psk-differs", "no-proposal" */
	char ours
		[TRACE_SIDE]; /* TRACE_REFUSED: our side, e.g. our proposals, one a line */
	char theirs[TRACE_SIDE]; /* TRACE_REFUSED: the peer's side */
};

const char *trace_kind_name(enum trace_kind kind); /* "sent", "received", ... */
/* Returns the kind, or -1 for an unknown name. */
int trace_kind_parse(const char *name);

#endif
