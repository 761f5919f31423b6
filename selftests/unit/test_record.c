// SPDX-License-Identifier: MIT
/*
 * Recordings: a session that is recorded runs through a core again to the same ladder, byte
 * by byte, whichever line it begins at; nothing secret of it is in the file; and the daemon
 * keeps so much of it, and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ladder.h"
#include "pair.h"
#include "record.h"
#include "tape.h"

#define LINES_MAX   4000
#define SECRETS_MAX 200
#define MINUTE	    60000

/* What each side of the session recorded, and what it must not have. */
static struct {
	char *line[LINES_MAX];
	size_t n, first; /* first: the beginning to replay from */
	size_t events;	 /* that had been traced by then */
} tape[2];

static struct pair_net net;
static bool cut; /* a new beginning whenever there can be one */

static struct {
	uint8_t data[512];
	size_t len;
} secret[SECRETS_MAX];
static size_t n_secrets;

static int side_of(const void *side)
{
	return side == &net.side[1];
}

static bool record(void *ctx, const struct ike_peer *peer, const char *line,
		   bool beginning)
{
	int i = side_of(ctx);

	(void)peer;
	assert_true(tape[i].n < LINES_MAX);
	if (beginning)
		tape[i].first = tape[i].n;
	/* What led to the beginning has been traced by the time of the next call. */
	else if (tape[i].first + 1 == tape[i].n)
		tape[i].events = net.side[i].n_trace;
	tape[i].line[tape[i].n++] = strdup(line);
	return cut;
}

static void begin(struct pair_cfg cfg)
{
	cfg.record = record;
	if (!cfg.seed)
		cfg.seed = 1;
	net = (struct pair_net){ 0 };
	pair_start(&net, &cfg);
}

static void end(void)
{
	pair_stop(&net);
	for (int i = 0; i < 2; i++) {
		while (tape[i].n)
			free(tape[i].line[--tape[i].n]);
		tape[i].first = tape[i].events = 0;
	}
	n_secrets = 0;
	cut = false;
}

/* A drawing and what it was drawn from, as text. */
struct drawing {
	struct ladder ladder;
	FILE *out;
	char *text;
	size_t len;
};

static void draw_begin(struct drawing *d)
{
	*d = (struct drawing){ 0 };
	d->out = open_memstream(&d->text, &d->len);
	d->ladder = (struct ladder){ .painter = &ladder_ascii,
				     .out = d->out,
				     .width = LADDER_WIDTH_MAX };
}

