// SPDX-License-Identifier: MIT
/*
 * Each profile against a gateway that behaves as those do when nobody has changed their
 * defaults: a day of tunnels, begun and renewed by either side, and traffic never stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "outcome.h"

enum {
	NO_IDS = 1,	  /* no selectors in phase 2 */
	NO_RENEWAL = 2,	  /* lets its control tunnels end */
	TWO_FAMILIES = 4, /* wants a second pair, for IPv6 */
	COMMIT = 8,	  /* sets the commit bit */
	WAITS = 16,	  /* begins when there is traffic */
	LEGACY = 32,	  /* needs legacy = yes */
};

/* As the vendors document them; ours has to fit without a key of its own. */
static const struct gateway {
	const char *profile;
	unsigned int habits;
	const char *ike, *esp;
	uint32_t ike_seconds, esp_seconds;
	uint64_t esp_bytes;
	const char *agreed; /* of ESP, when the gateway answers */
} gateways[] = {
	{ "cisco", 0, "aes256-sha1-modp2048", "aes128-sha1", 86400, 3600, 4608000000,
	  "aes128-sha1" },
	{ "cisco", LEGACY, "3des-sha1-modp1024", "aes128-sha1", 86400, 1800, 0,
	  "aes128-sha1" },
	{ "yamaha", NO_IDS | NO_RENEWAL, "aes256-sha256-modp2048",
	  "aes128-sha1,aes256-sha256", 28800, 28800, 0, "aes128-sha1" },
	{ "yamaha", NO_IDS | LEGACY, "3des-sha1-modp1024", "aes128-sha1", 28800, 28800, 0,
	  "aes128-sha1" },
	{ "seil", TWO_FAMILIES | COMMIT | LEGACY,
	  "aes256-sha256-modp1536,aes128-sha1-modp1536", "aes256-sha256,aes128-sha1",
	  86400, 28800, 0, "aes256-sha256" },
	{ "fortigate", WAITS, "aes128-sha256-modp2048,aes256-sha1-modp2048",
	  "aes128-sha256-modp2048,aes256-sha1-modp2048", 86400, 43200, 0,
	  "aes128-sha256-modp2048" },
	{ "juniper", 0, "aes256-sha256-modp2048", "aes256-sha256-modp2048", 28800, 3600,
	  0, "aes256-sha256-modp2048" },
	{ "azure", LEGACY, "aes256-sha1-modp1024,3des-sha1-modp1024",
	  "aes256gcm16,aes256-sha1", 28800, 27000, 102400000000, "aes256gcm16" },
	{ "azure", 0, "aes256-sha256-modp2048", "aes256-sha256", 28800, 3600,
	  102400000000, "aes256-sha256" },
	/* Below the hour that it allows; ours is longer, and gives way. */
	{ "aws", WAITS, "aes128-sha256-modp2048", "aes128gcm16-modp2048", 28800, 900, 0,
	  "aes128gcm16-modp2048" },
	{ "gcp", LEGACY, "aes128-sha1-modp1024", "aes128-sha1-modp1024", 36600, 10800, 0,
	  "aes128-sha1-modp1024" },
	/* Its order is its own, whoever begins. */
	{ "strongswan", 0, "aes128-sha256-ecp256,aes256-sha256-modp2048",
	  "aes128-sha256,aes256gcm16", 15840, 3960, 0, "aes128-sha256" },
	{ "strongswan", 0, "aes128-sha256-x25519", "aes128-sha256", 15840, 3960, 0,
	  "aes128-sha256" },
	{ "libreswan", 0, "aes256-sha256-modp2048",
	  "aes256gcm16-modp2048,aes128-sha1-modp2048", 28800, 28800, 0,
	  "aes256gcm16-modp2048" },
};

/* With lines of its own, or the profile alone. */
static struct config *config_of(const struct gateway *g, const char *more)
{
	char text[320], *errors = NULL;
	struct config *config;
	size_t size;
	FILE *in, *out = open_memstream(&errors, &size);
	int len = snprintf(text, sizeof(text),
			   "[peer a]\ninterface = esp0\nremote = 192.0.2.1\n"
			   "psk-file = /psk\nversion = 1\nprofile = %s\nlegacy = %s\n%s",
			   g->profile, g->habits & LEGACY ? "yes" : "no", more);

	in = fmemopen(text, len, "r");
	config = config_parse("FILE", in, out);
	fclose(in);
	fclose(out);
	assert_string_equal(errors, "");
	free(errors);
	return config;
}

static enum verdict habits(struct pair_net *n, int from, size_t nth, const uint8_t *data,
			   size_t len)
{
	const struct ike_path path = { .local = n->side[0].peer.remote,
				       .remote = n->side[1].peer.remote };
	const struct gateway *g = n->ctx;
	uint8_t copy[4096];

	if (from)
		return PASS;
	if (g->habits & NO_RENEWAL && nth > 1 && data[18] == XCHG_MAIN &&
	    !memcmp(data + 8, "\0\0\0\0\0\0\0\0", 8) && pair_tunnels(&n->side[0]))
		return LOSE;
	if (!(g->habits & COMMIT) || !(data[19] & FLAG_ENCRYPTED))
		return PASS;
	memcpy(copy, data, len);
	copy[19] |= 2; /* RFC 2408 section 3.1 */
	pair_fly(n, 1, n->now + 1, &path, copy, len);
	return LOSE;
}

