// SPDX-License-Identifier: MIT
/*
 * Makes ESP packets byte by byte, good ones and bad ones, and sends them; or sends recorded
 * ones again. What a sender must never do, this one does.
 *
 * The layout is RFC 4303 section 2 in tunnel mode, with RFC 4106 (AES-GCM-16) or RFC 3602
 * and RFC 2404, 4868 (AES-CBC with HMAC). Keys are given as KEYMAT gives them: the cipher's,
 * its salt, the integrity algorithm's. Nothing here is shared with the code under test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IP_HLEN	     20
#define UDP_HLEN     8
#define ESP_HLEN     8
#define GCM_SALT_LEN 4
#define GCM_ICV_LEN  16
#define MAX_PACKET   65535

struct alg {
	const char *name;
	const EVP_CIPHER *(*cipher)(void);
	const EVP_MD *(*md)(void); /* NULL: the cipher has its own ICV */
	uint8_t key_len, iv_len, align, integ_len, icv_len;
};

static const struct alg algs[] = {
	{ "aes128gcm16", EVP_aes_128_gcm, NULL, 16, 8, 4, 0, GCM_ICV_LEN },
	{ "aes256gcm16", EVP_aes_256_gcm, NULL, 32, 8, 4, 0, GCM_ICV_LEN },
	{ "aes128-sha1", EVP_aes_128_cbc, EVP_sha1, 16, 16, 16, 20, 12 },
	{ "aes256-sha1", EVP_aes_256_cbc, EVP_sha1, 32, 16, 16, 20, 12 },
	{ "aes128-sha256", EVP_aes_128_cbc, EVP_sha256, 16, 16, 16, 32, 16 },
	{ "aes256-sha256", EVP_aes_256_cbc, EVP_sha256, 32, 16, 16, 32, 16 },
};

struct opts {
	struct in_addr src, dst, inner_src, inner_dst;
	uint32_t spi;
	const struct alg *alg;
	uint8_t key[80];
	bool esn;
	uint8_t next, proto;
	uint16_t sport, dport;
	bool rising;	   /* dport is one more in each packet */
	const char *inner; /* in hex, instead of a good packet */
	size_t tail;	   /* octets between the inner packet and the padding */
	size_t payload;	   /* octets behind the inner headers */
	size_t extra_pad;  /* octets of padding beyond what alignment needs */
	bool bad_pad;	   /* padding that is not 1, 2, 3, ... */
	int pad_len;	   /* lie about its length, -1: don't */
	size_t cut;	   /* octets taken from the end of the finished packet */
	uint16_t encap_sport, encap_dport; /* ESP in UDP (RFC 3948), 0: none */
	bool flip;    /* one bit of the finished packet, at flip_at */
	long flip_at; /* octet counted from the ESP header, negative from the end */
	int sock;
};

static void die(const char *what)
{
	fprintf(stderr, "espgen: %s\n", what);
	exit(1);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t ip_checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return ~sum;
}

static void put_ip(uint8_t *p, struct in_addr src, struct in_addr dst, uint8_t proto,
		   size_t len)
{
	memset(p, 0, IP_HLEN);
	p[0] = 0x45;
	put16(p + 2, len);
	p[8] = 64;
	p[9] = proto;
	memcpy(p + 12, &src, 4);
	memcpy(p + 16, &dst, 4);
	put16(p + 10, ip_checksum(p, IP_HLEN));
}

static size_t put_hex(uint8_t *p, size_t size, const char *hex)
{
	size_t len = 0;

	while (len < size && sscanf(hex + 2 * len, "%2hhx", &p[len]) == 1)
		len++;
	return strlen(hex) == 2 * len ? len : 0;
}

/*
 * An inner packet, UDP without a checksum unless proto says else, and behind it the TFC
 * padding of RFC 4303 section 2.7.
 */
static size_t put_inner(uint8_t *p, const struct opts *o)
{
	size_t len = IP_HLEN + UDP_HLEN + o->payload;

	if (o->inner)
		return put_hex(p, MAX_PACKET / 2, o->inner);
	put_ip(p, o->inner_src, o->inner_dst, o->proto, len);
	put16(p + IP_HLEN, o->sport);
	put16(p + IP_HLEN + 2, o->dport);
	put16(p + IP_HLEN + 4, UDP_HLEN + o->payload);
	put16(p + IP_HLEN + 6, 0);
	memset(p + IP_HLEN + UDP_HLEN, 'x', o->payload + o->tail);
	return len + o->tail;
}

/* Padding, pad length and next header (RFC 4303 section 2.4 to 2.6) behind len octets. */
static size_t put_trailer(uint8_t *p, size_t len, const struct opts *o)
{
	size_t pad = (o->alg->align - (len + 2) % o->alg->align) % o->alg->align +
		     o->extra_pad;

	/* Bad padding needs some. */
	if (o->bad_pad && !pad)
		pad = o->alg->align;
	for (size_t i = 0; i < pad; i++)
		p[len + i] = o->bad_pad ? 0xa5 : i + 1;
	p[len + pad] = o->pad_len < 0 ? pad : (size_t)o->pad_len;
	p[len + pad + 1] = o->next;
	return len + pad + 2;
}