static void draw(void *ctx, const struct trace_event *e)
{
	struct drawing *d = ctx;
	cJSON *json = trace_to_json(e);
	char *text = cJSON_PrintUnformatted(json);

	ladder_event(&d->ladder, e);
	fprintf(d->out, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(json);
}

/*
 * HASH_I with the nonces would let a weak pre-shared key be guessed. It may be anywhere in
 * what was not verified, for somebody may have sent a message of ours back.
 */
static void check_plain(const char *line)
{
	static const uint8_t must_not[] = { PL_HASH, PL_SIG, PL_NONCE, PL_CERT };
	cJSON *o = cJSON_Parse(line);
	const cJSON *in = cJSON_GetObjectItem(o, "input");
	const char *found = cJSON_GetStringValue(cJSON_GetObjectItem(in, "found"));
	bool all = found && strcmp(found, "right");
	struct buf plain = { 0 }, head = { 0 };
	struct payloads ps;
	char why[PAYLOAD_WHY];

	if (!cJSON_GetObjectItem(in, "plain")) {
		cJSON_Delete(o);
		return;
	}
	assert_int_equal(hex_read(in, "plain", &plain), 0);
	assert_int_equal(hex_read(in, "data", &head), 0);
	assert_int_equal(payloads_parse(&ps, head.data[16], plain.data, plain.len, why),
			 0);
	for (size_t i = 0; i < ps.n; i++)
		for (size_t k = 0; k < ps.p[i].len; k++)
			if (all || memchr(must_not, ps.p[i].type, sizeof(must_not)))
				assert_int_equal(ps.p[i].body[k], 0);
	for (size_t k = ps.used; k < plain.len; k++)
		assert_int_equal(plain.data[k], 0);
	buf_wipe(&plain);
	buf_wipe(&head);
	cJSON_Delete(o);
}

/* The first line only: a ladder is long. */
static void say_difference(const char *was, const char *is)
{
	size_t at = 0;

	while (was[at] && was[at] == is[at])
		at++;
	if (!was[at] && !is[at])
		return;
	while (at && was[at - 1] != '\n')
		at--;
	print_error("recorded: %.*s\nreplayed: %.*s\n", (int)strcspn(was + at, "\n"),
		    was + at, (int)strcspn(is + at, "\n"), is + at);
}

/* From the last beginning on, both come to the same. */
static void check_side(int i)
{
	struct drawing was, is;
	struct ike_replay *r;
	char why[IKE_REPLAY_WHY] = "";

	draw_begin(&was);
	for (size_t k = tape[i].events; k < net.side[i].n_trace; k++)
		draw(&was, &net.side[i].trace[k]);
	draw_begin(&is);
	r = ike_replay_new(draw, &is);
	for (size_t k = tape[i].first; k < tape[i].n; k++) {
		int ret = ike_replay_line(r, tape[i].line[k], why);

		check_plain(tape[i].line[k]);
		if (ret)
			print_error("side %d, line %zu: %d %s: %s\n", i, k, ret, why,
				    tape[i].line[k]);
		assert_int_equal(ret, 0);
	}
	ike_replay_free(r);
	fclose(was.out);
	fclose(is.out);
	assert_true(was.len && net.side[i].n_trace < PAIR_TRACES);
	say_difference(was.text, is.text);
	assert_true(!strcmp(is.text, was.text));
	free(was.text);
	free(is.text);
}

static void check(void)
{
	check_side(0);
	check_side(1);
}

static enum verdict some_lost(struct pair_net *n, int from, size_t nth,
			      const uint8_t *data, size_t len)
{
	(void)n;
	(void)from;
	(void)data;
	(void)len;
	return nth % 5 == 2    ? LOSE
	       : nth % 7 == 3  ? TWICE
	       : nth % 11 == 4 ? TWICE_LATE
			       : PASS;
}

/* Start, renewals of both kinds by both sides, silence and DPD, the end; with loss. */
static void live(void)
{
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + MINUTE);
	pair_command(&net, 0, IKE_REKEY);
	pair_run(&net, net.now + MINUTE);
	pair_command(&net, 1, IKE_REKEY);
	pair_run(&net, net.now + MINUTE);
	ike_command(net.side[1].ike, net.now,
		    &(struct ike_command){ .type = IKE_REKEY,
					   .peer = &net.side[1].peer,
					   .control = true });
	pair_run(&net, net.now + 3 * MINUTE);
}

static void test_session(void **state)
{
	(void)state;
	begin((struct pair_cfg){
		.esp = { "aes256gcm16-ecp256", "aes256gcm16-ecp256" },
		.selectors = "10.1.0.0/16=10.2.0.0/16,10.3.0.0/16=10.4.0.0/16",
		.dpd_seconds = { 20, 20 },
		.esp_seconds = { 600, 600 } });
	net.fate = some_lost;
	live();
	pair_run(&net, net.now + 10 * MINUTE);
	pair_command(&net, 0, IKE_DOWN);
	pair_run(&net, net.now + MINUTE);
	check();
	end();
}

/* The history is bounded: a replay begins in the middle of a life, too. */
static void test_cut(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 9; seed++) {
		cut = true;
		begin((struct pair_cfg){ .seed = seed,
					 .dpd_seconds = { 20, 20 },
					 .esp_seconds = { 600, 600 } });
		live();
		cut = false;
		assert_true(tape[0].first && tape[1].first);
		net.fate = some_lost;
		live();
		pair_run(&net, net.now + 10 * MINUTE);
		pair_command(&net, seed % 2, IKE_DOWN);
		pair_run(&net, net.now + MINUTE);
		check();
		end();
	}
}

static void test_signatures(void **state)
{
	(void)state;
	begin((struct pair_cfg){ .auth = AUTH_ECDSA256 });
	net.fate = some_lost;
	live();
	check();
	end();
}

static void test_nat(void **state)
{
	(void)state;
	begin((struct pair_cfg){ .dpd_seconds = { 20, 20 } });
	pair_nat(&net, 0, false);
	record_begin(net.side[1].ike->peers);
	live();
	check();
	end();
}

static void test_adopted(void **state)
{
	(void)state;
	begin((struct pair_cfg){ .start = { IKE_START_NOW, IKE_START_NOW } });
	pair_run(&net, net.now + MINUTE);
	pair_restart(&net, 0);
	pair_run(&net, net.now + MINUTE);
	check();
	end();
}

