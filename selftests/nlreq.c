// SPDX-License-Identifier: MIT
/*
 * Sends one request to the module, well made or not, and says what the module says of it.
 *
 * The helper checks what it is given before it asks the module; this does not, so that the
 * module's own refusals can be tried. No library either: what goes out is what is written here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/esptun.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 65536

enum type { U8, U16, U32, U64, BE16, BE32, IPV6, DEV, FLAG, OCTETS, NEST };

struct attr {
	const char *name;
	uint16_t number;
	enum type type;
	const struct attr *nest;
};

static const struct attr selector_attrs[] = {
	{ "local-ipv4", ESPTUN_A_SELECTOR_LOCAL_IPV4, BE32, NULL },
	{ "local-len", ESPTUN_A_SELECTOR_LOCAL_LEN, U8, NULL },
	{ "remote-ipv4", ESPTUN_A_SELECTOR_REMOTE_IPV4, BE32, NULL },
	{ "remote-len", ESPTUN_A_SELECTOR_REMOTE_LEN, U8, NULL },
	{ "proto", ESPTUN_A_SELECTOR_PROTO, U8, NULL },
	{ "local-port", ESPTUN_A_SELECTOR_LOCAL_PORT, U16, NULL },
	{ "remote-port", ESPTUN_A_SELECTOR_REMOTE_PORT, U16, NULL },
	{ "local-ipv6", ESPTUN_A_SELECTOR_LOCAL_IPV6, IPV6, NULL },
	{ "remote-ipv6", ESPTUN_A_SELECTOR_REMOTE_IPV6, IPV6, NULL },
	{ NULL, 0, FLAG, NULL },
};

static const struct attr limits_attrs[] = {
	{ "soft-seconds", ESPTUN_A_LIMITS_SOFT_SECONDS, U64, NULL },
	{ "hard-seconds", ESPTUN_A_LIMITS_HARD_SECONDS, U64, NULL },
	{ "soft-bytes", ESPTUN_A_LIMITS_SOFT_BYTES, U64, NULL },
	{ "hard-bytes", ESPTUN_A_LIMITS_HARD_BYTES, U64, NULL },
	{ "soft-packets", ESPTUN_A_LIMITS_SOFT_PACKETS, U64, NULL },
	{ "hard-packets", ESPTUN_A_LIMITS_HARD_PACKETS, U64, NULL },
	{ NULL, 0, FLAG, NULL },
};

static const struct attr dev_attrs[] = {
	{ "ifindex", ESPTUN_A_DEV_IFINDEX, DEV, NULL },
	{ NULL, 0, FLAG, NULL },
};

static const struct attr peer_attrs[] = {
	{ "ifindex", ESPTUN_A_PEER_IFINDEX, DEV, NULL },
	{ "id", ESPTUN_A_PEER_ID, U32, NULL },
	{ "remote-ipv4", ESPTUN_A_PEER_REMOTE_IPV4, BE32, NULL },
	{ "local-ipv4", ESPTUN_A_PEER_LOCAL_IPV4, BE32, NULL },
	{ "selectors", ESPTUN_A_PEER_SELECTORS, NEST, selector_attrs },
	{ "encap-sport", ESPTUN_A_PEER_ENCAP_SPORT, BE16, NULL },
	{ "encap-dport", ESPTUN_A_PEER_ENCAP_DPORT, BE16, NULL },
	{ "mapping", ESPTUN_A_PEER_MAPPING, U32, NULL },
	{ "acquire", ESPTUN_A_PEER_ACQUIRE, U8, NULL },
	{ "remote-ipv6", ESPTUN_A_PEER_REMOTE_IPV6, IPV6, NULL },
	{ "local-ipv6", ESPTUN_A_PEER_LOCAL_IPV6, IPV6, NULL },
	{ NULL, 0, FLAG, NULL },
};

static const struct attr sa_attrs[] = {
	{ "ifindex", ESPTUN_A_SA_IFINDEX, DEV, NULL },
	{ "peer-id", ESPTUN_A_SA_PEER_ID, U32, NULL },
	{ "direction", ESPTUN_A_SA_DIRECTION, U32, NULL },
	{ "spi", ESPTUN_A_SA_SPI, BE32, NULL },
	{ "cipher", ESPTUN_A_SA_CIPHER, U32, NULL },
	{ "integ", ESPTUN_A_SA_INTEG, U32, NULL },
	{ "key", ESPTUN_A_SA_KEY, OCTETS, NULL },
	{ "integ-key", ESPTUN_A_SA_INTEG_KEY, OCTETS, NULL },
	{ "esn", ESPTUN_A_SA_ESN, FLAG, NULL },
	{ "replay-window", ESPTUN_A_SA_REPLAY_WINDOW, U32, NULL },
	{ "limits", ESPTUN_A_SA_LIMITS, NEST, limits_attrs },
	{ "pair-spi", ESPTUN_A_SA_PAIR_SPI, BE32, NULL },
	{ "active", ESPTUN_A_SA_ACTIVE, FLAG, NULL },
	{ NULL, 0, FLAG, NULL },
};

static const struct {
	const char *name;
	uint8_t number;
	const struct attr *attrs;
} commands[] = {
	{ "dev-get", ESPTUN_CMD_DEV_GET, dev_attrs },
	{ "peer-set", ESPTUN_CMD_PEER_SET, peer_attrs },
	{ "peer-del", ESPTUN_CMD_PEER_DEL, peer_attrs },
	{ "peer-get", ESPTUN_CMD_PEER_GET, peer_attrs },
	{ "spi-alloc", ESPTUN_CMD_SPI_ALLOC, sa_attrs },
	{ "sa-new", ESPTUN_CMD_SA_NEW, sa_attrs },
	{ "sa-activate", ESPTUN_CMD_SA_ACTIVATE, sa_attrs },
	{ "sa-del", ESPTUN_CMD_SA_DEL, sa_attrs },
	{ "sa-get", ESPTUN_CMD_SA_GET, sa_attrs },
};

struct request {
	struct nlmsghdr *nlh;
	uint8_t buf[ROOM];
};

static void die(const char *what, const char *of)
{
	fprintf(stderr, "nlreq: %s%s%s\n", what, of ? ": " : "", of ? of : "");
	exit(2);
}

static void begin(struct request *r, uint16_t type, uint8_t cmd)
{
	struct genlmsghdr *genl;

	memset(r, 0, sizeof(*r));
	r->nlh = (struct nlmsghdr *)r->buf;
	r->nlh->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	r->nlh->nlmsg_type = type;
	r->nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = NLMSG_DATA(r->nlh);
	genl->cmd = cmd;
	genl->version = 1;
}

static struct nlattr *put(struct request *r, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)(r->buf + r->nlh->nlmsg_len);

	if (r->nlh->nlmsg_len + NLA_HDRLEN + len + NLA_ALIGNTO > ROOM)
		die("too long a request", NULL);
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, data, len);
	r->nlh->nlmsg_len += NLA_ALIGN(a->nla_len);
	return a;
}

static uint32_t be32(const char *text)
{
	struct in_addr a;

	return inet_pton(AF_INET, text, &a) == 1 ? a.s_addr
						 : htonl(strtoul(text, NULL, 0));
}

static uint32_t ifindex(const char *text)
{
	uint32_t i = if_nametoindex(text);

	return i ? i : strtoul(text, NULL, 0);
}

static void put_octets(struct request *r, uint16_t number, const char *hex)
{
	uint8_t data[1024];
	size_t len = 0;

	while (len < sizeof(data) && sscanf(hex + 2 * len, "%2hhx", &data[len]) == 1)
		len++;
	put(r, number, data, len);
}

/* As people write it, or octets, as many as one likes. */
static void put_ipv6(struct request *r, uint16_t number, const char *text)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, text, &a) == 1)
		put(r, number, &a, sizeof(a));
	else
		put_octets(r, number, text);
}

