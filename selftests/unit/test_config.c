// SPDX-License-Identifier: MIT
/*
 * The configuration file: what a right one means, and for each way to be wrong the line
 * that says what and where, all of them at once. A typing error must neither pass in
 * silence nor end up as a tunnel with other properties than the administrator wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define GOOD                           \
	"interface = esp0\n"           \
	"remote = 198.51.100.2\n"      \
	"psk-file = /etc/esptun/psk\n" \
	"version = 1\n"

static char *errors;

/* Parses text as FILE; what it says is in errors. */
static struct config *parse(const char *text)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r"), *out;
	struct config *config;
	size_t size;

	free(errors);
	errors = NULL;
	out = open_memstream(&errors, &size);
	assert_non_null(in);
	assert_non_null(out);
	config = config_parse("FILE", in, out);
	fclose(in);
	fclose(out);
	return config;
}

static int forget(void **state)
{
	(void)state;
	free(errors);
	errors = NULL;
	return 0;
}

static void refuses(const char *text, const char *want)
{
	struct config *config = parse(text);

	assert_null(config);
	assert_string_equal(errors, want);
}

static void defaults(void **state)
{
	struct config *config = parse("[peer osaka]\n" GOOD);
	const struct peer_config *p;
	char text[PROPOSAL_TEXT];

	(void)state;
	assert_string_equal(errors, "");
	assert_non_null(config);
	assert_int_equal(config->n_peers, 1);
	p = &config->peer[0];
	assert_string_equal(p->ike.name, "osaka");
	assert_string_equal(p->interface, "esp0");
	assert_string_equal(p->psk.path, "/etc/esptun/psk");
	assert_int_equal(p->psk.line, 4);
	assert_false(p->weak_psk);
	assert_int_equal(p->ike.start, IKE_START_NEVER);
	assert_int_equal(p->ike.dpd_seconds, 30);
	assert_int_equal(p->ike.dpd_timeout, 120);
	assert_int_equal(p->ike.local.family, 0);
	assert_int_equal(p->ike.remote.family, 4);
	assert_memory_equal(p->ike.remote.ip, "\xc6\x33\x64\x02", 4);
	assert_int_equal(p->ike.remote.port, 500);
	assert_int_equal(p->ike.ike_seconds, 4 * 3600);
	assert_int_equal(p->ike.esp_seconds, 3600);
	assert_int_equal(p->ike.n_child, 1);
	assert_int_equal(p->ike.child[0].local.bits, 0);
	assert_int_equal(p->ike.child[0].remote.family, 4);
	assert_int_equal(p->ike.n_ike, 2);
	assert_int_equal(p->ike.n_esp, 3);
	ike_proposal_text(&p->ike.ike[0], text);
	assert_string_equal(text, "aes256-sha256-modp2048");
	esp_proposal_text(&p->ike.esp[0], text);
	assert_string_equal(text, "aes256gcm16-modp2048");
	config_free(config);
}