/* What fails most often, and of which a report is most wanted. */
static void test_refusals(void **state)
{
	static const struct pair_cfg bad[] = {
		{ .psk = { "one key of a test", "another key of a test" } },
		{ .ike = { "aes256-sha256-ecp256", "aes128-sha1-modp2048" } },
		{ .esp = { "aes256gcm16", "aes128gcm16" } },
		{ .esp = { "aes256gcm16-ecp256", "aes256gcm16-modp2048" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(bad[i]);
		pair_command(&net, 0, IKE_UP);
		pair_run(&net, net.now + 5 * MINUTE);
		assert_true(pair_count(&net.side[0], TRACE_REFUSED));
		check();
		end();
	}
	begin((struct pair_cfg){ 0 });
	net.side[1].children[0].remote.ip[1] = 9;
	record_begin(net.side[1].ike->peers);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 5 * MINUTE);
	assert_true(pair_count(&net.side[0], TRACE_REFUSED));
	check();
	end();
}

/* Bits of every encrypted message are changed on the way, each once. */
static enum verdict forge(struct pair_net *n, int from, size_t nth, const uint8_t *data,
			  size_t len)
{
	const struct ike_path path = { .local = n->side[!from].home,
				       .remote = n->side[from].home };
	uint8_t other[4096];

	if (!(data[19] & FLAG_ENCRYPTED) || len > sizeof(other))
		return PASS;
	memcpy(other, data, len);
	other[len - 1 - nth % (len - 29)] ^= 1 << nth % 8;
	pair_fly(n, !from, n->now, &path, other, len);
	/* And sent back to who sent it. */
	pair_fly(n, from, n->now, &(struct ike_path){ path.remote, path.local }, data,
		 len);
	return PASS;
}

static void test_forged(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 9; seed++) {
		begin((struct pair_cfg){ .seed = seed,
					 .auth = seed % 2 ? AUTH_PSK : AUTH_RSA });
		net.fate = forge;
		live();
		check();
		end();
	}
}

static void ignore(void *ctx, const struct trace_event *e)
{
	(void)ctx;
	(void)e;
}

/* What answers Aggressive Mode in our name: its HASH is nobody's business. */
static void test_aggressive(void **state)
{
	uint8_t data[IKE_HEADER_LEN + 24] = { 0 };
	size_t before;

	(void)state;
	begin((struct pair_cfg){ 0 });
	memset(data, 0xc1, 16); /* both cookies */
	data[16] = PL_HASH;
	data[17] = IKE_V1;
	data[18] = XCHG_AGGRESSIVE;
	data[27] = sizeof(data);
	data[31] = 24;
	memset(data + 32, 0xa7, 20);
	before = tape[0].n;
	pair_inject(&net, 0, data, sizeof(data));
	assert_int_equal(tape[0].n, before + 1);
	assert_null(strstr(tape[0].line[before], "a7a7"));
	check_side(0);
	/* The same to the core, and in the ladder, whatever else it is. */
	memset(data + 8, 0, 8);
	pair_inject(&net, 0, data, sizeof(data));
	data[18] = XCHG_QUICK;
	pair_inject(&net, 0, data, sizeof(data));
	data[17] = 0x20;
	pair_inject(&net, 0, data, sizeof(data));
	for (size_t i = before; i < tape[0].n; i++)
		assert_null(strstr(tape[0].line[i], "a7a7"));
	check_side(0);
	end();
}

static void add_subnet(struct ike_peer *peer, size_t i)
{
	peer->child[i] = peer->child[0];
	peer->child[i].remote.ip[1] = i / 250;
	peer->child[i].remote.ip[2] = i % 250;
	peer->child[i].remote.bits = 24;
}

/* As many subnets as a configuration can have are no obstacle to a replay. */
static void test_many(void **state)
{
	static struct ike_child_cfg children[4096];
	struct ike_env env = { .record = record, .ctx = &net.side[0] };
	struct ike_peer peer;
	struct ike_replay *r;
	char why[IKE_REPLAY_WHY] = "";
	struct ike *ike;

	(void)state;
	begin((struct pair_cfg){ 0 });
	peer = net.side[0].peer;
	children[0] = peer.child[0];
	peer.child = children;
	peer.n_child = sizeof(children) / sizeof(children[0]);
	for (size_t i = 1; i < peer.n_child; i++)
		add_subnet(&peer, i);
	ike = ike_new(&env);
	assert_non_null(ike);
	assert_int_equal(ike_peer_add(ike, &peer), 0);
	r = ike_replay_new(ignore, NULL);
	assert_int_equal(ike_replay_line(r, tape[0].line[tape[0].first], why), 0);
	ike_replay_free(r);
	ike_free(ike);
	end();
}

/* --- secrets ----------------------------------------------------------------------- */

