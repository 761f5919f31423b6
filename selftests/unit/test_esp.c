// SPDX-License-Identifier: MIT
/* The module's ESP bytes (RFC 4303 section 2): lengths, padding, trailers that lie, whole packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "esp.h"

/* Every shape that an algorithm of the module has, and those of the nearest relatives. */
static const struct et_esp_geom geoms[] = {
	{ .iv_len = 8, .align = 4, .icv_len = 16 },   /* AES-GCM-16 */
	{ .iv_len = 16, .align = 16, .icv_len = 12 }, /* AES-CBC, HMAC-SHA-1-96 */
	{ .iv_len = 16, .align = 16, .icv_len = 16 }, /* AES-CBC, HMAC-SHA-256-128 */
	{ .iv_len = 16, .align = 16, .icv_len = 24 }, /* AES-CBC, HMAC-SHA-384-192 */
	{ .iv_len = 16, .align = 16, .icv_len = 32 }, /* AES-CBC, HMAC-SHA-512-256 */
	{ .iv_len = 0, .align = 4, .icv_len = 32 },   /* NULL, HMAC-SHA-512-256 */
	{ .iv_len = 8, .align = 8, .icv_len = 12 },   /* 64-bit blocks */
	{ .iv_len = 0, .align = 4, .icv_len = 16 },   /* implicit IV */
};

#define GEOMS (sizeof(geoms) / sizeof(geoms[0]))

/* Known lengths, worked out by hand from the RFC's picture. */
static void known_lengths(void **state)
{
	const struct et_esp_geom *gcm = &geoms[0], *sha1 = &geoms[1], *sha256 = &geoms[2];

	(void)state;
	/* 8 + 8 + (84 + 2, up to 88) + 16: a ping as RFC 4106 has it */
	assert_int_equal(et_esp_packet_len(gcm, 84), 120);
	/* 8 + 16 + (84 + 2, up to 96) + 12 */
	assert_int_equal(et_esp_packet_len(sha1, 84), 132);
	assert_int_equal(et_esp_packet_len(sha256, 84), 136);
	/* 94 + 2 is 96 to the octet, one more costs a block */
	assert_int_equal(et_esp_packet_len(sha256, 94), 136);
	assert_int_equal(et_esp_packet_len(sha256, 95), 152);
	assert_int_equal(et_esp_cipher_len(gcm, 0), 4);
	assert_int_equal(et_esp_cipher_len(sha1, 0), 16);
}

/* The longest packet that fits is one that fits, and one octet more does not. */
static void inner_max_is_the_inverse(void **state)
{
	(void)state;
	for (size_t i = 0; i < GEOMS; i++) {
		const struct et_esp_geom *g = &geoms[i];
		uint32_t least = et_esp_packet_len(g, 0);

		assert_int_equal(et_esp_inner_max(g, 0), 0);
		assert_int_equal(et_esp_inner_max(g, least - 1), 0);
		for (uint32_t room = least; room < 2000; room++) {
			uint32_t max = et_esp_inner_max(g, room);

			assert_true(et_esp_packet_len(g, max) <= room);
			assert_true(et_esp_packet_len(g, max + 1) > room);
		}
	}
}

/* What we build passes the length check; what is between two such lengths does not. */
static void len_ok_takes_whole_blocks_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < GEOMS; i++) {
		const struct et_esp_geom *g = &geoms[i];
		bool can_be[2000] = { false };

		for (uint32_t inner = 0; inner < 2000; inner++)
			if (et_esp_packet_len(g, inner) < 2000)
				can_be[et_esp_packet_len(g, inner)] = true;
		for (uint32_t len = 0; len < 2000; len++)
			assert_int_equal(et_esp_len_ok(g, len), can_be[len]);
	}
}

/* RFC 4303 section 2.4: 1, 2, 3, ..., then its length, then the next header. */
static void trailer_bytes(void **state)
{
	static const uint8_t five[] = { 1, 2, 3, 4, 5, 5, 4, 0xee };
	static const uint8_t none[] = { 0, 59, 0xee };
	uint8_t buf[8];

	(void)state;
	memset(buf, 0xee, sizeof(buf));
	et_esp_put_trailer(buf, 5, 4);
	assert_memory_equal(buf, five, sizeof(five));
	memset(buf, 0xee, sizeof(buf));
	et_esp_put_trailer(buf, 0, 59);
	assert_memory_equal(buf, none, sizeof(none));
}

