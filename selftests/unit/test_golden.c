// SPDX-License-Identifier: MIT
/*
 * Sessions of two strongSwan peers, replayed from their packets: every key, IV, HASH and
 * KEYMAT recomputed by the core's functions and compared with what both sides logged.
 *
 * Only the pre-shared key and g^xy are taken from the log as given. At the end each value
 * logged under one of the labels below must have been computed here, so nothing that the
 * peers said can be passed over.
 */
#include <arpa/inet.h>

#include "recording.h"
#include "sa.h"
#include "vectors.h"

#define CHAINS 16

struct chain {
	uint32_t message_id;
	uint8_t iv[BLOCK_MAX];
	struct octets ni, nr, spi_i, spi_r;
	int messages;
};

/* One control tunnel, as somebody who holds the keys sees it go by. */
struct tunnel {
	char from[32]; /* the initiator's address and port, as first seen */
	uint8_t cookies[COOKIES_LEN];
	struct octets sai, gxi, gxr, ni, nr;
	struct ike_proposal suite;
	struct v1_keys keys;
	uint8_t last[BLOCK_MAX]; /* block of phase 1 */
	struct chain chain[CHAINS];
	size_t n_chain;
};

struct session {
	struct recording rec;
	struct tunnel tunnel[2];
	size_t n_tunnel, isakmp, secrets, pfs_secrets;
	struct esp_proposal esp;
	struct {
		uint8_t spi[4];
		uint8_t key[HASH_MAX];
	} integ[8]; /* keys of ESP seen in it */
	size_t n_integ, n_esp;
};

static struct session *session_open(const char *path)
{
	struct session *s = calloc(1, sizeof(*s));
	char why[WHY], esp[PROPOSAL_TEXT];
	const char *suites;

	recording_open(&s->rec, path);
	suites = field(s->rec.json, "esp_proposals");
	snprintf(esp, sizeof(esp), "%.*s", (int)strcspn(suites, ","), suites);
	if (esp_proposal_parse(esp, true, &s->esp, why))
		fail_msg("%s: %s", esp, why);
	return s;
}

static void session_close(struct session *s)
{
	cJSON_Delete(s->rec.json);
	free(s);
}

/* The NAT-D payload for an end like "192.0.2.1:500". */
static void nat_d(const struct tunnel *t, const char *endpoint, uint8_t *out)
{
	const char *colon = strchr(endpoint, ':');
	struct ike_addr a = { .family = 4, .port = atoi(colon + 1) };
	char ip[32];

	snprintf(ip, sizeof(ip), "%.*s", (int)(colon - endpoint), endpoint);
	assert_int_equal(inet_pton(AF_INET, ip, a.ip), 1);
	assert_int_equal(nat_hash(t->suite.hash, t->cookies, &a, out), 0);
}

static void derive(struct session *s, struct tunnel *t)
{
	struct chunk psk = CHUNK((const uint8_t *)field(s->rec.json, "psk"),
				 strlen(field(s->rec.json, "psk")));
	struct chunk gxy = logged(&s->rec, "shared Diffie Hellman secret", s->secrets++);
	uint8_t skeyid[HASH_MAX];
	struct v1_keys *k = &t->keys;

	assert_int_equal(gxy.len, dh_shared_len(t->suite.group));
	assert_int_equal(keymat_skeyid_psk(t->suite.hash, psk, chunk_of(&t->ni),
					   chunk_of(&t->nr), skeyid),
			 0);
	assert_int_equal(keymat_derive(k, &t->suite, skeyid, gxy, t->cookies), 0);
	said(&s->rec, "SKEYID", k->skeyid, k->len);
	said(&s->rec, "SKEYID_d", k->d, k->len);
	said(&s->rec, "SKEYID_a", k->a, k->len);
	said(&s->rec, "SKEYID_e", k->e, k->len);
	said(&s->rec, "encryption key Ka", k->ka, k->key_bits / 8);
	assert_int_equal(keymat_iv1(k, chunk_of(&t->gxi), chunk_of(&t->gxr), t->last), 0);
	said(&s->rec, "initial IV", t->last, BLOCK_MAX);
}

