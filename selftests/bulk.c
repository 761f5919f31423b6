// SPDX-License-Identifier: MIT
/*
 * Sends and receives at once over one TCP connection and checks every octet received.
 *
 * Each side sends the same known stream; nothing but the right octets in the right order
 * passes, so what arrived is what was sent.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MS 60000

/* The octet of the stream at position pos: a 64-bit mix, so that no two stretches look alike. */
static uint8_t stream_octet(uint64_t pos)
{
	uint64_t x = (pos >> 3) + 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) >> (pos & 7) * 8;
}

static void die(const char *what)
{
	fprintf(stderr, "bulk: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_connection(bool serve, const char *addr, const char *port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
				  .ai_socktype = SOCK_STREAM };
	int one = 1, fd, listener;
	struct addrinfo *at;

	if (getaddrinfo(addr, port, &hints, &at)) {
		fprintf(stderr, "bulk: %s port %s: no address\n", addr, port);
		exit(2);
	}
	fd = socket(at->ai_family, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket");
	if (!serve) {
		if (connect(fd, at->ai_addr, at->ai_addrlen))
			die("connect");
		freeaddrinfo(at);
		return fd;
	}
	listener = fd;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, at->ai_addr, at->ai_addrlen) || listen(listener, 1))
		die("listen");
	freeaddrinfo(at);
	puts("listening");
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	close(listener);
	return fd;
}

/* Returns the octets sent, 0 when the socket would block. */
static size_t send_some(int fd, uint64_t pos, uint64_t total)
{
	uint8_t buf[16384];
	size_t len = sizeof(buf);
	ssize_t n;

	if (len > total - pos)
		len = total - pos;
	for (size_t i = 0; i < len; i++)
		buf[i] = stream_octet(pos + i);
	n = send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN)
		die("send");
	return n < 0 ? 0 : n;
}

/* Returns the octets received and found right; ends the program when one is wrong. */
static size_t receive_some(int fd, uint64_t pos)
{
	uint8_t buf[65536];
	ssize_t n;

	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		die("recv");
	if (n == 0) {
		fprintf(stderr, "bulk: the peer closed after %llu octets\n",
			(unsigned long long)pos);
		exit(1);
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == stream_octet(pos + i))
			continue;
		fprintf(stderr, "bulk: octet %llu is wrong\n",
			(unsigned long long)(pos + i));
		exit(1);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t total, sent = 0, received = 0;
	struct pollfd pfd;
	char last;

	if (argc != 5 || (strcmp(argv[1], "serve") && strcmp(argv[1], "connect"))) {
		fprintf(stderr, "usage: bulk serve|connect ADDR PORT OCTETS\n");
		return 2;
	}
	total = strtoull(argv[4], NULL, 10);
	pfd.fd = open_connection(!strcmp(argv[1], "serve"), argv[2], argv[3]);
	while (sent < total || received < total) {
		pfd.events =
			(sent < total ? POLLOUT : 0) | (received < total ? POLLIN : 0);
		if (poll(&pfd, 1, IDLE_MS) <= 0) {
			fprintf(stderr, "bulk: stuck at %llu sent, %llu received\n",
				(unsigned long long)sent, (unsigned long long)received);
			return 1;
		}
		if (sent < total && (pfd.revents & POLLOUT))
			sent += send_some(pfd.fd, sent, total);
		if (received < total && (pfd.revents & (POLLIN | POLLHUP | POLLERR)))
			received += receive_some(pfd.fd, received);
	}
	/* Closing at once could cut off what the peer has not read yet: wait for its end. */
	shutdown(pfd.fd, SHUT_WR);
	if (recv(pfd.fd, &last, 1, 0) != 0)
		die("octets behind the end, or no end");
	printf("ok %llu octets each way\n", (unsigned long long)total);
	return 0;
}
