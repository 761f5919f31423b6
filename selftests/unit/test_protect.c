// SPDX-License-Identifier: MIT
/*
 * What protects a message of IKEv1: sealed and opened again; any octet changed, another
 * key, another message ID, a HASH in the wrong place: refused before anything is believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sa.h"
#include "vectors.h"

/* One end of a control tunnel, with one exchange in it. */
struct end {
	struct ike_sa sa;
	struct exchange x;
	struct main_mode main;
	struct quick_mode quick;
};

static void end_open(struct end *e, enum ike_cipher cipher, uint16_t bits, uint8_t type)
{
	const struct ike_proposal suite = { cipher, bits, HASH_SHA256, GROUP_MODP2048,
					    AUTH_PSK };
	uint8_t skeyid[HASH_MAX] = "a SKEYID of thirty-two octets..";

	*e = (struct end){ 0 };
	e->sa.suite = suite;
	memcpy(e->sa.cookies, "initiatorrespond", COOKIES_LEN);
	assert_int_equal(keymat_derive(&e->sa.keys, &suite, skeyid, CHUNK(skeyid, 32),
				       e->sa.cookies),
			 0);
	e->sa.suite = suite;
	e->sa.have_keys = true;
	memcpy(e->sa.last_iv, "the last block..", BLOCK_MAX);
	e->x.sa = &e->sa;
	e->x.type = type;
	e->x.message_id = type == XCHG_MAIN ? 0 : 0x12345678;
	if (type == XCHG_MAIN) {
		e->x.main = &e->main;
		e->x.have_iv = true;
		buf_set(&e->main.sai_b, "SAi_b", 5);
		buf_set(&e->main.gxi, "g^xi", 4);
		buf_set(&e->main.gxr, "g^xr", 4);
	} else {
		e->x.quick = &e->quick;
		buf_set(&e->quick.ni, "initiator's nonce", 17);
		buf_set(&e->quick.nr, "responder's nonce", 17);
	}
}

static void end_close(struct end *e)
{
	struct buf *all[] = { &e->main.sai_b, &e->main.gxi, &e->main.gxr, &e->quick.ni,
			      &e->quick.nr };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		buf_wipe(all[i]);
}

static const struct row *row_of(enum protection prot)
{
	for (size_t i = 0; i < table_rows; i++)
		if (table[i].prot == prot)
			return &table[i];
	fail();
	return NULL;
}

static const enum protection protections[] = { PROT_HASH_I, PROT_HASH_R, PROT_HASH_1,
					       PROT_HASH_2, PROT_HASH_3, PROT_HASH_INFO };

#define PROTECTIONS (sizeof(protections) / sizeof(*protections))

static size_t start(struct end *e, struct buf *b, const struct row *row)
{
	const struct ike_header h = { .version = IKE_V1,
				      .exchange = row->exchange,
				      .flags = FLAG_ENCRYPTED,
				      .message_id = e->x.message_id };

	*b = (struct buf){ 0 };
	header_write(b, &h);
	return 16; /* where the header says which payload is first */
}

/* A message of that row, with room for HASH as the driver leaves it, and sealed. */
static void seal(struct end *e, const struct row *row, struct buf *b)
{
	size_t next = start(e, b, row);
	static const uint8_t room[HASH_MAX];

	e->x.initiator = row->by_initiator;
	if (row->prot == PROT_HASH_I || row->prot == PROT_HASH_R) {
		const uint8_t id[] = { ID_IPV4_ADDR, 0, 0, 0, 192, 0, 2, 1 };
		uint8_t hash[HASH_MAX];

		payload_put(b, &next, PL_ID, id, sizeof(id));
		assert_int_equal(
			v1_hash_ir(&e->x, row->by_initiator, CHUNK(id, sizeof(id)), hash),
			0);
		payload_put(b, &next, PL_HASH, hash, e->sa.keys.len);
	} else {
		payload_put(b, &next, PL_HASH, room, e->sa.keys.len);
		payload_put(b, &next, PL_NONCE, "sixteen octets..", 16);
	}
	assert_int_equal(v1_seal(&e->x, row, b), 0);
	assert_false(b->bad);
}

