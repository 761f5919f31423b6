// SPDX-License-Identifier: MIT
/*
 * The daemon's loop: UDP 500, the module's events, timers, signals.
 *
 * Whatever happens goes into the core, and what the core wants done is done at once and in
 * order: act() has all of it.
 */
#include "daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/keymat.h"
#include "ikehelper.h"
#include "keys.h"
#include "ladder.h"
#include "sandbox.h"
#include "show.h"
#include "text.h"
#include "worker.h"

#define IKE_PORT     500
#define DATAGRAM_MAX 65536
#define READ_BURST   64 /* datagrams in a row before other things get their turn */

static void pump(struct daemon *d);

uint64_t daemon_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void random_octets(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	/* Keys from a generator that failed would be worse than none. */
	if (RAND_bytes(out, len) != 1)
		abort();
}

/* The core hands back the struct ike_peer that it was given. */
static size_t index_of(const struct daemon *d, const struct ike_peer *peer)
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

static void complain(struct daemon *d, size_t peer, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", d->config->peer[peer].ike.name, what,
		mod_why(d->mod));
}

/* --- the wire ---------------------------------------------------------------------- */

static int open_udp(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(IKE_PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, dont = IP_PMTUDISC_DONT;

	/* A large message goes in fragments rather than not at all. */
	if (fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont)) == 0 &&
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0)
		return fd;
	if (errno == EADDRINUSE)
		fail("run: UDP port 500 is taken: another IKE daemon runs here (ss -lunp "
		     "'sport = 500' shows it), stop it first");
	else if (errno == EACCES)
		fail("run: cannot bind UDP port 500: run as root");
	else
		fail("run: cannot bind UDP port 500: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void set_addr(struct ike_addr *out, struct in_addr ip, uint16_t port)
{
	out->family = 4;
	memcpy(out->ip, &ip, 4);
	out->port = port;
}

static void send_datagram(struct daemon *d, const struct ike_action *a)
{
	const struct ike_path *path = &a->send.path;
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = { .room = { 0 } };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(path->remote.port) };
	struct iovec iov = { (void *)a->send.data, a->send.len };
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = sizeof(to),
			      .msg_iov = &iov,
			      .msg_iovlen = 1 };
	struct in_pktinfo info = { .ipi_ifindex = 0 };
	struct cmsghdr *c;

	memcpy(&to.sin_addr, path->remote.ip, 4);
	if (path->local.family == 4) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(&info.ipi_spec_dst, path->local.ip, 4);
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	/* Lost, as on any network; the core sends again. */
	if (sendmsg(d->udp, &msg, 0) < 0 && errno != EAGAIN)
		fprintf(stderr, "cannot send to %s: %s\n", inet_ntoa(to.sin_addr),
			strerror(errno));
}

/* Returns whether there was a datagram. */
static bool receive_datagram(struct daemon *d)
{
	static uint8_t data[DATAGRAM_MAX];
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
	struct ike_path path = { .local = { .family = 0 } };
	struct iovec iov = { data, sizeof(data) };
	struct sockaddr_in from;
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(d->udp, &msg, 0);
	struct in_pktinfo info;
	struct cmsghdr *c;

	/* An ICMP error of an earlier datagram comes as an error once; so go on. */
	if (len < 0)
		return errno != EAGAIN;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			set_addr(&path.local, info.ipi_addr, IKE_PORT);
		}
	set_addr(&path.remote, from.sin_addr, ntohs(from.sin_port));
	if (path.local.family)
		ike_input(d->ike, daemon_now(), &path, data, len);
	return true;
}

static void on_udp(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	int i;

	(void)fd;
	(void)what;
	for (i = 0; i < READ_BURST && receive_datagram(d); i++)
		pump(d);
}

/* --- the module -------------------------------------------------------------------- */

static uint32_t module_id(const struct daemon *d, size_t peer, uint32_t child)
{
	return d->config->peer[peer].first_id + child;
}

