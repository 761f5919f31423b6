// SPDX-License-Identifier: MIT
/* The driver: a datagram's way in, the answers of other processes, the whole. */
#include "ike.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

#define WHY_MAX PAYLOAD_WHY

bool bucket_take(struct bucket *b, uint64_t now)
{
	uint64_t more = (now - b->at) / 1000;

	if (more) {
		b->left = b->left + more < BUCKET_MOST ? b->left + more : BUCKET_MOST;
		b->at = now;
	}
	if (!b->left)
		return false;
	b->left--;
	return true;
}

struct ike *ike_new(const struct ike_env *env)
{
	struct ike *ike = calloc(1, sizeof(*ike));

	if (!ike)
		return NULL;
	ike->env = *env;
	ike->last = &ike->first;
	ike->notes.left = ike->notifies.left = BUCKET_MOST;
	return ike;
}

void ike_free(struct ike *ike)
{
	if (!ike)
		return;
	while (ike->peers) {
		struct peer *peer = ike->peers;

		while (peer->sas)
			sa_free(peer->sas);
		for (size_t i = 0; i < peer->cfg->n_child; i++) {
			while (peer->child[i].pairs) {
				struct pair *pair = peer->child[i].pairs;

				peer->child[i].pairs = pair->next;
				free(pair);
			}
		}
		ike->peers = peer->next;
		free(peer->child);
		buf_wipe(&peer->drawn);
		free(peer);
	}
	queue_free(ike);
	free(ike);
}

void settle(struct ike *ike)
{
	for (struct peer *peer = ike->peers; peer; peer = peer->next) {
		struct queued **last = ike->last;
		struct ike_sa *next;

		ike->drawing = peer;
		peer_run(peer);
		if (!peer->record && (peer->drawn.len || ike->last != last))
			record_timer(peer, true);
		for (struct ike_sa *sa = peer->sas; sa; sa = next) {
			next = sa->next;
			if (sa->dead)
				sa_free(sa);
		}
		record_end(peer);
	}
}

/* A datagram on its way through the driver. */
struct incoming {
	struct ike *ike;
	const struct ike_path *path;
	struct ike_header h;
	struct chunk datagram;
	uint8_t hash[HASH_MAX]; /* SHA-256 of it */
};

static void stray(const struct incoming *in, const struct peer *peer, const char *why)
{
	trace_stray(in->ike, peer ? peer->cfg : NULL, in->path, in->datagram.len,
		    "A datagram is ignored: %s.", why);
}

static bool is_zero(const uint8_t *cookie)
{
	static const uint8_t zero[8];

	return !memcmp(cookie, zero, sizeof(zero));
}

/* By the cookies alone once both sides know them: a NAT may change all the rest. */
static struct ike_sa *find_sa(const struct incoming *in)
{
	for (struct peer *peer = in->ike->peers; peer; peer = peer->next) {
		for (struct ike_sa *sa = peer->sas; sa; sa = sa->next) {
			const uint8_t *cookie_r = sa->cookies + 8;

			if (sa->dead || memcmp(sa->cookies, in->h.cookie_i, 8) != 0)
				continue;
			if (!memcmp(cookie_r, in->h.cookie_r, 8) ||
			    ((is_zero(cookie_r) || is_zero(in->h.cookie_r)) &&
			     same_address(&sa->path.remote, &in->path->remote)))
				return sa;
		}
	}
	return NULL;
}

static struct exchange *find_exchange(struct ike_sa *sa, const struct ike_header *h)
{
	for (struct exchange *x = sa->exchanges; x; x = x->next)
		if (x->type == h->exchange && x->message_id == h->message_id)
			return x;
	return NULL;
}

/* The peer repeats its last message: so do we, but not without bounds (pitfall 1.9). */
static void repeat(struct exchange *x, size_t size)
{
	struct ike_sa *sa = x->sa;
	uint64_t now = sa->ike->now;
	uint32_t child;
	struct pair *pair;

	if (x->answers && now - x->answered_at < ANSWER_GAP_MS)
		return;
	if (x->answers == ANSWERS_MAX)
		return;
	x->answers++;
	x->answered_at = now;
	trace_message(x, TRACE_DUPLICATE, x->in_row, NULL, size);
	if (!x->out.len)
		return;
	message_resend(x);
	if (x->over && x->quick) {
		pair = pair_find(sa->peer, x->quick->spi, false, &child);
		if (pair && pair->initiator && pair == sa->peer->child[child].pairs)
			pair_wait(sa->peer, pair);
	}
}

