// SPDX-License-Identifier: MIT
/* NAT on the way: found, floated, kept open, followed; and no more than that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"

#define NAT_PORT  4500
#define RFC_FIRST 0x4a /* octet of the vendor ID */

/* Which sides a NAT is before: 0 for none, 1 for ours, 2 for the peer's, 3 for both. */
static void start_behind(const struct pair_cfg *cfg, int nats)
{
	pair_start(&net, cfg);
	if (nats & 1)
		pair_nat(&net, 0, false);
	if (nats & 2)
		pair_nat(&net, 1, true);
}

static void up_behind(const struct pair_cfg *cfg, int nats)
{
	start_behind(cfg, nats);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
}

static bool said(int side, const char *text)
{
	const struct trace_event *e;

	for (size_t i = 0; (e = pair_event(&net.side[side], TRACE_NOTE, i)); i++)
		if (strstr(e->text, text))
			return true;
	return false;
}

static const struct trace_event *packet(int side, int number)
{
	const struct side *s = &net.side[side];

	for (size_t i = 0; i < s->n_trace; i++)
		if (s->trace[i].number == number)
			return &s->trace[i];
	fail_msg("no packet (%d)", number);
	return NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

static void in_udp(bool yes)
{
	for (int i = 0; i < 2; i++) {
		const struct esp_way *w = &net.side[i].way[0];

		assert_int_equal(w->encap, yes);
		assert_int_equal(w->path.local.port == NAT_PORT, yes);
	}
	assert_int_equal(!!strstr(packet(1, 7)->words, "in UDP"), yes);
}

/* Pitfall 1.18: NAT-D has the negotiated hash, and names the receiver first. */
static void nat_is_found_where_it_is(void **state)
{
	static const char *const suites[] = { "aes128-sha1-modp1024",
					      "aes256-sha256-ecp256",
					      "aes256-sha384-ecp256",
					      "aes256-sha512-ecp256" };

	(void)state;
	for (size_t i = 0; i < COUNT(suites); i++)
		for (int nats = 0; nats < 4; nats++) {
			const struct pair_cfg cfg = { .ike = { suites[i], suites[i] } };

			up_behind(&cfg, nats);
			is_up();
			assert_int_equal(net.sent, 9);
			in_udp(nats);
			assert_non_null(strstr(packet(0, 3)->words,
					       "NAT-D: hash of the receiver's address; "
					       "NAT-D: hash of the sender's address"));
			assert_int_equal(said(0, "we are behind"), nats == 1);
			assert_int_equal(said(1, "we are behind"), nats == 2);
			assert_int_equal(said(0, "the peer is behind"), nats == 2);
			assert_int_equal(said(1, "the peer is behind"), nats == 1);
			assert_int_equal(said(0, "we and the peer are"), nats == 3);
			assert_int_equal(said(1, "we and the peer are"), nats == 3);
			assert_int_equal(net.side[0].way[0].follow, !!(nats & 2));
			assert_int_equal(net.side[1].way[0].follow, !!(nats & 1));
			pair_stop(&net);
		}
}

/* Pitfall 1.18: port 500 up to packet 4, 4500 from packet 5 on; the answer goes there. */
static void float_at_packet_five(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	up_behind(&cfg, 1);
	for (int n = 1; n <= 9; n++) {
		assert_true(ends_with(packet(0, n)->local, n < 5 ? ":500" : ":4500"));
		assert_true(ends_with(packet(0, n)->remote, n < 5 ? ":500" : ":4500"));
	}
	/* The NAT gave it two ports, and the second one counts. */
	assert_string_equal(packet(1, 2)->remote, "198.51.100.1:20001");
	assert_string_equal(packet(1, 6)->remote, "198.51.100.1:20002");
	assert_int_equal(net.side[1].way[0].path.remote.port, 20002);
	pair_stop(&net);
}

/* Somebody on the way changes a datagram of side 0, or the ports that it uses. */
struct tamper {
	size_t nth;
	int from;
	void (*change)(uint8_t *data, size_t len);
	uint16_t port; /* of both ends; 0: as they are */
	bool stays;    /* from then on */
};

static enum verdict tampered(struct pair_net *n, int from, size_t nth,
			     const uint8_t *data, size_t len)
{
	const struct tamper *t = n->ctx;
	struct ike_path path = { .local = n->side[from].peer.remote,
				 .remote = n->side[from].home };
	uint8_t copy[2048];

	if (nth != t->nth && !(t->stays && nth > t->nth && !from))
		return PASS;
	memcpy(copy, data, len);
	if (t->change)
		t->change(copy, len);
	path.local.port = path.remote.port = t->port ? t->port : nth < 5 ? 500 : NAT_PORT;
	natbox_out(&n->side[from].nat, n->now, &path.remote);
	pair_fly(n, !from, n->now + 5, &path, copy, len);
	return LOSE;
}

static void up_tampered(int nats, const struct tamper *t)
{
	static const struct pair_cfg cfg = { 0 };

	start_behind(&cfg, nats);
	net.fate = tampered;
	net.ctx = (void *)t;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
}

static void spoil_vendor(uint8_t *data, size_t len, uint8_t first)
{
	static const uint8_t rest[2][3] = { { 0x13, 0x1c, 0x81 }, { 0xcb, 0x80, 0x91 } };

	for (size_t i = IKE_HEADER_LEN; i + 4 < len; i++)
		if (data[i] == first &&
		    !memcmp(data + i + 1, rest[first != RFC_FIRST], 3))
			data[i] ^= 0xff;
}

static void no_rfc(uint8_t *data, size_t len)
{
	spoil_vendor(data, len, RFC_FIRST);
}

static void no_nat_t(uint8_t *data, size_t len)
{
	spoil_vendor(data, len, RFC_FIRST);
	spoil_vendor(data, len, 0x90);
}

/* Pitfall 1.18: with a peer that knows only the draft it is payload 130 and mode 61443. */
static void draft_numbers(void **state)
{
	const struct tamper t = { .nth = 1, .change = no_rfc };

	(void)state;
	up_tampered(1, &t);
	is_up();
	in_udp(true);
	assert_non_null(strstr(packet(0, 2)->words, "NAT-T draft 02"));
	for (int i = 0; i < 2; i++)
		for (const struct ike_sa *sa = net.side[i].ike->peers->sas; sa;
		     sa = sa->next)
			assert_int_equal(sa->nat.known, NAT_T_DRAFT);
	pair_stop(&net);
}

/* A peer that knows nothing of it, where we do not insist: as ever, on port 500. */
static void peer_without(void **state)
{
	const struct tamper t = { .nth = 1, .change = no_nat_t };

	(void)state;
	up_tampered(0, &t);
	is_up();
	in_udp(false);
	assert_null(strstr(packet(0, 3)->words, "NAT-D"));
	pair_stop(&net);
}

/* encap = yes wants more than such a peer can do, and says so. */
static void insisting_in_vain(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	for (int side = 0; side < 2; side++) {
		struct tamper t = { .nth = side ? 1 : 2, .change = no_nat_t };

		pair_start(&net, &cfg);
		net.side[side].peer.encap = true;
		net.fate = tampered;
		net.ctx = &t;
		pair_command(&net, 0, IKE_UP);
		pair_run(&net, net.now + 1000);
		refused_with(side, "no-nat-t", "encap = yes");
		assert_false(pair_usable(&net, 0));
		pair_stop(&net);
	}
}

/* Nor does one help that knows it, and does not float. */
static void insisting_on_port_500(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct tamper t = { .nth = 5, .port = 500, .stays = true };

	(void)state;
	pair_start(&net, &cfg);
	net.side[1].peer.encap = true;
	net.fate = tampered;
	net.ctx = &t;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	refused_with(1, "no-nat-t", "stays on UDP port 500");
	is_clean();
	pair_stop(&net);
}

static void spoil_nat_d(uint8_t *data, size_t len)
{
	data[len - 1] ^= 1;
}

/*
 * NAT-D comes before anybody has shown who he is: whoever changes it gets UDP port 4500
 * and ESP in UDP, which work as well, and nothing else.
 */
static void nat_d_is_not_trusted(void **state)
{
	(void)state;
	for (int nth = 3; nth <= 4; nth++) {
		struct tamper t = { .nth = nth, .change = spoil_nat_d };

		up_tampered(0, &t);
		is_up();
		assert_int_equal(pair_count(&net.side[0], TRACE_REFUSED), 0);
		assert_memory_equal(net.side[1].way[0].path.remote.ip,
				    net.side[0].home.ip, 4);
		pair_stop(&net);
	}
}

/* Pitfall 1.18: the peer may float sooner or later than packet 5. */
static void float_out_of_time(void **state)
{
	static const struct tamper times[] = { { .nth = 3, .port = NAT_PORT },
					       { .nth = 5, .port = 500 } };

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		up_tampered(1, &times[i]);
		is_up();
		in_udp(true);
		assert_string_equal(packet(1, 8)->remote, "198.51.100.1:20002");
		pair_stop(&net);
	}
}