static void main_mode_clear(struct session *s, struct tunnel *t, const struct packet *p,
			    const struct payloads *ps)
{
	const struct payload *sa = payload_get(ps, PL_SA, 0);
	uint8_t hash[HASH_MAX];
	char why[WHY];

	if (sa && p->from_initiator) {
		t->sai = octets_of(sa);
		return;
	}
	if (sa) {
		struct ike_proposal ours;
		struct ike_choice choice = { 0 };

		assert_int_equal(ike_proposal_parse(field(s->rec.json, "ike_proposal"),
						    true, &ours, why),
				 0);
		assert_int_equal(ike_sa_select(CHUNK(sa->body, sa->len), &ours, 1, true,
					       &choice, why),
				 SELECT_OK);
		t->suite = choice.suite;
		buf_wipe(&choice.reply);
		memcpy(t->cookies + 8, p->header.cookie_r, 8);
		return;
	}
	assert_int_equal(payloads_check(ps, P_KE | P_NONCE | P_NATD, 0, why), 0);
	*(p->from_initiator ? &t->gxi : &t->gxr) = octets_of(payload_get(ps, PL_KE, 0));
	*(p->from_initiator ? &t->ni : &t->nr) = octets_of(payload_get(ps, PL_NONCE, 0));
	/* The second one says where the sender believes to be; these peers lie there. */
	nat_d(t, p->dst, hash);
	assert_int_equal(payload_get(ps, PL_NATD, 0)->len, hash_len(t->suite.hash));
	assert_memory_equal(payload_get(ps, PL_NATD, 0)->body, hash,
			    hash_len(t->suite.hash));
	said(&s->rec, "natd_hash", hash, hash_len(t->suite.hash));
	if (!p->from_initiator)
		derive(s, t);
}

static void check_hash_ir(struct session *s, struct tunnel *t, bool initiator,
			  const struct payloads *ps)
{
	const struct payload *id = payload_get(ps, PL_ID, 0),
			     *hash = payload_get(ps, PL_HASH, 0);
	uint8_t want[HASH_MAX];

	assert_int_equal(keymat_hash_ir(&t->keys, t->keys.hash, initiator,
					chunk_of(&t->gxi), chunk_of(&t->gxr), t->cookies,
					chunk_of(&t->sai), CHUNK(id->body, id->len),
					want),
			 0);
	assert_int_equal(hash->len, t->keys.len);
	assert_memory_equal(hash->body, want, t->keys.len);
	said(&s->rec, initiator ? "HASH_I" : "HASH_R", want, t->keys.len);
}

/* The SPI of the first proposal of an SA payload (RFC 2408 section 3.5). */
static struct octets first_spi(const struct payload *sa)
{
	struct octets o = { .len = 4 };

	assert_true(sa->len >= 20);
	assert_int_equal(sa->body[13], PROTO_ESP);
	assert_int_equal(sa->body[14], 4);
	memcpy(o.data, sa->body + 16, 4);
	return o;
}

/* The keys for what is sent to that SPI; the other side of it is said by label. */
static void check_esp_keys(struct session *s, const struct tunnel *t,
			   const struct chain *c, struct chunk gqm, const char *label,
			   const struct octets *spi)
{
	size_t cipher = keymat_cipher_len(&s->esp), integ = keymat_integ_len(&s->esp);
	uint8_t keymat[KEYMAT_MAX];
	char name[40];

	assert_int_equal(keymat_esp(&t->keys, gqm, PROTO_ESP, spi->data, chunk_of(&c->ni),
				    chunk_of(&c->nr), keymat, cipher + integ),
			 0);
	snprintf(name, sizeof(name), "encryption %s key", label);
	said(&s->rec, name, keymat, cipher);
	if (!integ)
		return;
	snprintf(name, sizeof(name), "integrity %s key", label);
	said(&s->rec, name, keymat + cipher, integ);
	memcpy(s->integ[s->n_integ].spi, spi->data, 4);
	memcpy(s->integ[s->n_integ++].key, keymat + cipher, integ);
}

static void quick_mode(struct session *s, struct tunnel *t, struct chain *c,
		       const struct packet *p, const struct payloads *ps,
		       struct chunk rest)
{
	const struct payload *hash = payload_get(ps, PL_HASH, 0),
			     *ke = payload_get(ps, PL_KE, 0);
	uint32_t mid = p->header.message_id;
	struct chunk gqm = CHUNK(NULL, 0);
	uint8_t want[HASH_MAX];
	char name[16];

