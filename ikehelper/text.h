/* SPDX-License-Identifier: MIT */
/*
 * Numbers, SPIs, durations, addresses and subnets as people write and read them.
 *
 * Parsers return 0, or -1 on anything else than the whole text being right. Those with
 * a why (TEXT_WHY octets) say there what is wrong and what to write.
 */
#ifndef ESPTUN_TEXT_H
#define ESPTUN_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/ike.h"

#define TEXT_WHY    160
#define TEXT_ADDR   64
#define TEXT_SUBNET 80

/* Decimal, or hexadecimal after 0x. */
int u64_parse(const char *text, uint64_t max, uint64_t *out);
/* An SPI in network order; below 256 is refused (RFC 4303 section 2.1). */
int spi_parse(const char *text, uint8_t spi[4], char *why);
/* "4h", "30m", "90s", "3600", "1d": seconds. */
int seconds_parse(const char *text, uint32_t *out);
/* "4500", "4500k", "4500M", "4G", with units of a thousand. */
int count_parse(const char *text, uint64_t *out);
/* Seconds as two units at most: "2h 5m". out holds 32 octets. */
void seconds_text(uint64_t seconds, char *out);

/* An address of either family, without a port or a zone. */
int addr_parse(const char *text, struct ike_addr *out);
/* Without the port; "any" for family 0. out holds TEXT_ADDR octets. */
void addr_text(const struct ike_addr *addr, char *out);

/* ADDRESS/BITS[/PROTO[/PORT]], PROTO a number or tcp, udp, icmp, icmpv6, sctp. */
int subnet_parse(const char *text, struct ike_subnet *out, char *why);
void subnet_text(const struct ike_subnet *subnet, char *out);

/*
 * Hexadecimal digits with blanks anywhere between octets. Returns the number of octets
 * written to out, or -1 with the reason in why.
 */
int hex_parse(const char *text, uint8_t *out, size_t size, char *why);

#endif
