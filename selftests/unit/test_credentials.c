// SPDX-License-Identifier: MIT
/* Certificates and keys in files: what is read of them, and what is said of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs.h"
#include "credentials.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