static void put_words(struct request *r, const struct attr *attrs, char *words, char end);

static void put_value(struct request *r, const struct attr *a, char *text)
{
	uint64_t v = strtoull(text, NULL, 0);
	uint32_t v32 = v;
	uint16_t v16 = v;
	uint8_t v8 = v;
	struct nlattr *nest;

	switch (a->type) {
	case U8:
		put(r, a->number, &v8, sizeof(v8));
		break;
	case U16:
		put(r, a->number, &v16, sizeof(v16));
		break;
	case U32:
		put(r, a->number, &v32, sizeof(v32));
		break;
	case U64:
		put(r, a->number, &v, sizeof(v));
		break;
	case BE16:
		v16 = htons(v16);
		put(r, a->number, &v16, sizeof(v16));
		break;
	case BE32:
		v32 = be32(text);
		put(r, a->number, &v32, sizeof(v32));
		break;
	case IPV6:
		put_ipv6(r, a->number, text);
		break;
	case DEV:
		v32 = ifindex(text);
		put(r, a->number, &v32, sizeof(v32));
		break;
	case FLAG:
		put(r, a->number, NULL, 0);
		break;
	case OCTETS:
		put_octets(r, a->number, text);
		break;
	case NEST:
		nest = put(r, a->number | NLA_F_NESTED, NULL, 0);
		put_words(r, a->nest, text, ',');
		nest->nla_len = r->buf + r->nlh->nlmsg_len - (uint8_t *)nest;
		break;
	}
}