	if (c->messages == 0)
		keymat_hash1(&t->keys, mid, rest, want);
	else if (c->messages == 1)
		keymat_hash2(&t->keys, mid, chunk_of(&c->ni), rest, want);
	else
		keymat_hash3(&t->keys, mid, chunk_of(&c->ni), chunk_of(&c->nr), want);
	assert_int_equal(hash->len, t->keys.len);
	assert_memory_equal(hash->body, want, t->keys.len);
	snprintf(name, sizeof(name), "Hash(%d)", ++c->messages);
	said(&s->rec, name, want, t->keys.len);
	if (c->messages < 3) {
		bool first = c->messages == 1;

		*(first ? &c->ni : &c->nr) = octets_of(payload_get(ps, PL_NONCE, 0));
		*(first ? &c->spi_i : &c->spi_r) = first_spi(payload_get(ps, PL_SA, 0));
		assert_int_equal(!!ke, s->esp.group != GROUP_NONE);
		return;
	}
	if (s->esp.group != GROUP_NONE)
		gqm = logged(&s->rec, "DH secret", s->pfs_secrets++);
	check_esp_keys(s, t, c, gqm, "initiator", &c->spi_r);
	check_esp_keys(s, t, c, gqm, "responder", &c->spi_i);
}

static struct chain *chain_of(struct session *s, struct tunnel *t, uint32_t mid)
{
	struct chain *c;

	for (size_t i = 0; i < t->n_chain; i++)
		if (t->chain[i].message_id == mid)
			return &t->chain[i];
	assert_true(t->n_chain < CHAINS);
	c = &t->chain[t->n_chain++];
	c->message_id = mid;
	if (mid)
		assert_int_equal(keymat_iv2(&t->keys, t->last, mid, c->iv), 0);
	else
		memcpy(c->iv, t->last, BLOCK_MAX);
	maybe_said_iv(&s->rec, mid, c->iv);
	return c;
}

/* Opens the packet as the core does, with these keys and this IV; moves the IV on. */
static int core_open(const struct v1_keys *keys, const struct tunnel *t,
		     const struct chain *c, const struct packet *p, uint8_t *iv)
{
	static const enum xstate first[] = {
		[XCHG_MAIN] = MAIN_4, [XCHG_INFO] = INFO_NONE, [XCHG_QUICK] = QUICK_NONE
	};
	struct ike_sa sa = { .keys = *keys, .have_keys = true, .suite = t->suite };
	struct main_mode main = { 0 };
	struct quick_mode quick = { 0 };
	struct exchange x = { .sa = &sa,
			      .main = &main,
			      .quick = &quick,
			      .message_id = p->header.message_id,
			      .have_iv = true };
	const struct row *row =
		table_find(IKE_V1, p->header.exchange, c->messages % 2 == 0,
			   first[p->header.exchange] + c->messages);
	struct buf *all[] = { &main.sai_b, &main.gxi, &main.gxr, &quick.ni, &quick.nr };
	const struct octets *from[] = { &t->sai, &t->gxi, &t->gxr, &c->ni, &c->nr };
	struct buf plain = { 0 };
	struct payloads ps;
	char why[WHY];
	int err;

	assert_non_null(row);
	memcpy(sa.cookies, t->cookies, COOKIES_LEN);
	memcpy(x.iv, iv, BLOCK_MAX);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		buf_set(all[i], from[i]->data, from[i]->len);
	err = v1_open(&x, row, &p->header, CHUNK(p->bytes.data, p->bytes.len), &plain,
		      &ps, iv, why);
	if (!err)
		err = payloads_check(&ps, row->must, row->may, why);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		buf_wipe(all[i]);
	buf_wipe(&plain);
	return err;
}

static void encrypted(struct session *s, struct tunnel *t, const struct packet *p)
{
	struct chain *c = chain_of(s, t, p->header.message_id);
	struct octets plain = { .len = p->bytes.len - IKE_HEADER_LEN };
	struct payloads ps;
	struct chunk rest;
	uint8_t want[HASH_MAX], iv[BLOCK_MAX];
	char why[WHY];

	memcpy(iv, c->iv, BLOCK_MAX);
	assert_int_equal(core_open(&t->keys, t, c, p, iv), 0);
	memcpy(plain.data, p->bytes.data + IKE_HEADER_LEN, plain.len);
	assert_int_equal(cbc_decrypt(t->suite.cipher, t->keys.ka, t->suite.key_bits,
				     c->iv, plain.data, plain.len),
			 0);
	assert_memory_equal(iv, c->iv, BLOCK_MAX);
	maybe_said_iv(&s->rec, c->message_id, c->iv);
	if (payloads_parse(&ps, p->header.next, plain.data, plain.len, why))
		fail_msg("%s", why);
	if (p->header.exchange == XCHG_MAIN) {
		check_hash_ir(s, t, p->from_initiator, &ps);
		c->messages++;
		memcpy(t->last, c->iv, BLOCK_MAX);
		return;
	}
	/* HASH is first, and covers the rest as it came, without the padding. */
	assert_int_equal(ps.p[0].type, PL_HASH);
	rest = CHUNK(plain.data + 4 + ps.p[0].len, ps.used - 4 - ps.p[0].len);
	if (p->header.exchange == XCHG_QUICK) {
		quick_mode(s, t, c, p, &ps, rest);
		return;
	}
	assert_int_equal(p->header.exchange, XCHG_INFO);
	assert_int_equal(keymat_hash1(&t->keys, c->message_id, rest, want), 0);
	assert_int_equal(ps.p[0].len, t->keys.len);
	assert_memory_equal(ps.p[0].body, want, t->keys.len);
	said(&s->rec, "Hash", want, t->keys.len);
	assert_int_equal(payloads_check(&ps, P_HASH | P_DELETE, 0, why), 0);
}

