/* SPDX-License-Identifier: GPL-2.0-only */
/* doit, dumpit, events */
#ifndef ET_NETLINK_H
#define ET_NETLINK_H

#include <linux/types.h>

#include <uapi/linux/esptun.h>

struct et_dev;
struct et_peer;
struct et_sa;
struct et_source;
struct genl_info;
struct net_device;
struct sk_buff;

#define ET_SELECTORS_MAX 256	/* of one peer; so that one message holds them */
#define ET_MSG_MAX	 32768	/* octets: a peer with that many, and every drop reason */

extern struct genl_family et_nl_family;

/* The attributes of each enum et_limit. */
struct et_limit_attrs {
	u8 soft, hard;
};

extern const struct et_limit_attrs et_limit_attrs[];

/* netlink.c. Process context. */
bool et_nl_capable(const struct sk_buff *request, const struct et_dev *edev);
void et_event_expire(const struct et_sa *sa, enum esptun_expire_reason reason, bool hard);
void et_event_first(const struct et_sa *sa);
void et_event_acquire(const struct et_peer *peer);
void et_event_mtu(const struct et_peer *peer);
void et_event_moved(const struct et_peer *peer, const struct et_source *to);
int et_netlink_init(void);
void et_netlink_exit(void);

/* show.c. Process context, et_dev.cfg held. Return: 0 or -EMSGSIZE. */
int et_show_dev(struct sk_buff *msg, const struct genl_info *info, struct et_dev *edev);
int et_show_peer(struct sk_buff *msg, u32 portid, u32 seq, int flags, struct et_peer *peer);
int et_show_sa(struct sk_buff *msg, u32 portid, u32 seq, int flags, const struct et_sa *sa);
int et_show_spi(struct sk_buff *msg, const struct genl_info *info, const struct et_sa *sa);

#endif
