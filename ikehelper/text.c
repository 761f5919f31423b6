// SPDX-License-Identifier: MIT
/* Numbers, SPIs, durations, addresses and subnets as people write and read them. */
#include "text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protos[] = {
	{ "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "icmpv6", 58 }, { "sctp", 132 },
};

#define N_PROTOS (sizeof(protos) / sizeof(protos[0]))

int u64_parse(const char *text, uint64_t max, uint64_t *out)
{
	int base = strncmp(text, "0x", 2) ? 10 : 16;
	unsigned long long v;
	char *end;

	/* strtoull would also take blanks, signs and a second 0x. */
	if (!isxdigit((unsigned char)text[base == 16 ? 2 : 0]) ||
	    (base == 16 && strchr("xX", text[3]) && text[3]))
		return -1;
	errno = 0;
	v = strtoull(text, &end, base);
	if (errno || *end || v > max)
		return -1;
	*out = v;
	return 0;
}

int spi_parse(const char *text, uint8_t spi[4], char *why)
{
	uint32_t be;
	uint64_t v;

	if (u64_parse(text, UINT32_MAX, &v) < 0) {
		snprintf(why, TEXT_WHY,
			 "%.40s is no SPI: write 0x and up to 8 hex digits, or a number",
			 text);
		return -1;
	}
	if (v < 256) {
		snprintf(
			why, TEXT_WHY,
			"SPI %.40s is below 256, which RFC 4303 reserves: use 256 or more",
			text);
		return -1;
	}
	be = htonl(v);
	memcpy(spi, &be, 4);
	return 0;
}

struct unit {
	char letter; /* '\0' for none */
	uint32_t size;
};

/* A decimal number with the letter of one of the n units behind it, or without. */
static int units_parse(const char *text, const struct unit *unit, size_t n, uint64_t max,
		       uint64_t *out)
{
	size_t digits = strspn(text, "0123456789"), i;
	char number[24];
	uint64_t v;

	if (!digits || digits >= sizeof(number) || (text[digits] && text[digits + 1]))
		return -1;
	for (i = 0; i < n && unit[i].letter != text[digits]; i++)
		;
	memcpy(number, text, digits);
	number[digits] = '\0';
	if (i == n || u64_parse(number, max / unit[i].size, &v) < 0)
		return -1;
	*out = v * unit[i].size;
	return 0;
}

int seconds_parse(const char *text, uint32_t *out)
{
	static const struct unit units[] = {
		{ '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	uint64_t v;

	if (units_parse(text, units, 5, UINT32_MAX, &v) < 0)
		return -1;
	*out = v;
	return 0;
}

int count_parse(const char *text, uint64_t *out)
{
	static const struct unit units[] = {
		{ '\0', 1 },
		{ 'k', 1000 },
		{ 'M', 1000000 },
		{ 'G', 1000000000 },
	};

	return units_parse(text, units, 4, UINT64_MAX, out);
}

void seconds_text(uint64_t seconds, char *out)
{
	unsigned long long s = seconds;

	if (s < 60)
		snprintf(out, 32, "%llus", s);
	else if (s < 3600)
		snprintf(out, 32, "%llum %llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, 32, "%lluh %llum", s / 3600, s % 3600 / 60);
	else
		snprintf(out, 32, "%llud %lluh", s / 86400, s % 86400 / 3600);
}

int addr_parse(const char *text, struct ike_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->ip) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, text, out->ip) == 1)
		out->family = 6;
	return out->family ? 0 : -1;
}

void addr_text(const struct ike_addr *addr, char *out)
{
	if (!addr->family ||
	    !inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, out, TEXT_ADDR))
		snprintf(out, TEXT_ADDR, "any");
}

static int proto_parse(const char *text, uint8_t *out)
{
	uint64_t v;
	size_t i;

	for (i = 0; i < N_PROTOS; i++)
		if (!strcmp(text, protos[i].name)) {
			*out = protos[i].number;
			return 0;
		}
	if (u64_parse(text, 255, &v) < 0)
		return -1;
	*out = v;
	return 0;
}

/* Clears the host bits; returns whether one was set. */
static bool mask(uint8_t ip[16], uint8_t bits)
{
	bool was_set = false;
	uint8_t keep;
	int i;

	for (i = 0; i < 16; i++) {
		keep = bits >= 8 * (i + 1) ? 0xff
		       : bits <= 8 * i	   ? 0
					   : 0xff << (8 - bits % 8);
		was_set |= ip[i] & ~keep;
		ip[i] &= keep;
	}
	return was_set;
}

int subnet_parse(const char *text, struct ike_subnet *out, char *why)
{
	char copy[TEXT_SUBNET], *rest = copy, *part;
	struct ike_addr addr;
	char plain[TEXT_ADDR];
	uint64_t v;

	memset(out, 0, sizeof(*out));
	snprintf(copy, sizeof(copy), "%s", text);
	part = strsep(&rest, "/");
	if (strlen(text) >= sizeof(copy) || addr_parse(part, &addr) < 0)
		goto bad;
	v = addr.family == 6 ? 128 : 32;
	part = strsep(&rest, "/");
	if (part && u64_parse(part, v, &v) < 0)
		goto bad;
	part = strsep(&rest, "/");
	if (part && proto_parse(part, &out->proto) < 0)
		goto bad;
	out->family = addr.family;
	out->bits = v;
	memcpy(out->ip, addr.ip, sizeof(out->ip));
	part = strsep(&rest, "/");
	v = 0;
	if (rest || (part && u64_parse(part, 65535, &v) < 0))
		goto bad;
	out->port = v;
	if (!mask(out->ip, out->bits))
		return 0;
	memcpy(addr.ip, out->ip, sizeof(addr.ip));
	addr_text(&addr, plain);
	snprintf(why, TEXT_WHY, "%.40s has bits set behind the prefix: write %s/%u", text,
		 plain, out->bits);
	return -1;
bad:
	snprintf(why, TEXT_WHY,
		 "%.40s is no subnet: write ADDRESS/BITS, or ADDRESS/BITS/PROTO/PORT",
		 text);
	return -1;
}

void subnet_text(const struct ike_subnet *subnet, char *out)
{
	const char *name = NULL;
	char number[8], ip[TEXT_ADDR];
	int len;
	size_t i;

	if (!inet_ntop(subnet->family == 6 ? AF_INET6 : AF_INET, subnet->ip, ip,
		       sizeof(ip)))
		snprintf(ip, sizeof(ip), "?");
	len = snprintf(out, TEXT_SUBNET, "%s/%u", ip, subnet->bits);
	if (!subnet->proto)
		return;
	for (i = 0; i < N_PROTOS; i++)
		if (subnet->proto == protos[i].number)
			name = protos[i].name;
	snprintf(number, sizeof(number), "%u", subnet->proto);
	len += snprintf(out + len, TEXT_SUBNET - len, "/%s", name ? name : number);
	if (subnet->port)
		snprintf(out + len, TEXT_SUBNET - len, "/%u", subnet->port);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_parse(const char *text, uint8_t *out, size_t size, char *why)
{
	size_t n = 0;
	int hi, lo;

	for (;;) {
		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			return n;
		hi = digit(text[0]);
		lo = text[1] ? digit(text[1]) : -1;
		if (hi < 0 || lo < 0) {
			snprintf(why, TEXT_WHY,
				 "octet %zu of the key is not two hexadecimal digits",
				 n + 1);
			return -1;
		}
		if (n == size) {
			snprintf(why, TEXT_WHY,
				 "the key is longer than any algorithm takes");
			return -1;
		}
		out[n++] = hi << 4 | lo;
		text += 2;
	}
}
