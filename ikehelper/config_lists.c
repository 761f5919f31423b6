// SPDX-License-Identifier: MIT
/* The lists of a section: suites, and subnets, which are paired. */
#include <stdlib.h>
#include <string.h>

#include "config_parser.h"
#include "text.h"

#define SUBNETS_MAX 64 /* in one list */
#define SUITES_MAX  16 /* in one list */

/* Calls fn for each part of a comma-separated list, until one of them is wrong. */
static int each(const char *list, int (*fn)(void *ctx, const char *part), void *ctx)
{
	char *copy = strdup(list), *rest = copy, *part;
	int err = copy ? 0 : -1;

	while (!err && (part = strsep(&rest, ",")))
		err = fn(ctx, trim(part));
	free(copy);
	return err;
}

struct list {
	struct parser *p;
	enum key key;
	int line;
	bool legacy;
	size_t n;
	union {
		struct ike_subnet subnet[SUBNETS_MAX];
		struct ike_proposal ike[SUITES_MAX];
		struct esp_proposal esp[SUITES_MAX];
	};
};

static int too_many(struct list *l, size_t max)
{
	return wrong(l->p, l->line, "%s has more than %zu entries", key_name[l->key],
		     max);
}

bool same_subnet(const struct ike_subnet *a, const struct ike_subnet *b)
{
	return a->family == b->family && a->bits == b->bits && a->proto == b->proto &&
	       a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static int add_subnet(void *ctx, const char *part)
{
	struct list *l = ctx;
	char why[TEXT_WHY];
	size_t i;

	if (l->n == SUBNETS_MAX)
		return too_many(l, SUBNETS_MAX);
	if (subnet_parse(part, &l->subnet[l->n], why) < 0)
		return wrong(l->p, l->line, "%s: %s", key_name[l->key], why);
	for (i = 0; i < l->n; i++)
		if (same_subnet(&l->subnet[i], &l->subnet[l->n]))
			return wrong(l->p, l->line, "%s has %s twice", key_name[l->key],
				     part);
	l->n++;
	return 0;
}

static int add_ike(void *ctx, const char *part)
{
	struct list *l = ctx;
	char why[PROPOSAL_TEXT * 2];

	if (l->n == SUITES_MAX)
		return too_many(l, SUITES_MAX);
	if (ike_proposal_parse(part, l->legacy, &l->ike[l->n], why) < 0)
		return wrong(l->p, l->line, "ike: %s", why);
	l->n++;
	return 0;
}

static int add_esp(void *ctx, const char *part)
{
	struct list *l = ctx;
	char why[PROPOSAL_TEXT * 2];

	if (l->n == SUITES_MAX)
		return too_many(l, SUITES_MAX);
	if (esp_proposal_parse(part, l->legacy, &l->esp[l->n], why) < 0)
		return wrong(l->p, l->line, "esp: %s", why);
	if (!esp_proposal_in_v1(&l->esp[l->n]))
		return wrong(l->p, l->line,
			     "esp: IKEv1 has no number for %s, which keys by hand may "
			     "use; write for example aes256gcm16",
			     part);
	l->n++;
	return 0;
}

static void *copy_of(const void *p, size_t n, size_t size)
{
	void *copy = calloc(n ? n : 1, size);

	if (copy)
		memcpy(copy, p, n * size);
	return copy;
}

/* Whether the weak suites of the profile are wanted, if nothing is written for k. */
static const char *weak_suites(const struct section *s, enum key k, bool legacy)
{
	if (!legacy || !s->profile || s->value[k])
		return NULL;
	return k == K_IKE ? s->profile->weak_ike : s->profile->weak_esp;
}

/* The list of a key, with the weak suites of the profile behind it. */
static void each_suite(struct list *l, int (*fn)(void *ctx, const char *part))
{
	const struct section *s = &l->p->section;
	const char *weak = weak_suites(s, l->key, l->legacy);
	const char *v = value(s, l->key, &l->line);

	if (!s->profile || s->value[l->key] || s->profile->value[l->key] || !weak)
		each(v, fn, l);
	if (weak)
		each(weak, fn, l);
}

void set_suites(struct parser *p, struct ike_peer *ike)
{
	struct list l = { .p = p, .key = K_IKE, .legacy = yes(p, K_LEGACY) };

	each_suite(&l, add_ike);
	ike->ike = copy_of(l.ike, l.n, sizeof(l.ike[0]));
	ike->n_ike = ike->ike ? l.n : 0;

	l.key = K_ESP;
	l.n = 0;
	each_suite(&l, add_esp);
	ike->esp = copy_of(l.esp, l.n, sizeof(l.esp[0]));
	ike->n_esp = ike->esp ? l.n : 0;
}

static bool has_family(const struct list *l, uint8_t family)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->subnet[i].family == family)
			return true;
	return false;
}

/* What is not written is everything of the families that the other side has. */
static void any_like(struct list *l, const struct list *other)
{
	if (l->p->section.value[l->key])
		return;
	l->n = 0;
	if (has_family(other, 4))
		l->subnet[l->n++] = (struct ike_subnet){ .family = 4 };
	if (has_family(other, 6))
		l->subnet[l->n++] = (struct ike_subnet){ .family = 6 };
}

static int check_families(const struct list *l, const struct list *other)
{
	if (has_family(l, 4) && !has_family(other, 4))
		return wrong(l->p, l->line, "%s has IPv4 subnets, but %s has none",
			     key_name[l->key], key_name[other->key]);
	if (has_family(l, 6) && !has_family(other, 6))
		return wrong(l->p, l->line, "%s has IPv6 subnets, but %s has none",
			     key_name[l->key], key_name[other->key]);
	return 0;
}

void set_children(struct parser *p, struct ike_peer *ike)
{
	struct list l = { .p = p, .key = K_LOCAL_SUBNETS };
	struct list r = { .p = p, .key = K_REMOTE_SUBNETS };
	size_t i, j;

	if (each(value(&p->section, K_LOCAL_SUBNETS, &l.line), add_subnet, &l) < 0 ||
	    each(value(&p->section, K_REMOTE_SUBNETS, &r.line), add_subnet, &r) < 0)
		return;
	any_like(&l, &r);
	any_like(&r, &l);
	if (check_families(&l, &r) < 0 || check_families(&r, &l) < 0)
		return;
	ike->child = calloc(l.n * r.n, sizeof(*ike->child));
	for (i = 0; ike->child && i < l.n; i++)
		for (j = 0; j < r.n; j++) {
			if (l.subnet[i].family != r.subnet[j].family)
				continue;
			ike->child[ike->n_child].local = l.subnet[i];
			ike->child[ike->n_child++].remote = r.subnet[j];
		}
}
