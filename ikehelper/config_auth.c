// SPDX-License-Identifier: MIT
/* How a peer and this host prove who they are, and who that is: auth, its files, the IDs. */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "config_parser.h"
#include "core/payload.h"
#include "text.h"

static const char *const auth_name[] = {
	[BY_PSK] = "psk",
	[BY_PUBKEY] = "pubkey",
	[BY_CERT] = "cert",
};

#define N_AUTHS (sizeof(auth_name) / sizeof(auth_name[0]))

/* The files of each kind: which are needed, which may be, and what to write. */
static const struct auth_file {
	enum key key;
	bool needed[N_AUTHS], allowed[N_AUTHS];
	const char *example;
} auth_files[] = {
	{ K_PSK_FILE, .needed[BY_PSK] = true, .example = "/etc/esptun/NAME.psk" },
	{ K_CERT, .needed[BY_CERT] = true, .example = "/etc/esptun/NAME.crt" },
	{ K_KEY, .needed = { [BY_PUBKEY] = true, [BY_CERT] = true },
	  .example = "/etc/esptun/NAME.key" },
	{ K_CA, .needed[BY_CERT] = true, .example = "/etc/esptun/ca.crt" },
	{ K_CRL, .allowed[BY_CERT] = true },
	{ K_PEER_KEY, .needed[BY_PUBKEY] = true, .example = "/etc/esptun/PEER.pub" },
};

/* As it is written, or as the files tell. */
static enum auth_by auth_of(struct parser *p)
{
	char *const *written = p->section.value;
	int line;
	const char *v = value(&p->section, K_AUTH, &line);

	for (size_t i = 0; v && i < N_AUTHS; i++)
		if (!strcmp(v, auth_name[i]))
			return i;
	if (v)
		wrong(p, line, "auth = %s is not known; write psk, pubkey or cert", v);
	return written[K_PSK_FILE]		  ? BY_PSK
	       : written[K_PEER_KEY]		  ? BY_PUBKEY
	       : written[K_CERT] || written[K_CA] ? BY_CERT
						  : BY_PSK;
}

static void set_file(struct parser *p, const struct auth_file *f, enum auth_by by,
		     struct named_file *out)
{
	const char *v = f->needed[by] ? needed(p, f->key, f->example, &out->line)
				      : value(&p->section, f->key, &out->line);

	if (!v)
		return;
	if (!f->needed[by] && !f->allowed[by])
		wrong(p, out->line,
		      "%s is of no use with auth = %s; leave out one of the two",
		      key_name[f->key], auth_name[by]);
	if (*v != '/')
		wrong(p, out->line, "%s = %s wants a path from the root",
		      key_name[f->key], v);
	out->path = strdup(v);
}

void set_auth(struct parser *p, struct peer_config *peer)
{
	struct named_file *out[] = { &peer->psk, &peer->cert, &peer->key,
				     &peer->ca,	 &peer->crl,  &peer->peer_key };
	int line;

	peer->by = auth_of(p);
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		set_file(p, &auth_files[i], peer->by, out[i]);
	peer->weak_psk = yes(p, K_WEAK_PSK);
	peer->legacy = yes(p, K_LEGACY);
	/* Anybody whom the authority knows would do else. */
	if (peer->by == BY_CERT)
		needed(p, K_REMOTE_ID,
		       "\"C=JP, O=Example, CN=osaka\", or a name, as its "
		       "certificate has it",
		       &line);
}

/* The next "TYPE=VALUE" of a name, up to a comma that no backslash is before. */
static char *next_part(char **rest)
{
	char *in = *rest, *out = *rest, *part = *rest;

	if (!part)
		return NULL;
	while (*in && *in != ',') {
		if (*in == '\\' && in[1])
			in++;
		*out++ = *in++;
	}
	*rest = *in ? in + 1 : NULL;
	*out = '\0';
	return trim(part);
}

/* "C=JP, O=Example, CN=osaka", in the order of the certificate, to DER. */
static int set_name(char *text, struct ike_id *out)
{
	X509_NAME *name = X509_NAME_new();
	uint8_t *der = out->data;
	bool ok = name;
	char *part, *v;
	int len;

	while (ok && (part = next_part(&text))) {
		v = strchr(part, '=');
		if (v)
			*v++ = '\0';
		ok = v && X509_NAME_add_entry_by_txt(name, trim(part), MBSTRING_UTF8,
						     (uint8_t *)trim(v), -1, -1, 0);
	}
	len = ok ? i2d_X509_NAME(name, NULL) : 0;
	ok = ok && len > 0 && len <= IKE_ID_MAX;
	if (ok)
		out->len = i2d_X509_NAME(name, &der);
	out->type = ID_DER_ASN1_DN;
	X509_NAME_free(name);
	return ok ? 0 : -1;
}

static int parse_id(const char *v, struct ike_id *out)
{
	struct ike_addr addr;
	char *copy;
	int err;

	if (addr_parse(v, &addr) == 0) {
		out->type = addr.family == 6 ? ID_IPV6_ADDR : ID_IPV4_ADDR;
		out->len = addr.family == 6 ? 16 : 4;
		memcpy(out->data, addr.ip, out->len);
		return 0;
	}
	if (*v != '@' && strchr(v, '=')) {
		copy = strdup(v);
		err = copy ? set_name(copy, out) : -1;
		free(copy);
		return err;
	}
	out->type = ID_FQDN;
	if (*v == '@')
		v++;
	else if (strchr(v, '@'))
		out->type = ID_USER_FQDN;
	if (!*v || strlen(v) > IKE_ID_MAX || strpbrk(v, " \t"))
		return -1;
	memcpy(out->data, v, out->len = strlen(v));
	return 0;
}

void set_id(struct parser *p, enum key k, struct ike_id *out)
{
	int line;
	const char *v = value(&p->section, k, &line);

	if (v && parse_id(v, out) < 0)
		wrong(p, line,
		      "%s = %s is no identity; write an address, a name, user@name, or a "
		      "certificate's subject as C=JP, O=Example, CN=osaka",
		      key_name[k], v);
}
