// SPDX-License-Identifier: MIT
/*
 * Two cores that talk to each other, and a program in the input that disturbs them:
 * anything lost, repeated, changed, forged with and without the keys, and late.
 *
 * Diffie-Hellman is a mock, so that thousands of negotiations fit into a second. The
 * harness answers every need itself and so learns SKEYID and g^xy: it can play the peer
 * that knows the pre-shared key and sends nonsense under good encryption and a good HASH.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "insider.h"
#include "payload.h"

#define SIDES	  2
#define QUEUE	  16
#define NEEDS	  32
#define SAS	  64
#define SENDS_MAX 4 /* in answer to one datagram: one for each child at most */

struct need {
	uint32_t id;
	enum ike_action_type type;
	bool ok, out;
	uint8_t spi[4];
	size_t len;
	uint8_t data[512];
};

/* An SA or a reserved SPI that the core has put into its module. */
struct module_sa {
	bool out;
	uint8_t spi[4];
};

struct side {
	struct ike *ike;
	struct ike_peer peer;
	struct ike_child_cfg child[2];
	struct ike_addr home;
	struct datagram queue[QUEUE]; /* to this side, oldest first */
	size_t n_queue;
	struct need need[NEEDS];
	size_t n_need;
	struct module_sa sa[SAS];
	size_t n_sa;
	uint32_t random, next_spi;
	/* What is recorded runs through another core at once, which has to come to the same. */
	struct ike_replay *replay;
	uint64_t events, replayed; /* a sum over each */
};

struct world {
	struct side side[SIDES];
	struct tunnel tunnel;
	uint64_t now;
	size_t sends;
};

static const char psk[] = "a pre-shared key that both sides have";

/* The first octet of the input: how both sides are configured. */
enum {
	HOW_SECOND_SUITE = 1,
	HOW_PFS = 2,
	HOW_START = 4,
	/* of side 1, of both families, which then takes what side 0 asks for */
	HOW_ANY_SELECTORS = 8,
	HOW_ANY_LOCAL = 16,  /* side 0 does not say which address it has */
	HOW_SHORT_LIFE = 32, /* of side 1's ESP tunnels, which go in UDP then */
	HOW_LEAVE = 64,	     /* recorded and replayed; at the end freed as they are */
	/* with signatures and certificates, not a pre-shared key, and over IPv6 */
	HOW_SIGN = 128,
};

/* The input, read to its end; zeros after it. */
struct program {
	const uint8_t *data;
	size_t len;
};

static uint8_t take8(struct program *p)
{
	if (!p->len)
		return 0;
	p->len--;
	return *p->data++;
}

static uint16_t take16(struct program *p)
{
	uint8_t hi = take8(p);

	return hi << 8 | take8(p);
}

static size_t take(struct program *p, const uint8_t **out, size_t want)
{
	size_t n = want < p->len ? want : p->len;

	*out = p->data;
	p->data += n;
	p->len -= n;
	return n;
}

static void fake_random(void *ctx, uint8_t *out, size_t len)
{
	struct side *side = ctx;

	while (len--) {
		side->random = side->random * 1664525 + 1013904223;
		*out++ = side->random >> 24;
	}
}

static void sum_up(uint64_t *sum, const struct trace_event *e)
{
	const char *texts[] = { e->name,  e->words, e->text,  e->code,
				e->local, e->ours,  e->theirs };

	/* A stranger's datagram is in nobody's recording. */
	if (!*e->peer)
		return;
	*sum = (*sum ^ e->ms ^ e->kind ^ e->size) * 0x100000001b3;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (const char *p = texts[i]; *p; p++)
			*sum = (*sum ^ *p) * 0x100000001b3;
}

static void on_replayed(void *ctx, const struct trace_event *e)
{
	sum_up(&((struct side *)ctx)->replayed, e);
}

static bool on_record(void *ctx, const struct ike_peer *peer, const char *line,
		      bool beginning)
{
	struct side *side = ctx;
	char why[IKE_REPLAY_WHY];

	(void)peer;
	(void)beginning;
	CHECK(ike_replay_line(side->replay, line, why) == 0);
	return false;
}

