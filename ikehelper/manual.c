// SPDX-License-Identifier: MIT
/* Manual keys: peers and SAs by hand, without the daemon, and the module's events. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/keymat.h"
#include "ikehelper.h"
#include "keys.h"
#include "netlink.h"
#include "show.h"
#include "text.h"

#define KEY_MAX	      128  /* octets of a cipher key, salt and integrity key */
#define KEY_FILE_MAX  1024 /* the same in hexadecimal, with blanks */
#define SELECTORS_MAX 256

/* The arguments still to be read, and what is being done, for complaints. */
struct args {
	int argc;
	char **argv;
	const char *what;
};

static const char *next(struct args *a)
{
	if (!a->argc)
		return NULL;
	a->argc--;
	return *a->argv++;
}

/* Looks for --json anywhere among the arguments, and takes it out. */
static bool take_json(struct args *a)
{
	bool found = false;
	int i, n = 0;

	for (i = 0; i < a->argc; i++) {
		if (strcmp(a->argv[i], "--json"))
			a->argv[n++] = a->argv[i];
		else
			found = true;
	}
	a->argc = n;
	return found;
}

static int read_dev(struct args *a, uint32_t *ifindex, const char **name)
{
	*name = next(a);
	if (!*name)
		return misuse("%s: the name of a device is missing", a->what);
	*ifindex = if_nametoindex(*name);
	if (*ifindex)
		return 0;
	return fail("%s: there is no device %s: ip link add %s type esptun", a->what,
		    *name, *name);
}

static int read_id(struct args *a, uint32_t *id)
{
	const char *text = next(a);
	uint64_t v;

	if (!text)
		return misuse("%s: the number of the peer is missing", a->what);
	if (u64_parse(text, UINT32_MAX, &v) < 0)
		return misuse("%s: %s is no peer: write its number, 0 to 4294967295",
			      a->what, text);
	*id = v;
	return 0;
}

static int read_spi(struct args *a, uint8_t spi[4])
{
	const char *text = next(a);
	char why[TEXT_WHY];

	if (!text)
		return misuse("%s: the SPI is missing", a->what);
	if (spi_parse(text, spi, why) < 0)
		return misuse("%s: %s", a->what, why);
	return 0;
}

static int read_direction(struct args *a, bool *out)
{
	const char *text = next(a);

	if (!text || (strcmp(text, "in") && strcmp(text, "out")))
		return misuse("%s: write in or out for the direction", a->what);
	*out = !strcmp(text, "out");
	return 0;
}

static int no_more(struct args *a)
{
	return a->argc ? misuse("%s: do not know what %s is for", a->what, a->argv[0])
		       : 0;
}

static struct mod *open_module(const char *what)
{
	char why[MOD_WHY];
	struct mod *mod = mod_open(why);

	if (!mod)
		fail("%s: %s", what, why);
	return mod;
}

/* Closes, and complains about what the module did not do. */
static int finish(struct mod *mod, int err, const char *what, const char *dev)
{
	if (err < 0)
		fail("%s: %s: %s", what, dev, mod_why(mod));
	mod_close(mod);
	return err < 0;
}

static int read_addr(struct args *a, const char *word, struct ike_addr *out)
{
	const char *text = next(a);

	if (!text || addr_parse(text, out) < 0)
		return misuse("%s: %s wants an IPv4 address", a->what, word);
	return 0;
}

/* L=R[,L=R...] */
static int read_selectors(struct args *a, struct ike_child_cfg *sel, size_t *n)
{
	const char *text = next(a);
	char *copy = text ? strdup(text) : NULL, *rest = copy, *pair, *r;
	char why[TEXT_WHY];
	int err = 0;

	if (!copy)
		return misuse("%s: selectors wants LOCAL=REMOTE[,LOCAL=REMOTE...]",
			      a->what);
	for (*n = 0; !err && (pair = strsep(&rest, ",")); (*n)++) {
		r = strchr(pair, '=');
		if (!r) {
			err = misuse("%s: selector %s wants to be LOCAL=REMOTE", a->what,
				     pair);
			break;
		}
		*r++ = '\0';
		if (*n == SELECTORS_MAX)
			err = misuse("%s: more than %d selectors", a->what,
				     SELECTORS_MAX);
		else if (subnet_parse(pair, &sel[*n].local, why) < 0 ||
			 subnet_parse(r, &sel[*n].remote, why) < 0)
			err = misuse("%s: %s", a->what, why);
		else if (sel[*n].local.proto && sel[*n].remote.proto &&
			 sel[*n].local.proto != sel[*n].remote.proto)
			err = misuse("%s: selector %s=%s has two protocols", a->what,
				     pair, r);
	}
	free(copy);
	return err;
}

struct find_peer {
	uint32_t id;
	bool found;
};

static void find_peer(void *ctx, const struct mod_peer *peer)
{
	struct find_peer *f = ctx;

	f->found |= peer->id == f->id;
}

