// SPDX-License-Identifier: MIT
/*
 * The network process: UDP 500 and 4500, the module's events, timers.
 *
 * Whatever happens goes into the core, and what the core wants done is done at once and in
 * order: act() has all of it.
 */
#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "ikehelper.h"
#include "credentials.h"
#include "keys.h"
#include "sandbox.h"
#include "verifier.h"
#include "wire.h"
#include "worker.h"

#define READ_BURST 64 /* datagrams in a row before other things get their turn */

static void act_all(struct daemon *d);

uint64_t daemon_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

void daemon_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	/* Keys from a generator that failed would be worse than none. */
	if (RAND_bytes(out, len) != 1)
		abort();
}

size_t daemon_index(const struct daemon *d, const struct ike_peer *peer)
{
	return (const struct peer_config *)peer - d->config->peer;
}

int daemon_find(const struct daemon *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->config->n_peers; i++)
		if (!strcmp(d->config->peer[i].ike.name, name))
			return i;
	return -1;
}

/* --- the wire ---------------------------------------------------------------------- */

static void on_udp(evutil_socket_t fd, short what, void *ctx)
{
	static uint8_t data[DATAGRAM_MAX];
	struct daemon *d = ctx;
	enum wire_socket which = WIRE_IKE;
	struct ike_path path;
	ssize_t len;
	int i;

	(void)what;
	while (d->wire.fd[which] != fd)
		which++;
	for (i = 0; i < READ_BURST; i++) {
		len = wire_receive(&d->wire, which, &path, data, sizeof(data));
		if (len < 0)
			break;
		if (len)
			ike_input(d->ike, daemon_now(), &path, data, len);
		act_all(d);
	}
	/* Once for all of them: it looks at every peer. */
	daemon_pump(d);
}

/* --- the module -------------------------------------------------------------------- */

static void on_mod_event(void *ctx, const struct mod_event *ev)
{
	static const enum ike_command_type command[] = {
		[MOD_EXPIRE] = IKE_EXPIRE,
		[MOD_FIRST] = IKE_FIRST,
		[MOD_ACQUIRE] = IKE_ACQUIRE,
		[MOD_MOVED] = IKE_MOVED,
	};
	struct daemon *d = ctx;
	struct ike_command cmd = { .out = ev->out, .hard = ev->hard, .moved = ev->addr };
	size_t peer;

	if (ev->type == MOD_LOST) {
		fputs("the module had more events than could be read\n", stderr);
		return;
	}
	/* an MTU is for who monitors: IKE does not depend on it */
	if (ev->type == MOD_MTU ||
	    !tunnel_of(d, ev->ifindex, ev->peer, &peer, &cmd.child))
		return;
	cmd.type = command[ev->type];
	cmd.peer = &d->config->peer[peer].ike;
	memcpy(cmd.spi, ev->spi, 4);
	ike_command(d->ike, daemon_now(), &cmd);
	daemon_pump(d);
}

static void on_mod(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)what;
	if (mod_events_read(d->mod, on_mod_event, d) < 0)
		fprintf(stderr, "the module: %s\n", mod_why(d->mod));
}

struct event *daemon_watch(struct daemon *d, int fd, short what, event_callback_fn fn)
{
	struct event *ev = event_new(d->base, fd, what, fn, d);

	/* The timer is set by daemon_pump(). */
	if (ev && what && event_add(ev, NULL) == 0)
		return ev;
	return what ? NULL : ev;
}

/* --- the loop ---------------------------------------------------------------------- */

static void act(struct daemon *d, const struct ike_action *a)
{
	size_t peer = a->peer ? daemon_index(d, a->peer) : 0;
	uint8_t spi[4], count[8];
	int err;

	switch (a->type) {
	case IKE_SEND:
		wire_send(&d->wire, &a->send.path, a->send.data, a->send.len);
		break;
	case IKE_NEED_PRF:
	case IKE_NEED_SIGN:
		ask_keys(d, peer, a);
		break;
	case IKE_NEED_VERIFY:
		ask_verifier(d, peer, a);
		break;
	case IKE_NEED_DH:
		ask_worker(d, a);
		break;
	case IKE_NEED_SPI:
		err = tunnel_reserve(d, peer, a->spi.child, spi);
		ike_answer(d->ike, daemon_now(), a->id, err ? NULL : spi, err ? 0 : 4);
		break;
	case IKE_NEED_COUNT:
		err = tunnel_count(d, peer, a->sa.child, a->sa.spi, count);
		ike_answer(d->ike, daemon_now(), a->id, err ? NULL : count,
			   err ? 0 : sizeof(count));
		break;
	case IKE_SA_ADD:
		err = tunnel_add(d, peer, a);
		ike_answer(d->ike, daemon_now(), a->id, err ? NULL : spi, 0);
		break;
	case IKE_SA_ACTIVATE:
		tunnel_activate(d, peer, a->sa.child, a->sa.spi);
		break;
	case IKE_SA_DEL:
		tunnel_del(d, peer, a->sa.child, a->sa.out, a->sa.spi);
		break;
	case IKE_ESP_PATH:
		tunnel_move(d, peer, a->esp_path.child, &a->esp_path.path);
		break;
	case IKE_TRACE:
		record_event(d, &a->trace);
		break;
	case IKE_KEYLOG:
		record_key(d, peer, a);
		break;
	}
}

