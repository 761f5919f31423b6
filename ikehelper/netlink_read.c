// SPDX-License-Identifier: MIT
/* libnl client of the module: what it tells, counters and events. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netlink_private.h"

#define EVENTS_RCVBUF (1024 * 1024)

static const char *const reason_name[] = {
	[ESPTUN_EXPIRE_REASON_TIME] = "time",
	[ESPTUN_EXPIRE_REASON_BYTES] = "bytes",
	[ESPTUN_EXPIRE_REASON_PACKETS] = "packets",
};

/* Reading attributes: what is absent reads as 0. */
static uint64_t get(struct nlattr *a)
{
	if (!a)
		return 0;
	switch (nla_len(a)) {
	case 1:
		return nla_get_u8(a);
	case 2:
		return nla_get_u16(a);
	case 4:
		return nla_get_u32(a);
	case 8:
		return nla_get_u64(a);
	default:
		return 0;
	}
}

static void get_octets(struct nlattr *a, uint8_t out[4])
{
	memset(out, 0, 4);
	if (a && nla_len(a) == 4)
		memcpy(out, nla_data(a), 4);
}

static void get_string(struct nlattr *a, char *out, size_t size)
{
	snprintf(out, size, "%.*s", a ? nla_len(a) : 0,
		 a ? (const char *)nla_data(a) : "");
}

/* An address has one attribute for each family. Returns the family, 0 without one. */
static uint8_t get_ip(struct nlattr *ipv4, struct nlattr *ipv6, uint8_t out[16])
{
	memset(out, 0, 16);
	if (ipv6 && nla_len(ipv6) == 16) {
		memcpy(out, nla_data(ipv6), 16);
		return 6;
	}
	get_octets(ipv4, out);
	return ipv4 ? 4 : 0;
}

static void get_addr(struct nlattr *ipv4, struct nlattr *ipv6, struct ike_addr *out)
{
	memset(out, 0, sizeof(*out));
	out->family = get_ip(ipv4, ipv6, out->ip);
}

static uint16_t get_port(struct nlattr *a)
{
	return ntohs(get(a));
}

/* A multi-attr is many attributes of one type beside each other. */
static void get_drops(struct nlattr *attrs, int len, int type, struct mod_drops *out)
{
	struct nlattr *attr[ESPTUN_A_DROP_MAX + 1], *nest;
	int left;

	out->n = 0;
	nla_for_each_attr (nest, attrs, len, left) {
		if (nla_type(nest) != type || out->n == MOD_DROPS_MAX ||
		    nla_parse_nested(attr, ESPTUN_A_DROP_MAX, nest, NULL) < 0)
			continue;
		get_string(attr[ESPTUN_A_DROP_NAME], out->drop[out->n].name,
			   sizeof(out->drop[0].name));
		out->drop[out->n++].packets = get(attr[ESPTUN_A_DROP_PACKETS]);
	}
}

static void get_late(struct nlattr *attrs, int len, uint64_t late[MOD_LATE_MAX])
{
	struct nlattr *attr[ESPTUN_A_LATE_MAX + 1], *nest;
	unsigned int behind;
	int left;

	nla_for_each_attr (nest, attrs, len, left) {
		if (nla_type(nest) != ESPTUN_A_SA_LATE ||
		    nla_parse_nested(attr, ESPTUN_A_LATE_MAX, nest, NULL) < 0)
			continue;
		behind = get(attr[ESPTUN_A_LATE_BEHIND]);
		if (behind && behind < 1u << MOD_LATE_MAX)
			late[31 - __builtin_clz(behind)] =
				get(attr[ESPTUN_A_LATE_PACKETS]);
	}
}

static void parse_dev(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *attr[ESPTUN_A_DEV_MAX + 1];
	struct mod_dev *dev = arg;

	if (nla_parse(attr, ESPTUN_A_DEV_MAX, attrs, len, NULL) < 0)
		return;
	dev->ifindex = get(attr[ESPTUN_A_DEV_IFINDEX]);
	dev->peers = get(attr[ESPTUN_A_DEV_PEERS]);
	get_drops(attrs, len, ESPTUN_A_DEV_DROPS, &dev->drops);
}

int mod_dev_get(struct mod *mod, uint32_t ifindex, struct mod_dev *out)
{
	struct nl_msg *msg = mod_request(mod, ESPTUN_CMD_DEV_GET, 0);
	struct waiting w = { .parse = parse_dev, .arg = out };

	memset(out, 0, sizeof(*out));
	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_DEV_IFINDEX, ifindex);
	return mod_transact(mod, msg, &w);
}

