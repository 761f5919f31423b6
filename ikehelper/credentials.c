// SPDX-License-Identifier: MIT
/* Certificates, revocation lists and keys from the files that the configuration names. */
#include "credentials.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_parser.h"
#include "core/payload.h"
#include "keys.h"

#define CERTS_MAX    8	   /* that we send, and authorities that we ask for by name */
#define KEY_FILE_MAX 32768 /* octets */
#define BITS_MIN     2048  /* of an RSA key, without legacy = yes */

/* A file of one peer, and where to complain about it. */
struct source {
	struct parser p;
	const struct named_file *file;
	const char *key;
};

static int complain(struct source *s, const char *what)
{
	return wrong(&s->p, s->file->line, "%s: %s %s", s->key, s->file->path, what);
}

static FILE *open_file(struct source *s)
{
	FILE *f = fopen(s->file->path, "re");

	if (!f)
		wrong(&s->p, s->file->line, "%s: cannot read %s: %s", s->key,
		      s->file->path, strerror(errno));
	return f;
}

/* OpenSSL's reader found no more of what it looked for; n were there. */
static int end_of_file(struct source *s, size_t n, const char *what)
{
	bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

	ERR_clear_error();
	if (whole && n)
		return 0;
	if (!whole)
		return complain(s, "is damaged");
	return wrong(&s->p, s->file->line, "%s: %s has no %s in PEM", s->key,
		     s->file->path, what);
}

/* A copy of it in DER, for the core. */
static int add_der(struct chunk **list, size_t *n, uint8_t *der, int len)
{
	struct chunk *more = len > 0 ? realloc(*list, (*n + 1) * sizeof(**list)) : NULL;

	if (!more) {
		OPENSSL_free(der);
		return -1;
	}
	*list = more;
	more[(*n)++] = CHUNK(der, len);
	return 0;
}

static int add_cert(struct ike_peer *ike, X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);

	return add_der(&ike->certs, &ike->n_certs, der, len);
}

static int add_authority(struct ike_peer *ike, X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(x), &der);

	return add_der(&ike->cas, &ike->n_cas, der, len);
}

/* Sets the method that the key is for, which both sides will use. */
static int set_method(struct source *s, struct peer_config *peer, const EVP_PKEY *key)
{
	enum ike_auth auth = key ? signature_auth(key) : AUTH_PSK;

	if (auth == AUTH_PSK)
		return complain(
			s, "has a key of a kind that IKEv1 does not know: RSA, or EC "
			   "on P-256, P-384 or P-521");
	if (auth == AUTH_RSA && EVP_PKEY_get_bits(key) < BITS_MIN && !peer->legacy)
		return complain(s,
				"has a weak key: RSA below 2048 bits needs legacy = yes");
	for (size_t i = 0; i < peer->ike.n_ike; i++)
		peer->ike.ike[i].auth = auth;
	return 0;
}

/* Our certificate names us: by its subject unless local-id says how. */
static int set_own_id(struct source *s, struct ike_peer *ike, X509 *x)
{
	struct ike_id *id = &ike->local_id;
	const uint8_t *der;
	size_t len;

	if (id->type)
		return cert_has_id(x, id->type, CHUNK(id->data, id->len))
			       ? 0
			       : complain(s, "does not have the identity of local-id");
	if (X509_NAME_entry_count(X509_get_subject_name(x)) == 0 ||
	    !X509_NAME_get0_der(X509_get_subject_name(x), &der, &len) || len > IKE_ID_MAX)
		return complain(s, "has no subject to be known by; write local-id");
	id->type = ID_DER_ASN1_DN;
	id->len = len;
	memcpy(id->data, der, len);
	return 0;
}

/* Our certificate first, then those between it and what the peer knows. */
static int read_chain(struct source *s, struct peer_config *peer, FILE *f)
{
	struct ike_peer *ike = &peer->ike;
	bool bad = false;
	X509 *x;

	while (!bad && (x = PEM_read_X509(f, NULL, NULL, NULL))) {
		bad = ike->n_certs == CERTS_MAX || add_cert(ike, x) < 0;
		if (peer->own)
			X509_free(x);
		else
			peer->own = x;
	}
	return bad ? complain(s, "has too many certificates")
		   : end_of_file(s, ike->n_certs, "certificate");
}

static int load_cert(struct source *s, struct peer_config *peer, FILE *f)
{
	if (read_chain(s, peer, f) < 0 ||
	    set_method(s, peer, X509_get0_pubkey(peer->own)) < 0 ||
	    set_own_id(s, &peer->ike, peer->own) < 0)
		return -1;
	/* The clock may be wrong, and other peers are none the worse for it. */
	if (X509_cmp_current_time(X509_get0_notAfter(peer->own)) < 0)
		fprintf(s->p.errors,
			"%s:%d: warning: cert: %s has expired: the peer will refuse it\n",
			s->p.file, s->file->line, s->file->path);
	return 0;
}

