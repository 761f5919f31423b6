// SPDX-License-Identifier: MIT
/* Suites as text and on the wire: round trips, every refusal's words, selection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keymat.h"
#include "payload.h"
#include "proposal.h"
#include "transform.h"
#include "vectors.h"

#define WHY (PROPOSAL_TEXT * 2)

static const char *const ciphers[] = { "aes128", "aes192", "aes256", "3des" };
static const char *const hashes[] = { "sha1", "sha256", "sha384", "sha512" };
static const char *const groups[] = { "modp1024", "modp1536", "modp2048", "modp3072",
				      "modp4096", "ecp256",   "ecp384" };

#define COUNT(a) sizeof(a) / sizeof(*(a))

static struct ike_proposal ike_of(const char *text)
{
	struct ike_proposal p;
	char why[WHY];

	if (ike_proposal_parse(text, true, &p, why))
		fail_msg("%s: %s", text, why);
	return p;
}

static struct esp_proposal esp_of(const char *text)
{
	struct esp_proposal p;
	char why[WHY];

	if (esp_proposal_parse(text, true, &p, why))
		fail_msg("%s: %s", text, why);
	return p;
}

static bool ike_same(const struct ike_proposal *a, const struct ike_proposal *b)
{
	return a->cipher == b->cipher && a->key_bits == b->key_bits &&
	       a->hash == b->hash && a->group == b->group;
}

static bool esp_same(const struct esp_proposal *a, const struct esp_proposal *b)
{
	return a->cipher == b->cipher && a->key_bits == b->key_bits &&
	       a->integ == b->integ && a->group == b->group && a->esn == b->esn;
}

/* To the wire and back: what we offer is what the same configuration selects. */
static void ike_round_trip(const char *text)
{
	struct ike_proposal p = ike_of(text);
	struct ike_choice choice;
	struct buf sa = { 0 };
	char out[PROPOSAL_TEXT], why[WHY];

	ike_proposal_text(&p, out);
	assert_string_equal(out, text);
	ike_sa_write(&sa, &p, 1, 28800);
	assert_false(sa.bad);
	ike_sa_text(buf_chunk(&sa), out, sizeof(out));
	assert_string_equal(out, text);
	assert_int_equal(ike_sa_select(buf_chunk(&sa), &p, 1, true, &choice, why),
			 SELECT_OK);
	assert_true(ike_same(&choice.suite, &p));
	assert_int_equal(choice.seconds, 28800);
	assert_int_equal(choice.reply.len, sa.len);
	assert_memory_equal(choice.reply.data, sa.data, sa.len);
	buf_wipe(&choice.reply);
	buf_wipe(&sa);
}

static void esp_round_trip(const char *text)
{
	static const uint8_t spi[4] = { 0xc1, 2, 3, 4 };
	static const struct esp_life life = { 86400, 4608000 };
	struct esp_proposal p = esp_of(text);
	struct esp_choice choice;
	struct buf sa = { 0 };
	char out[PROPOSAL_TEXT], why[WHY];

	esp_proposal_text(&p, out);
	assert_string_equal(out, text);
	esp_sa_write(&sa, &p, 1, spi, &life, MODE_TUNNEL);
	assert_false(sa.bad);
	esp_sa_text(buf_chunk(&sa), out, sizeof(out));
	assert_string_equal(out, text);
	assert_int_equal(esp_sa_select(buf_chunk(&sa), &p, 1, false, true, &choice, why),
			 SELECT_OK);
	assert_true(esp_same(&choice.suite, &p));
	assert_int_equal(choice.life.seconds, 86400);
	assert_int_equal(choice.life.kbytes, 4608000);
	assert_memory_equal(choice.spi, spi, 4);
	/* Only the SPI differs, and it waits to be filled in. */
	assert_int_equal(choice.reply.len, sa.len);
	assert_memory_equal(choice.reply.data + choice.reply_spi, "\0\0\0\0", 4);
	memcpy(choice.reply.data + choice.reply_spi, spi, 4);
	assert_memory_equal(choice.reply.data, sa.data, sa.len);
	buf_wipe(&choice.reply);
	buf_wipe(&sa);
}