static void every_trailer_comes_back(void **state)
{
	uint8_t buf[64 + 255 + 2];
	struct et_esp_trailer t;

	(void)state;
	for (uint32_t payload = 0; payload <= 64; payload++) {
		for (uint32_t pad = 0; pad <= 255; pad++) {
			memset(buf, 0xee, sizeof(buf));
			et_esp_put_trailer(buf + payload, pad, 4);
			assert_int_equal(et_esp_parse_trailer(buf, payload + pad + 2, &t),
					 0);
			assert_int_equal(t.payload_len, payload);
			assert_int_equal(t.pad_len, pad);
			assert_int_equal(t.next_header, 4);
		}
	}
}

static void every_wrong_pad_octet_is_seen(void **state)
{
	uint8_t buf[20 + 255 + 2] = { 0 };
	struct et_esp_trailer t;

	(void)state;
	for (uint32_t pad = 1; pad <= 255; pad++) {
		for (uint32_t i = 0; i < pad; i++) {
			et_esp_put_trailer(buf + 20, pad, 4);
			buf[20 + i] ^= 0x80;
			assert_int_equal(et_esp_parse_trailer(buf, 20 + pad + 2, &t),
					 -EBADMSG);
		}
	}
}

/* The pad length comes from the peer: it must not lead before the payload's start. */
static void pad_length_over_the_start(void **state)
{
	uint8_t buf[258] = { 0 };
	struct et_esp_trailer t;

	(void)state;
	assert_int_equal(et_esp_parse_trailer(buf, 0, &t), -EBADMSG);
	assert_int_equal(et_esp_parse_trailer(buf, 1, &t), -EBADMSG);
	for (uint32_t len = 2; len <= 257; len++) {
		/* Padding that is right as far as it goes, and a length one too long. */
		for (uint32_t i = 0; i < len - 2; i++)
			buf[i] = i + 2;
		buf[len - 2] = len - 1 <= 255 ? len - 1 : 255;
		buf[len - 1] = 4;
		assert_int_equal(et_esp_parse_trailer(buf, len, &t), -EBADMSG);
	}
}

/* RFC 4106 section 5, figures 2 and 3. */
static void aad_bytes(void **state)
{
	static const uint8_t plain[] = { 0x11, 0x22, 0x33, 0x44, 0xd0, 0xd1, 0xd2, 0xd3 };
	static const uint8_t esn[] = { 0x11, 0x22, 0x33, 0x44, 0xa0, 0xa1,
				       0xa2, 0xa3, 0xd0, 0xd1, 0xd2, 0xd3 };
	uint8_t aad[12];

	(void)state;
	assert_int_equal(
		et_esp_put_aad(aad, htonl(0x11223344), 0xa0a1a2a3d0d1d2d3, false),
		sizeof(plain));
	assert_memory_equal(aad, plain, sizeof(plain));
	assert_int_equal(et_esp_put_aad(aad, htonl(0x11223344), 0xa0a1a2a3d0d1d2d3, true),
			 sizeof(esn));
	assert_memory_equal(aad, esn, sizeof(esn));
}

/* The IV of a counter mode: RFC 4106 section 4, RFC 4309 section 4, RFC 8750 section 4. */
static void nonce_bytes(void **state)
{
	static const uint8_t salt[] = { 0xa0, 0xa1, 0xa2, 0xa3 };
	static const uint8_t wire[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t carried[] = {
		0xa0, 0xa1, 0xa2, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8
	};
	static const uint8_t implied[] = { 0xa0, 0xa1, 0xa2, 0xa3, 0,	 0,
					   0,	 9,    0xd0, 0xd1, 0xd2, 0xd3 };
	uint8_t iv[12];

	(void)state;
	et_esp_put_nonce(iv, salt, wire, 0x9d0d1d2d3);
	assert_memory_equal(iv, carried, sizeof(iv));
	et_esp_put_nonce(iv, salt, NULL, 0x9d0d1d2d3);
	assert_memory_equal(iv, implied, sizeof(iv));
}

/* A published packet: what goes in, and what has to come out behind its header and IV. */
struct known {
	const EVP_CIPHER *(*cipher)(void);
	const char *key, *salt, *iv, *inner, *out;
	uint32_t spi;
	uint64_t seq;
	bool esn;
	uint8_t next_header, pad;
};

static size_t hex(const char *text, uint8_t *out)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(sscanf(text + 2 * i, "%2hhx", &out[i]), 1);
	return n;
}

