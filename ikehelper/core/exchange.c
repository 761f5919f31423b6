// SPDX-License-Identifier: MIT
/* An exchange goes on: its next message is built and sent, or it ends. */
#include "sa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2 s, then 1.8 times longer each time, 10 % to either side. */
uint64_t resend_interval(struct ike *ike, unsigned int sent)
{
	uint64_t ms = SEND_FIRST_MS;
	uint8_t r;

	while (--sent)
		ms = ms * 9 / 5;
	random_octets(ike, &r, 1, false);
	return ms * 9 / 10 + ms / 5 * r / 255;
}

static void send_out(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	sa->peer->sent_at = sa->ike->now;
	queue_send(sa->ike, sa->peer->cfg, &sa->path, buf_chunk(&x->out));
}

void message_resend(struct exchange *x)
{
	trace_message(x, TRACE_RESENT, x->out_row, NULL, x->out.len);
	send_out(x);
}

static int build(struct exchange *x, const struct row *row, struct buf *plain)
{
	struct ike_sa *sa = x->sa;
	bool ir = row->prot == PROT_HASH_I || row->prot == PROT_HASH_R;
	size_t next = 16; /* of the first payload's type in the header */
	struct ike_header h = {
		.version = row->version,
		.exchange = row->exchange,
		.flags = row->prot == PROT_NONE ? 0 : FLAG_ENCRYPTED,
		.message_id = x->message_id,
	};

	memcpy(h.cookie_i, sa->cookies, 8);
	memcpy(h.cookie_r, sa->cookies + 8, 8);
	buf_wipe(&x->out);
	header_write(&x->out, &h);
	if (row->prot != PROT_NONE && !ir) {
		size_t at = payload_begin(&x->out, &next, PL_HASH);

		put_zeros(&x->out, sa->keys.len);
		payload_end(&x->out, at);
	}
	if (row->out(x, &x->out, &next))
		return -1;
	buf_set(plain, x->out.data, x->out.len);
	if (row->prot != PROT_NONE)
		return v1_seal(x, row, &x->out);
	patch_u32(&x->out, 24, x->out.len);
	return x->out.bad ? -1 : 0;
}

int message_send(struct exchange *x, const struct row *row)
{
	struct ike *ike = x->sa->ike;
	struct buf plain = { 0 };
	struct payloads ps;
	char why[PAYLOAD_WHY];

	if (build(x, row, &plain)) {
		buf_wipe(&plain);
		buf_wipe(&x->out);
		return refuse(x, 0, "internal", "%s cannot be built", row->name);
	}
	payloads_parse(&ps, plain.data[16], plain.data + IKE_HEADER_LEN,
		       plain.len - IKE_HEADER_LEN, why);
	trace_message(x, TRACE_SENT, row, &ps, x->out.len);
	buf_wipe(&plain);
	send_out(x);
	x->state = row->to;
	x->out_row = row;
	x->sent = 1;
	x->answers = 0;
	x->resend_at = NEVER;
	x->dies_at = ike->now + HALF_OPEN_MS;
	if (row->timer == TIMER_RETRANSMIT) {
		x->resend_at = ike->now + resend_interval(ike, 1);
		x->dies_at = NEVER;
	}
	return 0;
}

void exchange_done(struct exchange *x, const struct row *row)
{
	x->over = true;
	x->resend_at = NEVER;
	x->dies_at = x->sa->ike->now + LINGER_MS;
	row->done(x);
}

void exchange_run(struct exchange *x)
{
	const struct row *row =
		table_find(x->sa->version, x->type, x->initiator, x->state);

	if (x->needs || x->over)
		return;
	if (x->refusal || (row && row->prepare && row->prepare(x))) {
		exchange_fail(x);
		return;
	}
	if (x->needs || !row)
		return;
	/* What was asked for may have failed at once. */
	if (x->refusal || message_send(x, row))
		exchange_fail(x);
	else if (row->done)
		exchange_done(x, row);
}

/* Does the peer believe in a pair of tunnels that is not to be? */
static bool half_made(const struct exchange *x)
{
	if (x->refusal && x->refusal->by_peer)
		return false;
	return x->quick->have_spi && x->state >= (x->initiator ? QUICK_1 : QUICK_2);
}

/*
 * Packet 5 or 6 was right but for what it says: its sender holds the key, and is told so
 * that it can believe it. As initiator we take back the control tunnel that the responder
 * already has.
 */
static void refuse_in_secret(struct exchange *x, uint16_t notify)
{
	struct ike_sa *sa = x->sa;

	memcpy(sa->last_iv, x->iv, BLOCK_MAX);
	sa->established = true;
	info_notify(sa, notify, NULL);
	if (x->initiator)
		info_delete_ike(sa);
}

static void stop(struct exchange *x)
{
	x->over = true;
	x->resend_at = NEVER;
	x->dies_at = x->sa->ike->now + LINGER_MS;
	needs_forget(x);
}

static void main_fail(struct exchange *x, uint16_t notify)
{
	struct ike_sa *sa = x->sa;

	if (notify && x->state >= MAIN_4)
		refuse_in_secret(x, notify);
	else if (notify)
		info_notify_clear(sa->ike, sa->peer->cfg, &sa->path, sa->cookies, notify);
	sa->dead = true;
	if (sa->initiator)
		peer_failed(sa->peer);
}

void exchange_fail(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	uint16_t notify = x->refusal ? x->refusal->notify : 0;

	if (x->over || sa->dead)
		return;
	trace_refusal(x);
	stop(x);
	if (x->type == XCHG_MAIN)
		main_fail(x, notify);
	if (x->type != XCHG_QUICK)
		return;
	/* Before packet 7 is sent the peer knows of nothing. */
	if (notify && !(x->initiator && x->state == QUICK_NONE))
		info_notify(sa, notify,
			    x->initiator ? x->quick->spi : x->quick->choice.spi);
	if (half_made(x))
		info_delete_esp(sa, x->quick->spi);
	if (x->initiator)
		child_failed(sa->peer, x->quick->child);
	quick_free(x);
}

void exchange_yield(struct exchange *x)
{
	stop(x);
	if (half_made(x))
		info_delete_esp(x->sa, x->quick->spi);
	quick_free(x);
}
