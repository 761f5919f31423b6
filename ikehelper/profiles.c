// SPDX-License-Identifier: MIT
/*
 * What gateways of each kind are known to want, as values of the configuration's keys.
 *
 * Each row says where it is from; "default" is what the peer does when nobody has set it,
 * which is what most of them do. An initiator offers the first group of esp alone; what
 * follows is taken from a peer that begins.
 */
#include <stdio.h>
#include <string.h>

#include "config_parser.h"

/* The usual ones, without and with perfect forward secrecy. */
#define AES_2048                                           \
	"aes256-sha256-modp2048, aes128-sha256-modp2048, " \
	"aes256-sha1-modp2048, aes128-sha1-modp2048"
#define AES_1536 "aes256-sha256-modp1536, aes256-sha1-modp1536, aes128-sha1-modp1536"
#define AES_1024                                         \
	"aes256-sha256-modp1024, aes256-sha1-modp1024, " \
	"aes128-sha1-modp1024, 3des-sha1-modp1024"
#define ESP_NO_PFS   "aes256-sha256, aes128-sha256, aes256-sha1, aes128-sha1"
#define ESP_PFS_1024 "aes256-sha1-modp1024, aes128-sha1-modp1024"

static const struct profile profiles[] = {
	/*
	 * Cisco IOS: "crypto isakmp policy" lives a day, "crypto ipsec security-association
	 * lifetime" is 3600 seconds and 4608000 kilobytes, the smaller of both sides counts,
	 * and set pfs is off (Security Configuration Guide; MDS 9000 Configuration Guide).
	 */
	{ "cisco",
	  { [K_IKE] = AES_2048,
	    [K_ESP] = ESP_NO_PFS ", " AES_2048,
	    [K_LIFETIME_IKE] = "1d",
	    [K_LIFETIME_ESP] = "1h",
	    [K_LIFETIME_ESP_BYTES] = "4608M" },
	  AES_1536 ", " AES_1024,
	  ESP_PFS_1024 },
	/*
	 * Yamaha RTX: both lives are 28800 s, renewed at 75 %; "ipsec ike pfs" is off; without
	 * "ipsec ike local id" and "remote id" phase 2 has no IDs (RT series reference, chapter
	 * IPsec). Firmware without modp2048 does modp1024.
	 */
	{ "yamaha",
	  { [K_IKE] = AES_2048,
	    [K_ESP] = ESP_NO_PFS ", " AES_2048,
	    [K_LIFETIME_IKE] = "8h",
	    [K_LIFETIME_ESP] = "8h",
	    [K_PHASE2_IDS] = "no" },
	  AES_1536 ", " AES_1024,
	  ESP_PFS_1024 },
	/*
	 * IIJ SEIL: AES, SHA-256 and SHA-1, MODP 1536; a day and 8 hours; no PFS unless the
	 * initiator wants it; any to any, and a second phase 2 for IPv6 (seil.jp, IPsec).
	 */
	{ "seil",
	  { [K_LOCAL_SUBNETS] = "0.0.0.0/0, ::/0",
	    [K_REMOTE_SUBNETS] = "0.0.0.0/0, ::/0",
	    [K_IKE] = AES_2048,
	    [K_ESP] = ESP_NO_PFS ", " AES_2048,
	    [K_LIFETIME_IKE] = "1d",
	    [K_LIFETIME_ESP] = "8h" },
	  AES_1536,
	  "aes256-sha256-modp1536, aes128-sha1-modp1536" },
	/*
	 * FortiGate: aes128 and aes256 with sha256 and sha1, groups 14 and 5 in both phases, a
	 * day and 12 hours; begins with traffic only, as auto-negotiate is off (FortiOS
	 * Administration Guide, phase 1 and phase 2 configuration).
	 */
	{ "fortigate",
	  { [K_IKE] = "aes128-sha256-modp2048, aes256-sha256-modp2048, "
		      "aes128-sha1-modp2048, aes256-sha1-modp2048",
	    [K_ESP] = "aes128-sha256-modp2048, aes256-sha256-modp2048, "
		      "aes128-sha1-modp2048, aes256-sha1-modp2048, "
		      "aes256gcm16-modp2048, " ESP_NO_PFS,
	    [K_LIFETIME_IKE] = "1d",
	    [K_LIFETIME_ESP] = "12h" },
	  AES_1536,
	  AES_1536 },
	/*
	 * Juniper SRX: proposal set "standard" is 3DES or AES-128, SHA-1, group 2, with PFS of
	 * group 2; lives 28800 s and 3600 s; proxy identity any to any with route-based VPNs
	 * (Junos IPsec VPN User Guide).
	 */
	{ "juniper",
	  { [K_IKE] = AES_2048,
	    [K_ESP] = AES_2048 ", aes256gcm16-modp2048, " ESP_NO_PFS,
	    [K_LIFETIME_IKE] = "8h",
	    [K_LIFETIME_ESP] = "1h" },
	  AES_1024,
	  ESP_PFS_1024 },
	/*
	 * Azure VPN gateway: the default policy has group 2 alone in phase 1 and no PFS, lives
	 * 28800 s, 27000 s and 102400000 kB; a custom policy may have group 14 ("About VPN
	 * devices and IPsec/IKE parameters", "About cryptographic requirements").
	 */
	{ "azure",
	  { [K_IKE] = "aes256-sha256-modp2048, aes128-sha256-modp2048",
	    [K_ESP] = "aes256gcm16, " ESP_NO_PFS ", " AES_2048,
	    [K_LIFETIME_IKE] = "8h",
	    [K_LIFETIME_ESP] = "27000",
	    [K_LIFETIME_ESP_BYTES] = "102400M" },
	  AES_1024,
	  NULL },
	/*
	 * AWS Site-to-Site VPN: AES-128 and AES-256, SHA-1 and SHA-2, groups 2 and 14 to 24 in
	 * both phases; at most 28800 s and 3600 s; waits for the other side unless told to
	 * start ("Tunnel options for your Site-to-Site VPN connection").
	 */
	{ "aws",
	  { [K_IKE] = AES_2048,
	    [K_ESP] = "aes256gcm16-modp2048, aes128gcm16-modp2048, " AES_2048,
	    [K_LIFETIME_IKE] = "8h",
	    [K_LIFETIME_ESP] = "1h",
	    [K_START] = "now" },
	  "aes256-sha256-modp1024, aes128-sha1-modp1024",
	  ESP_PFS_1024 },
	/*
	 * GCP Cloud VPN: with IKEv1 AES-CBC-128, SHA-1 and group 2 in both phases, and nothing
	 * else; 36000 s and 10800 s; proposes in its own order, and one suite is best ("Supported
	 * IKE ciphers").
	 */
	{ "gcp",
	  { [K_LIFETIME_IKE] = "10h", [K_LIFETIME_ESP] = "3h" },
	  "aes128-sha1-modp1024",
	  "aes128-sha1-modp1024" },
	/*
	 * strongSwan: as an initiator one suite with Curve25519 alone, ECP and MODP groups else; ESP without PFS unless a group is
	 * written; IKE SAs are renewed at 4 h and live 10 % longer, CHILD SAs at 1 h and live
	 * 10 % longer (swanctl.conf(5)).
	 */
	{ "strongswan",
	  { [K_IKE] = "aes256-sha256-ecp256, aes128-sha256-ecp256, "
		      "aes256-sha256-x25519, aes128-sha256-x25519, " AES_2048,
	    [K_ESP] = "aes256gcm16, aes128gcm16, " ESP_NO_PFS
		      ", aes256gcm16-ecp256, aes128gcm16-ecp256, " AES_2048,
	    [K_LIFETIME_IKE] = "4h",
	    [K_LIFETIME_ESP] = "1h" },
	  NULL,
	  NULL },
	/*
	 * libreswan: AES with SHA-2 and MODP 2048, PFS with the group of phase 1, 8 hours each
	 * and never more than a day (ipsec.conf(5)).
	 */
	{ "libreswan",
	  { [K_IKE] = "aes256-sha256-modp2048, aes128-sha256-modp2048, "
		      "aes256-sha512-modp2048, aes256-sha1-modp2048",
	    [K_ESP] = "aes256gcm16-modp2048, aes128gcm16-modp2048, "
		      "aes256-sha256-modp2048, aes128-sha1-modp2048, " ESP_NO_PFS,
	    [K_LIFETIME_IKE] = "8h",
	    [K_LIFETIME_ESP] = "8h" },
	  "aes128-sha1-modp1536",
	  NULL },
};

#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

const struct profile *profile_find(const char *name, char *names)
{
	size_t i, at = 0;

	for (i = 0; i < N_PROFILES; i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	for (i = 0; i < N_PROFILES; i++)
		at += snprintf(names + at, PROFILE_NAMES - at, "%s%s", i ? ", " : "",
			       profiles[i].name);
	return NULL;
}
