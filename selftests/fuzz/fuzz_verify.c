// SPDX-License-Identifier: MIT
/*
 * Certificates of strangers: any octets as what a peer sends with its signature, judged as
 * the verifier does. Nothing of it may be believed, for nobody here has a key.
 */
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "dn.h"
#include "trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* An authority on P-256 whose private key nobody has kept. */
static const char authority[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBnTCCAUOgAwIBAgIUFHNMowWS1zS1UJ8BONbjQ2PJjt8wCgYIKoZIzj0EAwIw\n"
	"IzENMAsGA1UECgwEVGVzdDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyMzE2\n"
	"MjAxN1oYDzIxMjYxMDMwMTYyMDE3WjAjMQ0wCwYDVQQKDARUZXN0MRIwEAYDVQQD\n"
	"DAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS2NUJ0Bii4bwFP\n"
	"nWfFkWpw4k2pu63zheC7VkMAPkYlbYOkClXrSFFWZmUEB/L32UQjROmO2OBnacyj\n"
	"biXCoLooo1MwUTAdBgNVHQ4EFgQUIk6muYVoRYp4k0xAd0GVzwqs1oYwHwYDVR0j\n"
	"BBgwFoAUIk6muYVoRYp4k0xAd0GVzwqs1oYwDwYDVR0TAQH/BAUwAwEB/zAKBggq\n"
	"hkjOPQQDAgNIADBFAiEA+iaKhNoV0sNebQzW4vhi34Eb31c0MMCwhtT+6p/HuCMC\n"
	"IHcDxCsqHki3qceVtyMBtSyf7OwUNnOIDJMdwFCH5WU9\n"
	"-----END CERTIFICATE-----\n";

static X509_STORE *store(void)
{
	BIO *bio = BIO_new_mem_buf(authority, -1);
	X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509_STORE *s = trust_store_new(false);

	CHECK(ca && s && X509_STORE_add_cert(s, ca));
	X509_free(ca);
	BIO_free(bio);
	return s;
}

/* The first octet is the method, the second splits the rest into ID, signature, chain. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct trust t;
	static const uint8_t hash[32] = "what a peer would have to sign.";
	uint8_t want[] = { 2, 0, 0, 0, 'o', 's', 'a', 'k', 'a' };
	struct trust_query q = { .hash = CHUNK(hash, sizeof(hash)) };
	struct trust_verdict v;
	char text[100];
	uint8_t *copy;
	size_t id, sig;

	if (len < 2)
		return 0;
	if (!t.store)
		t.store = store();
	q.auth = data[0] % (AUTH_ECDSA521 + 1);
	id = data[0] & 0x80 ? data[1] / 2 : 0;
	sig = data[0] & 0x40 ? 256 : 64;
	data += 2;
	len -= 2;
	/* A copy of the exact size, so that the sanitizer sees an octet too far. */
	copy = malloc(len ? len : 1);
	memcpy(copy, data, len);
	id = id < len ? id : len;
	sig = sig < len - id ? sig : len - id;
	q.id = id ? CHUNK(copy, id) : CHUNK(want, sizeof(want));
	q.want = CHUNK(want, sizeof(want));
	q.sig = CHUNK(copy + id, sig);
	q.certs = CHUNK(copy + id + sig, len - id - sig);
	trust_judge(&t, &q, &v);
	CHECK(v.code[0] && memchr(v.code, 0, sizeof(v.code)));
	CHECK(memchr(v.text, 0, sizeof(v.text)));
	/* Names are shown by the core as well, of an ID payload that nobody has judged. */
	dn_text(CHUNK(copy, len), text, sizeof(text));
	CHECK(memchr(text, 0, sizeof(text)));
	free(copy);
	return 0;
}
