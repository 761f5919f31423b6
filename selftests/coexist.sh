#!/bin/bash
# SPDX-License-Identifier: MIT
# XFRM on the same host keeps working: beside us, before we come and after we go.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b
#      XFRM 10.11.0.1 ┘                                           └ XFRM 10.12.0.1

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

# xfrm_at a|b OWN PEER OUTER PEER_OUTER: an XFRM tunnel of that site, keys in XKEY_AB, XKEY_BA
xfrm_at()
{
	local site=$1 own=$2 peer=$3 outer=$4 peer_outer=$5
	local tmpl="proto esp reqid 9 mode tunnel" ab ba

	ab=$(xfrm_alg $alg $XKEY_AB) ba=$(xfrm_alg $alg $XKEY_BA)
	$site ip addr add $own/32 dev lo
	$site ip xfrm state add src $OUT_A dst $OUT_B proto esp spi 0x9011 reqid 9 mode tunnel $ab
	$site ip xfrm state add src $OUT_B dst $OUT_A proto esp spi 0x9012 reqid 9 mode tunnel $ba
	$site ip xfrm policy add src $own dst $peer dir out tmpl src $outer dst $peer_outer $tmpl
	$site ip xfrm policy add src $peer dst $own dir in tmpl src $peer_outer dst $outer $tmpl
	$site ip route add $peer via $peer_outer src $own
}

xfrm_tunnel()
{
	XKEY_AB=$(new_key $alg) XKEY_BA=$(new_key $alg)
	xfrm_at a 10.11.0.1 10.12.0.1 $OUT_A $OUT_B
	xfrm_at b 10.12.0.1 10.11.0.1 $OUT_B $OUT_A
}

xfrm_pings()
{
	pings a 10.12.0.1 -I 10.11.0.1
	pings b 10.11.0.1 -I 10.12.0.1
}

beside_each_other()
{
	sites
	xfrm_tunnel
	xfrm_pings
	esp_pair $alg
	xfrm_pings
	pings_both_ways
	a ip link del esp0
	xfrm_pings
}

# A flood through XFRM all the time while our module comes and goes: 0 packets lost.
comes_and_goes()
{
	local i

	sites
	xfrm_tunnel
	xfrm_pings
	a ping -q -f -c 3000 -W 20 -I 10.11.0.1 10.12.0.1 >"$dir/flood" 2>&1 &
	for i in 1 2 3; do
		rmmod esptun
		load_module
		esp_pair $alg
		pings_both_ways
	done
	rmmod esptun
	wait_for grep "packet loss" "$dir/flood"
	cat "$dir/flood"
	grep -q " 0% packet loss" "$dir/flood"
	xfrm_pings
}

# esp4 is loaded after us, and unloaded before us.
esp4_comes_after_us()
{
	sites
	esp_pair $alg
	modprobe -r esp4_offload esp4 2>/dev/null || skip "esp4 is in use or built in"
	[ ! -d /sys/module/esp4 ] || skip "esp4 is in use or built in"
	pings_both_ways
	xfrm_tunnel
	xfrm_pings
	pings_both_ways
	a ip xfrm state flush
	a ip xfrm policy flush
	b ip xfrm state flush
	b ip xfrm policy flush
	pings_both_ways
}

# The XFRM interface and the VTI register in the same place, at other priorities.
with_xfrm_interface_and_vti()
{
	sites
	a ip link add x0 type xfrm if_id 7 || skip "no xfrm interface in this kernel"
	a ip link add v0 type vti local $OUT_A remote 203.0.113.9 key 9 || skip "no vti in this kernel"
	a ip link set x0 up
	a ip link set v0 up
	xfrm_tunnel
	esp_pair $alg
	xfrm_pings
	pings_both_ways
}

# What is not ours goes on to XFRM, untouched: it counts it as a packet without a state.
foreign_spi_reaches_xfrm()
{
	sites
	modprobe esp4
	esp_pair $alg
	a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B 0x8888 $alg "$KEY_AB" 1-7
	wait_for prints 7 b awk '/XfrmInNoStates/ { print $2 }' /proc/net/xfrm_stat
	pings_both_ways
}

run_tests beside_each_other comes_and_goes esp4_comes_after_us with_xfrm_interface_and_vti \
	foreign_spi_reaches_xfrm
