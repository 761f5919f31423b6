// SPDX-License-Identifier: MIT
/* Holds sockets for ESP in UDP (RFC 3948): the kernel needs one to receive it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ikehelper.h"
#include "manual.h"
#include "text.h"

/* [ADDR:]PORT, an IPv6 address in brackets. Family 0: any address of both. */
static int read_place(struct args *a, struct ike_addr *out)
{
	const char *text = arg_next(a), *colon = text ? strrchr(text, ':') : NULL;
	char ip[TEXT_ADDR] = "";
	size_t len = colon ? colon - text : 0;
	uint64_t port = 0;
	int bad = 0;

	memset(out, 0, sizeof(*out));
	if (colon && len < sizeof(ip)) {
		bool brackets = len > 2 && text[0] == '[' && colon[-1] == ']';

		memcpy(ip, text + brackets, len - 2 * brackets);
		bad = addr_parse(ip, out) < 0 || (out->family == 6) != brackets;
	}
	if (!text || bad || len >= sizeof(ip) ||
	    u64_parse(colon ? colon + 1 : text, UINT16_MAX, &port) < 0 || !port)
		return misuse("%s: write [ADDRESS:]PORT, 4500 for one", a->what);
	out->port = port;
	return 0;
}

/* -1 with errno. */
static int open_encap(int family, const struct ike_addr *at)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), type = UDP_ENCAP_ESPINUDP;
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(at->port) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(at->port) };
	int on = 1, err;

	if (fd < 0)
		return -1;
	if (family == AF_INET) {
		memcpy(&to.sin_addr, at->ip, sizeof(to.sin_addr));
		err = bind(fd, (struct sockaddr *)&to, sizeof(to));
	} else {
		memcpy(&to6.sin6_addr, at->ip, sizeof(to6.sin6_addr));
		/* Tunnels may do without a checksum (RFC 6935); ours is the ICV. */
		err = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ?:
		      setsockopt(fd, IPPROTO_UDP, UDP_NO_CHECK6_RX, &on, sizeof(on)) ?:
		      bind(fd, (struct sockaddr *)&to6, sizeof(to6));
	}
	if (!err && !setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof(type)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* ESP never comes here; what does is for people who look for their IKE. */
static void tell(int fd)
{
	struct sockaddr_storage from = { 0 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&from;
	struct sockaddr_in *in = (struct sockaddr_in *)&from;
	socklen_t from_len = sizeof(from);
	char ip[INET6_ADDRSTRLEN];
	uint8_t data[64];
	bool v4;
	ssize_t len = recvfrom(fd, data, sizeof(data), MSG_TRUNC,
			       (struct sockaddr *)&from, &from_len);

	if (len < 0)
		return; /* an ICMP error, told once */
	v4 = from.ss_family == AF_INET;
	inet_ntop(from.ss_family, v4 ? (void *)&in->sin_addr : &in6->sin6_addr, ip,
		  sizeof(ip));
	printf("%zd octets, not ESP, from %s port %u\n", len, ip,
	       ntohs(v4 ? in->sin_port : in6->sin6_port));
	fflush(stdout);
}

int cmd_encap(int argc, char **argv)
{
	struct args a = { .argc = argc, .argv = argv, .what = "encap" };
	struct pollfd p[2] = { { .fd = -1, .events = POLLIN },
			       { .fd = -1, .events = POLLIN } };
	struct ike_addr at;
	int err, i;

	if ((err = read_place(&a, &at)) || (err = arg_end(&a)))
		return err;
	if (at.family != 6 && (p[0].fd = open_encap(AF_INET, &at)) < 0)
		return fail("encap: UDP port %u: %s", at.port, strerror(errno));
	/* A kernel may be without IPv6. */
	if (at.family != 4 && (p[1].fd = open_encap(AF_INET6, &at)) < 0 &&
	    (at.family == 6 || errno != EAFNOSUPPORT))
		return fail("encap: UDP port %u, IPv6: %s", at.port, strerror(errno));
	fputs("ikehelper: encap: holding\n", stderr);
	while (!ferror(stdout)) {
		if (poll(p, 2, -1) < 0)
			continue;
		for (i = 0; i < 2; i++)
			if (p[i].revents)
				tell(p[i].fd);
	}
	return 1;
}