/* An encrypted message of a phase 1 that does not open: what that tells. */
static void cannot_open(struct exchange *x, const struct row *row, int ret,
			const char *why)
{
	struct ike_sa *sa = x->sa;
	struct trace_event *e;
	char addr[64];

	if (row->prot == PROT_HASH_INFO && !sa->established && !sa->hint_garbage &&
	    !main_signed(sa)) {
		e = trace_note(
			sa, "The peer answers packet 5 with what does not decrypt: the "
			    "pre-shared keys differ, or its packet 6 was lost.");
		if (e)
			snprintf(e->code, sizeof(e->code), "psk-differs");
		sa->hint_garbage = true;
	}
	/* Packet 6 comes from who could read packet 5: garbage is somebody else's. */
	if (row->prot != PROT_HASH_I &&
	    (row->prot != PROT_HASH_R || ret == OPEN_GARBAGE)) {
		trace_note(sa, "%s is ignored: %s.", row->name, why);
		return;
	}
	sa->hint_garbage = ret == OPEN_GARBAGE;
	/* Said once; the peer repeats it, and somebody else may have made it up. */
	if (sa->refused_packet) {
		free(x->refusal);
		x->refusal = NULL;
		return;
	}
	sa->refused_packet = true;
	words_addr(&sa->path.remote, false, addr, sizeof(addr));
	if (ret == OPEN_GARBAGE && main_signed(sa))
		refuse(x, N_PAYLOAD_MALFORMED, "garbage",
		       "packet %u does not decrypt to payloads", row->number);
	else if (ret == OPEN_GARBAGE)
		refuse(x, N_PAYLOAD_MALFORMED, "psk-differs",
		       "packet %u does not decrypt to payloads: the pre-shared keys differ "
		       "(we used the key for %s)",
		       row->number, addr);
	else
		refuse(x, N_INVALID_HASH_INFORMATION, "hash-differs",
		       "packet %u decrypts, but does not prove what was said before: %s",
		       row->number, why);
	trace_refusal(x);
	if (!x->initiator && x->refusal)
		info_notify_clear(sa->ike, sa->peer->cfg, &sa->path, sa->cookies,
				  x->refusal->notify);
	free(x->refusal);
	x->refusal = NULL;
}

/* A message that nothing protects does not end what exists: it is only shown. */
static void refuse_unprotected(struct exchange *x, const struct row *row)
{
	struct ike_sa *sa = x->sa;

	if (row->from == MAIN_NONE) {
		if (bucket_take(&sa->ike->notes, sa->ike->now))
			exchange_fail(x);
		sa->dead = true;
		return;
	}
	if (!sa->refused_packet)
		trace_refusal(x);
	sa->refused_packet = true;
	free(x->refusal);
	x->refusal = NULL;
}

/* Packets 5 and 6 prove who sent them as was agreed in packets 1 and 2. */
static int check_payloads(const struct exchange *x, const struct row *row,
			  const struct payloads *ps, char *why)
{
	bool ir = row->prot == PROT_HASH_I || row->prot == PROT_HASH_R;

	if (!ir || !main_signed(x->sa))
		return payloads_check(ps, row->must, row->may, why);
	return payloads_check(ps, (row->must & ~P_HASH) | P_SIG, row->may | P_CERT, why);
}

/*
 * Does the message come from the peer? Before its signature has been judged the keys tell
 * only that it comes from who sent packet 1 or 2.
 */
static bool is_authentic(const struct exchange *x, const struct row *row)
{
	if (row->prot == PROT_NONE || x->refusal)
		return false;
	return row->exchange != XCHG_INFO || x->sa->established || !main_signed(x->sa);
}

