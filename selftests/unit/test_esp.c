// SPDX-License-Identifier: MIT
/* The module's ESP bytes (RFC 4303 section 2): lengths, padding, trailers that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "esp.h"

/* Every shape that an algorithm of the module has, and those of the nearest relatives. */
static const struct et_esp_geom geoms[] = {
	{ .iv_len = 8, .align = 4, .icv_len = 16 },   /* AES-GCM-16 */
	{ .iv_len = 16, .align = 16, .icv_len = 12 }, /* AES-CBC, HMAC-SHA-1-96 */
	{ .iv_len = 16, .align = 16, .icv_len = 16 }, /* AES-CBC, HMAC-SHA-256-128 */
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
	};

	return cmocka_run_group_tests_name("esp", tests, NULL, NULL);
}
