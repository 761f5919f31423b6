// SPDX-License-Identifier: MIT
/*
 * Who a peer is, with signatures: whole negotiations of two cores with RSA and ECDSA, with
 * certificates and raw keys, and every way in which a peer is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs.h"
#include "credentials.h"
#include "outcome.h"
#include "verifier.h"

/* Made once: the authority, and the two sides with keys of one kind. */
static struct {
	EVP_PKEY *ca_key, *key[2], *other_key;
	X509 *ca, *cert[2];
} rsa, ec;

static void make_sites(EVP_PKEY *(*make)(void), EVP_PKEY *ca_key, EVP_PKEY **key,
		       X509 **ca, X509 **cert)
{
	static const char *const names[] = { "tokyo", "osaka" };

	*ca = cert_make(
		&(struct cert_plan){ .cn = "authority", .key = ca_key, .ca = true });
	for (int i = 0; i < 2; i++) {
		key[i] = make();
		cert[i] = cert_make(&(struct cert_plan){ .cn = names[i],
							 .key = key[i],
							 .issuer = *ca,
							 .issuer_key = ca_key,
							 .serial = 10 + i });
	}
}

static EVP_PKEY *new_rsa(void)
{
	return rsa_key(2048, 65537);
}

static EVP_PKEY *new_ec(void)
{
	return EVP_EC_gen("P-256");
}

static int make_all(void **state)
{
	(void)state;
	rsa.ca_key = new_rsa();
	rsa.other_key = new_rsa();
	ec.ca_key = new_ec();
	make_sites(new_rsa, rsa.ca_key, rsa.key, &rsa.ca, rsa.cert);
	make_sites(new_ec, ec.ca_key, ec.key, &ec.ca, ec.cert);
	return 0;
}

static int free_all(void **state)
{
	EVP_PKEY *keys[] = { rsa.ca_key, rsa.key[0], rsa.key[1], rsa.other_key,
			     ec.ca_key,	 ec.key[0],  ec.key[1] };
	X509 *certs[] = {
		rsa.ca, rsa.cert[0], rsa.cert[1], ec.ca, ec.cert[0], ec.cert[1]
	};

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++)
		EVP_PKEY_free(keys[i]);
	for (size_t i = 0; i < COUNT(certs); i++)
		X509_free(certs[i]);
	return 0;
}

/* --- a signature with its certificates, judged ---------------------------------------- */

/* What a peer shows; zeros are what is right: rsa's tokyo, by its subject. */
struct showing {
	X509 *cert, *between; /* its own, and another that signed it */
	EVP_PKEY *key;
	const char *id, *want; /* names, where it is not the subject */
	size_t sig_len;	       /* shorter, where it is not the whole */
	bool no_cert, other_hash, other_auth;
};

static size_t put_cert(uint8_t *out, X509 *x)
{
	return x ? i2d_X509(x, &out) : 0;
}

/* The body of an ID payload: a name, or the subject of a certificate. */
static size_t put_id(uint8_t *out, const char *name, X509 *x)
{
	const uint8_t *der;
	size_t len;

	memset(out, 0, 4);
	if (name) {
		out[0] = strchr(name, '@') ? ID_USER_FQDN : ID_FQDN;
		len = strlen(name);
		memcpy(out + 4, name, len);
	} else {
		out[0] = ID_DER_ASN1_DN;
		X509_NAME_get0_der(X509_get_subject_name(x), &der, &len);
		memcpy(out + 4, der, len);
	}
	return 4 + len;
}

static struct trust_verdict judged(const struct trust *t, struct showing s)
{
	static const uint8_t hash[32] = "thirty-two octets to be signed.", other[32];
	uint8_t sig[SIGNATURE_MAX], certs[8192], id[300], want[300];
	struct trust_query q = { .auth = AUTH_RSA, .hash = CHUNK(hash, sizeof(hash)) };
	struct trust_verdict v;
	X509 *x = s.cert ? s.cert : rsa.cert[0];
	EVP_PKEY *key = s.key ? s.key : rsa.key[0];
	int len = signature_make(key, q.hash, sig);
	size_t n;