static void every_ike_suite(void **state)
{
	char text[PROPOSAL_TEXT];

	(void)state;
	for (size_t c = 0; c < COUNT(ciphers); c++)
		for (size_t h = 0; h < COUNT(hashes); h++)
			for (size_t g = 0; g < COUNT(groups); g++) {
				snprintf(text, sizeof(text), "%s-%s-%s", ciphers[c],
					 hashes[h], groups[g]);
				ike_round_trip(text);
			}
}

static void every_esp_suite(void **state)
{
	static const char *const suites[] = {
		"aes128gcm16",	 "aes192gcm16",	  "aes256gcm16", "aes128ccm16",
		"aes256ccm16",	 "aes128gmac",	  "aes256gmac",	 "aes128-sha1",
		"aes192-sha1",	 "aes128-sha256", "aes256-sha1", "aes256-sha256",
		"aes256-sha384", "aes256-sha512", "null-sha1",	 "null-sha256",
	};
	char text[PROPOSAL_TEXT];

	(void)state;
	for (size_t s = 0; s < COUNT(suites); s++)
		for (size_t g = 0; g <= COUNT(groups); g++)
			for (int esn = 0; esn < 2; esn++) {
				snprintf(text, sizeof(text), "%s%s%s%s", suites[s],
					 g ? "-" : "", g ? groups[g - 1] : "",
					 esn ? "-esn" : "");
				esp_round_trip(text);
			}
}

static void other_spellings(void **state)
{
	static const char *const ike[][2] = {
		{ "aes-sha-modp2048", "aes128-sha1-modp2048" },
		{ "modp2048-sha256-aes256", "aes256-sha256-modp2048" },
	};
	char out[PROPOSAL_TEXT];
	struct ike_proposal p;
	struct esp_proposal e;

	(void)state;
	for (size_t i = 0; i < COUNT(ike); i++) {
		p = ike_of(ike[i][0]);
		ike_proposal_text(&p, out);
		assert_string_equal(out, ike[i][1]);
	}
	e = esp_of("aes256gcm16-noesn");
	esp_proposal_text(&e, out);
	assert_string_equal(out, "aes256gcm16");
}

struct refusal {
	const char *text, *why;
};

/* These sentences stand in front of an administrator: each names the word and a way out. */
static void ike_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{ "", "unknown word \"\"; write for example aes256-sha256-modp2048" },
		{ "aes256-sha256-",
		  "unknown word \"\"; write for example aes256-sha256-modp2048" },
		{ "aes256-sha256-modp2o48",
		  "unknown word \"modp2o48\"; write for example aes256-sha256-modp2048" },
		{ "AES256-sha256-modp2048",
		  "unknown word \"AES256\"; write for example aes256-sha256-modp2048" },
		{ "a-word-much-longer-than-any-line", "unknown word \"a\"; "
						      "write for example "
						      "aes256-sha256-modp2048" },
		{ "awordmuchlongerthananylineonwhichitistobeprintedforpeople",
		  "unknown word \"awordmuchlongerthananyli\"; "
		  "write for example aes256-sha256-modp2048" },
		{ "3des-sha1-modp2048", "3des is weak: it needs legacy = yes" },
		{ "aes256-sha1-modp1024", "modp1024 is weak: it needs legacy = yes" },
		{ "aes256-sha1-modp1536", "modp1536 is weak: it needs legacy = yes" },
		{ "aes256-sha256-sha1-modp2048",
		  "two words for the hash: sha256 and sha1" },
		{ "aes256-aes256-sha256-modp2048",
		  "two words for the cipher: aes256 and aes256" },
		{ "aes256-sha256",
		  "an IKE suite names a cipher, a hash and a group: aes256-sha256-modp2048" },
		{ "aes256-modp2048",
		  "an IKE suite names a cipher, a hash and a group: aes256-sha256-modp2048" },
		{ "sha256-modp2048",
		  "an IKE suite names a cipher, a hash and a group: aes256-sha256-modp2048" },
		{ "aes256gcm16-sha256-modp2048",
		  "aes256gcm16 is for ESP only; write for example aes256-sha256-modp2048" },
		{ "aes256-sha256-modp2048-esn",
		  "esn is for ESP only; write for example aes256-sha256-modp2048" },
	};
	const struct ike_proposal before = { .group = GROUP_ECP384 };

	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct ike_proposal p = before;
		char why[WHY] = "";

		assert_int_equal(ike_proposal_parse(refusals[i].text, false, &p, why),
				 -1);
		assert_string_equal(why, refusals[i].why);
		assert_true(ike_same(&p, &before));
	}
}

