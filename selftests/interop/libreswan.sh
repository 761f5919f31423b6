#!/bin/bash
# SPDX-License-Identifier: MIT
# Ten packets with libreswan's pluto and the kernel's XFRM, each side as initiator and as responder.
# layers: guest libreswan

PEER=libreswan
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Without initial_contact: pluto passes over that notify in IKEv1, and lets the old tunnels run out.
run_tests \
	"agree we $main aes128gcm16" "agree they $main aes128gcm16" \
	"agree we $main aes256-sha256-modp2048" "agree they $main aes256-sha256-modp2048" \
	"agree they aes128-sha256-ecp256 aes256gcm16" \
	"profile_alone we" "profile_alone they" "down we" "down they" \
	"wrong_psk we" "wrong_psk they" "no_common_proposal we" "no_common_proposal they" \
	"no_common_esp_proposal we" "no_common_esp_proposal they" \
	helper_dies \
	"renewals they esp $n_esp we ike $n_ike we esp $n_esp" "by_lifetime renewals they ike $n_ike"