static void add_secret(const void *data, size_t len)
{
	/* An octet or two may be anywhere. */
	if (len < 8)
		return;
	assert_true(n_secrets < SECRETS_MAX && len <= sizeof(secret[0].data));
	memcpy(secret[n_secrets].data, data, len);
	secret[n_secrets++].len = len;
}

static uint32_t secret_need[2][SECRETS_MAX];
static size_t n_needs[2];

static void see(struct pair_net *n, int side, const struct ike_action *a)
{
	(void)n;
	if (a->type == IKE_NEED_PRF || (a->type == IKE_NEED_DH && a->dh.op == DH_SHARED))
		secret_need[side][n_needs[side]++] = a->id;
	if (a->type == IKE_NEED_DH)
		add_secret(a->dh.priv, a->dh.priv_len);
	if (a->type == IKE_SA_ADD)
		add_secret(a->sa_add.key, a->sa_add.key_len);
	if (a->type == IKE_SA_ADD && a->sa_add.integ_key_len)
		add_secret(a->sa_add.integ_key, a->sa_add.integ_key_len);
	if (a->type == IKE_KEYLOG)
		add_secret(a->keylog.key, a->keylog.key_len);
}

static void answer(struct pair_net *n, int side, const struct answer *a)
{
	for (size_t i = 0; i < n_needs[side]; i++)
		if (secret_need[side][i] == a->id)
			add_secret(a->data, a->len);
	pair_answer(n, side, a);
}

static struct {
	uint8_t data[4096];
	size_t len;
} sealed[SECRETS_MAX];
static size_t n_sealed;

static void pass(struct pair_net *n, int from, const struct ike_path *path,
		 const uint8_t *data, size_t len)
{
	if (data[19] & FLAG_ENCRYPTED) {
		assert_true(n_sealed < SECRETS_MAX && len <= sizeof(sealed[0].data));
		memcpy(sealed[n_sealed].data, data, len);
		sealed[n_sealed++].len = len;
	}
	pair_fly(n, !from, n->now + 5, path, data, len);
}

static uint64_t never(struct pair_net *n)
{
	(void)n;
	return UINT64_MAX;
}

static const struct pair_world world = {
	.send = pass, .answer = answer, .next = never, .action = see
};

/* Any eight octets of it in a row, in hexadecimal. */
static bool occurs(const uint8_t *data, size_t len, const char *text)
{
	char hex[17];

	for (size_t at = 0; at + 8 <= len; at += 8) {
		for (size_t i = 0; i < 8; i++)
			sprintf(hex + 2 * i, "%02x", data[at + i]);
		if (strstr(text, hex))
			return true;
	}
	return false;
}

/* With all that is known from the recording. */
static bool opens(const struct ike_sa *sa, const uint8_t *data, size_t len)
{
	static const uint8_t zeros[DH_MAX];
	struct v1_keys k;
	struct payloads ps;
	char why[PAYLOAD_WHY];
	uint8_t iv[BLOCK_MAX] = { 0 }, plain[4096];

	keymat_derive(&k, &sa->suite, zeros, CHUNK(zeros, dh_shared_len(sa->suite.group)),
		      sa->cookies);
	assert_memory_not_equal(k.ka, sa->keys.ka, 16);
	memcpy(plain, data + IKE_HEADER_LEN, len - IKE_HEADER_LEN);
	cbc_decrypt(k.cipher, k.ka, k.key_bits, iv, plain, len - IKE_HEADER_LEN);
	return !payloads_parse(&ps, data[16], plain, len - IKE_HEADER_LEN, why);
}

static void test_secrets(void **state)
{
	static const char psk[] = "Kaum zu erraten, und doch!";
	const struct ike_sa *sa;

	(void)state;
	n_sealed = n_needs[0] = n_needs[1] = 0;
	cut = true;
	begin((struct pair_cfg){
		.psk = { psk, psk },
		.esp = { "aes256-sha256-ecp256", "aes256-sha256-ecp256" } });
	net.world = &world;
	pair_command(&net, 0, IKE_LOG_KEYS);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	pair_command(&net, 1, IKE_REKEY);
	pair_run(&net, net.now + 1000);
	cut = false;
	pair_command(&net, 0, IKE_REKEY);
	pair_run(&net, net.now + 1000);
	assert_true(pair_usable(&net, 0));
	sa = net.side[0].ike->peers->sas;
	add_secret(sa->keys.skeyid, sa->keys.len);
	add_secret(sa->keys.d, sa->keys.len);
	add_secret(sa->keys.a, sa->keys.len);
	add_secret(sa->keys.e, sa->keys.len);
	add_secret(psk, strlen(psk));
	assert_true(n_secrets > 20 && n_sealed > 7);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < tape[i].n; k++) {
			const char *line = tape[i].line[k];

			assert_null(strstr(line, psk));
			for (size_t s = 0; s < n_secrets; s++)
				assert_false(occurs(secret[s].data, secret[s].len, line));
			for (size_t s = 0; s < n_sealed; s++)
				assert_false(occurs(sealed[s].data + IKE_HEADER_LEN,
						    sealed[s].len - IKE_HEADER_LEN,
						    line));
		}
	}
	check();
	for (size_t s = 0; s < n_sealed; s++)
		assert_false(opens(sa, sealed[s].data, sealed[s].len));
	end();
}