static void esp_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{ "aes256gcm12", "unknown word \"aes256gcm12\"; write for example "
				 "aes256gcm16 or aes256-sha256-modp2048" },
		{ "sha256", "an ESP suite names a cipher: "
			    "aes256gcm16 or aes256-sha256-modp2048" },
		{ "aes256gcm16-sha256",
		  "aes256gcm16 authenticates by itself: leave out sha256" },
		{ "aes256", "aes256 needs a hash beside it: aes256-sha256" },
		{ "null", "null needs a hash beside it: null-sha256" },
		{ "chacha20poly1305iiv-sha512",
		  "chacha20poly1305iiv authenticates by itself: leave out sha512" },
		{ "aes256-sha256-modp1024", "modp1024 is weak: it needs legacy = yes" },
		{ "aes256gcm16-esn-noesn", "two words for the ESN: esn and noesn" },
		{ "aes256gcm16-modp2048-ecp256",
		  "two words for the group: modp2048 and ecp256" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct esp_proposal p;
		char why[WHY] = "";

		assert_int_equal(esp_proposal_parse(refusals[i].text, false, &p, why),
				 -1);
		assert_string_equal(why, refusals[i].why);
	}
}

/* Read and written with the key's octets, and IKEv1 knows which of them it can say. */
static void esp_by_hand(void **state)
{
	static const struct {
		const char *text;
		size_t cipher, integ;
		bool in_v1;
	} suites[] = {
		{ "aes192gcm16", 28, 0, true },
		{ "aes256ccm16", 35, 0, true },
		{ "aes128gmac", 20, 0, true },
		{ "null-sha384", 0, 48, true },
		{ "aes192-sha512", 24, 64, true },
		{ "chacha20poly1305", 36, 0, false },
		{ "aes128gcm16iiv", 20, 0, false },
		{ "aes192ccm16iiv", 27, 0, false },
		{ "chacha20poly1305iiv", 36, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(suites); i++) {
		struct esp_proposal p = esp_of(suites[i].text);
		char text[PROPOSAL_TEXT];

		esp_proposal_text(&p, text);
		assert_string_equal(text, suites[i].text);
		assert_int_equal(keymat_cipher_len(&p), suites[i].cipher);
		assert_int_equal(keymat_integ_len(&p), suites[i].integ);
		assert_int_equal(esp_proposal_in_v1(&p), suites[i].in_v1);
	}
}

/* 3DES is not for ESP, and legacy = yes would not change that: do not advise it. */
static void esp_3des(void **state)
{
	struct esp_proposal p;
	char why[2][WHY];

	(void)state;
	for (int legacy = 0; legacy < 2; legacy++) {
		assert_int_equal(esp_proposal_parse("3des-sha1", legacy, &p, why[legacy]),
				 -1);
		assert_null(strstr(why[legacy], "legacy"));
	}
}

/* Body of an SA payload around the transforms given in hex, each without its header. */
struct sa {
	size_t len;
	uint8_t data[2048];
};

static void put(struct sa *sa, const char *hex)
{
	struct octets o;

	assert_true(vec_hex(hex, &o));
	memcpy(sa->data + sa->len, o.data, o.len);
	sa->len += o.len;
}

static void put_proposal(struct sa *sa, bool last, const char *number_proto_spi,
			 const char *const *transform, size_t n)
{
	size_t at = sa->len, length;
	char header[32];

	if (!at) {
		put(sa, "0000000100000001");
		at = sa->len;
	}
	put(sa, last ? "00000000" : "02000000");
	put(sa, number_proto_spi); /* number, protocol, SPI size */
	snprintf(header, sizeof(header), "%02zx", n);
	put(sa, header);
	if (strlen(number_proto_spi) == 6 && number_proto_spi[5] == '4')
		put(sa, "c0ffee01");
	for (size_t i = 0; i < n; i++) {
		snprintf(header, sizeof(header), "%02x00%04zx", i + 1 < n ? 3 : 0,
			 strlen(transform[i]) / 2 + 4);
		put(sa, header);
		put(sa, transform[i]);
	}
	length = sa->len - at;
	sa->data[at + 2] = length >> 8;
	sa->data[at + 3] = length;
}

static struct chunk chunk_of(const struct sa *sa)
{
	return CHUNK(sa->data, sa->len);
}

#define IKE "010100" /* proposal 1, ISAKMP, no SPI */
#define ESP "010304" /* proposal 1, ESP, SPI of four octets */

/* cipher 7 AES, key 256, hash 4 SHA-256, group 14, auth 1 */
#define AES256_SHA256_MODP2048 "0101000080010007800e0100800200048004000e80030001"
#define AES128_SHA1_MODP1024   "0201000080010007800e0080800200028004000280030001"

static enum select select_ike(const struct sa *sa, const char *ours,
			      struct ike_choice *choice)
{
	struct ike_proposal p = ike_of(ours);
	char why[WHY] = "";
	enum select s = ike_sa_select(chunk_of(sa), &p, 1, false, choice, why);

	/* A reason is given for what is malformed, and for nothing else. */
	assert_int_equal(s == SELECT_MALFORMED, !!*why);
	assert_true(s == SELECT_OK || !choice->reply.data);
	return s;
}

/* Whether one IKE transform with these octets after its header can be selected. */
static enum select one_ike(const char *transform, const char *ours, uint64_t *seconds)
{
	struct ike_choice choice;
	struct sa sa = { 0 };
	enum select s;

	put_proposal(&sa, true, IKE, &transform, 1);
	s = select_ike(&sa, ours, &choice);
	if (seconds)
		*seconds = choice.seconds;
	buf_wipe(&choice.reply);
	return s;
}

static enum select one_esp(const char *spec, const char *transform, const char *ours)
{
	struct esp_proposal p = esp_of(ours);
	struct esp_choice choice;
	struct sa sa = { 0 };
	char why[WHY];
	enum select s;

	put_proposal(&sa, true, spec, &transform, 1);
	s = esp_sa_select(chunk_of(&sa), &p, 1, false, false, &choice, why);
	buf_wipe(&choice.reply);
	return s;
}

#define SUITE "aes256-sha256-modp2048"

/* Every form of a life duration (RFC 2407 section 4.5, RFC 2409 appendix A). */
static void lifetimes(void **state)
{
	static const struct {
		const char *attributes;
		enum select select;
		uint64_t seconds;
	} forms[] = {
		{ "", SELECT_OK, 0 },
		{ "800b0001800c7080", SELECT_OK, 28800 },
		{ "800b0001000c000400015180", SELECT_OK, 86400 },
		{ "800b0001000c0001ff", SELECT_OK, 255 },
		{ "800b0001000c0003015180", SELECT_OK, 86400 },
		{ "800b0001000c00080000000000015180", SELECT_OK, 86400 },
		{ "000b000400000001800c7080", SELECT_OK, 28800 },
		{ "800b0001000c0009000000000000015180", SELECT_NONE, 0 },
		{ "800b0001000c0000", SELECT_NONE, 0 },
		/* kilobytes, beside the seconds and alone */
		{ "800b0001800c7080800b0002000c000400019000", SELECT_OK, 28800 },
		{ "800b0002000c000400019000", SELECT_OK, 0 },
		/* a duration of which nobody said the type */
		{ "800c7080", SELECT_OK, 0 },
	};
	char transform[256];
	uint64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		snprintf(transform, sizeof(transform), AES256_SHA256_MODP2048 "%s",
			 forms[i].attributes);
		assert_int_equal(one_ike(transform, SUITE, &seconds), forms[i].select);
		assert_int_equal(seconds, forms[i].seconds);
	}
}

