/* SPDX-License-Identifier: MIT */
/*
 * What the core holds: peers with their pairs of ESP tunnels, control tunnels with their
 * exchanges, and the queues to the other processes. Private to core/.
 */
#ifndef ESPTUN_SA_H
#define ESPTUN_SA_H

#include "buf.h"
#include "ike.h"
#include "keymat.h"
#include "payload.h"
#include "table.h"

#define SEND_FIRST_MS	2000 /* until the first retransmission */
#define SEND_TRIES	5    /* transmissions of one message, all told */
#define ANSWERS_MAX	10   /* times that one message is sent for a repeated one */
#define ANSWER_GAP_MS	200
#define HALF_OPEN_MS	30000 /* a responder waits so long for the peer */
#define LINGER_MS	60000 /* an ended exchange answers repetitions so long */
#define HALF_OPEN_MAX	1000  /* negotiations that peers began, in all */
#define HALF_OPEN_PEER	16    /* and from one address */
#define EXCHANGES_MAX	256   /* in one control tunnel */
#define MESSAGE_IDS_MAX 65536 /* remembered by one control tunnel */
#define RETRY_FIRST_MS	5000
#define RETRY_MAX_MS	300000
#define ACTIVATE_MS	2000  /* a renewed outbound SA is used after that at the latest */
#define HELD_MS		500   /* a first one, for which packets are held */
#define RETIRE_MS	10000 /* a replaced control tunnel ends */
#define REPLACED_MS \
	30000 /* a replaced pair goes; twice as late if the peer replaced it */
#define CROSSING_MS 10000 /* phase 1s that both sides began so close crossed */
#define PAIRS_MAX   8	  /* of one child; the oldest makes room */
#define LIFE_MIN    60	  /* seconds: a peer's values are clamped to these */
#define LIFE_MAX    86400
#define LIFE_KB_MIN 10000 /* kilobytes, likewise */
#define LIFE_KB_MAX UINT32_MAX
#define NEVER	    UINT64_MAX

/* Do both sides know NAT traversal, as RFC 3947 has it, or only as its draft 02? */
enum nat_t { NAT_T_NONE, NAT_T_DRAFT, NAT_T_RFC };

/* NAT on the way, as phase 1 found it: on our side, on the peer's. */
struct nat {
	enum nat_t known;
	bool here, there;
};

/* One inbound and one outbound ESP SA that phase 2 made together. */
struct pair {
	struct pair *next; /* older */
	uint8_t spi_in[4], spi_out[4];
	struct esp_proposal suite;
	struct ike_path path;
	struct nat nat;
	bool encap; /* ESP in UDP, by the ports of path */
	struct ike_subnet local, remote;
	uint64_t began_at; /* its phase 2: this orders the pairs alike on both sides */
	uint64_t since, renew_at, hard_at;
	uint64_t activate_at; /* NEVER: the outbound SA is in use */
	uint64_t drop_at;     /* NEVER, or when a newer one has surely taken over */
	uint32_t negotiation;
	bool initiator;
	bool heard;	  /* its first packet came in */
	uint64_t packets; /* that had come in when the module was asked last */
};

struct child {
	struct pair *pairs; /* the newest, which is the current one, first */
	unsigned int failures;
	uint64_t retry_at;
	bool wanted; /* to be brought up */
	bool renew;  /* a new pair is due */
};

#define NAT_LEFT 4

/* Where a peer behind a NAT was before it moved. */
struct left {
	struct ike_addr addr;
	uint64_t at;
};