static void act_all(struct daemon *d)
{
	struct ike_action a;

	while (ike_next(d->ike, &a))
		act(d, &a);
}

void daemon_pump(struct daemon *d)
{
	uint64_t now, deadline, wait;
	struct timeval tv;
	size_t i;

	act_all(d);
	control_check(d->control);
	deadline = ike_deadline(d->ike);
	for (i = 0; i < d->config->n_peers; i++)
		if (d->link[i].keylog_fd >= 0 && d->link[i].keylog_end < deadline)
			deadline = d->link[i].keylog_end;
	if (deadline == UINT64_MAX) {
		event_del(d->timer);
		return;
	}
	now = daemon_now();
	wait = deadline > now ? deadline - now : 0;
	tv.tv_sec = wait / 1000;
	tv.tv_usec = wait % 1000 * 1000;
	event_add(d->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)what;
	ike_timer(d->ike, daemon_now());
	record_end_keylogs(d, daemon_now());
	daemon_pump(d);
}

/* It says that we are to end; or it has died, and nothing is to be taken down. */
static void on_parent(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	char end;

	(void)what;
	if (recv(fd, &end, 1, 0) != 1)
		d->status = 1;
	event_base_loopbreak(d->base);
}

void daemon_tell(struct daemon *d, const struct ike_command *cmd)
{
	ike_command(d->ike, daemon_now(), cmd);
	daemon_pump(d);
}

void daemon_command(struct daemon *d, size_t peer, enum ike_command_type type)
{
	struct ike_command cmd = { .type = type,
				   .peer = &d->config->peer[peer].ike,
				   .keylog = d->link[peer].keylog_fd >= 0 };

	daemon_tell(d, &cmd);
}

void daemon_rekey(struct daemon *d, size_t peer, bool control)
{
	struct ike_command cmd = { .type = IKE_REKEY,
				   .peer = &d->config->peer[peer].ike,
				   .control = control };

	daemon_tell(d, &cmd);
}

/* --- starting and ending ----------------------------------------------------------- */

static struct config *load(const char *path)
{
	FILE *in = fopen(path, "re");
	struct config *config;

