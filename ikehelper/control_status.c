// SPDX-License-Identifier: MIT
/* What is up, and why it is not, for clients of the control socket. */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "show.h"
#include "text.h"

struct status {
	struct daemon *daemon;
	int peer; /* -1: all */
	uint64_t now;
	cJSON *list;
};

static void json_way(struct daemon *d, size_t peer, uint32_t child, bool out,
		     const uint8_t spi[4], cJSON *to)
{
	uint32_t id = d->link[peer].child[child].id;
	cJSON *way = cJSON_AddObjectToObject(to, out ? "out" : "in");
	struct mod_counters c;

	json_spi(way, "spi", spi);
	/* It may be gone already. */
	if (mod_sa_counters(d->mod, d->link[peer].ifindex, id, out, spi, &c) < 0)
		return;
	json_u64(way, "packets", c.packets);
	json_u64(way, "bytes", c.bytes);
	if (c.hard_packets)
		json_u64(way, "hard_packets", c.hard_packets);
	if (c.hard_bytes)
		json_u64(way, "hard_bytes", c.hard_bytes);
}

/* Seconds since or until a time; nothing for "not yet" and "never". */
static void json_when(cJSON *to, const char *name, uint64_t now, uint64_t when, bool past)
{
	if (!when || when == UINT64_MAX)
		return;
	if (past)
		json_u64(to, name, now > when ? (now - when) / 1000 : 0);
	else
		json_u64(to, name, when > now ? (when - now) / 1000 : 0);
}

static void json_child(struct status *s, size_t peer,
		       const struct ike_child_status *child, cJSON *list)
{
	char l[TEXT_SUBNET], r[TEXT_SUBNET], suite[PROPOSAL_TEXT];
	cJSON *o = cJSON_CreateObject();

	subnet_text(&child->local, l);
	subnet_text(&child->remote, r);
	cJSON_AddStringToObject(o, "local", l);
	cJSON_AddStringToObject(o, "remote", r);
	cJSON_AddBoolToObject(o, "up", child->up);
	cJSON_AddBoolToObject(o, "udp", child->encap);
	if (child->up) {
		esp_proposal_text(&child->suite, suite);
		cJSON_AddStringToObject(o, "suite", suite);
		json_way(s->daemon, peer, child->child, false, child->spi_in, o);
		json_way(s->daemon, peer, child->child, true, child->spi_out, o);
		json_when(o, "age", s->now, child->since, true);
		json_when(o, "renews_in", s->now, child->renew_at, false);
		json_when(o, "ends_in", s->now, child->hard_at, false);
	}
	cJSON_AddItemToArray(list, o);
}

static void json_cookie(cJSON *to, const char *name, const uint8_t c[8])
{
	char text[17];

	snprintf(text, sizeof(text), "%02x%02x%02x%02x%02x%02x%02x%02x", c[0], c[1], c[2],
		 c[3], c[4], c[5], c[6], c[7]);
	cJSON_AddStringToObject(to, name, text);
}

/* Whose end is behind a NAT, and the ports that are used then. */
static void json_nat(cJSON *to, const struct ike_sa_status *sa)
{
	if (!sa->nat_here && !sa->nat_there)
		return;
	cJSON_AddStringToObject(to, "nat",
				!sa->nat_there ? "our end"
				: sa->nat_here ? "both ends"
					       : "the peer's end");
	json_u64(to, "local_port", sa->path.local.port);
	json_u64(to, "remote_port", sa->path.remote.port);
}

static void json_peer_status(void *ctx, const struct ike_sa_status *sa)
{
	char local[TEXT_ADDR], remote[TEXT_ADDR], suite[PROPOSAL_TEXT];
	struct status *s = ctx;
	int peer = daemon_find(s->daemon, sa->peer->name);
	struct link *link;
	cJSON *o, *list;
	size_t i;

	if (peer < 0 || (s->peer >= 0 && peer != s->peer))
		return;
	o = cJSON_CreateObject();
	link = &s->daemon->link[peer];
	addr_text(&sa->path.local, local);
	addr_text(&sa->path.remote, remote);
	cJSON_AddStringToObject(o, "peer", sa->peer->name);
	cJSON_AddStringToObject(o, "interface", s->daemon->config->peer[peer].interface);
	cJSON_AddStringToObject(o, "state", sa->state);
	cJSON_AddStringToObject(o, "local", local);
	cJSON_AddStringToObject(o, "remote", remote);
	json_nat(o, sa);
	if (sa->since) {
		ike_proposal_text(&sa->suite, suite);
		cJSON_AddStringToObject(o, "suite", suite);
		cJSON_AddBoolToObject(o, "initiator", sa->initiator);
		if (sa->hard_at)
			cJSON_AddBoolToObject(o, "dpd", sa->dpd);
		if (*sa->proof)
			cJSON_AddStringToObject(o, "proof", sa->proof);
		json_cookie(o, "cookie_i", sa->cookie_i);
		json_cookie(o, "cookie_r", sa->cookie_r);
		json_when(o, "age", s->now, sa->since, true);
		json_when(o, "ends_in", s->now, sa->hard_at, false);
	}
	list = cJSON_AddArrayToObject(o, "children");
	for (i = 0; i < sa->n_child; i++)
		json_child(s, peer, &sa->child[i], list);
	if (link->keylog_fd >= 0)
		json_when(o, "keylog", s->now, link->keylog_end, false);
	cJSON_AddItemToArray(s->list, o);
}

void control_status(struct client *c, struct daemon *d, int peer)
{
	struct status s = { .daemon = d, .peer = peer, .now = daemon_now() };
	cJSON *o = cJSON_CreateObject();

	s.list = cJSON_AddArrayToObject(o, "peers");
	ike_status(s.daemon->ike, json_peer_status, &s);
	control_say(c, o);
	control_finish(c, NULL);
}

struct count_up {
	const struct ike_peer *peer;
	size_t n;
	uint64_t last; /* the child counted last, plus one */
};

/* A child may have several pairs while it is renewed; they come behind each other. */
static void count_up(void *ctx, const struct ike_sa_status *sa)
{
	struct count_up *u = ctx;
	size_t i;

	for (i = 0; sa->peer == u->peer && i < sa->n_child; i++)
		if (sa->child[i].up && sa->child[i].child + 1ULL != u->last) {
			u->last = sa->child[i].child + 1ULL;
			u->n++;
		}
}

static size_t children_up(struct daemon *d, const struct ike_peer *peer)
{
	struct count_up u = { .peer = peer };

	ike_status(d->ike, count_up, &u);
	return u.n;
}

bool daemon_is_up(struct daemon *d, int peer)
{
	const struct ike_peer *p = &d->config->peer[peer].ike;

	return children_up(d, p) >= p->n_child;
}

void control_why(struct client *c, struct daemon *d, int peer)
{
	const struct ike_peer *p = &d->config->peer[peer].ike;
	struct why_now now = { .peer = p->name,
			       .ms = daemon_now(),
			       .up = children_up(d, p),
			       .children = p->n_child };

	control_say(c, why_json(&d->link[peer].why, &now));
	control_finish(c, NULL);
}