/* Side 0 is the gateway, side 1 is what the profile makes of us. */
static void meet(const struct gateway *g, struct config *config)
{
	const struct ike_peer *ours = &config->peer[0].ike;
	const struct pair_cfg cfg = {
		.ike = { g->ike },
		.esp = { g->esp },
		.selectors = "0.0.0.0/0=0.0.0.0/0,::/0=::/0",
		.ike_seconds = { g->ike_seconds, ours->ike_seconds },
		.esp_seconds = { g->esp_seconds, ours->esp_seconds },
		.start = { IKE_START_NEVER, ours->start },
		.mock = !strstr(g->ike, "ecp"), /* a mock is no point on a curve */
	};
	struct ike_peer *peer;

	pair_start(&net, &cfg);
	net.fate = habits;
	net.ctx = (void *)g;
	peer = &net.side[0].peer;
	peer->no_ids = g->habits & NO_IDS;
	peer->esp_bytes = g->esp_bytes;
	if (!(g->habits & TWO_FAMILIES))
		peer->n_child = 1;
	peer = &net.side[1].peer;
	peer->n_child = ours->n_child;
	peer->ike = ours->ike;
	peer->n_ike = ours->n_ike;
	peer->esp = ours->esp;
	peer->n_esp = ours->n_esp;
	peer->esp_bytes = ours->esp_bytes;
	peer->no_ids = ours->no_ids;
}

static void begin(const struct gateway *g, int side)
{
	struct ike_command cmd = { .type = IKE_ACQUIRE, .peer = &net.side[0].peer };

	if (side || !(g->habits & WAITS)) {
		pair_command(&net, side, IKE_UP);
	} else {
		net.side[0].peer.start = IKE_START_TRAFFIC;
		ike_command(net.side[0].ike, net.now, &cmd);
	}
	pair_run(&net, net.now + 2000);
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void agreed(const struct gateway *g, const struct ike_peer *ours, int beginner)
{
	char text[PROPOSAL_TEXT];
	size_t seen = 0;

	for (size_t i = 0; i < PAIR_SAS; i++) {
		const struct held_sa *sa = &net.side[1].sa[i];

		if (!sa->used)
			continue;
		seen++;
		assert_int_equal(sa->hard_seconds,
				 shorter(ours->esp_seconds, g->esp_seconds));
		if (sa->out)
			assert_int_equal(sa->hard_bytes,
					 shorter(ours->esp_bytes, g->esp_bytes));
		assert_int_equal(sa->local.bits + sa->remote.bits, 0);
		esp_proposal_text(&sa->suite, text);
		if (beginner)
			assert_string_equal(text, g->agreed);
	}
	assert_int_equal(seen, 2 * ours->n_child);
}

static void all_usable(const struct gateway *g, size_t n_child, int minute)
{
	for (size_t child = 0; child < n_child; child++)
		if (!pair_usable(&net, child))
			fail_msg("%s: child %zu down after %d minutes", g->profile, child,
				 minute);
	assert_in_range(pair_count_sas(&net.side[1], true), n_child, 2 * n_child);
}

static void a_day_with_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(gateways); i++) {
		const struct gateway *g = &gateways[i];
		struct config *config = config_of(g, "");
		size_t n_child = g->habits & TWO_FAMILIES ? 2 : 1;

		assert_int_equal(config->peer[0].ike.n_child, n_child);
		for (int beginner = 0; beginner < 2; beginner++) {
			meet(g, config);
			begin(g, beginner);
			all_usable(g, n_child, 0);
			agreed(g, &config->peer[0].ike, beginner);
			for (int minute = 0; minute < 26 * 60; minute++) {
				pair_run(&net, net.now + MINUTE);
				all_usable(g, n_child, minute);
			}
			assert_int_equal(pair_count(&net.side[1], TRACE_REFUSED), 0);
			pair_stop(&net);
		}
		config_free(config);
	}
}

/* Where we want IPv4 alone the other pair is refused, and IPv4 does not notice. */
static void ipv6_is_refused(void **state)
{
	const struct gateway *g = &gateways[4];
	struct config *config =
		config_of(g, "local-subnets = 0.0.0.0/0\nremote-subnets = 0.0.0.0/0\n");
	const struct trace_event *e;

	(void)state;
	assert_true(g->habits & TWO_FAMILIES);
	meet(g, config);
	begin(g, 0);
	refused_with(1, "selectors", "not those of a tunnel");
	e = pair_event(&net.side[1], TRACE_REFUSED, 0);
	assert_string_equal(e->theirs, "ours ::/0, theirs ::/0");
	refused_with(0, "selectors", "INVALID-ID-INFORMATION");
	assert_true(pair_usable(&net, 0));
	assert_int_equal(net.side[1].reserved, 0);
	assert_int_equal(pair_count_sas(&net.side[1], false), 1);
	pair_stop(&net);
	config_free(config);
}

/* What is written goes before what the profile says. */
static void written_keys_win(void **state)
{
	static char text[] = "[peer a]\ninterface = esp0\nremote = 192.0.2.1\n"
			     "psk-file = /psk\nversion = 1\nprofile = yamaha\n"
			     "lifetime-esp = 20m\nphase2-ids = yes\nesp = aes256gcm16\n"
			     "lifetime-esp-packets = 3G\n";
	FILE *in = fmemopen(text, strlen(text), "r");
	struct config *config = config_parse("FILE", in, stderr);
	const struct ike_peer *p;

	(void)state;
	fclose(in);
	assert_non_null(config);
	p = &config->peer[0].ike;
	assert_int_equal(p->ike_seconds, 28800);
	assert_int_equal(p->esp_seconds, 1200);
	assert_false(p->no_ids);
	assert_int_equal(p->n_esp, 1);
	assert_int_equal(p->esp_packets, 3000000000);
	/* Nothing weak without being asked for. */
	for (size_t i = 0; i < p->n_ike; i++)
		assert_true(p->ike[i].group >= GROUP_MODP2048);
	config_free(config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_with_each),
		cmocka_unit_test(ipv6_is_refused),
		cmocka_unit_test(written_keys_win),
	};

	return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