	if (!in) {
		fail("cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	config = config_parse(path, in, stderr);
	fclose(in);
	if (!config || credentials_load(path, config, stderr) == 0)
		return config;
	config_free(config);
	return NULL;
}

static int make_links(struct daemon *d)
{
	size_t n = d->config->n_peers, i;

	d->link = calloc(n, sizeof(*d->link));
	for (i = 0; d->link && i < n; i++) {
		size_t children = d->config->peer[i].ike.n_child;

		d->link[i].keylog_fd = -1;
		d->link[i].child = calloc(children, sizeof(*d->link[i].child));
		if (!d->link[i].child)
			return fail("run: out of memory");
	}
	return d->link ? 0 : fail("run: out of memory");
}

/* From here on only what is open is needed. */
static int make_loop(struct daemon *d, int parent, int mod_fd, int control_fd)
{
	const struct ike_env env = { .rand = daemon_random,
				     .record = record_call,
				     .ctx = d };
	short read = EV_READ | EV_PERSIST;
	size_t i;

	d->base = event_base_new();
	d->ike = ike_new(&env);
	if (!d->base || !d->ike)
		return fail("run: out of memory");
	d->control = control_start(d, control_fd);
	for (i = 0; i < WIRE_SOCKETS; i++) {
		if (d->wire.fd[i] < 0)
			continue;
		d->udp_ready[i] = daemon_watch(d, d->wire.fd[i], read, on_udp);
		if (!d->udp_ready[i])
			return fail("run: out of memory");
	}
	d->mod_ready = daemon_watch(d, mod_fd, read, on_mod);
	d->parent_ready = daemon_watch(d, parent, read, on_parent);
	d->timer = daemon_watch(d, -1, 0, on_timer);
	if (!d->control || !d->mod_ready || ask_watch(d) < 0 || !d->parent_ready ||
	    routes_watch(d) < 0 || !d->timer)
		return fail("run: out of memory");
	return 0;
}

/* Everything that can be refused is, in an order that leaves nothing changed. */
static int start(struct daemon *d, const char *path, int *control_fd, int *mod_fd)
{
	char why[MOD_WHY];

	d->config = load(path);
	if (!d->config || make_links(d))
		return 1;
	/* Early, for who says run and then up: it waits until the loop answers. */
	*control_fd = control_bind(control_path);
	if (*control_fd < 0)
		return 1;
	if (keys_start(&d->keys, path, d->config) < 0)
		return 1;
	d->mod = mod_open(why);
	if (!d->mod)
		return fail("run: %s", why);
	if (tunnels_find(d))
		return 1;
	if (wire_probe(d->probe) || routes_open(d))
		return 1;
	*mod_fd = mod_events_open(d->mod);
	if (*mod_fd < 0)
		return fail("run: %s", mod_why(d->mod));
	if (worker_start(&d->worker) < 0 || verifier_start(&d->verifier, d->config) < 0)
		return fail("run: cannot start a process: %s", strerror(errno));
	return tunnels_start(d);
}

static int add_peers(struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->config->n_peers; i++)
		if (ike_peer_add(d->ike, &d->config->peer[i].ike) < 0)
			return fail("run: peer %s is there twice",
				    d->config->peer[i].ike.name);
	return 0;
}

/* Says goodbye to every peer; what is left in the module goes with its peers. */
static void take_down(struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->config->n_peers; i++)
		daemon_command(d, i, IKE_DOWN);
	leftovers_remove(d);
}

static void destroy(struct daemon *d)
{
	struct event *events[] = {
		d->udp_ready[WIRE_IKE],	 d->udp_ready[WIRE_NAT], d->udp_ready[WIRE_IKE6],
		d->udp_ready[WIRE_NAT6], d->mod_ready,		 d->keys_ready,
		d->worker_ready,	 d->verifier_ready,	 d->timer,
		d->parent_ready
	};
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	routes_close(d);
	control_stop(d->control);
	ike_free(d->ike);
	if (d->base)
		event_base_free(d->base);
	proc_stop(&d->keys);
	proc_stop(&d->worker);
	proc_stop(&d->verifier);
	mod_close(d->mod);
	wire_close(&d->wire);
	for (i = 0; i < 2; i++)
		if (d->probe[i] >= 0)
			close(d->probe[i]);
	record_forget(d);
	for (i = 0; d->link && i < d->config->n_peers; i++)
		free(d->link[i].child);
	free(d->link);
	config_free(d->config);
}

static int run(struct daemon *d, int parent, const char *path)
{
	int control_fd = -1, mod_fd = -1, err;

	err = start(d, path, &control_fd, &mod_fd);
	if (!err)
		err = make_loop(d, parent, mod_fd, control_fd);
	else if (control_fd >= 0) {
		unlink(control_path);
		close(control_fd);
	}
	if (!err && sandbox_enter(SANDBOX_NETWORK) < 0)
		err = 1;
	if (!err)
		err = add_peers(d);
	if (err)
		return err;
	leftovers_adopt(d);
	daemon_pump(d);
	fprintf(stderr, "ikehelper: ready, control socket %s\n", control_path);
	send(parent, "", 1, MSG_NOSIGNAL);
	event_base_dispatch(d->base);
	if (!d->status)
		take_down(d);
	return d->status;
}

int daemon_serve(int parent, const struct wire *wire, const char *path)
{
	struct daemon d = { .wire = *wire, .probe = { -1, -1 }, .routes = -1 };
	int err = run(&d, parent, path);

	destroy(&d);
	return err;
}

void daemon_clear(void)
{
	char why[MOD_WHY];
	struct daemon d = { .mod = mod_open(why) };

	if (d.mod)
		leftovers_remove(&d);
	mod_close(d.mod);
}

int cmd_check(int argc, char **argv)
{
	struct config *config;
	bool bad = false;
	size_t i;

	if (argc != 1)
		return misuse("check: write check FILE");
	config = load(argv[0]);
	if (!config)
		return 1;
	for (i = 0; i < config->n_peers; i++)
		bad |= key_check(argv[0], &config->peer[i]) < 0;
	config_free(config);
	return bad;
}