	assert_true(len > 0);
	q.auth = s.other_auth ? AUTH_ECDSA256 : signature_auth(key);
	if (s.other_hash)
		q.hash.p = other;
	q.sig = CHUNK(sig, s.sig_len ? s.sig_len : (size_t)len);
	n = s.no_cert ? 0 : put_cert(certs, x);
	n += put_cert(certs + n, s.between);
	q.certs = CHUNK(certs, n);
	q.id = CHUNK(id, put_id(id, s.id, x));
	q.want = CHUNK(want, put_id(want, s.want, rsa.cert[0]));
	trust_judge(t, &q, &v);
	return v;
}

static void expect(const struct trust *t, struct showing s, const char *code,
		   const char *text)
{
	struct trust_verdict v = judged(t, s);

	assert_string_equal(v.code, code);
	if (!strstr(v.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, v.text);
}

static void good_certificate(void **state)
{
	struct trust t = trust_make(rsa.ca, NULL);

	(void)state;
	expect(&t, (struct showing){ 0 }, "",
	       "with RSA signatures and the certificate of O=Test, CN=tokyo from O=Test, "
	       "CN=authority");
	X509_STORE_free(t.store);
}

/* An authority's own certificate is not needed when the one that it signed is trusted. */
static void chains(void **state)
{
	EVP_PKEY *between_key = new_ec();
	X509 *between = cert_make(&(struct cert_plan){ .cn = "between",
						       .key = between_key,
						       .issuer = rsa.ca,
						       .issuer_key = rsa.ca_key,
						       .ca = true });
	X509 *leaf = cert_make(&(struct cert_plan){ .cn = "tokyo",
						    .key = rsa.key[0],
						    .issuer = between,
						    .issuer_key = between_key });
	struct trust root = trust_make(rsa.ca, NULL), partial = trust_make(between, NULL);
	/* A certificate that may not sign others is no authority. */
	X509 *bad = cert_make(&(struct cert_plan){ .cn = "tokyo",
						   .key = rsa.key[0],
						   .issuer = rsa.cert[1],
						   .issuer_key = rsa.key[1] });

	(void)state;
	expect(&root, (struct showing){ .cert = leaf, .between = between }, "", "tokyo");
	expect(&root, (struct showing){ .cert = leaf }, "wrong-ca", "CN=between");
	expect(&partial, (struct showing){ .cert = leaf }, "", "tokyo");
	expect(&root, (struct showing){ .cert = bad, .between = rsa.cert[1] },
	       "cert-invalid", "");
	X509_STORE_free(root.store);
	X509_STORE_free(partial.store);
	X509_free(between);
	X509_free(leaf);
	X509_free(bad);
	EVP_PKEY_free(between_key);
}

static void expect_cert(const struct cert_plan *plan, const char *code, const char *text)
{
	struct trust t = trust_make(rsa.ca, NULL);
	struct cert_plan p = *plan;
	X509 *x;

	p.cn = p.cn ? p.cn : "tokyo";
	p.key = p.key ? p.key : rsa.key[0];
	p.issuer = p.issuer ? p.issuer : rsa.ca;
	p.issuer_key = p.issuer_key ? p.issuer_key : rsa.ca_key;
	x = cert_make(&p);
	expect(&t, (struct showing){ .cert = x, .key = p.key }, code, text);
	X509_free(x);
	X509_STORE_free(t.store);
}

static void bad_certificates(void **state)
{
	EVP_PKEY *weak = rsa_key(1024, 65537);

	(void)state;
	expect_cert(&(struct cert_plan){ .from_days = -9, .days = -2 }, "cert-expired",
		    "the certificate of O=Test, CN=tokyo expired on 20");
	expect_cert(&(struct cert_plan){ .from_days = 2, .days = 9 },
		    "cert-not-yet-valid", "is the clock right?");
	expect_cert(&(struct cert_plan){ .issuer = ec.ca, .issuer_key = ec.ca_key },
		    "wrong-ca", "");
	/* Says that ours signed it; another key did. */
	expect_cert(&(struct cert_plan){ .issuer_key = rsa.other_key }, "wrong-ca", "");
	expect_cert(&(struct cert_plan){ .cn = "osaka" }, "id-differs", "");
	expect_cert(&(struct cert_plan){ .usage = "keyEncipherment" }, "cert-usage", "");
	expect_cert(&(struct cert_plan){ .usage = "nonRepudiation" }, "", "tokyo");
	expect_cert(&(struct cert_plan){ .md = EVP_sha1() }, "cert-weak", "");
	expect_cert(&(struct cert_plan){ .key = weak }, "cert-weak", "");
	EVP_PKEY_free(weak);
}

static void bad_signatures(void **state)
{
	struct trust t = trust_make(rsa.ca, NULL);

	(void)state;
	expect(&t, (struct showing){ .key = rsa.other_key }, "bad-signature", "");
	expect(&t, (struct showing){ .other_hash = true }, "bad-signature", "");
	expect(&t, (struct showing){ .sig_len = 255 }, "bad-signature", "");
	expect(&t, (struct showing){ .other_auth = true }, "key-type", "ECDSA-256");
	expect(&t, (struct showing){ .cert = ec.cert[0] }, "key-type", "RSA");
	expect(&t, (struct showing){ .no_cert = true }, "no-cert", "");
	expect(&t, (struct showing){ .key = rsa.key[1], .cert = rsa.cert[1] },
	       "id-differs", "");
	X509_STORE_free(t.store);
}

/* Each octet of a certificate changed, and each end cut: nothing of it is believed. */
static void damaged_certificates(void **state)
{
	static const uint8_t hash[32];
	struct trust t = trust_make(rsa.ca, NULL);
	uint8_t der[4096], sig[SIGNATURE_MAX], id[300];
	size_t len = put_cert(der, rsa.cert[0]), id_len = put_id(id, NULL, rsa.cert[0]);
	int sig_len = signature_make(rsa.key[0], CHUNK(hash, 32), sig);
	struct trust_query q = {
		AUTH_RSA,	   CHUNK(hash, 32),   CHUNK(sig, sig_len),
		CHUNK(id, id_len), CHUNK(id, id_len), CHUNK(der, len)
	};
	struct trust_verdict v;

	(void)state;
	trust_judge(&t, &q, &v);
	assert_string_equal(v.code, "");
	for (size_t i = 0; i < len; i += 3) {
		der[i] ^= 0x41;
		trust_judge(&t, &q, &v);
		assert_string_not_equal(v.code, "");
		der[i] ^= 0x41;
	}
	for (size_t n = 1; n < len; n += 7) {
		uint8_t *copy = malloc(n);

		memcpy(copy, der, n);
		q.certs = CHUNK(copy, n);
		trust_judge(&t, &q, &v);
		assert_string_equal(v.code, "cert-malformed");
		free(copy);
	}
	X509_STORE_free(t.store);
}

static void identities(void **state)
{
	static const char san[] = "DNS:tokyo.example, email:gw@tokyo.example";
	struct trust t = trust_make(rsa.ca, NULL);
	X509 *x = cert_make(&(struct cert_plan){ .cn = "other.example",
						 .key = rsa.key[0],
						 .issuer = rsa.ca,
						 .issuer_key = rsa.ca_key,
						 .san = san });

	(void)state;
	expect(&t, (struct showing){ x, .id = "tokyo.example", .want = "tokyo.example" },
	       "", "");
	expect(&t,
	       (struct showing){ x, .id = "gw@tokyo.example",
				 .want = "gw@tokyo.example" },
	       "", "");
	/* What it says that it is, is not who is expected; or its certificate denies it. */
	expect(&t, (struct showing){ x, .id = "tokyo.example", .want = "osaka.example" },
	       "id-differs", "");
	expect(&t, (struct showing){ x, .id = "osaka.example", .want = "osaka.example" },
	       "cert-id", "CN=other.example");
	/* The subject's name is no host name, whatever it looks like. */
	expect(&t, (struct showing){ x, .id = "other.example", .want = "other.example" },
	       "cert-id", "");
	expect(&t, (struct showing){ x, .want = "tokyo.example" }, "id-differs", "");
	X509_free(x);
	X509_STORE_free(t.store);
}

static void expect_crl(X509 *issuer, EVP_PKEY *key, long serial, int days,
		       const char *code, const char *text)
{
	X509_CRL *crl = crl_make(issuer, key, serial, days);
	struct trust t = trust_make(rsa.ca, crl);

	expect(&t, (struct showing){ 0 }, code, text);
	X509_STORE_free(t.store);
	X509_CRL_free(crl);
}

static void revocation(void **state)
{
	(void)state;
	expect_crl(rsa.ca, rsa.ca_key, 0, 9, "", "tokyo");
	expect_crl(rsa.ca, rsa.ca_key, 11, 9, "", "tokyo"); /* osaka's */
	expect_crl(rsa.ca, rsa.ca_key, 10, 9, "cert-revoked", "CN=tokyo was revoked");
	expect_crl(rsa.ca, rsa.ca_key, 0, -1, "crl-expired",
		   "CN=authority expired on 20");
	expect_crl(ec.cert[0], ec.key[0], 0, 9, "crl-missing", "CN=authority");
	/* Somebody else's signature under our authority's name. */
	expect_crl(rsa.ca, rsa.other_key, 0, 9, "cert-invalid", "");
}

/* --- signatures alone ------------------------------------------------------------------ */

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

/* --- files ----------------------------------------------------------------------------- */

static char dir[] = "/tmp/esptun-auth-XXXXXX";

/* Loads one peer with those lines and its private key: what is said about it, % is dir. */
static void loads(const char *lines, const char *want)
{
	char text[2048], said[1024] = "", expected[1024];
	FILE *in, *out = fmemopen(said, sizeof(said), "w");
	struct config *config;
	EVP_PKEY *key;
	size_t n;

	n = snprintf(text, sizeof(text),
		     "[peer osaka]\ninterface = esp0\n"
		     "remote = 198.51.100.2\nversion = 1\n");
	for (const char *p = lines; *p; p++)
		n += *p == '%' ? snprintf(text + n, sizeof(text) - n, "%s", dir)
			       : snprintf(text + n, sizeof(text) - n, "%c", *p);
	n = 0;
	for (const char *p = want; *p; p++)
		n += *p == '%' ? snprintf(expected + n, sizeof(expected) - n, "%s", dir)
			       : snprintf(expected + n, sizeof(expected) - n, "%c", *p);
	expected[n] = 0;
	in = fmemopen(text, strlen(text), "r");
	config = config_parse("FILE", in, out);
	fclose(in);
	if (config && !credentials_load("FILE", config, out)) {
		key = private_key_read("FILE", &config->peer[0], out);
		if (!*want)
			assert_int_equal(config->peer[0].ike.ike[1].auth,
					 signature_auth(key));
		EVP_PKEY_free(key);
	}
	config_free(config);
	fclose(out);
	assert_string_equal(said, expected);
}

#define CERT_FILES "cert = %/tokyo.crt\nkey = %/tokyo.key\nca = %/ca.crt\n"

struct file {
	const char *name;
	X509 *cert;
	EVP_PKEY *key, *pub;
	X509_CRL *crl;
	const char *text;
	mode_t mode; /* 0: 0600 */
};

static void write_file(const struct file *file)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file->name);
	f = fopen(path, "w");
	assert_non_null(f);
	if (file->cert)
		PEM_write_X509(f, file->cert);
	if (file->key)
		PEM_write_PrivateKey(f, file->key, NULL, NULL, 0, NULL, NULL);
	if (file->pub)
		PEM_write_PUBKEY(f, file->pub);
	if (file->crl)
		PEM_write_X509_CRL(f, file->crl);
	if (file->text)
		fputs(file->text, f);
	fchmod(fileno(f), file->mode ? file->mode : 0600);
	fclose(f);
}

