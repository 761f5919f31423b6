// SPDX-License-Identifier: MIT
/* Quick Mode's IDs: selectors on the wire, and the child that they mean. */
#include "sa.h"

#include <stdio.h>
#include <string.h>

#define WHY_MAX PAYLOAD_WHY

/* A selector as an ID body (RFC 2407 section 4.6.2): one address, or a subnet. */
void id_write(const struct ike_subnet *s, struct buf *b)
{
	size_t len = s->family == 6 ? 16 : 4;
	bool one = s->bits == len * 8;

	put_u8(b, s->family == 6 ? (one ? ID_IPV6_ADDR : ID_IPV6_ADDR_SUBNET)
				 : (one ? ID_IPV4_ADDR : ID_IPV4_ADDR_SUBNET));
	put_u8(b, s->proto);
	put_u16(b, s->port);
	put_octets(b, s->ip, len);
	for (size_t i = 0; !one && i < len; i++) {
		int bits = (int)s->bits - (int)i * 8;

		put_u8(b, bits >= 8 ? 0xff : bits > 0 ? 0xff00 >> bits : 0);
	}
}

static bool bit_at(const uint8_t *ip, size_t i)
{
	return ip[i / 8] & 0x80 >> i % 8;
}

/*
 * The same backwards; false for what we do not negotiate: names, odd masks, ranges that
 * are no subnet.
 */
static bool id_subnet(const struct id_body *id, struct ike_subnet *s)
{
	struct id_kind k = id_kind(id);
	const uint8_t *ip = id->data.p, *second = ip + k.len;

	*s = (struct ike_subnet){
		.family = k.len == 16 ? 6 : 4,
		.bits = k.of == ID_ONE ? k.len * 8 : 0,
		.proto = id->proto,
		.port = id->port,
	};
	if (k.of == ID_OTHER)
		return false;
	memcpy(s->ip, ip, k.len);
	for (size_t i = 0; k.of != ID_ONE && i < k.len * 8; i++) {
		/* Part of the prefix: a set bit of the mask, the same in both ends. */
		bool fixed = bit_at(second, i);

		if (k.of == ID_RANGE)
			fixed = s->bits == i && bit_at(ip, i) == bit_at(second, i);
		if (fixed && s->bits != i)
			return false;
		if (fixed)
			s->bits++;
		else if (bit_at(ip, i) || (k.of == ID_RANGE && !bit_at(second, i)))
			return false;
	}
	return true;
}

void quick_show(struct exchange *x, bool selectors)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;
	struct refusal *r = x->refusal;
	size_t n = selectors ? cfg->n_child : cfg->n_esp;
	size_t at = r ? strlen(r->ours) : 0;

	for (size_t i = 0; r && i < n && at < sizeof(r->ours); i++) {
		char text[2 * WORDS_SUBNET + 16], local[WORDS_SUBNET],
			remote[WORDS_SUBNET];

		if (selectors) {
			words_subnet(&cfg->child[i].local, local, sizeof(local));
			words_subnet(&cfg->child[i].remote, remote, sizeof(remote));
			snprintf(text, sizeof(text), "ours %s, theirs %s", local, remote);
		} else {
			esp_proposal_text(&cfg->esp[i], text);
		}
		at += snprintf(r->ours + at, sizeof(r->ours) - at, "%s%s", at ? "\n" : "",
			       text);
	}
}

/* Both sides of it: our children, and what the peer asked for. */
int quick_refuse_selectors(struct exchange *x, const char *theirs, const char *why)
{
	refuse(x, N_INVALID_ID_INFORMATION, "selectors", "%s", why);
	quick_show(x, true);
	if (x->refusal)
		snprintf(x->refusal->theirs, sizeof(x->refusal->theirs), "%s", theirs);
	return -1;
}

static bool subnet_same(const struct ike_subnet *a, const struct ike_subnet *b)
{
	return a->family == b->family && a->bits == b->bits && a->proto == b->proto &&
	       a->port == b->port && !memcmp(a->ip, b->ip, a->family == 6 ? 16 : 4);
}

static bool is_any(const struct ike_subnet *s)
{
	return !s->bits && !s->proto && !s->port;
}