/* Commutes as Diffie-Hellman does, and hides nothing. */
static size_t mock_dh(const struct ike_action *a, uint8_t *out)
{
	size_t len = dh_public_len(a->dh.group);

	CHECK(len && a->dh.priv_len);
	if (a->dh.op == DH_SHARED && a->dh.pub_len != len)
		return 0;
	for (size_t i = 0; i < len; i++) {
		out[i] = a->dh.priv[i % a->dh.priv_len] ^ 0x5a;
		if (a->dh.op == DH_SHARED)
			out[i] ^= a->dh.pub[i];
	}
	out[0] = 0; /* below the prime */
	return a->dh.op == DH_SHARED ? dh_shared_len(a->dh.group) : len;
}

static void module_del(struct side *side, bool out, const uint8_t *spi)
{
	for (size_t i = 0; i < side->n_sa; i++)
		if (side->sa[i].out == out && !memcmp(side->sa[i].spi, spi, 4)) {
			side->sa[i] = side->sa[--side->n_sa];
			return;
		}
}

static bool module_has(const struct side *side, bool out, const uint8_t *spi)
{
	for (size_t i = 0; i < side->n_sa; i++)
		if (side->sa[i].out == out && !memcmp(side->sa[i].spi, spi, 4))
			return true;
	return false;
}

static void module_add(struct side *side, bool out, const uint8_t *spi)
{
	CHECK(side->n_sa < SAS);
	side->sa[side->n_sa].out = out;
	memcpy(side->sa[side->n_sa++].spi, spi, 4);
}

static void sent(struct world *w, struct side *to, const struct ike_action *a)
{
	struct datagram d = { .path = { a->send.path.remote, a->send.path.local },
			      .len = a->send.len };

	/* A keepalive (RFC 3948 section 2.3) is for a NAT on the way. */
	if (a->send.len == 1)
		return;
	CHECK(a->send.len >= HDR && a->send.len <= DATAGRAM);
	if (!d.path.remote.family)
		d.path.remote = to->peer.remote;
	memcpy(d.data, a->send.data, d.len);
	watch(&w->tunnel, &d);
	w->sends++;
	if (to->n_queue < QUEUE)
		to->queue[to->n_queue++] = d;
}

/* What the verifier would say of a mock of a signature. */
static size_t judge(const struct ike_action *a, uint8_t *out)
{
	static const char ok[] = "\0\0with a mock",
			  bad[] = "\1bad-signature\0it is not right";
	const struct chunk *sig = &a->verify.sig, *hash = &a->verify.hash;
	bool good = sig->len == hash->len && !memcmp(sig->p, hash->p, hash->len) &&
		    a->verify.id.len == a->verify.want.len &&
		    !memcmp(a->verify.id.p, a->verify.want.p, a->verify.want.len);

	memcpy(out, good ? ok : bad, good ? sizeof(ok) : sizeof(bad));
	return (good ? sizeof(ok) : sizeof(bad)) - 1;
}