/* Returns whether the message was taken: it was, too, if it was refused. */
static bool take(struct exchange *x, const struct row *row, const struct incoming *in,
		 const struct payloads *ps)
{
	struct ike *ike = in->ike;
	struct ike_sa *sa = x->sa;
	char why[WHY_MAX];
	int ret = -1;

	trace_message(x, TRACE_RECEIVED, row, ps, in->datagram.len);
	if (is_authentic(x, row)) {
		nat_follow(sa, in->path);
		if (row->exchange != XCHG_INFO)
			dpd_alive(sa);
	}
	if (check_payloads(x, row, ps, why))
		refuse(x, N_PAYLOAD_MALFORMED, "payloads", "%s: %s", row->name, why);
	else
		ret = row->in(x, ps);
	if (ret > 0)
		return false;
	if (ret) {
		if (row->prot == PROT_NONE)
			refuse_unprotected(x, row);
		else
			exchange_fail(x);
		return true;
	}
	if (is_zero(sa->cookies + 8))
		memcpy(sa->cookies + 8, in->h.cookie_r, 8);
	x->state = row->to;
	x->in_row = row;
	memcpy(x->in_hash, in->hash, sizeof(x->in_hash));
	x->answers = 0;
	x->resend_at = NEVER;
	x->dies_at = ike->now + HALF_OPEN_MS;
	buf_wipe(&x->out);
	if (row->done)
		exchange_done(x, row);
	exchange_run(x);
	return true;
}

/* Nothing has changed, and nothing will before the verdict on who signed this. */
static void hold(struct exchange *x, const struct incoming *in)
{
	x->main->held_path = *in->path;
	if (buf_set(&x->main->held, in->datagram.p, in->datagram.len))
		refuse(x, 0, "memory", "out of memory");
}

/* Row, protection, payloads: in this order. Returns whether the message was taken. */
static bool deliver(struct exchange *x, const struct incoming *in)
{
	const struct row *row =
		table_find(in->h.version & 0xf0, in->h.exchange, !x->initiator, x->state);
	bool encrypted = in->h.flags & FLAG_ENCRYPTED;
	const uint8_t *body = in->datagram.p + IKE_HEADER_LEN;
	size_t len = in->datagram.len - IKE_HEADER_LEN;
	uint8_t next_iv[BLOCK_MAX];
	struct buf plain = { 0 };
	struct payloads ps;
	char why[WHY_MAX];
	bool taken;
	int ret;

	if (!row || x->over || encrypted != (row->prot != PROT_NONE)) {
		stray(in, x->sa->peer,
		      !row || x->over ? "the exchange does not expect it"
		      : encrypted     ? "it is encrypted before there are keys"
				      : "it ought to be encrypted");
		return false;
	}
	if (encrypted)
		ret = v1_open(x, row, &in->h, in->datagram, &plain, &ps, next_iv, why);
	else
		ret = payloads_parse(&ps, in->h.next, body, len, why);
	if (encrypted)
		record_opened(in->ike, &in->h, &plain, ret);
	if (ret == OPEN_HELD)
		hold(x, in);
	else if (ret && encrypted)
		cannot_open(x, row, ret, why);
	else if (ret)
		stray(in, x->sa->peer, why);
	if (!ret && encrypted) {
		memcpy(x->iv, next_iv, sizeof(x->iv));
		x->have_iv = true;
	}
	taken = !ret && take(x, row, in, &ps);
	buf_wipe(&plain);
	return taken;
}

static int read_incoming(struct incoming *in, char *why)
{
	if (header_read(&in->h, in->datagram.p, in->datagram.len, why))
		return -1;
	snprintf(why, WHY_MAX, "it cannot be hashed");
	return hash_of(HASH_SHA256, &in->datagram, 1, in->hash);
}

/* The verdict is there: the message comes in once more, and is believed or refused. */
static void release(struct exchange *x)
{
	struct buf datagram = x->main->held;
	struct ike_path path = x->main->held_path;
	struct incoming in = { .ike = x->sa->ike, .path = &path };
	char why[WHY_MAX];

	x->main->held = (struct buf){ 0 };
	in.datagram = buf_chunk(&datagram);
	if (read_incoming(&in, why))
		exchange_run(x);
	else
		deliver(x, &in);
	buf_wipe(&datagram);
	/* The verdict is not for another message. */
	if (x->main)
		x->main->judged = false;
}