static void good_files(void)
{
	loads(CERT_FILES "remote-id = CN=osaka\n", "");
	loads("key = %/tokyo.key\npeer-key = %/osaka.pub\n", "");
	/* What time has made useless is told, and stops nobody else's tunnels. */
	loads("cert = %/old.crt\nkey = %/tokyo.key\nca = %/ca.crt\nremote-id = o\n",
	      "FILE:5: warning: cert: %/old.crt has expired: the peer will refuse it\n");
	loads(CERT_FILES "remote-id = o\ncrl = %/old.crl\n",
	      "FILE:9: warning: crl: %/old.crl has a list that has expired: until there is a "
	      "newer one, whom it is about is refused\n");
}

static void bad_files(void)
{
	loads("cert = %/none\nkey = %/tokyo.key\nca = %/ca.crt\nremote-id = o\n",
	      "FILE:5: cert: cannot read %/none: No such file or directory\n");
	loads("cert = %/text\nkey = %/tokyo.key\nca = %/ca.crt\nremote-id = o\n",
	      "FILE:5: cert: %/text has no certificate in PEM\n");
	loads("cert = %/tokyo.crt\nkey = %/tokyo.key\nca = %/half\nremote-id = o\n",
	      "FILE:7: ca: %/half is damaged\n");
	loads(CERT_FILES "remote-id = o\ncrl = %/ca.crt\n",
	      "FILE:9: crl: %/ca.crt has no revocation list in PEM\n");
	loads(CERT_FILES "remote-id = o\nlocal-id = @nagoya\n",
	      "FILE:5: cert: %/tokyo.crt does not have the identity of local-id\n");
	loads("cert = %/tokyo.crt\nkey = %/osaka.key\nca = %/ca.crt\nremote-id = o\n",
	      "FILE:6: key: %/osaka.key is not the key of the certificate in cert\n");
	loads("key = %/osaka.pub\npeer-key = %/osaka.pub\n",
	      "FILE:5: key: %/osaka.pub is no private key in PEM\n");
	loads("key = %/tokyo.key\npeer-key = %/ec.pub\n",
	      "FILE:5: key: %/tokyo.key is of another kind than the peer's key: in IKEv1 both "
	      "sign alike\n");
	loads("key = %/tokyo.key\npeer-key = %/weak.pub\n",
	      "FILE:6: peer-key: %/weak.pub has a weak key: RSA below 2048 bits needs legacy = "
	      "yes\n");
	loads("key = %/open.key\npeer-key = %/osaka.pub\n",
	      "FILE:5: key: %/open.key is open to others than its owner (mode 644): chmod 600 "
	      "%/open.key\n");
}