struct peer_dump {
	void (*fn)(void *ctx, const struct mod_peer *peer);
	void *ctx;
};

static void get_selector(struct nlattr *nest, struct ike_child_cfg *out)
{
	struct nlattr *attr[ESPTUN_A_SELECTOR_MAX + 1] = { NULL };

	memset(out, 0, sizeof(*out));
	if (nla_parse_nested(attr, ESPTUN_A_SELECTOR_MAX, nest, NULL) < 0)
		return;
	out->local.family = get_ip(attr[ESPTUN_A_SELECTOR_LOCAL_IPV4],
				   attr[ESPTUN_A_SELECTOR_LOCAL_IPV6], out->local.ip);
	out->remote.family = get_ip(attr[ESPTUN_A_SELECTOR_REMOTE_IPV4],
				    attr[ESPTUN_A_SELECTOR_REMOTE_IPV6], out->remote.ip);
	out->local.bits = get(attr[ESPTUN_A_SELECTOR_LOCAL_LEN]);
	out->remote.bits = get(attr[ESPTUN_A_SELECTOR_REMOTE_LEN]);
	out->local.proto = out->remote.proto = get(attr[ESPTUN_A_SELECTOR_PROTO]);
	out->local.port = get(attr[ESPTUN_A_SELECTOR_LOCAL_PORT]);
	out->remote.port = get(attr[ESPTUN_A_SELECTOR_REMOTE_PORT]);
}

static void parse_peer(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *attr[ESPTUN_A_PEER_MAX + 1], *nest;
	struct ike_child_cfg *selector;
	struct peer_dump *dump = arg;
	struct mod_peer peer = { 0 };
	int left;

	if (nla_parse(attr, ESPTUN_A_PEER_MAX, attrs, len, NULL) < 0)
		return;
	selector = calloc(len / NLA_HDRLEN + 1, sizeof(*selector));
	if (!selector)
		return;
	nla_for_each_attr (nest, attrs, len, left)
		if (nla_type(nest) == ESPTUN_A_PEER_SELECTORS)
			get_selector(nest, &selector[peer.n_selectors++]);
	peer.selector = selector;
	peer.ifindex = get(attr[ESPTUN_A_PEER_IFINDEX]);
	peer.id = get(attr[ESPTUN_A_PEER_ID]);
	get_addr(attr[ESPTUN_A_PEER_REMOTE_IPV4], attr[ESPTUN_A_PEER_REMOTE_IPV6],
		 &peer.remote);
	get_addr(attr[ESPTUN_A_PEER_LOCAL_IPV4], attr[ESPTUN_A_PEER_LOCAL_IPV6],
		 &peer.local);
	peer.encap_sport = get_port(attr[ESPTUN_A_PEER_ENCAP_SPORT]);
	peer.encap_dport = get_port(attr[ESPTUN_A_PEER_ENCAP_DPORT]);
	peer.has_encap = peer.encap_dport;
	if (attr[ESPTUN_A_PEER_MAPPING])
		peer.mapping = MOD_MAPPING_IGNORE + get(attr[ESPTUN_A_PEER_MAPPING]);
	peer.has_acquire = attr[ESPTUN_A_PEER_ACQUIRE];
	peer.acquire = get(attr[ESPTUN_A_PEER_ACQUIRE]);
	peer.has_out = attr[ESPTUN_A_PEER_SPI_OUT];
	get_octets(attr[ESPTUN_A_PEER_SPI_OUT], peer.spi_out);
	peer.mtu = get(attr[ESPTUN_A_PEER_MTU]);
	get_drops(attrs, len, ESPTUN_A_PEER_DROPS, &peer.drops);
	dump->fn(dump->ctx, &peer);
	free(selector);
}

int mod_peer_dump(struct mod *mod, uint32_t ifindex,
		  void (*fn)(void *ctx, const struct mod_peer *), void *ctx)
{
	struct nl_msg *msg = mod_request(mod, ESPTUN_CMD_PEER_GET, NLM_F_DUMP);
	struct peer_dump dump = { .fn = fn, .ctx = ctx };
	struct waiting w = { .parse = parse_peer, .arg = &dump };

	if (!msg)
		return -1;
	if (ifindex)
		nla_put_u32(msg, ESPTUN_A_PEER_IFINDEX, ifindex);
	return mod_transact(mod, msg, &w);
}

