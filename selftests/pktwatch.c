// SPDX-License-Identifier: MIT
/*
 * Says what crosses an interface, one line a packet, and records it for espgen.
 *
 * The judge that is neither the sender nor the receiver: the tests read from it that nothing
 * travels in the clear, and in which order IKE and ESP packets came. On an nlmon interface,
 * with -x, it shows the octets of netlink messages.
 */
#define _GNU_SOURCE /* memmem */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IKE_PORT	   500
#define IKE_NATT_PORT	   4500
#define NON_ESP_MARKER_LEN 4
#define ISAKMP_HEADER_LEN  28
#define IPV6_HLEN	   40

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void print_esp(const uint8_t *p, size_t len)
{
	if (len < 8)
		printf("esp short");
	else
		printf("esp spi 0x%08x seq %u", get32(p), get32(p + 4));
}

/* RFC 2408 section 3.1; the exchange types are 2 Main, 5 Informational, 32 Quick. */
static void print_isakmp(const uint8_t *p, size_t len)
{
	if (len < ISAKMP_HEADER_LEN)
		printf("isakmp short");
	else
		printf("isakmp xchg %u flags %u mid 0x%08x", p[18], p[19], get32(p + 20));
}

static void print_udp(const uint8_t *p, size_t len)
{
	uint16_t sport, dport;
	const uint8_t *data;

	if (len < sizeof(struct udphdr)) {
		printf("udp short");
		return;
	}
	sport = p[0] << 8 | p[1];
	dport = p[2] << 8 | p[3];
	data = p + sizeof(struct udphdr);
	len -= sizeof(struct udphdr);
	if (dport == IKE_PORT || sport == IKE_PORT) {
		print_isakmp(data, len);
	} else if (dport == IKE_NATT_PORT || sport == IKE_NATT_PORT) {
		if (len >= NON_ESP_MARKER_LEN && get32(data) == 0) {
			print_isakmp(data + NON_ESP_MARKER_LEN, len - NON_ESP_MARKER_LEN);
		} else if (len == 1 && data[0] == 0xff) {
			printf("udp keepalive");
		} else {
			printf("udp ");
			print_esp(data, len);
		}
	} else {
		printf("udp port %u", dport);
	}
}

static void print_proto(uint8_t proto, const uint8_t *p, size_t len)
{
	if (proto == IPPROTO_ESP)
		print_esp(p, len);
	else if (proto == IPPROTO_UDP)
		print_udp(p, len);
	else if ((proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) && len)
		printf("icmp type %u", p[0]);
	else
		printf("proto %u", proto);
}

static void print_packet(const struct sockaddr_ll *from, const uint8_t *p, size_t len,
			 const char *mark)
{
	bool v6 = from->sll_protocol == htons(ETH_P_IPV6);
	size_t hlen = v6 ? IPV6_HLEN : sizeof(struct iphdr);
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	int family = v6 ? AF_INET6 : AF_INET;

	if (len < hlen)
		return;
	if (!v6)
		hlen = (p[0] & 15) * 4;
	if (hlen < sizeof(struct iphdr) || hlen > len)
		return;
	inet_ntop(family, p + (v6 ? 8 : 12), src, sizeof(src));
	inet_ntop(family, p + (v6 ? 24 : 16), dst, sizeof(dst));
	printf("%s %s > %s len %zu ", from->sll_pkttype == PACKET_OUTGOING ? "out" : "in",
	       src, dst, len);
	if (v6)
		printf("class 0x%02x label 0x%05x hops %u ", get32(p) >> 20 & 0xff,
		       get32(p) & 0xfffff, p[7]);
	if (!v6 && get32(p + 4) & 0x1fff)
		printf("fragment");
	else
		print_proto(p[v6 ? 6 : 9], p + hlen, len - hlen);
	if (mark && memmem(p, len, mark, strlen(mark)))
		printf(" MARK");
	putchar('\n');
}

/* A record is the length as two octets, network order, and the IP packet. */
static int record(FILE *file, const uint8_t *p, size_t len)
{
	uint8_t head[2] = { len >> 8, len };

	if (fwrite(head, sizeof(head), 1, file) != 1 || fwrite(p, len, 1, file) != 1)
		return -1;
	return fflush(file);
}

static void print_octets(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
	putchar('\n');
}

static int open_socket(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL) };
	int size = 8 << 20;
	int fd;

	addr.sll_ifindex = if_nametoindex(name);
	if (!addr.sll_ifindex)
		return -1;
	/* Protocol 0 until bound: nothing of other interfaces gets in. */
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t buf[65536];
	const char *mark = NULL;
	FILE *file = NULL;
	bool octets = false;
	int opt, fd;

	while ((opt = getopt(argc, argv, "m:w:x")) != -1) {
		if (opt == 'm')
			mark = optarg;
		else if (opt == 'x')
			octets = true;
		else if (opt != 'w' || !(file = fopen(optarg, "w")))
			goto usage;
	}
	if (optind + 1 != argc)
		goto usage;
	fd = open_socket(argv[optind]);
	if (fd < 0) {
		fprintf(stderr, "pktwatch: %s: %s\n", argv[optind], strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("watching %s\n", argv[optind]);
	for (;;) {
		struct sockaddr_ll from;
		socklen_t fromlen = sizeof(from);
		ssize_t len;

		len = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from,
			       &fromlen);
		if (len < 0 && (errno == ENETDOWN || errno == EINTR))
			continue;
		if (len < 0)
			break;
		if (octets)
			print_octets(buf, len);
		if (octets || (from.sll_protocol != htons(ETH_P_IP) &&
			       from.sll_protocol != htons(ETH_P_IPV6)))
			continue;
		/* Before it is said: who reads what is said may want it at once. */
		if (file && record(file, buf, len))
			break;
		print_packet(&from, buf, len, mark);
	}
	fprintf(stderr, "pktwatch: %s\n", strerror(errno));
	return 1;
usage:
	fprintf(stderr, "usage: pktwatch [-w FILE] [-m STRING] [-x] IFACE\n");
	return 2;
}
