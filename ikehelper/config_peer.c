// SPDX-License-Identifier: MIT
/* A section of the configuration → a peer: what each key means, and what it may be. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "config_parser.h"
#include "text.h"

#define LIFE_MIN  10	 /* seconds */
#define LIFE_MAX  604800 /* a week */
#define DPD_MAX	  3600	 /* seconds */
#define DPD_LEAST 5	 /* from the first question to the end */

/* What a key is when it is not written; NULL: it has to be, or nothing stands for it. */
static const char *const key_default[N_KEYS] = {
	[K_IKE] = "aes256-sha256-modp2048, aes128-sha256-modp2048",
	[K_ESP] = "aes256gcm16-modp2048, aes128gcm16-modp2048, aes256-sha256-modp2048",
	[K_LIFETIME_IKE] = "4h",
	[K_LIFETIME_ESP] = "1h",
	[K_LOCAL_SUBNETS] = "0.0.0.0/0",
	[K_REMOTE_SUBNETS] = "0.0.0.0/0",
	[K_LIFETIME_ESP_BYTES] = "0",
	[K_LIFETIME_ESP_PACKETS] = "0",
	[K_START] = "never",
	[K_DPD_DELAY] = "30s",
	[K_DPD_TIMEOUT] = "2m",
	[K_PHASE2_IDS] = "yes",
	[K_WEAK_PSK] = "no",
	[K_ENCAP] = "no",
	[K_LEGACY] = "no",
};

const char *value(const struct section *s, enum key k, int *line)
{
	*line = s->value[k] ? s->at[k] : s->line;
	if (s->value[k])
		return s->value[k];
	return s->profile && s->profile->value[k] ? s->profile->value[k] : key_default[k];
}

const char *needed(struct parser *p, enum key k, const char *example, int *line)
{
	const char *v = value(&p->section, k, line);

	if (!v)
		wrong(p, *line, "peer %s has no %s; write %s = %s", p->section.name,
		      key_name[k], key_name[k], example);
	return v;
}

bool yes(struct parser *p, enum key k)
{
	int line;
	const char *v = value(&p->section, k, &line);

	if (strcmp(v, "yes") && strcmp(v, "no"))
		wrong(p, line, "%s = %s is not known; write yes or no", key_name[k], v);
	return !strcmp(v, "yes");
}

static void set_interface(struct parser *p, struct peer_config *peer)
{
	int line;
	const char *v = needed(p, K_INTERFACE, "esp0", &line);

	if (!v)
		return;
	if (!*v || strlen(v) >= IF_NAMESIZE || strpbrk(v, "/ \t"))
		wrong(p, line,
		      "interface = %s is no name of a device; write esp0, for one", v);
	peer->interface = strdup(v);
}

/*
 * 0.0.0.0/8, 127.0.0.0/8, and 224.0.0.0 and above never are; nor are, with what is no
 * global unicast or unique local address, ::, ::1, IPv4 in IPv6, fe80::/10 and ff00::/8.
 * 64:ff9b:: is the way to IPv4 through a NAT64 (RFC 6052).
 */
static bool may_be_gateway(const struct ike_addr *a)
{
	static const uint8_t nat64[] = { 0, 0x64, 0xff, 0x9b };

	if (a->family == 4)
		return a->ip[0] && a->ip[0] != 127 && a->ip[0] < 224;
	return (a->ip[0] & 0xe0) == 0x20 || (a->ip[0] & 0xfe) == 0xfc ||
	       !memcmp(a->ip, nat64, sizeof(nat64));
}

static void set_addr(struct parser *p, enum key k, const char *v, int line,
		     struct ike_addr *out)
{
	if (addr_parse(v, out) < 0) {
		wrong(p, line,
		      "%s = %s is no address; write one, as names are not looked up",
		      key_name[k], v);
		return;
	}
	if (!may_be_gateway(out))
		wrong(p, line, "%s = %s cannot be the address of a gateway", key_name[k],
		      v);
	out->port = 500;
}

