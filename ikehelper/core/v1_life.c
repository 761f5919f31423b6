// SPDX-License-Identifier: MIT
/* How long the ESP tunnels of a phase 2 live: in seconds, octets and packets. */
#include "sa.h"

#define KILOBYTE 1000 /* 1024 to some: the smaller one ends nothing too late */

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
