// SPDX-License-Identifier: MIT
/* What happened, as events: messages in words, keys, tunnels, refusals. */
#include "trace.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dn.h"
#include "sa.h"

#define WHY_MAX 160

static const char *const kinds[] = {
	[TRACE_SENT] = "sent",	     [TRACE_RECEIVED] = "received",
	[TRACE_RESENT] = "resent",   [TRACE_DUPLICATE] = "duplicate",
	[TRACE_KEYS] = "keys",	     [TRACE_UP] = "up",
	[TRACE_DOWN] = "down",	     [TRACE_FIRST_ESP] = "first-esp",
	[TRACE_REFUSED] = "refused", [TRACE_NOTE] = "note",
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Text that is appended to while there is room; it is always terminated. */
struct words {
	char *out;
	size_t size, len;
};

static void say(struct words *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct words *w, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(w->out + w->len, w->size - w->len, fmt, args);
	va_end(args);
	if (n > 0)
		w->len = (size_t)n < w->size - w->len ? w->len + n : w->size - 1;
}

const char *trace_kind_name(enum trace_kind kind)
{
	return kind < N_KINDS ? kinds[kind] : "unknown";
}

int trace_kind_parse(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (!strcmp(kinds[i], name))
			return i;
	return -1;
}

void words_addr(const struct ike_addr *a, bool port, char *out, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "any";

	if (a->family)
		inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, ip, sizeof(ip));
	if (port)
		snprintf(out, size, a->family == 6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	else
		snprintf(out, size, "%s", ip);
}

static void say_proto_port(struct words *w, uint8_t proto, uint16_t port)
{
	if (proto)
		say(w, " protocol %u", proto);
	if (port)
		say(w, " port %u", port);
}

void words_subnet(const struct ike_subnet *s, char *out, size_t size)
{
	struct ike_addr a = { .family = s->family };
	struct words w = { .out = out, .size = size };
	char ip[INET6_ADDRSTRLEN + 8];

	memcpy(a.ip, s->ip, sizeof(a.ip));
	words_addr(&a, false, ip, sizeof(ip));
	say(&w, "%s/%u", ip, s->bits);
	say_proto_port(&w, s->proto, s->port);
}

/* Octets that the peer chose: only what is safe to print, as it is. */
static void say_octets(struct words *w, struct chunk c)
{
	for (size_t i = 0; i < c.len; i++)
		say(w, "%c", c.p[i] > ' ' && c.p[i] < 0x7f ? c.p[i] : '?');
}

static void say_ip(struct words *w, bool v6, const uint8_t *p)
{
	char ip[INET6_ADDRSTRLEN];

	say(w, "%s", inet_ntop(v6 ? AF_INET6 : AF_INET, p, ip, sizeof(ip)));
}

static unsigned int mask_bits(const uint8_t *p, size_t len)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < len; i++)
		bits += __builtin_popcount(p[i]);
	return bits;
}

void words_id(const struct id_body *id, char *out, size_t size)
{
	struct words w = { .out = out, .size = size };
	struct id_kind k = id_kind(id);

	out[0] = 0;
	if (k.of != ID_OTHER) {
		say_ip(&w, k.len == 16, id->data.p);
		if (k.of == ID_MASK)
			say(&w, "/%u", mask_bits(id->data.p + k.len, k.len));
		if (k.of == ID_RANGE)
			say(&w, "-");
		if (k.of == ID_RANGE)
			say_ip(&w, k.len == 16, id->data.p + k.len);
	} else if (id->type == ID_FQDN || id->type == ID_USER_FQDN ||
		   id->type == ID_KEY_ID) {
		say_octets(&w, id->data);
	} else if (id->type == ID_DER_ASN1_DN) {
		dn_text(id->data, out, size);
		w.len = strlen(out);
	} else {
		say(&w, "ID of type %u, %zu octets", id->type, id->data.len);
	}
	say_proto_port(&w, id->proto, id->port);
}

void words_notify(uint16_t type, char *out, size_t size)
{
	const char *name = notify_name(type);

	if (name)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "notify %u", type);
}

static void say_lines(struct words *w, char *lines)
{
	for (char *p = lines; *p; p++) {
		if (*p == '\n')
			say(w, ", ");
		else
			say(w, "%c", *p);
	}
}

static void say_sa(struct words *w, struct chunk body, bool phase1)
{
	char lines[TRACE_SIDE];

	(phase1 ? ike_sa_text : esp_sa_text)(body, lines, sizeof(lines));
	say(w, "SA: ");
	say_lines(w, lines);
}

