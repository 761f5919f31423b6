/* SPDX-License-Identifier: MIT */
/* Prints what the module tells, for people or as JSON. */
#ifndef ESPTUN_SHOW_H
#define ESPTUN_SHOW_H

#include <cjson/cJSON.h>

#include "netlink.h"

#define SHOW_SPI 12

void spi_text(const uint8_t spi[4], char out[SHOW_SPI]); /* 0x1234abcd */
/* The name of a device, or its index in digits when it is gone. out: IF_NAMESIZE. */
void dev_text(uint32_t ifindex, char *out);
/* "tcp-bad-csum 3, ..." is long at times; prints nothing when there are none. */
void drops_print(const struct mod_drops *drops);

/* cJSON's numbers are doubles; these keep all 64 bits. */
void json_u64(cJSON *to, const char *name, uint64_t v);
void json_spi(cJSON *to, const char *name, const uint8_t spi[4]);
cJSON *json_dev(const struct mod_dev *dev);
cJSON *json_peer(const struct mod_peer *peer);
cJSON *json_sa(const struct mod_sa *sa);
cJSON *json_event(const struct mod_event *event);
/* Prints and frees; pretty over many lines, or one line. Returns 0, or 1 on an error. */
int json_print(cJSON *json, bool pretty);

void peer_print(const struct mod_peer *peer);
void sa_print(const struct mod_sa *sa);
void event_print(const struct mod_event *event);

#endif
