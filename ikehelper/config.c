// SPDX-License-Identifier: MIT
/*
 * The INI file → struct config; errors with line numbers.
 *
 * Not with a library for INI files: Debian builds inih without line numbers for its
 * callers, which cuts lines at 200 characters and passes over sections without keys.
 */
#include "config_parser.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "credentials.h"
#include "keys.h"
#include "text.h"

const char *const key_name[N_KEYS] = {
	[K_INTERFACE] = "interface",
	[K_REMOTE] = "remote",
	[K_LOCAL] = "local",
	[K_AUTH] = "auth",
	[K_PSK_FILE] = "psk-file",
	[K_CERT] = "cert",
	[K_KEY] = "key",
	[K_CA] = "ca",
	[K_CRL] = "crl",
	[K_PEER_KEY] = "peer-key",
	[K_VERSION] = "version",
	[K_IKE] = "ike",
	[K_ESP] = "esp",
	[K_LIFETIME_IKE] = "lifetime-ike",
	[K_LIFETIME_ESP] = "lifetime-esp",
	[K_LIFETIME_ESP_BYTES] = "lifetime-esp-bytes",
	[K_LIFETIME_ESP_PACKETS] = "lifetime-esp-packets",
	[K_LOCAL_SUBNETS] = "local-subnets",
	[K_REMOTE_SUBNETS] = "remote-subnets",
	[K_LOCAL_ID] = "local-id",
	[K_REMOTE_ID] = "remote-id",
	[K_START] = "start",
	[K_DPD_DELAY] = "dpd-delay",
	[K_DPD_TIMEOUT] = "dpd-timeout",
	[K_PHASE2_IDS] = "phase2-ids",
	[K_WEAK_PSK] = "weak-psk",
	[K_ENCAP] = "encap",
	[K_LEGACY] = "legacy",
	[K_PROFILE] = "profile",
};

int wrong(struct parser *p, int line, const char *format, ...)
{
	va_list args;

	fprintf(p->errors, "%s:%d: ", p->file, line);
	va_start(args, format);
	vfprintf(p->errors, format, args);
	va_end(args);
	fputc('\n', p->errors);
	p->n_errors++;
	return -1;
}