static int load_ca(struct source *s, struct peer_config *peer, FILE *f)
{
	bool bad = false;
	size_t n = 0;
	X509 *x;

	while (!bad && (x = PEM_read_X509(f, NULL, NULL, NULL))) {
		bad = X509_STORE_add_cert(peer->trust.store, x) != 1 ||
		      (n++ < CERTS_MAX && add_authority(&peer->ike, x) < 0);
		X509_free(x);
	}
	return bad ? complain(s, "cannot be used") : end_of_file(s, n, "certificate");
}

static int load_crl(struct source *s, struct peer_config *peer, FILE *f)
{
	bool bad = false, old = false;
	X509_CRL *crl;
	size_t n = 0;

	while (!bad && (crl = PEM_read_X509_CRL(f, NULL, NULL, NULL))) {
		bad = trust_add_crl(peer->trust.store, crl) < 0;
		old |= X509_CRL_get0_nextUpdate(crl) &&
		       X509_cmp_current_time(X509_CRL_get0_nextUpdate(crl)) < 0;
		X509_CRL_free(crl);
		n++;
	}
	if (old)
		fprintf(s->p.errors,
			"%s:%d: warning: crl: %s has a list that has expired: until there is a "
			"newer one, whom it is about is refused\n",
			s->p.file, s->file->line, s->file->path);
	return bad ? complain(s, "cannot be used") : end_of_file(s, n, "revocation list");
}

static int load_peer_key(struct source *s, struct peer_config *peer, FILE *f)
{
	peer->trust.key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	if (!peer->trust.key)
		return end_of_file(s, 0, "public key");
	return set_method(s, peer, peer->trust.key);
}

static int load(const char *name, struct peer_config *peer, FILE *errors)
{
	const struct {
		const struct named_file *file;
		const char *key;
		int (*read)(struct source *s, struct peer_config *peer, FILE *f);
	} files[] = {
		{ &peer->cert, "cert", load_cert },
		{ &peer->ca, "ca", load_ca },
		{ &peer->crl, "crl", load_crl },
		{ &peer->peer_key, "peer-key", load_peer_key },
	};
	int err = 0;

	if (peer->by == BY_CERT)
		peer->trust.store = trust_store_new(peer->legacy);
	if (peer->by == BY_CERT && !peer->trust.store)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct source s = { .p = { .file = name, .errors = errors },
				    .file = files[i].file,
				    .key = files[i].key };
		FILE *f = s.file->path ? open_file(&s) : NULL;

		if (s.file->path && (!f || files[i].read(&s, peer, f) < 0))
			err = -1;
		if (f)
			fclose(f);
	}
	return err;
}

int credentials_load(const char *name, struct config *config, FILE *errors)
{
	int err = 0;

	for (size_t i = 0; i < config->n_peers; i++)
		if (load(name, &config->peer[i], errors) < 0)
			err = -1;
	return err;
}

static void free_list(struct chunk *list, size_t n)
{
	while (n--)
		OPENSSL_free((uint8_t *)list[n].p);
	free(list);
}

void credentials_free(struct peer_config *peer)
{
	free_list(peer->ike.certs, peer->ike.n_certs);
	free_list(peer->ike.cas, peer->ike.n_cas);
	EVP_PKEY_free(peer->trust.key);
	X509_STORE_free(peer->trust.store);
	X509_free(peer->own);
}

/* A key that asks for a passphrase gets none. */
static int no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)ctx = true;
	return -1;
}

EVP_PKEY *private_key_read(const char *name, const struct peer_config *peer, FILE *errors)
{
	struct source s = { .p = { .file = name, .errors = errors },
			    .file = &peer->key,
			    .key = "key" };
	char text[KEY_FILE_MAX], why[KEYS_WHY];
	int fd = secret_open(peer->key.path, why);
	bool asked = false;
	EVP_PKEY *key = NULL;
	const char *bad = NULL;
	ssize_t len;
	BIO *bio;

	if (fd < 0) {
		wrong(&s.p, s.file->line, "key: %s", why);
		return NULL;
	}
	len = read(fd, text, sizeof(text));
	close(fd);
	bio = len > 0 ? BIO_new_mem_buf(text, len) : NULL;
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	OPENSSL_cleanse(text, sizeof(text));
	ERR_clear_error();
	if (!key && asked)
		bad = "is encrypted, and nobody is there to type its passphrase: store it "
		      "without";
	else if (!key)
		bad = "is no private key in PEM";
	else if (peer->own && !X509_check_private_key(peer->own, key))
		bad = "is not the key of the certificate in cert";
	else if (signature_auth(key) != peer->ike.ike[0].auth)
		bad = "is of another kind than the peer's key: in IKEv1 both sign alike";
	ERR_clear_error();
	if (!bad)
		return key;
	complain(&s, bad);
	EVP_PKEY_free(key);
	return NULL;
}