/* The length of a public value tells the group: no two are alike. */
static void say_ke(struct words *w, size_t len)
{
	static const enum ike_group groups[] = { GROUP_MODP1024, GROUP_MODP1536,
						 GROUP_MODP2048, GROUP_MODP3072,
						 GROUP_MODP4096, GROUP_ECP256,
						 GROUP_ECP384,	 GROUP_X25519 };

	say(w, "KE: ");
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (dh_public_len(groups[i]) == len)
			say(w, "%s, ", ike_group_text(groups[i]));
	say(w, "%zu octets", len);
}

static void say_id(struct words *w, const struct payloads *ps, const struct payload *p,
		   bool phase1)
{
	const struct payload *second = payload_get(ps, PL_ID, 1);
	char text[128], text2[128];
	char why[WHY_MAX];
	struct id_body a, b;

	if (id_parse(&a, p, why))
		return say(w, "ID: malformed");
	words_id(&a, text, sizeof(text));
	if (phase1 || !second || id_parse(&b, second, why))
		return say(w, "ID: %s", text);
	words_id(&b, text2, sizeof(text2));
	say(w, "IDs: %s -> %s", text, text2);
}

static void say_notify(struct words *w, const struct payload *p)
{
	struct notify_body n;
	struct esp_life life;
	char why[WHY_MAX], name[48];

	if (notify_parse(&n, p, why))
		return say(w, "notify: malformed");
	words_notify(n.type, name, sizeof(name));
	say(w, "notify: %s", name);
	if (n.type != N_RESPONDER_LIFETIME)
		return;
	if (n.proto == PROTO_ISAKMP)
		return say(w, " %llu s", (unsigned long long)ike_life_read(n.data));
	life = esp_life_read(n.data);
	say(w, " %llu s", (unsigned long long)life.seconds);
	if (life.kbytes)
		say(w, ", %llu kB", (unsigned long long)life.kbytes);
}

static void say_delete(struct words *w, const struct payload *p)
{
	struct delete_body d;
	char why[WHY_MAX];

	if (delete_parse(&d, p, why))
		return say(w, "delete: malformed");
	if (d.proto == PROTO_ISAKMP)
		return say(w, "delete: control tunnel");
	say(w, "delete: ESP SPI");
	for (uint16_t i = 0; i < d.count && i < 8 && d.spi_size == 4; i++)
		say(w, " %02x%02x%02x%02x", d.spis[4 * i], d.spis[4 * i + 1],
		    d.spis[4 * i + 2], d.spis[4 * i + 3]);
}

static const char *hash_text(const struct row *row)
{
	switch (row->prot) {
	case PROT_HASH_I:
		return "HASH_I";
	case PROT_HASH_R:
		return "HASH_R";
	case PROT_HASH_2:
		return "HASH(2)";
	case PROT_HASH_3:
		return "HASH(3)";
	default:
		return "HASH(1)";
	}
}

static void say_payload(struct words *w, const struct row *row, const struct payloads *ps,
			const struct payload *p)
{
	bool phase1 = row->exchange == XCHG_MAIN;

	switch (p->type) {
	case PL_SA:
		return say_sa(w, CHUNK(p->body, p->len), phase1);
	case PL_KE:
		return say_ke(w, p->len);
	case PL_NONCE:
		return say(w, "nonce: %zu octets", p->len);
	case PL_HASH:
		return say(w, "%s", hash_text(row));
	case PL_ID:
		return say_id(w, ps, p, phase1);
	case PL_NOTIFY:
		return say_notify(w, p);
	case PL_DELETE:
		return say_delete(w, p);
	case PL_VENDOR:
		return say(w, "vendor: %s", vendor_name(vendor_of(p)));
	case PL_NATD:
	case PL_NATD_DRAFT:
		return say(w, "NAT-D: hash of the %s's address",
			   p == payload_get(ps, p->type, 0) ? "receiver" : "sender");
	default:
		return say(w, "%s", payload_name(p->type));
	}
}

static void say_payloads(struct words *w, const struct row *row,
			 const struct payloads *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct payload *p = &ps->p[i];

		/* The second ID of Quick Mode has been said with the first. */
		if (row->exchange == XCHG_QUICK && p == payload_get(ps, PL_ID, 1))
			continue;
		if (w->len)
			say(w, "; ");
		say_payload(w, row, ps, p);
	}
}

static void fill_path(struct trace_event *e, const struct ike_path *path)
{
	words_addr(&path->local, true, e->local, sizeof(e->local));
	words_addr(&path->remote, true, e->remote, sizeof(e->remote));
}

struct trace_event *trace_sa(struct ike_sa *sa, enum trace_kind kind, uint8_t phase)
{
	struct trace_event *e = queue_trace(sa->ike, sa->peer->cfg);

	e->kind = kind;
	e->phase = phase;
	e->negotiation = sa->negotiation;
	e->initiator = sa->initiator;
	memcpy(e->cookie_i, sa->cookies, sizeof(e->cookie_i));
	snprintf(e->peer, sizeof(e->peer), "%s", sa->peer->cfg->name);
	fill_path(e, &sa->path);
	return e;
}