/* Gives the module a peer for one pair of subnets, unless it has just that already. */
static int set_module_peer(struct daemon *d, size_t peer, uint32_t child,
			   const struct ike_path *path, const struct ike_subnet *local,
			   const struct ike_subnet *remote)
{
	struct module_peer *was = &d->link[peer].child[child];
	struct ike_child_cfg sel = { .local = *local, .remote = *remote };
	struct mod_peer now = { .ifindex = d->link[peer].ifindex,
				.id = module_id(d, peer, child),
				.remote = path->remote,
				.local = path->local,
				.selector = &sel,
				.n_selectors = 1 };

	if (was->there && same_subnet(local, &was->selector.local) &&
	    same_subnet(remote, &was->selector.remote) &&
	    !memcmp(path->remote.ip, was->path.remote.ip, sizeof(path->remote.ip)) &&
	    !memcmp(path->local.ip, was->path.local.ip, sizeof(path->local.ip)))
		return 0;
	if (mod_peer_set(d->mod, &now) < 0)
		return -1;
	was->there = true;
	was->path = *path;
	was->selector = sel;
	return 0;
}

static int add_sa(struct daemon *d, size_t peer, const struct ike_action *a)
{
	struct mod_sa sa = {
		.ifindex = d->link[peer].ifindex,
		.peer = module_id(d, peer, a->sa_add.child),
		.out = a->sa_add.out,
		.suite = a->sa_add.suite,
		.key = a->sa_add.key,
		.key_len = a->sa_add.key_len,
		.integ_key = a->sa_add.integ_key,
		.integ_key_len = a->sa_add.integ_key_len,
		.limit = { [MOD_SOFT_SECONDS] = a->sa_add.soft_seconds,
			   [MOD_HARD_SECONDS] = a->sa_add.hard_seconds },
		.active = a->sa_add.active,
	};

	memcpy(sa.spi, a->sa_add.spi, 4);
	if (sa.out && !sa.active)
		memcpy(sa.pair_spi, a->sa_add.pair_spi, 4);
	if (set_module_peer(d, peer, a->sa_add.child, &a->sa_add.path, &a->sa_add.local,
			    &a->sa_add.remote) == 0 &&
	    mod_sa_new(d->mod, &sa) == 0)
		return 0;
	complain(d, peer, "cannot load an SA into the module");
	return -1;
}

static int reserve_spi(struct daemon *d, size_t peer, uint32_t child, uint8_t spi[4])
{
	if (mod_spi_alloc(d->mod, d->link[peer].ifindex, module_id(d, peer, child),
			  spi) == 0)
		return 0;
	complain(d, peer, "cannot reserve an SPI in the module");
	return -1;
}

static void on_mod_event(void *ctx, const struct mod_event *ev)
{
	struct daemon *d = ctx;
	struct ike_command cmd = { .type = ev->type == MOD_FIRST ? IKE_FIRST : IKE_EXPIRE,
				   .out = ev->out,
				   .hard = ev->hard };
	const struct peer_config *p;
	size_t i;

	if (ev->type == MOD_LOST) {
		fputs("the module had more events than could be read\n", stderr);
		return;
	}
	memcpy(cmd.spi, ev->spi, 4);
	for (i = 0; i < d->config->n_peers; i++) {
		p = &d->config->peer[i];
		if (d->link[i].ifindex != ev->ifindex || ev->peer < p->first_id ||
		    ev->peer - p->first_id >= p->ike.n_child)
			continue;
		cmd.peer = &p->ike;
		cmd.child = ev->peer - p->first_id;
		ike_command(d->ike, daemon_now(), &cmd);
		pump(d);
		return;
	}
}

static void on_mod(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)what;
	if (mod_events_read(d->mod, on_mod_event, d) < 0)
		fprintf(stderr, "the module: %s\n", mod_why(d->mod));
}

/* --- the other processes ----------------------------------------------------------- */