/* Every need gets its answer now; when it is given, and whether, the input says. */
static void needed(struct world *w, struct side *side, const struct ike_action *a)
{
	struct need n = { .id = a->id, .ok = true, .type = a->type };
	struct tunnel *t = &w->tunnel;

	CHECK(a->id);
	if (a->type == IKE_NEED_PRF) {
		hmac((const uint8_t *)psk, sizeof(psk), a->prf.data, a->prf.len, n.data);
		n.len = HASH;
		memcpy(t->skeyid, n.data, n.len);
	} else if (a->type == IKE_NEED_SIGN) {
		n.len = a->sign.hash.len;
		memcpy(n.data, a->sign.hash.p, n.len);
	} else if (a->type == IKE_NEED_VERIFY) {
		n.len = judge(a, n.data);
	} else if (a->type == IKE_NEED_DH) {
		n.len = mock_dh(a, n.data);
		n.ok = n.len;
		if (a->dh.op == DH_SHARED && n.ok)
			set(&t->secret[t->n_secret++ % SECRETS], n.data, n.len);
	} else if (a->type == IKE_NEED_SPI) {
		n.len = 4;
		memcpy(n.data,
		       (uint8_t[]){ 0xc0, 0, ++side->next_spi >> 8, side->next_spi }, 4);
	} else if (a->type == IKE_NEED_COUNT) {
		n.len = 8;
		n.data[7] = w->now >> 16; /* now and then more than before */
	} else {
		CHECK(a->sa_add.key_len >= 16);
		CHECK(a->sa_add.out || module_has(side, false, a->sa_add.spi));
		memcpy(n.spi, a->sa_add.spi, 4);
		n.out = a->sa_add.out;
	}
	/* The oldest is never answered when there are too many. */
	if (side->n_need == NEEDS)
		memmove(side->need, side->need + 1,
			--side->n_need * sizeof(side->need[0]));
	side->need[side->n_need++] = n;
}

#define CHECK_TEXT(field) CHECK(memchr(field, 0, sizeof(field)))

static void take_actions(struct world *w, struct side *side)
{
	struct side *other = &w->side[side == w->side];
	struct ike_action a;
	size_t n = 0;

	while (ike_next(side->ike, &a)) {
		CHECK(++n < 256);
		switch (a.type) {
		case IKE_SEND:
			sent(w, other, &a);
			break;
		case IKE_NEED_PRF:
		case IKE_NEED_SIGN:
		case IKE_NEED_VERIFY:
		case IKE_NEED_DH:
		case IKE_NEED_SPI:
		case IKE_SA_ADD:
		case IKE_NEED_COUNT:
			needed(w, side, &a);
			break;
		case IKE_SA_ACTIVATE:
			CHECK(module_has(side, true, a.sa.spi));
			break;
		case IKE_SA_DEL:
			module_del(side, a.sa.out, a.sa.spi);
			break;
		case IKE_ESP_PATH:
			break;
		case IKE_TRACE:
			CHECK_TEXT(a.trace.words);
			CHECK_TEXT(a.trace.text);
			CHECK_TEXT(a.trace.ours);
			CHECK_TEXT(a.trace.theirs);
			sum_up(&side->events, &a.trace);
			break;
		case IKE_KEYLOG:
			learn_keys(&w->tunnel, a.keylog.key, a.keylog.key_len);
			break;
		}
	}
}

/*
 * The end of one thing may let another go, at once and once: a core that wants to be called
 * again and again would keep its process busy.
 */
static void drain(struct world *w, struct side *side)
{
	take_actions(w, side);
	if (ike_deadline(side->ike) > w->now)
		return;
	ike_timer(side->ike, w->now);
	take_actions(w, side);
	CHECK(ike_deadline(side->ike) > w->now);
}

static void answer(struct world *w, struct side *side, size_t i, bool ok)
{
	struct need n;

	if (i >= side->n_need)
		return;
	n = side->need[i];
	side->n_need--;
	memmove(&side->need[i], &side->need[i + 1],
		(side->n_need - i) * sizeof(side->need[0]));
	ok = ok && n.ok;
	if (ok && n.type == IKE_NEED_SPI)
		module_add(side, false, n.data);
	if (ok && n.type == IKE_SA_ADD && n.out)
		module_add(side, true, n.spi);
	ike_answer(side->ike, w->now, n.id, ok ? n.data : NULL, ok ? n.len : 0);
	drain(w, side);
}

static void deliver(struct world *w, struct side *to, const struct datagram *d)
{
	/* A copy of the exact size, so that the sanitizer sees an octet too far. */
	uint8_t *copy = malloc(d->len ? d->len : 1);

	memcpy(copy, d->data, d->len);
	w->sends = 0;
	ike_input(to->ike, w->now, &d->path, copy, d->len);
	free(copy);
	drain(w, to);
	CHECK(w->sends <= SENDS_MAX);
}

