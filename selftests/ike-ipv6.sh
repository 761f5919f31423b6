#!/bin/bash
# SPDX-License-Identifier: MIT
# IPv4 and IPv6 through one device, by a phase 2 each, between two helpers that speak over IPv4 or over
# IPv6: both carry traffic, and both are renewed without a packet lost.
#
#   a: ikehelper, esp0 IN_A, IN6_A ─ veth0 OUT_A ──── veth0 OUT_B ─ esp0 IN_B, IN6_B, ikehelper :b

# shellcheck source=lib-daemon.sh
. "$(dirname "$0")/lib-daemon.sh"

IN6_A=2001:db8:1::1 IN6_B=2001:db8:2::1
NET6_A=2001:db8:1::/48 NET6_B=2001:db8:2::/48

# Configurations of both; lines of one's own go behind.
two_families() # 4|6 [LINE...]
{
	families 4 "$1"
	IPV6=yes
	two_helpers
	a ip addr add $IN6_A/128 dev lo
	b ip addr add $IN6_B/128 dev lo
	a ip route add $NET6_B dev esp0 src $IN6_A
	b ip route add $NET6_A dev esp0 src $IN6_B
	config a "local-subnets = $NET_A, $NET6_A" "remote-subnets = $NET_B, $NET6_B" "${@:2}"
	config b "local-subnets = $NET_B, $NET6_B" "remote-subnets = $NET_A, $NET6_A" "${@:2}"
}

both_up()
{
	run b
	run a
	ask a up peer
	wait_for ping_once a $IN_B
	wait_for ping_once a $IN6_B
}

pings_of_both()
{
	pings_both_ways "$@"
	pings a $IN6_B -I $IN6_A "$@"
	pings b $IN6_A -I $IN6_B "$@"
}

spis() { helper "$1" sa show --json | jq -r '.[].spi' | sort; }

# The SPIs that are sent on, one for each family.
sends_on() { helper "$1" sa show --json | jq -r '.[] | select(.active).spi' | sort; }

# None of those that were sent on is any more.
sends_anew() # a|b "OLD..."
{
	local now

	now=$(sends_on "$1")
	[ "$(wc -w <<<"$now")" = 2 ] && [ -z "$(comm -12 <(echo "$now") <(echo "$2"))" ]
}

two_pairs() { [ "$(spis a | wc -l)" = 4 ] && [ "$(spis a)" = "$(spis b)" ]; }

cookies() { ask a status --json | jq -r '.peers[] | select(.state == "established") | .cookie_i'; }
new_cookies() { [ -n "$(cookies)" ] && [ "$(cookies)" != "$1" ]; }

# One peer in the module for each family, and both said by status.
one_each()
{
	same "$(helper a peer show esp0 --json | jq -r '.[].selectors[0] | "\(.local) \(.remote)"' | sort)" \
		"$NET_A $NET_B
$NET6_A $NET6_B"
	ask a status >"$dir/status"
	cat "$dir/status"
	grep -q "$NET_A.*$NET_B" "$dir/status"
	grep -q "$NET6_A.*$NET6_B" "$dir/status"
	same "$(ask a trace --json | jq -s '[.[] | select(.kind == "sent" and .name == "Quick Mode 1")] | length')" 2
	same "$(ask a trace --json | jq -s '[.[] | select(.kind == "sent" and .name == "Main Mode 1")] | length')" 1
}

# Renewed, both kinds, under pings of both families.
renewed() # 4|6 [LINE...]
{
	local old

	two_families "$@"
	both_up
	pings_of_both
	pings_of_both -s 9000
	one_each
	flood $IN_B $IN6_B
	old=$(sends_on a)
	ask a rekey peer
	wait_for sends_anew a "$old"
	old=$(cookies)
	ask b rekey peer --ike
	wait_for new_cookies "$old"
	old=$(sends_on a)
	ask b rekey peer
	wait_for sends_anew a "$old"
	wait_for two_pairs
	calm
	kill "$PID"
	wait "$PID"
	wait_for no_sas b
	no_sas a
}

run_tests "renewed 4" "renewed 6"