static void encrypt(const struct opts *o, const uint8_t *iv, const uint8_t *aad,
		    size_t aad_len, uint8_t *text, size_t len, uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, end;

	if (!EVP_EncryptInit_ex(ctx, o->alg->cipher(), NULL, o->key, iv) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, 0) ||
	    (tag && !EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len)) ||
	    !EVP_EncryptUpdate(ctx, text, &n, text, len) ||
	    !EVP_EncryptFinal_ex(ctx, text + n, &end) ||
	    (tag && !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_ICV_LEN, tag)))
		die("encryption failed");
	EVP_CIPHER_CTX_free(ctx);
}

/* AES-GCM with ESP: RFC 4106 sections 4, 5; with ESN the AAD has the high word inside. */
static void seal_gcm(const struct opts *o, uint64_t seq, uint8_t *esp, size_t len)
{
	uint8_t nonce[GCM_SALT_LEN + 8], aad[12];
	uint8_t *iv = esp + ESP_HLEN, *text = iv + o->alg->iv_len;

	memcpy(nonce, o->key + o->alg->key_len, GCM_SALT_LEN);
	memcpy(nonce + GCM_SALT_LEN, iv, 8);
	memcpy(aad, esp, 4);
	put32(aad + 4, seq >> 32);
	put32(aad + (o->esn ? 8 : 4), seq);
	encrypt(o, nonce, aad, o->esn ? 12 : 8, text, len, text + len);
}

/* CBC, then HMAC over all, the high word of an ESN last (RFC 4303 section 2.2.1). */
static void seal_cbc(const struct opts *o, uint64_t seq, uint8_t *esp, size_t len)
{
	uint8_t *iv = esp + ESP_HLEN, *text = iv + o->alg->iv_len;
	uint8_t md[EVP_MAX_MD_SIZE];
	size_t covered = text + len - esp;
	unsigned int md_len;

	encrypt(o, iv, NULL, 0, text, len, NULL);
	put32(esp + covered, seq >> 32);
	if (!HMAC(o->alg->md(), o->key + o->alg->key_len, o->alg->integ_len, esp,
		  covered + (o->esn ? 4 : 0), md, &md_len))
		die("HMAC failed");
	memcpy(esp + covered, md, o->alg->icv_len);
}

static void send_packet(const struct opts *o, const uint8_t *packet, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	memcpy(&to.sin_addr, packet + 16, 4);
	if (sendto(o->sock, packet, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "espgen: send: %s\n", strerror(errno));
		exit(1);
	}
}

/* Where the ESP header is. */
static size_t esp_at(const struct opts *o)
{
	return IP_HLEN + (o->encap_dport ? UDP_HLEN : 0);
}

/* The headers before ESP, for a packet of len octets. */
static void put_outer(const struct opts *o, uint8_t *packet, size_t len)
{
	uint8_t *udp = packet + IP_HLEN;

	put_ip(packet, o->src, o->dst, o->encap_dport ? IPPROTO_UDP : IPPROTO_ESP, len);
	if (!o->encap_dport)
		return;
	put16(udp, o->encap_sport);
	put16(udp + 2, o->encap_dport);
	put16(udp + 4, len - IP_HLEN);
	put16(udp + 6, 0);
}

/* Spoils a finished IP packet as asked, and sends it. */
static void spoil_and_send(const struct opts *o, uint8_t *packet, size_t len)
{
	size_t esp_len = len - esp_at(o);
	size_t at = o->flip_at < 0 ? esp_len + o->flip_at : (size_t)o->flip_at;

	if (o->flip && at < esp_len)
		packet[esp_at(o) + at] ^= 1;
	len -= o->cut < esp_len ? o->cut : esp_len;
	put16(packet + 2, len);
	put16(packet + 10, 0);
	put16(packet + 10, ip_checksum(packet, IP_HLEN));
	send_packet(o, packet, len);
}

static void make_and_send(const struct opts *o, uint64_t seq)
{
	static uint8_t packet[MAX_PACKET];
	uint8_t *esp = packet + esp_at(o), *text = esp + ESP_HLEN + o->alg->iv_len;
	size_t len;

	put32(esp, o->spi);
	put32(esp + 4, seq);
	if (RAND_bytes(esp + ESP_HLEN, o->alg->iv_len) != 1)
		die("no random octets");
	len = put_trailer(text, put_inner(text, o), o);
	if (o->alg->md)
		seal_cbc(o, seq, esp, len);
	else
		seal_gcm(o, seq, esp, len);
	len += text - packet + o->alg->icv_len;
	put_outer(o, packet, len);
	spoil_and_send(o, packet, len);
}

