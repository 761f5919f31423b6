/* SPDX-License-Identifier: MIT */
/* Vectors made by others: the carried ones beside this file, larger sets under $VECTORS. */
#ifndef ESPTUN_TEST_VECTORS_H
#define ESPTUN_TEST_VECTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct octets {
	size_t len;
	uint8_t data[2048];
};

/* Where this file is, as it was named to the compiler, unless UNIT_VECTORS says so. */
static inline void vec_carried_path(char *path, size_t size, const char *name)
{
	const char *dir = getenv("UNIT_VECTORS");
	const char *slash = strrchr(__FILE__, '/');

	if (dir)
		snprintf(path, size, "%s/%s", dir, name);
	else
		snprintf(path, size, "%.*svectors/%s",
			 slash ? (int)(slash - __FILE__ + 1) : 0, __FILE__, name);
}

static inline void vec_large_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", getenv("VECTORS"), name);
}

/* How many of the tests to run: the last ones need the larger sets. */
static inline size_t vec_tests(size_t tests, size_t large)
{
	const char *dir = getenv("VECTORS");

	if (dir && *dir)
		return tests;
	printf("# VECTORS names no directory: %zu tests left out\n", large);
	return tests - large;
}

/* cmocka prints a skipped test as "not ok", so those are not in the group at all. */
#define VEC_RUN(name, tests, large)                                                 \
	_cmocka_run_group_tests(name, tests,                                        \
				vec_tests(sizeof(tests) / sizeof(*(tests)), large), \
				NULL, NULL)

/* The whole file, gunzipped when its name ends in .gz, as a string to be freed. */
static inline char *vec_read(const char *path)
{
	size_t len = strlen(path), have = 0, n;
	bool gz = len > 3 && !strcmp(path + len - 3, ".gz");
	char command[1024], *text = NULL;
	FILE *f;

	snprintf(command, sizeof(command), "gzip -dc -- '%s'", path);
	f = gz ? popen(command, "r") : fopen(path, "r");
	if (!f)
		return NULL;
	do {
		text = realloc(text, have + 65536 + 1);
		n = fread(text + have, 1, 65536, f);
		have += n;
	} while (n);
	text[have] = '\0';
	if ((gz ? pclose(f) : fclose(f)) || !have) {
		free(text);
		return NULL;
	}
	return text;
}

/* Reads hex digits up to the first other character; false for too many or an odd number. */
static inline bool vec_hex(const char *text, struct octets *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *hi, *lo;

	for (out->len = 0; *text && (hi = strchr(digits, *text)); text += 2) {
		lo = text[1] ? strchr(digits, text[1]) : NULL;
		if (!lo || out->len == sizeof(out->data))
			return false;
		out->data[out->len++] = (hi - digits) << 4 | (lo - digits);
	}
	return true;
}

static inline bool vec_equal(const struct octets *want, const void *data, size_t len)
{
	return want->len == len && !memcmp(want->data, data, len);
}

#endif
