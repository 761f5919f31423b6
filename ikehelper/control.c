// SPDX-License-Identifier: MIT
/*
 * The control socket: JSON lines, peer credentials checked.
 *
 * A client sends one request, {"command":"status","peer":"osaka"}, and gets lines: what it
 * asked for, and at the end {"done":true}, with "error" if it could not be done.
 */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "ikehelper.h"
#include "ladder.h"

#define CLIENTS_MAX 32
#define REQUEST_MAX 4096
#define BACKLOG_MAX (1024 * 1024) /* octets that a slow follower may be behind */
#define KEYLOG_MAX  86400	  /* seconds */

enum waiting { NOT_WAITING, FOR_UP, FOR_EVENTS };

struct client {
	struct control *control;
	struct client *next;
	int fd, passed; /* passed: a descriptor that came with the request, or -1 */
	struct event *readable;	 /* until the request is whole */
	struct bufferevent *out; /* from then on */
	char request[REQUEST_MAX];
	size_t len;
	enum waiting waiting;
	int peer; /* that it waits for; -1: any */
	bool done;
};

struct control {
	struct daemon *daemon;
	int fd;
	struct event *acceptable;
	struct client *clients;
	size_t n_clients;
};

/* --- clients ----------------------------------------------------------------------- */

static void client_free(struct client *c)
{
	struct client **p = &c->control->clients;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->control->n_clients--;
	if (c->readable)
		event_free(c->readable);
	if (c->out)
		bufferevent_free(c->out);
	if (c->passed >= 0)
		close(c->passed);
	close(c->fd);
	free(c);
}

static void say(struct client *c, const char *line)
{
	bufferevent_write(c->out, line, strlen(line));
	bufferevent_write(c->out, "\n", 1);
}

void control_say(struct client *c, cJSON *json)
{
	char *line = cJSON_PrintUnformatted(json);

	if (line)
		say(c, line);
	cJSON_free(line);
	cJSON_Delete(json);
}

void control_finish(struct client *c, const char *error)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddBoolToObject(o, "done", true);
	if (error)
		cJSON_AddStringToObject(o, "error", error);
	control_say(c, o);
	c->waiting = NOT_WAITING;
	c->done = true;
}

static void on_written(struct bufferevent *out, void *ctx)
{
	struct client *c = ctx;

	(void)out;
	if (c->done)
		client_free(c);
}

static void on_more(struct bufferevent *in, void *ctx)
{
	struct evbuffer *b = bufferevent_get_input(in);

	(void)ctx;
	evbuffer_drain(b, evbuffer_get_length(b));
}

static void on_gone(struct bufferevent *out, short what, void *ctx)
{
	struct client *c = ctx;

	(void)out;
	/* It may have ended its side after the request; what it asked for still goes out. */
	if (!(what & BEV_EVENT_EOF) || !c->done)
		client_free(c);
}

/* --- up, down, trace, keylog ------------------------------------------------------- */

void control_check(struct control *control)
{
	struct client *c;

	for (c = control->clients; c; c = c->next)
		if (c->waiting == FOR_UP && daemon_is_up(control->daemon, c->peer))
			control_finish(c, NULL);
}

void control_event(struct control *control, int peer, const struct trace_event *event,
		   const char *json)
{
	char why[TRACE_TEXT + 64];
	struct client *c;

	for (c = control->clients; c; c = c->next) {
		if (c->waiting == FOR_UP && peer == c->peer &&
		    event->kind == TRACE_REFUSED) {
			snprintf(why, sizeof(why), "%s [%s]", event->text, event->code);
			control_finish(c, why);
		}
		if (c->waiting != FOR_EVENTS || (c->peer >= 0 && c->peer != peer))
			continue;
		say(c, json);
		if (evbuffer_get_length(bufferevent_get_output(c->out)) > BACKLOG_MAX)
			control_finish(c, "this client reads too slowly");
	}
}