static struct tunnel *tunnel_of(struct session *s, const struct packet *p)
{
	static const uint8_t zero[8];
	struct tunnel *t;

	for (size_t i = 0; i < s->n_tunnel; i++)
		if (!memcmp(s->tunnel[i].cookies, p->header.cookie_i, 8))
			return &s->tunnel[i];
	assert_memory_equal(p->header.cookie_r, zero, 8);
	assert_true(s->n_tunnel < 2);
	t = &s->tunnel[s->n_tunnel++];
	memcpy(t->cookies, p->header.cookie_i, 8);
	snprintf(t->from, sizeof(t->from), "%.*s", (int)strcspn(p->src, ":"), p->src);
	return t;
}

/* HMAC-SHA-1-96 at the end of an ESP packet, with the key that KEYMAT gave for its SPI. */
static void check_esp(struct session *s, const struct octets *bytes)
{
	const struct chunk covered = CHUNK(bytes->data, bytes->len - 12);
	uint8_t icv[HASH_MAX];

	if (s->esp.integ != HASH_SHA1)
		return;
	for (size_t i = 0; i < s->n_integ; i++) {
		if (memcmp(s->integ[i].spi, bytes->data, 4))
			continue;
		assert_int_equal(
			prf(HASH_SHA1, CHUNK(s->integ[i].key, 20), &covered, 1, icv), 0);
		assert_memory_equal(bytes->data + covered.len, icv, 12);
		s->n_esp++;
		return;
	}
	fail_msg("an ESP packet with an SPI that nobody negotiated");
}

static void replay(struct session *s)
{
	const cJSON *json;
	struct payloads ps;
	char why[WHY];

	cJSON_ArrayForEach (json, cJSON_GetObjectItem(s->rec.json, "packets")) {
		struct packet p;
		struct tunnel *t;

		if (!read_packet(json, &p)) {
			check_esp(s, &p.bytes);
			continue;
		}
		s->isakmp++;
		t = tunnel_of(s, &p);
		p.from_initiator = !strncmp(p.src, t->from, strlen(t->from));
		if (p.header.flags & FLAG_ENCRYPTED) {
			encrypted(s, t, &p);
			continue;
		}
		assert_int_equal(p.header.exchange, XCHG_MAIN);
		if (payloads_parse(&ps, p.header.next, p.bytes.data + IKE_HEADER_LEN,
				   p.bytes.len - IKE_HEADER_LEN, why))
			fail_msg("%s", why);
		assert_int_equal(ps.used, p.bytes.len - IKE_HEADER_LEN);
		main_mode_clear(s, t, &p, &ps);
	}
	all_explained(&s->rec);
}

static void carried(void **state)
{
	struct session *s;
	char path[512];

	(void)state;
	vec_carried_path(path, sizeof(path), "ikev1-psk-aes128-sha1-modp1024.json");
	s = session_open(path);
	replay(s);
	assert_int_equal(s->isakmp, 13);
	assert_int_equal(s->n_integ, 4);
	assert_int_equal(s->n_esp, 2);
	session_close(s);
}

static struct session *open_large(const char *name)
{
	char path[512];

	vec_large_path(path, sizeof(path), name);
	return session_open(path);
}

static void aes128_sha1_modp1024(void **state)
{
	struct session *s = open_large("golden/ikev1-psk-aes128-sha1-modp1024.json");

	(void)state;
	replay(s);
	assert_int_equal(s->isakmp, 22);
	assert_int_equal(s->n_tunnel, 2);
	assert_int_equal(s->n_esp, 4);
	session_close(s);
}

