// SPDX-License-Identifier: MIT
/* Clients of the daemon: up, down, rekey and status, as text and JSON. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "ikehelper.h"
#include "show.h"
#include "text.h"

#define UP_SECONDS 60 /* up waits so long, unless -w says otherwise */

int cmd_up(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN };
	uint64_t seconds = UP_SECONDS;
	const char *peer;
	struct client_link l;
	cJSON *json;
	int status;

	if (argc > 1 && !strcmp(argv[0], "-w")) {
		if (u64_parse(argv[1], 86400, &seconds) < 0 || !seconds)
			return misuse("up: -w wants seconds, 1 to 86400");
		argc -= 2, argv += 2;
	}
	status = client_peer(argc, argv, "up", &peer);
	if (status || !peer)
		return status ? status : misuse("up: the name of the peer is missing");
	status = client_open(&l, "up", true);
	if (!status)
		status = client_ask(&l, client_request("up", peer), -1);
	p.fd = l.fd;
	if (!status && poll(&p, 1, seconds * 1000) == 0)
		status = fail("up: %s is not up after %" PRIu64 " seconds, and goes on "
			      "trying: ikehelper trace %s shows how far it came",
			      peer, seconds, peer);
	else if (!status)
		while ((json = client_answer(&l, &status)))
			cJSON_Delete(json);
	client_close(&l);
	return status;
}

int cmd_down(int argc, char **argv)
{
	const char *peer;
	int status = client_peer(argc, argv, "down", &peer);

	if (status || !peer)
		return status ? status : misuse("down: the name of the peer is missing");
	return client_simply("down", client_request("down", peer), -1);
}

int cmd_rekey(int argc, char **argv)
{
	bool control = false;
	const char *peer;
	cJSON *request;
	int status;

	if (argc > 1 && !strcmp(argv[1], "--ike")) {
		control = true;
		argc--;
	} else if (argc && !strcmp(argv[0], "--ike")) {
		control = true;
		argc--, argv++;
	}
	status = client_peer(argc, argv, "rekey", &peer);
	if (status || !peer)
		return status ? status : misuse("rekey: the name of the peer is missing");
	request = client_request("rekey", peer);
	cJSON_AddBoolToObject(request, "ike", control);
	return client_simply("rekey", request, -1);
}

/* --- status ------------------------------------------------------------------------ */

/* ", WORD 5m 3s", if it is there. */
static void print_time(const cJSON *json, const char *name, const char *word)
{
	const cJSON *v = cJSON_GetObjectItem(json, name);
	char text[32];

	if (!cJSON_IsNumber(v) || v->valuedouble < 0)
		return;
	seconds_text(v->valuedouble, text);
	printf("%s %s", word, text);
}

/* "N of M NAME", M where somebody has set a limit. */
static void print_count(const cJSON *way, const char *name, const char *limit,
			const char *before)
{
	const cJSON *n = cJSON_GetObjectItem(way, name);
	const cJSON *most = cJSON_GetObjectItem(way, limit);

	if (!cJSON_IsNumber(n))
		return;
	printf("%s%.0f", before, n->valuedouble);
	/* Sequence numbers come to that end by themselves. */
	if (cJSON_IsNumber(most) && most->valuedouble != UINT32_MAX)
		printf(" of %.0f", most->valuedouble);
	printf(" %s", name);
}

static void print_way(const cJSON *child, const char *way)
{
	const cJSON *o = cJSON_GetObjectItem(child, way);

	printf("    %-3s %s", way, client_string(o, "spi"));
	print_count(o, "packets", "hard_packets", "  ");
	print_count(o, "bytes", "hard_bytes", ", ");
	putchar('\n');
}

static void print_child(const cJSON *child)
{
	bool up = cJSON_IsTrue(cJSON_GetObjectItem(child, "up"));

	printf("  ESP tunnels (IPsec SAs) %s = %s: %s", client_string(child, "local"),
	       client_string(child, "remote"), up ? "up" : "down");
	if (!up) {
		putchar('\n');
		return;
	}
	printf(", %s%s\n", client_string(child, "suite"),
	       cJSON_IsTrue(cJSON_GetObjectItem(child, "udp")) ? ", ESP in UDP" : "");
	print_way(child, "in");
	print_way(child, "out");
	print_time(child, "age", "    age");
	print_time(child, "renews_in", ", renewed in");
	print_time(child, "ends_in", ", would end in");
	putchar('\n');
}

static void print_peer(const cJSON *peer)
{
	const char *suite = client_string(peer, "suite");
	const char *nat = client_string(peer, "nat");
	const char *proof = client_string(peer, "proof");
	const cJSON *child;

	printf("peer %s on %s\n", client_string(peer, "peer"),
	       client_string(peer, "interface"));
	printf("  control tunnel (ISAKMP SA) %s = %s: %s\n", client_string(peer, "local"),
	       client_string(peer, "remote"), client_string(peer, "state"));
	if (*nat)
		printf("    NAT at %s: UDP ports %.0f and %.0f\n", nat,
		       cJSON_GetNumberValue(cJSON_GetObjectItem(peer, "local_port")),
		       cJSON_GetNumberValue(cJSON_GetObjectItem(peer, "remote_port")));
	if (*suite) {
		printf("    %s, %s, cookies %s %s\n", suite,
		       cJSON_IsTrue(cJSON_GetObjectItem(peer, "initiator")) ? "initiator"
									    : "responder",
		       client_string(peer, "cookie_i"), client_string(peer, "cookie_r"));
		if (*proof)
			printf("    the peer has shown who it is %s\n", proof);
		print_time(peer, "age", "    age");
		print_time(peer, "ends_in", ", ends in");
		if (cJSON_IsFalse(cJSON_GetObjectItem(peer, "dpd")))
			printf(", peer without DPD");
		putchar('\n');
	}
	cJSON_ArrayForEach (child, cJSON_GetObjectItem(peer, "children"))
		print_child(child);
	if (cJSON_GetObjectItem(peer, "keylog")) {
		print_time(peer, "keylog", "  KEYS ARE BEING LOGGED for another");
		putchar('\n');
	}
}

int cmd_status(int argc, char **argv)
{
	bool json = take_option(&argc, argv, "--json");
	const char *peer;
	const cJSON *p;
	struct client_link l;
	cJSON *o;
	int status = client_peer(argc, argv, "status", &peer);

	if (!status)
		status = client_open(&l, "status", false);
	if (status)
		return status;
	status = client_ask(&l, client_request("status", peer), -1);
	while (!status && (o = client_answer(&l, &status))) {
		if (json) {
			json_print(o, true);
			continue;
		}
		cJSON_ArrayForEach (p, cJSON_GetObjectItem(o, "peers"))
			print_peer(p);
		cJSON_Delete(o);
	}
	client_close(&l);
	return status;
}