static bool pop(struct side *to, struct datagram *d)
{
	if (!to->n_queue)
		return false;
	*d = to->queue[0];
	memmove(to->queue, to->queue + 1, --to->n_queue * sizeof(to->queue[0]));
	return true;
}

/* Everything goes right for a while. */
static void go_on(struct world *w, size_t rounds)
{
	struct datagram d;

	while (rounds--)
		for (int i = 0; i < SIDES; i++) {
			while (w->side[i].n_need)
				answer(w, &w->side[i], 0, true);
			if (pop(&w->side[i], &d))
				deliver(w, &w->side[i], &d);
		}
}

static void pass_time(struct world *w, uint64_t ms)
{
	w->now += ms;
	for (int i = 0; i < SIDES; i++) {
		if (ike_deadline(w->side[i].ike) > w->now)
			continue;
		ike_timer(w->side[i].ike, w->now);
		drain(w, &w->side[i]);
	}
}

static void command(struct world *w, struct side *side, struct program *p)
{
	uint8_t how = take8(p);
	struct ike_command c = {
		.type = how % IKE_LOG_KEYS,
		.peer = &side->peer,
		.out = how & 4,
		.hard = how & 8,
		.local = { how & 16 ? 4 : 0, { 192, 0, 2, how >> 5 }, 500 },
		.moved = { 4, { 192, 0, 2, how >> 5 }, 4500 },
		.keylog = true
	};
	size_t i = take8(p);

	if (side->n_sa) {
		memcpy(c.spi, side->sa[i % side->n_sa].spi, 4);
		c.out = side->sa[i % side->n_sa].out;
	}
	ike_command(side->ike, w->now, &c);
	drain(w, side);
}

/* Changes the next datagram on its way; under the encryption if there is one. */
static void tamper(struct world *w, struct side *to, struct program *p, bool inside)
{
	struct datagram d;
	const uint8_t *bytes;
	size_t at, n, room;
	uint8_t *target;

	if (!pop(to, &d))
		return;
	inside = inside && d.open;
	target = inside ? d.plain : d.data;
	room = inside ? d.used : d.len;
	at = take16(p) % room;
	n = take(p, &bytes, take8(p) % 32);
	if (n > room - at)
		n = room - at;
	memcpy(target + at, bytes, n);
	if (inside)
		seal(&w->tunnel, &d, true);
	else if (d.len > HDR && take8(p) & 1)
		d.len = at > HDR ? at : HDR;
	deliver(w, to, &d);
}

/* What follows HASH in the next datagram is replaced: what an authentic peer may send. */
static void replace(struct world *w, struct side *to, struct program *p)
{
	size_t n = HASH, len;
	const uint8_t *bytes;
	struct datagram d;
	uint8_t first = take8(p);

	if (!pop(to, &d))
		return;
	len = take(p, &bytes, take16(p) % 600);
	if (d.open && d.data[16] == 8 && d.used >= 4 + n) {
		d.plain[0] = first;
		memcpy(d.plain + 4 + n, bytes, len);
		d.used = 4 + n + len;
		seal(&w->tunnel, &d, true);
	}
	deliver(w, to, &d);
}

/* An exchange of the insider's own, with the input as its payloads. */
static void forge(struct world *w, struct side *to, struct program *p)
{
	struct tunnel *t = &w->tunnel;
	uint8_t kind = take8(p);
	const uint8_t mid[4] = { 0xf0, 0, 0, take8(p) };
	struct datagram d = { .path = { to->home, to->peer.remote } };
	const uint8_t *bytes;
	size_t len;

	if (!t->key_len)
		return;
	forge_header(t, &d, kind & 1 ? XCHG_QUICK : XCHG_INFO, mid, kind & 4);
	d.plain[0] = take8(p);
	len = take(p, &bytes, take16(p) % 600);
	memcpy(d.plain + d.used, bytes, len);
	d.used += len;
	remember(&d, kind & 4 ? &(struct octets){ 0 } : &inner_of(t, mid)->ni, NONCE);
	seal(t, &d, !(kind & 2));
	deliver(w, to, &d);
}