static void known_packet(const struct known *k)
{
	uint8_t key[32], salt[4], wire_iv[8], nonce[12], aad[12], text[128], want[144],
		icv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t len, aad_len;
	int n;

	hex(k->key, key);
	hex(k->salt, salt);
	hex(k->iv, wire_iv);
	len = hex(k->inner, text);
	assert_int_equal(et_esp_cipher_len(&geoms[0], len), len + k->pad + 2);
	et_esp_put_trailer(text + len, k->pad, k->next_header);
	len += k->pad + 2;
	aad_len = et_esp_put_aad(aad, htonl(k->spi), k->seq, k->esn);
	et_esp_put_nonce(nonce, salt, wire_iv, k->seq);

	assert_true(EVP_EncryptInit_ex(ctx, k->cipher(), NULL, key, nonce));
	assert_true(EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len));
	assert_true(EVP_EncryptUpdate(ctx, text, &n, text, len));
	assert_true(EVP_EncryptFinal_ex(ctx, text + n, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, sizeof(icv), icv));
	EVP_CIPHER_CTX_free(ctx);

	assert_int_equal(hex(k->out, want), len + sizeof(icv));
	assert_memory_equal(text, want, len);
	assert_memory_equal(icv, want + len, sizeof(icv));
}

static void rfc_7634_appendix_a(void **state)
{
	static const struct known packet = {
		.cipher = EVP_chacha20_poly1305,
		.key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		.salt = "a0a1a2a3",
		.iv = "1011121314151617",
		.spi = 0x01020304,
		.seq = 5,
		.next_header = 4,
		.pad = 2,
		.inner =
			"45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
			"0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
			"2425262728292a2b2c2d2e2f3031323334353637",
		.out = "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
		       "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
		       "cbec163fac469b502773f6fb94e664da9165b82829f641e0"
		       "76aaa8266b7fb0f7b11b369907e1ad43",
	};

	(void)state;
	known_packet(&packet);
}

/* The first of draft-mcgrew-gcm-test-01: with an extended sequence number. */
static void gcm_with_esn(void **state)
{
	static const struct known packet = {
		.cipher = EVP_aes_128_gcm,
		.key = "4c80cdefbb5d10da906ac73c3613a634",
		.salt = "2e443b68",
		.iv = "4956ed7e3b244cfe",
		.spi = 0x4321,
		.seq = 0x8765432100000000,
		.esn = true,
		.next_header = 1, /* as the draft has it */
		.pad = 2,
		.inner =
			"45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
			"00000000045f736970045f7564700373697009637962657263697479"
			"02646b0000210001",
		.out = "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
		       "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
		       "61bc17d768fd9732459018148f6cbe722fd04796562dfdb4",
	};

	(void)state;
	known_packet(&packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_lengths),
		cmocka_unit_test(inner_max_is_the_inverse),
		cmocka_unit_test(len_ok_takes_whole_blocks_only),
		cmocka_unit_test(trailer_bytes),
		cmocka_unit_test(every_trailer_comes_back),
		cmocka_unit_test(every_wrong_pad_octet_is_seen),
		cmocka_unit_test(pad_length_over_the_start),
		cmocka_unit_test(aad_bytes),
		cmocka_unit_test(nonce_bytes),
		cmocka_unit_test(rfc_7634_appendix_a),
		cmocka_unit_test(gcm_with_esn),
	};

	return cmocka_run_group_tests_name("esp", tests, NULL, NULL);
}