/* encap = yes: UDP without any NAT, and nothing to keep open. */
static void encap_by_will(void **state)
{
	static const struct pair_cfg cfg = { .esp_seconds = { 3600, 3600 } };

	(void)state;
	for (int side = 0; side < 2; side++) {
		pair_start(&net, &cfg);
		net.side[side].peer.encap = true;
		pair_command(&net, 0, IKE_UP);
		pair_run(&net, net.now + 1000);
		is_up();
		in_udp(true);
		pair_run(&net, net.now + 10 * MINUTE);
		assert_int_equal(net.sent, 9);
		for (int k = 0; k < 2; k++) {
			ike_command(net.side[k].ike, net.now,
				    &(struct ike_command){ .type = IKE_REKEY,
							   .peer = &net.side[k].peer,
							   .control = true });
			pair_run(&net, net.now + MINUTE);
			assert_int_equal(pair_count(&net.side[1], TRACE_UP), 3 + k);
			assert_int_equal(pair_tunnels(&net.side[1]), 1);
		}
		pair_stop(&net);
	}
}

static size_t keepalives[2];

static enum verdict count_keepalives(struct pair_net *n, int from, size_t nth,
				     const uint8_t *data, size_t len)
{
	(void)n;
	(void)nth;
	if (len == 1) {
		assert_int_equal(data[0], 0xff);
		keepalives[from]++;
	}
	return PASS;
}

