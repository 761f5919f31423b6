#!/bin/bash
# SPDX-License-Identifier: MIT
# Our own addresses and routes change, while strongSwan is there: the tunnels follow. Nothing else would
# bring the traffic back: DPD is off, and the lifetimes are long.
#
# layers: guest strongswan

PEER=strongswan
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

OTHER_A=198.51.100.3
# shellcheck disable=SC2034  # of peers/strongswan.sh
REMOTES="$OUT_A, $OTHER_A"

# We use the address that the route says, and are known by another name. before: what is in use then.
up()
{
	local id="local-id = $OUT_A"

	sites
	start_peer "$psk" $main aes128gcm16
	local OUT_A=default
	start_ikehelper "$psk" $main aes128gcm16 "start = now" "dpd-delay = 0" "$id" "$@"
	tunnel_is_up
	pings_both_ways
	before=$(in_use esp)
}

second_wire()
{
	ip -n "$NS_A" -batch - <<-END
		link add veth1 type veth peer name veth1 netns $NS_B
		addr add 203.0.113.1/24 dev veth1
		link set veth1 up
	END
	ip -n "$NS_B" addr add 203.0.113.2/24 dev veth1
	ip -n "$NS_B" link set veth1 up
	wait_for ping_once a 203.0.113.2
}

# From another address of ours, and from the old one no more.
from_the_other()
{
	local began=$SECONDS

	wait_for ping_once a $IN_B
	echo "report: $1: traffic is back after $((SECONDS - began)) s"
	wait_for changed esp "$before"
	same "$(ask status --json | jq -r '.peers[] | select(.state == "established").local')" $OTHER_A
	watch a "$2" "$dir/wire"
	pings_both_ways
	not grep " $OUT_A .*esp spi" "$dir/wire"
	wait_for prints 2 count_our_sas
	pings_both_ways
}

# Our provider gives us another address.
another_address() # [LINE...]
{
	up "$@"
	ip -n "$NS_A" addr del $OUT_A/24 dev veth0
	ip -n "$NS_A" addr add $OTHER_A/24 dev veth0
	from_the_other "another address${1:+, $1}" veth0
}

# Another line takes over, which has an address of its own.
another_line()
{
	up "$@"
	second_wire
	ip -n "$NS_A" addr add $OTHER_A/32 dev veth1
	ip -n "$NS_B" route add $OTHER_A via 203.0.113.1
	ip -n "$NS_A" route add $OUT_B via 203.0.113.2 dev veth1 src $OTHER_A
	from_the_other "another line${1:+, $1}" veth1
}

# The route goes another way with the same addresses: that is no reason for anything.
another_route() # [LINE...]
{
	up "$@"
	second_wire
	flood
	ip -n "$NS_A" route add $OUT_B via 203.0.113.2 dev veth1 src $OUT_A
	ip -n "$NS_B" route add $OUT_A via 203.0.113.1
	watch a veth1 "$dir/wire"
	wait_for grep "esp spi" "$dir/wire"
	calm
	same "$(count_lost "$dir/ping")" 0
	same "$(in_use esp)" "$before"
}

run_tests another_address "another_address encap=yes" another_line another_route "another_route encap=yes"
