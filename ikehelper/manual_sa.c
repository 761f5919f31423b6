// SPDX-License-Identifier: MIT
/* SAs by hand, with keys from a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/keymat.h"
#include "ikehelper.h"
#include "keys.h"
#include "manual.h"
#include "show.h"
#include "text.h"

#define KEY_MAX	     128  /* octets of a cipher key, salt and integrity key */
#define KEY_FILE_MAX 1024 /* the same in hexadecimal, with blanks */

/* Returns the number of octets read, or -1 after saying why not. */
static ssize_t read_key_file(const char *what, const char *path, char *out, size_t size)
{
	char why[KEYS_WHY];
	int fd = strcmp(path, "-") ? secret_open(path, why) : STDIN_FILENO;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0) {
		fail("%s: %s", what, why);
		return -1;
	}
	while (n > 0 && len < size) {
		n = read(fd, out + len, size - len);
		len += n > 0 ? n : 0;
	}
	if (n < 0)
		fail("%s: %s: %s", what, path, strerror(errno));
	if (n >= 0 && len == size) {
		fail("%s: %s is too long to be a key in hexadecimal", what, path);
		n = -1;
	}
	if (fd != STDIN_FILENO)
		close(fd);
	return n < 0 ? -1 : (ssize_t)len;
}

/* Reads the key into key and lets sa point at its parts, in the order of KEYMAT. */
static int read_key(struct args *a, const char *dev, const char *alg, struct mod_sa *sa,
		    uint8_t key[KEY_MAX])
{
	const char *path = arg_next(a);
	char text[KEY_FILE_MAX + 1], why[TEXT_WHY];
	size_t want;
	ssize_t len;
	int err = 0;

	if (!path)
		return misuse("%s: the key file is missing; - is standard input",
			      a->what);
	len = read_key_file(a->what, path, text, KEY_FILE_MAX);
	if (len < 0)
		return 1;
	text[len] = '\0';
	sa->key = key;
	sa->key_len = keymat_cipher_len(&sa->suite);
	sa->integ_key = key + sa->key_len;
	sa->integ_key_len = keymat_integ_len(&sa->suite);
	want = sa->key_len + sa->integ_key_len;
	if (strlen(text) != (size_t)len)
		err = fail("%s: %s: the key is binary: write it in hexadecimal", a->what,
			   path);
	else if ((len = hex_parse(text, key, KEY_MAX, why)) < 0)
		err = fail("%s: %s: %s", a->what, path, why);
	else if ((size_t)len != want)
		err = fail("%s: %s: key is %zd octets, %s needs %zu", a->what, dev, len,
			   alg, want);
	OPENSSL_cleanse(text, sizeof(text));
	return err;
}

static int read_suite(struct args *a, const char **alg, struct esp_proposal *suite)
{
	char why[PROPOSAL_TEXT * 2];

	*alg = arg_next(a);
	if (!*alg)
		return misuse("%s: the algorithm is missing: aes256gcm16, for one",
			      a->what);
	if (esp_proposal_parse(*alg, true, suite, why) < 0)
		return misuse("%s: %s", a->what, why);
	if (suite->group != GROUP_NONE)
		return misuse("%s: %s has a group, which keys by hand have no use for",
			      a->what, *alg);
	return 0;
}

/* NAME VALUE[,NAME VALUE...] with the blanks between arguments. */
static int read_limits(struct args *a, uint64_t limit[MOD_LIMITS])
{
	const char *name = arg_next(a), *value;
	char *comma;
	char digits[32];
	int i;

	do {
		value = arg_next(a);
		for (i = 0; name && i < MOD_LIMITS && strcmp(name, mod_limit_name[i]);
		     i++)
			;
		if (!name || i == MOD_LIMITS)
			return misuse(
				"%s: limits wants soft- or hard- and seconds, bytes or "
				"packets, not %s",
				a->what, name ? name : "nothing");
		snprintf(digits, sizeof(digits), "%s", value ? value : "");
		comma = strchr(digits, ',');
		if (comma)
			*comma = '\0';
		if (u64_parse(digits, UINT64_MAX, &limit[i]) < 0)
			return misuse("%s: limit %s wants a number", a->what, name);
		name = value ? strchr(value, ',') : NULL;
		if (name && !*++name)
			name = arg_next(a);
	} while (name);
	return 0;
}