static int open_as(struct end *e, const struct row *row, const struct buf *b,
		   uint8_t *next_iv)
{
	uint8_t *copy = malloc(b->len);
	struct buf plain = { 0 };
	struct payloads ps;
	struct ike_header h;
	char why[PAYLOAD_WHY] = "";
	int err;

	memcpy(copy, b->data, b->len);
	assert_int_equal(header_read(&h, copy, b->len, why), 0);
	err = v1_open(&e->x, row, &h, CHUNK(copy, b->len), &plain, &ps, next_iv, why);
	assert_int_equal(!err, !*why);
	buf_wipe(&plain);
	free(copy);
	return err;
}

static void round_trip(enum ike_cipher cipher, uint16_t bits)
{
	size_t block = cipher_block(cipher);

	for (size_t i = 0; i < PROTECTIONS; i++) {
		const struct row *row = row_of(protections[i]);
		struct end from, to;
		uint8_t iv[BLOCK_MAX];
		struct exchange before;
		struct buf b;

		end_open(&from, cipher, bits, row->exchange);
		end_open(&to, cipher, bits, row->exchange);
		seal(&from, row, &b);
		assert_int_equal((b.len - IKE_HEADER_LEN) % block, 0);
		before = to.x;
		assert_int_equal(open_as(&to, row, &b, iv), 0);
		/* Opening has changed nothing; the next IV is the sender's. */
		assert_memory_equal(&before, &to.x, sizeof(before));
		assert_memory_equal(iv, b.data + b.len - block, block);
		assert_memory_equal(iv, from.x.iv, block);
		assert_true(from.x.have_iv);
		buf_wipe(&b);
		end_close(&from);
		end_close(&to);
	}
}

static void sealed_and_opened(void **state)
{
	(void)state;
	round_trip(CIPHER_AES_CBC, 128);
	round_trip(CIPHER_AES_CBC, 256);
	round_trip(CIPHER_3DES, 192);
}

/* HASH(3) covers no payloads, so there only what HASH itself is in counts. */
static void any_octet_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROTECTIONS; i++) {
		const struct row *row = row_of(protections[i]);
		struct end from, to;
		uint8_t iv[BLOCK_MAX];
		size_t end;
		struct buf b;

		end_open(&from, CIPHER_AES_CBC, 256, row->exchange);
		end_open(&to, CIPHER_AES_CBC, 256, row->exchange);
		seal(&from, row, &b);
		/* What no HASH covers: the padding, and with HASH(3) all after HASH. */
		end = IKE_HEADER_LEN + 32;
		for (size_t at = IKE_HEADER_LEN; at < end; at++) {
			b.data[at] ^= 0x10;
			assert_int_not_equal(open_as(&to, row, &b, iv), 0);
			b.data[at] ^= 0x10;
		}
		b.data[16] = PL_NONE;
		assert_int_not_equal(open_as(&to, row, &b, iv), 0);
		buf_wipe(&b);
		end_close(&from);
		end_close(&to);
	}
}

/* One message taken for another: sent by the other side, or as another of its exchange. */
static void one_for_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROTECTIONS; i++)
		for (size_t k = 0; k < PROTECTIONS; k++) {
			const struct row *sent = row_of(protections[i]);
			const struct row *taken = row_of(protections[k]);
			struct end from, to;
			uint8_t iv[BLOCK_MAX];
			struct buf b;

			/* The Informational's HASH is HASH(1): the header tells them apart. */
			if (i == k ||
			    (sent->exchange == XCHG_MAIN) !=
				    (taken->exchange == XCHG_MAIN) ||
			    (sent->prot == PROT_HASH_1 &&
			     taken->prot == PROT_HASH_INFO) ||
			    (sent->prot == PROT_HASH_INFO && taken->prot == PROT_HASH_1))
				continue;
			end_open(&from, CIPHER_AES_CBC, 256, sent->exchange);
			end_open(&to, CIPHER_AES_CBC, 256, taken->exchange);
			seal(&from, sent, &b);
			assert_int_equal(open_as(&to, taken, &b, iv), OPEN_FORGED);
			buf_wipe(&b);
			end_close(&from);
			end_close(&to);
		}
}

/* With another key or IV it is garbage, and said to be so; the text depends on it. */
static void another_key(void **state)
{
	const struct row *row = row_of(PROT_HASH_I);
	struct end from, to;
	uint8_t iv[BLOCK_MAX];
	struct buf b;

	(void)state;
	end_open(&from, CIPHER_AES_CBC, 256, XCHG_MAIN);
	seal(&from, row, &b);
	end_open(&to, CIPHER_AES_CBC, 256, XCHG_MAIN);
	to.sa.keys.ka[0] ^= 1;
	assert_int_equal(open_as(&to, row, &b, iv), OPEN_GARBAGE);
	to.sa.have_keys = false;
	assert_int_equal(open_as(&to, row, &b, iv), OPEN_GARBAGE);
	end_close(&to);
	/* The right key and another HASH: somebody changed what went before. */
	end_open(&to, CIPHER_AES_CBC, 256, XCHG_MAIN);
	to.main.gxi.data[0] ^= 1;
	assert_int_equal(open_as(&to, row, &b, iv), OPEN_FORGED);
	end_close(&to);
	buf_wipe(&b);
	end_close(&from);
}