static void set_addrs(struct parser *p, struct ike_peer *ike)
{
	int line;
	const char *v = needed(p, K_REMOTE, "ADDRESS", &line);

	if (v)
		set_addr(p, K_REMOTE, v, line, &ike->remote);
	v = value(&p->section, K_LOCAL, &line);
	if (v)
		set_addr(p, K_LOCAL, v, line, &ike->local);
	if (ike->remote.family && ike->local.family &&
	    ike->remote.family != ike->local.family)
		wrong(p, line, "local = %s is of another IP version than remote", v);
}

static void set_version(struct parser *p)
{
	int line;
	const char *v = value(&p->section, K_VERSION, &line);

	if (!v)
		wrong(p, line, "peer %s has no version; write version = 1 (IKEv1)",
		      p->section.name);
	else if (strcmp(v, "1"))
		wrong(p, line, "version = %s is not there yet; write version = 1", v);
}

static void set_lifetime(struct parser *p, enum key k, uint32_t *out)
{
	int line;
	const char *v = value(&p->section, k, &line);

	if (seconds_parse(v, out) < 0)
		wrong(p, line, "%s = %s is no time; write 4h, 30m, 90s or seconds",
		      key_name[k], v);
	else if (*out < LIFE_MIN || *out > LIFE_MAX)
		wrong(p, line, "%s = %s is out of bounds; write 10s to 7d", key_name[k],
		      v);
}

static void set_traffic(struct parser *p, enum key k, uint64_t least, uint64_t *out)
{
	int line;
	const char *v = value(&p->section, k, &line);

	if (count_parse(v, out) < 0)
		wrong(p, line, "%s = %s is no number; write 4500M, for one", key_name[k],
		      v);
	else if (*out && *out < least)
		wrong(p, line, "%s = %s would be used up at once; write at least %llu",
		      key_name[k], v, (unsigned long long)least);
}

static void set_start(struct parser *p, struct ike_peer *ike)
{
	int line;
	const char *v = value(&p->section, K_START, &line);

	if (!strcmp(v, "now"))
		ike->start = IKE_START_NOW;
	else if (!strcmp(v, "traffic"))
		ike->start = IKE_START_TRAFFIC;
	else if (strcmp(v, "never"))
		wrong(p, line, "start = %s is not known; write now, traffic or never", v);
}

/* 0 asks never. The peer has to have time for a few answers. */
static void set_dpd(struct parser *p, struct ike_peer *ike)
{
	int line;
	const char *delay = value(&p->section, K_DPD_DELAY, &line);
	const char *timeout;

	if (seconds_parse(delay, &ike->dpd_seconds) < 0 || ike->dpd_seconds > DPD_MAX)
		wrong(p, line,
		      "dpd-delay = %s is no time up to 1h; write 30s, or 0 for never",
		      delay);
	timeout = value(&p->section, K_DPD_TIMEOUT, &line);
	if (seconds_parse(timeout, &ike->dpd_timeout) < 0 || ike->dpd_timeout > LIFE_MAX)
		wrong(p, line, "dpd-timeout = %s is no time; write 2m, for one", timeout);
	else if (ike->dpd_timeout < ike->dpd_seconds + DPD_LEAST)
		wrong(p, line,
		      "dpd-timeout = %s gives the peer no time to answer; write at least %ds "
		      "more than dpd-delay",
		      timeout, DPD_LEAST);
}

/* First of all: its values stand for what is not written. */
static void set_profile(struct parser *p)
{
	struct section *s = &p->section;
	char names[PROFILE_NAMES];

	if (!s->value[K_PROFILE])
		return;
	s->profile = profile_find(s->value[K_PROFILE], names);
	if (!s->profile)
		wrong(p, s->at[K_PROFILE], "profile = %s is not known; write one of %s",
		      s->value[K_PROFILE], names);
	else if (!s->profile->value[K_IKE] && !s->value[K_IKE] && !yes(p, K_LEGACY))
		wrong(p, s->at[K_PROFILE],
		      "profile = %s needs legacy = yes: with version 1 that peer knows "
		      "nothing better than %s",
		      s->profile->name, s->profile->weak_ike);
}