bool child_is_any(const struct ike_child_cfg *child)
{
	return is_any(&child->local) && is_any(&child->remote);
}

static void host_subnet(const struct ike_addr *a, struct ike_subnet *s)
{
	*s = (struct ike_subnet){ .family = a->family };
	s->bits = a->family == 6 ? 128 : 32;
	memcpy(s->ip, a->ip, a->family == 6 ? 16 : 4);
}

static bool any_child(struct exchange *x, uint8_t family)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;

	for (size_t i = 0; i < cfg->n_child; i++)
		if (child_is_any(&cfg->child[i]) &&
		    cfg->child[i].local.family == family) {
			x->quick->child = i;
			return true;
		}
	return false;
}

/* The child with these selectors; one from any to any takes whatever the peer wants. */
static bool child_for(struct exchange *x, const struct ike_subnet *local,
		      const struct ike_subnet *remote, bool absent)
{
	const struct ike_peer *cfg = x->sa->peer->cfg;

	for (size_t i = 0; i < cfg->n_child; i++) {
		if (subnet_same(&cfg->child[i].local, local) &&
		    subnet_same(&cfg->child[i].remote, remote)) {
			x->quick->child = i;
			return true;
		}
	}
	/* A router that names none most often speaks of IPv4, over whatever. */
	if (absent)
		return any_child(x, 4) || any_child(x, 6);
	return local->family == remote->family && any_child(x, local->family);
}

/*
 * Packet 7's IDs choose the child. Absent ones mean the two addresses (RFC 2409 section
 * 5.5), and with many routers "whatever is routed here" (pitfall 1.15).
 */
int quick_take_ids(struct exchange *x, const struct payloads *ps)
{
	const struct payload *pi = payload_get(ps, PL_ID, 0);
	const struct payload *pr = payload_get(ps, PL_ID, 1);
	struct quick_mode *q = x->quick;
	struct ike_subnet local, remote;
	struct id_body i, r;
	char theirs[TRACE_SIDE], wi[128], wr[128];
	char why[WHY_MAX];

	if (!pi) {
		host_subnet(&x->sa->path.local, &local);
		host_subnet(&x->sa->path.remote, &remote);
		if (child_for(x, &local, &remote, true))
			return 0;
		return quick_refuse_selectors(
			x, "no IDs: only the two gateways' addresses",
			"the peer's selectors are not those of a tunnel");
	}
	if (!pr)
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed",
			      "one ID payload alone");
	if (id_parse(&i, pi, why) || id_parse(&r, pr, why))
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed", "%s", why);
	words_id(&i, wi, sizeof(wi));
	words_id(&r, wr, sizeof(wr));
	snprintf(theirs, sizeof(theirs), "ours %s, theirs %s", wr, wi);
	if (!id_subnet(&r, &local) || !id_subnet(&i, &remote))
		return quick_refuse_selectors(
			x, theirs,
			"the peer's selectors are neither an address nor a "
			"subnet");
	if (!child_for(x, &local, &remote, false))
		return quick_refuse_selectors(
			x, theirs, "the peer's selectors are not those of a tunnel");
	if (buf_set(&q->id_i, pi->body, pi->len) || buf_set(&q->id_r, pr->body, pr->len))
		return refuse(x, 0, "memory", "out of memory");
	return 0;
}

/* The selectors that were agreed: the IDs, or what our configuration says. */
void quick_selectors(const struct exchange *x, struct ike_subnet *local,
		     struct ike_subnet *remote)
{
	const struct quick_mode *q = x->quick;
	const struct buf *ours = x->initiator ? &q->id_i : &q->id_r;
	const struct buf *theirs = x->initiator ? &q->id_r : &q->id_i;
	struct payload pl = { .body = ours->data, .len = ours->len };
	struct payload pr = { .body = theirs->data, .len = theirs->len };
	struct id_body l, r;
	char why[WHY_MAX];

	if (!ours->len || id_parse(&l, &pl, why) || id_parse(&r, &pr, why) ||
	    !id_subnet(&l, local) || !id_subnet(&r, remote)) {
		*local = x->sa->peer->cfg->child[q->child].local;
		*remote = x->sa->peer->cfg->child[q->child].remote;
	}
}
