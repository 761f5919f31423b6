// SPDX-License-Identifier: MIT
/* What two cores refuse, and how both of them say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "outcome.h"

static void wrong_psk(void **state)
{
	static const struct pair_cfg cfg = { .psk = { "the right pre-shared key",
						      "the wrong pre-shared key" } };

	(void)state;
	up(&cfg);
	/* The responder knows at once, the initiator when it has waited. */
	refused_with(
		1, "psk-differs",
		"packet 5 does not decrypt to payloads: the pre-shared keys differ (we "
		"used the key for 192.0.2.1)");
	pair_run(&net, net.now + 2 * MINUTE);
	refused_with(0, "psk-differs", "packet 5 was not answered");
	assert_int_equal(pair_count(&net.side[0], TRACE_REFUSED), 1);
	assert_int_equal(pair_count(&net.side[1], TRACE_REFUSED), 1);
	assert_int_equal(pair_tunnels(&net.side[0]) + pair_tunnels(&net.side[1]), 0);
	is_clean();
	pair_stop(&net);
}

static void no_common_suite(void **state)
{
	static const struct pair_cfg cfg = { .ike = { "aes256-sha256-ecp256",
						      "aes128-sha1-modp1024,"
						      "aes128-sha1-modp2048" } };
	const struct trace_event *e;

	(void)state;
	up(&cfg);
	refused_with(1, "no-proposal", "no suite for the control tunnel");
	e = pair_event(&net.side[1], TRACE_REFUSED, 0);
	assert_string_equal(e->ours, "aes128-sha1-modp1024\naes128-sha1-modp2048");
	assert_string_equal(e->theirs, "aes256-sha256-ecp256");
	/* The notify is not authentic: shown at once, believed only when time is up. */
	assert_int_equal(pair_count(&net.side[0], TRACE_REFUSED), 0);
	e = pair_event(&net.side[0], TRACE_NOTE, 0);
	assert_non_null(strstr(e->text, "NO-PROPOSAL-CHOSEN"));
	assert_string_equal(e->code, "no-proposal");
	pair_run(&net, net.now + 2 * MINUTE);
	refused_with(0, "no-proposal", "NO-PROPOSAL-CHOSEN");
	assert_string_equal(pair_event(&net.side[0], TRACE_REFUSED, 0)->ours,
			    "aes256-sha256-ecp256");
	is_clean();
	pair_stop(&net);
}

/* Phase 2 refusals are authentic: they end the exchange at once on both sides. */
static void no_common_esp_suite(void **state)
{
	static const char *const esp[][2] = {
		{ "aes256gcm16", "aes128gcm16" },
		{ "aes256gcm16-ecp256", "aes256gcm16" },
		{ "aes256gcm16", "aes256gcm16-ecp256" },
		{ "aes256-sha256-ecp256", "aes256-sha256-ecp384" },
		{ "aes256gcm16-esn", "aes256gcm16" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(esp); i++) {
		struct pair_cfg cfg = { .esp = { esp[i][0], esp[i][1] } };

		up(&cfg);
		refused_with(1, "no-proposal", "no suite for the ESP tunnels");
		refused_with(0, "no-proposal", "the peer refuses: NO-PROPOSAL-CHOSEN");
		assert_string_equal(pair_event(&net.side[1], TRACE_REFUSED, 0)->theirs,
				    esp[i][0]);
		assert_int_equal(pair_tunnels(&net.side[0]), 1);
		is_clean();
		pair_stop(&net);
	}
}

static void other_identity(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (int side = 0; side < 2; side++) {
		struct ike_id *id;
		const struct trace_event *e;

		pair_start(&net, &cfg);
		id = &net.side[side].peer.remote_id;
		id->type = ID_FQDN;
		id->len = 5;
		memcpy(id->data, "osaka", 5);
		pair_command(&net, 0, IKE_UP);
		pair_run(&net, net.now + 1000);
		refused_with(side, "id-differs", "identity");
		e = pair_event(&net.side[side], TRACE_REFUSED, 0);
		assert_string_equal(e->ours, "osaka");
		assert_string_equal(e->theirs, side ? "192.0.2.1" : "192.0.2.2");
		/* Said under the keys of phase 1: the other side knows at once as well. */
		assert_int_equal(pair_tunnels(&net.side[0]) + pair_tunnels(&net.side[1]),
				 0);
		if (side == 1)
			refused_with(0, "auth-failed", "INVALID-ID-INFORMATION");
		is_clean();
		pair_stop(&net);
	}
}

/* The same kind, the same length, another name. */
static void nearly_the_identity(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct ike_id *ids[2];

	(void)state;
	pair_start(&net, &cfg);
	ids[0] = &net.side[0].peer.local_id;
	ids[1] = &net.side[1].peer.remote_id;
	for (int i = 0; i < 2; i++) {
		ids[i]->type = ID_FQDN;
		ids[i]->len = 5;
		memcpy(ids[i]->data, i ? "osaka" : "osakb", 5);
	}
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	refused_with(1, "id-differs", "identity");
	is_clean();
	pair_stop(&net);
}

static void named_identities(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	static const char *const names[] = { "osaka.example", "kyoto.example" };

	(void)state;
	pair_start(&net, &cfg);
	for (int i = 0; i < 2; i++) {
		struct ike_id *ids[] = { &net.side[i].peer.local_id,
					 &net.side[i].peer.remote_id };

		for (int k = 0; k < 2; k++) {
			ids[k]->type = ID_FQDN;
			ids[k]->len = strlen(names[i ^ k]);
			memcpy(ids[k]->data, names[i ^ k], ids[k]->len);
		}
	}
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	pair_stop(&net);
}

static void subnet(struct ike_subnet *s, uint8_t a, uint8_t b, uint8_t bits)
{
	*s = (struct ike_subnet){ .family = 4, .ip = { a, b }, .bits = bits };
}

static void other_selectors(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	const struct trace_event *e;

	(void)state;
	pair_start(&net, &cfg);
	subnet(&net.side[1].children[0].remote, 10, 9, 16);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	refused_with(1, "selectors", "not those of a tunnel");
	e = pair_event(&net.side[1], TRACE_REFUSED, 0);
	assert_string_equal(e->ours, "ours 10.2.0.0/16, theirs 10.9.0.0/16");
	assert_string_equal(e->theirs, "ours 10.2.0.0/16, theirs 10.1.0.0/16");
	refused_with(0, "selectors", "INVALID-ID-INFORMATION");
	is_clean();
	pair_stop(&net);
}

/* A route-based responder, from any to any, takes whatever the peer asks for. */
static void any_to_any(void **state)
{
	static const struct pair_cfg cfg = { .selectors = "0.0.0.0/0=0.0.0.0/0" };

	(void)state;
	up(&cfg);
	is_up();
	pair_stop(&net);

	pair_start(&net, &cfg);
	subnet(&net.side[0].children[0].local, 10, 1, 16);
	subnet(&net.side[0].children[0].remote, 10, 2, 32);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	pair_stop(&net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_psk),	       cmocka_unit_test(no_common_suite),
		cmocka_unit_test(no_common_esp_suite), cmocka_unit_test(other_identity),
		cmocka_unit_test(nearly_the_identity), cmocka_unit_test(named_identities),
		cmocka_unit_test(other_selectors),     cmocka_unit_test(any_to_any),
	};

	return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