/* What nobody without the keys may change: control tunnels that are up, and ESP tunnels. */
struct census {
	size_t established, pairs;
};

static void count(void *ctx, const struct ike_sa_status *s)
{
	struct census *c = ctx;

	c->established += !strcmp(s->state, "established");
	c->pairs += s->n_child;
}

static struct census census(struct side *side)
{
	struct census c = { 0 };

	ike_status(side->ike, count, &c);
	return c;
}

static void raw(struct world *w, struct side *to, struct program *p)
{
	struct datagram d = { .path = { to->home, to->peer.remote } };
	struct census before = census(to), after;
	uint8_t how = take8(p);
	const uint8_t *bytes;

	if (how & 1) /* from somebody else */
		d.path.remote.ip[3] ^= 0x80 | how;
	d.len = take(p, &bytes, take16(p) % DATAGRAM);
	memcpy(d.data, bytes, d.len);
	if (how & 2 && d.len >= HDR)
		memcpy(d.data, w->tunnel.cookies, 16);
	if (how & 4 && d.len >= HDR) {
		d.data[24] = d.data[25] = 0;
		d.data[26] = d.len >> 8;
		d.data[27] = d.len;
	}
	deliver(w, to, &d);
	after = census(to);
	CHECK(!memcmp(&before, &after, sizeof(before)));
}

static void step(struct world *w, struct program *p)
{
	uint8_t op = take8(p);
	struct side *side = &w->side[op >> 7];
	struct datagram d;

	switch (op & 15) {
	case 0:
	case 1:
		go_on(w, 1 + (op >> 4 & 7));
		break;
	case 2: /* a datagram is lost */
		pop(side, &d);
		break;
	case 3: /* comes twice */
		d = side->queue[0];
		if (side->n_queue)
			deliver(w, side, &d);
		break;
	case 4: /* comes after the next one */
		if (side->n_queue > 1) {
			d = side->queue[0];
			side->queue[0] = side->queue[1];
			side->queue[1] = d;
		}
		break;
	case 5:
		tamper(w, side, p, false);
		break;
	case 6:
	case 7:
		tamper(w, side, p, true);
		break;
	case 8:
		replace(w, side, p);
		break;
	case 9:
	case 10:
		forge(w, side, p);
		break;
	case 11:
		raw(w, side, p);
		break;
	case 12:
		pass_time(w, (uint64_t)take16(p) << (op >> 4 & 7));
		break;
	case 13:
		command(w, side, p);
		break;
	case 14:
		answer(w, side, take8(p) % NEEDS, false);
		break;
	case 15:
		if (pop(side, &d))
			deliver(w, side, &d);
		break;
	}
}