static int has_peer(struct mod *mod, uint32_t ifindex, uint32_t id, bool *found)
{
	struct find_peer f = { .id = id };
	int err = mod_peer_dump(mod, ifindex, find_peer, &f);

	*found = f.found;
	return err;
}

/* peer add, which refuses one that is there, and peer set, which refuses a new one. */
static int peer_write(struct args *a, bool add)
{
	struct ike_child_cfg sel[SELECTORS_MAX];
	struct mod_peer peer = { .selector = sel };
	const char *dev, *word;
	struct mod *mod;
	bool found;
	int err;

	if ((err = read_dev(a, &peer.ifindex, &dev)) || (err = read_id(a, &peer.id)))
		return err;
	while ((word = next(a))) {
		if (!strcmp(word, "remote"))
			err = read_addr(a, word, &peer.remote);
		else if (!strcmp(word, "local"))
			err = read_addr(a, word, &peer.local);
		else if (!strcmp(word, "selectors"))
			err = read_selectors(a, sel, &peer.n_selectors);
		else
			err = misuse("%s: do not know what %s is for", a->what, word);
		if (err)
			return err;
	}
	if (add && (!peer.remote.family || !peer.n_selectors))
		return misuse("%s: a peer wants remote ADDR and selectors L=R", a->what);
	mod = open_module(a->what);
	if (!mod)
		return 1;
	if (has_peer(mod, peer.ifindex, peer.id, &found) < 0)
		return finish(mod, -1, a->what, dev);
	if (found == add) {
		mod_close(mod);
		return fail("%s: %s %s peer %" PRIu32 ": use peer %s", a->what, dev,
			    add ? "has a" : "has no", peer.id, add ? "set" : "add");
	}
	return finish(mod, mod_peer_set(mod, &peer), a->what, dev);
}

static int peer_add(struct args *a)
{
	return peer_write(a, true);
}

static int peer_set(struct args *a)
{
	return peer_write(a, false);
}

static int peer_del(struct args *a)
{
	uint32_t ifindex, id;
	const char *dev;
	struct mod *mod;
	int err;

	if ((err = read_dev(a, &ifindex, &dev)) || (err = read_id(a, &id)) ||
	    (err = no_more(a)))
		return err;
	mod = open_module(a->what);
	return mod ? finish(mod, mod_peer_del(mod, ifindex, id), a->what, dev) : 1;
}

/* What a show command was asked for: everything, one device, one peer of it. */
struct show {
	const char *dev;
	uint32_t ifindex, id;
	bool one, found;
	cJSON *list; /* NULL for text */
};

static int read_show(struct args *a, struct show *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	if (take_json(a))
		s->list = cJSON_CreateArray();
	if (a->argc && (err = read_dev(a, &s->ifindex, &s->dev)))
		return err;
	s->one = a->argc;
	if (s->one && (err = read_id(a, &s->id)))
		return err;
	return no_more(a);
}

static int finish_show(struct mod *mod, int err, struct args *a, struct show *s)
{
	err = finish(mod, err, a->what, s->dev ? s->dev : "all devices");
	if (!err && s->one && !s->found)
		err = fail("%s: %s has no peer %" PRIu32, a->what, s->dev, s->id);
	if (!err && s->list)
		return json_print(s->list, true);
	cJSON_Delete(s->list);
	return err;
}

static void show_peer(void *ctx, const struct mod_peer *peer)
{
	struct show *s = ctx;

	if (s->one && peer->id != s->id)
		return;
	s->found = true;
	if (s->list)
		cJSON_AddItemToArray(s->list, json_peer(peer));
	else
		peer_print(peer);
}