/* NAME=VALUE, and more behind each end; a name that is not known may be a number, of a U32. */
static void put_words(struct request *r, const struct attr *attrs, char *words, char end)
{
	const char separator[2] = { end, '\0' };
	char *word;

	while ((word = strsep(&words, separator))) {
		const struct attr *a = attrs;
		struct attr unknown = { .type = U32 };
		char *value = strchr(word, '=');

		if (!*word)
			continue;
		if (value)
			*value++ = '\0';
		while (a->name && strcmp(a->name, word))
			a++;
		if (!a->name) {
			unknown.number = strtoul(word, NULL, 0);
			if (!unknown.number)
				die("no such attribute", word);
			a = &unknown;
		}
		put_value(r, a, value ? value : (char *)"");
	}
}

static int open_netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), one = 1;

	if (fd < 0)
		die("socket", strerror(errno));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	return fd;
}

static struct nlmsghdr *exchange(int fd, struct request *r, uint8_t *answer)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)answer;

	if (send(fd, r->buf, r->nlh->nlmsg_len, 0) < 0)
		die("send", strerror(errno));
	if (recv(fd, answer, ROOM, 0) < (ssize_t)NLMSG_HDRLEN)
		die("recv", strerror(errno));
	return nlh;
}

static const struct nlattr *find(const struct nlattr *a, const uint8_t *end,
				 uint16_t type)
{
	while ((const uint8_t *)a + NLA_HDRLEN <= end && a->nla_len >= NLA_HDRLEN) {
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		a = (const struct nlattr *)((const uint8_t *)a + NLA_ALIGN(a->nla_len));
	}
	return NULL;
}

static uint16_t family(int fd, uint8_t *answer)
{
	struct request r;
	struct nlmsghdr *nlh;
	const struct nlattr *a;
	uint16_t id;

	begin(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	r.nlh->nlmsg_flags = NLM_F_REQUEST;
	put(&r, CTRL_ATTR_FAMILY_NAME, ESPTUN_GENL_NAME, sizeof(ESPTUN_GENL_NAME));
	nlh = exchange(fd, &r, answer);
	if (nlh->nlmsg_type == NLMSG_ERROR)
		die("the module is not loaded", NULL);
	a = (const struct nlattr *)(answer + NLMSG_HDRLEN + GENL_HDRLEN);
	a = find(a, answer + nlh->nlmsg_len, CTRL_ATTR_FAMILY_ID);
	if (!a)
		die("no family number", NULL);
	memcpy(&id, (const uint8_t *)a + NLA_HDRLEN, sizeof(id));
	return id;
}

/* The type of the attribute that lies at this place of the request, or of the one around it. */
static void print_attr(const struct request *r, uint32_t offset)
{
	const struct nlattr *a;

	if (offset + NLA_HDRLEN > r->nlh->nlmsg_len)
		return;
	a = (const struct nlattr *)(r->buf + offset);
	printf(" [attribute %u]", a->nla_type & NLA_TYPE_MASK);
}

static int print_ack(const struct request *r, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = NLMSG_DATA(nlh);
	size_t skip = NLMSG_HDRLEN + sizeof(*err);
	const uint8_t *end = (const uint8_t *)nlh + nlh->nlmsg_len;
	const struct nlattr *first, *a;
	uint32_t offset;

	if (!err->error) {
		puts("ok");
		return 0;
	}
	printf("%s", strerror(-err->error));
	/* Without NLM_F_CAPPED the whole request comes back in between. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
	first = (const struct nlattr *)((const uint8_t *)nlh + NLMSG_ALIGN(skip));
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		a = find(first, end, NLMSGERR_ATTR_MSG);
		if (a)
			printf(": %s", (const char *)a + NLA_HDRLEN);
		a = find(first, end, NLMSGERR_ATTR_OFFS);
		if (a) {
			memcpy(&offset, (const uint8_t *)a + NLA_HDRLEN, sizeof(offset));
			print_attr(r, offset);
		}
	}
	putchar('\n');
	return 1;
}

int main(int argc, char **argv)
{
	static uint8_t answer[ROOM];
	static struct request r;
	size_t i, n = sizeof(commands) / sizeof(commands[0]);
	struct nlmsghdr *nlh;
	int fd = open_netlink();

	for (i = 0; argc > 1 && i < n && strcmp(argv[1], commands[i].name); i++)
		;
	if (argc < 2 || i == n) {
		fprintf(stderr,
			"usage: nlreq COMMAND [ATTRIBUTE=VALUE]...\n"
			"names are those of esptun.yaml; selectors=NAME=VALUE,... nests\n");
		return 2;
	}
	begin(&r, family(fd, answer), commands[i].number);
	for (int arg = 2; arg < argc; arg++)
		put_words(&r, commands[i].attrs, argv[arg], '\0');
	nlh = exchange(fd, &r, answer);
	/* A reply; the acknowledgement follows. */
	if (nlh->nlmsg_type != NLMSG_ERROR) {
		puts("ok");
		return 0;
	}
	return print_ack(&r, nlh);
}
