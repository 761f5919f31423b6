// SPDX-License-Identifier: MIT
/* IKEv1 key derivation against NIST's vectors: 3400 of them with VECTORS, 18 without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "keymat.h"
#include "vectors.h"

/* One vector of CAVS 17.3 ikev1_psk or ikev1_dsa. */
struct nist {
	enum ike_hash hash;
	struct octets cky_i, cky_r, ni, nr, gxy, psk;
	struct octets skeyid, d, a, e;
};

struct field {
	const char *name;
	size_t offset;
};

static const struct field fields[] = {
	{ "CKY_I", offsetof(struct nist, cky_i) },
	{ "CKY_R", offsetof(struct nist, cky_r) },
	{ "Ni", offsetof(struct nist, ni) },
	{ "Nr", offsetof(struct nist, nr) },
	{ "g^xy", offsetof(struct nist, gxy) },
	{ "pre-shared-key", offsetof(struct nist, psk) },
	{ "SKEYID", offsetof(struct nist, skeyid) },
	{ "SKEYID_d", offsetof(struct nist, d) },
	{ "SKEYID_a", offsetof(struct nist, a) },
	{ "SKEYID_e", offsetof(struct nist, e) },
};

static struct chunk chunk_of(const struct octets *o)
{
	return CHUNK(o->data, o->len);
}

static enum ike_hash hash_named(const char *line)
{
	if (!strncmp(line, "[SHA-1]", 7))
		return HASH_SHA1;
	if (!strncmp(line, "[SHA-256]", 9))
		return HASH_SHA256;
	if (!strncmp(line, "[SHA-384]", 9))
		return HASH_SHA384;
	if (!strncmp(line, "[SHA-512]", 9))
		return HASH_SHA512;
	return HASH_NONE;
}

static void read_field(struct nist *v, const char *line)
{
	size_t len = strcspn(line, " =");

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (len != strlen(fields[i].name) || strncmp(line, fields[i].name, len))
			continue;
		assert_true(
			vec_hex(line + len + 3, (void *)((char *)v + fields[i].offset)));
		return;
	}
}

static void check_vector(const struct nist *v)
{
	/* AES-256 under SHA-1 needs the expansion of appendix B as well. */
	const struct ike_proposal suite = { CIPHER_AES_CBC, 256, v->hash, GROUP_MODP2048,
					    AUTH_PSK };
	uint8_t cookies[COOKIES_LEN], skeyid[HASH_MAX];
	struct v1_keys keys;
	int err;

	assert_int_equal(v->cky_i.len + v->cky_r.len, COOKIES_LEN);
	memcpy(cookies, v->cky_i.data, 8);
	memcpy(cookies + 8, v->cky_r.data, 8);
	if (v->psk.len)
		err = keymat_skeyid_psk(v->hash, chunk_of(&v->psk), chunk_of(&v->ni),
					chunk_of(&v->nr), skeyid);
	else
		err = keymat_skeyid_sig(v->hash, chunk_of(&v->ni), chunk_of(&v->nr),
					chunk_of(&v->gxy), skeyid);
	assert_int_equal(err, 0);
	assert_int_equal(keymat_derive(&keys, &suite, skeyid, chunk_of(&v->gxy), cookies),
			 0);
	assert_true(vec_equal(&v->skeyid, keys.skeyid, keys.len));
	assert_true(vec_equal(&v->d, keys.d, keys.len));
	assert_true(vec_equal(&v->a, keys.a, keys.len));
	assert_true(vec_equal(&v->e, keys.e, keys.len));
	if (keys.len >= 32)
		assert_memory_equal(keys.ka, keys.e, 32);
}

