// SPDX-License-Identifier: MIT
/*
 * libnl client of the module: peers, SAs, counters, events.
 *
 * One request is under way at a time, and its answer is waited for: the kernel answers
 * before it returns from the send. Messages that hold keys are wiped once sent, and the
 * kernel is asked not to send requests back in its errors.
 */
#include "netlink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/esptun.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/family.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <openssl/crypto.h>

#define MESSAGE_MAX   32768 /* a peer with some hundred selectors */
#define EVENTS_RCVBUF (1024 * 1024)

struct mod {
	struct nl_sock *sock, *events;
	int family;
	char why[MOD_WHY];
};

/* What one request is waiting for. */
struct waiting {
	struct mod *mod;
	int left; /* 1 until the kernel said that it is done, then 0 or -1 */
	void (*parse)(struct nlattr *attr, int len, void *arg);
	void *arg;
};

const char *const mod_limit_name[MOD_LIMITS] = {
	[MOD_SOFT_SECONDS] = "soft-seconds", [MOD_HARD_SECONDS] = "hard-seconds",
	[MOD_SOFT_BYTES] = "soft-bytes",     [MOD_HARD_BYTES] = "hard-bytes",
	[MOD_SOFT_PACKETS] = "soft-packets", [MOD_HARD_PACKETS] = "hard-packets",
};

static const char *const reason_name[] = {
	[ESPTUN_EXPIRE_REASON_TIME] = "time",
	[ESPTUN_EXPIRE_REASON_BYTES] = "bytes",
	[ESPTUN_EXPIRE_REASON_PACKETS] = "packets",
};

const char *mod_why(const struct mod *mod)
{
	return mod->why;
}

/* The kernel's own words (extack) where there are some. */
static int explain(struct mod *mod, int err, struct nlattr *tlv, int len)
{
	struct nlattr *attr[NLMSGERR_ATTR_MAX + 1] = { NULL };
	struct nlattr *msg = NULL;

	if (tlv && nla_parse(attr, NLMSGERR_ATTR_MAX, tlv, len, NULL) == 0)
		msg = attr[NLMSGERR_ATTR_MSG];
	if (msg)
		snprintf(mod->why, sizeof(mod->why), "%.*s", nla_len(msg),
			 (const char *)nla_data(msg));
	else if (err == EPERM || err == EACCES)
		snprintf(mod->why, sizeof(mod->why), "needs CAP_NET_ADMIN: run as root");
	else
		snprintf(mod->why, sizeof(mod->why), "the kernel says: %s",
			 strerror(err));
	return -1;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *h = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	struct waiting *w = arg;
	struct nlattr *tlv = NULL;
	int skip = sizeof(*e), len = 0;

	(void)from;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && nlmsg_datalen(h) > skip) {
		tlv = (struct nlattr *)((char *)e + skip);
		len = nlmsg_datalen(h) - skip;
	}
	w->left = explain(w->mod, -e->error, tlv, len);
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct waiting *w = arg;

	(void)msg;
	w->left = 0;
	return NL_STOP;
}

/* A dump's end carries its error, which libnl does not look at. */
static int on_done(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	int len = nlmsg_datalen(h), code = 0, skip = NLMSG_ALIGN(sizeof(code));
	struct waiting *w = arg;
	struct nlattr *tlv = NULL;

	if (len >= (int)sizeof(code))
		memcpy(&code, nlmsg_data(h), sizeof(code));
	w->left = 0;
	if (code >= 0)
		return NL_STOP;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && len > skip)
		tlv = (struct nlattr *)((char *)nlmsg_data(h) + skip);
	w->left = explain(w->mod, -code, tlv, len - skip);
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *h = nlmsg_data(nlmsg_hdr(msg));
	struct waiting *w = arg;

	if (w->parse && genlmsg_valid_hdr(nlmsg_hdr(msg), 0))
		w->parse(genlmsg_attrdata(h, 0), genlmsg_attrlen(h, 0), w->arg);
	return NL_OK;
}

