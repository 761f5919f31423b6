// SPDX-License-Identifier: MIT
/* Signatures alone: RSA and ECDSA, their padding, their length, and other vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/pem.h>

#include "certs.h"
#include "vectors.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* PKCS #1 padding around content of our own making: what e = 3 makes easy to forge. */
static void rsa_padding(void **state)
{
	EVP_PKEY *key = rsa_key(2048, 3);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	const uint8_t hash[32] = { 1, 2, 3 };
	uint8_t block[256], sig[256];
	size_t len;

	(void)state;
	EVP_PKEY_sign_init(ctx);
	EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING);
	/* 00 01 FF ... FF 00 hash, with the rest of the block behind it or before. */
	for (size_t shift = 0; shift <= 200; shift += 20) {
		memset(block, 0xff, sizeof(block));
		block[0] = 0;
		block[1] = 1;
		block[223 - shift] = 0;
		memcpy(block + 224 - shift, hash, 32);
		memset(block + 256 - shift, 0, shift);
		len = sizeof(sig);
		assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, block, sizeof(block)), 1);
		assert_int_equal(signature_right(key, CHUNK(hash, 32), CHUNK(sig, len)),
				 !shift);
		/* A part of the hash proves a part of it. */
		assert_false(signature_right(key, CHUNK(hash, 20), CHUNK(sig, len)));
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

/*
 * Wycheproof's signatures are over a name of the hash and the hash, DigestInfo: here that is
 * what is signed as it is, and everything that is wrong with a signature is wrong all the same.
 */
static void check_rsa(EVP_PKEY *key, const cJSON *test)
{
	static const uint8_t sha256[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
					  0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
					  0x01, 0x05, 0x00, 0x04, 0x20 };
	const char *result = cJSON_GetObjectItem(test, "result")->valuestring;
	uint8_t info[sizeof(sha256) + 32];
	struct octets msg, sig;

	assert_true(vec_hex(cJSON_GetObjectItem(test, "msg")->valuestring, &msg));
	assert_true(vec_hex(cJSON_GetObjectItem(test, "sig")->valuestring, &sig));
	memcpy(info, sha256, sizeof(sha256));
	EVP_Digest(msg.data, msg.len, info + sizeof(sha256), NULL, EVP_sha256(), NULL);
	if (signature_right(key, CHUNK(info, sizeof(info)), CHUNK(sig.data, sig.len)) !=
	    !strcmp(result, "valid"))
		fail_msg("test %d is %s", cJSON_GetObjectItem(test, "tcId")->valueint,
			 result);
}

static void rsa_vectors(void **state)
{
	const cJSON *group, *test;
	char path[512], *text;
	size_t n = 0;
	cJSON *json;

	(void)state;
	vec_large_path(path, sizeof(path),
		       "wycheproof/rsa_signature_2048_sha256_test.json.gz");
	text = vec_read(path);
	assert_non_null(text);
	json = cJSON_Parse(text);
	assert_non_null(json);
	cJSON_ArrayForEach (group, cJSON_GetObjectItem(json, "testGroups")) {
		const char *pem = cJSON_GetObjectItem(group, "publicKeyPem")->valuestring;
		BIO *bio = BIO_new_mem_buf(pem, -1);
		EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

		assert_non_null(key);
		cJSON_ArrayForEach (test, cJSON_GetObjectItem(group, "tests")) {
			check_rsa(key, test);
			n++;
		}
		EVP_PKEY_free(key);
		BIO_free(bio);
	}
	assert_int_equal(n, cJSON_GetObjectItem(json, "numberOfTests")->valueint);
	cJSON_Delete(json);
	free(text);
}

static void every_kind_of_key(void **state)
{
	static const struct {
		const char *curve;
		enum ike_auth auth;
		size_t len;
	} kinds[] = { { "P-256", AUTH_ECDSA256, 64 },
		      { "P-384", AUTH_ECDSA384, 96 },
		      { "P-521", AUTH_ECDSA521, 132 },
		      { "secp256k1", AUTH_PSK, 0 } };
	uint8_t hash[64] = { 9 }, sig[SIGNATURE_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		EVP_PKEY *key = EVP_EC_gen(kinds[i].curve);
		struct ike_proposal suite = { .hash = HASH_SHA1, .auth = kinds[i].auth };
		size_t n = hash_len(signature_hash(&suite));

		assert_int_equal(signature_auth(key), kinds[i].auth);
		if (kinds[i].len) {
			assert_int_equal(signature_make(key, CHUNK(hash, n), sig),
					 kinds[i].len);
			assert_true(signature_right(key, CHUNK(hash, n),
						    CHUNK(sig, kinds[i].len)));
			sig[kinds[i].len - 1] ^= 1;
			assert_false(signature_right(key, CHUNK(hash, n),
						     CHUNK(sig, kinds[i].len)));
			memset(sig, 0, sizeof(sig));
			assert_false(signature_right(key, CHUNK(hash, n),
						     CHUNK(sig, kinds[i].len)));
		} else {
			assert_int_equal(signature_make(key, CHUNK(hash, 32), sig), -1);
		}
		EVP_PKEY_free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsa_padding),
		cmocka_unit_test(every_kind_of_key),
		/* From here on with VECTORS. */
		cmocka_unit_test(rsa_vectors),
	};

	return _cmocka_run_group_tests("tests", tests,
				       vec_tests(sizeof(tests) / sizeof(*tests), 1),
				       make_all, free_all);
}
