// SPDX-License-Identifier: MIT
/* UDP port 500: datagrams with the address of ours that they use. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ikehelper.h"

#define IKE_PORT 500

int wire_open(void)
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

void wire_send(int fd, const struct ike_path *path, const uint8_t *data, size_t len)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = { .room = { 0 } };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(path->remote.port) };
	struct iovec iov = { (void *)data, len };
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
	if (sendmsg(fd, &msg, 0) < 0 && errno != EAGAIN)
		fprintf(stderr, "cannot send to %s: %s\n", inet_ntoa(to.sin_addr),
			strerror(errno));
}

ssize_t wire_receive(int fd, struct ike_path *path, uint8_t *data, size_t size)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { data, size };
	struct sockaddr_in from;
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(fd, &msg, 0);
	struct in_pktinfo info;
	struct cmsghdr *c;

	memset(path, 0, sizeof(*path));
	/* An ICMP error about an earlier datagram comes as an error once. */
	if (len < 0)
		return errno == EAGAIN ? -1 : 0;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			/* They differ for what was sent to many. */
			if (info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr)
				set_addr(&path->local, info.ipi_addr, IKE_PORT);
		}
	set_addr(&path->remote, from.sin_addr, ntohs(from.sin_port));
	return path->local.family ? len : 0;
}

void wire_route(int fd, const struct ike_addr *remote, char out[64])
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(IKE_PORT) },
			   us;
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(us);
	char ip[INET_ADDRSTRLEN];

	memcpy(&to.sin_addr, remote->ip, 4);
	if (connect(fd, &none, sizeof(none)) == 0 &&
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&us, &len) == 0 &&
	    inet_ntop(AF_INET, &us.sin_addr, ip, sizeof(ip)))
		snprintf(out, 64, "%s:%d", ip, IKE_PORT);
}
