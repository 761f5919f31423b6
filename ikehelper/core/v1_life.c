// SPDX-License-Identifier: MIT
/*
 * How long tunnels live: the control tunnel in seconds, the ESP tunnels of a phase 2 in
 * seconds, octets and packets.
 */
#include "sa.h"

#include <string.h>

#define KILOBYTE 1000 /* 1024 to some: the smaller one ends nothing too late */

void control_set_life(struct ike_sa *sa, uint64_t seconds)
{
	sa->hard_at = sa->since + seconds * 1000;
	sa->renew_at = sa->since + renew_seconds(sa->ike, seconds, sa->initiator) * 1000;
}

static uint64_t control_life(const struct ike_sa *sa)
{
	return (sa->hard_at - sa->since) / 1000;
}

void control_tell_life(struct ike_sa *sa)
{
	struct buf b = { 0 };

	ike_life_write(&b, control_life(sa));
	if (!b.bad)
		info_send(sa, &(struct info){ .payload = PL_NOTIFY,
					      .proto = PROTO_ISAKMP,
					      .type = N_RESPONDER_LIFETIME,
					      .spi = CHUNK(sa->cookies, COOKIES_LEN),
					      .data = buf_chunk(&b) });
	buf_wipe(&b);
}

void control_told_life(struct ike_sa *sa, const struct notify_body *n)
{
	uint64_t ours = control_life(sa), life;

	if (!sa->initiator || n->proto != PROTO_ISAKMP ||
	    (n->spi.len && (n->spi.len != COOKIES_LEN ||
			    memcmp(n->spi.p, sa->cookies, COOKIES_LEN) != 0)))
		return;
	life = shorter_life(ours, ike_life_read(n->data));
	if (life == ours)
		return;
	control_set_life(sa, life);
	trace_note(sa, "The peer keeps this control tunnel for %llu s alone: so do we.",
		   (unsigned long long)life);
}

struct esp_life quick_our_life(const struct exchange *x)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;

	return (struct esp_life){ cfg->esp_seconds, cfg->esp_bytes / KILOBYTE };
}

void quick_take_life(struct exchange *x, struct esp_life theirs)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;
	struct quick_mode *q = x->quick;

	q->seconds = shorter_life(cfg->esp_seconds, theirs.seconds);
	q->bytes = cfg->esp_bytes;
	if (theirs.kbytes && theirs.kbytes < LIFE_KB_MIN)
		theirs.kbytes = LIFE_KB_MIN;
	if (theirs.kbytes > LIFE_KB_MAX)
		theirs.kbytes = LIFE_KB_MAX;
	if (theirs.kbytes && (!q->bytes || theirs.kbytes * KILOBYTE < q->bytes))
		q->bytes = theirs.kbytes * KILOBYTE;
	q->tell_lifetime = theirs.seconds > q->seconds ||
			   (q->bytes && theirs.kbytes != q->bytes / KILOBYTE);
}

struct esp_life quick_told_life(const struct payloads *ps)
{
	const struct payload *p;
	struct notify_body n;
	char why[PAYLOAD_WHY];

	for (size_t i = 0; (p = payload_get(ps, PL_NOTIFY, i)); i++)
		if (!notify_parse(&n, p, why) && n.type == N_RESPONDER_LIFETIME &&
		    n.proto == PROTO_ESP)
			return esp_life_read(n.data);
	return (struct esp_life){ 0 };
}

void quick_put_life(struct exchange *x, struct buf *b, size_t *next)
{
	size_t at = payload_begin(b, next, PL_NOTIFY);

	put_u32(b, 1); /* IPsec DOI */
	put_u8(b, PROTO_ESP);
	put_u8(b, 4);
	put_u16(b, N_RESPONDER_LIFETIME);
	put_octets(b, x->quick->spi, 4);
	esp_life_write(
		b, &(struct esp_life){ x->quick->seconds, x->quick->bytes / KILOBYTE });
	payload_end(b, at);
}

void quick_set_limits(struct exchange *x, struct ike_action *add)
{
	const struct quick_mode *q = x->quick;
	uint64_t soft = renew_seconds(x->sa->ike, q->seconds, x->initiator);
	uint64_t packets = x->sa->peer->cfg->esp_packets;

	/* A sequence number never comes twice (RFC 4303 section 3.3.3). */
	if (!q->choice.suite.esn && (!packets || packets > UINT32_MAX))
		packets = UINT32_MAX;
	add->sa_add.soft_seconds = soft;
	add->sa_add.hard_seconds = q->seconds;
	add->sa_add.soft_bytes = q->bytes / 1000 * (soft * 1000 / q->seconds);
	add->sa_add.soft_packets = packets / 1000 * (soft * 1000 / q->seconds);
	if (!add->sa_add.out)
		return;
	add->sa_add.hard_bytes = q->bytes;
	add->sa_add.hard_packets = packets;
}
