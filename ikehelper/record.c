// SPDX-License-Identifier: MIT
/* What happened: the log, each peer's history and recording, the key log while it is on. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "daemon.h"
#include "ladder.h"
#include "text.h"
#include "wire.h"

#define ROUTE_TEXT 56 /* an address; of IPv6 in brackets */

static void remember(struct history *h, char *line)
{
	if (h->n == HISTORY_MAX) {
		free(h->line[0]);
		memmove(h->line, h->line + 1, --h->n * sizeof(h->line[0]));
	}
	h->line[h->n++] = line;
}

static void log_event(const struct trace_event *ev)
{
	char number[8] = "";

	if (ev->number)
		snprintf(number, sizeof(number), "(%u) ", ev->number);
	fprintf(stderr, "%s: ", *ev->peer ? ev->peer : *ev->remote ? ev->remote : "ike");
	switch (ev->kind) {
	case TRACE_SENT:
	case TRACE_RECEIVED:
	case TRACE_RESENT:
	case TRACE_DUPLICATE:
		fprintf(stderr, "%s%s %s, %" PRIu32 " octets%s%s\n", number, ev->name,
			trace_kind_name(ev->kind), ev->size, *ev->words ? ": " : "",
			ev->words);
		break;
	case TRACE_REFUSED:
		fprintf(stderr, "refused [%s]: %s\n", ev->code, ev->text);
		break;
	default:
		fprintf(stderr, "%s\n", ev->text);
	}
}

static void forget(struct history *h)
{
	while (h->n)
		free(h->line[--h->n]);
}

/* Our address for this peer, by route; false: there is no way to it. */
static bool route_text(struct daemon *d, size_t peer, struct ike_addr *local, char *out)
{
	char ip[TEXT_ADDR];

	if (!wire_route(d->probe, &d->config->peer[peer].ike.remote, local))
		return false;
	addr_text(local, ip);
	snprintf(out, ROUTE_TEXT, local->family == 6 ? "[%.46s]" : "%.46s", ip);
	return true;
}

static void say_route(struct daemon *d, size_t peer, struct trace_event *ev)
{
	struct ike_addr local;
	char ip[ROUTE_TEXT];

	if (route_text(d, peer, &local, ip))
		snprintf(ev->local, sizeof(ev->local), "%s:%u", ip, local.port);
}

void record_event(struct daemon *d, const struct trace_event *event)
{
	int peer = *event->peer ? daemon_find(d, event->peer) : -1;
	struct trace_event ev = *event;
	cJSON *json;
	char *line;

	/* Before the peer has answered to an address of ours, the route tells which. */
	if (peer >= 0 && !strncmp(ev.local, "any", 3))
		say_route(d, peer, &ev);
	json = trace_to_json(&ev);
	line = json ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	if (!ev.routine)
		log_event(&ev);
	if (peer >= 0)
		why_event(&d->link[peer].why, &ev);
	if (!line)
		return;
	control_event(d->control, peer, &ev, line);
	if (ev.routine)
		free(line);
	else
		remember(peer < 0 ? &d->strangers : &d->link[peer].history, line);
}

bool record_call(void *ctx, const struct ike_peer *peer, const char *line, bool beginning)
{
	struct daemon *d = ctx;

	return tape_add(&d->link[daemon_index(d, peer)].tape, line, beginning);
}

int record_tell(struct daemon *d, size_t peer, void (*say)(void *ctx, const char *line),
		void *ctx)
{
	char ip[ROUTE_TEXT] = "", line[ROUTE_TEXT + 40];
	struct ike_addr local;

	if (!d->link[peer].tape.now.len)
		return -1;
	route_text(d, peer, &local, ip);
	snprintf(line, sizeof(line), "{\"recording\":1,\"local\":\"%s\"}", ip);
	say(ctx, line);
	return tape_tell(&d->link[peer].tape, say, ctx);
}

void record_keylog(struct daemon *d, size_t peer, int fd, uint32_t seconds)
{
	struct link *l = &d->link[peer];

	if (l->keylog_fd >= 0)
		close(l->keylog_fd);
	l->keylog_fd = fd;
	l->keylog_end = daemon_now() + seconds * 1000ULL;
	daemon_command(d, peer, IKE_LOG_KEYS);
}

void record_end_keylogs(struct daemon *d, uint64_t now)
{
	size_t i;

	for (i = 0; i < d->config->n_peers; i++)
		if (d->link[i].keylog_fd >= 0 && d->link[i].keylog_end <= now) {
			close(d->link[i].keylog_fd);
			d->link[i].keylog_fd = -1;
			fprintf(stderr, "%s: the key log ended\n",
				d->config->peer[i].ike.name);
			daemon_command(d, i, IKE_LOG_KEYS);
		}
}

/* A line of tshark's ikev1_decryption_table: cookie of the initiator, key. */
void record_key(struct daemon *d, size_t peer, const struct ike_action *a)
{
	char line[2 * (8 + 64) + 3], *p = line;
	size_t i;

	if (d->link[peer].keylog_fd < 0 || a->keylog.key_len > 64)
		return;
	for (i = 0; i < 8; i++)
		p += sprintf(p, "%02x", a->keylog.cookie_i[i]);
	*p++ = ',';
	for (i = 0; i < a->keylog.key_len; i++)
		p += sprintf(p, "%02x", a->keylog.key[i]);
	*p++ = '\n';
	if (write(d->link[peer].keylog_fd, line, p - line) != p - line)
		fprintf(stderr, "%s: cannot write the key log: %s\n",
			d->config->peer[peer].ike.name, strerror(errno));
	OPENSSL_cleanse(line, sizeof(line));
}

void record_forget(struct daemon *d)
{
	size_t i;

	for (i = 0; d->link && i < d->config->n_peers; i++) {
		forget(&d->link[i].history);
		tape_free(&d->link[i].tape);
		if (d->link[i].keylog_fd >= 0)
			close(d->link[i].keylog_fd);
	}
	forget(&d->strangers);
}