static void side_start(struct world *w, int i, uint8_t how)
{
	static struct ike_proposal ike[][2] = {
		{ { CIPHER_AES_CBC, 128, HASH_SHA256, GROUP_MODP1024, AUTH_PSK },
		  { CIPHER_AES_CBC, 256, HASH_SHA256, GROUP_MODP2048, AUTH_PSK } },
		{ { CIPHER_AES_CBC, 128, HASH_SHA256, GROUP_MODP1024, AUTH_RSA },
		  { CIPHER_AES_CBC, 256, HASH_SHA256, GROUP_MODP2048, AUTH_RSA } },
	};
	static struct chunk cert = { (const uint8_t *)"certificate", 11 }, any_ca;
	static struct esp_proposal esp[] = {
		{ CIPHER_AES_GCM_16, 256, HASH_NONE, GROUP_NONE, false },
		{ CIPHER_AES_CBC, 128, HASH_SHA1, GROUP_MODP1024, true },
	};
	static const struct ike_subnet nets[SIDES] = {
		{ .family = 4, .ip = { 10, 1 }, .bits = 16 },
		{ .family = 4, .ip = { 10, 2 }, .bits = 16 },
	};
	static const struct ike_subnet any = { .family = 4 }, any6 = { .family = 6 };
	static const struct ike_addr home[SIDES] = { { 4, { 192, 0, 2, 1 }, 500 },
						     { 4, { 192, 0, 2, 2 }, 500 } };
	static const struct ike_addr home6[SIDES] = {
		{ 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 }, 500 },
		{ 6, { 0x20, 1, 0xd, 0xb8, [15] = 2 }, 500 }
	};
	const struct ike_addr *homes = how & HOW_SIGN ? home6 : home;
	struct side *side = &w->side[i];
	struct ike_peer *p = &side->peer;
	const struct ike_env env = { .rand = fake_random,
				     .record = how & HOW_LEAVE ? on_record : NULL,
				     .ctx = side };

	side->random = i + 1;
	side->replay = ike_replay_new(on_replayed, side);
	p->name = "peer";
	side->home = homes[i];
	if (i || !(how & HOW_ANY_LOCAL))
		p->local = side->home;
	p->remote = homes[!i];
	p->ike = &ike[how & HOW_SIGN ? 1 : 0][how & HOW_SECOND_SUITE ? 1 : 0];
	p->n_ike = how & HOW_SECOND_SUITE ? 1 : 2;
	if (how & HOW_SIGN) {
		w->tunnel.sign = true;
		p->certs = &cert;
		p->cas = &any_ca;
		p->n_certs = p->n_cas = 1;
	}
	p->esp = &esp[how & HOW_PFS ? 1 : 0];
	p->n_esp = how & HOW_PFS ? 1 : 2;
	p->child = side->child;
	p->n_child = 1;
	side->child[0] = (struct ike_child_cfg){ nets[i], nets[!i] };
	if (i && how & HOW_ANY_SELECTORS) {
		p->n_child = 2;
		side->child[0] = (struct ike_child_cfg){ any, any };
		side->child[1] = (struct ike_child_cfg){ any6, any6 };
	}
	p->ike_seconds = 14400;
	p->esp_seconds = i && how & HOW_SHORT_LIFE ? 1800 : 3600;
	p->dpd_seconds = 30;
	p->dpd_timeout = 120;
	p->encap = i && how & HOW_SHORT_LIFE;
	p->start = how & HOW_START ? IKE_START_NOW : IKE_START_TRAFFIC;
	side->ike = ike_new(&env);
	CHECK(side->ike && side->replay && !ike_peer_add(side->ike, p));
	ike_command(side->ike, w->now,
		    &(struct ike_command){ IKE_LOG_KEYS, .peer = p, .keylog = true });
	drain(w, side);
}

/* Taken down, answered, and given a day, both sides must have left nothing behind. */
static void settle(struct world *w)
{
	struct side *side;

	for (int i = 0; i < SIDES; i++) {
		side = &w->side[i];
		ike_command(side->ike, w->now,
			    &(struct ike_command){ IKE_DOWN, .peer = &side->peer });
		drain(w, side);
	}
	for (int hour = 0; hour < 30; hour++) {
		go_on(w, 8);
		pass_time(w, 3600000);
	}
	for (int i = 0; i < SIDES; i++) {
		go_on(w, 8);
		CHECK(!w->side[i].n_sa);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct program p = { data, len };
	struct world *w = calloc(1, sizeof(*w));
	uint8_t how = take8(&p);

	w->now = 1000;
	for (int i = 0; i < SIDES; i++)
		side_start(w, i, how);
	ike_command(w->side[0].ike, w->now,
		    &(struct ike_command){ IKE_UP, .peer = &w->side[0].peer });
	drain(w, &w->side[0]);
	for (size_t steps = 0; p.len && steps < 400; steps++)
		step(w, &p);
	if (!(how & HOW_LEAVE))
		settle(w);
	for (int i = 0; i < SIDES; i++) {
		drain(w, &w->side[i]);
		CHECK(!(how & HOW_LEAVE) || w->side[i].events == w->side[i].replayed);
		ike_free(w->side[i].ike);
		ike_replay_free(w->side[i].replay);
	}
	free(w);
	return 0;
}
