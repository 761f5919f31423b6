// SPDX-License-Identifier: MIT
/* What goes over the two UDP sockets: the marker that tells IKE from ESP on port 4500. */
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
	struct ike_path path[WIRE_SOCKETS]; /* from there to the other end */
	int other;
};

static int udp(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* Ports of nobody's stand in for 500 and 4500; the path has the names. */
static int set_up(void **state)
{
	static const struct ike_addr home = { .family = 4, .ip = { 127, 0, 0, 1 } };
	static struct ends e;
	uint16_t port;
	size_t i;

	e.other = udp(&port);
	for (i = 0; i < WIRE_SOCKETS; i++) {
		struct sockaddr_in to = { .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		e.path[i].local = e.path[i].remote = home;
		e.path[i].local.port = i == WIRE_NAT ? 4500 : 500;
		e.path[i].remote.port = port;
		e.wire.fd[i] = udp(&to.sin_port);
		to.sin_port = htons(to.sin_port);
		if (i == WIRE_NAT)
			assert_int_equal(
				connect(e.other, (struct sockaddr *)&to, sizeof(to)), 0);
	}
	*state = &e;
	return 0;
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

	wire_send(&e->wire, &e->path[WIRE_NAT], (const uint8_t *)data, len);
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
	struct sockaddr_in us;
	socklen_t len = sizeof(us);
	uint8_t got[64];

	/* It was connected to the other one of the two. */
	assert_int_equal(getsockname(e->wire.fd[WIRE_IKE], (struct sockaddr *)&us, &len),
			 0);
	assert_int_equal(connect(e->other, (struct sockaddr *)&us, sizeof(us)), 0);
	wire_send(&e->wire, &e->path[WIRE_IKE], (const uint8_t *)"IKE", 3);
	assert_int_equal(recv(e->other, got, sizeof(got), 0), 3);
	assert_memory_equal(got, "IKE", 3);
}

static ssize_t receives(struct ends *e, const char *data, size_t len, uint8_t got[64],
			struct ike_path *path)
{
	assert_int_equal(send(e->other, data, len, 0), len);
	return wire_receive(&e->wire, WIRE_NAT, path, got, 64);
}

static void marker_comes_off(void **state)
{
	struct ends *e = *state;
	struct ike_path path;
	uint8_t got[64];

	assert_int_equal(receives(e, "\0\0\0\0IKE", 7, got, &path), 3);
	assert_memory_equal(got, "IKE", 3);
	assert_int_equal(path.local.port, 4500);
	assert_int_equal(path.remote.port, e->path[WIRE_NAT].remote.port);
	assert_memory_equal(path.local.ip, e->path[WIRE_NAT].local.ip, 4);
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
	assert_int_equal(wire_receive(&e->wire, WIRE_NAT, &path, got, sizeof(got)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(marker_on_4500_but_for_keepalives, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(no_marker_on_500, set_up, tear_down),
		cmocka_unit_test_setup_teardown(marker_comes_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_passed_over, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