struct sa_dump {
	void (*fn)(void *ctx, const struct mod_sa *sa);
	void *ctx;
};

static int index_of(const uint32_t *values, int n, uint32_t value)
{
	while (--n > 0 && values[n] != value)
		;
	return n;
}

static void get_suite(struct nlattr **attr, struct esp_proposal *out)
{
	out->cipher = index_of(mod_cipher, MOD_CIPHERS, get(attr[ESPTUN_A_SA_CIPHER]));
	out->key_bits = get(attr[ESPTUN_A_SA_KEY_BITS]);
	out->integ = index_of(mod_integ, MOD_INTEGS, get(attr[ESPTUN_A_SA_INTEG]));
	out->esn = attr[ESPTUN_A_SA_ESN];
}

static void parse_sa(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *attr[ESPTUN_A_SA_MAX + 1];
	struct nlattr *limit[ESPTUN_A_LIMITS_MAX + 1] = { NULL };
	struct sa_dump *dump = arg;
	struct mod_sa sa = { 0 };
	int i;

	if (nla_parse(attr, ESPTUN_A_SA_MAX, attrs, len, NULL) < 0)
		return;
	if (attr[ESPTUN_A_SA_LIMITS])
		nla_parse_nested(limit, ESPTUN_A_LIMITS_MAX, attr[ESPTUN_A_SA_LIMITS],
				 NULL);
	for (i = 0; i < MOD_LIMITS; i++)
		sa.limit[i] = get(limit[ESPTUN_A_LIMITS_SOFT_SECONDS + i]);
	sa.ifindex = get(attr[ESPTUN_A_SA_IFINDEX]);
	sa.peer = get(attr[ESPTUN_A_SA_PEER_ID]);
	sa.out = get(attr[ESPTUN_A_SA_DIRECTION]) == ESPTUN_DIRECTION_OUT;
	get_octets(attr[ESPTUN_A_SA_SPI], sa.spi);
	get_suite(attr, &sa.suite);
	sa.replay_window = get(attr[ESPTUN_A_SA_REPLAY_WINDOW]);
	get_octets(attr[ESPTUN_A_SA_PAIR_SPI], sa.pair_spi);
	sa.active = attr[ESPTUN_A_SA_ACTIVE];
	sa.reserved = attr[ESPTUN_A_SA_RESERVED];
	sa.age = get(attr[ESPTUN_A_SA_AGE]);
	sa.packets = get(attr[ESPTUN_A_SA_PACKETS]);
	sa.bytes = get(attr[ESPTUN_A_SA_BYTES]);
	sa.seq = get(attr[ESPTUN_A_SA_SEQ]);
	get_string(attr[ESPTUN_A_SA_DRIVER], sa.driver, sizeof(sa.driver));
	get_drops(attrs, len, ESPTUN_A_SA_DROPS, &sa.drops);
	get_late(attrs, len, sa.late);
	dump->fn(dump->ctx, &sa);
}

int mod_sa_dump(struct mod *mod, uint32_t ifindex,
		void (*fn)(void *ctx, const struct mod_sa *), void *ctx)
{
	struct nl_msg *msg = mod_request(mod, ESPTUN_CMD_SA_GET, NLM_F_DUMP);
	struct sa_dump dump = { .fn = fn, .ctx = ctx };
	struct waiting w = { .parse = parse_sa, .arg = &dump };

	if (!msg)
		return -1;
	if (ifindex)
		nla_put_u32(msg, ESPTUN_A_SA_IFINDEX, ifindex);
	return mod_transact(mod, msg, &w);
}

int mod_events_open(struct mod *mod)
{
	int group =
		genl_ctrl_resolve_grp(mod->sock, ESPTUN_GENL_NAME, ESPTUN_MCGRP_EVENTS);
	int err = group < 0 ? group : -NLE_NOMEM;

	if (group >= 0)
		mod->events = mod_socket();
	if (mod->events) {
		nl_socket_set_nonblocking(mod->events);
		nl_socket_set_buffer_size(mod->events, EVENTS_RCVBUF, 0);
		err = nl_socket_add_membership(mod->events, group);
	}
	if (err < 0) {
		snprintf(mod->why, sizeof(mod->why), "cannot listen to events: %s",
			 nl_geterror(err));
		return -1;
	}
	return nl_socket_get_fd(mod->events);
}

struct event_reader {
	void (*fn)(void *ctx, const struct mod_event *event);
	void *ctx;
};