static void do_trace(struct client *c, int peer, bool follow)
{
	struct daemon *d = c->control->daemon;
	const struct history *h;
	size_t i, j;

	for (i = 0; i <= d->config->n_peers; i++) {
		h = i < d->config->n_peers ? &d->link[i].history : &d->strangers;
		if (peer >= 0 && (size_t)peer != i)
			continue;
		for (j = 0; j < h->n; j++)
			say(c, h->line[j]);
	}
	if (follow) {
		c->waiting = FOR_EVENTS;
		c->peer = peer;
	} else {
		control_finish(c, NULL);
	}
}

static void say_recorded(void *ctx, const char *line)
{
	say(ctx, line);
}

static void do_record(struct client *c, int peer)
{
	if (record_tell(c->control->daemon, peer, say_recorded, c) < 0)
		control_finish(c, "too much is under way for a recording of it: try "
				  "again in a minute");
	else
		control_finish(c, NULL);
}

static void do_keylog(struct client *c, int peer, const cJSON *request)
{
	const cJSON *seconds = cJSON_GetObjectItem(request, "seconds");

	if (!cJSON_IsNumber(seconds) || seconds->valuedouble < 1 ||
	    seconds->valuedouble > KEYLOG_MAX) {
		control_finish(c, "a key log lasts a second to a day");
		return;
	}
	if (c->passed < 0) {
		control_finish(c, "the file of the key log has to come with the request");
		return;
	}
	fprintf(stderr, "%s: KEYS ARE LOGGED from now on\n",
		c->control->daemon->config->peer[peer].ike.name);
	record_keylog(c->control->daemon, peer, c->passed, seconds->valuedouble);
	c->passed = -1;
	control_finish(c, NULL);
}

static void do_up(struct client *c, int peer)
{
	c->waiting = FOR_UP;
	c->peer = peer;
	/* Its end may come within this call. */
	daemon_command(c->control->daemon, peer, IKE_UP);
}

static void do_rekey(struct client *c, int peer, bool control)
{
	struct daemon *d = c->control->daemon;

	if (!daemon_is_up(d, peer)) {
		control_finish(c, "its tunnels are not up: there is nothing to renew");
		return;
	}
	daemon_rekey(d, peer, control);
	control_finish(c, NULL);
}

