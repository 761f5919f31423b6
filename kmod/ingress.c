// SPDX-License-Identifier: GPL-2.0-only
/*
 * how ESP reaches us: the xfrm4 protocol mux, ICMP errors
 *
 * The mux asks its handlers by descending priority; what is not ours goes on
 * to vti, xfrmi and esp4. All four callbacks are mandatory. Softirq, RCU.
 */
#include <net/xfrm.h>

#include "device.h"

#define MUX_PRIORITY 200	/* before vti, 100 */

static int input(struct sk_buff *skb, int nexthdr, __be32 spi, int encap_type)
{
	return -EINVAL;	/* ESP in UDP: not ours */
}

static int error(struct sk_buff *skb, u32 info)
{
	return -ENOENT;	/* not ours */
}

static int received(struct sk_buff *skb, int err)
{
	return 1;	/* every packet that XFRM received passes here: not ours */
}

static struct xfrm4_protocol esp4 = {
	.handler = et_rx,
	.input_handler = input,
	.cb_handler = received,
	.err_handler = error,
	.priority = MUX_PRIORITY,
};

int et_ingress_init(void)
{
	return xfrm4_protocol_register(&esp4, IPPROTO_ESP);
}

/* Returns when no CPU is in a callback any more. */
void et_ingress_exit(void)
{
	xfrm4_protocol_deregister(&esp4, IPPROTO_ESP);
}
