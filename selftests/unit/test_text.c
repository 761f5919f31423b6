// SPDX-License-Identifier: MIT
/*
 * Numbers, SPIs, times, subnets and keys as people write them: what is nearly right must
 * be refused, since a tool that reads 0x1g as 1 or 10.0.0.1/8 as 10/8 loads something
 * else than was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char why[TEXT_WHY];

static void numbers(void **state)
{
	static const char *const bad[] = { "",
					   "-1",
					   "+1",
					   " 1",
					   "1 ",
					   "0x",
					   "0x0x1",
					   "0xg",
					   "1f",
					   "1e3",
					   "18446744073709551616" };
	uint64_t v;
	size_t i;

	(void)state;
	assert_int_equal(u64_parse("18446744073709551615", UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(u64_parse("0xfF", 255, &v), 0);
	assert_int_equal(v, 255);
	assert_int_equal(u64_parse("010", 255, &v), 0);
	assert_int_equal(v, 10);
	assert_int_equal(u64_parse("256", 255, &v), -1);
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(u64_parse(bad[i], UINT64_MAX, &v), -1);
}

static void spis(void **state)
{
	static const char *const bad[] = {
		"255", "0xff", "0x100000000", "-1", "spi", ""
	};
	uint8_t spi[4];
	size_t i;

	(void)state;
	assert_int_equal(spi_parse("0x1234abcd", spi, why), 0);
	assert_memory_equal(spi, "\x12\x34\xab\xcd", 4);
	assert_int_equal(spi_parse("256", spi, why), 0);
	assert_memory_equal(spi, "\0\0\x01\0", 4);
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(spi_parse(bad[i], spi, why), -1);
}

static void times(void **state)
{
	static const char *const bad[] = {
		"", "h", "-1", "1w", "1hh", "1 h", "1.5h", "4294967296", "49711d", "0x10"
	};
	char text[32];
	uint32_t s;
	size_t i;

	(void)state;
	assert_int_equal(seconds_parse("90", &s), 0);
	assert_int_equal(s, 90);
	assert_int_equal(seconds_parse("90s", &s), 0);
	assert_int_equal(s, 90);
	assert_int_equal(seconds_parse("30m", &s), 0);
	assert_int_equal(s, 1800);
	assert_int_equal(seconds_parse("4h", &s), 0);
	assert_int_equal(s, 14400);
	assert_int_equal(seconds_parse("49710d", &s), 0);
	assert_true(s == 49710U * 86400);
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(seconds_parse(bad[i], &s), -1);
	seconds_text(59, text);
	assert_string_equal(text, "59s");
	seconds_text(3599, text);
	assert_string_equal(text, "59m 59s");
	seconds_text(3600, text);
	assert_string_equal(text, "1h 0m");
	seconds_text(90000, text);
	assert_string_equal(text, "1d 1h");
}

static void subnets(void **state)
{
	/* written; printed again */
	static const char *const good[][2] = {
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.1.2.3", "10.1.2.3/32" },
		{ "10.128.0.0/9", "10.128.0.0/9" },
		{ "10.0.0.0/8/tcp", "10.0.0.0/8/tcp" },
		{ "10.0.0.0/8/17/53", "10.0.0.0/8/udp/53" },
		{ "10.0.0.0/8/47", "10.0.0.0/8/47" },
		{ "::/0", "::/0" },
		{ "2001:DB8::1", "2001:db8::1/128" },
		{ "2001:db8:8000::/33/tcp/80", "2001:db8:8000::/33/tcp/80" },
		{ "fe80::/10/58", "fe80::/10/icmpv6" },
	};
	static const char *const bad[] = {
		"",
		"10.0.0.0/33",
		"10.0.0/8",
		"10.0.0.0/",
		"10.0.0.0/8/",
		"10.0.0.0/8/tpc",
		"10.0.0.0/8/256",
		"10.0.0.0/8/tcp/65536",
		"10.0.0.0/8/tcp/80/1",
		"::/129",
		"::ffff:10.0.0.0/32",
		"2001:db8:4000::/33",
		"2001:db8::1/127",
		"fe80::1%lo/128",
		"10.0.0.1/31",
		"10.64.0.0/9",
		"255.255.255.255/0",
	};
	struct ike_subnet s;
	char text[TEXT_SUBNET];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		assert_int_equal(subnet_parse(good[i][0], &s, why), 0);
		assert_int_equal(s.family, strchr(good[i][0], ':') ? 6 : 4);
		subnet_text(&s, text);
		assert_string_equal(text, good[i][1]);
	}
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(subnet_parse(bad[i], &s, why), -1);
	/* what it would have been, for who forgot to cut it */
	assert_int_equal(subnet_parse("10.200.3.4/9", &s, why), -1);
	assert_non_null(strstr(why, "write 10.128.0.0/9"));
	assert_int_equal(subnet_parse("2001:db8::1/32", &s, why), -1);
	assert_non_null(strstr(why, "write 2001:db8::/32"));
}

static void keys(void **state)
{
	uint8_t key[4];

	(void)state;
	assert_int_equal(hex_parse("00 01\n\taBcD\n", key, 4, why), 4);
	assert_memory_equal(key, "\x00\x01\xab\xcd", 4);
	assert_int_equal(hex_parse("", key, 4, why), 0);
	assert_int_equal(hex_parse("0", key, 4, why), -1);
	assert_int_equal(hex_parse("0 0", key, 4, why), -1);
	assert_int_equal(hex_parse("0x00", key, 4, why), -1);
	assert_int_equal(hex_parse("0001020304", key, 4, why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(spis),
		cmocka_unit_test(times),   cmocka_unit_test(subnets),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