/* The whole story, with perfect forward secrecy and AES-GCM. */
static void aes256_sha256_modp2048(void **state)
{
	struct session *s = open_large("golden/ikev1-psk-aes256-sha256-modp2048.json");

	(void)state;
	replay(s);
	assert_int_equal(s->isakmp, 22);
	assert_int_equal(s->n_tunnel, 2);
	assert_int_equal(s->pfs_secrets, 2);
	session_close(s);
}

/* The keys as the other side of the session has them, by its own log. */
static void responder_keys(const struct session *s, const struct tunnel *t,
			   struct v1_keys *keys)
{
	const struct octets *skeyid = NULL;

	for (size_t i = 0; i < s->rec.n_log && !skeyid; i++)
		if (!s->rec.log[i].initiator && !strcmp(s->rec.log[i].label, "SKEYID"))
			skeyid = &s->rec.log[i].value;
	assert_non_null(skeyid);
	assert_int_equal(keymat_derive(keys, &t->suite, skeyid->data,
				       logged(&s->rec, "shared Diffie Hellman secret", 0),
				       t->cookies),
			 0);
}

/* With another pre-shared key packet 5 is garbage, not a HASH that differs (pitfall 1.1). */
static void bad_psk(void **state)
{
	struct session *s = open_large("golden/ikev1-bad-psk.json");
	const struct chain none = { 0 };
	struct tunnel *t = NULL;
	struct v1_keys theirs;
	const cJSON *json;
	size_t fives = 0;

	(void)state;
	cJSON_ArrayForEach (json, cJSON_GetObjectItem(s->rec.json, "packets")) {
		struct packet p;
		struct payloads ps;
		uint8_t iv[BLOCK_MAX];
		char why[WHY];

		assert_true(read_packet(json, &p));
		t = tunnel_of(s, &p);
		p.from_initiator = !strncmp(p.src, t->from, strlen(t->from));
		if (t != s->tunnel)
			break;
		if (p.header.flags & FLAG_ENCRYPTED) {
			if (p.header.exchange != XCHG_MAIN)
				continue;
			responder_keys(s, t, &theirs);
			memcpy(iv, t->last, BLOCK_MAX);
			assert_int_equal(core_open(&t->keys, t, &none, &p, iv), 0);
			memcpy(iv, t->last, BLOCK_MAX);
			assert_int_equal(core_open(&theirs, t, &none, &p, iv),
					 OPEN_GARBAGE);
			fives++;
			continue;
		}
		assert_int_equal(payloads_parse(&ps, p.header.next,
						p.bytes.data + IKE_HEADER_LEN,
						p.bytes.len - IKE_HEADER_LEN, why),
				 0);
		main_mode_clear(s, t, &p, &ps);
	}
	assert_int_equal(fives, 3); /* and its retransmissions */
	session_close(s);
}

static void bad_proposal(void **state)
{
	struct session *s = open_large("golden/ikev1-bad-ike-proposal.json");
	const cJSON *packets = cJSON_GetObjectItem(s->rec.json, "packets");
	struct ike_proposal ours = { CIPHER_AES_CBC, 128, HASH_SHA1, GROUP_MODP1024,
				     AUTH_PSK };
	struct ike_choice choice = { 0 };
	const struct payload *sa;
	struct notify_body notify;
	struct payloads ps;
	struct packet p;
	char why[WHY];

	(void)state;
	assert_true(read_packet(cJSON_GetArrayItem(packets, 0), &p));
	assert_int_equal(payloads_parse(&ps, p.header.next, p.bytes.data + IKE_HEADER_LEN,
					p.bytes.len - IKE_HEADER_LEN, why),
			 0);
	sa = payload_get(&ps, PL_SA, 0);
	assert_int_equal(
		ike_sa_select(CHUNK(sa->body, sa->len), &ours, 1, false, &choice, why),
		SELECT_NONE);
	assert_true(read_packet(cJSON_GetArrayItem(packets, 1), &p));
	assert_int_equal(p.header.exchange, XCHG_INFO);
	assert_int_equal(payloads_parse(&ps, p.header.next, p.bytes.data + IKE_HEADER_LEN,
					p.bytes.len - IKE_HEADER_LEN, why),
			 0);
	assert_int_equal(notify_parse(&notify, payload_get(&ps, PL_NOTIFY, 0), why), 0);
	assert_int_equal(notify.type, N_NO_PROPOSAL_CHOSEN);
	buf_wipe(&choice.reply);
	session_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carried),
		cmocka_unit_test(aes128_sha1_modp1024),
		cmocka_unit_test(aes256_sha256_modp2048),
		cmocka_unit_test(bad_psk),
		cmocka_unit_test(bad_proposal),
	};

	return VEC_RUN("golden", tests, 4);
}