static void everything_written(void **state)
{
	struct config *config =
		parse("# a comment\n; another\n\n[ peer a ]  # here too\n" GOOD
		      "local = 198.51.100.1\n"
		      "ike = aes128-sha1-modp1024, 3des-sha1-modp1024\n"
		      "esp=aes128-sha1,aes256gcm16-esn\n"
		      "lifetime-ike = 1d\nlifetime-esp = 30m\n"
		      "local-subnets = 10.1.0.0/16, 10.3.0.0/16\n"
		      "remote-subnets = 10.2.0.0/16, 10.4.0.0/16/tcp/443\n"
		      "local-id = gw@example.org\nremote-id = @osaka.example.org\n"
		      "start = now\ndpd-delay = 10\ndpd-timeout = 1m\n"
		      "weak-psk = yes\nlegacy = yes\nencap = yes\n"
		      "[peer b]\n"
		      "interface = esp1\nremote = 198.51.100.3\n"
		      "psk-file = /psk#1\nversion = 1\nremote-id = 192.0.2.1");
	const struct ike_peer *p;

	(void)state;
	assert_string_equal(errors, "");
	assert_non_null(config);
	assert_int_equal(config->n_peers, 2);
	p = &config->peer[0].ike;
	assert_memory_equal(p->local.ip, "\xc6\x33\x64\x01", 4);
	assert_int_equal(p->n_ike, 2);
	assert_int_equal(p->ike[1].cipher, CIPHER_3DES);
	assert_int_equal(p->n_esp, 2);
	assert_true(p->esp[1].esn);
	assert_int_equal(p->ike_seconds, 86400);
	assert_int_equal(p->esp_seconds, 1800);
	/* each local subnet with each remote one */
	assert_int_equal(p->n_child, 4);
	assert_memory_equal(p->child[1].local.ip, "\x0a\x01\0\0", 4);
	assert_memory_equal(p->child[1].remote.ip, "\x0a\x04\0\0", 4);
	assert_int_equal(p->child[1].remote.proto, 6);
	assert_int_equal(p->child[1].remote.port, 443);
	assert_memory_equal(p->child[2].local.ip, "\x0a\x03\0\0", 4);
	/* RFC 2407 section 4.6.2.1: ID_USER_FQDN, ID_FQDN, ID_IPV4_ADDR */
	assert_int_equal(p->local_id.type, 3);
	assert_int_equal(p->local_id.len, strlen("gw@example.org"));
	assert_int_equal(p->remote_id.type, 2);
	assert_memory_equal(p->remote_id.data, "osaka.example.org", 17);
	assert_int_equal(p->start, IKE_START_NOW);
	assert_int_equal(p->dpd_seconds, 10);
	assert_int_equal(p->dpd_timeout, 60);
	assert_true(config->peer[0].weak_psk);
	assert_true(p->encap);
	assert_false(config->peer[1].ike.encap);
	assert_int_equal(config->peer[1].ike.remote_id.type, 1);
	assert_int_equal(config->peer[1].ike.remote_id.len, 4);
	assert_string_equal(config->peer[1].psk.path, "/psk#1");
	config_free(config);
}

static void both_families(void **state)
{
	static const uint8_t gateway[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };
	struct config *config =
		parse("[peer a]\ninterface = esp0\nremote = 2001:db8::2\n"
		      "local = 2001:db8::1\nremote-id = 2001:db8::3\n"
		      "psk-file = /psk\nversion = 1\n"
		      "local-subnets = 10.1.0.0/16, 2001:db8:1::/48\n"
		      "[peer b]\ninterface = esp1\nremote = 198.51.100.3\n"
		      "psk-file = /psk\nversion = 1\n"
		      "remote-subnets = 2001:db8:2::/48/tcp/443\n");
	const struct ike_peer *p;

	(void)state;
	assert_string_equal(errors, "");
	assert_non_null(config);
	p = &config->peer[0].ike;
	assert_int_equal(p->remote.family, 6);
	assert_memory_equal(p->remote.ip, gateway, 16);
	assert_int_equal(p->remote_id.type, 5);
	assert_int_equal(p->remote_id.len, 16);
	/* Each with what is of its family; nothing written is any of it. */
	assert_int_equal(p->n_child, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p->child[i].local.family, i ? 6 : 4);
		assert_int_equal(p->child[i].local.bits, i ? 48 : 16);
		assert_int_equal(p->child[i].remote.family, i ? 6 : 4);
		assert_int_equal(p->child[i].remote.bits, 0);
	}
	p = &config->peer[1].ike;
	assert_int_equal(p->n_child, 1);
	assert_int_equal(p->child[0].local.family, 6);
	assert_int_equal(p->child[0].remote.port, 443);
	config_free(config);
}