struct trace_event *trace_pair(struct peer *peer, enum trace_kind kind,
			       const struct pair *pair)
{
	struct trace_event *e = queue_trace(peer->ike, peer->cfg);

	e->kind = kind;
	e->negotiation = pair->negotiation;
	e->initiator = pair->initiator;
	snprintf(e->peer, sizeof(e->peer), "%s", peer->cfg->name);
	fill_path(e, &pair->path);
	return e;
}

static uint8_t phase_of(uint8_t exchange)
{
	return exchange == XCHG_MAIN ? 1 : exchange == XCHG_QUICK ? 2 : 0;
}

/* A question whether the peer is alive, or its answer, and nothing else. */
static bool is_dpd(const struct payloads *ps)
{
	const struct payload *p = payload_get(ps, PL_NOTIFY, 0);
	struct notify_body n;
	char why[WHY_MAX];

	return p && ps->seen == (P_HASH | P_NOTIFY) && !payload_get(ps, PL_NOTIFY, 1) &&
	       !notify_parse(&n, p, why) &&
	       (n.type == N_R_U_THERE || n.type == N_R_U_THERE_ACK);
}

/* The tunnels that the exchange makes are there already. */
static bool renews(const struct exchange *x)
{
	const struct peer *peer = x->sa->peer;

	if (x->type == XCHG_MAIN)
		return sa_current(peer);
	if (x->type != XCHG_QUICK)
		return false;
	for (size_t i = 0; i < peer->cfg->n_child; i++)
		if (!peer->child[i].pairs)
			return false;
	return true;
}

void trace_message(struct exchange *x, enum trace_kind kind, const struct row *row,
		   const struct payloads *ps, size_t size)
{
	struct trace_event *e = trace_sa(x->sa, kind, phase_of(row->exchange));
	struct words w = { .out = e->words, .size = sizeof(e->words) };

	e->number = row->number;
	e->routine = ps && is_dpd(ps);
	e->initiator = x->initiator;
	e->renewal = renews(x);
	e->size = size;
	e->message_id = x->message_id;
	snprintf(e->name, sizeof(e->name), "%s", row->name);
	snprintf(e->ref, sizeof(e->ref), "%s", row->ref);
	if (kind == TRACE_SENT || kind == TRACE_RECEIVED)
		snprintf(e->text, sizeof(e->text), "%s",
			 row->say_signed && main_signed(x->sa) ? row->say_signed
							       : row->say);
	else if (kind == TRACE_RESENT)
		snprintf(e->text, sizeof(e->text), "Sent again, as it was.");
	else
		snprintf(e->text, sizeof(e->text), "The peer repeats itself.");
	if (ps)
		say_payloads(&w, row, ps);
}

void trace_refusal(struct exchange *x)
{
	const struct refusal *r = x->refusal;
	struct trace_event *e = trace_sa(x->sa, TRACE_REFUSED, phase_of(x->type));

	e->initiator = x->initiator;
	e->message_id = x->message_id;
	snprintf(e->name, sizeof(e->name), "%s",
		 x->type == XCHG_MAIN ? "Main Mode" : "Quick Mode");
	if (!r) {
		snprintf(e->code, sizeof(e->code), "memory");
		snprintf(e->text, sizeof(e->text), "out of memory");
		return;
	}
	snprintf(e->code, sizeof(e->code), "%s", r->code);
	snprintf(e->text, sizeof(e->text), "%s", r->text);
	snprintf(e->ours, sizeof(e->ours), "%s", r->ours);
	snprintf(e->theirs, sizeof(e->theirs), "%s", r->theirs);
}

struct trace_event *trace_note(struct ike_sa *sa, const char *fmt, ...)
{
	struct trace_event *e;
	va_list args;

	/* Anybody can cause most notes: a flood of them is of no use. */
	if (!bucket_take(&sa->ike->notes, sa->ike->now))
		return NULL;
	e = trace_sa(sa, TRACE_NOTE, 0);
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	return e;
}

void trace_down(struct ike_sa *sa, const char *fmt, ...)
{
	struct trace_event *e = trace_sa(sa, TRACE_DOWN, 1);
	va_list args;

	snprintf(e->name, sizeof(e->name), "control tunnel");
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
}

struct trace_event *trace_stray(struct ike *ike, const struct ike_peer *peer,
				const struct ike_path *path, size_t size, const char *fmt,
				...)
{
	struct trace_event *e;
	va_list args;

	if (!bucket_take(&ike->notes, ike->now))
		return NULL;
	e = queue_trace(ike, peer);
	e->kind = TRACE_NOTE;
	e->size = size;
	snprintf(e->peer, sizeof(e->peer), "%s", peer ? peer->name : "");
	fill_path(e, path);
	va_start(args, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	return e;
}
