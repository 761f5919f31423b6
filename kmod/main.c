// SPDX-License-Identifier: GPL-2.0-only
/*
 * module init and exit, in order; nothing else
 */
#include <linux/module.h>
#include <linux/tracepoint.h>

#include "crypto.h"
#include "device.h"
#include "netlink.h"
#include "sa.h"

static int __init esptun_init(void)
{
	int err = et_sa_init();

	if (err)
		return err;
	err = et_net_init();
	if (err)
		goto err_sa;
	err = et_ingress_init();
	if (err)
		goto err_net;
	err = et_netlink_init();
	if (err)
		goto err_ingress;
	err = et_link_init();
	if (err)
		goto err_netlink;
	return 0;

err_netlink:
	et_netlink_exit();
err_ingress:
	et_ingress_exit();
err_net:
	et_net_exit();
err_sa:
	et_sa_exit();
	return err;
}

static void __exit esptun_exit(void)
{
	et_link_exit();		/* and with the links all peers and SAs */
	et_netlink_exit();
	et_ingress_exit();
	et_net_exit();
	et_sa_exit();
	et_crypto_exit();
	tracepoint_synchronize_unregister();
}

module_init(esptun_init);
module_exit(esptun_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("ESP tunnels with keys from generic netlink");
