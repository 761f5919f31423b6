// SPDX-License-Identifier: GPL-2.0-only
/*
 * how ESP reaches us: the xfrm4 and xfrm6 protocol muxes, ICMP errors
 *
 * A mux asks its handlers by descending priority; what is not ours goes on to
 * vti, xfrmi, esp4 and esp6. All four callbacks are mandatory. Softirq, RCU.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/udp.h>
#include <net/route.h>
#include <net/xfrm.h>
#if IS_ENABLED(CONFIG_IPV6)
#include <net/ip6_route.h>
#endif

#include "device.h"
#include "sa.h"

#define MUX_PRIORITY 200	/* before vti, 100 */

/*
 * ESP in UDP: a socket of UDP_ENCAP_ESPINUDP, userspace's, keeps IKE and
 * keepalives and sends the rest through the mux, with data at the ESP header
 * and UDP's left before it. Whether ESP came alone or in UDP says nothing of
 * its authenticity, and a peer may change from one to the other: both are taken.
 */
static int input(struct sk_buff *skb, int nexthdr, __be32 spi, int encap_type)
{
	return encap_type == UDP_ENCAP_ESPINUDP ? et_rx_in_udp(skb) : -EINVAL;
}

static int received(struct sk_buff *skb, int err)
{
	return 1;	/* every packet that XFRM received passes here: not ours */
}

/*
 * An ICMP error, data at the outer header that we sent. What it says is only
 * believed for an SPI that we send on, and only about the path MTU: it is not
 * authentic (RFC 4301 section 8.2). tx.c finds the new MTU in the route. Errors
 * about ESP in UDP go to the socket of its port, with the same end.
 */
static int error_ipv4(struct sk_buff *skb, u32 info)
{
	struct net *net = dev_net(skb->dev);
	const struct iphdr *ip = (struct iphdr *)skb->data;
	const struct ip_esp_hdr *esp = (struct ip_esp_hdr *)(skb->data + ip->ihl * 4);
	const union et_addr to = { .v4 = ip->daddr };
	const struct et_dev *edev = et_sa_sends_to(et_net(net), esp->spi, AF_INET, &to);

	if (!edev)
		return -ENOENT;
	if (icmp_hdr(skb)->type == ICMP_DEST_UNREACH && icmp_hdr(skb)->code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, net, info, READ_ONCE(edev->options.link), IPPROTO_ESP);
	return 0;
}

static struct xfrm4_protocol esp4 = {
	.handler = et_rx,
	.input_handler = input,
	.cb_handler = received,
	.err_handler = error_ipv4,
	.priority = MUX_PRIORITY,
};

#if IS_ENABLED(CONFIG_IPV6)

static int error_ipv6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		      int offset, __be32 info)
{
	struct net *net = dev_net(skb->dev);
	const struct ipv6hdr *ip = (struct ipv6hdr *)skb->data;
	const struct ip_esp_hdr *esp = (struct ip_esp_hdr *)(skb->data + offset);
	const union et_addr to = { .v6 = ip->daddr };
	const struct et_dev *edev = et_sa_sends_to(et_net(net), esp->spi, AF_INET6, &to);

	if (!edev)
		return -ENOENT;
	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, net, info, READ_ONCE(edev->options.link),
				READ_ONCE(edev->options.mark), sock_net_uid(net, NULL));
	return 0;
}

static struct xfrm6_protocol esp6 = {
	.handler = et_rx,
	.input_handler = input,
	.cb_handler = received,
	.err_handler = error_ipv6,
	.priority = MUX_PRIORITY,
};

static int init_ipv6(void)
{
	return xfrm6_protocol_register(&esp6, IPPROTO_ESP);
}

static void exit_ipv6(void)
{
	xfrm6_protocol_deregister(&esp6, IPPROTO_ESP);
}

#else

static int init_ipv6(void)
{
	return 0;
}

static void exit_ipv6(void) { }

#endif

int et_ingress_init(void)
{
	int err = xfrm4_protocol_register(&esp4, IPPROTO_ESP);

	if (err)
		return err;
	err = init_ipv6();
	if (err)
		xfrm4_protocol_deregister(&esp4, IPPROTO_ESP);
	return err;
}

/* Returns when no CPU is in a callback any more. */
void et_ingress_exit(void)
{
	exit_ipv6();
	xfrm4_protocol_deregister(&esp4, IPPROTO_ESP);
}
