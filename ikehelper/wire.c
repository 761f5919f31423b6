// SPDX-License-Identifier: MIT
/* UDP ports 500 and 4500: datagrams with the address of ours that they use. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ikehelper.h"
#include "text.h"

#define KEEPALIVE 0xff /* RFC 3948 section 2.3 */

static const struct {
	int family;
	uint16_t port;
} kinds[WIRE_SOCKETS] = {
	[WIRE_IKE] = { AF_INET, 500 },
	[WIRE_NAT] = { AF_INET, 4500 },
	[WIRE_IKE6] = { AF_INET6, 500 },
	[WIRE_NAT6] = { AF_INET6, 4500 },
};

static const uint8_t marker[4];

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static bool is_nat(enum wire_socket which)
{
	return which == WIRE_NAT || which == WIRE_NAT6;
}

static bool is_v6(enum wire_socket which)
{
	return kinds[which].family == AF_INET6;
}

/* Returns its length. */
static socklen_t to_address(const struct ike_addr *from, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (from->family == 6) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(from->port);
		memcpy(&out->in6.sin6_addr, from->ip, 16);
		return sizeof(out->in6);
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons(from->port);
	memcpy(&out->in.sin_addr, from->ip, 4);
	return sizeof(out->in);
}

static void from_address(const union address *from, struct ike_addr *out)
{
	bool v6 = from->any.sa_family == AF_INET6;

	memset(out, 0, sizeof(*out));
	out->family = v6 ? 6 : 4;
	out->port = ntohs(v6 ? from->in6.sin6_port : from->in.sin_port);
	if (v6)
		memcpy(out->ip, &from->in6.sin6_addr, 16);
	else
		memcpy(out->ip, &from->in.sin_addr, 4);
}

static int complain(uint16_t port)
{
	if (errno == EADDRINUSE)
		fail("run: UDP port %u is taken: another IKE daemon runs here (ss -lunp "
		     "'sport = %u' shows it), stop it first",
		     port, port);
	else if (errno == EACCES)
		fail("run: cannot bind UDP port %u: run as root", port);
	else
		fail("run: cannot bind UDP port %u: %s", port, strerror(errno));
	return -1;
}

/* A large message goes in fragments rather than not at all. */
static int set_options(int fd, enum wire_socket which)
{
	int on = 1, dont = is_v6(which) ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;
	int encap = UDP_ENCAP_ESPINUDP;
	int level = is_v6(which) ? IPPROTO_IPV6 : IPPROTO_IP;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    setsockopt(fd, level, is_v6(which) ? IPV6_RECVPKTINFO : IP_PKTINFO, &on,
		       sizeof(on)) < 0 ||
	    setsockopt(fd, level, is_v6(which) ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
		       &dont, sizeof(dont)) < 0)
		return -1;
	if (!is_nat(which))
		return 0;
	/* ESP in UDP may do without a checksum over IPv6, too (RFC 6935). */
	if (is_v6(which) &&
	    setsockopt(fd, IPPROTO_UDP, UDP_NO_CHECK6_RX, &on, sizeof(on)) < 0)
		return -1;
	return setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &encap, sizeof(encap));
}