/* One wrong thing each, behind a section that is otherwise right. */
static const struct {
	const char *text, *want;
} wrongs[] = {
	{ GOOD "remot = 1.2.3.4\n",
	  "FILE:6: key remot is not known; did you mean remote?\n" },
	{ GOOD "frobnicate = 1\n",
	  "FILE:6: key frobnicate is not known; ikehelper.conf(5) lists the keys\n" },
	{ GOOD "remote = 1.2.3.4\n",
	  "FILE:6: remote is here a second time, first in line 3\n" },
	{ GOOD "hello\n", "FILE:6: \"hello\" is neither KEY = VALUE nor [peer NAME]\n" },
	{ GOOD "local = gw.example.org\n",
	  "FILE:6: local = gw.example.org is no address; write one, as names are not "
	  "looked up\n" },
	{ GOOD "local = 224.0.0.1\n",
	  "FILE:6: local = 224.0.0.1 cannot be the address of a gateway\n" },
	{ GOOD "local = fe80::1\n",
	  "FILE:6: local = fe80::1 cannot be the address of a gateway\n"
	  "FILE:6: local = fe80::1 is of another IP version than remote\n" },
	{ GOOD "local = 2001:db8::1\n",
	  "FILE:6: local = 2001:db8::1 is of another IP version than remote\n" },
	{ GOOD "local = 64:ff9b::c000:201\n",
	  "FILE:6: local = 64:ff9b::c000:201 is of another IP version than remote\n" },
	{ GOOD "local-subnets = ::/0\nremote-subnets = 10.0.0.0/8, ::/0\n",
	  "FILE:7: remote-subnets has IPv4 subnets, but local-subnets has none\n" },
	{ GOOD "local-subnets = 10.0.0.0/8, ::/0\nremote-subnets = 10.0.0.0/8\n",
	  "FILE:6: local-subnets has IPv6 subnets, but remote-subnets has none\n" },
	{ GOOD "local-subnets = 2001:db8::1/64\n",
	  "FILE:6: local-subnets: 2001:db8::1/64 has bits set behind the prefix: write "
	  "2001:db8::/64\n" },
	{ GOOD "local =\n",
	  "FILE:6: local =  is no address; write one, as names are not looked up\n" },
	{ GOOD "lifetime-ike = soon\n",
	  "FILE:6: lifetime-ike = soon is no time; write 4h, 30m, 90s or seconds\n" },
	{ GOOD "lifetime-esp-bytes = 5M\n",
	  "FILE:6: lifetime-esp-bytes = 5M would be used up at once; write at least "
	  "10000000\n" },
	{ GOOD "lifetime-esp-packets = 1g\n",
	  "FILE:6: lifetime-esp-packets = 1g is no number; write 4500M, for one\n" },
	{ GOOD "phase2-ids = 1\n",
	  "FILE:6: phase2-ids = 1 is not known; write yes or no\n" },
	{ GOOD "profile = asa\n",
	  "FILE:6: profile = asa is not known; write one of cisco, yamaha, seil, "
	  "fortigate, juniper, azure, aws, gcp, strongswan, libreswan\n" },
	{ GOOD "profile = gcp\n",
	  "FILE:6: profile = gcp needs legacy = yes: with version 1 that peer knows "
	  "nothing better than aes128-sha1-modp1024\n" },
	{ GOOD "lifetime-esp = 8d\n",
	  "FILE:6: lifetime-esp = 8d is out of bounds; write 10s to 7d\n" },
	{ GOOD "lifetime-esp = 99999999999999999999\n",
	  "FILE:6: lifetime-esp = 99999999999999999999 is no time; write 4h, 30m, 90s or "
	  "seconds\n" },
	{ GOOD "ike = 3des-sha1-modp1024\n",
	  "FILE:6: ike: 3des is weak: it needs legacy = yes\n" },
	{ GOOD "esp = aes128\n",
	  "FILE:6: esp: aes128 needs a hash beside it: aes128-sha256\n" },
	{ GOOD "esp = aes256gcm16, chacha20poly1305\n",
	  "FILE:6: esp: IKEv1 has no number for chacha20poly1305, which keys by hand may "
	  "use; write for example aes256gcm16\n" },
	{ GOOD "local-subnets = 10.0.0.1/24\n",
	  "FILE:6: local-subnets: 10.0.0.1/24 has bits set behind the prefix: write "
	  "10.0.0.0/24\n" },
	{ GOOD "remote-subnets = 10.0.0.0/33\n",
	  "FILE:6: remote-subnets: 10.0.0.0/33 is no subnet: write ADDRESS/BITS, or "
	  "ADDRESS/BITS/PROTO/PORT\n" },
	{ GOOD "remote-subnets = 10.0.0.0/8, 10.0.0.0/8\n",
	  "FILE:6: remote-subnets has 10.0.0.0/8 twice\n" },
	{ GOOD "dpd-delay = often\n",
	  "FILE:6: dpd-delay = often is no time up to 1h; write 30s, or 0 for never\n" },
	{ GOOD "dpd-delay = 2h\n",
	  "FILE:6: dpd-delay = 2h is no time up to 1h; write 30s, or 0 for never\n"
	  "FILE:1: dpd-timeout = 2m gives the peer no time to answer; write at least 5s more "
	  "than dpd-delay\n" },
	{ GOOD "dpd-timeout = 34s\n",
	  "FILE:6: dpd-timeout = 34s gives the peer no time to answer; write at least 5s more "
	  "than dpd-delay\n" },
	{ GOOD "dpd-timeout = soon\n",
	  "FILE:6: dpd-timeout = soon is no time; write 2m, for one\n" },
	{ GOOD "start = later\n",
	  "FILE:6: start = later is not known; write now, traffic or never\n" },
	{ GOOD "weak-psk = true\n",
	  "FILE:6: weak-psk = true is not known; write yes or no\n" },
	{ GOOD "local-id = my gateway\n",
	  "FILE:6: local-id = my gateway is no identity; write an address, a name, user@name, "
	  "or a certificate's subject as C=JP, O=Example, CN=osaka\n" },
	{ GOOD "remote-id = C=JP, X=what\n",
	  "FILE:6: remote-id = C=JP, X=what is no identity; write an address, a name, "
	  "user@name, or a certificate's subject as C=JP, O=Example, CN=osaka\n" },
	{ GOOD "auth = secret\n",
	  "FILE:6: auth = secret is not known; write psk, pubkey or cert\n" },
	{ GOOD "cert = /crt\n",
	  "FILE:6: cert is of no use with auth = psk; leave out one of the two\n" },
	{ GOOD "auth = pubkey\n",
	  "FILE:4: psk-file is of no use with auth = pubkey; leave out one of the two\n"
	  "FILE:1: peer osaka has no key; write key = /etc/esptun/NAME.key\n"
	  "FILE:1: peer osaka has no peer-key; write peer-key = /etc/esptun/PEER.pub\n" },
	/* The files tell which it is; whoever the authority knows is not osaka. */
	{ "interface = esp0\nremote = 198.51.100.2\ncert = /crt\nkey = key\nversion = 1\n",
	  "FILE:5: key = key wants a path from the root\n"
	  "FILE:1: peer osaka has no ca; write ca = /etc/esptun/ca.crt\n"
	  "FILE:1: peer osaka has no remote-id; write remote-id = \"C=JP, O=Example, "
	  "CN=osaka\", or a name, as its certificate has it\n" },
	{ "interface = esp0\nremote = 198.51.100.2\npsk-file = /psk\n",
	  "FILE:1: peer osaka has no version; write version = 1 (IKEv1)\n" },
	{ "interface = esp0\nremote = 198.51.100.2\npsk-file = /psk\nversion = 2\n",
	  "FILE:5: version = 2 is not there yet; write version = 1\n" },
	{ "interface = much-too-long-a-name\nremote = 198.51.100.2\npsk-file = /psk\n"
	  "version = 1\n",
	  "FILE:2: interface = much-too-long-a-name is no name of a device; write esp0, for "
	  "one\n" },
	{ "interface = esp0\nremote = 198.51.100.2\npsk-file = psk\nversion = 1\n",
	  "FILE:4: psk-file = psk wants a path from the root\n" },
	/* every error is told, not the first alone */
	{ "remote = x\nversion = 3\nstrat = now\n",
	  "FILE:4: key strat is not known; did you mean start?\n"
	  "FILE:1: peer osaka has no interface; write interface = esp0\n"
	  "FILE:2: remote = x is no address; write one, as names are not looked up\n"
	  "FILE:1: peer osaka has no psk-file; write psk-file = /etc/esptun/NAME.psk\n"
	  "FILE:3: version = 3 is not there yet; write version = 1\n" },
};