struct peer {
	struct peer *next;
	struct ike *ike;
	const struct ike_peer *cfg;
	struct child *child; /* cfg->n_child of them */
	bool held;	     /* taken down by command: traffic does not start it */
	bool renew;	     /* a new control tunnel is due */
	bool afresh;	     /* and new ESP tunnels in it */
	bool keylog;
	unsigned int failures;
	uint64_t retry_at;
	uint64_t sent_at; /* the last datagram to it */
	struct left left[NAT_LEFT];
	size_t n_left;
	uint32_t moved_by;	/* the child whose ESP showed the last move, or none */
	uint64_t failed_at;	/* the last phase 1 of ours */
	struct ike_addr routed; /* our address by route, as it was told last */
	/* v1_dpd.c */
	uint64_t heard_at;  /* the last sign of life */
	uint64_t asked_at;  /* the first question since; NEVER */
	uint64_t dpd_at;    /* when to look again; NEVER */
	size_t counts;	    /* that the module has not told yet */
	bool in_doubt;	    /* ask, though the silence is not long yet */
	struct ike_sa *sas; /* the newest first */
	/* record.c */
	struct cJSON *record; /* the call under way */
	struct buf drawn;     /* random octets in it */
	uint32_t needs;	      /* asked so far */
};

/* Why an exchange is refused: for the trace, and the notify for the peer (0: none). */
struct refusal {
	char code[32];
	char text[TRACE_TEXT];
	char ours[TRACE_SIDE], theirs[TRACE_SIDE];
	uint16_t notify;
	bool by_peer; /* it said so itself, under the control tunnel's protection */
};

/* Main Mode under way: what phase 1's HASHes and keys are made from. */
struct main_mode {
	struct buf sai_b; /* body of packet 1's SA payload, as the initiator sent it */
	struct buf sar_b; /* what we answer with */
	struct buf ni, nr, gxi, gxr;
	struct buf priv, gxy;
	struct buf skeyid;
	uint64_t peer_seconds;
	struct buf sig; /* ours */
	/* The peer's message that waits for the verdict over its signature. */
	struct buf held;
	struct ike_path held_path;
	bool judged, forged;
	unsigned int verdicts;
};

/* Quick Mode under way. */
struct quick_mode {
	uint32_t child; /* index into cfg->child */
	struct esp_choice choice;
	struct buf ni, nr;
	struct buf priv, ours, theirs, gxy; /* empty without PFS */
	struct buf id_i,
		id_r;	/* bodies as the initiator sent them; empty: it sent none */
	uint8_t spi[4]; /* our inbound one */
	bool have_spi, added_in, added_out;
	bool handed_over; /* the pair lives on without us */
	bool udp;	  /* ESP in UDP is what is offered, or agreed on */
	uint64_t seconds, bytes;
	bool tell_lifetime; /* answer with RESPONDER-LIFETIME */
};

/* The one payload of an Informational that we send. */
struct info {
	uint8_t payload; /* PL_NOTIFY or PL_DELETE */
	uint8_t proto;
	uint16_t type; /* of the notify */
	struct chunk spi;
	struct chunk data; /* of the notify */
};

struct exchange {
	struct exchange *next;
	struct ike_sa *sa;
	uint8_t type; /* XCHG_... */
	bool initiator;
	enum xstate state;
	uint32_t message_id;
	struct main_mode *main;
	struct quick_mode *quick;
	const struct info *info;

	unsigned int needs; /* open; while there are any, the exchange waits */
	bool over;	    /* ended: only answers repetitions */
	struct refusal *refusal;

	uint8_t iv[BLOCK_MAX];
	bool have_iv;

	const struct row *in_row, *out_row; /* of the last message in, and out */
	uint8_t in_hash[HASH_MAX];	    /* SHA-256 of the last datagram in */
	struct buf out;			    /* the last datagram out */
	unsigned int sent, answers;
	uint64_t answered_at;
	uint64_t began_at;
	uint64_t resend_at; /* NEVER: only for a repetition */
	uint64_t dies_at;
};

