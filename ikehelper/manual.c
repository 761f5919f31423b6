// SPDX-License-Identifier: MIT
/* Peers by hand, counters of devices, the module's events: without the daemon. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ikehelper.h"
#include "manual.h"
#include "show.h"
#include "text.h"

#define SELECTORS_MAX 256

static int read_addr(struct args *a, const char *word, struct ike_addr *out)
{
	const char *text = arg_next(a);

	if (!text || addr_parse(text, out) < 0)
		return misuse("%s: %s wants an address", a->what, word);
	return 0;
}

/* L=R[,L=R...] */
static int read_selectors(struct args *a, struct ike_child_cfg *sel, size_t *n)
{
	const char *text = arg_next(a);
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
		else if (sel[*n].local.family != sel[*n].remote.family)
			err = misuse(
				"%s: selector %s=%s is IPv4 on one side, IPv6 on the other",
				a->what, pair, r);
	}
	free(copy);
	return err;
}

/* SPORT DPORT, both 0 for none. */
static int read_encap(struct args *a, struct mod_peer *peer)
{
	const char *sport = arg_next(a), *dport = arg_next(a);
	uint64_t ours, theirs;

	if (!sport || !dport || u64_parse(sport, UINT16_MAX, &ours) < 0 ||
	    u64_parse(dport, UINT16_MAX, &theirs) < 0 || !ours != !theirs)
		return misuse("%s: encap wants two ports, this host's and the peer's, "
			      "or 0 0 for none",
			      a->what);
	peer->has_encap = true;
	peer->encap_sport = ours;
	peer->encap_dport = theirs;
	return 0;
}

static int read_mapping(struct args *a, enum mod_mapping *mapping)
{
	const char *text = arg_next(a);

	for (*mapping = MOD_MAPPING_IGNORE; text && *mapping <= MOD_MAPPING_FOLLOW;
	     (*mapping)++)
		if (!strcmp(text, mod_mapping_name[*mapping]))
			return 0;
	return misuse("%s: mapping wants ignore, event or follow", a->what);
}

static int read_acquire(struct args *a, struct mod_peer *peer)
{
	const char *text = arg_next(a);

	if (!text || (strcmp(text, "on") && strcmp(text, "off")))
		return misuse("%s: acquire wants on or off", a->what);
	peer->has_acquire = true;
	peer->acquire = !strcmp(text, "on");
	return 0;
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

	if ((err = arg_dev(a, &peer.ifindex, &dev)) || (err = arg_id(a, &peer.id)))
		return err;
	while ((word = arg_next(a))) {
		if (!strcmp(word, "remote"))
			err = read_addr(a, word, &peer.remote);
		else if (!strcmp(word, "local"))
			err = read_addr(a, word, &peer.local);
		else if (!strcmp(word, "encap"))
			err = read_encap(a, &peer);
		else if (!strcmp(word, "mapping"))
			err = read_mapping(a, &peer.mapping);
		else if (!strcmp(word, "acquire"))
			err = read_acquire(a, &peer);
		else if (!strcmp(word, "selectors"))
			err = read_selectors(a, sel, &peer.n_selectors);
		else
			err = misuse("%s: do not know what %s is for", a->what, word);
		if (err)
			return err;
	}
	if (add && (!peer.remote.family || !peer.n_selectors))
		return misuse("%s: a peer wants remote ADDR and selectors L=R", a->what);
	mod = module_open(a->what);
	if (!mod)
		return 1;
	if (module_has_peer(mod, peer.ifindex, peer.id, &found) < 0)
		return module_done(mod, -1, a->what, dev);
	if (found == add) {
		mod_close(mod);
		return fail("%s: %s %s peer %" PRIu32 ": use peer %s", a->what, dev,
			    add ? "has a" : "has no", peer.id, add ? "set" : "add");
	}
	return module_done(mod, mod_peer_set(mod, &peer), a->what, dev);
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

	if ((err = arg_dev(a, &ifindex, &dev)) || (err = arg_id(a, &id)) ||
	    (err = arg_end(a)))
		return err;
	mod = module_open(a->what);
	return mod ? module_done(mod, mod_peer_del(mod, ifindex, id), a->what, dev) : 1;
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

static int dump_peers(struct mod *mod, struct show *s)
{
	return mod_peer_dump(mod, s->ifindex, show_peer, s);
}

static int peer_show(struct args *a)
{
	return run_show(a, dump_peers);
}

static int dev_show(struct args *a)
{
	struct mod_dev d;
	struct mod *mod;
	const char *dev;
	uint32_t ifindex;
	bool json = take_option(&a->argc, a->argv, "--json");
	int err;

	if ((err = arg_dev(a, &ifindex, &dev)) || (err = arg_end(a)))
		return err;
	mod = module_open(a->what);
	if (!mod)
		return 1;
	err = module_done(mod, mod_dev_get(mod, ifindex, &d), a->what, dev);
	if (err)
		return err;
	if (json)
		return json_print(json_dev(&d), true);
	printf("%s peers %" PRIu32 "\n", dev, d.peers);
	drops_print(&d.drops);
	return 0;
}

#define N(array) (sizeof(array) / sizeof((array)[0]))

int cmd_dev(int argc, char **argv)
{
	static const struct verb verbs[] = { { "show", "dev show", dev_show } };

	return run_verb("dev", verbs, N(verbs), argc, argv);
}

int cmd_peer(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "add", "peer add", peer_add },
		{ "set", "peer set", peer_set },
		{ "del", "peer del", peer_del },
		{ "show", "peer show", peer_show },
	};

	return run_verb("peer", verbs, N(verbs), argc, argv);
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
	bool json = take_option(&a.argc, a.argv, "--json");
	struct pollfd p = { .events = POLLIN };
	struct mod *mod;
	int err = arg_end(&a);

	if (err)
		return err;
	mod = module_open(a.what);
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