/* Sends and frees msg, and waits until the kernel has done it. */
static int transact(struct mod *mod, struct nl_msg *msg, struct waiting *w)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	w->mod = mod;
	w->left = 1;
	if (!cb) {
		nlmsg_free(msg);
		return explain(mod, ENOMEM, NULL, 0);
	}
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, w);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, w);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_done, w);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, w);

	err = nl_send_auto(mod->sock, msg);
	OPENSSL_cleanse(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	while (err >= 0 && w->left > 0)
		err = nl_recvmsgs(mod->sock, cb);
	nl_cb_put(cb);
	if (w->left > 0) {
		snprintf(mod->why, sizeof(mod->why), "netlink: %s", nl_geterror(err));
		return -1;
	}
	return w->left;
}

static struct nl_msg *request(struct mod *mod, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_MAX);

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, mod->family, 0, flags, cmd,
			       ESPTUN_GENL_VERSION))
		return msg;
	nlmsg_free(msg);
	explain(mod, ENOMEM, NULL, 0);
	return NULL;
}

static int too_big(struct mod *mod, struct nl_msg *msg)
{
	OPENSSL_cleanse(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	snprintf(mod->why, sizeof(mod->why), "too many selectors for one request");
	return -1;
}

static struct nl_sock *open_socket(void)
{
	/* Not nl_socket_alloc(): that one dumps messages, keys and all, if NLCB says so. */
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct nl_sock *sock = cb ? nl_socket_alloc_cb(cb) : NULL;

	if (cb)
		nl_cb_put(cb);
	if (sock && genl_connect(sock) < 0) {
		nl_socket_free(sock);
		sock = NULL;
	}
	return sock;
}

static void set_option(struct nl_sock *sock, int option)
{
	int on = 1;

	/* An older kernel gives plainer errors; nothing else depends on it. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, option, &on, sizeof(on));
}

/* Asking by name loads the module where it is installed; the list has the version. */
static int find_family(struct mod *mod, char why[MOD_WHY])
{
	struct genl_family *family;
	struct nl_cache *cache;
	int version = 0;

	mod->family = genl_ctrl_resolve(mod->sock, ESPTUN_GENL_NAME);
	if (mod->family < 0 || genl_ctrl_alloc_cache(mod->sock, &cache) < 0) {
		snprintf(
			why, MOD_WHY,
			"the esptun module is not loaded: insmod esptun.ko or modprobe esptun");
		return -1;
	}
	family = genl_ctrl_search_by_name(cache, ESPTUN_GENL_NAME);
	if (family) {
		version = genl_family_get_version(family);
		genl_family_put(family);
	}
	nl_cache_free(cache);
	if (version == ESPTUN_GENL_VERSION)
		return 0;
	snprintf(why, MOD_WHY,
		 "the esptun module speaks API version %d, this ikehelper version %d: "
		 "install both from one release",
		 version, ESPTUN_GENL_VERSION);
	return -1;
}

struct mod *mod_open(char why[MOD_WHY])
{
	struct mod *mod = calloc(1, sizeof(*mod));

	if (mod)
		mod->sock = open_socket();
	if (!mod || !mod->sock) {
		snprintf(why, MOD_WHY, "cannot open a generic netlink socket: %s",
			 strerror(errno));
		goto err;
	}
	set_option(mod->sock, NETLINK_EXT_ACK);
	set_option(mod->sock, NETLINK_CAP_ACK);
	if (find_family(mod, why) < 0)
		goto err;
	return mod;
err:
	mod_close(mod);
	return NULL;
}

void mod_close(struct mod *mod)
{
	if (!mod)
		return;
	nl_socket_free(mod->events);
	nl_socket_free(mod->sock);
	free(mod);
}

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

static void get_addr(struct nlattr *a, struct ike_addr *out)
{
	static const uint8_t zero[4];

	memset(out, 0, sizeof(*out));
	get_octets(a, out->ip);
	out->family = memcmp(out->ip, zero, 4) ? 4 : 0;
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
	struct nl_msg *msg = request(mod, ESPTUN_CMD_DEV_GET, 0);
	struct waiting w = { .parse = parse_dev, .arg = out };

	memset(out, 0, sizeof(*out));
	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_DEV_IFINDEX, ifindex);
	return transact(mod, msg, &w);
}

static int put_selector(struct nl_msg *msg, const struct ike_child_cfg *s)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | ESPTUN_A_PEER_SELECTORS);
	uint8_t proto = s->local.proto ? s->local.proto : s->remote.proto;

	if (!nest || nla_put(msg, ESPTUN_A_SELECTOR_LOCAL_IPV4, 4, s->local.ip) ||
	    nla_put_u8(msg, ESPTUN_A_SELECTOR_LOCAL_LEN, s->local.bits) ||
	    nla_put(msg, ESPTUN_A_SELECTOR_REMOTE_IPV4, 4, s->remote.ip) ||
	    nla_put_u8(msg, ESPTUN_A_SELECTOR_REMOTE_LEN, s->remote.bits))
		return -1;
	if (proto && nla_put_u8(msg, ESPTUN_A_SELECTOR_PROTO, proto))
		return -1;
	if (s->local.port &&
	    nla_put_u16(msg, ESPTUN_A_SELECTOR_LOCAL_PORT, s->local.port))
		return -1;
	if (s->remote.port &&
	    nla_put_u16(msg, ESPTUN_A_SELECTOR_REMOTE_PORT, s->remote.port))
		return -1;
	return nla_nest_end(msg, nest);
}

