// SPDX-License-Identifier: MIT
/* Two cores that sign: RSA and ECDSA, certificates and raw keys, and how they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs.h"
#include "outcome.h"

struct site {
	struct chunk certs[2];
	struct trust trust;
};

static struct site sites[2];

static void set_dn(struct ike_id *id, X509 *x)
{
	const uint8_t *der;
	size_t len;

	X509_NAME_get0_der(X509_get_subject_name(x), &der, &len);
	id->type = ID_DER_ASN1_DN;
	id->len = len;
	memcpy(id->data, der, len);
}

/* Both sides with certificates of the same authority. */
static void start_with_certs(const struct pair_cfg *cfg, X509 *ca, X509 **cert,
			     EVP_PKEY **key)
{
	static struct chunk any_ca[1];

	pair_start(&net, cfg);
	for (int i = 0; i < 2; i++) {
		struct side *s = &net.side[i];
		uint8_t *der = NULL;
		int len = i2d_X509(cert[i], &der);

		sites[i].certs[0] = CHUNK(der, len);
		sites[i].trust = trust_make(ca, NULL);
		s->key = key[i];
		s->trust = &sites[i].trust;
		s->peer.certs = sites[i].certs;
		s->peer.n_certs = 1;
		s->peer.cas = any_ca;
		s->peer.n_cas = 1;
		set_dn(&s->peer.local_id, cert[i]);
		set_dn(&s->peer.remote_id, cert[!i]);
	}
}

static void stop_with_certs(void)
{
	pair_stop(&net);
	for (int i = 0; i < 2; i++) {
		X509_STORE_free(sites[i].trust.store);
		OPENSSL_free((void *)sites[i].certs[0].p);
	}
}

static void goes_up(void)
{
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
}

static void said(int side, enum trace_kind kind, const char *text)
{
	const struct trace_event *e;

	for (size_t i = 0; (e = pair_event(&net.side[side], kind, i)); i++)
		if (strstr(e->text, text) || strstr(e->words, text))
			return;
	fail_msg("side %d does not say \"%s\"", side, text);
}

static void rsa_negotiation(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };

	(void)state;
	start_with_certs(&cfg, rsa.ca, rsa.cert, rsa.key);
	goes_up();
	is_up();
	said(0, TRACE_UP, "with RSA signatures and the certificate of O=Test, CN=osaka");
	said(1, TRACE_UP, "with RSA signatures and the certificate of O=Test, CN=tokyo");
	said(0, TRACE_SENT, "ID: O=Test, CN=tokyo; CERT; SIG");
	said(1, TRACE_RECEIVED, "signs HASH_I");
	assert_int_equal(net.sent, 9);
	stop_with_certs();
}

/* The curve's hash makes HASH_I, whatever the suite has (RFC 4754). */
static void ecdsa_negotiation(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_ECDSA256,
					     .ike = { "aes256-sha512-ecp256",
						      "aes256-sha512-ecp256" } };

	(void)state;
	start_with_certs(&cfg, ec.ca, ec.cert, ec.key);
	goes_up();
	is_up();
	said(0, TRACE_UP, "with ECDSA-256 signatures");
	stop_with_certs();
}

static void raw_keys(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };

	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		pair_start(&net, &cfg);
		for (int i = 0; i < 2; i++) {
			sites[i].trust = (struct trust){ .key = rsa.key[!i] };
			net.side[i].key = rsa.key[i];
			net.side[i].trust = &sites[i].trust;
		}
		if (wrong)
			sites[1].trust.key = rsa.other_key;
		goes_up();
		if (!wrong)
			is_up();
		else
			refused_with(1, "bad-signature", "is not right");
		pair_stop(&net);
	}
}

/* Refused by the responder, who says it under the control tunnel's protection, at once. */
static void responder_refuses(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };
	X509 *mine[] = { NULL, rsa.cert[1] };

	(void)state;
	mine[0] = cert_make(&(struct cert_plan){ .cn = "tokyo",
						 .key = rsa.key[0],
						 .issuer = rsa.ca,
						 .issuer_key = rsa.ca_key,
						 .from_days = -9,
						 .days = -2 });
	start_with_certs(&cfg, rsa.ca, mine, rsa.key);
	goes_up();
	refused_with(1, "cert-expired", "CN=tokyo expired on");
	refused_with(0, "auth-failed", "AUTHENTICATION-FAILED");
	assert_int_equal(pair_tunnels(&net.side[0]) + pair_tunnels(&net.side[1]), 0);
	is_clean();
	stop_with_certs();
	X509_free(mine[0]);
}

/* Refused by the initiator: the responder, which believes in it, is told to forget it. */
static void initiator_refuses(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };

	(void)state;
	start_with_certs(&cfg, rsa.ca, rsa.cert, rsa.key);
	set_dn(&net.side[0].peer.remote_id, rsa.ca);
	goes_up();
	refused_with(0, "id-differs", "the configured one");
	assert_string_equal(pair_event(&net.side[0], TRACE_REFUSED, 0)->ours,
			    "O=Test, CN=authority");
	assert_string_equal(pair_event(&net.side[0], TRACE_REFUSED, 0)->theirs,
			    "O=Test, CN=osaka");
	assert_int_equal(pair_tunnels(&net.side[0]) + pair_tunnels(&net.side[1]), 0);
	is_clean();
	stop_with_certs();
}