static void ask_keys(struct daemon *d, size_t peer, const struct ike_action *a)
{
	struct keys_request q = { .id = a->id, .peer = peer, .hash = a->prf.hash };

	if (a->prf.len <= sizeof(q.data)) {
		q.len = a->prf.len;
		memcpy(q.data, a->prf.data, q.len);
		if (proc_ask(&d->keys, q.id, &q, sizeof(q)) == 0)
			return;
	}
	ike_answer(d->ike, daemon_now(), q.id, NULL, 0);
}

static void ask_worker(struct daemon *d, const struct ike_action *a)
{
	struct worker_request q = { .id = a->id, .op = a->dh.op, .group = a->dh.group };
	int err = -1;

	if (a->dh.priv_len <= sizeof(q.priv) && a->dh.pub_len <= sizeof(q.pub)) {
		q.priv_len = a->dh.priv_len;
		q.pub_len = a->dh.pub_len;
		memcpy(q.priv, a->dh.priv, q.priv_len);
		if (q.pub_len)
			memcpy(q.pub, a->dh.pub, q.pub_len);
		err = proc_ask(&d->worker, q.id, &q, sizeof(q));
	}
	OPENSSL_cleanse(q.priv, sizeof(q.priv));
	if (err < 0)
		ike_answer(d->ike, daemon_now(), a->id, NULL, 0);
}

/* Without the keys no tunnel can be made any more; those that are up stay up. */
static void on_keys(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct keys_answer a;
	ssize_t n;

	(void)fd;
	(void)what;
	while ((n = proc_answer(&d->keys, &a, sizeof(a))) > 0) {
		if (n == sizeof(a) && proc_done(&d->keys, a.id) && a.len <= sizeof(a.out))
			ike_answer(d->ike, daemon_now(), a.id, a.len ? a.out : NULL,
				   a.len);
		OPENSSL_cleanse(&a, sizeof(a));
		pump(d);
	}
	if (n < 0) {
		fail("run: the key process died: ending, start me again");
		d->status = 1;
		event_base_loopbreak(d->base);
	}
}

static void on_worker(evutil_socket_t fd, short what, void *ctx);

static int watch_worker(struct daemon *d)
{
	d->worker_ready =
		event_new(d->base, d->worker.fd, EV_READ | EV_PERSIST, on_worker, d);
	return d->worker_ready ? event_add(d->worker_ready, NULL) : -1;
}

/* A new worker; what the old one was asked is answered with "could not be done". */
static void restart_worker(struct daemon *d)
{
	struct proc old = d->worker;
	size_t i;

	fputs("the worker process died: starting another\n", stderr);
	event_free(d->worker_ready);
	proc_stop(&d->worker);
	if (worker_start(&d->worker) < 0 || watch_worker(d) < 0) {
		fail("run: cannot start a worker process: ending");
		d->status = 1;
		event_base_loopbreak(d->base);
		return;
	}
	for (i = 0; i < PROC_PENDING_MAX; i++)
		if (old.pending[i])
			ike_answer(d->ike, daemon_now(), old.pending[i], NULL, 0);
	pump(d);
}

static void on_worker(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct worker_answer a;
	ssize_t n;

	(void)fd;
	(void)what;
	while ((n = proc_answer(&d->worker, &a, sizeof(a))) > 0) {
		if (n == sizeof(a) && proc_done(&d->worker, a.id) &&
		    a.len <= sizeof(a.out))
			ike_answer(d->ike, daemon_now(), a.id, a.len ? a.out : NULL,
				   a.len);
		OPENSSL_cleanse(&a, sizeof(a));
		pump(d);
	}
	if (n < 0)
		restart_worker(d);
}

/* --- what happened ----------------------------------------------------------------- */

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

/* The address that the route to a peer gives us, before the peer has answered to one. */
static void local_by_route(struct daemon *d, const struct ike_addr *remote, char out[64])
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(IKE_PORT) },
			   us;
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(us);
	char ip[INET_ADDRSTRLEN];

	memcpy(&to.sin_addr, remote->ip, 4);
	if (connect(d->probe, &none, sizeof(none)) == 0 &&
	    connect(d->probe, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	    getsockname(d->probe, (struct sockaddr *)&us, &len) == 0 &&
	    inet_ntop(AF_INET, &us.sin_addr, ip, sizeof(ip)))
		snprintf(out, 64, "%s:%d", ip, IKE_PORT);
}

