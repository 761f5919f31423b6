// SPDX-License-Identifier: MIT
/*
 * libnl client of the module: the socket, and what it is asked to do.
 *
 * One request is under way at a time, and its answer is waited for: the kernel answers
 * before it returns from the send. Messages that hold keys are wiped once sent, and the
 * kernel is asked not to send requests back in its errors.
 */
#include "netlink_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netlink/genl/family.h>
#include <openssl/crypto.h>

#define MESSAGE_MAX 32768 /* a peer with some hundred selectors */

const char *const mod_limit_name[MOD_LIMITS] = {
	[MOD_SOFT_SECONDS] = "soft-seconds", [MOD_HARD_SECONDS] = "hard-seconds",
	[MOD_SOFT_BYTES] = "soft-bytes",     [MOD_HARD_BYTES] = "hard-bytes",
	[MOD_SOFT_PACKETS] = "soft-packets", [MOD_HARD_PACKETS] = "hard-packets",
};

const char *const mod_mapping_name[] = {
	[MOD_MAPPING_IGNORE] = "ignore",
	[MOD_MAPPING_EVENT] = "event",
	[MOD_MAPPING_FOLLOW] = "follow",
};

const uint32_t mod_cipher[MOD_CIPHERS] = {
	[CIPHER_AES_CBC] = ESPTUN_CIPHER_AES_CBC,
	[CIPHER_NULL] = ESPTUN_CIPHER_NULL,
	[CIPHER_AES_GCM_16] = ESPTUN_CIPHER_AES_GCM_16,
	[CIPHER_AES_CCM_16] = ESPTUN_CIPHER_AES_CCM_16,
	[CIPHER_CHACHA20_POLY1305] = ESPTUN_CIPHER_CHACHA20_POLY1305,
	[CIPHER_AES_GMAC] = ESPTUN_CIPHER_AES_GMAC,
	[CIPHER_AES_GCM_16_IIV] = ESPTUN_CIPHER_AES_GCM_16_IIV,
	[CIPHER_AES_CCM_16_IIV] = ESPTUN_CIPHER_AES_CCM_16_IIV,
	[CIPHER_CHACHA20_POLY1305_IIV] = ESPTUN_CIPHER_CHACHA20_POLY1305_IIV,
};

const uint32_t mod_integ[MOD_INTEGS] = {
	[HASH_NONE] = ESPTUN_INTEG_NONE,
	[HASH_SHA1] = ESPTUN_INTEG_HMAC_SHA1_96,
	[HASH_SHA256] = ESPTUN_INTEG_HMAC_SHA256_128,
	[HASH_SHA384] = ESPTUN_INTEG_HMAC_SHA384_192,
	[HASH_SHA512] = ESPTUN_INTEG_HMAC_SHA512_256,
};

const char *mod_why(const struct mod *mod)
{
	return mod->why;
}

/* The kernel's own words (extack) where there are some. */
int mod_explain(struct mod *mod, int err, struct nlattr *tlv, int len)
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
	w->left = mod_explain(w->mod, -e->error, tlv, len);
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
	w->left = mod_explain(w->mod, -code, tlv, len - skip);
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
int mod_transact(struct mod *mod, struct nl_msg *msg, struct waiting *w)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	w->mod = mod;
	w->left = 1;
	if (!cb) {
		nlmsg_free(msg);
		return mod_explain(mod, ENOMEM, NULL, 0);
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

struct nl_msg *mod_request(struct mod *mod, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_MAX);

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, mod->family, 0, flags, cmd,
			       ESPTUN_GENL_VERSION))
		return msg;
	nlmsg_free(msg);
	mod_explain(mod, ENOMEM, NULL, 0);
	return NULL;
}

