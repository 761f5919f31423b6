// SPDX-License-Identifier: MIT
/* Hash, prf, CBC and Diffie-Hellman against published values; hostile public values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/bn.h>

#include "crypto.h"
#include "vectors.h"

#define WHY 96

static struct octets from_hex(const char *text)
{
	struct octets o;

	assert_true(vec_hex(text, &o));
	return o;
}

static struct chunk chunk_of(const struct octets *o)
{
	return CHUNK(o->data, o->len);
}

static struct chunk text(const char *s)
{
	return CHUNK((const uint8_t *)s, strlen(s));
}

/* FIPS 180-4, the example "abc", whole and in parts. */
static void hashes(void **state)
{
	static const struct {
		enum ike_hash hash;
		const char *want;
	} abc[] = {
		{ HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ HASH_SHA256,
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ HASH_SHA384,
		  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		  "8086072ba1e7cc2358baeca134c825a7" },
		{ HASH_SHA512,
		  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	};
	const struct chunk whole = text("abc"),
			   parts[] = { text("a"), CHUNK(NULL, 0), text("bc") };
	uint8_t out[HASH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(abc) / sizeof(*abc); i++) {
		struct octets want = from_hex(abc[i].want);

		assert_int_equal(hash_len(abc[i].hash), want.len);
		assert_int_equal(hash_of(abc[i].hash, &whole, 1, out), 0);
		assert_memory_equal(out, want.data, want.len);
		assert_int_equal(hash_of(abc[i].hash, parts, 3, out), 0);
		assert_memory_equal(out, want.data, want.len);
	}
	assert_int_equal(hash_len(HASH_NONE), 0);
}

/* RFC 2202 and RFC 4231: test case 1, and the one with a key longer than the block. */
static void prfs(void **state)
{
	static const struct {
		enum ike_hash hash;
		uint8_t key, key_len;
		const char *data, *want;
	} kat[] = {
		{ HASH_SHA1, 0x0b, 20, "Hi There",
		  "b617318655057264e28bc0b6fb378c8ef146be00" },
		{ HASH_SHA1, 0xaa, 80,
		  "Test Using Larger Than Block-Size Key - Hash Key First",
		  "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
		{ HASH_SHA256, 0x0b, 20, "Hi There",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ HASH_SHA256, 0xaa, 131,
		  "Test Using Larger Than Block-Size Key - Hash Key First",
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ HASH_SHA384, 0x0b, 20, "Hi There",
		  "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		  "faea9ea9076ede7f4af152e8b2fa9cb6" },
		{ HASH_SHA512, 0x0b, 20, "Hi There",
		  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		  "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
	};
	uint8_t key[131], out[HASH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(kat) / sizeof(*kat); i++) {
		const struct chunk all = text(kat[i].data),
				   parts[] = { { all.p, 3 }, { all.p + 3, all.len - 3 } };
		struct octets want = from_hex(kat[i].want);

		memset(key, kat[i].key, kat[i].key_len);
		assert_int_equal(
			prf(kat[i].hash, CHUNK(key, kat[i].key_len), parts, 2, out), 0);
		assert_memory_equal(out, want.data, want.len);
	}
}

/* NIST SP 800-38A F.2.1 and F.2.5, in two calls: the IV goes on where the first ended. */
static void aes_cbc(void **state)
{
	static const struct {
		uint16_t bits;
		const char *key, *cipher;
	} kat[] = {
		{ 128, "2b7e151628aed2a6abf7158809cf4f3c",
		  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
		  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7" },
		{ 256, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
		  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
	};
	const struct octets plain = from_hex(
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
	const struct octets iv0 = from_hex("000102030405060708090a0b0c0d0e0f");

	(void)state;
	assert_int_equal(cipher_block(CIPHER_AES_CBC), 16);
	for (size_t i = 0; i < sizeof(kat) / sizeof(*kat); i++) {
		struct octets key = from_hex(kat[i].key), want = from_hex(kat[i].cipher);
		struct octets data = plain, iv = iv0;

		assert_int_equal(cbc_encrypt(CIPHER_AES_CBC, key.data, kat[i].bits,
					     iv.data, data.data, 16),
				 0);
		assert_int_equal(cbc_encrypt(CIPHER_AES_CBC, key.data, kat[i].bits,
					     iv.data, data.data + 16, 48),
				 0);
		assert_memory_equal(data.data, want.data, 64);
		assert_memory_equal(iv.data, want.data + 48, 16);
		iv = iv0;
		assert_int_equal(cbc_decrypt(CIPHER_AES_CBC, key.data, kat[i].bits,
					     iv.data, data.data, 48),
				 0);
		assert_memory_equal(iv.data, want.data + 32, 16);
		assert_int_equal(cbc_decrypt(CIPHER_AES_CBC, key.data, kat[i].bits,
					     iv.data, data.data + 48, 16),
				 0);
		assert_memory_equal(data.data, plain.data, 64);
		assert_memory_equal(iv.data, want.data + 48, 16);
	}
}

/* The ECB example of NIST SP 800-67 appendix B, each block XORed with the one before. */
static void triple_des_cbc(void **state)
{
	const struct octets key =
		from_hex("0123456789abcdef23456789abcdef01456789abcdef0123");
	const struct octets want =
		from_hex("a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900");
	uint8_t data[24] = "The qufck brown fox jump", iv[BLOCK_MAX] = { 0 };

	(void)state;
	assert_int_equal(cipher_block(CIPHER_3DES), 8);
	for (int i = 8; i < 24; i++)
		data[i] ^= want.data[i - 8];
	assert_int_equal(cbc_encrypt(CIPHER_3DES, key.data, 192, iv, data, 24), 0);
	assert_memory_equal(data, want.data, 24);
	assert_memory_equal(iv, want.data + 16, 8);
	memset(iv, 0, sizeof(iv));
	assert_int_equal(cbc_decrypt(CIPHER_3DES, key.data, 192, iv, data, 24), 0);
	assert_memory_equal(data, "The qufc", 8);
}

/* An octet more or less than whole blocks is refused and nothing is written past it. */
static void cbc_refuses_part_blocks(void **state)
{
	uint8_t key[32] = { 1 }, iv[BLOCK_MAX] = { 2 }, data[33] = { 3 };

	(void)state;
	for (size_t len = 1; len < sizeof(data); len++) {
		if (len % 16 == 0)
			continue;
		assert_int_equal(cbc_encrypt(CIPHER_AES_CBC, key, 256, iv, data, len),
				 -1);
		assert_int_equal(cbc_decrypt(CIPHER_AES_CBC, key, 256, iv, data, len),
				 -1);
	}
}

struct modp {
	enum ike_group group;
	size_t len;
	BIGNUM *(*prime)(BIGNUM *);
};

static const struct modp modps[] = {
	{ GROUP_MODP1024, 128, BN_get_rfc2409_prime_1024 },
	{ GROUP_MODP1536, 192, BN_get_rfc3526_prime_1536 },
	{ GROUP_MODP2048, 256, BN_get_rfc3526_prime_2048 },
	{ GROUP_MODP3072, 384, BN_get_rfc3526_prime_3072 },
	{ GROUP_MODP4096, 512, BN_get_rfc3526_prime_4096 },
};

#define MODPS (sizeof(modps) / sizeof(*modps))

/* base^exponent mod p by OpenSSL's plain arithmetic, padded on the left. */
static void power(const struct modp *m, const uint8_t *base, size_t base_len,
		  const uint8_t *exponent, size_t len, uint8_t *out)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = m->prime(NULL), *b = BN_bin2bn(base, base_len, NULL),
	       *e = BN_bin2bn(exponent, len, NULL), *r = BN_new();

	assert_int_equal(BN_mod_exp(r, b, e, p, ctx), 1);
	assert_int_equal(BN_bn2binpad(r, out, m->len), m->len);
	BN_free(r);
	BN_free(e);
	BN_free(b);
	BN_free(p);
	BN_CTX_free(ctx);
}

static void modp_against_plain_arithmetic(void **state)
{
	uint8_t a[DH_MAX], b[DH_MAX], pub_a[DH_MAX], pub_b[DH_MAX], got[DH_MAX],
		want[DH_MAX];
	const uint8_t g = 2;

	(void)state;
	for (size_t i = 0; i < MODPS; i++) {
		const struct modp *m = &modps[i];
		size_t len = dh_private_len(m->group);

		assert_int_equal(dh_public_len(m->group), m->len);
		assert_int_equal(dh_shared_len(m->group), m->len);
		assert_in_range(len, 32, DH_MAX);
		for (size_t j = 0; j < len; j++) {
			a[j] = 7 * j + 1;
			b[j] = 31 * j + 5;
		}
		power(m, &g, 1, a, len, pub_a);
		power(m, &g, 1, b, len, pub_b);
		assert_int_equal(dh_compute(DH_PUBLIC, m->group, CHUNK(a, len),
					    CHUNK(NULL, 0), got),
				 m->len);
		assert_memory_equal(got, pub_a, m->len);
		power(m, pub_b, m->len, a, len, want);
		assert_int_equal(dh_compute(DH_SHARED, m->group, CHUNK(a, len),
					    CHUNK(pub_b, m->len), got),
				 m->len);
		assert_memory_equal(got, want, m->len);
		assert_int_equal(dh_compute(DH_SHARED, m->group, CHUNK(b, len),
					    CHUNK(pub_a, m->len), got),
				 m->len);
		assert_memory_equal(got, want, m->len);
	}
}

/* One secret in 256 begins with a zero octet, which has to stay (RFC 2409 section 5). */
static void modp_secret_keeps_leading_zeros(void **state)
{
	const struct modp *m = &modps[0];
	uint8_t priv[128] = { 0 }, pub[128] = { 0 }, want[128], got[DH_MAX];
	size_t len = dh_private_len(m->group);
	int tries = 0;

	(void)state;
	memset(priv, 0x3c, len);
	do {
		assert_true(tries < 10000);
		pub[126] = ++tries >> 8;
		pub[127] = tries;
		pub[0] = 1;
		power(m, pub, 128, priv, len, want);
	} while (want[0]);
	assert_int_equal(
		dh_compute(DH_SHARED, m->group, CHUNK(priv, len), CHUNK(pub, 128), got),
		128);
	assert_memory_equal(got, want, 128);
}

static void refused(enum ike_group group, const uint8_t *pub, size_t len)
{
	uint8_t priv[DH_MAX], out[DH_MAX];
	char why[WHY] = "";

	memset(priv, 0x55, sizeof(priv));
	assert_int_equal(dh_check(group, CHUNK(pub, len), why), -1);
	assert_true(strlen(why) > 0 && strlen(why) < WHY);
	assert_int_equal(dh_compute(DH_SHARED, group, CHUNK(priv, dh_private_len(group)),
				    CHUNK(pub, len), out),
			 -1);
}

/* 0, 1, p - 1, p, p + 1, all ones; one octet short and one long. */
static void modp_refuses_hostile_values(void **state)
{
	uint8_t pub[DH_MAX + 1];
	char why[WHY];

	(void)state;
	for (size_t i = 0; i < MODPS; i++) {
		const struct modp *m = &modps[i];
		BIGNUM *p = m->prime(NULL);

		memset(pub, 0, sizeof(pub));
		refused(m->group, pub, m->len);
		pub[m->len - 1] = 1;
		refused(m->group, pub, m->len);
		pub[m->len - 1] = 2;
		assert_int_equal(dh_check(m->group, CHUNK(pub, m->len), why), 0);
		refused(m->group, pub + 1, m->len - 1);
		refused(m->group, pub, m->len + 1);
		refused(m->group, pub, 0);
		for (int k = -2; k <= 1; k++) {
			if (k != -2)
				BN_add_word(p, 1);
			else
				BN_sub_word(p, 2);
			BN_bn2binpad(p, pub, m->len);
			if (k == -2)
				assert_int_equal(
					dh_check(m->group, CHUNK(pub, m->len), why), 0);
			else
				refused(m->group, pub, m->len);
		}
		memset(pub, 0xff, sizeof(pub));
		refused(m->group, pub, m->len);
		BN_free(p);
	}
}

/* RFC 5903 section 8. */
static const struct {
	enum ike_group group;
	const char *i, *gi, *r, *gr, *gir;
} ecp[] = {
	{ GROUP_ECP256,
	  "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
	  "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
	  "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
	  "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
	  "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
	  "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
	  "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de" },
	{ GROUP_ECP384,
	  "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
	  "e35b538041e649ee3faef896783ab194",
	  "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
	  "de3ac808acb4bdb4c88732aee95f41aa"
	  "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38e"
	  "eb9fcff3c2c947dae69b4c634573a81c",
	  "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
	  "e0308312916b8ed2960e4bd55a7448fc",
	  "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
	  "0d1ac43a0336def96fda41d0774a3571"
	  "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
	  "f83fa40142209dff5eaad96db9e6386c",
	  "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
	  "d603135569b9e9d09cf5d4a270f59746" },
};

static void ecp_examples(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(ecp) / sizeof(*ecp); k++) {
		struct octets i = from_hex(ecp[k].i), gi = from_hex(ecp[k].gi),
			      r = from_hex(ecp[k].r), gr = from_hex(ecp[k].gr),
			      gir = from_hex(ecp[k].gir);
		uint8_t out[DH_MAX];

		assert_int_equal(dh_public_len(ecp[k].group), gi.len);
		assert_int_equal(dh_shared_len(ecp[k].group), gir.len);
		assert_int_equal(dh_compute(DH_PUBLIC, ecp[k].group, chunk_of(&i),
					    CHUNK(NULL, 0), out),
				 gi.len);
		assert_memory_equal(out, gi.data, gi.len);
		assert_int_equal(dh_compute(DH_SHARED, ecp[k].group, chunk_of(&i),
					    chunk_of(&gr), out),
				 gir.len);
		assert_memory_equal(out, gir.data, gir.len);
		assert_int_equal(dh_compute(DH_SHARED, ecp[k].group, chunk_of(&r),
					    chunk_of(&gi), out),
				 gir.len);
		assert_memory_equal(out, gir.data, gir.len);
	}
}

/* Infinity as zeros, off the curve, a coordinate of p or more, short, long, other forms. */
static void ecp_refuses_hostile_points(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(ecp) / sizeof(*ecp); k++) {
		enum ike_group group = ecp[k].group;
		const struct octets good = from_hex(ecp[k].gi);
		struct octets bad = good;
		char why[WHY];

		assert_int_equal(dh_check(group, chunk_of(&good), why), 0);
		bad.data[good.len - 1] ^= 1;
		refused(group, bad.data, bad.len);
		memset(bad.data, 0, bad.len);
		refused(group, bad.data, bad.len);
		memset(bad.data, 0xff, bad.len);
		refused(group, bad.data, bad.len);
		bad = good;
		memset(bad.data, 0xff, bad.len / 2);
		refused(group, bad.data, bad.len);
		refused(group, good.data, good.len - 1);
		refused(group, good.data, good.len / 2);
		refused(group, good.data, 0);
		bad.data[0] = 4; /* the form with a leading octet is not IKE's */
		memcpy(bad.data + 1, good.data, good.len);
		refused(group, bad.data, good.len + 1);
		bad.data[0] = 2;
		refused(group, bad.data, good.len / 2 + 1);
	}
}

/* RFC 7748 section 6.1; points of small order give zeros, which are refused. */
static void x25519(void **state)
{
	const struct octets a = from_hex("77076d0a7318a57d3c16c17251b26645"
					 "df4c2f87ebc0992ab177fba51db92c2a");
	const struct octets ga = from_hex("8520f0098930a754748b7ddcb43ef75a"
					  "0dbf3a0d26381af4eba4a98eaa9b4e6a");
	const struct octets b = from_hex("5dab087e624a8a4b79e17f8b83800ee6"
					 "6f3bb1292618b6fd1c2f8b27ff88e0eb");
	const struct octets gb = from_hex("de9edb7d7b7dc1b4d35b61c2ece43537"
					  "3f8343c85b78674dadfc7e146f882b4f");
	const struct octets gab = from_hex("4a5d9d5ba4ce2de1728e3bf480350f25"
					   "e07e21c947d19e3376f09b3c1e161742");
	uint8_t out[DH_MAX], small[32] = { 0 };
	const struct chunk none = CHUNK(NULL, 0);
	char why[WHY];

	(void)state;
	assert_int_equal(dh_compute(DH_PUBLIC, GROUP_X25519, chunk_of(&a), none, out),
			 32);
	assert_memory_equal(out, ga.data, 32);
	assert_int_equal(
		dh_compute(DH_SHARED, GROUP_X25519, chunk_of(&a), chunk_of(&gb), out),
		32);
	assert_memory_equal(out, gab.data, 32);
	assert_int_equal(
		dh_compute(DH_SHARED, GROUP_X25519, chunk_of(&b), chunk_of(&ga), out),
		32);
	assert_memory_equal(out, gab.data, 32);
	for (small[0] = 0; small[0] < 2; small[0]++)
		assert_int_equal(dh_compute(DH_SHARED, GROUP_X25519, chunk_of(&a),
					    CHUNK(small, 32), out),
				 -1);
	assert_int_equal(dh_check(GROUP_X25519, CHUNK(ga.data, 31), why), -1);
	assert_int_equal(
		dh_compute(DH_PUBLIC, GROUP_X25519, CHUNK(a.data, 31), none, out), -1);
}

static void unknown_groups_are_refused(void **state)
{
	uint8_t pub[DH_MAX] = { 0, 2 };

	(void)state;
	for (int group = 0; group < 2000; group++) {
		if (dh_public_len(group))
			continue;
		assert_int_equal(dh_shared_len(group), 0);
		refused(group, pub, 128);
	}
}

static const char *field(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

	assert_non_null(s);
	return s;
}

static void wycheproof_case(enum ike_group group, const cJSON *test)
{
	struct octets pub = from_hex(field(test, "public")),
		      priv = from_hex(field(test, "private")),
		      want = from_hex(field(test, "shared"));
	uint8_t out[DH_MAX];
	char why[WHY];

	/* On the wire of IKE a point is x | y: only the uncompressed ones can be said. */
	if (strcmp(field(test, "result"), "valid")) {
		bool whole = pub.len && pub.data[0] == 4;

		refused(group, pub.data + whole, pub.len - whole);
		return;
	}
	assert_int_equal(pub.data[0], 4);
	assert_int_equal(dh_check(group, CHUNK(pub.data + 1, pub.len - 1), why), 0);
	assert_int_equal(dh_compute(DH_SHARED, group, chunk_of(&priv),
				    CHUNK(pub.data + 1, pub.len - 1), out),
			 want.len);
	assert_memory_equal(out, want.data, want.len);
}

static void wycheproof_file(enum ike_group group, const char *name, int count)
{
	char path[512], *json;
	cJSON *all, *set, *test;
	int n = 0;

	vec_large_path(path, sizeof(path), name);
	json = vec_read(path);
	if (!json)
		fail_msg("cannot read %s", path);
	all = cJSON_Parse(json);
	free(json);
	cJSON_ArrayForEach (set, cJSON_GetObjectItem(all, "testGroups"))
		cJSON_ArrayForEach (test, cJSON_GetObjectItem(set, "tests")) {
			wycheproof_case(group, test);
			n++;
		}
	cJSON_Delete(all);
	assert_int_equal(n, count);
}

static void wycheproof_p256(void **state)
{
	(void)state;
	wycheproof_file(GROUP_ECP256, "wycheproof/ecdh_secp256r1_ecpoint_test.json.gz",
			355);
}

static void wycheproof_p384(void **state)
{
	(void)state;
	wycheproof_file(GROUP_ECP384, "wycheproof/ecdh_secp384r1_ecpoint_test.json.gz",
			790);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(prfs),
		cmocka_unit_test(aes_cbc),
		cmocka_unit_test(triple_des_cbc),
		cmocka_unit_test(cbc_refuses_part_blocks),
		cmocka_unit_test(modp_against_plain_arithmetic),
		cmocka_unit_test(modp_secret_keeps_leading_zeros),
		cmocka_unit_test(modp_refuses_hostile_values),
		cmocka_unit_test(ecp_examples),
		cmocka_unit_test(ecp_refuses_hostile_points),
		cmocka_unit_test(x25519),
		cmocka_unit_test(unknown_groups_are_refused),
		cmocka_unit_test(wycheproof_p256),
		cmocka_unit_test(wycheproof_p384),
	};

	return VEC_RUN("crypto", tests, 2);
}
