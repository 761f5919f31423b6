// SPDX-License-Identifier: MIT
/* ikehelper why: the sentence and the code, from what really happens between two cores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "outcome.h"
#include "why.h"

/* What side would be told now, as a client reads it. */
static cJSON *why_of(int side, size_t up, size_t children)
{
	const struct side *s = &net.side[side];
	struct why_now now = {
		.peer = "osaka", .ms = net.now, .up = up, .children = children
	};
	struct why w = { 0 };
	cJSON *sent, *read;
	char *line;

	for (size_t i = 0; i < s->n_trace; i++)
		why_event(&w, &s->trace[i]);
	sent = why_json(&w, &now);
	line = cJSON_PrintUnformatted(sent);
	read = cJSON_Parse(line);
	cJSON_free(line);
	cJSON_Delete(sent);
	return read;
}

static const char *text_of(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, name));

	return text ? text : "";
}

static void says(const cJSON *o, const char *name, const char *part)
{
	if (!strstr(text_of(o, name), part))
		fail_msg("%s: \"%s\" is not in \"%s\"", name, part, text_of(o, name));
}

/* That code with that sentence, and something to do about it. */
static void down_with(int side, const char *code, const char *sentence, const char *ours,
		      const char *theirs)
{
	cJSON *o = why_of(side, 0, 1);

	assert_string_equal(text_of(o, "code"), code);
	says(o, "sentence", sentence);
	says(o, "ours", ours);
	says(o, "theirs", theirs);
	assert_true(*text_of(o, "remedy"));
	assert_non_null(cJSON_GetObjectItem(o, "ago"));
	cJSON_Delete(o);
}

static void not_tried(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	cJSON *o;

	(void)state;
	pair_start(&net, &cfg);
	o = why_of(0, 0, 1);
	assert_string_equal(text_of(o, "code"), "not-tried");
	assert_true(*text_of(o, "remedy"));
	cJSON_Delete(o);
	pair_stop(&net);
}

/* Silence and a refusal are two things; and so is what may be forged. */
static void silence_is_no_refusal(void **state)
{
	static const struct pair_cfg silent = { 0 };
	static const struct pair_cfg refusing = { .ike = { "aes256-sha256-ecp256",
							   "aes128-sha1-modp2048" } };

	(void)state;
	pair_start(&net, &silent);
	net.fate = all_lost;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	down_with(0, "under-way", "packet 1 has gone out", "", "");
	pair_run(&net, net.now + 2 * MINUTE);
	down_with(0, "no-answer", "UDP port 500 is filtered", "", "");
	pair_stop(&net);

	up(&refusing);
	/* While it is still tried the peer's word is passed on, for what it is worth. */
	down_with(0, "no-proposal", "Nothing protects that message", "", "");
	pair_run(&net, net.now + 2 * MINUTE);
	down_with(0, "no-proposal", "may be forged", "aes256-sha256-ecp256", "");
	/* Who refuses knows both sides. */
	down_with(1, "no-proposal", "no suite for the control tunnel",
		  "aes128-sha1-modp2048", "aes256-sha256-ecp256");
	pair_stop(&net);
}

static void wrong_key(void **state)
{
	static const struct pair_cfg cfg = { .psk = { "the right pre-shared key",
						      "the wrong pre-shared key" } };

	(void)state;
	up(&cfg);
	down_with(1, "psk-differs", "the pre-shared keys differ", "", "");
	pair_run(&net, net.now + 2 * MINUTE);
	down_with(0, "psk-differs", "the pre-shared keys differ", "", "");
	pair_stop(&net);
}

/* Behind a NAT it goes on on port 4500, which somebody filters. */
static enum verdict filtered_4500(struct pair_net *n, int from, size_t nth,
				  const uint8_t *data, size_t len)
{
	(void)n;
	(void)from;
	(void)data;
	(void)len;
	return nth < 5 ? PASS : LOSE;
}

static void port_4500(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	pair_start(&net, &cfg);
	pair_nat(&net, 0, false);
	net.fate = filtered_4500;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 2 * MINUTE);
	down_with(0, "no-answer-4500", "answers on UDP port 500 but not on 4500", "", "");
	pair_stop(&net);
}

/* The peer takes phase 1, and says nothing to packet 7. */
static enum verdict no_eighth(struct pair_net *n, int from, size_t nth,
			      const uint8_t *data, size_t len)
{
	(void)n;
	(void)nth;
	return from && len > 18 && data[18] == XCHG_QUICK ? LOSE : PASS;
}

static void silent_refusal(void **state)
{
	static const struct pair_cfg cfg = { .esp = { "aes256gcm16", "aes256gcm16" } };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = no_eighth;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 2 * MINUTE);
	down_with(0, "no-answer-phase-2", "without a word", "ours 10.1.0.0/16", "");
	down_with(0, "no-answer-phase-2", "packet 7", "aes256gcm16", "");
	pair_stop(&net);
}

static void phase_2(void **state)
{
	static const struct pair_cfg esp = { .esp = { "aes256gcm16", "aes128-sha256" } };
	static const struct pair_cfg plain = { 0 };

	(void)state;
	up(&esp);
	down_with(0, "no-proposal", "the peer refuses", "aes256gcm16", "");
	down_with(1, "no-proposal", "ESP", "aes128-sha256", "aes256gcm16");
	pair_stop(&net);

	pair_start(&net, &plain);
	net.side[1].children[0].remote.ip[1] = 9;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	down_with(0, "selectors", "the peer refuses", "ours 10.1.0.0/16", "");
	down_with(1, "selectors", "not those", "theirs 10.9.0.0/16",
		  "theirs 10.1.0.0/16");
	pair_stop(&net);
}

