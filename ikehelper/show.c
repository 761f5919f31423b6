// SPDX-License-Identifier: MIT
/* Prints what the module tells, for people or as JSON. */
#include "show.h"

#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void spi_text(const uint8_t spi[4], char out[SHOW_SPI])
{
	snprintf(out, SHOW_SPI, "0x%02x%02x%02x%02x", spi[0], spi[1], spi[2], spi[3]);
}

void dev_text(uint32_t ifindex, char *out)
{
	if (!if_indextoname(ifindex, out))
		snprintf(out, IF_NAMESIZE, "%" PRIu32, ifindex);
}

static bool is_set(const uint8_t spi[4])
{
	return spi[0] | spi[1] | spi[2] | spi[3];
}

void json_u64(cJSON *to, const char *name, uint64_t v)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, v);
	cJSON_AddRawToObject(to, name, digits);
}

void json_spi(cJSON *to, const char *name, const uint8_t spi[4])
{
	char text[SHOW_SPI];

	spi_text(spi, text);
	cJSON_AddStringToObject(to, name, text);
}

static void json_ifname(cJSON *to, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	dev_text(ifindex, name);
	cJSON_AddStringToObject(to, "dev", name);
}

static void json_drops(cJSON *to, const struct mod_drops *drops)
{
	cJSON *o = cJSON_AddObjectToObject(to, "drops");
	size_t i;

	for (i = 0; i < drops->n; i++)
		json_u64(o, drops->drop[i].name, drops->drop[i].packets);
}

cJSON *json_dev(const struct mod_dev *dev)
{
	cJSON *o = cJSON_CreateObject();

	json_ifname(o, dev->ifindex);
	json_u64(o, "peers", dev->peers);
	json_drops(o, &dev->drops);
	return o;
}

static void json_addr(cJSON *to, const char *name, const struct ike_addr *addr)
{
	char text[TEXT_ADDR];

	addr_text(addr, text);
	cJSON_AddStringToObject(to, name, text);
}

static void json_subnet(cJSON *to, const char *name, const struct ike_subnet *subnet)
{
	char text[TEXT_SUBNET];

	subnet_text(subnet, text);
	cJSON_AddStringToObject(to, name, text);
}

cJSON *json_peer(const struct mod_peer *peer)
{
	cJSON *o = cJSON_CreateObject(), *list, *pair;
	size_t i;

	json_ifname(o, peer->ifindex);
	json_u64(o, "id", peer->id);
	json_addr(o, "remote", &peer->remote);
	json_addr(o, "local", &peer->local);
	list = cJSON_AddArrayToObject(o, "selectors");
	for (i = 0; i < peer->n_selectors; i++) {
		pair = cJSON_CreateObject();
		json_subnet(pair, "local", &peer->selector[i].local);
		json_subnet(pair, "remote", &peer->selector[i].remote);
		cJSON_AddItemToArray(list, pair);
	}
	if (peer->has_encap) {
		json_u64(o, "encap_sport", peer->encap_sport);
		json_u64(o, "encap_dport", peer->encap_dport);
	}
	cJSON_AddStringToObject(o, "mapping", mod_mapping_name[peer->mapping]);
	cJSON_AddBoolToObject(o, "acquire", peer->acquire);
	if (peer->has_out)
		json_spi(o, "spi_out", peer->spi_out);
	if (peer->mtu)
		json_u64(o, "mtu", peer->mtu);
	json_drops(o, &peer->drops);
	return o;
}

static void json_limits(cJSON *to, const uint64_t limit[MOD_LIMITS])
{
	cJSON *o = cJSON_AddObjectToObject(to, "limits");
	int i;

	for (i = 0; i < MOD_LIMITS; i++)
		if (limit[i])
			json_u64(o, mod_limit_name[i], limit[i]);
}

/* "1", "2-3", "4-7", ...: how far behind the highest number. */
static void late_text(int i, char out[32])
{
	if (i == 0)
		strcpy(out, "1");
	else
		snprintf(out, 32, "%u-%u", 1u << i, (2u << i) - 1);
}