static bool same_id(const struct ike_id *a, const struct ike_id *b)
{
	return a->type == b->type && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

/*
 * Behind one NAT there may be several peers. Main Mode uses the pre-shared key before it
 * has the identity that tells them apart: they need the same one (RFC 2409 section 5.4).
 */
static bool told_apart(const struct peer_config *a, const struct peer_config *b)
{
	return a->psk.path && b->psk.path && !strcmp(a->psk.path, b->psk.path) &&
	       a->ike.remote_id.type && b->ike.remote_id.type &&
	       !same_id(&a->ike.remote_id, &b->ike.remote_id);
}

/* In Main Mode with a pre-shared key the addresses alone tell peers apart. */
static bool same_addrs(const struct ike_peer *a, const struct ike_peer *b)
{
	return a->remote.family && a->remote.family == b->remote.family &&
	       !memcmp(a->remote.ip, b->remote.ip, sizeof(a->remote.ip)) &&
	       (!a->local.family || !b->local.family ||
		!memcmp(a->local.ip, b->local.ip, sizeof(a->local.ip)));
}

static bool same_selector(const struct peer_config *a, const struct peer_config *b)
{
	size_t i, j;

	if (!a->interface || !b->interface || strcmp(a->interface, b->interface))
		return false;
	for (i = 0; i < a->ike.n_child; i++)
		for (j = 0; j < b->ike.n_child; j++)
			if (same_subnet(&a->ike.child[i].local, &b->ike.child[j].local) &&
			    same_subnet(&a->ike.child[i].remote, &b->ike.child[j].remote))
				return true;
	return false;
}

static void compare(struct parser *p, const struct peer_config *peer)
{
	const struct peer_config *other;
	size_t i;

	for (i = 0; i < p->config->n_peers; i++) {
		other = &p->config->peer[i];
		if (!strcmp(peer->ike.name, other->ike.name))
			wrong(p, p->section.line,
			      "peer %s is here a second time, first in line %d; give it "
			      "another name",
			      peer->ike.name, p->peer_line[i]);
		else if (same_addrs(&peer->ike, &other->ike) && !told_apart(peer, other))
			wrong(p, p->section.line,
			      "peers %s and %s have the same two addresses, which is all "
			      "that tells them apart in Main Mode; give each a local of "
			      "its own, make them one, or, behind one NAT, write the same "
			      "psk-file and another remote-id for each",
			      other->ike.name, peer->ike.name);
		else if (same_selector(peer, other))
			wrong(p, p->section.line,
			      "peers %s and %s have the same subnets on %s; write "
			      "remote-subnets, or use another interface",
			      other->ike.name, peer->ike.name, peer->interface);
	}
}

void section_to_peer(struct parser *p, struct peer_config *peer)
{
	set_profile(p);
	set_interface(p, peer);
	set_addrs(p, &peer->ike);
	set_auth(p, peer);
	set_version(p);
	set_suites(p, &peer->ike);
	set_lifetime(p, K_LIFETIME_IKE, &peer->ike.ike_seconds);
	set_lifetime(p, K_LIFETIME_ESP, &peer->ike.esp_seconds);
	set_traffic(p, K_LIFETIME_ESP_BYTES, 10000000, &peer->ike.esp_bytes);
	set_traffic(p, K_LIFETIME_ESP_PACKETS, 1000, &peer->ike.esp_packets);
	peer->ike.no_ids = !yes(p, K_PHASE2_IDS);
	set_children(p, &peer->ike);
	set_id(p, K_LOCAL_ID, &peer->ike.local_id);
	set_id(p, K_REMOTE_ID, &peer->ike.remote_id);
	set_start(p, &peer->ike);
	peer->ike.encap = yes(p, K_ENCAP);
	set_dpd(p, &peer->ike);
	if (peer->ike.name)
		compare(p, peer);
}