/* What is written is what is read, but for what no four octets hold. */
static void lifetimes_written(void **state)
{
	static const uint64_t kbytes[][2] = { { 0, 0 },
					      { 65535, 65535 },
					      { 65536, 65536 },
					      { UINT32_MAX, UINT32_MAX },
					      { 1ULL << 32, UINT32_MAX },
					      { 5000000000, UINT32_MAX } };

	(void)state;
	for (size_t i = 0; i < COUNT(kbytes); i++) {
		struct esp_life life = { 3600, kbytes[i][0] };
		struct buf b = { 0 };

		esp_life_write(&b, &life);
		life = esp_life_read(buf_chunk(&b));
		buf_wipe(&b);
		assert_int_equal(life.seconds, 3600);
		assert_int_equal(life.kbytes, kbytes[i][1]);
	}
}

/* Some leave the key length of AES-128 away; for 3DES there is none. */
static void key_length_absent(void **state)
{
	static const char no_bits[] = "01010000800100078002000280040002"
				      "80030001";
	static const char des[] = "010100008001000580020002800400028003"
				  "0001";

	(void)state;
	assert_int_equal(one_ike(no_bits, "aes128-sha1-modp1024", NULL), SELECT_OK);
	assert_int_equal(one_ike(no_bits, "aes256-sha1-modp1024", NULL), SELECT_NONE);
	assert_int_equal(one_ike(des, "3des-sha1-modp1024", NULL), SELECT_OK);
	assert_int_equal(one_ike("01010000800100058002000280040002"
				 "80030001800e00c0",
				 "3des-sha1-modp1024", NULL),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "010c00008004000180050002", "aes128-sha1"),
			 SELECT_OK);
	assert_int_equal(one_esp(ESP, "010c00008004000180050002", "aes256-sha1"),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "0114000080040001", "aes128gcm16"), SELECT_OK);
}