/* Returns -1 after a line to stderr; -2 where the kernel is without IPv6. */
static int open_port(enum wire_socket which)
{
	const struct ike_addr any = { .family = is_v6(which) ? 6 : 4,
				      .port = kinds[which].port };
	int fd = socket(kinds[which].family, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
	union address at;
	socklen_t len = to_address(&any, &at);

	if (fd < 0 && errno == EAFNOSUPPORT && is_v6(which))
		return -2;
	if (fd >= 0 &&
	    (!is_v6(which) ||
	     !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) &&
	    set_options(fd, which) == 0 && bind(fd, &at.any, len) == 0)
		return fd;
	complain(kinds[which].port);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* One that was handed to us is what we would have opened. */
static int check_port(int fd, enum wire_socket which)
{
	union address at = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(at);
	struct ike_addr addr;
	int proto = 0;
	socklen_t proto_len = sizeof(proto);

	if (getsockname(fd, &at.any, &len) == 0 &&
	    at.any.sa_family == kinds[which].family) {
		from_address(&at, &addr);
		if (addr.port == kinds[which].port &&
		    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &proto, &proto_len) == 0 &&
		    proto == IPPROTO_UDP && set_options(fd, which) == 0)
			return 0;
	}
	fail("run: the socket that was kept for UDP port %u is none", kinds[which].port);
	return -1;
}

int wire_open(struct wire *w)
{
	size_t i;

	for (i = 0; i < WIRE_SOCKETS; i++) {
		if (w->fd[i] >= 0) {
			if (check_port(w->fd[i], i) < 0)
				return -1;
			continue;
		}
		w->fd[i] = open_port(i);
		if (w->fd[i] == -1)
			return -1;
		if (w->fd[i] == -2)
			w->fd[i] = -1;
	}
	return 0;
}

void wire_close(struct wire *w)
{
	size_t i;

	for (i = 0; i < WIRE_SOCKETS; i++)
		if (w->fd[i] >= 0)
			close(w->fd[i]);
}

union control {
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};

/* Which address of ours it is to come from. */
static void put_local(const struct ike_addr *local, union control *control,
		      struct msghdr *msg)
{
	struct in6_pktinfo info6 = { .ipi6_ifindex = 0 };
	struct in_pktinfo info = { .ipi_ifindex = 0 };
	bool v6 = local->family == 6;
	size_t len = v6 ? sizeof(info6) : sizeof(info);
	struct cmsghdr *c;

	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(&info6.ipi6_addr, local->ip, 16);
	memcpy(&info.ipi_spec_dst, local->ip, 4);
	memcpy(CMSG_DATA(c), v6 ? (void *)&info6 : &info, len);
}

/* The address that it came to; none for what was sent to many. */
static void get_local(struct cmsghdr *c, struct ike_addr *out)
{
	struct in6_pktinfo info6;
	struct in_pktinfo info;

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr)
			return;
		out->family = 4;
		memcpy(out->ip, &info.ipi_addr, 4);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info6, CMSG_DATA(c), sizeof(info6));
		if (IN6_IS_ADDR_MULTICAST(&info6.ipi6_addr))
			return;
		out->family = 6;
		memcpy(out->ip, &info6.ipi6_addr, 16);
	}
}

void wire_send(const struct wire *w, const struct ike_path *path, const uint8_t *data,
	       size_t len)
{
	bool nat = path->local.port == kinds[WIRE_NAT].port;
	bool marked = nat && !(len == 1 && data[0] == KEEPALIVE);
	bool v6 = path->remote.family == 6;
	int fd = w->fd[v6 ? nat ? WIRE_NAT6 : WIRE_IKE6 : nat ? WIRE_NAT : WIRE_IKE];
	union control control = { .room = { 0 } };
	union address to;
	struct iovec iov[] = { { (void *)marker, marked ? sizeof(marker) : 0 },
			       { (void *)data, len } };
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = to_address(&path->remote, &to),
			      .msg_iov = iov,
			      .msg_iovlen = 2 };
	char text[TEXT_ADDR];

	if (path->local.family)
		put_local(&path->local, &control, &msg);
	/* Lost, as on any network; the core sends again. */
	if (fd >= 0 && (sendmsg(fd, &msg, 0) >= 0 || errno == EAGAIN))
		return;
	addr_text(&path->remote, text);
	fprintf(stderr, "cannot send to %s: %s\n", text,
		fd < 0 ? "this kernel is without IPv6" : strerror(errno));
}

ssize_t wire_receive(const struct wire *w, enum wire_socket which, struct ike_path *path,
		     uint8_t *data, size_t size)
{
	uint8_t head[sizeof(marker)];
	size_t head_len = is_nat(which) ? sizeof(head) : 0;
	union control control;
	struct iovec iov[] = { { head, head_len }, { data, size } };
	union address from;
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(w->fd[which], &msg, 0);
	struct cmsghdr *c;

	memset(path, 0, sizeof(*path));
	/* An ICMP error about an earlier datagram comes as an error once. */
	if (len < 0)
		return errno == EAGAIN ? -1 : 0;
	/* A keepalive, or ESP that was too short for the kernel to take it. */
	if (len < (ssize_t)head_len || memcmp(head, marker, head_len) != 0)
		return 0;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		get_local(c, &path->local);
	path->local.port = kinds[which].port;
	from_address(&from, &path->remote);
	return path->local.family ? len - head_len : 0;
}

int wire_probe(int probe[2])
{
	probe[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	probe[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe[0] >= 0 && (probe[1] >= 0 || errno == EAFNOSUPPORT))
		return 0;
	return fail("run: cannot open a socket: %s", strerror(errno));
}

bool wire_route(const int probe[2], const struct ike_addr *remote, struct ike_addr *local)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = probe[remote->family == 6];
	union address to, us;
	socklen_t to_len = to_address(remote, &to), len = sizeof(us);

	memset(local, 0, sizeof(*local));
	if (connect(fd, &none, sizeof(none)) < 0 || connect(fd, &to.any, to_len) < 0 ||
	    getsockname(fd, &us.any, &len) < 0)
		return false;
	from_address(&us, local);
	local->port = kinds[WIRE_IKE].port;
	return true;
}
