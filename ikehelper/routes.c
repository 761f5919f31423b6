// SPDX-License-Identifier: MIT
/*
 * Listens for changes of links, addresses and routes, and has every peer looked at.
 *
 * What exactly changed is of no interest: each peer is asked for by a route lookup. A
 * router's routes may change all the time, so that a second's changes count as one.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "daemon.h"
#include "ikehelper.h"
#include "wire.h"

#define READ_BURST 64

int routes_open(struct daemon *d)
{
	struct sockaddr_nl groups = { .nl_family = AF_NETLINK,
				      .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
						   RTMGRP_IPV4_ROUTE |
						   RTMGRP_IPV6_IFADDR |
						   RTMGRP_IPV6_ROUTE };

	d->routes = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			   NETLINK_ROUTE);
	if (d->routes >= 0 &&
	    bind(d->routes, (struct sockaddr *)&groups, sizeof(groups)) == 0)
		return 0;
	return fail("run: cannot listen for changes of routes: %s", strerror(errno));
}

static void on_routes(evutil_socket_t fd, short what, void *ctx)
{
	const struct timeval second = { .tv_sec = 1 };
	struct daemon *d = ctx;
	char data[8192];
	int i;

	(void)what;
	/* More than the socket could hold is a change as well. */
	for (i = 0; i < READ_BURST; i++)
		if (recv(fd, data, sizeof(data), 0) < 0 && errno != ENOBUFS)
			break;
	if (!event_pending(d->routes_timer, EV_TIMEOUT, NULL))
		event_add(d->routes_timer, &second);
}

static void on_routes_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct ike_command cmd = { .type = IKE_CHANGED };
	struct daemon *d = ctx;
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < d->config->n_peers; i++) {
		cmd.peer = &d->config->peer[i].ike;
		wire_route(d->probe, &cmd.peer->remote, &cmd.local);
		daemon_tell(d, &cmd);
	}
}

int routes_watch(struct daemon *d)
{
	const struct timeval now = { .tv_sec = 0 };

	d->routes_ready =
		event_new(d->base, d->routes, EV_READ | EV_PERSIST, on_routes, d);
	d->routes_timer = event_new(d->base, -1, 0, on_routes_timer, d);
	if (!d->routes_ready || !d->routes_timer)
		return -1;
	/* What the routes are when it begins: there is nothing else to compare with. */
	return event_add(d->routes_ready, NULL) | event_add(d->routes_timer, &now);
}

void routes_close(struct daemon *d)
{
	if (d->routes_ready)
		event_free(d->routes_ready);
	if (d->routes_timer)
		event_free(d->routes_timer);
	if (d->routes >= 0)
		close(d->routes);
}