static void wrong_lines(void **state)
{
	char text[1024];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(wrongs); i++) {
		snprintf(text, sizeof(text), "[peer osaka]\n%s", wrongs[i].text);
		refuses(text, wrongs[i].want);
	}
}

/* The subject of a certificate, as openssl x509 -subject prints it. */
static void names(void **state)
{
	static const uint8_t der[] = { 0x30, 0x26, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
				       0x55, 0x04, 0x06, 0x13, 0x02, 'J',  'P',	 0x31,
				       0x17, 0x30, 0x15, 0x06, 0x03, 0x55, 0x04, 0x0a,
				       0x0c, 0x0e, 'T',	 'e',  'n',  ' ',  'P',	 'a',
				       'c',  'k',  ',',	 ' ',  'I',  'n',  'c',	 '.' };
	static const char text[] =
		"[peer osaka]\ninterface = esp0\nremote = 198.51.100.2\n"
		"version = 1\nkey = /key\npeer-key = /pub\n"
		"remote-id = C = JP, O = Ten Pack\\, Inc.\n";
	struct config *config = parse(text);
	const struct ike_id *id;

	(void)state;
	assert_string_equal(errors, "");
	assert_non_null(config);
	assert_int_equal(config->peer[0].by, BY_PUBKEY);
	id = &config->peer[0].ike.remote_id;
	assert_int_equal(id->type, 9);
	assert_int_equal(id->len, sizeof(der));
	assert_memory_equal(id->data, der, sizeof(der));
	config_free(config);
}