int mod_peer_set(struct mod *mod, const struct mod_peer *peer)
{
	struct nl_msg *msg = request(mod, ESPTUN_CMD_PEER_SET, 0);
	struct waiting w = { .parse = NULL };
	size_t i;

	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_PEER_IFINDEX, peer->ifindex);
	nla_put_u32(msg, ESPTUN_A_PEER_ID, peer->id);
	if (peer->remote.family)
		nla_put(msg, ESPTUN_A_PEER_REMOTE_IPV4, 4, peer->remote.ip);
	if (peer->local.family)
		nla_put(msg, ESPTUN_A_PEER_LOCAL_IPV4, 4, peer->local.ip);
	for (i = 0; i < peer->n_selectors; i++)
		if (put_selector(msg, &peer->selector[i]) < 0)
			return too_big(mod, msg);
	return transact(mod, msg, &w);
}

int mod_peer_del(struct mod *mod, uint32_t ifindex, uint32_t id)
{
	struct nl_msg *msg = request(mod, ESPTUN_CMD_PEER_DEL, 0);
	struct waiting w = { .parse = NULL };

	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_PEER_IFINDEX, ifindex);
	nla_put_u32(msg, ESPTUN_A_PEER_ID, id);
	return transact(mod, msg, &w);
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
	out->local.family = out->remote.family = 4;
	get_octets(attr[ESPTUN_A_SELECTOR_LOCAL_IPV4], out->local.ip);
	get_octets(attr[ESPTUN_A_SELECTOR_REMOTE_IPV4], out->remote.ip);
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
	get_addr(attr[ESPTUN_A_PEER_REMOTE_IPV4], &peer.remote);
	get_addr(attr[ESPTUN_A_PEER_LOCAL_IPV4], &peer.local);
	peer.has_out = attr[ESPTUN_A_PEER_SPI_OUT];
	get_octets(attr[ESPTUN_A_PEER_SPI_OUT], peer.spi_out);
	get_drops(attrs, len, ESPTUN_A_PEER_DROPS, &peer.drops);
	dump->fn(dump->ctx, &peer);
	free(selector);
}

int mod_peer_dump(struct mod *mod, uint32_t ifindex,
		  void (*fn)(void *ctx, const struct mod_peer *), void *ctx)
{
	struct nl_msg *msg = request(mod, ESPTUN_CMD_PEER_GET, NLM_F_DUMP);
	struct peer_dump dump = { .fn = fn, .ctx = ctx };
	struct waiting w = { .parse = parse_peer, .arg = &dump };

	if (!msg)
		return -1;
	if (ifindex)
		nla_put_u32(msg, ESPTUN_A_PEER_IFINDEX, ifindex);
	return transact(mod, msg, &w);
}

