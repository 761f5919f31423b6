# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# NAT traversal with PEER: either of us behind a router that masquerades and starts anew, and ESP in UDP
# without any NAT because we insist. Sourced.
#
#   inside: 192.168.1.2 ── 192.168.1.1 :r: 198.51.100.x ── the other one: outside
#
# shellcheck disable=SC2034,SC2154,SC2317 # lib.sh has set what is not set here, and calls what is not called

# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

suites="aes128-sha256-ecp256 aes128gcm16"

swap() # VARIABLE VARIABLE
{
	local was=${!1}

	printf -v "$1" %s "${!2}"
	printf -v "$2" %s "$was"
}

swap_sites()
{
	swap NS_A NS_B
	swap OUT_A OUT_B
	swap IN_A IN_B
}

# Who is inside has an address that the other one does not see, and would be known by it.
we_behind_nat()
{
	local id="local-id = $OUT_A"

	sites_behind_nat
	start_peer "$psk" $suites
	local OUT_A=$LAN_A
	start_ikehelper "$psk" $suites "$id"
}

peer_behind_nat()
{
	swap_sites
	sites_behind_nat
	swap_sites
	start_ikehelper "$psk" $suites "remote-id = $LAN_A"
	local OUT_B=$LAN_A
	start_peer "$psk" $suites
}

# The router lets the peer begin, as one does for a server behind it.
forward_ports()
{
	r nft -f - <<-END
		table ip forward {
			chain in {
				type nat hook prerouting priority dstnat
				iifname out0 udp dport { 500, 4500 } dnat to $LAN_A
			}
		}
	END
}

# remap ADDRESS PORT: the router forgets its flows, as it does when its address goes, and gives others
# this port.
remap()
{
	r ip addr del "$1/24" dev out0
	masquerade "$2"
	r ip addr add "$1/24" dev out0
}

# Up, and by the wire's word: nothing of ESP alone, and no plain text.
up_in_udp() # WHERE TO WATCH, WHO INITIATES
{
	watch "$1" "$2" "$dir/wire" -m "$psk"
	"$3_initiate"
	tunnel_is_up
	pings_both_ways
	bulk_both_ways 100000
	grep -q "udp esp spi" "$dir/wire"
	not grep -E "len [0-9]+ esp " "$dir/wire"
	not grep MARK "$dir/wire"
	not grep -E " 10\.[12]\.0\.1 " "$dir/wire"
	ask status | tee "$dir/status"
	grep -q "ESP in UDP" "$dir/status"
}

# Both kinds; nothing is lost.
renewed_without_loss() # WHO RENEWS THE CONTROL TUNNEL
{
	renew 1 they esp
	renew 1 "$1" ike
	renew 1 we esp
	sed 's/^/report: renewals: /' "$dir/renewals"
	awk '$6 { exit 1 }' "$dir/renewals" || explain_loss
}

inside() # WHO INITIATES [WHO RENEWS THE CONTROL TUNNEL]
{
	we_behind_nat
	[ "$1" = we ] || forward_ports
	up_in_udp r out0 "$1"
	grep -q "NAT at our end" "$dir/status"
	trace_says "we are behind a NAT" "NAT-D: hash of the receiver"
	renewed_without_loss "${2:-they}"
}

outside()
{
	peer_behind_nat
	up_in_udp a veth0 they
	grep -q "NAT at the peer's end: UDP ports 4500 and 40000" "$dir/status"
	renewed_without_loss they
	# Only the peer can show where it is now; then IKE and ESP go there.
	remap $OUT_B 41000
	b ping -n -q -c 3 -I $IN_B $IN_A || true
	wait_for grep_status "and 41000"
	pings_both_ways
	renew 1 we esp
}

grep_status() { ask status | grep "$1"; }

# Our own router starts anew: what we send next shows the peer the way, or else we find it silent and
# begin again.
our_router_starts_anew() # HOW MANY PHASE 1S THAT MAKES
{
	we_behind_nat
	up_in_udp r out0 we
	remap $OUT_A 41000
	wait_for ping_once a $IN_B -I $IN_A
	pings_both_ways
	same "$(ask trace --json | jq -s '[.[] | select(.name == "Main Mode 1")] | length')" "$1"
}

insisting() # we|they
{
	both $suites "encap = yes"
	up_in_udp a veth0 "$1"
	not grep -q "NAT at our end" "$dir/status"
	renewed_without_loss they
}