/*
 * RFC 3948 section 4: who is behind the NAT keeps it open, so that the other side can
 * renew at any time; its one octet is no message, and no line in the log.
 */
static void kept_open(void **state)
{
	static const struct pair_cfg cfg = { .esp_seconds = { 3600, 3600 } };
	size_t notes;

	(void)state;
	start_behind(&cfg, 1);
	net.side[0].nat.idle_ms = 30000;
	net.fate = count_keepalives;
	keepalives[0] = keepalives[1] = 0;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	notes = pair_count(&net.side[1], TRACE_NOTE);
	pair_run(&net, net.now + 20 * MINUTE);
	assert_in_range(keepalives[0], 59, 60);
	assert_int_equal(keepalives[1], 0);
	assert_int_equal(pair_count(&net.side[1], TRACE_NOTE), notes);
	pair_command(&net, 1, IKE_REKEY);
	pair_run(&net, net.now + 1000);
	assert_int_equal(pair_count_sas(&net.side[1], true), 2);
	/* The control tunnel too: phase 1 begins where the peer is, on 4500. */
	ike_command(net.side[1].ike, net.now,
		    &(struct ike_command){ .type = IKE_REKEY,
					   .peer = &net.side[1].peer,
					   .control = true });
	pair_run(&net, net.now + 1000);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pair_count(&net.side[i], TRACE_UP), 4);
	/* ESP in UDP alone is reason enough. */
	pair_run(&net, net.now + MINUTE);
	keepalives[0] = 0;
	while (net.side[0].ike->peers->sas)
		sa_free(net.side[0].ike->peers->sas);
	pair_run(&net, net.now + 5 * MINUTE);
	assert_in_range(keepalives[0], 14, 16);
	pair_stop(&net);
}