char *trim(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

static void peer_free(struct peer_config *peer)
{
	free(peer->interface);
	free(peer->psk.path);
	free(peer->cert.path);
	free(peer->key.path);
	free(peer->ca.path);
	free(peer->crl.path);
	free(peer->peer_key.path);
	credentials_free(peer);
	free(peer->ike.name);
	free(peer->ike.ike);
	free(peer->ike.esp);
	free(peer->ike.child);
}

static int grow(struct parser *p)
{
	struct config *c = p->config;
	size_t n = c->n_peers + 1;
	struct peer_config *peer = realloc(c->peer, n * sizeof(*peer));
	int *line;

	if (peer)
		c->peer = peer;
	line = realloc(p->peer_line, n * sizeof(*line));
	if (line)
		p->peer_line = line;
	return peer && line ? 0 : wrong(p, p->line, "out of memory");
}

/* The section is over: make a peer of what is written in it. */
static void end_section(struct parser *p)
{
	struct peer_config peer = { 0 };
	struct config *c = p->config;
	int i;

	if (!p->in_peer)
		return;
	p->in_peer = false;
	peer.ike.name = strdup(p->section.name);
	section_to_peer(p, &peer);
	for (i = 0; i < N_KEYS; i++)
		free(p->section.value[i]);
	if (!peer.ike.name || grow(p) < 0) {
		peer_free(&peer);
		return;
	}
	p->peer_line[c->n_peers] = p->section.line;
	c->peer[c->n_peers++] = peer;
}

static void begin_section(struct parser *p, char *line)
{
	char *end = strchr(line, ']'), *name;

	end_section(p);
	p->skip = true;
	if (!end || end[1]) {
		wrong(p, p->line, "%s is no section; write [peer NAME]", line);
		return;
	}
	*end = '\0';
	name = trim(line + 1);
	if (strncmp(name, "peer", 4) || (name[4] && !isspace((unsigned char)name[4]))) {
		wrong(p, p->line, "section [%s] is not known; write [peer NAME]", name);
		return;
	}
	name = trim(name + 4);
	if (!*name || strlen(name) > NAME_MAX_LEN ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789._-")]) {
		wrong(p, p->line,
		      "\"%s\" is no name for a peer; write up to %d letters, digits, "
		      ". _ or -",
		      name, NAME_MAX_LEN);
		return;
	}
	memset(&p->section, 0, sizeof(p->section));
	strcpy(p->section.name, name);
	p->section.line = p->line;
	p->in_peer = true;
	p->skip = false;
}

/* How many letters have to be put in, taken out or changed; both are short. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], la = strlen(a), lb = strlen(b), i, j, diagonal, up;

	if (la > 30 || lb > 30)
		return 30;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] > up + 1)
				row[j] = up + 1;
			if (row[j] > row[j - 1] + 1)
				row[j] = row[j - 1] + 1;
			diagonal = up;
		}
	}
	return row[lb];
}

static void unknown_key(struct parser *p, const char *name)
{
	size_t best = 4, d;
	int i, nearest = -1;

	for (i = 0; i < N_KEYS; i++) {
		d = distance(name, key_name[i]);
		if (d < best) {
			best = d;
			nearest = i;
		}
	}
	if (nearest >= 0)
		wrong(p, p->line, "key %s is not known; did you mean %s?", name,
		      key_name[nearest]);
	else
		wrong(p, p->line, "key %s is not known; ikehelper.conf(5) lists the keys",
		      name);
}

static void key_line(struct parser *p, char *line)
{
	char *v = strchr(line, '='), *name;
	int k;

	if (!v) {
		wrong(p, p->line, "\"%s\" is neither KEY = VALUE nor [peer NAME]", line);
		return;
	}
	*v++ = '\0';
	name = trim(line);
	v = trim(v);
	if (p->skip)
		return;
	if (!p->in_peer) {
		wrong(p, p->line,
		      "%s is outside of a section; write [peer NAME] above it", name);
		return;
	}
	for (k = 0; k < N_KEYS && strcmp(name, key_name[k]); k++)
		;
	if (k == N_KEYS)
		unknown_key(p, name);
	else if (p->section.value[k])
		wrong(p, p->line, "%s is here a second time, first in line %d", name,
		      p->section.at[k]);
	if (k < N_KEYS && !p->section.value[k]) {
		p->section.value[k] = strdup(v);
		p->section.at[k] = p->line;
	}
}

/* A comment is a # or ; at the start of a line, or a # behind a blank. */
static void cut_comment(char *line)
{
	char *c;

	if (*line == '#' || *line == ';')
		*line = '\0';
	for (c = strchr(line, '#'); c; c = strchr(c + 1, '#'))
		if (c > line && isspace((unsigned char)c[-1])) {
			*c = '\0';
			return;
		}
}

static void parse_line(struct parser *p, char *line, size_t len)
{
	if (len > LINE_MAX_LEN || strlen(line) != len) {
		wrong(p, p->line, "this is no text, or longer than %d characters",
		      LINE_MAX_LEN);
		return;
	}
	line = trim(line);
	cut_comment(line);
	line = trim(line);
	if (*line == '[')
		begin_section(p, line);
	else if (*line)
		key_line(p, line);
}

struct config *config_parse(const char *name, FILE *in, FILE *errors)
{
	struct parser p = { .file = name, .errors = errors };
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	p.config = calloc(1, sizeof(*p.config));
	if (!p.config) {
		wrong(&p, 0, "out of memory");
		return NULL;
	}
	while ((len = getline(&line, &size, in)) >= 0) {
		p.line++;
		parse_line(&p, line, len);
	}
	if (ferror(in))
		wrong(&p, p.line, "cannot be read: %s", strerror(errno));
	end_section(&p);
	if (!p.n_errors && !p.config->n_peers)
		wrong(&p, p.line ? p.line : 1,
		      "there is no peer; write a section [peer NAME]");
	free(line);
	free(p.peer_line);
	if (!p.n_errors)
		return p.config;
	config_free(p.config);
	return NULL;
}

void config_free(struct config *config)
{
	size_t i;

	for (i = 0; config && i < config->n_peers; i++)
		peer_free(&config->peer[i]);
	if (config)
		free(config->peer);
	free(config);
}

int psk_read(const char *name, const struct peer_config *peer, char key[PSK_MAX],
	     FILE *errors)
{
	struct parser p = { .file = name, .errors = errors };
	char text[PSK_MAX + 3], why[KEYS_WHY];
	int fd = secret_open(peer->psk.path, why), line = peer->psk.line;
	ssize_t len;

	if (fd < 0)
		return wrong(&p, line, "psk-file: %s", why);
	len = read(fd, text, sizeof(text));
	close(fd);
	if (len < 0)
		return wrong(&p, line, "psk-file: cannot read %s: %s", peer->psk.path,
			     strerror(errno));
	if (len && text[len - 1] == '\n')
		len--;
	if (len && text[len - 1] == '\r')
		len--;
	if (!len)
		len = wrong(&p, line,
			    "psk-file: %s is empty; ikehelper genpsk makes a key",
			    peer->psk.path);
	else if (len > PSK_MAX || memchr(text, '\0', len) || memchr(text, '\n', len))
		len = wrong(&p, line,
			    "psk-file: %s is not one line of at most %d characters",
			    peer->psk.path, PSK_MAX);
	else if (len < PSK_MIN && !peer->weak_psk)
		len = wrong(
			&p, line,
			"psk-file: the key in %s is shorter than %d characters and can "
			"be guessed; ikehelper genpsk makes a better one, weak-psk = yes "
			"allows it",
			peer->psk.path, PSK_MIN);
	else
		memcpy(key, text, len);
	OPENSSL_cleanse(text, sizeof(text));
	return len;
}
