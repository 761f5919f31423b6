#!/bin/bash
# SPDX-License-Identifier: MIT
# A peer that dies and comes back, is idle, or is started by traffic: strongSwan's charon at b.
#
#   a: ikehelper, esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ charon, 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

psk="is anybody there, or nobody any more?"
suites=(aes256-sha256-modp2048 aes128gcm16)

both() # LINE OF IKEHELPER'S SECTION...
{
	sites
	start_charon "$psk" "${suites[@]}"
	start_ikehelper "$psk" "${suites[@]}" "$@"
}

our_spis() { helper a sa show --json | jq -c 'map(select(.reserved | not).spi) | sort'; }
count_their_ike_sas() { swanctl_b --list-sas | awk '/ESTABLISHED|CONNECTING/ { n++ } END { print n + 0 }'; }
says() { ask trace site --json | grep -q "$1"; }

# charon dies as its machine would: nothing is said, and its SAs are gone.
kill_charon()
{
	local pid

	for pid in $(ip netns pids "$NS_B"); do
		if grep -qs charon "/proc/$pid/comm"; then
			kill -9 "$pid"
		fi
	done
	rm "$dir/vici"
	b ip xfrm state flush
	b ip xfrm policy flush
}

# Dead, and there again at once: DPD finds out, and nobody is given up.
restart()
{
	both "start = now" "dpd-delay = 5" "dpd-timeout = 50"
	wait_for has_esp
	pings_both_ways
	kill_charon
	start_charon "$psk" "${suites[@]}"
	wait_for a ping -c 1 -W 1 $IN_B
	pings_both_ways
	wait_for prints 1 count_their_ike_sas
	not says peer-dead
}

# Dead for longer than dpd-timeout: given up, without carrier, and negotiated with again for ever.
death()
{
	both "start = now" "dpd-delay = 2" "dpd-timeout = 12"
	wait_for has_esp
	kill_charon
	wait_for says peer-dead
	same "$(our_spis)" "[]"
	a ip link show esp0 | grep NO-CARRIER
	start_charon "$psk" "${suites[@]}"
	# A change of addresses, any one, is a reason to try now.
	a ip address add 192.0.2.77/32 dev lo
	wait_for has_esp
	pings_both_ways
}

# Alive, idle, and asked again and again: nothing changes.
idle()
{
	local before

	both "dpd-delay = 1" "dpd-timeout = 60"
	swanctl_b --initiate --child t --timeout 60
	wait_for has_esp
	before=$(our_spis)
	wait_for answered 5
	same "$(our_spis)" "$before"
	pings_both_ways
}

answered() { [ "$(grep -c "generating INFORMATIONAL_V1 .* N(DPD_ACK)" "$dir/charon.log")" -ge "$1" ]; }

run_tests idle restart death