/* The first attributes of every request that is about an SA. */
static struct nl_msg *sa_request(struct mod *mod, int cmd, uint32_t ifindex,
				 uint32_t peer)
{
	struct nl_msg *msg = request(mod, cmd, 0);

	if (msg) {
		nla_put_u32(msg, ESPTUN_A_SA_IFINDEX, ifindex);
		nla_put_u32(msg, ESPTUN_A_SA_PEER_ID, peer);
	}
	return msg;
}

static void parse_spi(struct nlattr *attrs, int len, void *arg)
{
	get_octets(nla_find(attrs, len, ESPTUN_A_SA_SPI), arg);
}

int mod_spi_alloc(struct mod *mod, uint32_t ifindex, uint32_t peer, uint8_t spi[4])
{
	struct nl_msg *msg = sa_request(mod, ESPTUN_CMD_SPI_ALLOC, ifindex, peer);
	struct waiting w = { .parse = parse_spi, .arg = spi };

	return msg ? transact(mod, msg, &w) : -1;
}

static uint32_t cipher_to_uapi(enum ike_cipher c)
{
	return c == CIPHER_AES_GCM_16 ? ESPTUN_CIPHER_AES_GCM_16 : ESPTUN_CIPHER_AES_CBC;
}

static int integ_to_uapi(enum ike_hash h)
{
	switch (h) {
	case HASH_NONE:
		return ESPTUN_INTEG_NONE;
	case HASH_SHA1:
		return ESPTUN_INTEG_HMAC_SHA1_96;
	case HASH_SHA256:
		return ESPTUN_INTEG_HMAC_SHA256_128;
	default:
		return -1;
	}
}

static void put_limits(struct nl_msg *msg, const uint64_t limit[MOD_LIMITS])
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | ESPTUN_A_SA_LIMITS);
	int i;

	for (i = 0; i < MOD_LIMITS; i++)
		if (limit[i])
			nla_put_u64(msg, ESPTUN_A_LIMITS_SOFT_SECONDS + i, limit[i]);
	nla_nest_end(msg, nest);
}

int mod_sa_new(struct mod *mod, const struct mod_sa *sa)
{
	static const uint8_t none[4];
	struct waiting w = { .parse = NULL };
	int integ = integ_to_uapi(sa->suite.integ);
	struct nl_msg *msg;

	if (integ < 0 || (sa->suite.cipher != CIPHER_AES_GCM_16 &&
			  sa->suite.cipher != CIPHER_AES_CBC)) {
		snprintf(mod->why, sizeof(mod->why), "the module has no such algorithm");
		return -1;
	}
	msg = sa_request(mod, ESPTUN_CMD_SA_NEW, sa->ifindex, sa->peer);
	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_SA_DIRECTION,
		    sa->out ? ESPTUN_DIRECTION_OUT : ESPTUN_DIRECTION_IN);
	nla_put(msg, ESPTUN_A_SA_SPI, 4, sa->spi);
	nla_put_u32(msg, ESPTUN_A_SA_CIPHER, cipher_to_uapi(sa->suite.cipher));
	nla_put_u32(msg, ESPTUN_A_SA_INTEG, integ);
	nla_put(msg, ESPTUN_A_SA_KEY, sa->key_len, sa->key);
	if (sa->integ_key_len)
		nla_put(msg, ESPTUN_A_SA_INTEG_KEY, sa->integ_key_len, sa->integ_key);
	if (sa->suite.esn)
		nla_put_flag(msg, ESPTUN_A_SA_ESN);
	if (sa->replay_window)
		nla_put_u32(msg, ESPTUN_A_SA_REPLAY_WINDOW, sa->replay_window);
	put_limits(msg, sa->limit);
	if (memcmp(sa->pair_spi, none, 4))
		nla_put(msg, ESPTUN_A_SA_PAIR_SPI, 4, sa->pair_spi);
	if (sa->active)
		nla_put_flag(msg, ESPTUN_A_SA_ACTIVE);
	return transact(mod, msg, &w);
}

int mod_sa_activate(struct mod *mod, uint32_t ifindex, uint32_t peer,
		    const uint8_t spi[4])
{
	struct nl_msg *msg = sa_request(mod, ESPTUN_CMD_SA_ACTIVATE, ifindex, peer);
	struct waiting w = { .parse = NULL };

	if (!msg)
		return -1;
	nla_put(msg, ESPTUN_A_SA_SPI, 4, spi);
	return transact(mod, msg, &w);
}