/* An unknown attribute makes the transform unacceptable, not the message broken. */
static void unknown_and_contradicting_attributes(void **state)
{
	char transform[256];

	(void)state;
	assert_int_equal(one_ike(AES256_SHA256_MODP2048, SUITE, NULL), SELECT_OK);
	assert_int_equal(one_ike(AES256_SHA256_MODP2048 "80630001", SUITE, NULL),
			 SELECT_NONE);
	assert_int_equal(one_ike(AES256_SHA256_MODP2048 "8004000e", SUITE, NULL),
			 SELECT_OK);
	assert_int_equal(one_ike(AES256_SHA256_MODP2048 "80040002", SUITE, NULL),
			 SELECT_NONE);
	assert_int_equal(one_ike(AES256_SHA256_MODP2048 "800e0000", SUITE, NULL),
			 SELECT_NONE);
	for (int id = 15; id < 0x7fff; id++) {
		snprintf(transform, sizeof(transform), AES256_SHA256_MODP2048 "%04x0004",
			 0x8000 | id);
		assert_int_equal(one_ike(transform, SUITE, NULL), SELECT_NONE);
	}
	for (int id = 7; id < 0x7fff; id++) {
		if (id == 11)
			continue;
		snprintf(transform, sizeof(transform), "0114000080040001%04x0001",
			 0x8000 | id);
		assert_int_equal(one_esp(ESP, transform, "aes128gcm16"), SELECT_NONE);
	}
}

