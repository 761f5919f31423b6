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

#define KEEPALIVE 0xff /* RFC 3948 section 2.3 */

static const uint16_t ports[WIRE_SOCKETS] = { [WIRE_IKE] = 500, [WIRE_NAT] = 4500 };
static const uint8_t marker[4];

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

static int set_options(int fd, enum wire_socket which)
{
	int on = 1, dont = IP_PMTUDISC_DONT, encap = UDP_ENCAP_ESPINUDP;

	/* A large message goes in fragments rather than not at all. */
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont)) < 0)
		return -1;
	return which == WIRE_NAT
		       ? setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &encap, sizeof(encap))
		       : 0;
}

static int open_port(enum wire_socket which)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_port = htons(ports[which]) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && set_options(fd, which) == 0 &&
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0)
		return fd;
	complain(ports[which]);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* One that was handed to us is what we would have opened. */
static int check_port(int fd, enum wire_socket which)
{
	struct sockaddr_in at = { .sin_family = AF_UNSPEC };
	socklen_t len = sizeof(at);
	int proto = 0;
	socklen_t proto_len = sizeof(proto);

	if (getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
	    at.sin_family == AF_INET && at.sin_port == htons(ports[which]) &&
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &proto, &proto_len) == 0 &&
	    proto == IPPROTO_UDP && set_options(fd, which) == 0)
		return 0;
	fail("run: the socket that was kept for UDP port %u is none", ports[which]);
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
		if (w->fd[i] < 0)
			return -1;
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

static void set_addr(struct ike_addr *out, struct in_addr ip, uint16_t port)
{
	out->family = 4;
	memcpy(out->ip, &ip, 4);
	out->port = port;
}

void wire_send(const struct wire *w, const struct ike_path *path, const uint8_t *data,
	       size_t len)
{
	bool nat = path->local.port == ports[WIRE_NAT];
	bool marked = nat && !(len == 1 && data[0] == KEEPALIVE);
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = { .room = { 0 } };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(path->remote.port) };
	struct iovec iov[] = { { (void *)marker, marked ? sizeof(marker) : 0 },
			       { (void *)data, len } };
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = sizeof(to),
			      .msg_iov = iov,
			      .msg_iovlen = 2 };
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
	if (sendmsg(w->fd[nat ? WIRE_NAT : WIRE_IKE], &msg, 0) < 0 && errno != EAGAIN)
		fprintf(stderr, "cannot send to %s: %s\n", inet_ntoa(to.sin_addr),
			strerror(errno));
}

ssize_t wire_receive(const struct wire *w, enum wire_socket which, struct ike_path *path,
		     uint8_t *data, size_t size)
{
	uint8_t head[sizeof(marker)];
	size_t head_len = which == WIRE_NAT ? sizeof(head) : 0;
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
	struct iovec iov[] = { { head, head_len }, { data, size } };
	struct sockaddr_in from;
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(w->fd[which], &msg, 0);
	struct in_pktinfo info;
	struct cmsghdr *c;

	memset(path, 0, sizeof(*path));
	/* An ICMP error about an earlier datagram comes as an error once. */
	if (len < 0)
		return errno == EAGAIN ? -1 : 0;
	/* A keepalive, or ESP that was too short for the kernel to take it. */
	if (len < (ssize_t)head_len || memcmp(head, marker, head_len) != 0)
		return 0;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			/* They differ for what was sent to many. */
			if (info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr)
				set_addr(&path->local, info.ipi_addr, ports[which]);
		}
	set_addr(&path->remote, from.sin_addr, ntohs(from.sin_port));
	return path->local.family ? len - head_len : 0;
}

bool wire_route(int fd, const struct ike_addr *remote, struct ike_addr *local)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(ports[WIRE_IKE]) },
			   us;
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(us);

	memset(local, 0, sizeof(*local));
	memcpy(&to.sin_addr, remote->ip, 4);
	if (connect(fd, &none, sizeof(none)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&us, &len) < 0)
		return false;
	set_addr(local, us.sin_addr, ports[WIRE_IKE]);
	return true;
}