/* It may be IKEv2: worth a hint, if it comes from a peer that is to speak version 1. */
static void other_version(const struct incoming *in, const struct peer *peer)
{
	struct trace_event *e = trace_stray(
		in->ike, peer ? peer->cfg : NULL, in->path, in->datagram.len,
		"A datagram is ignored: it is of IKE version %u, and we speak version 1.",
		in->h.version >> 4);

	if (e)
		snprintf(e->code, sizeof(e->code), "other-version");
}

static void refuse_aggressive(struct incoming *in, struct peer *peer)
{
	struct trace_event *e =
		trace_stray(in->ike, peer->cfg, in->path, in->datagram.len,
			    "The peer begins Aggressive Mode, which shows a hash of the "
			    "pre-shared key to whoever asks: set the peer to Main Mode.");

	if (!e)
		return;
	e->kind = TRACE_REFUSED;
	e->phase = 1;
	snprintf(e->code, sizeof(e->code), "aggressive-mode");
}

static void first_packet(struct incoming *in, struct peer *peer)
{
	struct exchange *x;
	struct ike_sa *sa;

	if (in->h.exchange == XCHG_AGGRESSIVE)
		return refuse_aggressive(in, peer);
	if (in->h.exchange != XCHG_MAIN || in->h.message_id || is_zero(in->h.cookie_i))
		return stray(in, peer, "it is of no negotiation that we know");
	if (!half_open_room(peer))
		return stray(in, peer, "too many negotiations are half open");
	sa = sa_new(peer, false, in->path);
	if (!sa)
		return;
	sa->version = IKE_V1;
	memcpy(sa->cookies, in->h.cookie_i, 8);
	x = exchange_new(sa, XCHG_MAIN, false, 0);
	if (!x || !deliver(x, in))
		sa->dead = true;
}

/* A message with an ID of its own: once and never again (pitfall 1.8). */
static bool deliver_first(struct exchange *x, struct incoming *in)
{
	struct ike_sa *sa = x->sa;

	if (!message_id_use(sa, x->message_id)) {
		stray(in, sa->peer, "its message ID has been used before");
		return false;
	}
	if (deliver(x, in))
		return true;
	/* Not the peer's: the ID is still free. */
	sa->n_message_ids--;
	return false;
}

/* A Quick Mode that the peer begins. It exists once its first message is verified. */
static void new_quick(struct ike_sa *sa, struct incoming *in)
{
	struct exchange *x;

	if (!sa->established || !in->h.message_id)
		return stray(in, sa->peer, "phase 2 before phase 1 is complete");
	if (in->ike->now >= sa->hard_at)
		return stray(in, sa->peer, "its control tunnel's life is over");
	x = exchange_new(sa, XCHG_QUICK, false, in->h.message_id);
	if (!x)
		return stray(in, sa->peer, "too many exchanges are under way");
	if (!deliver_first(x, in))
		exchange_free(x);
}

static void informational(struct ike_sa *sa, struct incoming *in)
{
	struct exchange x = {
		.sa = sa,
		.type = XCHG_INFO,
		.state = INFO_NONE,
		.message_id = in->h.message_id,
	};
	struct exchange *main = find_exchange(
		sa, &(struct ike_header){ .exchange = XCHG_MAIN, .message_id = 0 });
	struct payloads ps;
	char why[WHY_MAX];

	if (!(in->h.flags & FLAG_ENCRYPTED)) {
		if (payloads_parse(&ps, in->h.next, in->datagram.p + IKE_HEADER_LEN,
				   in->datagram.len - IKE_HEADER_LEN, why))
			return stray(in, sa->peer, why);
		return info_unprotected(sa, &ps);
	}
	if (!sa->have_keys || !in->h.message_id)
		return stray(in, sa->peer, "an Informational before there are keys");
	/* Before packet 6 the chain has come to packet 5, for both sides. */
	if (!sa->established && main)
		memcpy(sa->last_iv, main->iv, BLOCK_MAX);
	deliver_first(&x, in);
	buf_wipe(&x.out);
	free(x.refusal);
}

