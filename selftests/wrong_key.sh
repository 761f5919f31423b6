#!/bin/bash
# SPDX-License-Identifier: MIT
# A packet under another key changes nothing: it is dropped by name, counted, and that is all.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# b's inbound SA gets this key instead of the one that a sends with.
load_at_b() # ALG KEY
{
	helper b sa del esp0 1 in $SPI_AB
	esp_sa b in $SPI_AB "$1" "$2"
}

# Another key, and the right one with its last bit changed: GCM's salt, or the end of the integrity
# key. The way back is another SA, and goes on.
other_key_is_bad_icv() # ALG
{
	local key

	sites
	esp_pair "$1"
	for key in "$(new_key "$1")" "${KEY_AB%??}$(printf %02x $((0x${KEY_AB: -2} ^ 1)))"; do
		load_at_b "$1" "$key"
		no_ping a $IN_B
		wait_for prints 1 sa_drop b in $SPI_AB bad-icv
		same "$(sa_stat b in $SPI_AB packets)" 0
		same "$(sa_stat b in $SPI_AB seq)" 0
	done
	same "$(b ip -j -s link show esp0 | jq '.[0].stats64.rx.errors')" 2
	load_at_b "$1" "$KEY_AB"
	pings_both_ways
}

# CBC with the right integrity key and the wrong cipher key is authentic nonsense.
authentic_nonsense_is_dropped() # ALG
{
	local integ_len key

	sites
	esp_pair "$1"
	integ_len=$(($(integ_key_len "$1") * 2))
	key=$(new_key "$1")
	load_at_b "$1" "${key:0:-integ_len}${KEY_AB: -integ_len}"
	watch b esp0 "$dir/inside"
	forge "$1" "$KEY_AB" 1-50
	wait_for nonsense_counted 50
	same "$(sa_stat b in $SPI_AB packets)" 0
	not grep -q " > " "$dir/inside"
}

nonsense_counted() # N
{
	local n=0 reason

	for reason in bad-padding next-header malformed-inner selector-in dummy; do
		n=$((n + $(sa_drop b in $SPI_AB "$reason")))
	done
	[ "$n" = "$1" ]
}

# The window moves for authentic packets only, or an attacker could shut the real sender out.
forged_numbers_move_nothing() # ALG
{
	sites
	esp_pair "$1"
	pings_both_ways
	forge "$1" "$(new_key "$1")" 1000000-1000009
	wait_for prints 10 sa_drop b in $SPI_AB bad-icv
	pings_both_ways
	same "$(sa_drop b in $SPI_AB replay-late)" 0
}

# Not our SPI: left to whoever else speaks ESP on this host, and not counted by the device.
unknown_spi_is_not_ours()
{
	sites
	esp_pair aes128gcm16
	a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B 0x77777777 aes128gcm16 "$KEY_AB" 1-5
	pings_both_ways
	helper b dev show esp0 --json | jq -e '.drops == {}'
}

tests=()
for alg in $ALGS; do
	tests+=("other_key_is_bad_icv $alg")
done
run_tests "${tests[@]}" \
	"authentic_nonsense_is_dropped aes128-sha1" "authentic_nonsense_is_dropped aes256-sha256" \
	"forged_numbers_move_nothing aes128gcm16" "forged_numbers_move_nothing aes128-sha256" \
	unknown_spi_is_not_ours