static void json_late(cJSON *to, const uint64_t late[MOD_LATE_MAX])
{
	cJSON *o = cJSON_AddObjectToObject(to, "late");
	char behind[32];
	int i;

	for (i = 0; i < MOD_LATE_MAX; i++) {
		late_text(i, behind);
		if (late[i])
			json_u64(o, behind, late[i]);
	}
}

cJSON *json_sa(const struct mod_sa *sa)
{
	cJSON *o = cJSON_CreateObject();
	char suite[PROPOSAL_TEXT];

	json_ifname(o, sa->ifindex);
	json_u64(o, "peer", sa->peer);
	cJSON_AddStringToObject(o, "direction", sa->out ? "out" : "in");
	json_spi(o, "spi", sa->spi);
	cJSON_AddBoolToObject(o, "reserved", sa->reserved);
	if (sa->reserved)
		return o;
	esp_proposal_text(&sa->suite, suite);
	cJSON_AddStringToObject(o, "suite", suite);
	cJSON_AddStringToObject(o, "driver", sa->driver);
	if (sa->out)
		cJSON_AddBoolToObject(o, "active", sa->active);
	else
		json_u64(o, "replay_window", sa->replay_window);
	if (is_set(sa->pair_spi))
		json_spi(o, "pair_spi", sa->pair_spi);
	json_limits(o, sa->limit);
	json_u64(o, "age", sa->age);
	json_u64(o, "packets", sa->packets);
	json_u64(o, "bytes", sa->bytes);
	json_u64(o, "seq", sa->seq);
	if (!sa->out)
		json_late(o, sa->late);
	json_drops(o, &sa->drops);
	return o;
}

static const char *const event_name[] = {
	[MOD_EXPIRE] = "sa-expire", [MOD_FIRST] = "sa-first", [MOD_ACQUIRE] = "acquire",
	[MOD_MOVED] = "peer-moved", [MOD_MTU] = "peer-mtu",   [MOD_LOST] = "lost",
};

cJSON *json_event(const struct mod_event *event)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "event", event_name[event->type]);
	if (event->type == MOD_LOST)
		return o;
	json_ifname(o, event->ifindex);
	json_u64(o, "peer", event->peer);
	if (event->type == MOD_MOVED) {
		json_addr(o, "remote", &event->addr);
		if (event->addr.port)
			json_u64(o, "encap_dport", event->addr.port);
	}
	if (event->type == MOD_MTU)
		json_u64(o, "mtu", event->mtu);
	if (event->type != MOD_EXPIRE && event->type != MOD_FIRST)
		return o;
	cJSON_AddStringToObject(o, "direction", event->out ? "out" : "in");
	json_spi(o, "spi", event->spi);
	if (event->type == MOD_EXPIRE) {
		cJSON_AddBoolToObject(o, "hard", event->hard);
		cJSON_AddStringToObject(o, "reason", event->reason);
		json_u64(o, "packets", event->packets);
		json_u64(o, "bytes", event->bytes);
	}
	return o;
}

int json_print(cJSON *json, bool pretty)
{
	char *text = pretty ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
	int err = !text || puts(text) < 0 || fflush(stdout) != 0;

	cJSON_free(text);
	cJSON_Delete(json);
	return err;
}

void drops_print(const struct mod_drops *drops)
{
	size_t i;

	for (i = 0; i < drops->n; i++)
		printf("%s%s %" PRIu64 "%s",
		       i ? ", " : "  dropped: ", drops->drop[i].name,
		       drops->drop[i].packets, i + 1 == drops->n ? "\n" : "");
}