/* Signatures, another transform identifier, AH, transport mode, a short SPI. */
static void not_for_us(void **state)
{
	(void)state;
	assert_int_equal(
		one_ike("0101000080010007800e0100800200048004000e80030003", SUITE, NULL),
		SELECT_NONE);
	assert_int_equal(one_ike("0101000080010007800e0100800200048004000e", SUITE, NULL),
			 SELECT_NONE);
	assert_int_equal(
		one_ike("0102000080010007800e0100800200048004000e80030001", SUITE, NULL),
		SELECT_NONE);
	assert_int_equal(one_esp("010204", "0114000080040001", "aes128gcm16"),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "0114000080040002", "aes128gcm16"), SELECT_NONE);
	assert_int_equal(one_esp("010300", "0114000080040001", "aes128gcm16"),
			 SELECT_NONE);
	/* an AEAD with an integrity algorithm beside it, a CBC without one */
	assert_int_equal(one_esp(ESP, "011400008004000180050005", "aes128gcm16"),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "010c000080040001", "aes128-sha1"), SELECT_NONE);
	/* PFS where we have none, and none where we want it (RFC 2409 section 5.5) */
	assert_int_equal(one_esp(ESP, "01140000800400018003000e", "aes128gcm16"),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "0114000080040001", "aes128gcm16-modp2048"),
			 SELECT_NONE);
	/* 64-bit sequence numbers offered, not offered, and a value that is not defined */
	assert_int_equal(one_esp(ESP, "0114000080040001800b0001", "aes128gcm16-esn"),
			 SELECT_OK);
	assert_int_equal(one_esp(ESP, "0114000080040001800b0001", "aes128gcm16"),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "0114000080040001", "aes128gcm16-esn"),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "0114000080040001800b0002", "aes128gcm16-esn"),
			 SELECT_NONE);
	assert_int_equal(one_esp(ESP, "0114000080040001800b0002", "aes128gcm16"),
			 SELECT_NONE);
}

/* Ours decides, whatever the order of theirs; the answer repeats their transform. */
static void our_order_decides(void **state)
{
	static const char *const theirs[] = {
		AES128_SHA1_MODP1024 "800b0001000c000400015180",
		AES256_SHA256_MODP2048 "800b0001800c0e10",
	};
	const struct ike_proposal ours[] = { ike_of("aes256-sha512-modp4096"),
					     ike_of(SUITE),
					     ike_of("aes128-sha1-modp1024") };
	struct sa sa = { 0 }, want = { 0 };
	struct ike_choice choice;
	char why[WHY];

	(void)state;
	put_proposal(&sa, true, IKE, theirs, 2);
	assert_int_equal(ike_sa_select(chunk_of(&sa), ours, 3, false, &choice, why),
			 SELECT_OK);
	assert_true(ike_same(&choice.suite, &ours[1]));
	assert_int_equal(choice.seconds, 3600);
	put_proposal(&want, true, IKE, &theirs[1], 1);
	assert_int_equal(choice.reply.len, want.len);
	assert_memory_equal(choice.reply.data, want.data, want.len);
	buf_wipe(&choice.reply);
	assert_int_equal(ike_sa_select(chunk_of(&sa), ours + 2, 1, false, &choice, why),
			 SELECT_OK);
	assert_int_equal(choice.seconds, 86400);
	buf_wipe(&choice.reply);
	assert_int_equal(ike_sa_select(chunk_of(&sa), ours, 1, false, &choice, why),
			 SELECT_NONE);
	/* An answer with two transforms would leave open which one it means. */
	assert_int_equal(ike_sa_select(chunk_of(&sa), ours, 3, true, &choice, why),
			 SELECT_NONE);
	assert_null(choice.reply.data);
}

/* The second of two proposals: number, SPI and attributes of that one are answered. */
static void second_proposal(void **state)
{
	static const char *const ah = "010200008004000180050002",
				 *const gcm = "0114000080040001";
	struct esp_proposal ours = esp_of("aes128gcm16");
	struct esp_choice choice;
	struct sa sa = { 0 };
	char why[WHY];

	(void)state;
	put_proposal(&sa, false, "010204", &ah, 1);
	put_proposal(&sa, true, "020304", &gcm, 1);
	assert_int_equal(
		esp_sa_select(chunk_of(&sa), &ours, 1, false, false, &choice, why),
		SELECT_OK);
	assert_int_equal(choice.reply.data[8 + 4], 2);
	assert_memory_equal(choice.spi, "\xc0\xff\xee\x01", 4);
	buf_wipe(&choice.reply);
	/* The same number twice means both together, AH around ESP: not ours. */
	sa = (struct sa){ 0 };
	put_proposal(&sa, false, "010204", &ah, 1);
	put_proposal(&sa, true, "010304", &gcm, 1);
	assert_int_equal(
		esp_sa_select(chunk_of(&sa), &ours, 1, false, false, &choice, why),
		SELECT_NONE);
}