/* Checks every vector of the file and returns how many there were. */
static size_t check_file(const char *path)
{
	enum ike_hash hash = HASH_NONE;
	char *text = vec_read(path), *save;
	struct nist v = { 0 };
	size_t n = 0;

	if (!text)
		fail_msg("cannot read %s", path);
	for (char *line = strtok_r(text, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		if (hash_named(line))
			hash = hash_named(line);
		if (!strncmp(line, "COUNT", 5))
			v = (struct nist){ .hash = hash };
		read_field(&v, line);
		if (strncmp(line, "SKEYID_e", 8))
			continue;
		check_vector(&v);
		n++;
	}
	free(text);
	return n;
}

static void nist_carried(void **state)
{
	char path[512];

	(void)state;
	vec_carried_path(path, sizeof(path), "nist-ikev1-psk.txt");
	assert_int_equal(check_file(path), 9);
	vec_carried_path(path, sizeof(path), "nist-ikev1-dsa.txt");
	assert_int_equal(check_file(path), 9);
}

static void nist_all(void **state)
{
	char path[512];

	(void)state;
	vec_large_path(path, sizeof(path), "nist-kdf/ikev1_psk.fax.gz");
	assert_int_equal(check_file(path), 1700);
	vec_large_path(path, sizeof(path), "nist-kdf/ikev1_dsa.fax.gz");
	assert_int_equal(check_file(path), 1700);
}

/* What appendix B says, computed another way: K1 | K2, Kn = prf(SKEYID_e, Kn-1). */
static void check_expansion(enum ike_cipher cipher, uint16_t bits, size_t len)
{
	const struct ike_proposal suite = { cipher, bits, HASH_SHA1, GROUP_MODP1024,
					    AUTH_PSK };
	const uint8_t skeyid[20] = "twenty octets of key",
		      cookies[COOKIES_LEN] = "cookies";
	uint8_t k[40], zero = 0;
	struct v1_keys keys;

	assert_int_equal(
		keymat_derive(&keys, &suite, skeyid, CHUNK(cookies, 16), cookies), 0);
	HMAC(EVP_sha1(), keys.e, 20, &zero, 1, k, NULL);
	HMAC(EVP_sha1(), keys.e, 20, k, 20, k + 20, NULL);
	assert_memory_equal(keys.ka, k, len);
}

static void key_longer_than_skeyid_e(void **state)
{
	(void)state;
	check_expansion(CIPHER_AES_CBC, 256, 32);
	check_expansion(CIPHER_3DES, 192, 24);
}

/* HMAC hashes a key beyond its block; cutting it off would make two keys one. */
static void long_psk_is_hashed(void **state)
{
	uint8_t psk[300], skeyid[HASH_MAX], want[HASH_MAX], nonces[32];

	(void)state;
	memset(psk, 'k', sizeof(psk));
	memset(nonces, 'n', sizeof(nonces));
	psk[sizeof(psk) - 1] = 'x';
	assert_int_equal(keymat_skeyid_psk(HASH_SHA256, CHUNK(psk, sizeof(psk)),
					   CHUNK(nonces, 16), CHUNK(nonces + 16, 16),
					   skeyid),
			 0);
	HMAC(EVP_sha256(), psk, sizeof(psk), nonces, sizeof(nonces), want, NULL);
	assert_memory_equal(skeyid, want, 32);
}

/* KEYMAT in three turns of the chain, computed another way (RFC 2409 section 5.5). */
static void check_keymat_chain(struct chunk gqm)
{
	const uint8_t spi[4] = { 0xc0, 1, 2, 3 };
	struct v1_keys keys = { .hash = HASH_SHA256, .len = 32, .d = "SKEYID_d" };
	uint8_t seed[64 + 5 + 4], turn[32 + sizeof(seed)], got[96], block[32];
	size_t len = 0;

	if (gqm.len)
		memcpy(seed, gqm.p, gqm.len);
	len += gqm.len;
	seed[len++] = 3;
	memcpy(seed + len, spi, 4);
	memcpy(seed + len + 4, "NiNr", 4);
	len += 8;
	assert_int_equal(keymat_esp(&keys, gqm, 3, spi, CHUNK((const uint8_t *)"Ni", 2),
				    CHUNK((const uint8_t *)"Nr", 2), got, sizeof(got)),
			 0);
	HMAC(EVP_sha256(), keys.d, 32, seed, len, block, NULL);
	for (int i = 0; i < 3; i++) {
		assert_memory_equal(got + 32 * i, block, 32);
		memcpy(turn, block, 32);
		memcpy(turn + 32, seed, len);
		HMAC(EVP_sha256(), keys.d, 32, turn, 32 + len, block, NULL);
	}
}

static void keymat_chain(void **state)
{
	uint8_t gqm[64];

	(void)state;
	memset(gqm, 0x47, sizeof(gqm));
	check_keymat_chain(CHUNK(NULL, 0));
	check_keymat_chain(CHUNK(gqm, sizeof(gqm)));
}

/* What RFC 4106 section 8.1, RFC 2404, RFC 3602 and RFC 4868 say that a suite takes. */
static void keymat_lengths(void **state)
{
	static const struct {
		struct esp_proposal suite;
		size_t cipher, integ;
	} want[] = {
		{ { CIPHER_AES_GCM_16, 128, HASH_NONE, 0, false }, 20, 0 },
		{ { CIPHER_AES_GCM_16, 256, HASH_NONE, 0, false }, 36, 0 },
		{ { CIPHER_AES_CBC, 128, HASH_SHA1, 0, false }, 16, 20 },
		{ { CIPHER_AES_CBC, 256, HASH_SHA256, 0, false }, 32, 32 },
		{ { CIPHER_AES_CBC, 256, HASH_SHA384, 0, false }, 32, 48 },
		{ { CIPHER_AES_CBC, 256, HASH_SHA512, 0, false }, 32, 64 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_int_equal(keymat_cipher_len(&want[i].suite), want[i].cipher);
		assert_int_equal(keymat_integ_len(&want[i].suite), want[i].integ);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nist_carried),
		cmocka_unit_test(key_longer_than_skeyid_e),
		cmocka_unit_test(long_psk_is_hashed),
		cmocka_unit_test(keymat_chain),
		cmocka_unit_test(keymat_lengths),
		cmocka_unit_test(nist_all),
	};

	return VEC_RUN("keymat", tests, 1);
}
