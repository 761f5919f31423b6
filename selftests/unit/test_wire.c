// SPDX-License-Identifier: MIT
/* What goes over the UDP sockets: the marker that tells IKE from ESP on port 4500. */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ikehelper.h"

/* main.c has it; nothing here is to come to that. (cmocka has a macro of that name.) */
int fail(const char *format, ...)
{
	(void)format;
	abort();
}

#include <cmocka.h>

struct ends {
	struct wire wire;
	enum wire_socket ike, nat;	    /* of the family */
	struct ike_path path[WIRE_SOCKETS]; /* from there to the other end */
	int other;
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t loopback(union address *at, bool v6)
{
	*at = (union address){ .any.sa_family = v6 ? AF_INET6 : AF_INET };
	if (v6)
		at->in6.sin6_addr = in6addr_loopback;
	else
		at->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return v6 ? sizeof(at->in6) : sizeof(at->in);
}

static int udp(union address *at, bool v6)
{
	socklen_t len = loopback(at, v6);
	int fd = socket(at->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &at->any, len), 0);
	assert_int_equal(getsockname(fd, &at->any, &len), 0);
	assert_int_equal(
		v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
		   : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)),
		0);
	return fd;
}

/* Ports of nobody's stand in for 500 and 4500; the path has the names. */
static int make_ends(void **state, bool v6)
{
	static const struct ike_addr home[] = { { .family = 4, .ip = { 127, 0, 0, 1 } },
						{ .family = 6, .ip = { [15] = 1 } } };
	static struct ends e;
	union address at;
	enum wire_socket i;

	e = (struct ends){ .wire = WIRE_CLOSED };
	e.ike = v6 ? WIRE_IKE6 : WIRE_IKE;
	e.nat = v6 ? WIRE_NAT6 : WIRE_NAT;
	e.other = udp(&at, v6);
	for (i = e.ike; i <= e.nat; i++) {
		e.path[i].local = e.path[i].remote = home[v6];
		e.path[i].local.port = i == e.nat ? 4500 : 500;
		e.path[i].remote.port = ntohs(v6 ? at.in6.sin6_port : at.in.sin_port);
	}
	for (i = e.ike; i <= e.nat; i++)
		e.wire.fd[i] = udp(&at, v6);
	assert_int_equal(connect(e.other, &at.any, sizeof(at)), 0);
	*state = &e;
	return 0;
}

static int set_up(void **state)
{
	return make_ends(state, false);
}

static int set_up6(void **state)
{
	return make_ends(state, true);
}

static int tear_down(void **state)
{
	struct ends *e = *state;

	wire_close(&e->wire);
	close(e->other);
	return 0;
}

static void sends(struct ends *e, const char *data, size_t len, const char *want,
		  size_t want_len)
{
	uint8_t got[64];

	wire_send(&e->wire, &e->path[e->nat], (const uint8_t *)data, len);
	assert_int_equal(recv(e->other, got, sizeof(got), 0), want_len);
	assert_memory_equal(got, want, want_len);
}

/* RFC 3948 sections 2.2 and 2.3. */
static void marker_on_4500_but_for_keepalives(void **state)
{
	struct ends *e = *state;

	sends(e, "IKE", 3, "\0\0\0\0IKE", 7);
	sends(e, "\xff", 1, "\xff", 1);
	sends(e, "\xfe", 1, "\0\0\0\0\xfe", 5);
}

static void no_marker_on_500(void **state)
{
	struct ends *e = *state;
	union address us;
	socklen_t len = sizeof(us);
	uint8_t got[64];

	/* It was connected to the other one of the two. */
	assert_int_equal(getsockname(e->wire.fd[e->ike], &us.any, &len), 0);
	assert_int_equal(connect(e->other, &us.any, len), 0);
	wire_send(&e->wire, &e->path[e->ike], (const uint8_t *)"IKE", 3);
	assert_int_equal(recv(e->other, got, sizeof(got), 0), 3);
	assert_memory_equal(got, "IKE", 3);
}

static ssize_t receives(struct ends *e, const char *data, size_t len, uint8_t got[64],
			struct ike_path *path)
{
	assert_int_equal(send(e->other, data, len, 0), len);
	return wire_receive(&e->wire, e->nat, path, got, 64);
}

static void marker_comes_off(void **state)
{
	struct ends *e = *state;
	struct ike_path path;
	uint8_t got[64];

	assert_int_equal(receives(e, "\0\0\0\0IKE", 7, got, &path), 3);
	assert_memory_equal(got, "IKE", 3);
	assert_int_equal(path.local.port, 4500);
	assert_int_equal(path.remote.port, e->path[e->nat].remote.port);
	assert_true(same_address(&path.local, &e->path[e->nat].local));
	assert_true(same_address(&path.remote, &e->path[e->nat].remote));
}

/* Nothing that is not marked reaches the parser. */
static void others_are_passed_over(void **state)
{
	struct ends *e = *state;
	struct ike_path path;
	uint8_t got[64];

	assert_int_equal(receives(e, "\xff", 1, got, &path), 0);
	assert_int_equal(receives(e, "\0\0\0", 3, got, &path), 0);
	assert_int_equal(receives(e, "\0\0\0\1IKE", 7, got, &path), 0);
	assert_int_equal(receives(e, "\0\0\0\0", 4, got, &path), 0);
	assert_int_equal(receives(e, "", 0, got, &path), 0);
	assert_int_equal(wire_receive(&e->wire, e->nat, &path, got, sizeof(got)), -1);
}

/* The kernel is asked for our address, and gives one of the family. */
static void address_by_route(void **state)
{
	static const struct ike_addr home[] = { { .family = 4, .ip = { 127, 0, 0, 1 } },
						{ .family = 6, .ip = { [15] = 1 } } };
	struct ike_addr local;
	int probe[2];

	(void)state;
	assert_int_equal(wire_probe(probe), 0);
	for (int i = 0; i < 4; i++) {
		assert_true(wire_route(probe, &home[i % 2], &local));
		assert_true(same_address(&local, &home[i % 2]));
		assert_int_equal(local.port, 500);
	}
	close(probe[0]);
	close(probe[1]);
}

#define BOTH(test)                                                \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(test, set_up6, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(marker_on_4500_but_for_keepalives),
		BOTH(no_marker_on_500),
		BOTH(marker_comes_off),
		BOTH(others_are_passed_over),
		cmocka_unit_test(address_by_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