static void trace(struct daemon *d, const struct trace_event *event)
{
	int peer = *event->peer ? daemon_find(d, event->peer) : -1;
	struct trace_event ev = *event;
	cJSON *json;
	char *line;

	if (peer >= 0 && !strncmp(ev.local, "any", 3))
		local_by_route(d, &d->config->peer[peer].ike.remote, ev.local);
	json = trace_to_json(&ev);
	line = json ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	log_event(&ev);
	if (!line)
		return;
	control_event(d->control, peer, &ev, line);
	remember(peer < 0 ? &d->strangers : &d->link[peer].history, line);
}

void daemon_keylog(struct daemon *d, size_t peer, int fd, uint32_t seconds)
{
	struct link *l = &d->link[peer];

	if (l->keylog_fd >= 0)
		close(l->keylog_fd);
	l->keylog_fd = fd;
	l->keylog_end = daemon_now() + seconds * 1000ULL;
	daemon_command(d, peer, IKE_LOG_KEYS);
}

/* Key logs end by themselves. */
static void end_keylogs(struct daemon *d, uint64_t now)
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
static void log_key(struct daemon *d, size_t peer, const struct ike_action *a)
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

/* --- the loop ---------------------------------------------------------------------- */

static void act(struct daemon *d, const struct ike_action *a)
{
	size_t peer = a->peer ? index_of(d, a->peer) : 0;
	uint8_t spi[4];
	int err;

	switch (a->type) {
	case IKE_SEND:
		send_datagram(d, a);
		break;
	case IKE_NEED_PRF:
		ask_keys(d, peer, a);
		break;
	case IKE_NEED_DH:
		ask_worker(d, a);
		break;
	case IKE_NEED_SPI:
		err = reserve_spi(d, peer, a->spi.child, spi);
		ike_answer(d->ike, daemon_now(), a->id, err ? NULL : spi, err ? 0 : 4);
		break;
	case IKE_SA_ADD:
		err = add_sa(d, peer, a);
		ike_answer(d->ike, daemon_now(), a->id, err ? NULL : spi, 0);
		break;
	case IKE_SA_ACTIVATE:
		if (mod_sa_activate(d->mod, d->link[peer].ifindex,
				    module_id(d, peer, a->sa.child), a->sa.spi) < 0)
			complain(d, peer, "cannot activate an SA");
		break;
	case IKE_SA_DEL:
		/* It may be gone already: by its hard limit, or with its device. */
		mod_sa_del(d->mod, d->link[peer].ifindex, module_id(d, peer, a->sa.child),
			   a->sa.out, a->sa.spi);
		break;
	case IKE_TRACE:
		trace(d, &a->trace);
		break;
	case IKE_KEYLOG:
		log_key(d, peer, a);
		break;
	}
}

/* Does all that the core wants done, and sets the timer for when it wants to be called. */
static void pump(struct daemon *d)
{
	uint64_t now, deadline, wait;
	struct ike_action a;
	struct timeval tv;
	size_t i;

	while (ike_next(d->ike, &a))
		act(d, &a);
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
	end_keylogs(d, daemon_now());
	pump(d);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)what;
	event_base_loopbreak(d->base);
}

void daemon_command(struct daemon *d, size_t peer, enum ike_command_type type)
{
	struct ike_command cmd = { .type = type,
				   .peer = &d->config->peer[peer].ike,
				   .keylog = d->link[peer].keylog_fd >= 0 };

	ike_command(d->ike, daemon_now(), &cmd);
	pump(d);
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
	return config;
}

/* The devices of all peers are there and are ours. */
static int find_devices(struct daemon *d)
{
	struct mod_dev dev;
	const char *name;
	size_t i;

	for (i = 0; i < d->config->n_peers; i++) {
		name = d->config->peer[i].interface;
		d->link[i].ifindex = if_nametoindex(name);
		if (!d->link[i].ifindex)
			return fail(
				"run: interface %s does not exist: ip link add %s type "
				"esptun",
				name, name);
		if (mod_dev_get(d->mod, d->link[i].ifindex, &dev) < 0)
			return fail("run: interface %s: %s", name, mod_why(d->mod));
	}
	return 0;
}