static void parse_sa_event(struct nlattr **attr, struct mod_event *ev)
{
	uint64_t reason = get(attr[ESPTUN_A_SA_REASON]);

	ev->ifindex = get(attr[ESPTUN_A_SA_IFINDEX]);
	ev->peer = get(attr[ESPTUN_A_SA_PEER_ID]);
	ev->out = get(attr[ESPTUN_A_SA_DIRECTION]) == ESPTUN_DIRECTION_OUT;
	get_octets(attr[ESPTUN_A_SA_SPI], ev->spi);
	ev->hard = attr[ESPTUN_A_SA_HARD];
	ev->reason = "unknown";
	if (reason < sizeof(reason_name) / sizeof(reason_name[0]))
		ev->reason = reason_name[reason];
	ev->packets = get(attr[ESPTUN_A_SA_PACKETS]);
	ev->bytes = get(attr[ESPTUN_A_SA_BYTES]);
}

static void parse_peer_event(struct nlattr **attr, struct mod_event *ev)
{
	ev->ifindex = get(attr[ESPTUN_A_PEER_IFINDEX]);
	ev->peer = get(attr[ESPTUN_A_PEER_ID]);
	get_addr(attr[ESPTUN_A_PEER_REMOTE_IPV4], attr[ESPTUN_A_PEER_REMOTE_IPV6],
		 &ev->addr);
	ev->addr.port = get_port(attr[ESPTUN_A_PEER_ENCAP_DPORT]);
	ev->mtu = get(attr[ESPTUN_A_PEER_MTU]);
}

static int on_event(struct nl_msg *msg, void *arg)
{
	static const struct {
		enum mod_event_type type;
		void (*parse)(struct nlattr **attr, struct mod_event *ev);
		int max;
	} kind[] = {
		[ESPTUN_CMD_SA_EXPIRE_NTF] = { MOD_EXPIRE, parse_sa_event,
					       ESPTUN_A_SA_MAX },
		[ESPTUN_CMD_SA_FIRST_NTF] = { MOD_FIRST, parse_sa_event,
					      ESPTUN_A_SA_MAX },
		[ESPTUN_CMD_ACQUIRE_NTF] = { MOD_ACQUIRE, parse_peer_event,
					     ESPTUN_A_PEER_MAX },
		[ESPTUN_CMD_PEER_MOVED_NTF] = { MOD_MOVED, parse_peer_event,
						ESPTUN_A_PEER_MAX },
		[ESPTUN_CMD_PEER_MTU_NTF] = { MOD_MTU, parse_peer_event,
					      ESPTUN_A_PEER_MAX },
	};
	struct nlattr *attr[ESPTUN_A_SA_MAX + 1]; /* a peer has fewer */
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct event_reader *r = arg;
	struct mod_event ev = { 0 };
	size_t cmd;

	if (!genlmsg_valid_hdr(h, 0))
		return NL_OK;
	cmd = genlmsg_hdr(h)->cmd;
	if (cmd >= sizeof(kind) / sizeof(kind[0]) || !kind[cmd].parse ||
	    genlmsg_parse(h, 0, attr, kind[cmd].max, NULL) < 0)
		return NL_OK;
	ev.type = kind[cmd].type;
	kind[cmd].parse(attr, &ev);
	r->fn(r->ctx, &ev);
	return NL_OK;
}

_Static_assert((int)ESPTUN_A_PEER_MAX <= (int)ESPTUN_A_SA_MAX, "on_event()'s attr");

/* Events answer no request, so their sequence numbers say nothing. */
static int on_event_seq(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

int mod_events_read(struct mod *mod, void (*fn)(void *ctx, const struct mod_event *),
		    void *ctx)
{
	struct event_reader r = { .fn = fn, .ctx = ctx };
	struct mod_event lost = { .type = MOD_LOST };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!cb)
		return mod_explain(mod, ENOMEM, NULL, 0);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_event, &r);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_event_seq, NULL);
	do {
		errno = 0;
		err = nl_recvmsgs(mod->events, cb);
		if (err == -NLE_NOMEM && errno == ENOBUFS)
			fn(ctx, &lost);
	} while (err >= 0 || (err == -NLE_NOMEM && errno == ENOBUFS));
	nl_cb_put(cb);
	if (err == -NLE_AGAIN)
		return 0;
	snprintf(mod->why, sizeof(mod->why), "events: %s", nl_geterror(err));
	return -1;
}