static uint16_t port_of_peer(void)
{
	assert_int_equal(net.side[1].way[0].path.remote.port,
			 net.side[1].ike->peers->sas->path.remote.port);
	return net.side[1].way[0].path.remote.port;
}

/* The NAT starts anew: a verified message shows the new port, and ESP goes there too. */
static void followed_by_ike(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	up_behind(&cfg, 1);
	assert_int_equal(port_of_peer(), 20002);
	natbox_reboot(&net.side[0].nat);
	pair_command(&net, 0, IKE_REKEY);
	pair_run(&net, net.now + 1000);
	assert_int_equal(port_of_peer(), 20003);
	assert_true(said(1, "198.51.100.1:20003"));
	assert_int_equal(pair_count_sas(&net.side[1], true), 2);
	pair_stop(&net);
}

/* What is forged, repeated or unprotected does not move anything (RFC 7296 section 2.23
 * has the reason, for IKEv1 as well). */
static void not_followed(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct ike_path elsewhere;
	uint8_t old[4096];
	size_t len;

	(void)state;
	up_behind(&cfg, 1);
	elsewhere = net.side[1].way[0].path;
	elsewhere.local = net.side[1].home;
	elsewhere.local.port = NAT_PORT;
	elsewhere.remote.ip[3] ^= 1;
	elsewhere.remote.port = 6666;
	len = net.last_len[0];
	memcpy(old, net.last[0], len);
	/* Packet 9 again. */
	ike_input(net.side[1].ike, net.now, &elsewhere, old, len);
	/* Changed: with another message ID it is a new Informational or Quick Mode. */
	old[len - 1] ^= 1;
	ike_input(net.side[1].ike, net.now, &elsewhere, old, len);
	old[20] ^= 1;
	ike_input(net.side[1].ike, net.now, &elsewhere, old, len);
	/* In clear. */
	old[19] = 0;
	old[18] = XCHG_INFO;
	ike_input(net.side[1].ike, net.now, &elsewhere, old, len);
	pair_run(&net, net.now + 1000);
	assert_int_equal(port_of_peer(), 20002);
	is_up();
	pair_stop(&net);
}

/* A peer that is not behind a NAT is where the configuration says. */
static void only_behind_a_nat(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct ike_command cmd = { .type = IKE_MOVED };

	(void)state;
	up_behind(&cfg, 1);
	cmd.peer = &net.side[0].peer;
	cmd.moved = (struct ike_addr){ 4, { 203, 0, 113, 66 }, 6666 };
	ike_command(net.side[0].ike, net.now, &cmd);
	pair_run(&net, net.now + 1000);
	assert_int_equal(net.side[0].way[0].path.remote.port, NAT_PORT);
	assert_memory_equal(net.side[0].way[0].path.remote.ip, net.side[1].home.ip, 4);
	pair_stop(&net);
}

/* The module saw it first: IKE and the other children go there, too. */
static void followed_by_esp(void **state)
{
	static const struct pair_cfg cfg = {
		.selectors = "10.1.0.0/16=10.2.0.0/16,10.3.0.0/16=10.4.0.0/16"
	};
	struct ike_command cmd = { .type = IKE_MOVED };

	(void)state;
	up_behind(&cfg, 1);
	cmd.peer = &net.side[1].peer;
	cmd.child = 1;
	cmd.moved = net.side[0].nat.outside;
	cmd.moved.port = 30000;
	ike_command(net.side[1].ike, net.now, &cmd);
	pair_run(&net, net.now + 1);
	assert_int_equal(port_of_peer(), 30000);
	assert_int_equal(net.side[1].way[1].path.remote.port, 30000);
	/* Of a child that is not there, it means nothing. */
	cmd.child = 99;
	ike_command(net.side[1].ike, net.now, &cmd);
	pair_stop(&net);
}

