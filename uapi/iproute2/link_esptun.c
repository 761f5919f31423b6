// SPDX-License-Identifier: MIT
/*
 * link_esptun.so: with it `ip link` knows the options of esptun links.
 *
 * ip opens IP_LIB_DIR/link_KIND.so for a kind of link that it does not know, and looks for the
 * symbol KIND_link_util. Debian has no header for that: what is declared here is the part that a
 * plug-in needs of ip/ip_common.h, include/json_print.h and include/libnetlink.h, which is the same
 * in iproute2 6.1 to 7.2. What it calls is in ip itself.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/esptun.h>

struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *lu, int argc, char **argv, struct nlmsghdr *n);
	void (*print_opt)(struct link_util *lu, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *lu, FILE *f, struct rtattr *xstats);
	void (*print_help)(struct link_util *lu, int argc, char **argv, FILE *f);
	int (*parse_ifla_xstats)(struct link_util *lu, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *n, void *arg);
};

#define PRINT_ANY  4
#define COLOR_NONE 6

int print_color_string(int type, int color, const char *key, const char *format,
		       const char *value);
int print_color_uint(int type, int color, const char *key, const char *format,
		     unsigned int value);
int addattr_l(struct nlmsghdr *n, int maxlen, int type, const void *data, int alen);
unsigned int ll_name_to_index(const char *name);

/* Less than what ip gives a request. */
#define REQUEST_MAX 1024

/* A value is a number from first to last, or one of the words, which stand for numbers. */
static const struct option {
	const char *name;
	const char *values; /* as the help has them */
	int attr;
	unsigned int octets;
	uint32_t first, last;
	struct word {
		const char *name;
		uint32_t value;
	} words[3];
} options[] = {
	{ "mark", "NUMBER", IFLA_ESPTUN_MARK, 4, 0, UINT32_MAX, { { 0 } } },
	{ "dev", "DEVICE | none", IFLA_ESPTUN_LINK, 4, 1, 0, { { "none", 0 } } },
	{ "dscp",
	  "copy | 0..63",
	  IFLA_ESPTUN_DSCP,
	  1,
	  0,
	  63,
	  { { "copy", ESPTUN_DSCP_COPY } } },
	{ "decap-dscp",
	  "on | off",
	  IFLA_ESPTUN_DECAP_DSCP,
	  1,
	  1,
	  0,
	  { { "off", 0 }, { "on", 1 } } },
	{ "ttl",
	  "default | inherit | 1..255",
	  IFLA_ESPTUN_TTL,
	  2,
	  1,
	  255,
	  { { "default", 0 }, { "inherit", ESPTUN_TTL_INHERIT } } },
	{ "df",
	  "copy | set | clear",
	  IFLA_ESPTUN_DF,
	  1,
	  1,
	  0,
	  { { "copy", ESPTUN_DF_COPY },
	    { "set", ESPTUN_DF_SET },
	    { "clear", ESPTUN_DF_CLEAR } } },
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))
#define N_WORDS	  (sizeof(options[0].words) / sizeof(options[0].words[0]))

static void print_help(struct link_util *lu, int argc, char **argv, FILE *f)
{
	(void)lu, (void)argc, (void)argv;
	fprintf(f, "Usage: ... esptun");
	for (size_t i = 0; i < N_OPTIONS; i++)
		fprintf(f, "%s [ %s { %s } ]\n", i ? "                 " : "",
			options[i].name, options[i].values);
}

static const struct word *word_of(const struct option *o, const char *name)
{
	for (size_t i = 0; i < N_WORDS && o->words[i].name; i++)
		if (strcmp(o->words[i].name, name) == 0)
			return &o->words[i];
	return NULL;
}

static bool read_value(const struct option *o, const char *text, uint32_t *value)
{
	const struct word *word = word_of(o, text);
	unsigned long long number;
	char *end;

	if (word) {
		*value = word->value;
		return true;
	}
	if (o->attr == IFLA_ESPTUN_LINK) {
		*value = ll_name_to_index(text);
		return *value != 0;
	}
	errno = 0;
	number = strtoull(text, &end, 0);
	*value = number;
	return *text >= '0' && *text <= '9' && !*end && !errno && number >= o->first &&
	       number <= o->last;
}

static int add_value(struct nlmsghdr *n, const struct option *o, uint32_t value)
{
	uint16_t value16 = value;
	uint8_t value8 = value;

	switch (o->octets) {
	case 1:
		return addattr_l(n, REQUEST_MAX, o->attr, &value8, 1);
	case 2:
		return addattr_l(n, REQUEST_MAX, o->attr, &value16, 2);
	default:
		return addattr_l(n, REQUEST_MAX, o->attr, &value, 4);
	}
}

static uint32_t value_of(const struct rtattr *a)
{
	switch (RTA_PAYLOAD(a)) {
	case 1:
		return *(uint8_t *)RTA_DATA(a);
	case 2:
		return *(uint16_t *)RTA_DATA(a);
	default:
		return *(uint32_t *)RTA_DATA(a);
	}
}

static int parse(struct link_util *lu, int argc, char **argv, struct nlmsghdr *n)
{
	for (; argc > 0; argc -= 2, argv += 2) {
		const struct option *o = options, *end = options + N_OPTIONS;
		uint32_t value;

		while (o < end && strcmp(o->name, argv[0]) != 0)
			o++;
		if (o == end) {
			if (strcmp(argv[0], "help") != 0)
				fprintf(stderr, "esptun: unknown option \"%s\"\n",
					argv[0]);
			print_help(lu, argc, argv, stderr);
			return -1;
		}
		if (argc < 2 || !read_value(o, argv[1], &value)) {
			fprintf(stderr, "esptun: %s has to be { %s }, not \"%s\"\n",
				o->name, o->values, argc < 2 ? "" : argv[1]);
			return -1;
		}
		if (add_value(n, o, value))
			return -1;
	}
	return 0;
}

static void print_option(const struct option *o, uint32_t value)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %%s ", o->name);
	for (size_t i = 0; i < N_WORDS && o->words[i].name; i++) {
		if (o->words[i].value == value) {
			print_color_string(PRINT_ANY, COLOR_NONE, o->name, text,
					   o->words[i].name);
			return;
		}
	}
	snprintf(text, sizeof(text), "%s %%u ", o->name);
	print_color_uint(PRINT_ANY, COLOR_NONE, o->name, text, value);
}

static void print(struct link_util *lu, FILE *f, struct rtattr *tb[])
{
	(void)lu, (void)f;
	for (size_t i = 0; tb && i < N_OPTIONS; i++) {
		const struct rtattr *a = tb[options[i].attr];

		/* dev is behind the link's name already, in the namespace where it means something */
		if (a && RTA_PAYLOAD(a) == options[i].octets &&
		    options[i].attr != IFLA_ESPTUN_LINK)
			print_option(&options[i], value_of(a));
	}
}

struct link_util esptun_link_util = {
	.id = "esptun",
	.maxattr = IFLA_ESPTUN_MAX,
	.parse_opt = parse,
	.print_opt = print,
	.print_help = print_help,
};