static void wrong_sections(void **state)
{
	(void)state;
	refuses("[pear osaka]\n" GOOD,
		"FILE:1: section [pear osaka] is not known; write [peer NAME]\n");
	refuses("[peer osaka\n" GOOD,
		"FILE:1: [peer osaka is no section; write [peer NAME]\n");
	refuses("[peer]\n",
		"FILE:1: \"\" is no name for a peer; write up to 32 letters, digits, "
		". _ or -\n");
	refuses("[peer o/o]\n",
		"FILE:1: \"o/o\" is no name for a peer; write up to 32 letters, "
		"digits, . _ or -\n");
	refuses("remote = 1.2.3.4\n[peer a]\n" GOOD,
		"FILE:1: remote is outside of a section; write [peer NAME] above it\n");
	refuses("\n\n", "FILE:2: there is no peer; write a section [peer NAME]\n");
	refuses("# nothing", "FILE:1: there is no peer; write a section [peer NAME]\n");
}

static void peers_that_collide(void **state)
{
	struct config *config;

	(void)state;
	refuses("[peer a]\n" GOOD "[peer a]\n" GOOD,
		"FILE:6: peer a is here a second time, first in line 1; give it another name\n");
	refuses("[peer a]\n" GOOD "[peer b]\n" GOOD,
		"FILE:6: peers a and b have the same two addresses, which is all that tells them "
		"apart in Main Mode; give each a local of its own, make them one, or, behind one "
		"NAT, write the same psk-file and another remote-id for each\n");
	refuses("[peer a]\n" GOOD "[peer b]\nlocal = 198.51.100.1\n" GOOD,
		"FILE:6: peers a and b have the same two addresses, which is all that tells them "
		"apart in Main Mode; give each a local of its own, make them one, or, behind one "
		"NAT, write the same psk-file and another remote-id for each\n");
	refuses("[peer a]\n" GOOD "[peer b]\ninterface = esp0\nremote = 198.51.100.3\n"
		"psk-file = /psk\nversion = 1\n",
		"FILE:6: peers a and b have the same subnets on esp0; write remote-subnets, or "
		"use another interface\n");
	config = parse(
		"[peer a]\nlocal = 198.51.100.1\n" GOOD
		"[peer b]\nlocal = 198.51.100.9\nremote-subnets = 10.0.0.0/8\n" GOOD);
	assert_non_null(config);
	config_free(config);
	/* Pitfall 1.1: behind one NAT, with one key, by their identities. */
	config = parse("[peer a]\nremote-id = @a\n" GOOD
		       "[peer b]\nremote-id = @b\nremote-subnets = 10.0.0.0/8\n" GOOD);
	assert_non_null(config);
	config_free(config);
	refuses("[peer a]\nremote-id = @a\n" GOOD
		"[peer b]\nremote-id = @b\ninterface = esp0\nremote = 198.51.100.2\n"
		"psk-file = /another\nversion = 1\nremote-subnets = 10.0.0.0/8\n",
		"FILE:7: peers a and b have the same two addresses, which is all that tells them "
		"apart in Main Mode; give each a local of its own, make them one, or, behind one "
		"NAT, write the same psk-file and another remote-id for each\n");
}

static void no_text(void **state)
{
	char *big = malloc(10000);
	FILE *in = fmemopen((void *)"[peer a]\nre\0mote = 1\n", 20, "r");
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	memset(big, 'x', 9999);
	big[9999] = '\0';
	refuses(big, "FILE:1: this is no text, or longer than 4096 characters\n");
	free(big);
	assert_null(config_parse("FILE", in, out));
	fclose(in);
	fclose(out);
}

/* --- key files --------------------------------------------------------------------- */

struct key_file {
	char path[64];
	struct peer_config peer;
};

static int make_key_file(void **state)
{
	struct key_file *f = calloc(1, sizeof(*f));

	strcpy(f->path, "/tmp/esptun-psk-XXXXXX");
	close(mkstemp(f->path));
	f->peer.psk.path = f->path;
	f->peer.psk.line = 7;
	*state = f;
	return 0;
}