/* The message that is held up: sent before the NAT started anew, it comes after it. */
static void late_messages_do_not_lead_back(void **state)
{
	static const struct pair_cfg cfg = {
		.selectors = "10.1.0.0/16=10.2.0.0/16,10.3.0.0/16=10.4.0.0/16"
	};
	struct ike_command cmd = { .type = IKE_EXPIRE, .hard = true };
	const struct held_sa *sa = net.side[0].sa;

	(void)state;
	up_behind(&cfg, 1);
	while (!sa->used || sa->out || sa->child != 1)
		sa++;
	cmd.peer = &net.side[0].peer;
	memcpy(cmd.spi, sa->spi, 4);
	ike_command(net.side[0].ike, net.now, &cmd);
	pair_run(&net, net.now);
	/* A delete, which is sent once. */
	assert_non_null(net.flying);
	net.flying->at += 60000;
	natbox_reboot(&net.side[0].nat);
	pair_command(&net, 0, IKE_REKEY);
	pair_run(&net, net.now + 50000);
	assert_int_equal(port_of_peer(), 20003);
	assert_non_null(net.flying);
	pair_run(&net, net.now + 20000);
	assert_null(net.flying);
	assert_int_equal(port_of_peer(), 20003);
	pair_stop(&net);
}

/*
 * So may packet 5 be: the new control tunnel floats to where the peer has gone since,
 * or packet 6 would go nowhere, however often the peer asked for it.
 */
static void late_packet_five_does_not_lead_back(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	struct ike_command cmd = { .type = IKE_MOVED };

	(void)state;
	up_behind(&cfg, 1);
	ike_command(net.side[0].ike, net.now,
		    &(struct ike_command){ .type = IKE_REKEY,
					   .peer = &net.side[0].peer,
					   .control = true });
	/* Four packets have come, each in 5 ms; the fifth is on its way. */
	pair_run(&net, net.now + 20);
	assert_non_null(net.flying);
	natbox_reboot(&net.side[0].nat);
	cmd.peer = &net.side[1].peer;
	cmd.moved = net.side[0].home;
	cmd.moved.port = NAT_PORT;
	natbox_out(&net.side[0].nat, net.now, &cmd.moved);
	ike_command(net.side[1].ike, net.now, &cmd);
	pair_run(&net, net.now + 1000);
	assert_int_equal(port_of_peer(), 20003);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pair_count(&net.side[i], TRACE_UP), 3);
	pair_stop(&net);
}

/*
 * A child's ESP may be late as well: then it is the module that is led back. What has shown
 * the move itself is not late, but has an order; and nothing is late for ever.
 */
static void late_esp_does_not_lead_back(void **state)
{
	static const struct pair_cfg cfg = {
		.selectors = "10.1.0.0/16=10.2.0.0/16,10.3.0.0/16=10.4.0.0/16"
	};
	static const struct {
		uint32_t child;
		uint16_t port, is_at;
		uint64_t then_ms;
	} moves[] = {
		{ 0, 30000, 30000, 3000 }, { 1, 20002, 30000, 3000 },
		{ 0, 20002, 20002, 3000 }, { 0, 30000, 30000, 11000 },
		{ 1, 20002, 20002, 3000 },
	};
	struct ike_command cmd = { .type = IKE_MOVED };
	struct side *s = &net.side[1];

	(void)state;
	up_behind(&cfg, 1);
	cmd.peer = &s->peer;
	cmd.moved = net.side[0].nat.outside;
	for (size_t i = 0; i < COUNT(moves); i++) {
		/* The module has followed it, and tells. */
		cmd.moved.port = moves[i].port;
		cmd.child = moves[i].child;
		s->way[cmd.child].path.remote.port = cmd.moved.port;
		ike_command(s->ike, net.now, &cmd);
		pair_run(&net, net.now + moves[i].then_ms);
		assert_int_equal(port_of_peer(), moves[i].is_at);
		assert_int_equal(s->way[1].path.remote.port, moves[i].is_at);
	}
	pair_stop(&net);
}