static int too_big(struct mod *mod, struct nl_msg *msg)
{
	OPENSSL_cleanse(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	snprintf(mod->why, sizeof(mod->why), "too many selectors for one request");
	return -1;
}

struct nl_sock *mod_socket(void)
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
		mod->sock = mod_socket();
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

/* An address has one attribute for each family. */
static int put_ip(struct nl_msg *msg, int ipv4, int ipv6, uint8_t family,
		  const uint8_t *ip)
{
	return family == 6 ? nla_put(msg, ipv6, 16, ip) : nla_put(msg, ipv4, 4, ip);
}

static int put_selector(struct nl_msg *msg, const struct ike_child_cfg *s)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | ESPTUN_A_PEER_SELECTORS);
	uint8_t proto = s->local.proto ? s->local.proto : s->remote.proto;

	if (!nest ||
	    put_ip(msg, ESPTUN_A_SELECTOR_LOCAL_IPV4, ESPTUN_A_SELECTOR_LOCAL_IPV6,
		   s->local.family, s->local.ip) ||
	    nla_put_u8(msg, ESPTUN_A_SELECTOR_LOCAL_LEN, s->local.bits) ||
	    put_ip(msg, ESPTUN_A_SELECTOR_REMOTE_IPV4, ESPTUN_A_SELECTOR_REMOTE_IPV6,
		   s->remote.family, s->remote.ip) ||
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
	struct nl_msg *msg = mod_request(mod, ESPTUN_CMD_PEER_SET, 0);
	struct waiting w = { .parse = NULL };
	size_t i;

	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_PEER_IFINDEX, peer->ifindex);
	nla_put_u32(msg, ESPTUN_A_PEER_ID, peer->id);
	if (peer->remote.family)
		put_ip(msg, ESPTUN_A_PEER_REMOTE_IPV4, ESPTUN_A_PEER_REMOTE_IPV6,
		       peer->remote.family, peer->remote.ip);
	if (peer->local.family)
		put_ip(msg, ESPTUN_A_PEER_LOCAL_IPV4, ESPTUN_A_PEER_LOCAL_IPV6,
		       peer->local.family, peer->local.ip);
	if (peer->has_encap) {
		nla_put_u16(msg, ESPTUN_A_PEER_ENCAP_SPORT, htons(peer->encap_sport));
		nla_put_u16(msg, ESPTUN_A_PEER_ENCAP_DPORT, htons(peer->encap_dport));
	}
	if (peer->mapping)
		nla_put_u32(msg, ESPTUN_A_PEER_MAPPING,
			    ESPTUN_MAPPING_IGNORE + peer->mapping - MOD_MAPPING_IGNORE);
	if (peer->has_acquire)
		nla_put_u8(msg, ESPTUN_A_PEER_ACQUIRE, peer->acquire);
	for (i = 0; i < peer->n_selectors; i++)
		if (put_selector(msg, &peer->selector[i]) < 0)
			return too_big(mod, msg);
	return mod_transact(mod, msg, &w);
}

int mod_peer_del(struct mod *mod, uint32_t ifindex, uint32_t id)
{
	struct nl_msg *msg = mod_request(mod, ESPTUN_CMD_PEER_DEL, 0);
	struct waiting w = { .parse = NULL };

	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_PEER_IFINDEX, ifindex);
	nla_put_u32(msg, ESPTUN_A_PEER_ID, id);
	return mod_transact(mod, msg, &w);
}

/* The first attributes of every request that is about an SA. */
static struct nl_msg *sa_request(struct mod *mod, int cmd, uint32_t ifindex,
				 uint32_t peer)
{
	struct nl_msg *msg = mod_request(mod, cmd, 0);

	if (msg) {
		nla_put_u32(msg, ESPTUN_A_SA_IFINDEX, ifindex);
		nla_put_u32(msg, ESPTUN_A_SA_PEER_ID, peer);
	}
	return msg;
}

static void parse_spi(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *spi = nla_find(attrs, len, ESPTUN_A_SA_SPI);

	if (spi && nla_len(spi) == 4)
		memcpy(arg, nla_data(spi), 4);
}

