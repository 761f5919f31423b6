#!/bin/bash
# SPDX-License-Identifier: MIT
# The inner side may move to another network namespace; the outer side stays where it was made.
#
#   c: esp0 10.1.0.1 (inner side, moved here)
#      │
#   a: veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# esp0 of a with its keys moved to a new namespace c, where 10.1.0.1 is now.
move_to_c()
{
	sites
	esp_pair aes128gcm16
	pings_both_ways
	new_ns NS_C
	a ip addr del $IN_A/32 dev lo
	a ip link set esp0 netns "$NS_C"
	c ip addr add $IN_A/32 dev lo
	c ip link set esp0 up
	c ip route add $NET_B dev esp0 src $IN_A
}

moved_link_keeps_its_tunnel()
{
	move_to_c
	not a ip link show esp0
	pings c $IN_B
	pings b $IN_A -I $IN_B
}

outer_packets_stay_outside()
{
	move_to_c
	watch a veth0 "$dir/wire"
	pings c $IN_B
	wait_for grep -q "out $OUT_A > $OUT_B .*esp spi $SPI_AB" "$dir/wire"
	c ip -j link | jq -e 'map(select(.ifname == "veth0")) | length == 0'
}

moved_link_is_managed_inside()
{
	move_to_c
	same "$(helper c sa show esp0 --json | jq length)" 2
	helper c sa del esp0 1 out $SPI_AB
	no_ping c $IN_B
	helper c sa add esp0 1 out $SPI_AB aes128gcm16 - <<<"$(new_key aes128gcm16)"
	refused "no device" helper a sa show esp0
}

moves_there_and_back()
{
	move_to_c
	pings c $IN_B
	c ip link set esp0 netns "$NS_A"
	c ip addr del $IN_A/32 dev lo
	a ip addr add $IN_A/32 dev lo
	a ip link set esp0 up
	a ip route add $NET_B dev esp0 src $IN_A
	pings_both_ways
}

# SPIs belong to the outer namespace: two of them may use the same ones.
spis_are_per_namespace()
{
	sites
	esp_pair aes128gcm16
	new_ns NS_C
	c ip link add esp0 type esptun
	helper c peer add esp0 1 remote $OUT_B selectors $NET_A=$NET_B
	helper c sa add esp0 1 in $SPI_BA aes128gcm16 - <<<"$(new_key aes128gcm16)"
	pings_both_ways
}

# Taken in a namespace's own file, so that its last process decides when it dies.
gone() { ! ip netns list | grep -q "^$1\b"; }

inner_namespace_dies()
{
	move_to_c
	c ping -q -f $IN_B >/dev/null 2>&1 &
	pings c $IN_B
	ip netns pids "$NS_C" | xargs -r kill
	ip netns del "$NS_C"
	wait_for gone "$NS_C"
	# The kernel takes namespaces down in its own time; then the SPIs are free again.
	wait_for a_takes_the_spis
	b ping -q -c 1 -W 1 $OUT_A
}

a_takes_the_spis()
{
	a ip link del esp0 2>/dev/null
	esp_end a aes128gcm16
}

outer_namespace_dies()
{
	move_to_c
	c ping -q -f $IN_B >/dev/null 2>&1 &
	pings c $IN_B
	ip netns del "$NS_A"
	wait_for not c ip link show esp0
}

both_die_at_once()
{
	move_to_c
	c ping -q -f $IN_B >/dev/null 2>&1 &
	b ping -q -f $IN_A >/dev/null 2>&1 &
	pings c $IN_B
	ip netns pids "$NS_C" | xargs -r kill
	ip netns pids "$NS_B" | xargs -r kill
	ip netns del "$NS_C"
	ip netns del "$NS_A"
	ip netns del "$NS_B"
}

run_tests moved_link_keeps_its_tunnel outer_packets_stay_outside moved_link_is_managed_inside \
	moves_there_and_back spis_are_per_namespace inner_namespace_dies outer_namespace_dies \
	both_die_at_once