static void part_blocks_and_nothing(void **state)
{
	const struct row *row = row_of(PROT_HASH_1);
	struct end from, to;
	uint8_t iv[BLOCK_MAX];
	struct buf b;

	(void)state;
	end_open(&from, CIPHER_AES_CBC, 256, XCHG_QUICK);
	end_open(&to, CIPHER_AES_CBC, 256, XCHG_QUICK);
	seal(&from, row, &b);
	while (b.len > IKE_HEADER_LEN) {
		b.len--;
		patch_u32(&b, 24, b.len);
		assert_int_not_equal(open_as(&to, row, &b, iv), 0);
	}
	buf_wipe(&b);
	end_close(&from);
	end_close(&to);
}

/*
 * A message as given, in which somebody with the keys has put hash_len octets of the HASH
 * over what begins at rest_at.
 */
static int open_plain(const uint8_t *plain, size_t len, uint8_t first, size_t hash_at,
		      size_t hash_len, size_t rest_at)
{
	const struct row *row = row_of(PROT_HASH_1);
	uint8_t iv[BLOCK_MAX], next_iv[BLOCK_MAX], hash[HASH_MAX];
	struct end to;
	struct buf b;
	int err;

	end_open(&to, CIPHER_AES_CBC, 256, XCHG_QUICK);
	start(&to, &b, row);
	b.data[16] = first;
	put_octets(&b, plain, len);
	assert_int_equal(keymat_hash1(&to.sa.keys, to.x.message_id,
				      CHUNK(plain + rest_at, len - rest_at), hash),
			 0);
	memcpy(b.data + IKE_HEADER_LEN + hash_at, hash, hash_len);
	put_zeros(&b, (16 - len % 16) % 16);
	patch_u32(&b, 24, b.len);
	assert_int_equal(keymat_iv2(&to.sa.keys, to.sa.last_iv, to.x.message_id, iv), 0);
	assert_int_equal(cbc_encrypt(CIPHER_AES_CBC, to.sa.keys.ka, 256, iv,
				     b.data + IKE_HEADER_LEN, b.len - IKE_HEADER_LEN),
			 0);
	err = open_as(&to, row, &b, next_iv);
	buf_wipe(&b);
	end_close(&to);
	return err;
}

/* HASH has to be the first thing in the message: what is before it, it does not cover. */
static void hash_comes_first(void **state)
{
	const uint8_t good[4 + 32 + 4 + 8] = { [0] = PL_NONCE, [3] = 36, [39] = 12 };
	const uint8_t late[4 + 8 + 4 + 32] = { [0] = PL_HASH, [3] = 12, [15] = 36 };
	const uint8_t hidden[4 + 508 + 4 + 32] = { [0] = PL_HASH, [2] = 2, [515] = 36 };
	const uint8_t brief[4 + 1 + 4 + 8] = { [0] = PL_NONCE, [3] = 5, [8] = 12 };

	(void)state;
	assert_int_equal(open_plain(good, sizeof(good), PL_HASH, 4, 32, 36), 0);
	assert_int_equal(open_plain(late, sizeof(late), PL_NONCE, 16, 32, sizeof(late)),
			 OPEN_FORGED);
	/* A payload of a private type is skipped, yet it is there. */
	assert_int_equal(open_plain(hidden, sizeof(hidden), 200, 516, 32, sizeof(hidden)),
			 OPEN_FORGED);
	/* Right as far as it goes, and it goes for one octet. */
	assert_int_equal(open_plain(brief, sizeof(brief), PL_HASH, 4, 1, 5), OPEN_FORGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_and_opened),
		cmocka_unit_test(any_octet_changed),
		cmocka_unit_test(one_for_another),
		cmocka_unit_test(another_key),
		cmocka_unit_test(part_blocks_and_nothing),
		cmocka_unit_test(hash_comes_first),
	};

	return cmocka_run_group_tests_name("protect", tests, NULL, NULL);
}