void peer_print(const struct mod_peer *peer)
{
	char dev[IF_NAMESIZE], remote[TEXT_ADDR], local[TEXT_ADDR], spi[SHOW_SPI];
	char l[TEXT_SUBNET], r[TEXT_SUBNET];
	size_t i;

	dev_text(peer->ifindex, dev);
	addr_text(&peer->remote, remote);
	addr_text(&peer->local, local);
	printf("%s peer %" PRIu32 " remote %s local %s", dev, peer->id, remote, local);
	if (peer->has_encap)
		printf(" encap %" PRIu16 " %" PRIu16, peer->encap_sport,
		       peer->encap_dport);
	printf(" mapping %s%s", mod_mapping_name[peer->mapping],
	       peer->acquire ? " acquire" : "");
	if (peer->has_out) {
		spi_text(peer->spi_out, spi);
		printf(" sends on %s", spi);
		if (peer->mtu)
			printf(" mtu %" PRIu32, peer->mtu);
		putchar('\n');
	} else {
		printf(" has no outbound SA\n");
	}
	for (i = 0; i < peer->n_selectors; i++) {
		subnet_text(&peer->selector[i].local, l);
		subnet_text(&peer->selector[i].remote, r);
		printf("  selector %s=%s\n", l, r);
	}
	drops_print(&peer->drops);
}

static void late_print(const uint64_t late[MOD_LATE_MAX])
{
	const char *before = "  late by ";
	char behind[32];
	int i;

	for (i = 0; i < MOD_LATE_MAX; i++) {
		if (!late[i])
			continue;
		late_text(i, behind);
		printf("%s%s: %" PRIu64, before, behind, late[i]);
		before = ", ";
	}
	if (*before == ',')
		putchar('\n');
}

void sa_print(const struct mod_sa *sa)
{
	char dev[IF_NAMESIZE], spi[SHOW_SPI], age[32];
	char suite[PROPOSAL_TEXT];
	bool limited = false;
	int i;

	dev_text(sa->ifindex, dev);
	spi_text(sa->spi, spi);
	printf("%s peer %" PRIu32 " %s %s", dev, sa->peer, sa->out ? "out" : "in", spi);
	if (sa->reserved) {
		puts(" reserved, no keys yet");
		return;
	}
	seconds_text(sa->age, age);
	esp_proposal_text(&sa->suite, suite);
	printf(" %s (%s)", suite, sa->driver);
	if (sa->out)
		fputs(sa->active ? " active" : " inactive", stdout);
	else
		printf(" replay %" PRIu32, sa->replay_window);
	if (is_set(sa->pair_spi)) {
		spi_text(sa->pair_spi, spi);
		printf(" pair %s", spi);
	}
	printf("\n  age %s, %" PRIu64 " packets, %" PRIu64
	       " bytes, sequence number %" PRIu64 "\n",
	       age, sa->packets, sa->bytes, sa->seq);
	for (i = 0; i < MOD_LIMITS; i++) {
		if (!sa->limit[i])
			continue;
		printf("%s%s %" PRIu64, limited ? ", " : "  limits ", mod_limit_name[i],
		       sa->limit[i]);
		limited = true;
	}
	if (limited)
		putchar('\n');
	late_print(sa->late);
	drops_print(&sa->drops);
}

void event_print(const struct mod_event *event)
{
	char dev[IF_NAMESIZE], spi[SHOW_SPI], addr[TEXT_ADDR];

	if (event->type == MOD_LOST) {
		puts("lost some events: more came than could be read");
		fflush(stdout);
		return;
	}
	dev_text(event->ifindex, dev);
	printf("%s %s peer %" PRIu32, event_name[event->type], dev, event->peer);
	if (event->type == MOD_EXPIRE || event->type == MOD_FIRST) {
		spi_text(event->spi, spi);
		printf(" %s %s", event->out ? "out" : "in", spi);
	}
	if (event->type == MOD_EXPIRE)
		printf(" %s %s packets %" PRIu64 " bytes %" PRIu64,
		       event->hard ? "hard" : "soft", event->reason, event->packets,
		       event->bytes);
	if (event->type == MOD_MTU)
		printf(" mtu %" PRIu32, event->mtu);
	if (event->type == MOD_MOVED) {
		addr_text(&event->addr, addr);
		printf(" to %s", addr);
		if (event->addr.port)
			printf(" port %" PRIu16, event->addr.port);
	}
	putchar('\n');
	fflush(stdout);
}
