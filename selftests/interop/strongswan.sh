#!/bin/bash
# SPDX-License-Identifier: MIT
# Ten packets with strongSwan's charon and the kernel's XFRM, each side as initiator and as responder.
# layers: guest strongswan

PEER=strongswan
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

run_tests \
	"agree we $main aes128gcm16" "agree they $main aes128gcm16" \
	"agree we $main aes256-sha256" "agree they $main aes256-sha256" \
	"agree we $main aes128gcm16-modp2048" "agree they $main aes256-sha256-modp2048" \
	"agree we aes128-sha1-modp2048 aes128-sha1" "agree they aes128-sha1-modp2048 aes128-sha1" \
	"agree we aes128-sha256-ecp256 aes256gcm16-ecp256" "agree they aes128-sha256-ecp256 aes256gcm16-ecp256" \
	"agree we aes256-sha384-modp3072 aes256gcm16" "agree they aes256-sha512-ecp384 aes256-sha256" \
	"profile_alone we" "profile_alone they" "down we" "down they" silent_peer packets_renew \
	child_goes_and_comes initial_contact \
	"wrong_psk we" "wrong_psk they" "no_common_proposal we" "no_common_proposal they" \
	"no_common_esp_proposal we" "no_common_esp_proposal they" \
	helper_dies \
	"renewals they esp $n_esp they ike $n_ike we ike $n_ike we esp $n_esp"