/* Pitfall 1.1: two peers behind one NAT; who it is shows with packet 5. */
static void told_apart_by_identity(void **state)
{
	static const struct pair_cfg cfg = { 0 };
	static char name[] = "second";
	struct ike_peer second, third;

	(void)state;
	start_behind(&cfg, 1);
	second = third = net.side[1].peer;
	second.name = name;
	net.side[1].peer.remote_id.data[3] ^= 0x55;
	assert_int_equal(ike_peer_add(net.side[1].ike, &second), 0);
	/* Nothing tells these two apart. */
	third.name = net.side[0].name;
	assert_int_equal(ike_peer_add(net.side[1].ike, &third), -1);
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	is_up();
	assert_string_equal(packet(1, 1)->peer, net.side[1].name);
	assert_string_equal(packet(1, 6)->peer, name);
	assert_null(net.side[1].ike->peers->sas);
	pair_stop(&net);
}

/* A peer behind a NAT says an inner address: what to write is in the refusal. */
static void identity_behind_nat(void **state)
{
	static const struct pair_cfg cfg = { 0 };

	(void)state;
	start_behind(&cfg, 1);
	net.side[1].peer.remote_id.type = 0;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	refused_with(1, "id-differs", "write remote-id");
	pair_stop(&net);
}

/* RFC 3947 section 5.2: original addresses in packets 7 and 8 mean nothing in tunnel mode. */
static void original_addresses(void **state)
{
	static const uint8_t types[] = { PL_NATOA, PL_NATOA_DRAFT };
	const struct row *rows[] = {
		table_find(IKE_V1, XCHG_QUICK, true, QUICK_NONE),
		table_find(IKE_V1, XCHG_QUICK, false, QUICK_1),
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const struct row *row = rows[i / 2];
		uint8_t type = types[i % 2];
		/* Two of them, each an IPv4 address. */
		uint8_t chain[] = { type, 0, 0, 12, 1, 0, 0, 0, 192, 0, 2, 1,
				    0,	  0, 0, 12, 1, 0, 0, 0, 192, 0, 2, 2 };
		char why[PAYLOAD_WHY];
		struct payloads ps;

		assert_int_equal(payloads_parse(&ps, type, chain, sizeof(chain), why), 0);
		assert_int_equal(payloads_check(&ps, 0, row->may, why), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nat_is_found_where_it_is),
		cmocka_unit_test(float_at_packet_five),
		cmocka_unit_test(draft_numbers),
		cmocka_unit_test(peer_without),
		cmocka_unit_test(insisting_in_vain),
		cmocka_unit_test(insisting_on_port_500),
		cmocka_unit_test(nat_d_is_not_trusted),
		cmocka_unit_test(float_out_of_time),
		cmocka_unit_test(encap_by_will),
		cmocka_unit_test(kept_open),
		cmocka_unit_test(followed_by_ike),
		cmocka_unit_test(not_followed),
		cmocka_unit_test(only_behind_a_nat),
		cmocka_unit_test(followed_by_esp),
		cmocka_unit_test(late_messages_do_not_lead_back),
		cmocka_unit_test(late_packet_five_does_not_lead_back),
		cmocka_unit_test(late_esp_does_not_lead_back),
		cmocka_unit_test(told_apart_by_identity),
		cmocka_unit_test(identity_behind_nat),
		cmocka_unit_test(original_addresses),
	};

	return cmocka_run_group_tests_name("nat", tests, NULL, NULL);
}
