// SPDX-License-Identifier: MIT
/* Commands by hand: reading their arguments, talking to the module. */
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "ikehelper.h"
#include "manual.h"
#include "show.h"
#include "text.h"

const char *arg_next(struct args *a)
{
	if (!a->argc)
		return NULL;
	a->argc--;
	return *a->argv++;
}

int arg_dev(struct args *a, uint32_t *ifindex, const char **name)
{
	*name = arg_next(a);
	if (!*name)
		return misuse("%s: the name of a device is missing", a->what);
	*ifindex = if_nametoindex(*name);
	if (*ifindex)
		return 0;
	return fail("%s: there is no device %s: ip link add %s type esptun", a->what,
		    *name, *name);
}

int arg_id(struct args *a, uint32_t *id)
{
	const char *text = arg_next(a);
	uint64_t v;

	if (!text)
		return misuse("%s: the number of the peer is missing", a->what);
	if (u64_parse(text, UINT32_MAX, &v) < 0)
		return misuse("%s: %s is no peer: write its number, 0 to 4294967295",
			      a->what, text);
	*id = v;
	return 0;
}

int arg_spi(struct args *a, uint8_t spi[4])
{
	const char *text = arg_next(a);
	char why[TEXT_WHY];

	if (!text)
		return misuse("%s: the SPI is missing", a->what);
	if (spi_parse(text, spi, why) < 0)
		return misuse("%s: %s", a->what, why);
	return 0;
}

int arg_direction(struct args *a, bool *out)
{
	const char *text = arg_next(a);

	if (!text || (strcmp(text, "in") && strcmp(text, "out")))
		return misuse("%s: write in or out for the direction", a->what);
	*out = !strcmp(text, "out");
	return 0;
}

int arg_end(struct args *a)
{
	return a->argc ? misuse("%s: do not know what %s is for", a->what, a->argv[0])
		       : 0;
}

struct mod *module_open(const char *what)
{
	char why[MOD_WHY];
	struct mod *mod = mod_open(why);

	if (!mod)
		fail("%s: %s", what, why);
	return mod;
}

int module_done(struct mod *mod, int err, const char *what, const char *dev)
{
	if (err < 0)
		fail("%s: %s: %s", what, dev, mod_why(mod));
	mod_close(mod);
	return err < 0;
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

int module_has_peer(struct mod *mod, uint32_t ifindex, uint32_t id, bool *found)
{
	struct find_peer f = { .id = id };
	int err = mod_peer_dump(mod, ifindex, find_peer, &f);

	*found = f.found;
	return err;
}

static int read_show(struct args *a, struct show *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	if (take_option(&a->argc, a->argv, "--json"))
		s->list = cJSON_CreateArray();
	if (a->argc && (err = arg_dev(a, &s->ifindex, &s->dev)))
		return err;
	s->one = a->argc;
	if (s->one && (err = arg_id(a, &s->id)))
		return err;
	return arg_end(a);
}

int run_show(struct args *a, int (*dump)(struct mod *mod, struct show *s))
{
	struct mod *mod;
	struct show s;
	int err = read_show(a, &s);

	mod = err ? NULL : module_open(a->what);
	if (mod)
		err = module_done(mod, dump(mod, &s), a->what,
				  s.dev ? s.dev : "all devices");
	else if (!err)
		err = 1;
	if (!err && s.one && !s.found)
		err = fail("%s: %s has no peer %" PRIu32, a->what, s.dev, s.id);
	if (!err && s.list)
		return json_print(s.list, true);
	cJSON_Delete(s.list);
	return err;
}

int run_verb(const char *noun, const struct verb *verb, size_t n, int argc, char **argv)
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