/* A control tunnel, or a phase 1 on the way to one. */
struct ike_sa {
	struct ike_sa *next;
	struct ike *ike;
	struct peer *peer;
	uint8_t version; /* IKE_V1 */
	bool initiator;
	bool established;
	bool dead;	      /* to be freed at the end of the call into the core */
	struct ike_path path; /* moved only by nat_follow() and nat_float() */
	struct nat nat;
	uint8_t cookies[COOKIES_LEN];
	uint32_t negotiation;
	struct ike_proposal suite;
	struct v1_keys keys;
	bool have_keys;
	uint8_t last_iv[BLOCK_MAX]; /* last cipher block of phase 1 */
	struct exchange *exchanges; /* phase 1 is the last of the list */
	uint32_t *message_ids;	    /* those that were used */
	size_t n_message_ids;
	uint64_t since, renew_at, hard_at;
	uint64_t heard_at;  /* the last verified message */
	uint64_t retire_at; /* NEVER, or when a newer one has taken over */
	bool dpd;	    /* the peer speaks it */
	char proof[240];    /* with signatures, who signed as the peer, in words */
	/* The last sequence numbers, and how many of ours no answer has made up for. */
	uint32_t dpd_asked, dpd_open, dpd_heard;

	/* Hints for "why", from what cannot be trusted: never acted upon. */
	uint16_t hint_notify;
	bool hint_garbage;   /* something encrypted that we cannot decrypt */
	bool refused_packet; /* one has been refused with a trace already */
};

enum need_kind {
	NEED_SKEYID,
	NEED_SIGN,
	NEED_VERIFY,
	NEED_PUBLIC,
	NEED_SHARED,
	NEED_INBOUND_SPI,
	NEED_ADD_IN,
	NEED_ADD_OUT,
	NEED_COUNT,
};

struct need {
	struct need *next;
	uint32_t id;
	uint32_t nth; /* of the peer's */
	enum need_kind kind;
	struct exchange *x; /* NULL: it has gone; what was reserved is to be freed */
	const struct ike_peer *peer;
	uint32_t child;
	uint8_t spi[4];
};

/* Permission for so many of something, one more each second, up to BUCKET_MOST. */
#define BUCKET_MOST 20
struct bucket {
	unsigned int left;
	uint64_t at;
};

struct queued; /* an action and the octets that it points to */

struct ike {
	struct ike_env env;
	uint64_t now;
	struct peer *peers;
	struct need *needs;
	uint32_t last_need, last_negotiation;
	struct queued *first, **last, *taken;
	struct bucket notes, notifies;
	/* record.c */
	struct peer *drawing; /* for whom octets are drawn */
	struct cJSON *input;  /* the datagram that comes in */
};

/* sa.c: control tunnels and exchanges */
struct ike_sa *sa_new(struct peer *peer, bool initiator, const struct ike_path *path);
void sa_free(struct ike_sa *sa);
/* It turns out to be another peer's. */
void sa_give(struct ike_sa *sa, struct peer *peer);
/* The control tunnel to start exchanges in: established, the newest, not retired. */
struct ike_sa *sa_current(const struct peer *peer);
/*
 * When it ends: its life is over, or it is replaced, and no phase 2 in it is under way or
 * may have to be answered again.
 */
uint64_t sa_ends_at(const struct ike_sa *sa);
/* NULL when there are too many, or the message ID has been used. */
struct exchange *exchange_new(struct ike_sa *sa, uint8_t type, bool initiator,
			      uint32_t message_id);