/* Before packets 5 and 6 comes what somebody else has made of them: another signature. */
static enum verdict changed_before(struct pair_net *n, int from, size_t nth,
				   const uint8_t *data, size_t len)
{
	const struct ike_peer *p = &n->side[from].peer;
	struct ike_path path = { .local = p->remote, .remote = p->local };
	uint8_t copy[1024];

	(void)nth;
	if (data[18] == XCHG_MAIN && data[19] & FLAG_ENCRYPTED) {
		assert_in_range(len, 60, sizeof(copy));
		memcpy(copy, data, len);
		copy[IKE_HEADER_LEN + 20] ^= 1;
		pair_fly(n, !from, n->now + 1, &path, copy, len);
	}
	return PASS;
}

/* Pitfall 1.4: the encryption of packets 5 and 6 lets anybody change them on their way. */
static void changed_on_the_way(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };

	(void)state;
	pair_start(&net, &cfg);
	net.fate = changed_before;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(net.side[i].verdicts_asked, 2);
		assert_int_equal(pair_tunnels(&net.side[i]), 1);
		assert_int_equal(pair_count(&net.side[i], TRACE_REFUSED), 1);
		refused_with(i, "bad-signature", "");
	}
	assert_true(pair_usable(&net, 0));
	pair_stop(&net);
}

static void no_common_method(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };

	(void)state;
	pair_start(&net, &cfg);
	net.side[1].suites[0].auth = AUTH_PSK;
	goes_up();
	refused_with(1, "no-proposal", "no suite");
	assert_string_equal(pair_event(&net.side[1], TRACE_REFUSED, 0)->theirs,
			    "aes256-sha256-ecp256 with RSA signatures");
	pair_stop(&net);
}

/* While the verdict is out nothing has changed, and what comes meanwhile is not believed. */
static size_t established(int side)
{
	return pair_tunnels(&net.side[side]);
}

static void held_until_the_verdict(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };
	size_t received;

	(void)state;
	pair_start(&net, &cfg);
	net.side[1].no_verdict = true;
	pair_command(&net, 0, IKE_UP);
	pair_run(&net, net.now + 1000);
	received = pair_count(&net.side[1], TRACE_RECEIVED);
	assert_int_equal(received, 2); /* packets 1 and 3 */
	/* Packet 5 again and again: one of them is held, once. */
	pair_run(&net, net.now + 8000);
	assert_int_equal(pair_count(&net.side[1], TRACE_RECEIVED), received);
	assert_int_equal(net.side[1].verdicts_asked, 1);
	assert_int_equal(established(1), 0);
	/* It never comes: the exchange ends, and says whose fault that is. */
	pair_run(&net, net.now + MINUTE);
	refused_with(1, "internal", "another process of ours");
	is_clean();
	pair_stop(&net);
}

/*
 * Who did packets 1 to 4 has the keys, be it anybody: until its signature has been judged its
 * deletes delete nothing, and its talk is no sign of the peer's life.
 */
static void unproven_is_not_believed(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };
	const struct peer *peer;
	struct main_mode *m;
	struct ike_sa *sa;
	size_t received;
	uint64_t heard;

	(void)state;
	pair_start(&net, &cfg);
	goes_up();
	is_up();
	net.side[1].no_verdict = true;
	ike_command(net.side[0].ike, net.now,
		    &(struct ike_command){ .type = IKE_REKEY,
					   .peer = &net.side[0].peer,
					   .control = true });
	pair_run(&net, net.now + 1000);
	sa = net.side[0].ike->peers->sas;
	assert_true(sa->have_keys && !sa->established && sa->next->established);
	peer = net.side[1].ike->peers;
	heard = peer->heard_at;
	received = pair_count(&net.side[1], TRACE_RECEIVED);
	/* The peer has not taken packet 5: the chain of IVs is before it. */
	m = sa->exchanges->main;
	assert_int_equal(keymat_iv1(&sa->keys, buf_chunk(&m->gxi), buf_chunk(&m->gxr),
				    sa->last_iv),
			 0);
	sa->established = true;
	info_send(sa, &(struct info){ .payload = PL_DELETE,
				      .proto = PROTO_ISAKMP,
				      .spi = CHUNK(sa->next->cookies, COOKIES_LEN) });
	sa->established = false;
	pair_run(&net, net.now + 100);
	assert_int_equal(pair_count(&net.side[1], TRACE_RECEIVED), received + 1);
	assert_int_equal(established(1), 1);
	assert_int_equal(peer->heard_at, heard);
	pair_stop(&net);
}

/* The verifier is busy, or has just died: the peer repeats packet 5, and is heard then. */
static void no_verdict_at_first(void **state)
{
	static const struct pair_cfg cfg = { .auth = AUTH_RSA };

	(void)state;
	pair_start(&net, &cfg);
	net.side[1].lost_verdicts = 1;
	goes_up();
	refused_with(1, "no-verdict", "could not be checked");
	assert_int_equal(established(1), 0);
	pair_run(&net, net.now + 10000);
	assert_true(pair_usable(&net, 0));
	assert_int_equal(net.side[1].verdicts_asked, 2);
	pair_stop(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsa_negotiation),
		cmocka_unit_test(ecdsa_negotiation),
		cmocka_unit_test(raw_keys),
		cmocka_unit_test(responder_refuses),
		cmocka_unit_test(initiator_refuses),
		cmocka_unit_test(changed_on_the_way),
		cmocka_unit_test(no_common_method),
		cmocka_unit_test(held_until_the_verdict),
		cmocka_unit_test(unproven_is_not_believed),
		cmocka_unit_test(no_verdict_at_first),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