static void dispatch(struct ike_sa *sa, struct incoming *in)
{
	struct exchange *x;

	if (!(in->h.flags & FLAG_ENCRYPTED) &&
	    !same_address(&sa->path.remote, &in->path->remote))
		return stray(in, sa->peer,
			     "nothing protects it, and it is not the peer's "
			     "address");
	/* The daemon may not have known which address of ours the peer sees. */
	if (!sa->path.local.family)
		sa->path.local = in->path->local;
	if (in->h.exchange == XCHG_INFO)
		return informational(sa, in);
	x = find_exchange(sa, &in->h);
	if (!x && in->h.exchange == XCHG_QUICK)
		return new_quick(sa, in);
	if (!x)
		return stray(in, sa->peer, "the exchange is not known");
	if (x->in_row && !memcmp(x->in_hash, in->hash, hash_len(HASH_SHA256))) {
		record_again(in->ike);
		return repeat(x, in->datagram.len);
	}
	if (is_zero(in->h.cookie_r))
		return stray(in, sa->peer, "another packet 1 of a negotiation under way");
	/* The peer repeats what it does not get an answer to in time. */
	if (!x->needs)
		deliver(x, in);
}

/* From a peer's address, or of a control tunnel that is there. */
static void known(struct incoming *in, struct ike_sa *sa, struct peer *peer)
{
	if (sa)
		dispatch(sa, in);
	else
		first_packet(in, peer);
	settle(in->ike);
}

void ike_input(struct ike *ike, uint64_t now, const struct ike_path *path,
	       const uint8_t *data, size_t len)
{
	struct incoming in = { .ike = ike, .path = path, .datagram = CHUNK(data, len) };
	struct ike_sa *sa;
	struct peer *peer;
	char why[WHY_MAX];

	ike->now = now;
	/* A keepalive that came to port 500 (RFC 3948 section 2.3). */
	if (len == 1 && data[0] == 0xff)
		return;
	if (read_incoming(&in, why))
		return stray(&in, NULL, why);
	sa = (in.h.version & 0xf0) == IKE_V1 ? find_sa(&in) : NULL;
	peer = sa ? sa->peer : peer_by_path(ike, path);
	if (peer)
		record_input(peer, path, in.datagram);
	/* Anybody can send these: they cost no look at all peers. */
	if ((in.h.version & 0xf0) != IKE_V1)
		other_version(&in, peer);
	else if (!sa && !is_zero(in.h.cookie_r))
		stray(&in, peer, "its control tunnel is not known");
	else if (!peer)
		stray(&in, NULL, "no peer is configured with these addresses");
	else
		return known(&in, sa, peer);
	if (peer)
		record_end(peer);
}

/* Without an answer the SA has gone, and no packet came in on it. */
static void count_answer(struct ike *ike, const struct need *need, const uint8_t *data,
			 size_t len)
{
	struct reader r = reader_of(data, data ? len : 0);
	uint64_t packets = (uint64_t)read_u32(&r) << 32;

	packets |= read_u32(&r);
	dpd_count(peer_by_cfg(ike, need->peer), need->spi, r.bad ? 0 : packets);
}

/* The exchange has gone meanwhile: what was reserved for it is freed. */
static void orphan_answer(struct ike *ike, const struct need *need, const uint8_t *data,
			  size_t len)
{
	if (!data)
		return;
	if (need->kind == NEED_INBOUND_SPI && len == 4)
		queue_sa_del(ike, need->peer, need->child, false, data);
	else if (need->kind == NEED_ADD_IN || need->kind == NEED_ADD_OUT)
		queue_sa_del(ike, need->peer, need->child, need->kind == NEED_ADD_OUT,
			     need->spi);
}

void ike_answer(struct ike *ike, uint64_t now, uint32_t id, const uint8_t *data,
		size_t len)
{
	struct need **at = &ike->needs;
	struct exchange *x;
	struct need *need;

	ike->now = now;
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	need = *at;
	if (!need)
		return;
	*at = need->next;
	x = need->x;
	record_answer(peer_by_cfg(ike, need->peer), need, CHUNK(data, len));
	if (need->kind == NEED_COUNT) {
		count_answer(ike, need, data, len);
	} else if (x) {
		x->needs--;
		if (x->type == XCHG_MAIN)
			main_answer(x, need->kind, CHUNK(data, len));
		else
			quick_answer(x, need->kind, CHUNK(data, len));
		if (need->kind == NEED_VERIFY)
			release(x);
		else
			exchange_run(x);
	} else {
		orphan_answer(ike, need, data, len);
	}
	free(need);
	settle(ike);
}