int mod_spi_alloc(struct mod *mod, uint32_t ifindex, uint32_t peer, uint8_t spi[4])
{
	struct nl_msg *msg = sa_request(mod, ESPTUN_CMD_SPI_ALLOC, ifindex, peer);
	struct waiting w = { .parse = parse_spi, .arg = spi };

	memset(spi, 0, 4);
	return msg ? mod_transact(mod, msg, &w) : -1;
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
	struct nl_msg *msg = sa_request(mod, ESPTUN_CMD_SA_NEW, sa->ifindex, sa->peer);

	if (!msg)
		return -1;
	nla_put_u32(msg, ESPTUN_A_SA_DIRECTION,
		    sa->out ? ESPTUN_DIRECTION_OUT : ESPTUN_DIRECTION_IN);
	nla_put(msg, ESPTUN_A_SA_SPI, 4, sa->spi);
	nla_put_u32(msg, ESPTUN_A_SA_CIPHER, mod_cipher[sa->suite.cipher]);
	nla_put_u32(msg, ESPTUN_A_SA_INTEG, mod_integ[sa->suite.integ]);
	if (sa->key_len)
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
	return mod_transact(mod, msg, &w);
}

int mod_sa_activate(struct mod *mod, uint32_t ifindex, uint32_t peer,
		    const uint8_t spi[4])
{
	struct nl_msg *msg = sa_request(mod, ESPTUN_CMD_SA_ACTIVATE, ifindex, peer);
	struct waiting w = { .parse = NULL };

	if (!msg)
		return -1;
	nla_put(msg, ESPTUN_A_SA_SPI, 4, spi);
	return mod_transact(mod, msg, &w);
}

/* A request for one SA that is there. */
static struct nl_msg *one_sa_request(struct mod *mod, int cmd, uint32_t ifindex,
				     uint32_t peer, bool out, const uint8_t spi[4])
{
	struct nl_msg *msg = sa_request(mod, cmd, ifindex, peer);

	if (msg) {
		nla_put_u32(msg, ESPTUN_A_SA_DIRECTION,
			    out ? ESPTUN_DIRECTION_OUT : ESPTUN_DIRECTION_IN);
		nla_put(msg, ESPTUN_A_SA_SPI, 4, spi);
	}
	return msg;
}

int mod_sa_del(struct mod *mod, uint32_t ifindex, uint32_t peer, bool out,
	       const uint8_t spi[4])
{
	struct nl_msg *msg =
		one_sa_request(mod, ESPTUN_CMD_SA_DEL, ifindex, peer, out, spi);
	struct waiting w = { .parse = NULL };

	return msg ? mod_transact(mod, msg, &w) : -1;
}

/* A number of eight octets; 0 when it is not there. */
static uint64_t find_u64(struct nlattr *attrs, int len, int type)
{
	struct nlattr *a = nla_find(attrs, len, type);

	return a && nla_len(a) == 8 ? nla_get_u64(a) : 0;
}

static void parse_counters(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *limits = nla_find(attrs, len, ESPTUN_A_SA_LIMITS);
	struct mod_counters *c = arg;

	c->packets = find_u64(attrs, len, ESPTUN_A_SA_PACKETS);
	c->bytes = find_u64(attrs, len, ESPTUN_A_SA_BYTES);
	if (!limits)
		return;
	attrs = nla_data(limits);
	len = nla_len(limits);
	c->hard_packets = find_u64(attrs, len, ESPTUN_A_LIMITS_HARD_PACKETS);
	c->hard_bytes = find_u64(attrs, len, ESPTUN_A_LIMITS_HARD_BYTES);
}

int mod_sa_counters(struct mod *mod, uint32_t ifindex, uint32_t peer, bool out,
		    const uint8_t spi[4], struct mod_counters *c)
{
	struct nl_msg *msg =
		one_sa_request(mod, ESPTUN_CMD_SA_GET, ifindex, peer, out, spi);
	struct waiting w = { .parse = parse_counters, .arg = c };

	memset(c, 0, sizeof(*c));
	return msg ? mod_transact(mod, msg, &w) : -1;
}

int mod_sa_packets(struct mod *mod, uint32_t ifindex, uint32_t peer, bool out,
		   const uint8_t spi[4], uint64_t *packets)
{
	struct mod_counters c;
	int err = mod_sa_counters(mod, ifindex, peer, out, spi, &c);

	*packets = c.packets;
	return err;
}