static int peer_show(struct args *a)
{
	struct mod *mod;
	struct show s;
	int err = read_show(a, &s);

	mod = err ? NULL : open_module(a->what);
	if (!mod) {
		cJSON_Delete(s.list);
		return err ? err : 1;
	}
	return finish_show(mod, mod_peer_dump(mod, s.ifindex, show_peer, &s), a, &s);
}

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
	const char *path = next(a);
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

	*alg = next(a);
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
	const char *name = next(a), *value;
	char *comma;
	char digits[32];
	int i;

	do {
		value = next(a);
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
			name = next(a);
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
	while ((word = next(a))) {
		err = 0;
		if (!strcmp(word, "limits")) {
			err = read_limits(a, sa->limit);
		} else if (!strcmp(word, "pair") && sa->out) {
			err = read_spi(a, sa->pair_spi);
			sa->active = false;
		} else if (!strcmp(word, "inactive") && sa->out) {
			sa->active = false;
		} else if (!strcmp(word, "replay") && !sa->out) {
			value = next(a);
			if (!value || u64_parse(value, UINT32_MAX, &v) < 0)
				return misuse("%s: replay wants a number of packets",
					      a->what);
			sa->replay_window = v;
		} else if (!strcmp(word, "esn")) {
			value = next(a);
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

	if ((err = read_dev(a, &sa.ifindex, &dev)) || (err = read_id(a, &sa.peer)) ||
	    (err = read_direction(a, &sa.out)) || (err = read_spi(a, sa.spi)) ||
	    (err = read_suite(a, &alg, &sa.suite)))
		return err;
	err = read_key(a, dev, alg, &sa, key);
	if (!err)
		err = read_sa_options(a, &sa);
	if (!err) {
		mod = open_module(a->what);
		err = mod ? finish(mod, mod_sa_new(mod, &sa), a->what, dev) : 1;
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

	if ((err = read_dev(a, &ifindex, &dev)) || (err = read_id(a, &id)) ||
	    (err = no_more(a)))
		return err;
	mod = open_module(a->what);
	if (!mod)
		return 1;
	err = finish(mod, mod_spi_alloc(mod, ifindex, id, spi), a->what, dev);
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

	if ((err = read_dev(a, &ifindex, &dev)) || (err = read_id(a, &id)) ||
	    (err = read_spi(a, spi)) || (err = no_more(a)))
		return err;
	mod = open_module(a->what);
	return mod ? finish(mod, mod_sa_activate(mod, ifindex, id, spi), a->what, dev)
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

	if ((err = read_dev(a, &ifindex, &dev)) || (err = read_id(a, &id)) ||
	    (err = read_direction(a, &out)) || (err = read_spi(a, spi)) ||
	    (err = no_more(a)))
		return err;
	mod = open_module(a->what);
	return mod ? finish(mod, mod_sa_del(mod, ifindex, id, out, spi), a->what, dev)
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

static int sa_show(struct args *a)
{
	struct mod *mod;
	struct show s;
	int err = read_show(a, &s);

	mod = err ? NULL : open_module(a->what);
	if (!mod) {
		cJSON_Delete(s.list);
		return err ? err : 1;
	}
	err = mod_sa_dump(mod, s.ifindex, show_sa, &s);
	/* A peer without SAs is not an error; one that is not there is. */
	if (!err && s.one && !s.found)
		err = has_peer(mod, s.ifindex, s.id, &s.found);
	return finish_show(mod, err, a, &s);
}

static int dev_show(struct args *a)
{
	struct mod_dev d;
	struct mod *mod;
	const char *dev;
	uint32_t ifindex;
	bool json = take_json(a);
	int err;

	if ((err = read_dev(a, &ifindex, &dev)) || (err = no_more(a)))
		return err;
	mod = open_module(a->what);
	if (!mod)
		return 1;
	err = finish(mod, mod_dev_get(mod, ifindex, &d), a->what, dev);
	if (err)
		return err;
	if (json)
		return json_print(json_dev(&d), true);
	printf("%s peers %" PRIu32 "\n", dev, d.peers);
	drops_print(&d.drops);
	return 0;
}

struct verb {
	const char *name, *what;
	int (*run)(struct args *a);
};

static int dispatch(const char *noun, const struct verb *verb, size_t n, int argc,
		    char **argv)
{
	struct args a = { .argc = argc - 1, .argv = argv + 1 };
	char known[64] = "";
	size_t i;

	for (i = 0; argc && i < n; i++)
		if (!strcmp(argv[0], verb[i].name)) {
			a.what = verb[i].what;
			return verb[i].run(&a);
		}
	for (i = 0; i < n; i++) {
		strcat(known, i ? "|" : "");
		strcat(known, verb[i].name);
	}
	return misuse("%s: write %s %s, then as ikehelper(8) has it", noun, noun, known);
}

#define N(array) (sizeof(array) / sizeof((array)[0]))

int cmd_dev(int argc, char **argv)
{
	static const struct verb verbs[] = { { "show", "dev show", dev_show } };

	return dispatch("dev", verbs, N(verbs), argc, argv);
}

int cmd_peer(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "add", "peer add", peer_add },
		{ "set", "peer set", peer_set },
		{ "del", "peer del", peer_del },
		{ "show", "peer show", peer_show },
	};

	return dispatch("peer", verbs, N(verbs), argc, argv);
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

	return dispatch("sa", verbs, N(verbs), argc, argv);
}

static void show_event(void *ctx, const struct mod_event *event)
{
	bool *json = ctx;

	if (*json)
		json_print(json_event(event), false);
	else
		event_print(event);
}

int cmd_monitor(int argc, char **argv)
{
	struct args a = { .argc = argc, .argv = argv, .what = "monitor" };
	bool json = take_json(&a);
	struct pollfd p = { .events = POLLIN };
	struct mod *mod;
	int err = no_more(&a);

	if (err)
		return err;
	mod = open_module(a.what);
	if (!mod)
		return 1;
	p.fd = mod_events_open(mod);
	if (p.fd >= 0)
		fputs("ikehelper: monitor: listening\n", stderr);
	while (!err && p.fd >= 0 && !ferror(stdout))
		if (poll(&p, 1, -1) > 0)
			err = mod_events_read(mod, show_event, &json);
	if (p.fd < 0 || err < 0)
		fail("monitor: %s", mod_why(mod));
	mod_close(mod);
	return 1;
}
