// SPDX-License-Identifier: MIT
/* Two cores back to back: network, clock, modules and key processes of a test. */
#include "pair.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keymat.h"
#include "payload.h"
#include "signature.h"
#include "verifier.h"
#include "why.h"

uint64_t pair_random(uint64_t *state)
{
	/* SplitMix64: any seed will do. */
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void fill_random(void *ctx, uint8_t *out, size_t len)
{
	struct side *s = ctx;

	for (size_t i = 0; i < len; i++)
		out[i] = pair_random(&s->random);
}

static void digest(struct pair_net *net, const void *p, size_t len)
{
	const uint8_t *o = p;

	/* FNV-1a */
	for (size_t i = 0; i < len; i++)
		net->digest = (net->digest ^ o[i]) * 0x100000001b3;
}

static void set_addr(struct ike_addr *a, const char *ip)
{
	bool v6 = strchr(ip, ':');

	*a = (struct ike_addr){ .family = v6 ? 6 : 4, .port = 500 };
	inet_pton(v6 ? AF_INET6 : AF_INET, ip, a->ip);
}

static void parse_subnet(const char *text, struct ike_subnet *s)
{
	struct ike_addr a;
	char ip[40];
	unsigned int bits;

	if (sscanf(text, "%39[0-9a-f.:]/%u", ip, &bits) != 2)
		abort();
	set_addr(&a, ip);
	*s = (struct ike_subnet){ .family = a.family, .bits = bits };
	memcpy(s->ip, a.ip, sizeof(s->ip));
}

static void parse_suites(struct side *s, const char *ike, const char *esp)
{
	char why[PROPOSAL_TEXT * 2];
	char text[512];

	snprintf(text, sizeof(text), "%s", ike);
	for (char *p = strtok(text, ","); p; p = strtok(NULL, ","))
		if (ike_proposal_parse(p, true, &s->suites[s->peer.n_ike++], why))
			abort();
	snprintf(text, sizeof(text), "%s", esp);
	for (char *p = strtok(text, ","); p; p = strtok(NULL, ","))
		if (esp_proposal_parse(p, true, &s->esp[s->peer.n_esp++], why))
			abort();
}

static void parse_selectors(struct side *s, const char *selectors, bool swap)
{
	char text[512];

	snprintf(text, sizeof(text), "%s", selectors);
	for (char *p = strtok(text, ","); p; p = strtok(NULL, ",")) {
		struct ike_child_cfg *c = &s->children[s->peer.n_child++];
		const char *right = strchr(p, '=') + 1;

		parse_subnet(swap ? right : p, &c->local);
		parse_subnet(swap ? p : right, &c->remote);
	}
}

static void boot(struct side *s)
{
	s->ike = ike_new(
		&(struct ike_env){ .rand = fill_random, .record = s->record, .ctx = s });
	if (!s->ike || ike_peer_add(s->ike, &s->peer))
		abort();
}

void pair_start(struct pair_net *net, const struct pair_cfg *cfg)
{
	static const char *const ipv4[] = { "192.0.2.1", "192.0.2.2" };
	static const char *const ipv6[] = { "2001:db8::1", "2001:db8::2" };
	const char *const *ips = cfg->ipv6 ? ipv6 : ipv4;

	*net = (struct pair_net){ .now = 1000000,
				  .mock = cfg->mock,
				  .digest = 0xcbf29ce484222325 };
	for (int i = 0; i < 2; i++) {
		struct side *s = &net->side[i];

		s->random = cfg->seed * 2 + i;
		s->record = cfg->record;
		s->psk = cfg->psk[i] ? cfg->psk[i] : "a pre-shared key of a test";
		if (!cfg->quiet)
			s->trace = calloc(PAIR_TRACES, sizeof(*s->trace));
		snprintf(s->name, sizeof(s->name), "side %d", i);
		set_addr(&s->home, ips[i]);
		s->peer.name = s->name;
		set_addr(&s->peer.local, ips[i]);
		set_addr(&s->peer.remote, ips[!i]);
		parse_suites(s, cfg->ike[i] ? cfg->ike[i] : "aes256-sha256-ecp256",
			     cfg->esp[i] ? cfg->esp[i] : "aes256gcm16");
		for (size_t k = 0; k < s->peer.n_ike; k++)
			s->suites[k].auth = cfg->auth;
		parse_selectors(
			s, cfg->selectors ? cfg->selectors : "10.1.0.0/16=10.2.0.0/16",
			i);
		s->peer.ike = s->suites;
		s->peer.esp = s->esp;
		s->peer.child = s->children;
		s->peer.ike_seconds = cfg->ike_seconds[i] ? cfg->ike_seconds[i] : 14400;
		s->peer.esp_seconds = cfg->esp_seconds[i] ? cfg->esp_seconds[i] : 3600;
		s->peer.start = cfg->start[i];
		s->peer.dpd_seconds = cfg->dpd_seconds[i];
		s->peer.dpd_timeout = cfg->dpd_timeout ? cfg->dpd_timeout : 120;
		boot(s);
	}
}

void pair_nat(struct pair_net *net, int side, bool forwards)
{
	static const char *const outside[][2] = { { "198.51.100.1", "2001:db8:1::1" },
						  { "198.51.100.2", "2001:db8:1::2" } };
	struct side *s = &net->side[side], *other = &net->side[!side];
	bool v6 = s->home.family == 6;

	s->nat =
		(struct natbox){ .there = true, .forwards = forwards, .inside = s->home };
	set_addr(&s->nat.outside, outside[side][v6]);
	other->peer.remote = s->nat.outside;
	other->peer.remote_id = (struct ike_id){ .type = v6 ? ID_IPV6_ADDR : ID_IPV4_ADDR,
						 .len = v6 ? 16 : 4 };
	memcpy(other->peer.remote_id.data, s->home.ip, sizeof(s->home.ip));
}

void pair_crash(struct pair_net *net, int side)
{
	struct side *s = &net->side[side];

	ike_free(s->ike);
	memset(s->sa, 0, sizeof(s->sa));
	memset(s->way, 0, sizeof(s->way));
	s->reserved = 0;
	boot(s);
}

static struct held_sa *inbound_of(struct side *s, const struct held_sa *out)
{
	for (size_t i = 0; i < PAIR_SAS; i++)
		if (s->sa[i].used && !s->sa[i].out &&
		    !memcmp(s->sa[i].spi, out->pair_spi, 4))
			return &s->sa[i];
	return NULL;
}

static void adopt(struct pair_net *net, struct side *s, const struct held_sa *out,
		  const struct held_sa *in)
{
	const struct esp_way *way = &s->way[out->child];
	struct ike_child_status pair = { .child = out->child,
					 .suite = out->suite,
					 .local = out->local,
					 .remote = out->remote,
					 .since = net->now,
					 .hard_at = out->hard_at,
					 .up = out->active,
					 .encap = way->encap,
					 .follow = way->follow };

	memcpy(pair.spi_in, in->spi, 4);
	memcpy(pair.spi_out, out->spi, 4);
	if (ike_adopt(s->ike, net->now, &s->peer, &way->path, &pair))
		abort();
}

void pair_restart(struct pair_net *net, int side)
{
	struct side *s = &net->side[side];
	bool kept[PAIR_SAS] = { false };

	ike_free(s->ike);
	s->reserved = 0;
	boot(s);
	for (size_t i = 0; i < PAIR_SAS; i++) {
		struct held_sa *out = &s->sa[i];
		struct held_sa *in = out->used && out->out ? inbound_of(s, out) : NULL;

		if (!in)
			continue;
		adopt(net, s, out, in);
		kept[i] = kept[in - s->sa] = true;
	}
	for (size_t i = 0; i < PAIR_SAS; i++)
		s->sa[i].used = kept[i];
}

void pair_stop(struct pair_net *net)
{
	for (int i = 0; i < 2; i++) {
		ike_free(net->side[i].ike);
		free(net->side[i].trace);
	}
	while (net->flying) {
		struct datagram *d = net->flying;

		net->flying = d->next;
		free(d);
	}
}

void pair_fly(struct pair_net *net, int to, uint64_t at, const struct ike_path *path,
	      const uint8_t *data, size_t len)
{
	struct datagram **end = &net->flying;
	struct datagram *d = malloc(sizeof(*d) + len);

	*d = (struct datagram){ .to = to, .at = at, .path = *path, .len = len };
	memcpy(d->data, data, len);
	while (*end && (*end)->at <= at)
		end = &(*end)->next;
	d->next = *end;
	*end = d;
}

static void take_send(struct pair_net *net, int from, const struct ike_action *a)
{
	enum verdict v = PASS;
	struct ike_path path = { .local = a->send.path.remote,
				 .remote = a->send.path.local };

	if (!path.remote.family)
		memcpy(&path.remote, &net->side[from].home,
		       offsetof(struct ike_addr, port));
	natbox_out(&net->side[from].nat, net->now, &path.remote);
	if (a->send.len <= sizeof(net->last[from])) {
		memcpy(net->last[from], a->send.data, a->send.len);
		net->last_len[from] = a->send.len;
	}
	net->sent++;
	if (net->world)
		return net->world->send(net, from, &path, a->send.data, a->send.len);
	if (net->fate)
		v = net->fate(net, from, net->sent, a->send.data, a->send.len);
	if (v != LOSE)
		pair_fly(net, !from, net->now + 5, &path, a->send.data, a->send.len);
	if (v == TWICE)
		pair_fly(net, !from, net->now + 5, &path, a->send.data, a->send.len);
	if (v == TWICE_LATE)
		pair_fly(net, !from, net->now + 3000, &path, a->send.data, a->send.len);
}

static void answer(struct pair_net *net, int side, uint32_t id, const uint8_t *data,
		   size_t len, bool ok)
{
	struct answer a = { .id = id, .ok = ok, .len = len };

	if (net->side[side].silent)
		return;
	if (ok && len)
		memcpy(a.data, data, len);
	if (net->world)
		return net->world->answer(net, side, &a);
	net->waiting_side[net->n_waiting] = side;
	net->waiting[net->n_waiting++] = a;
	if (net->n_waiting == sizeof(net->waiting) / sizeof(net->waiting[0]))
		abort();
}

static void module_answer(struct pair_net *net, int side, uint32_t id,
			  const uint8_t *data, size_t len, bool ok)
{
	struct answer a = { .id = id, .ok = ok, .len = len };

	if (!net->side[side].late)
		return answer(net, side, id, data, len, ok);
	if (len)
		memcpy(a.data, data, len);
	net->late_side[net->n_late] = side;
	net->late[net->n_late++] = a;
}

static void take_sa_add(struct side *s, uint64_t now, const struct ike_action *a)
{
	struct held_sa *sa = s->sa;

	while (sa->used)
		if (++sa == s->sa + PAIR_SAS)
			abort();
	*sa = (struct held_sa){
		.used = true,
		.serial = ++s->serials,
		.out = a->sa_add.out,
		.active = a->sa_add.active,
		.child = a->sa_add.child,
		.local = a->sa_add.local,
		.remote = a->sa_add.remote,
		.suite = a->sa_add.suite,
		.key_len = a->sa_add.key_len + a->sa_add.integ_key_len,
		.soft_seconds = a->sa_add.soft_seconds,
		.hard_seconds = a->sa_add.hard_seconds,
		.soft_bytes = a->sa_add.soft_bytes,
		.hard_bytes = a->sa_add.hard_bytes,
		.soft_packets = a->sa_add.soft_packets,
		.hard_packets = a->sa_add.hard_packets,
		.hard_at = now + a->sa_add.hard_seconds * 1000,
	};
	s->way[sa->child] = (struct esp_way){ .path = a->sa_add.path,
					      .encap = a->sa_add.encap,
					      .follow = a->sa_add.follow };
	memcpy(sa->spi, a->sa_add.spi, 4);
	memcpy(sa->pair_spi, a->sa_add.pair_spi, 4);
	memcpy(sa->key, a->sa_add.key, a->sa_add.key_len);
	memcpy(sa->key + a->sa_add.key_len, a->sa_add.integ_key, a->sa_add.integ_key_len);
	if (!sa->out && s->reserved)
		s->reserved--;
}

static void take_sa_del(struct side *s, const struct ike_action *a)
{
	for (size_t i = 0; i < PAIR_SAS; i++) {
		struct held_sa *sa = &s->sa[i];

		if (!sa->used || sa->out != a->sa.out || memcmp(sa->spi, a->sa.spi, 4))
			continue;
		sa->used = false;
		return;
	}
	if (!a->sa.out && s->reserved)
		s->reserved--;
}

static void take_count(struct pair_net *net, int i, const struct ike_action *a)
{
	uint64_t n = 0;
	uint8_t out[8];
	bool there = false;

	for (size_t k = 0; k < PAIR_SAS; k++) {
		const struct held_sa *sa = &net->side[i].sa[k];

		if (!sa->used || sa->out || memcmp(sa->spi, a->sa.spi, 4) != 0)
			continue;
		n = sa->packets;
		there = true;
	}
	for (size_t k = 0; k < sizeof(out); k++)
		out[k] = n >> (56 - 8 * k);
	module_answer(net, i, a->id, out, sizeof(out), there);
}

/* The last one activated is the one that is sent on. */
static void take_activate(struct side *s, const struct ike_action *a)
{
	for (size_t i = 0; i < PAIR_SAS; i++) {
		struct held_sa *sa = &s->sa[i];

		if (sa->used && sa->out && sa->child == a->sa.child)
			sa->active = !memcmp(sa->spi, a->sa.spi, 4);
	}
}

/* Something that both sides come to, and that differs where the input does. */
static void mock_prf(struct chunk key, struct chunk data, uint8_t *out, size_t len)
{
	uint64_t state = 1;

	for (size_t i = 0; i < key.len; i++)
		state = state * 31 + key.p[i];
	for (size_t i = 0; i < data.len; i++)
		state = state * 31 + data.p[i];
	for (size_t i = 0; i < len; i++)
		out[i] = pair_random(&state);
}

/* A "group" in which the product of two public values is their sum: no secret at all. */
static int mock_dh(const struct ike_action *a, uint8_t *out)
{
	size_t len = dh_public_len(a->dh.group);

	for (size_t i = 0; i < len; i++) {
		out[i] = i ? a->dh.priv[i % a->dh.priv_len] : 1;
		if (a->dh.op == DH_SHARED)
			out[i] ^= a->dh.pub[i];
	}
	return len;
}

static void take_prf(struct pair_net *net, int i, const struct ike_action *a)
{
	const char *psk = net->side[i].psk;
	struct chunk data = CHUNK(a->prf.data, a->prf.len);
	uint8_t out[HASH_MAX];
	struct chunk key = CHUNK((const uint8_t *)psk, strlen(psk));
	int ret = 0;

	if (net->mock)
		mock_prf(key, data, out, hash_len(a->prf.hash));
	else
		ret = prf(a->prf.hash, key, &data, 1, out);
	answer(net, i, a->id, out, hash_len(a->prf.hash), !ret);
}

static void take_dh(struct pair_net *net, int i, const struct ike_action *a)
{
	uint8_t out[DH_MAX];
	int len = net->mock ? mock_dh(a, out)
			    : dh_compute(a->dh.op, a->dh.group,
					 CHUNK(a->dh.priv, a->dh.priv_len),
					 CHUNK(a->dh.pub, a->dh.pub_len), out);

	answer(net, i, a->id, out, len > 0 ? len : 0, len > 0 && !net->side[i].no_dh);
}

/* With a mock what is signed is the signature: all that the core does with it is the same. */
static void take_sign(struct pair_net *net, int i, const struct ike_action *a)
{
	uint8_t out[SIGNATURE_MAX];
	int len;

	if (net->side[i].key) {
		len = signature_make(net->side[i].key, a->sign.hash, out);
		return answer(net, i, a->id, out, len > 0 ? len : 0, len > 0);
	}
	answer(net, i, a->id, a->sign.hash.p, a->sign.hash.len, true);
}

static void take_verify(struct pair_net *net, int i, const struct ike_action *a)
{
	uint8_t out[VERDICT_MAX];
	struct trust_verdict v = { .text = "with a mock" };
	struct trust_query q = { a->verify.auth, a->verify.hash, a->verify.sig,
				 a->verify.id,	 a->verify.want, a->verify.certs };

	net->side[i].verdicts_asked++;
	if (net->side[i].no_verdict)
		return;
	if (net->side[i].lost_verdicts) {
		net->side[i].lost_verdicts--;
		return answer(net, i, a->id, NULL, 0, false);
	}
	if (net->side[i].trust)
		trust_judge(net->side[i].trust, &q, &v);
	else if (q.sig.len != q.hash.len || memcmp(q.sig.p, q.hash.p, q.sig.len))
		v = (struct trust_verdict){ .forged = true, .code = "bad-signature" };
	answer(net, i, a->id, out, verdict_write(&v, out), true);
}

static void take_trace(struct side *s, const struct trace_event *e)
{
	if (getenv("PAIR_VERBOSE"))
		printf("# %s %-9s (%u) %-14s %4u | %s | %s %s\n", s->name,
		       trace_kind_name(e->kind), e->number, e->name, e->size, e->words,
		       e->text, e->code);
	/* ikehelper why knows every reason. */
	if (*e->code && !why_remedy(e->code)) {
		fprintf(stderr, "no code of why: %s\n", e->code);
		abort();
	}
	if (s->trace && s->n_trace < PAIR_TRACES)
		s->trace[s->n_trace++] = *e;
}

static void take_action(struct pair_net *net, int i, const struct ike_action *a)
{
	struct side *s = &net->side[i];
	uint8_t spi[4];

	digest(net, &a->type, sizeof(a->type));
	if (net->world)
		net->world->action(net, i, a);
	switch (a->type) {
	case IKE_SEND:
		digest(net, a->send.data, a->send.len);
		return take_send(net, i, a);
	case IKE_NEED_PRF:
		return take_prf(net, i, a);
	case IKE_NEED_SIGN:
		return take_sign(net, i, a);
	case IKE_NEED_VERIFY:
		return take_verify(net, i, a);
	case IKE_NEED_DH:
		return take_dh(net, i, a);
	case IKE_NEED_SPI:
		fill_random(s, spi, sizeof(spi));
		spi[0] |= 0xc0;
		s->reserved += !s->no_spi && !s->silent;
		return module_answer(net, i, a->id, spi, sizeof(spi), !s->no_spi);
	case IKE_SA_ADD:
		digest(net, a->sa_add.key, a->sa_add.key_len);
		if (a->sa_add.out ? s->no_add_out : s->no_add_in)
			return module_answer(net, i, a->id, NULL, 0, false);
		take_sa_add(s, net->now, a);
		return module_answer(net, i, a->id, NULL, 0, true);
	case IKE_NEED_COUNT:
		return take_count(net, i, a);
	case IKE_SA_ACTIVATE:
		return take_activate(s, a);
	case IKE_SA_DEL:
		return take_sa_del(s, a);
	case IKE_ESP_PATH:
		s->way[a->esp_path.child].path = a->esp_path.path;
		return;
	case IKE_TRACE:
		digest(net, a->trace.text, strlen(a->trace.text));
		return take_trace(s, &a->trace);
	case IKE_KEYLOG:
		s->n_keylog++;
	}
}

static void give_answer(struct pair_net *net)
{
	size_t k = net->defer ? net->n_waiting - 1 : 0;
	struct answer a = net->waiting[k];
	int side = net->waiting_side[k];

	net->n_waiting--;
	memmove(&net->waiting[k], &net->waiting[k + 1], (net->n_waiting - k) * sizeof(a));
	memmove(&net->waiting_side[k], &net->waiting_side[k + 1],
		(net->n_waiting - k) * sizeof(side));
	/* Success without octets is not NULL. */
	ike_answer(net->side[side].ike, net->now, a.id, a.ok ? a.data : NULL, a.len);
}

/* Actions and answers until nobody has anything to do at this moment. */
static void drain(struct pair_net *net)
{
	struct ike_action a;
	bool more;

	do {
		more = false;
		for (int i = 0; i < 2; i++)
			while (ike_next(net->side[i].ike, &a)) {
				take_action(net, i, &a);
				more = true;
			}
		if (!more && net->n_waiting) {
			give_answer(net);
			more = true;
		}
	} while (more);
}

void pair_answer(struct pair_net *net, int side, const struct answer *a)
{
	ike_answer(net->side[side].ike, net->now, a->id, a->ok ? a->data : NULL, a->len);
	drain(net);
}

void pair_late_answers(struct pair_net *net)
{
	for (size_t i = 0; i < net->n_late; i++) {
		const struct answer *a = &net->late[i];

		ike_answer(net->side[net->late_side[i]].ike, net->now, a->id,
			   a->ok ? a->data : NULL, a->len);
	}
	net->n_late = 0;
	drain(net);
}

static void arrive(struct pair_net *net)
{
	struct datagram *d = net->flying;
	struct side *s = &net->side[d->to];

	net->flying = d->next;
	if (natbox_in(&s->nat, net->now, &d->path.local) &&
	    same_address(&d->path.local, &s->home))
		ike_input(s->ike, net->now, &d->path, d->data, d->len);
	free(d);
}

void pair_inject(struct pair_net *net, int to, const uint8_t *data, size_t len)
{
	const struct ike_path path = { .local = net->side[!to].peer.remote,
				       .remote = net->side[to].peer.remote };

	pair_fly(net, to, net->now, &path, data, len);
	pair_run(net, net->now);
}

void pair_run(struct pair_net *net, uint64_t until_ms)
{
	drain(net);
	for (;;) {
		uint64_t due[2] = { ike_deadline(net->side[0].ike),
				    ike_deadline(net->side[1].ike) };
		uint64_t at = due[0] < due[1] ? due[0] : due[1];
		uint64_t own = net->world ? net->world->next(net) : UINT64_MAX;
		bool datagram = net->flying && net->flying->at <= at;
		bool event;

		if (datagram)
			at = net->flying->at;
		event = own <= at;
		if (event)
			at = own;
		if (at > until_ms)
			break;
		if (at > net->now)
			net->now = at;
		if (event)
			net->world->happen(net);
		else if (datagram)
			arrive(net);
		else
			ike_timer(net->side[due[1] < due[0]].ike, net->now);
		drain(net);
	}
	net->now = until_ms;
}

void pair_command(struct pair_net *net, int side, enum ike_command_type type)
{
	struct side *s = &net->side[side];

	ike_command(
		s->ike, net->now,
		&(struct ike_command){ .type = type, .peer = &s->peer, .keylog = true });
	drain(net);
}