/* The words behind the key file. */
static int read_sa_options(struct args *a, struct mod_sa *sa)
{
	const char *word, *value;
	uint64_t v;
	int err;

	sa->active = sa->out;
	while ((word = arg_next(a))) {
		err = 0;
		if (!strcmp(word, "limits")) {
			err = read_limits(a, sa->limit);
		} else if (!strcmp(word, "pair") && sa->out) {
			err = arg_spi(a, sa->pair_spi);
			sa->active = false;
		} else if (!strcmp(word, "inactive") && sa->out) {
			sa->active = false;
		} else if (!strcmp(word, "replay") && !sa->out) {
			value = arg_next(a);
			if (!value || u64_parse(value, UINT32_MAX, &v) < 0)
				return misuse("%s: replay wants a number of packets",
					      a->what);
			sa->replay_window = v;
		} else if (!strcmp(word, "esn")) {
			value = arg_next(a);
			if (!value || (strcmp(value, "on") && strcmp(value, "off")))
				return misuse("%s: esn wants on or off", a->what);
			sa->suite.esn = !strcmp(value, "on");
		} else {
			err = misuse(
				"%s: do not know what %s is for on an SA that goes %s",
				a->what, word, sa->out ? "out" : "in");
		}
		if (err)
			return err;
	}
	return 0;
}

static int sa_add(struct args *a)
{
	struct mod_sa sa = { 0 };
	uint8_t key[KEY_MAX];
	const char *dev, *alg;
	struct mod *mod;
	int err;

	if ((err = arg_dev(a, &sa.ifindex, &dev)) || (err = arg_id(a, &sa.peer)) ||
	    (err = arg_direction(a, &sa.out)) || (err = arg_spi(a, sa.spi)) ||
	    (err = read_suite(a, &alg, &sa.suite)))
		return err;
	err = read_key(a, dev, alg, &sa, key);
	if (!err)
		err = read_sa_options(a, &sa);
	if (!err) {
		mod = module_open(a->what);
		err = mod ? module_done(mod, mod_sa_new(mod, &sa), a->what, dev) : 1;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return err;
}

static int sa_alloc(struct args *a)
{
	uint32_t ifindex, id;
	char text[SHOW_SPI];
	const char *dev;
	uint8_t spi[4];
	struct mod *mod;
	int err;

	if ((err = arg_dev(a, &ifindex, &dev)) || (err = arg_id(a, &id)) ||
	    (err = arg_end(a)))
		return err;
	mod = module_open(a->what);
	if (!mod)
		return 1;
	err = module_done(mod, mod_spi_alloc(mod, ifindex, id, spi), a->what, dev);
	if (err)
		return err;
	spi_text(spi, text);
	puts(text);
	return 0;
}

static int sa_activate(struct args *a)
{
	uint32_t ifindex, id;
	const char *dev;
	uint8_t spi[4];
	struct mod *mod;
	int err;

	if ((err = arg_dev(a, &ifindex, &dev)) || (err = arg_id(a, &id)) ||
	    (err = arg_spi(a, spi)) || (err = arg_end(a)))
		return err;
	mod = module_open(a->what);
	return mod ? module_done(mod, mod_sa_activate(mod, ifindex, id, spi), a->what,
				 dev)
		   : 1;
}

static int sa_del(struct args *a)
{
	uint32_t ifindex, id;
	const char *dev;
	uint8_t spi[4];
	struct mod *mod;
	bool out;
	int err;

	if ((err = arg_dev(a, &ifindex, &dev)) || (err = arg_id(a, &id)) ||
	    (err = arg_direction(a, &out)) || (err = arg_spi(a, spi)) ||
	    (err = arg_end(a)))
		return err;
	mod = module_open(a->what);
	return mod ? module_done(mod, mod_sa_del(mod, ifindex, id, out, spi), a->what,
				 dev)
		   : 1;
}

static void show_sa(void *ctx, const struct mod_sa *sa)
{
	struct show *s = ctx;

	if (s->one && sa->peer != s->id)
		return;
	s->found = true;
	if (s->list)
		cJSON_AddItemToArray(s->list, json_sa(sa));
	else
		sa_print(sa);
}

static int dump_sas(struct mod *mod, struct show *s)
{
	int err = mod_sa_dump(mod, s->ifindex, show_sa, s);

	/* A peer without SAs is not an error; one that is not there is. */
	if (!err && s->one && !s->found)
		err = module_has_peer(mod, s->ifindex, s->id, &s->found);
	return err;
}

static int sa_show(struct args *a)
{
	return run_show(a, dump_sas);
}

int cmd_sa(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "add", "sa add", sa_add },
		{ "alloc", "sa alloc", sa_alloc },
		{ "activate", "sa activate", sa_activate },
		{ "del", "sa del", sa_del },
		{ "show", "sa show", sa_show },
	};

	return run_verb("sa", verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
