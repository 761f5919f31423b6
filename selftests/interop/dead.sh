#!/bin/bash
# SPDX-License-Identifier: MIT
# strongSwan's charon is idle, dies, comes back, or is called for by traffic; our own processes die.
# layers: guest strongswan

PEER=strongswan
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

our_spis() { helper a sa show --json | jq -c 'map(select(.reserved | not).spi) | sort'; }
gave_up() { ask trace site --json | grep -q peer-dead; }

# Its SAs are gone with it.
kill_charon()
{
	kill_in "$NS_B" charon
	rm "$dir/vici"
	b ip xfrm state flush
	b ip xfrm policy flush
}

# Alive, idle, and asked again and again: nothing changes.
idle()
{
	local before

	both $main aes128gcm16 "dpd-delay = 1" "dpd-timeout = 60"
	they_initiate
	tunnel_is_up
	before=$(our_spis)
	wait_for answered 5
	same "$(our_spis)" "$before"
	pings_both_ways
}

answered() { [ "$(grep -c "generating INFORMATIONAL_V1 .* N(DPD_ACK)" "$dir/charon.log")" -ge "$1" ]; }

# How long nothing came through, and what the daemon itself had counted of that when it gave up.
report_outage() # WHAT BEGAN
{
	echo "report: $1: traffic is back after $((SECONDS - $2)) s," \
		"$(sed -n 's/^dpd-/dpd-/p' "$dir/a.conf" | paste -sd,)"
	ask trace site --json | jq -r 'select(.code == "peer-dead") | "report:    given up: " + .text'
}

# Dead, and there again at once: DPD finds out within its time, and nobody is given up.
restart()
{
	local began

	both $main aes128gcm16 "start = now" "dpd-delay = 5" "dpd-timeout = 50"
	tunnel_is_up
	pings_both_ways
	began=$SECONDS
	kill_charon
	start_peer "$psk" $main aes128gcm16
	wait_for ping_once a $IN_B
	report_outage "strongSwan dies and is back at once" "$began"
	pings_both_ways
	wait_for prints 1 count_their_ike_sas
	not gave_up
}

# Dead for longer than dpd-timeout: given up, without carrier, and negotiated with again for ever.
# MOVED: or at once, when addresses change meanwhile, any.
death() # [MOVED]
{
	local began

	both $main aes128gcm16 "start = now" "dpd-delay = 2" "dpd-timeout = 12"
	tunnel_is_up
	kill_charon
	wait_for gave_up
	same "$(our_spis)" "[]"
	a ip link show esp0 | grep NO-CARRIER
	began=$SECONDS
	start_peer "$psk" $main aes128gcm16
	[ -z "${1:-}" ] || a ip address add 192.0.2.77/32 dev lo
	wait_for ping_once a $IN_B
	report_outage "strongSwan is back after its end was noticed${1:+, and addresses change}" "$began"
	tunnel_is_up
	pings_both_ways
}

# Ours, whose sockets somebody keeps.
we_die_here() # each|all [LINE...]
{
	RUN=fdstore both aes128-sha256-ecp256 aes128gcm16 "${@:2}"
	we_initiate
	tunnel_is_up
	we_die "$1"
}

# Traffic starts it, and none of it is lost; also after the peer has ended it all.
traffic()
{
	both $main aes128gcm16 "start = traffic"
	no_loss
	tunnel_is_up
	they_end
	wait_for prints 0 count_our_sas
	no_loss
}

no_loss()
{
	a ping -n -i 0.5 -c 5 -W 20 -I $IN_A $IN_B | tee "$dir/ping"
	grep -q " 0% packet loss" "$dir/ping"
}

run_tests idle restart death "death moved" traffic "we_die_here each" "we_die_here each encap=yes" \
	"we_die_here all" "we_die_here all encap=yes"