void exchange_free(struct exchange *x);
/* A random message ID that this control tunnel has not seen. */
uint32_t message_id_new(struct ike_sa *sa);
/* Remembers an ID; false when it is known already, or there is no room. */
bool message_id_use(struct ike_sa *sa, uint32_t message_id);
/* The lifetime that counts; theirs, 0 when not said, only within reason (pitfall 1.14). */
uint64_t shorter_life(uint64_t ours, uint64_t theirs);
/* Sets the exchange's refusal, and returns -1 for the caller to return. */
int refuse(struct exchange *x, uint16_t notify, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* peer.c: what is to be up, and when again */
struct peer *peer_by_path(const struct ike *ike, const struct ike_path *path);
struct peer *peer_by_cfg(const struct ike *ike, const struct ike_peer *cfg);
/* Its children are to be brought up, or are not to be any more. */
void peer_want(struct peer *peer, bool wanted);
/* Before packet 5 nothing tells the two apart. */
bool peer_alike(const struct ike_peer *a, const struct ike_peer *b);
/* Starts what is due: phase 1, phase 2s, renewals. */
void peer_run(struct peer *peer);
uint64_t peer_deadline(const struct peer *peer);
void peer_failed(struct peer *peer);
/* Ends all that is established with it, and tells it so. */
void peer_down(struct peer *peer, const char *why);
/* Its control tunnel has gone: bring it up again in a moment. */
void peer_lost(struct peer *peer);
void child_failed(struct peer *peer, uint32_t child);
/* Takes the pair into use, as the current one of its child. */
void pair_up(struct peer *peer, uint32_t child, struct pair *pair);
/* The peer repeats packet 8: it is not in use there yet, and nothing older goes. */
void pair_wait(struct peer *peer, struct pair *pair);
/* Takes the pair's SAs out of the module and frees it. */
void pair_down(struct peer *peer, uint32_t child, struct pair *pair, const char *why);
/* A new event that belongs to this pair. */
struct trace_event *trace_pair(struct peer *peer, enum trace_kind kind,
			       const struct pair *pair);
void pair_activate(struct peer *peer, uint32_t child, struct pair *pair);
struct pair *pair_find(struct peer *peer, const uint8_t *spi, bool out, uint32_t *child);
/* When renewal starts in a life of so many seconds: 75 to 85 % of it. */
uint64_t renew_seconds(struct ike *ike, uint64_t life, bool initiator);
/* Renews now: the control tunnel, or the ESP tunnels that are there. */
void peer_rekey(struct peer *peer, bool control);
/* Another phase 1 with the peer is complete: the newest control tunnel stays. */
void peer_established(struct ike_sa *sa, uint64_t began);

/* half_open.c: may the peer begin one more negotiation? Another may make room for it. */
bool half_open_room(struct peer *peer);

/* ike.c */
/* At the end of every call: what died is freed, what is due is started; recorded. */
void settle(struct ike *ike);
bool bucket_take(struct bucket *b, uint64_t now);

/* timer.c: tells the peer that the pair goes, and takes it down. */
void pair_end(struct peer *peer, uint32_t child, struct pair *pair, const char *why);

/* exchange.c */
/* Sends what the table says is next, unless something is still to be answered. */
void exchange_run(struct exchange *x);
/* Ends it: trace, notify to the peer, everything that it had put into the module. */
void exchange_fail(struct exchange *x);
/* Ends a phase 2 of ours in favour of one of the peer's. */
void exchange_yield(struct exchange *x);
/* The last message has passed, or what is as good as it. */
void exchange_done(struct exchange *x, const struct row *row);
/* Builds and sends the message of this row. Returns 0, or -1 after refuse(). */
int message_send(struct exchange *x, const struct row *row);
/* The last datagram again, as it was. */
void message_resend(struct exchange *x);
/* Milliseconds until the next retransmission, after so many transmissions. */
uint64_t resend_interval(struct ike *ike, unsigned int sent);

/* record.c: random octets; what is secret is not recorded */
void random_octets(struct ike *ike, uint8_t *out, size_t len, bool secret);

/* queue.c: actions out, answers in */
void queue_send(struct ike *ike, const struct ike_peer *peer, const struct ike_path *path,
		struct chunk data);
void queue_sa_del(struct ike *ike, const struct ike_peer *peer, uint32_t child, bool out,
		  const uint8_t *spi);
void queue_sa_activate(struct ike *ike, const struct ike_peer *peer, uint32_t child,
		       const uint8_t *spi);
/* The ESP tunnels of a child go this way from now on. */
void queue_esp_path(struct peer *peer, uint32_t child, const struct ike_path *path);
void queue_keylog(struct ike_sa *sa);
struct trace_event *queue_trace(struct ike *ike, const struct ike_peer *peer);
void queue_free(struct ike *ike);
void need_skeyid(struct exchange *x, struct chunk ni, struct chunk nr);
void need_dh(struct exchange *x, enum dh_op op, enum ike_group group, struct chunk priv,
	     struct chunk pub);
void need_sign(struct exchange *x, struct chunk hash);
void need_verify(struct exchange *x, struct chunk hash, struct chunk sig, struct chunk id,
		 struct chunk want, struct chunk certs);
void need_spi(struct exchange *x);
/* add is complete but for the octets of its keys, which are copied. */
void need_sa_add(struct exchange *x, const struct ike_action *add);
/* Asks how many packets came in. Returns whether it could. */
bool need_count(struct peer *peer, uint32_t child, const uint8_t *spi);
/* The exchange has gone: its answers are not waited for any more. */
void needs_forget(struct exchange *x);

/* trace.c: what happened */
/* A new event that belongs to this control tunnel. */
struct trace_event *trace_sa(struct ike_sa *sa, enum trace_kind kind, uint8_t phase);
/* The message of this row; ps, where known, are its payloads in clear. */
void trace_message(struct exchange *x, enum trace_kind kind, const struct row *row,
		   const struct payloads *ps, size_t size);
/* It stopped here: the exchange's refusal. */
void trace_refusal(struct exchange *x);
/* A line about the exchange. */
/* NULL when there have been too many. */
struct trace_event *trace_note(struct ike_sa *sa, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The control tunnel is gone. */
void trace_down(struct ike_sa *sa, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line about a datagram that belongs to nothing, rate-limited. */
struct trace_event *trace_stray(struct ike *ike, const struct ike_peer *peer,
				const struct ike_path *path, size_t size, const char *fmt,
				...) __attribute__((format(printf, 5, 6)));
void words_id(const struct id_body *id, char *out, size_t size);
#define WORDS_SUBNET 80
void words_subnet(const struct ike_subnet *s, char *out, size_t size);
void words_addr(const struct ike_addr *a, bool port, char *out, size_t size);
/* "NO-PROPOSAL-CHOSEN", or "notify 12345". */
void words_notify(uint16_t type, char *out, size_t size);

/* v1_protect.c: encryption, IV chain and HASH payload of IKEv1 */
/*
 * Decrypts into plain and verifies what row->prot says. Changes nothing but next_iv,
 * which is the exchange's once the message is believed. Returns 0; OPEN_HELD: it bears a
 * signature, and once the verdict is there it is to be opened again; OPEN_GARBAGE: it does
 * not decrypt to payloads; OPEN_FORGED: the HASH is not right. why: PAYLOAD_WHY octets.
 */
enum { OPEN_HELD = 1, OPEN_GARBAGE = -1, OPEN_FORGED = -2 };
int v1_open(struct exchange *x, const struct row *row, const struct ike_header *h,
	    struct chunk datagram, struct buf *plain, struct payloads *ps,
	    uint8_t *next_iv, char *why);
/* Encrypts the payloads that b holds after its header, and moves the IV on. */
int v1_seal(struct exchange *x, const struct row *row, struct buf *b);
/*
 * For a replay: encrypts payloads as the peer would for us to open next, with the right HASH
 * in place of theirs if wanted. Returns 0, or -1 where it could not: nothing has changed.
 */
int v1_imitate(struct exchange *x, const struct row *row, uint8_t first, uint8_t *data,
	       size_t len, bool right);
/* HASH_I, or without initiator HASH_R, over the ID payload's body. out: HASH_MAX octets. */
int v1_hash_ir(const struct exchange *x, bool initiator, struct chunk id_b, uint8_t *out);

/* v1_sign.c: Main Mode with signatures */
bool main_signed(const struct ike_sa *sa);
/* Asks for our signature, unless it is there. Returns 0, or -1 after refuse(). */
int sign_ask(struct exchange *x);
/* Appends CERTREQ payloads, for who is to sign. */
void sign_put_request(const struct exchange *x, struct buf *b, size_t *next);
/* Appends our certificates and our signature. */
void sign_put(const struct exchange *x, struct buf *b, size_t *next);
/* As v1_open(): asks the verifier, or knows its verdict. */
int sign_check(struct exchange *x, const struct row *row, const struct payloads *ps,
	       char *why);
/* Takes in the verifier's answer; no octets: it has none. */
void sign_verdict(struct exchange *x, struct chunk verdict);

/* v1_main.c */
int main1_out(struct exchange *x, struct buf *b, size_t *next);
int main1_in(struct exchange *x, const struct payloads *ps);
int main2_out(struct exchange *x, struct buf *b, size_t *next);
int main2_in(struct exchange *x, const struct payloads *ps);
int main3_prepare(struct exchange *x);
int main3_out(struct exchange *x, struct buf *b, size_t *next);
int main3_in(struct exchange *x, const struct payloads *ps);
int main4_prepare(struct exchange *x);
int main4_out(struct exchange *x, struct buf *b, size_t *next);
int main4_in(struct exchange *x, const struct payloads *ps);
int main5_prepare(struct exchange *x);
int main5_out(struct exchange *x, struct buf *b, size_t *next);
int main5_in(struct exchange *x, const struct payloads *ps);
int main6_prepare(struct exchange *x);
int main6_out(struct exchange *x, struct buf *b, size_t *next);
int main6_in(struct exchange *x, const struct payloads *ps);
void main_done(struct exchange *x);
void main_free(struct exchange *x);
/* Our suites, and where known the peer's, into the exchange's refusal. */
void main_show(struct exchange *x, struct chunk theirs);
/* What an answer brought. Returns 0, or -1 after refuse(). */
int main_answer(struct exchange *x, enum need_kind kind, struct chunk data);
/* Returns 0, or -1 without memory. */
int main_start(struct peer *peer);

/* v1_who.c */
/* Bodies of the ID payloads that we send, and that the peer has to send. */
void main_own_id(const struct ike_sa *sa, struct buf *b);
void main_expected_id(const struct ike_sa *sa, struct buf *b);
/*
 * Is the peer who we are configured to talk to? Returns 0, or -1 after refuse(). With
 * signatures, who signs has been judged already.
 */
int main_check_id(struct exchange *x, const struct payloads *ps);

/* v1_nat.c */
void nat_put_vendors(const struct exchange *x, struct buf *b, size_t *next);
/* Returns 0, or -1 after refuse(): the peer cannot do what we insist on. */
int nat_take_vendors(struct exchange *x, const struct payloads *ps);
/* HASH(CKY-I | CKY-R | address | port), RFC 3947 section 3.2. Returns 0 or -1. */
int nat_hash(enum ike_hash hash, const uint8_t *cookies, const struct ike_addr *a,
	     uint8_t *out);
/* NAT-D payloads. Returns 0, or -1 after refuse(). */
int nat_put(struct exchange *x, struct buf *b, size_t *next);
void nat_take(struct exchange *x, const struct payloads *ps);
/* As initiator, with packet 5: to UDP port 4500, if there is a NAT or we insist. */
void nat_float(struct ike_sa *sa);
bool nat_floated(const struct ike_sa *sa);
/* ESP is to go in UDP. */
bool nat_udp(const struct ike_sa *sa);
/* A verified message, that is no repetition, came this way: the peer may be there now. */
void nat_follow(struct ike_sa *sa, const struct ike_path *path);
/* The same for ESP, which the module has verified. */
void nat_moved(struct peer *peer, uint32_t child, const struct ike_addr *to);
/* When a keepalive is due, NEVER without a NAT on our side; sends it if it is. */
uint64_t nat_keepalive_at(const struct peer *peer);
void nat_keepalive(struct peer *peer);
/* Where a peer behind a NAT was last: nothing else leads to it. NULL: no NAT there. */
const struct ike_path *nat_path(const struct peer *peer);

/* v1_quick.c */
int quick1_prepare(struct exchange *x);
int quick1_out(struct exchange *x, struct buf *b, size_t *next);
int quick1_in(struct exchange *x, const struct payloads *ps);
int quick2_prepare(struct exchange *x);
int quick2_out(struct exchange *x, struct buf *b, size_t *next);
int quick2_in(struct exchange *x, const struct payloads *ps);
int quick3_prepare(struct exchange *x);
int quick3_out(struct exchange *x, struct buf *b, size_t *next);
int quick3_in(struct exchange *x, const struct payloads *ps);
void quick_done(struct exchange *x);
void quick_free(struct exchange *x);
int quick_answer(struct exchange *x, enum need_kind kind, struct chunk data);
int quick_start(struct ike_sa *sa, uint32_t child);

/* v1_life.c */
/* When the control tunnel is renewed, and when it ends; from when it came up. */
void control_set_life(struct ike_sa *sa, uint64_t seconds);
/* RESPONDER-LIFETIME: the initiator thought of more. */
void control_tell_life(struct ike_sa *sa);
/* The same from the peer, under the control tunnel's protection. It shortens only. */
void control_told_life(struct ike_sa *sa, const struct notify_body *n);
/* What we offer. */
struct esp_life quick_our_life(const struct exchange *x);
/* The shorter of ours and the peer's, in each unit (pitfall 1.14). */
void quick_take_life(struct exchange *x, struct esp_life theirs);
/* RESPONDER-LIFETIME in packet 8 shortens what the initiator proposed. */
struct esp_life quick_told_life(const struct payloads *ps);
void quick_put_life(struct exchange *x, struct buf *b, size_t *next);
/*
 * When the module tells that it is time to renew, at the same share of each limit. Octets
 * and packets end outbound SAs alone: who sends counts what it sends.
 */
void quick_set_limits(struct exchange *x, struct ike_action *add);

/* v1_crossing.c */
/* The peer's phase 2 has to wait for one of ours; else ours, where there is one, ends. */
bool quick_gives_way(struct exchange *x);

/* v1_ids.c */
/* A selector as the body of an ID payload (RFC 2407 section 4.6.2). */
void id_write(const struct ike_subnet *s, struct buf *b);
/* It takes whatever is routed to it. */
bool child_is_any(const struct ike_child_cfg *child);
/* Finds the child that packet 7's IDs mean, and keeps them. Returns 0, or -1. */
int quick_take_ids(struct exchange *x, const struct payloads *ps);
/* The selectors that were agreed on: the IDs, or without them those of the child. */
void quick_selectors(const struct exchange *x, struct ike_subnet *local,
		     struct ike_subnet *remote);
/* Refuses, with both sides' selectors; returns -1. */
int quick_refuse_selectors(struct exchange *x, const char *theirs, const char *why);
/* Our side of it, selectors or suites, behind what the exchange's refusal has. */
void quick_show(struct exchange *x, bool selectors);

/* v1_dpd.c */
/* A new control tunnel: from here on silence is noticed. */
void dpd_begin(struct ike_sa *sa);
/* A sign of life in this control tunnel. */
void dpd_alive(struct ike_sa *sa);
/* Looks for signs of life; in doubt, asks without waiting until the silence is long. */
void dpd_look(struct peer *peer, bool in_doubt);
/* The module's answer. */
void dpd_count(struct peer *peer, const uint8_t *spi, uint64_t packets);
/* A question, which it answers, or an answer. Returns whether it is a sign of life. */
bool dpd_take(struct exchange *x, const struct notify_body *n);

/* v1_info.c */
void info_send(struct ike_sa *sa, const struct info *info);
int info_in(struct exchange *x, const struct payloads *ps);
int info_out(struct exchange *x, struct buf *b, size_t *next);
/* A notify in clear: shown, never acted upon. */
void info_unprotected(struct ike_sa *sa, const struct payloads *ps);
void info_delete_esp(struct ike_sa *sa, const uint8_t *spi);
void info_delete_ike(struct ike_sa *sa);
/* Of an ESP SA, or without an SPI of the control tunnel. */
void info_notify(struct ike_sa *sa, uint16_t type, const uint8_t *esp_spi);
/* An unauthenticated notify, rate-limited, in answer to a datagram with these cookies. */
void info_notify_clear(struct ike *ike, const struct ike_peer *peer,
		       const struct ike_path *path, const uint8_t *cookies,
		       uint16_t type);

#endif