/* IKEv2 comes from the peer: no answer, but a reason to look at its version. */
static void other_version(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	uint8_t v2[28] = { 1, 2, 3, 4, 5, 6, 7, 8, [17] = 0x20, 34, [27] = 28 };

	(void)state;
	pair_start(&net, &cfg);
	pair_inject(&net, 1, v2, sizeof(v2));
	down_with(1, "other-version", "IKE version 2", "", "");
	pair_stop(&net);
}

/* Up: since when, whatever was renewed meanwhile, and what was wrong before. */
static void up_and_down(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW } };
	cJSON *o;

	(void)state;
	pair_start(&net, &cfg);
	net.fate = all_lost;
	pair_run(&net, net.now + 2 * MINUTE);
	net.fate = NULL;
	pair_run(&net, net.now + 2 * MINUTE);
	assert_true(pair_usable(&net, 0));
	pair_run(&net, net.now + 70 * MINUTE);
	o = why_of(0, 1, 1);
	assert_string_equal(text_of(o, "code"), "up");
	assert_in_range(cJSON_GetObjectItem(o, "since")->valuedouble, 70 * 60, 74 * 60);
	assert_string_equal(text_of(cJSON_GetObjectItem(o, "before"), "code"),
			    "no-answer");
	cJSON_Delete(o);

	pair_command(&net, 1, IKE_DOWN);
	pair_run(&net, net.now + 1000);
	o = why_of(1, 0, 1);
	assert_string_equal(text_of(o, "code"), "down");
	says(o, "sentence", "ESP tunnels");
	cJSON_Delete(o);
	pair_stop(&net);
}

/* A daemon that was restarted counts the tunnels that it found, renewed or not. */
static void adopted(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	cJSON *o;

	(void)state;
	up(&cfg);
	net.side[0].n_trace = 0;
	pair_restart(&net, 0);
	pair_run(&net, net.now + 10 * MINUTE);
	assert_true(pair_count(&net.side[0], TRACE_DOWN));
	o = why_of(0, 1, 1);
	assert_string_equal(text_of(o, "code"), "up");
	assert_int_equal(cJSON_GetObjectItem(o, "since")->valuedouble, 600);
	cJSON_Delete(o);
	pair_stop(&net);
}

/* What came to nothing is forgotten: phase 1 was refused by somebody, and then went well. */
static void refuted_hint(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	/* An Informational in clear with NO-PROPOSAL-CHOSEN. */
	uint8_t no[40] = { [16] = PL_NOTIFY, [17] = IKE_V1, [18] = XCHG_INFO,
			   [23] = 1,	     [27] = 40,	    [31] = 12,
			   [35] = 1,	     [36] = 1,	    [39] = N_NO_PROPOSAL_CHOSEN };
	uint64_t began;

	(void)state;
	pair_start(&net, &cfg);
	net.side[1].no_spi = true; /* phase 2 stops */
	pair_command(&net, 0, IKE_UP);
	began = net.now;
	memcpy(no, net.last[0], 8);
	pair_inject(&net, 0, no, sizeof(no));
	down_with(0, "no-proposal", "Nothing protects that message", "", "");
	while (!pair_count(&net.side[0], TRACE_REFUSED) && net.now < began + 1000) {
		pair_run(&net, net.now + 1);
		if (pair_tunnels(&net.side[0]) &&
		    !pair_count(&net.side[0], TRACE_REFUSED))
			down_with(0, "under-way", "", "", "");
	}
	pair_stop(&net);
}

/* One pair of subnets of two has failed: said with what is up. */
static void in_part(void **state)
{
	static const struct pair_cfg cfg = {
		.selectors = "10.1.0.0/16=10.2.0.0/16,10.3.0.0/16=10.2.0.0/16"
	};
	cJSON *o;

	(void)state;
	pair_start(&net, &cfg);
	net.side[1].children[1].remote.ip[1] = 9;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	o = why_of(0, 1, 2);
	assert_string_equal(text_of(o, "code"), "selectors");
	says(o, "sentence", "1 of 2 pairs of subnets are up; the peer refuses");
	cJSON_Delete(o);
	pair_stop(&net);
}

/* Tried again and again, it is the same failure; another one starts the count anew. */
static void times(void **state)
{
	static const struct pair_cfg cfg = { .start = { IKE_START_NOW } };
	cJSON *o;

	(void)state;
	pair_start(&net, &cfg);
	net.fate = all_lost;
	pair_run(&net, net.now + 10 * MINUTE);
	o = why_of(0, 0, 1);
	assert_int_equal(cJSON_GetObjectItem(o, "times")->valuedouble,
			 pair_count(&net.side[0], TRACE_REFUSED));
	cJSON_Delete(o);
	pair_stop(&net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_tried),	  cmocka_unit_test(silence_is_no_refusal),
		cmocka_unit_test(wrong_key),	  cmocka_unit_test(phase_2),
		cmocka_unit_test(silent_refusal), cmocka_unit_test(port_4500),
		cmocka_unit_test(other_version),  cmocka_unit_test(up_and_down),
		cmocka_unit_test(in_part),	  cmocka_unit_test(refuted_hint),
		cmocka_unit_test(adopted),	  cmocka_unit_test(times),
	};

	return cmocka_run_group_tests_name("why", tests, NULL, NULL);
}