static void files(void **state)
{
	X509 *old = cert_make(&(struct cert_plan){ .cn = "tokyo",
						   .key = rsa.key[0],
						   .issuer = rsa.ca,
						   .issuer_key = rsa.ca_key,
						   .from_days = -9,
						   .days = -2 });
	X509_CRL *crl = crl_make(rsa.ca, rsa.ca_key, 0, -1);
	EVP_PKEY *weak = rsa_key(1024, 65537);
	const struct file all[] = {
		{ "ca.crt", .cert = rsa.ca },
		{ "tokyo.crt", .cert = rsa.cert[0] },
		{ "tokyo.key", .key = rsa.key[0] },
		{ "open.key", .key = rsa.key[0], .mode = 0644 },
		{ "osaka.key", .key = rsa.key[1] },
		{ "osaka.pub", .pub = rsa.key[1] },
		{ "ec.pub", .pub = ec.key[1] },
		{ "weak.pub", .pub = weak },
		{ "old.crt", .cert = old },
		{ "old.crl", .crl = crl },
		{ "text", .text = "no PEM at all\n" },
		{ "half", .text = "-----BEGIN CERTIFICATE-----\nMIIC\n" },
	};

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < COUNT(all); i++)
		write_file(&all[i]);
	good_files();
	bad_files();
	for (size_t i = 0; i < COUNT(all); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/%s", dir, all[i].name);
		unlink(path);
	}
	rmdir(dir);
	X509_free(old);
	X509_CRL_free(crl);
	EVP_PKEY_free(weak);
}

/* --- two cores ------------------------------------------------------------------------- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_certificate),
		cmocka_unit_test(chains),
		cmocka_unit_test(bad_certificates),
		cmocka_unit_test(bad_signatures),
		cmocka_unit_test(damaged_certificates),
		cmocka_unit_test(identities),
		cmocka_unit_test(revocation),
		cmocka_unit_test(rsa_padding),
		cmocka_unit_test(every_kind_of_key),
		cmocka_unit_test(files),
		cmocka_unit_test(rsa_negotiation),
		cmocka_unit_test(ecdsa_negotiation),
		cmocka_unit_test(raw_keys),
		cmocka_unit_test(responder_refuses),
		cmocka_unit_test(initiator_refuses),
		cmocka_unit_test(changed_on_the_way),
		cmocka_unit_test(no_common_method),
		cmocka_unit_test(held_until_the_verdict),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