/* "7", "5-9" or "3,1,2": one packet for each number, in this order. */
static void send_numbers(struct opts *o, const char *list)
{
	while (*list) {
		char *end;
		uint64_t first = strtoull(list, &end, 0), last = first;

		if (end != list && *end == '-')
			last = strtoull(end + 1, &end, 0);
		if (end == list || (*end && *end != ',') || last < first)
			die("sequence numbers are like 7 or 5-9 or 3,1,2");
		for (uint64_t seq = first; seq <= last; seq++) {
			make_and_send(o, seq);
			o->dport += o->rising;
		}
		list = *end ? end + 1 : end;
	}
}

/* Sends again the ESP packets for dst that pktwatch recorded. */
static int resend(const struct opts *o, const char *path)
{
	static uint8_t packet[MAX_PACKET];
	uint8_t head[2];
	FILE *file = fopen(path, "r");
	int sent = 0;

	if (!file)
		die("no such record");
	while (fread(head, sizeof(head), 1, file) == 1) {
		size_t len = head[0] << 8 | head[1];

		if (fread(packet, 1, len, file) != len)
			break;
		if (len < IP_HLEN + ESP_HLEN || packet[9] != IPPROTO_ESP ||
		    memcmp(packet + 16, &o->dst, 4))
			continue;
		spoil_and_send(o, packet, len);
		sent++;
	}
	fclose(file);
	printf("%d\n", sent);
	return sent ? 0 : 1;
}

static struct in_addr parse_addr(const char *s)
{
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) != 1)
		die("not an IPv4 address");
	return a;
}

static void parse_sa(struct opts *o, const char *spi, const char *name, const char *hex)
{
	size_t want;

	o->spi = strtoul(spi, NULL, 0);
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (!strcmp(algs[i].name, name))
			o->alg = &algs[i];
	if (!o->alg)
		die("unknown algorithm");
	want = o->alg->key_len + (o->alg->md ? o->alg->integ_len : GCM_SALT_LEN);
	if (put_hex(o->key, sizeof(o->key), hex) != want)
		die("key of a wrong length");
}

static void parse_option(struct opts *o, int opt)
{
	switch (opt) {
	case 'I':
		o->inner_src = parse_addr(optarg);
		break;
	case 'O':
		o->inner_dst = parse_addr(optarg);
		break;
	case 'P':
		o->proto = atoi(optarg);
		break;
	case 'S':
		o->sport = atoi(optarg);
		break;
	case 'D':
		o->dport = atoi(optarg);
		break;
	case 'r':
		o->rising = true;
		break;
	case 'e':
		o->esn = true;
		break;
	case 'i':
		o->inner = optarg;
		break;
	case 't':
		o->tail = atoi(optarg);
		break;
	case 'n':
		o->next = atoi(optarg);
		break;
	case 'l':
		o->payload = atoi(optarg);
		break;
	case 'x':
		o->extra_pad = atoi(optarg);
		break;
	case 'b':
		o->bad_pad = true;
		break;
	case 'p':
		o->pad_len = atoi(optarg);
		break;
	case 'c':
		o->cut = atoi(optarg);
		break;
	case 'u':
		if (sscanf(optarg, "%hu:%hu", &o->encap_sport, &o->encap_dport) != 2)
			die("-u wants SPORT:DPORT");
		break;
	case 'f':
		o->flip = true;
		o->flip_at = atol(optarg);
		break;
	default:
		exit(2);
	}
}

static const char usage[] =
	"usage: espgen [OPTION]... SRC DST SPI ALG KEY SEQ[-SEQ][,SEQ]...\n"
	"       espgen [-c N] [-f N] SRC DST FILE     (recorded by pktwatch -w)\n"
	"  -I ADDR, -O ADDR  inner source and destination   -P, -S, -D  inner protocol, ports\n"
	"  -i HEX these octets as inner packet  -t N   N octets between it and the padding\n"
	"  -r     the inner destination port rises by one with each packet\n"
	"  -e     extended sequence numbers     -l N   octets of inner payload\n"
	"  -n N   next header                   -x N   N more octets of padding\n"
	"  -b     padding octets wrong          -p N   pad length field says N\n"
	"  -u SPORT:DPORT  ESP in UDP\n"
	"  -c N   cut N octets off the end      -f N   flip a bit in octet N of the ESP packet\n";

int main(int argc, char **argv)
{
	struct opts o = { .next = IPPROTO_IPIP,
			  .proto = IPPROTO_UDP,
			  .sport = 4000,
			  .dport = 4001,
			  .payload = 64,
			  .pad_len = -1 };
	int opt;

	while ((opt = getopt(argc, argv, "+I:O:P:S:D:i:t:en:l:x:bp:c:f:u:r")) != -1)
		parse_option(&o, opt);
	argv += optind;
	argc -= optind;
	if (argc != 3 && argc != 6) {
		fputs(usage, stderr);
		return 2;
	}
	o.src = parse_addr(argv[0]);
	o.dst = parse_addr(argv[1]);
	o.sock = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (o.sock < 0)
		die("a raw socket needs root");
	if (argc == 3)
		return resend(&o, argv[2]);
	parse_sa(&o, argv[2], argv[3], argv[4]);
	send_numbers(&o, argv[5]);
	return 0;
}