struct leftovers {
	struct mod *mod;
	uint32_t *id;
	size_t n;
};

static void add_leftover(void *ctx, const struct mod_peer *peer)
{
	struct leftovers *l = ctx;
	uint32_t *id;

	if (peer->id < FIRST_PEER_ID)
		return;
	id = realloc(l->id, (l->n + 1) * sizeof(*id));
	if (!id)
		return;
	l->id = id;
	l->id[l->n++] = peer->id;
}

/* Takes the daemon's own peers, with their SAs, out of the module: ours, or those that
 * one before us left behind when it was killed. */
static void clear_devices(struct daemon *d)
{
	struct leftovers l;
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++) {
		memset(&l, 0, sizeof(l));
		if (mod_peer_dump(d->mod, d->link[i].ifindex, add_leftover, &l) == 0)
			for (j = 0; j < l.n; j++)
				mod_peer_del(d->mod, d->link[i].ifindex, l.id[j]);
		free(l.id);
	}
}

/* Every pair of subnets gets its peer in the module: without SAs it drops by name. */
static int fill_devices(struct daemon *d)
{
	const struct ike_peer *p;
	struct ike_path path;
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++) {
		p = &d->config->peer[i].ike;
		path.remote = p->remote;
		path.local = p->local;
		for (j = 0; j < p->n_child; j++)
			if (set_module_peer(d, i, j, &path, &p->child[j].local,
					    &p->child[j].remote) < 0)
				return fail("run: peer %s: %s", p->name, mod_why(d->mod));
	}
	return 0;
}

/*
 * Loads an SA of each suite and takes it out again: an algorithm that the kernel lacks is
 * told now, and the first negotiation need not wait while the kernel loads the others.
 */
static int try_suite(struct daemon *d, size_t peer, const struct esp_proposal *suite)
{
	struct mod_sa sa = { .ifindex = d->link[peer].ifindex,
			     .peer = module_id(d, peer, 0),
			     .suite = *suite };
	uint8_t key[KEYMAT_MAX];
	int err;

	sa.key = key;
	sa.key_len = keymat_cipher_len(suite);
	sa.integ_key = key + sa.key_len;
	sa.integ_key_len = keymat_integ_len(suite);
	random_octets(NULL, key, sizeof(key));
	err = mod_spi_alloc(d->mod, sa.ifindex, sa.peer, sa.spi);
	if (!err)
		err = mod_sa_new(d->mod, &sa);
	if (!err)
		err = mod_sa_del(d->mod, sa.ifindex, sa.peer, false, sa.spi);
	return err;
}