/* Cut at every octet, and every length field a little wrong: refused, never selected. */
static void lying_lengths(void **state)
{
	static const char *const theirs[] = { AES256_SHA256_MODP2048 "800b0001800c0e10",
					      AES256_SHA256_MODP2048 "800b0001800c0e10" };
	static const size_t fields[] = { 8 + 3, 8 + 7, 16 + 3, 52 + 3 };
	struct sa sa = { 0 }, bad;
	struct ike_choice choice;

	(void)state;
	put_proposal(&sa, true, IKE, theirs, 2);
	assert_int_equal(sa.len, 16 + 2 * 36);
	for (size_t cut = 0; cut < sa.len; cut++) {
		/* A heap copy of the exact size lets the sanitizer see one octet too far. */
		struct ike_proposal ours = ike_of(SUITE);
		uint8_t *copy = malloc(cut ? cut : 1);
		char why[WHY];

		memcpy(copy, sa.data, cut);
		assert_int_equal(
			ike_sa_select(CHUNK(copy, cut), &ours, 1, false, &choice, why),
			SELECT_MALFORMED);
		free(copy);
	}
	for (size_t f = 0; f < COUNT(fields); f++)
		for (int value = 0; value < 256; value++) {
			bad = sa;
			if (bad.data[fields[f]] == value)
				continue;
			bad.data[fields[f]] = value;
			if (select_ike(&bad, SUITE, &choice) != SELECT_OK)
				continue;
			fail_msg("selected with octet %zu being %d", fields[f], value);
		}
	bad = sa;
	bad.len++; /* an octet after the last proposal */
	assert_int_equal(select_ike(&bad, SUITE, &choice), SELECT_MALFORMED);
	bad = sa;
	bad.data[3] = 2; /* another DOI */
	assert_int_equal(select_ike(&bad, SUITE, &choice), SELECT_MALFORMED);
}

/* More transforms than anybody needs are refused before they cost anything. */
static void too_many_transforms(void **state)
{
	const char *transform[129];
	struct sa *sa = calloc(1, sizeof(*sa));
	struct ike_choice choice;
	uint8_t big[16 + 129 * 8];

	(void)state;
	for (size_t i = 0; i < COUNT(transform); i++)
		transform[i] = "01010000";
	put_proposal(sa, true, IKE, transform, COUNT(transform));
	assert_int_equal(sa->len, sizeof(big));
	assert_int_equal(select_ike(sa, SUITE, &choice), SELECT_MALFORMED);
	free(sa);
}

/* What a person reads of an offer with things in it that we do not speak. */
static void offers_in_words(void **state)
{
	static const char *const theirs[] = { AES256_SHA256_MODP2048,
					      "01010000800100058002000180040001"
					      "80030003",
					      "010100008001006380020063800400638003006"
					      "3" };
	struct sa sa = { 0 };
	char text[256], cut[10];

	(void)state;
	put_proposal(&sa, true, IKE, theirs, 3);
	ike_sa_text(chunk_of(&sa), text, sizeof(text));
	assert_string_equal(text, "aes256-sha256-modp2048\n"
				  "3des-md5-modp768 with RSA signatures\n"
				  "cipher 99-hash 99-group 99 with authentication "
				  "method 99");
	ike_sa_text(chunk_of(&sa), cut, sizeof(cut));
	assert_string_equal(cut, "aes256-sh");
	sa.len--;
	ike_sa_text(chunk_of(&sa), text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ike_suite),
		cmocka_unit_test(every_esp_suite),
		cmocka_unit_test(other_spellings),
		cmocka_unit_test(ike_refusals),
		cmocka_unit_test(esp_refusals),
		cmocka_unit_test(esp_by_hand),
		cmocka_unit_test(esp_3des),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(lifetimes_written),
		cmocka_unit_test(key_length_absent),
		cmocka_unit_test(unknown_and_contradicting_attributes),
		cmocka_unit_test(not_for_us),
		cmocka_unit_test(our_order_decides),
		cmocka_unit_test(second_proposal),
		cmocka_unit_test(lying_lengths),
		cmocka_unit_test(too_many_transforms),
		cmocka_unit_test(offers_in_words),
	};

	return cmocka_run_group_tests_name("proposal", tests, NULL, NULL);
}
