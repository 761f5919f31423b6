#!/bin/bash
# SPDX-License-Identifier: MIT
# New SAs in place of old ones without losing a packet: inbound first, and the outbound one goes
# live by command, or with the first packet on the inbound SA that it is paired with.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

active() { sa_stat "$1" out "$2" active; }

# renew GENERATION: as IKE would. a is the initiator: it sends on the new SA when b has all of its
# own; b follows with the first packet that comes on it; then the old ones go.
renew()
{
	local ab ba old_ab old_ba

	ab=$(printf 0x%08x $((SPI_AB + $1))) ba=$(printf 0x%08x $((SPI_BA + $1)))
	old_ab=$(printf 0x%08x $((SPI_AB + $1 - 1))) old_ba=$(printf 0x%08x $((SPI_BA + $1 - 1)))
	new_keys $alg
	esp_sa a in "$ba" $alg "$KEY_BA"
	esp_sa b in "$ab" $alg "$KEY_AB"
	esp_sa b out "$ba" $alg "$KEY_BA" pair "$ab"
	esp_sa a out "$ab" $alg "$KEY_AB" inactive
	same "$(active b "$ba")" false
	helper a sa activate esp0 1 "$ab"
	wait_for prints true active b "$ba"
	# Packets on the old SAs may still be on their way.
	wait_for is_idle a "$old_ba"
	wait_for is_idle b "$old_ab"
	helper a sa del esp0 1 out "$old_ab"
	helper b sa del esp0 1 out "$old_ba"
	helper a sa del esp0 1 in "$old_ba"
	helper b sa del esp0 1 in "$old_ab"
}

is_idle() # a|b SPI: no packet between two looks
{
	local packets

	packets=$(sa_stat "$1" in "$2" packets)
	sleep 0.2
	same "$(sa_stat "$1" in "$2" packets)" "$packets"
}

# Floods from a to b, one after the other, until they are told to stop.
flood()
{
	while [ ! -e "$dir/stop" ]; do
		a ping -q -f -c 500 -W 20 $IN_B
	done >"$dir/flood" 2>&1
}

# A flood ping all along, 0 of its packets lost.
nothing_lost() # ALG
{
	local n

	alg=$1
	sites
	esp_pair $alg
	flood &
	for n in 1 2 3 4 5 6; do
		renew $n
	done
	touch "$dir/stop"
	wait $!
	grep transmitted "$dir/flood"
	same "$(grep transmitted "$dir/flood" | grep -vc " 500 received, 0% packet loss" || true)" 0
	same "$(helper a sa show esp0 --json | jq length)" 2
}

# TCP both ways over renewals: no octet lost or changed.
bulk_goes_on()
{
	local n bulk

	sites
	esp_pair $alg
	flood &
	bulk_both_ways 8000000 >"$dir/bulk-result" 2>&1 &
	bulk=$!
	for n in 1 2 3; do
		renew $n
	done
	touch "$dir/stop"
	wait $bulk
	grep "^ok" "$dir/bulk-result"
}

several_inbound_at_once()
{
	local i

	sites
	esp_pair $alg
	for i in 1 2 3 4; do
		esp_sa b in $((0x9000 + i)) $alg "$KEY_AB"
	done
	for i in 1 2 3 4; do
		a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B $((0x9000 + i)) $alg "$KEY_AB" 1-$i
		wait_for prints $i sa_stat b in "$(printf 0x%08x $((0x9000 + i)))" packets
	done
	pings_both_ways
}

# The pair goes live with the first authentic packet, told once, and by nothing less.
pair_waits_for_an_authentic_packet()
{
	sites
	esp_pair $alg
	monitor b
	new_keys $alg
	esp_sa b in 0x9001 $alg "$KEY_AB"
	esp_sa b out 0x9002 $alg "$KEY_BA" pair 0x9001
	same "$(active b 0x00009002)" false
	a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B 0x9001 $alg "$(new_key $alg)" 1-5
	wait_for prints 5 sa_drop b in 0x00009001 bad-icv
	same "$(active b 0x00009002)" false
	same "$(active b $SPI_BA)" true
	pings a $OUT_B
	not grep sa-first "$dir/events"
	a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B 0x9001 $alg "$KEY_AB" 1
	wait_for prints true active b 0x00009002
	same "$(active b $SPI_BA)" false
	event "sa-first esp0 peer 1 in 0x00009001"
	a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B 0x9001 $alg "$KEY_AB" 2-9
	wait_for prints 9 sa_stat b in 0x00009001 packets
	same "$(grep -c sa-first "$dir/events")" 1
}

# The peer may be sooner than we are: its packet came before the outbound SA was loaded.
pair_loaded_after_the_first_packet()
{
	sites
	esp_pair $alg
	new_keys $alg
	esp_sa b in 0x9001 $alg "$KEY_AB"
	a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B 0x9001 $alg "$KEY_AB" 1
	wait_for prints 1 sa_stat b in 0x00009001 packets
	esp_sa b out 0x9002 $alg "$KEY_BA" pair 0x9001
	wait_for prints true active b 0x00009002
}

old_outbound_lives_until_deleted()
{
	sites
	esp_pair $alg
	pings_both_ways
	esp_sa b in 0x9001 $alg "$KEY_AB"
	esp_sa a out 0x9001 $alg "$KEY_AB"
	same "$(active a 0x00009001)" true
	same "$(active a $SPI_AB)" false
	pings_both_ways
	same "$(sa_stat b in 0x00009001 packets)" 6
	helper a sa activate esp0 1 $SPI_AB
	pings_both_ways
	same "$(sa_stat b in 0x00009001 packets)" 6
}

reserved_spis()
{
	local spi

	sites
	esp_dev a
	esp_peer a
	spi=$(helper a sa alloc esp0 1)
	[ $((spi)) -ge 256 ]
	same "$(sa_stat a in "$spi" reserved)" true
	b espgen 198.51.100.77 $OUT_A "$spi" $alg "$(new_key $alg)" 1
	wait_for prints 1 peer_drop a 1 spi-reserved
	esp_sa a in "$spi" $alg "$(new_key $alg)"
	same "$(sa_stat a in "$spi" reserved)" false
	helper a sa del esp0 1 in "$spi"
	no_sa a in "$spi"
	spi=$(helper a sa alloc esp0 1)
	helper a sa del esp0 1 in "$spi"
	no_sa a in "$spi"
}

run_tests "nothing_lost aes128gcm16" "nothing_lost aes256-sha256" bulk_goes_on \
	several_inbound_at_once pair_waits_for_an_authentic_packet \
	pair_loaded_after_the_first_packet old_outbound_lives_until_deleted reserved_spis