static int try_suites(struct daemon *d)
{
	char text[PROPOSAL_TEXT];
	const struct ike_peer *p;
	size_t i, j;

	for (i = 0; i < d->config->n_peers; i++) {
		p = &d->config->peer[i].ike;
		for (j = 0; j < p->n_esp; j++) {
			if (try_suite(d, i, &p->esp[j]) == 0)
				continue;
			esp_proposal_text(&p->esp[j], text);
			return fail("run: peer %s: esp = %s does not work here: %s",
				    p->name, text, mod_why(d->mod));
		}
	}
	return 0;
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

static struct event *watch(struct daemon *d, int fd, short what, event_callback_fn fn)
{
	struct event *ev = event_new(d->base, fd, what, fn, d);

	/* The timer is set by pump(). */
	if (ev && what && event_add(ev, NULL) == 0)
		return ev;
	return what ? NULL : ev;
}

/* From here on only what is open is needed. */
static int make_loop(struct daemon *d, int mod_fd, int control_fd)
{
	const struct ike_env env = { .rand = random_octets };
	short read = EV_READ | EV_PERSIST, sig = EV_SIGNAL | EV_PERSIST;

	d->base = event_base_new();
	d->ike = ike_new(&env);
	if (!d->base || !d->ike)
		return fail("run: out of memory");
	d->control = control_start(d, control_fd, control_path);
	d->udp_ready = watch(d, d->udp, read, on_udp);
	d->mod_ready = watch(d, mod_fd, read, on_mod);
	d->keys_ready = watch(d, d->keys.fd, read, on_keys);
	d->term = watch(d, SIGTERM, sig, on_signal);
	d->intr = watch(d, SIGINT, sig, on_signal);
	d->timer = watch(d, -1, 0, on_timer);
	if (!d->control || !d->udp_ready || !d->mod_ready || !d->keys_ready ||
	    watch_worker(d) < 0 || !d->term || !d->intr || !d->timer)
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
	if (keys_start(&d->keys, path, d->config) < 0)
		return 1;
	d->mod = mod_open(why);
	if (!d->mod)
		return fail("run: %s", why);
	if (find_devices(d))
		return 1;
	*control_fd = control_bind(control_path);
	if (*control_fd < 0)
		return 1;
	d->udp = open_udp();
	if (d->udp < 0)
		return 1;
	d->probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (d->probe < 0)
		return fail("run: cannot open a socket: %s", strerror(errno));
	*mod_fd = mod_events_open(d->mod);
	if (*mod_fd < 0)
		return fail("run: %s", mod_why(d->mod));
	if (worker_start(&d->worker) < 0)
		return fail("run: cannot start a worker process: %s", strerror(errno));
	clear_devices(d);
	if (!fill_devices(d) && !try_suites(d))
		return 0;
	clear_devices(d);
	return 1;
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
	clear_devices(d);
}

static void forget(struct history *h)
{
	while (h->n)
		free(h->line[--h->n]);
}

static void destroy(struct daemon *d)
{
	struct event *events[] = { d->udp_ready,    d->mod_ready, d->keys_ready,
				   d->worker_ready, d->timer,	  d->term,
				   d->intr };
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	control_stop(d->control);
	ike_free(d->ike);
	if (d->base)
		event_base_free(d->base);
	proc_stop(&d->keys);
	proc_stop(&d->worker);
	mod_close(d->mod);
	if (d->udp >= 0)
		close(d->udp);
	if (d->probe >= 0)
		close(d->probe);
	for (i = 0; d->link && i < d->config->n_peers; i++) {
		forget(&d->link[i].history);
		free(d->link[i].child);
		if (d->link[i].keylog_fd >= 0)
			close(d->link[i].keylog_fd);
	}
	free(d->link);
	forget(&d->strangers);
	config_free(d->config);
}

static int run(struct daemon *d, const char *path)
{
	int control_fd = -1, mod_fd = -1, err;

	err = start(d, path, &control_fd, &mod_fd);
	if (!err)
		err = make_loop(d, mod_fd, control_fd);
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
	pump(d);
	fprintf(stderr, "ikehelper: ready, control socket %s\n", control_path);
	event_base_dispatch(d->base);
	if (!d->status)
		take_down(d);
	return d->status;
}

int cmd_run(int argc, char **argv)
{
	const char *path = CONFIG_PATH;
	struct daemon d = { .udp = -1, .probe = -1 };
	int err;

	if (argc == 2 && !strcmp(argv[0], "-c"))
		path = argv[1];
	else if (argc)
		return misuse("run: write run, or run -c FILE");
	sandbox_begin();
	setvbuf(stderr, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	err = run(&d, path);
	destroy(&d);
	return err;
}

int cmd_check(int argc, char **argv)
{
	char key[PSK_MAX];
	struct config *config;
	bool bad = false;
	size_t i;

	if (argc != 1)
		return misuse("check: write check FILE");
	config = load(argv[0]);
	if (!config)
		return 1;
	for (i = 0; i < config->n_peers; i++) {
		bad |= psk_read(argv[0], &config->peer[i], key, stderr) < 0;
		OPENSSL_cleanse(key, sizeof(key));
	}
	config_free(config);
	return bad;
}