/* --- what is no recording ---------------------------------------------------------- */

static void refuse_line(const char *line, const char *want)
{
	struct ike_replay *r = ike_replay_new(ignore, NULL);
	char why[IKE_REPLAY_WHY];

	assert_int_equal(ike_replay_line(r, line, why), -1);
	assert_string_equal(why, want);
	ike_replay_free(r);
}

static void test_bad_lines(void **state)
{
	(void)state;
	refuse_line("# a comment", "it is not JSON");
	refuse_line("{\"at\":1,\"timer\":{}}",
		    "a recording begins with the peer and its state");
	refuse_line("{\"timer\":{}}", "\"at\" is missing");
	refuse_line("{\"at\":1,\"begin\":{}}", "the configuration in it is not complete");
}

/* --- the daemon's tape ------------------------------------------------------------- */

static struct {
	size_t lines, beginnings, octets;
	bool begins; /* with a beginning */
} told;

static void count(void *ctx, const char *line)
{
	bool beginning = !strcmp(line, "begin");

	(void)ctx;
	if (!told.lines++)
		told.begins = beginning;
	told.beginnings += beginning;
	told.octets += strlen(line) + 1;
}

/* What is kept begins with a beginning, goes to the last line, and does not grow. */
static void test_tape(void **state)
{
	static char line[1000], large[2 * TAPE_MOST];
	struct tape t = { 0 };
	bool wanted = false;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	assert_int_equal(tape_tell(&t, count, NULL), -1);
	tape_add(&t, "begin", true);
	for (size_t i = 1; i <= 5000; i++) {
		wanted = tape_add(&t, line, false);
		/* There is not always a moment for it. */
		if (wanted && i % 50 == 0)
			wanted = tape_add(&t, "begin", true);
		if (i % 500)
			continue;
		memset(&told, 0, sizeof(told));
		assert_int_equal(tape_tell(&t, count, NULL), 0);
		assert_true(told.begins && told.beginnings == 2);
		assert_in_range(told.octets, TAPE_MAX, 3 * TAPE_MAX);
	}
	/* When no moment comes at all it is given up, and begins anew. */
	for (size_t i = 0; i < 1000; i++)
		wanted = tape_add(&t, line, false);
	assert_true(wanted);
	assert_int_equal(tape_tell(&t, count, NULL), -1);
	assert_false(tape_add(&t, "begin", true));
	assert_int_equal(tape_tell(&t, count, NULL), 0);
	tape_free(&t);
	/* The beginning of a peer with very many subnets leaves room for what follows it. */
	memset(large, 'x', sizeof(large) - 1);
	assert_false(tape_add(&t, large, true));
	for (size_t i = 0; i < TAPE_MAX / sizeof(line); i++)
		assert_false(tape_add(&t, line, false));
	assert_true(tape_add(&t, line, false));
	assert_int_equal(tape_tell(&t, count, NULL), 0);
	tape_free(&t);
}

/* Another core than the one that was recorded: it is said, at the first such line. */
static void test_astray(void **state)
{
	struct ike_replay *r = ike_replay_new(ignore, NULL);
	char why[IKE_REPLAY_WHY];
	int first = 0;

	(void)state;
	begin((struct pair_cfg){ 0 });
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	for (size_t k = 0; k < tape[0].n; k++) {
		int ret = k == 1 ? 0 : ike_replay_line(r, tape[0].line[k], why);

		assert_true(ret >= 0);
		first += ret;
	}
	assert_int_equal(first, 1);
	ike_replay_free(r);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session),	   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_signatures), cmocka_unit_test(test_nat),
		cmocka_unit_test(test_adopted),	   cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_forged),	   cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_bad_lines),  cmocka_unit_test(test_tape),
		cmocka_unit_test(test_astray),	   cmocka_unit_test(test_aggressive),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