int mod_sa_del(struct mod *mod, uint32_t ifindex, uint32_t peer, bool out,
	       const uint8_t spi[4])
{
	struct nl_msg *msg = sa_request(mod, ESPTUN_CMD_SA_DEL, ifindex, peer);
	struct waiting w = { .parse = NULL };

	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_SA_DIRECTION,
		    out ? ESPTUN_DIRECTION_OUT : ESPTUN_DIRECTION_IN);
	nla_put(msg, ESPTUN_A_SA_SPI, 4, spi);
	return transact(mod, msg, &w);
}

struct sa_dump {
	void (*fn)(void *ctx, const struct mod_sa *sa);
	void *ctx;
};

static void get_suite(struct nlattr **attr, struct esp_proposal *out)
{
	out->cipher = get(attr[ESPTUN_A_SA_CIPHER]) == ESPTUN_CIPHER_AES_CBC
			      ? CIPHER_AES_CBC
			      : CIPHER_AES_GCM_16;
	switch (get(attr[ESPTUN_A_SA_INTEG])) {
	case ESPTUN_INTEG_HMAC_SHA1_96:
		out->integ = HASH_SHA1;
		break;
	case ESPTUN_INTEG_HMAC_SHA256_128:
		out->integ = HASH_SHA256;
		break;
	default:
		out->integ = HASH_NONE;
	}
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
	dump->fn(dump->ctx, &sa);
}

int mod_sa_dump(struct mod *mod, uint32_t ifindex,
		void (*fn)(void *ctx, const struct mod_sa *), void *ctx)
{
	struct nl_msg *msg = request(mod, ESPTUN_CMD_SA_GET, NLM_F_DUMP);
	struct sa_dump dump = { .fn = fn, .ctx = ctx };
	struct waiting w = { .parse = parse_sa, .arg = &dump };

	if (!msg)
		return -1;
	if (ifindex)
		nla_put_u32(msg, ESPTUN_A_SA_IFINDEX, ifindex);
	return transact(mod, msg, &w);
}

int mod_events_open(struct mod *mod)
{
	int group =
		genl_ctrl_resolve_grp(mod->sock, ESPTUN_GENL_NAME, ESPTUN_MCGRP_EVENTS);
	int err = group < 0 ? group : -NLE_NOMEM;

	if (group >= 0)
		mod->events = open_socket();
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

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlattr *attr[ESPTUN_A_SA_MAX + 1];
	struct event_reader *r = arg;
	struct mod_event ev = { .type = MOD_EXPIRE, .reason = "unknown" };
	struct nlmsghdr *h = nlmsg_hdr(msg);
	uint64_t reason;

	if (genlmsg_parse(h, 0, attr, ESPTUN_A_SA_MAX, NULL) < 0)
		return NL_OK;
	switch (((struct genlmsghdr *)nlmsg_data(h))->cmd) {
	case ESPTUN_CMD_SA_FIRST_NTF:
		ev.type = MOD_FIRST;
		break;
	case ESPTUN_CMD_SA_EXPIRE_NTF:
		break;
	default:
		return NL_OK;
	}
	ev.ifindex = get(attr[ESPTUN_A_SA_IFINDEX]);
	ev.peer = get(attr[ESPTUN_A_SA_PEER_ID]);
	ev.out = get(attr[ESPTUN_A_SA_DIRECTION]) == ESPTUN_DIRECTION_OUT;
	get_octets(attr[ESPTUN_A_SA_SPI], ev.spi);
	ev.hard = attr[ESPTUN_A_SA_HARD];
	reason = get(attr[ESPTUN_A_SA_REASON]);
	if (reason < sizeof(reason_name) / sizeof(reason_name[0]))
		ev.reason = reason_name[reason];
	ev.packets = get(attr[ESPTUN_A_SA_PACKETS]);
	ev.bytes = get(attr[ESPTUN_A_SA_BYTES]);
	r->fn(r->ctx, &ev);
	return NL_OK;
}

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
		return explain(mod, ENOMEM, NULL, 0);
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