static int remove_key_file(void **state)
{
	struct key_file *f = *state;

	unlink(f->path);
	free(f);
	return forget(state);
}

/* Returns what psk_read() does of a file with this in it. */
static int read_key(struct key_file *f, const char *text, size_t len, char key[PSK_MAX])
{
	FILE *file = fopen(f->path, "w"), *out;
	size_t size;
	int n;

	fwrite(text, 1, len, file);
	fclose(file);
	free(errors);
	errors = NULL;
	out = open_memstream(&errors, &size);
	n = psk_read("FILE", &f->peer, key, out);
	fclose(out);
	return n;
}

static void key_is_read(void **state)
{
	struct key_file *f = *state;
	char key[PSK_MAX], longest[PSK_MAX];

	assert_int_equal(read_key(f, "a key of 20 letters.\n", 21, key), 20);
	assert_memory_equal(key, "a key of 20 letters.", 20);
	assert_int_equal(read_key(f, "a key of 20 letters.\r\n", 22, key), 20);
	assert_int_equal(read_key(f, "a key of 20 letters.", 20, key), 20);
	memset(longest, 'k', sizeof(longest));
	assert_int_equal(read_key(f, longest, sizeof(longest), key), PSK_MAX);
	f->peer.weak_psk = true;
	assert_int_equal(read_key(f, "short", 5, key), 5);
}

static void says(const char *start)
{
	assert_int_equal(strncmp(errors, start, strlen(start)), 0);
	assert_non_null(strchr(errors, '\n'));
	assert_string_equal(strchr(errors, '\n'), "\n");
}

static void key_is_refused(void **state)
{
	struct key_file *f = *state;
	char key[PSK_MAX], more[PSK_MAX + 10];

	memset(more, 'k', sizeof(more));
	assert_int_equal(read_key(f, "nineteen characters", 19, key), -1);
	says("FILE:7: psk-file: the key in /tmp/esptun-psk-");
	assert_non_null(strstr(errors, "shorter than 20 characters"));
	assert_non_null(strstr(errors, "weak-psk = yes"));
	f->peer.weak_psk = true;
	assert_int_equal(read_key(f, "\n", 1, key), -1);
	assert_non_null(strstr(errors, "is empty; ikehelper genpsk makes a key"));
	assert_int_equal(read_key(f, "two\nlines of a key file\n", 24, key), -1);
	assert_non_null(strstr(errors, "is not one line of at most 256 characters"));
	assert_int_equal(read_key(f, "nul\0in a key, which is odd", 26, key), -1);
	assert_int_equal(read_key(f, more, PSK_MAX + 1, key), -1);
	assert_int_equal(read_key(f, more, sizeof(more), key), -1);
}

static void key_file_is_refused(void **state)
{
	static const mode_t open_to[] = { 0644, 0640, 0604, 0620, 0601 };
	struct key_file *f = *state;
	char key[PSK_MAX], want[128];
	size_t i;

	snprintf(want, sizeof(want), ": chmod 600 %s\n", f->path);
	for (i = 0; i < COUNT(open_to); i++) {
		chmod(f->path, open_to[i]);
		assert_int_equal(read_key(f, "a key of 20 letters.\n", 21, key), -1);
		says("FILE:7: psk-file: ");
		assert_non_null(strstr(errors, want));
	}
	f->peer.psk.path = "/nonexistent/psk";
	assert_int_equal(read_key(f, "", 0, key), -1);
	assert_string_equal(errors,
			    "FILE:7: psk-file: cannot read /nonexistent/psk: No such "
			    "file or directory\n");
	f->peer.psk.path = "/tmp";
	assert_int_equal(read_key(f, "", 0, key), -1);
	assert_string_equal(errors,
			    "FILE:7: psk-file: /tmp is a directory, not a key file\n");
}

int main(void)
{
#define FILE_TEST(fn) cmocka_unit_test_setup_teardown(fn, make_key_file, remove_key_file)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(defaults, forget),
		cmocka_unit_test_teardown(everything_written, forget),
		cmocka_unit_test_teardown(both_families, forget),
		cmocka_unit_test_teardown(wrong_lines, forget),
		cmocka_unit_test_teardown(names, forget),
		cmocka_unit_test_teardown(wrong_sections, forget),
		cmocka_unit_test_teardown(peers_that_collide, forget),
		cmocka_unit_test_teardown(no_text, forget),
		FILE_TEST(key_is_read),
		FILE_TEST(key_is_refused),
		FILE_TEST(key_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