/* Does what the request asks for, or finishes with what is wrong with it. */
static void obey(struct client *c, const cJSON *request)
{
	struct daemon *d = c->control->daemon;
	const char *command =
		cJSON_GetStringValue(cJSON_GetObjectItem(request, "command"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(request, "peer"));
	int peer = name ? daemon_find(d, name) : -1;
	char why[128];

	if (!command) {
		control_finish(c, "this is no request");
	} else if (name && peer < 0) {
		snprintf(why, sizeof(why), "there is no peer %.40s in the configuration",
			 name);
		control_finish(c, why);
	} else if (!strcmp(command, "status")) {
		control_status(c, d, peer);
	} else if (!strcmp(command, "trace")) {
		do_trace(c, peer, cJSON_IsTrue(cJSON_GetObjectItem(request, "follow")));
	} else if (peer < 0) {
		control_finish(c, "this command wants a peer, or is not known");
	} else if (!strcmp(command, "why")) {
		control_why(c, d, peer);
	} else if (!strcmp(command, "up")) {
		do_up(c, peer);
	} else if (!strcmp(command, "record")) {
		do_record(c, peer);
	} else if (!strcmp(command, "keylog")) {
		do_keylog(c, peer, request);
	} else if (!strcmp(command, "rekey")) {
		do_rekey(c, peer, cJSON_IsTrue(cJSON_GetObjectItem(request, "ike")));
	} else if (!strcmp(command, "down")) {
		daemon_command(d, peer, IKE_DOWN);
		control_finish(c, NULL);
	} else {
		control_finish(c, "this command is not known");
	}
}

/* --- requests ---------------------------------------------------------------------- */

static void on_request(struct client *c)
{
	struct event_base *base = c->control->daemon->base;
	cJSON *request;

	event_free(c->readable);
	c->readable = NULL;
	c->out = bufferevent_socket_new(base, c->fd, 0);
	if (!c->out) {
		client_free(c);
		return;
	}
	bufferevent_setcb(c->out, on_more, on_written, on_gone, c);
	bufferevent_enable(c->out, EV_READ | EV_WRITE);
	request = cJSON_ParseWithLength(c->request, c->len);
	obey(c, request);
	cJSON_Delete(request);
}

/* Keeps one descriptor that came along, and closes others. */
static void take_descriptors(struct client *c, struct msghdr *msg)
{
	struct cmsghdr *m;
	size_t n, i;
	int fd;

	for (m = CMSG_FIRSTHDR(msg); m; m = CMSG_NXTHDR(msg, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(m) + i * sizeof(fd), sizeof(fd));
			if (c->passed < 0)
				c->passed = fd;
			else
				close(fd);
		}
	}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct client *c = ctx;
	struct iovec iov = { c->request + c->len, sizeof(c->request) - c->len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	char *end;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		take_descriptors(c, &msg);
	end = n > 0 ? memchr(iov.iov_base, '\n', n) : NULL;
	c->len += n > 0 ? n : 0;
	if (end) {
		c->len = end - c->request;
		on_request(c);
	} else if (n <= 0 || c->len == sizeof(c->request)) {
		client_free(c);
	}
}

/* Only root, and whoever the daemon runs as. */
static bool is_welcome(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void on_acceptable(evutil_socket_t fd, short what, void *ctx)
{
	struct control *control = ctx;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	(void)what;
	if (client < 0)
		return;
	c = control->n_clients < CLIENTS_MAX && is_welcome(client) ? calloc(1, sizeof(*c))
								   : NULL;
	if (!c) {
		close(client);
		return;
	}
	c->control = control;
	c->fd = client;
	c->passed = -1;
	c->next = control->clients;
	control->clients = c;
	control->n_clients++;
	c->readable = event_new(control->daemon->base, client, EV_READ | EV_PERSIST,
				on_readable, c);
	if (!c->readable || event_add(c->readable, NULL) < 0)
		client_free(c);
}

/* --- the socket -------------------------------------------------------------------- */

/* 0: nobody answers there, and what was left behind is gone. */
static int check_other(int fd, const struct sockaddr_un *addr)
{
	struct stat st;

	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return fail(
			"run: another ikehelper is running (control socket %s answers): "
			"stop it first, or give this one another with -s",
			addr->sun_path);
	/* Of a plain file connect() says the same. */
	if (errno == ECONNREFUSED && lstat(addr->sun_path, &st) == 0 &&
	    S_ISSOCK(st.st_mode))
		unlink(addr->sun_path);
	return 0;
}

int control_bind(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int err;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		fail("run: the path of the control socket is longer than %zu: %s",
		     sizeof(addr.sun_path) - 1, path);
		goto err;
	}
	strcpy(addr.sun_path, path);
	if (fd >= 0 && check_other(fd, &addr))
		goto err;
	if (!strcmp(path, CONTROL_PATH) && mkdir("/run/esptun", 0755) < 0 &&
	    errno != EEXIST)
		goto say;
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (err == 0 && listen(fd, CLIENTS_MAX) == 0)
		return fd;
say:
	fail("run: cannot make the control socket %s: %s", path, strerror(errno));
err:
	if (fd >= 0)
		close(fd);
	return -1;
}

struct control *control_start(struct daemon *d, int fd)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	control->daemon = d;
	control->fd = fd;
	control->acceptable =
		event_new(d->base, fd, EV_READ | EV_PERSIST, on_acceptable, control);
	if (control->acceptable && event_add(control->acceptable, NULL) == 0)
		return control;
	free(control);
	return NULL;
}

void control_stop(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_free(control->clients);
	event_free(control->acceptable);
	close(control->fd);
	free(control);
}
