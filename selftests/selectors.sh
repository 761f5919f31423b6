#!/bin/bash
# SPDX-License-Identifier: MIT
# Who a packet goes to, and what may come in (RFC 4301 section 5): the longest prefix outbound, all
# selectors inbound, and without an SA nothing at all, in the clear least of all.
#
#   a: esp0 10.1.0.1 ─┬─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b
#                     └─ veth1 203.0.113.1  ──── veth0 203.0.113.3  ─ esp0 10.2.3.1 :c

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16
OUT_A2=203.0.113.1 OUT_C=203.0.113.3 IN_C=10.2.3.1 NET_C=10.2.3.0/24
SPI_AC=0x00001003 SPI_CA=0x00003001

# c, and a's peer 2, with NET_C inside b's NET_B.
third_site()
{
	local key_ac key_ca

	key_ac=$(new_key $alg) key_ca=$(new_key $alg)
	KEY_CA=$key_ca
	new_ns NS_C
	ip -n "$NS_A" link add veth1 type veth peer name veth0 netns "$NS_C"
	a ip addr add $OUT_A2/24 dev veth1
	c ip addr add $OUT_C/24 dev veth0
	c ip addr add $IN_C/32 dev lo
	a ip link set veth1 up
	c ip link set veth0 up
	c ip link add esp0 type esptun
	c ip link set esp0 up
	c ip route add $NET_A dev esp0 src $IN_C
	helper c peer add esp0 1 remote $OUT_A2 selectors $NET_C=$NET_A
	helper c sa add esp0 1 in $SPI_AC $alg - <<<"$key_ac"
	helper c sa add esp0 1 out $SPI_CA $alg - <<<"$key_ca"
	helper a peer add esp0 2 remote $OUT_C selectors $NET_A=$NET_C
	helper a sa add esp0 2 in $SPI_CA $alg - <<<"$key_ca"
	helper a sa add esp0 2 out $SPI_AC $alg - <<<"$key_ac"
	wait_for ping_once a $OUT_C
}

# peer_packets ID: packets that a sent to a peer
peer_packets()
{
	helper a sa show esp0 --json |
		jq --argjson id "$1" '[.[] | select(.peer == $id and .direction == "out").packets] | add // 0'
}

longest_prefix_wins()
{
	sites
	esp_pair $alg
	third_site
	pings a $IN_B
	same "$(peer_packets 1) $(peer_packets 2)" "3 0"
	pings a $IN_C
	same "$(peer_packets 1) $(peer_packets 2)" "3 3"
	pings c $IN_A
}

# The longer prefix is gone: its packets fall to the shorter one, as a routing table would have it.
falls_back_when_a_peer_goes()
{
	sites
	esp_pair $alg
	third_site
	pings a $IN_C
	helper a peer del esp0 2
	no_ping a $IN_C
	same "$(peer_packets 1)" 1
}

# The peer chosen has no SA: its packets must not go to another one's, whose prefix is wider.
no_sa_means_drop()
{
	sites
	esp_pair $alg
	third_site
	helper a sa del esp0 2 out $SPI_AC
	no_ping a $IN_C
	same "$(peer_drop a 2 no-sa)" 1
	same "$(peer_packets 1)" 0
	pings a $IN_B
}

no_peer_means_drop()
{
	sites
	esp_pair $alg
	a ip route add 10.99.0.0/16 dev esp0 src $IN_A
	no_ping a 10.99.0.1
	same "$(dev_drop a no-peer)" 1
}

foreign_source_is_dropped()
{
	sites
	esp_pair $alg
	a ip addr add 10.77.0.1/32 dev lo
	no_ping a $IN_B -I 10.77.0.1
	same "$(($(dev_drop a no-peer) + $(dev_drop a selector-out)))" 1
	same "$(peer_packets 1)" 0
}

# Nothing in the clear: before the first SA, after the last one, after an expiry, without a peer.
never_plaintext()
{
	local mark=(-p 706c61696e74657874) # "plaintext"

	sites
	watch a veth0 "$dir/wire" -m plaintext
	esp_dev a
	no_ping a $IN_B "${mark[@]}"
	esp_peer a
	no_ping a $IN_B "${mark[@]}"
	new_keys $alg
	esp_dev b
	esp_peer b
	esp_sa b in $SPI_AB $alg "$KEY_AB"
	esp_sa b out $SPI_BA $alg "$KEY_BA"
	esp_sa a in $SPI_BA $alg "$KEY_BA"
	no_ping a $IN_B "${mark[@]}"
	esp_sa a out $SPI_AB $alg "$KEY_AB" inactive
	no_ping a $IN_B "${mark[@]}"
	helper a sa activate esp0 1 $SPI_AB
	pings a $IN_B "${mark[@]}"
	helper a sa del esp0 1 out $SPI_AB
	no_ping a $IN_B "${mark[@]}"
	esp_sa a out 0x5555 $alg "$(new_key $alg)" limits hard-packets 2
	a ping -q -c 4 -i 0.2 -W 1 "${mark[@]}" $IN_B || true
	helper a peer del esp0 1
	no_ping a $IN_B "${mark[@]}"
	# The wire saw our probe of b's outer address last, and never a marked packet.
	ping_once a $OUT_B -s 200
	wait_for grep -q "in .* len 228 icmp" "$dir/wire"
	not grep MARK "$dir/wire"
	not grep -F " $IN_A " "$dir/wire"
	same "$(grep -c "esp spi 0x00005555" "$dir/wire")" 2
}

# An authentic packet may still not be what was agreed upon (RFC 4301 section 5.2 step 4).
inbound_check()
{
	sites
	esp_pair $alg
	a espgen -I 10.9.9.9 -O $IN_B $OUT_A $OUT_B $SPI_AB $alg "$KEY_AB" 1
	wait_for prints 1 sa_drop b in $SPI_AB selector-in
	a espgen -I $IN_A -O 10.9.9.9 $OUT_A $OUT_B $SPI_AB $alg "$KEY_AB" 2
	wait_for prints 2 sa_drop b in $SPI_AB selector-in
	a espgen -I $IN_B -O $IN_A $OUT_A $OUT_B $SPI_AB $alg "$KEY_AB" 3
	wait_for prints 3 sa_drop b in $SPI_AB selector-in
	forge $alg "$KEY_AB" 4
	wait_for prints 1 sa_stat b in $SPI_AB packets
	same "$(sa_drop b in $SPI_AB selector-in)" 3
	same "$(b ip -j -s link show esp0 | jq '.[0].stats64.rx.errors')" 3
}

# One peer of a hub must not speak for another.
peers_do_not_speak_for_each_other()
{
	sites
	esp_pair $alg
	third_site
	c espgen -I $IN_B -O $IN_A $OUT_C $OUT_A2 $SPI_CA $alg "$KEY_CA" 1
	wait_for prints 1 sa_drop a in $SPI_CA selector-in
	c espgen -I $IN_C -O $IN_A $OUT_C $OUT_A2 $SPI_CA $alg "$KEY_CA" 2
	wait_for prints 1 sa_stat a in $SPI_CA packets
}

# Only UDP to port 4001 may come in.
protocol_and_ports()
{
	sites
	esp_pair $alg
	helper b peer set esp0 1 selectors $NET_B/udp/4001=$NET_A/udp
	forge $alg "$KEY_AB" 1
	wait_for prints 1 sa_stat b in $SPI_AB packets
	forge -D 4002 $alg "$KEY_AB" 2
	wait_for prints 1 sa_drop b in $SPI_AB selector-in
	forge -P 6 $alg "$KEY_AB" 3
	wait_for prints 2 sa_drop b in $SPI_AB selector-in
	forge -S 4001 -D 4000 $alg "$KEY_AB" 4
	wait_for prints 3 sa_drop b in $SPI_AB selector-in
	forge -S 9 $alg "$KEY_AB" 5
	wait_for prints 2 sa_stat b in $SPI_AB packets
}

# Selectors and endpoint may change under way; the keys stay.
peer_changes_under_way()
{
	sites
	esp_pair $alg
	pings_both_ways
	helper a peer set esp0 1 selectors 10.1.0.0/24=$NET_B,$NET_A=10.2.0.0/24
	pings_both_ways
	helper a peer set esp0 1 selectors $NET_A=10.55.0.0/16
	no_ping a $IN_B
	helper a peer set esp0 1 selectors $NET_A=$NET_B
	pings_both_ways
	# b moves to another address, and a learns it.
	b ip addr add 198.51.100.22/24 dev veth0
	helper b peer set esp0 1 local 198.51.100.22
	helper a peer set esp0 1 remote 198.51.100.22
	watch a veth0 "$dir/wire"
	pings_both_ways
	wait_for grep -q "out $OUT_A > 198.51.100.22 .*esp spi $SPI_AB" "$dir/wire"
}

# A hub's worth of peers, and the right one for each packet.
many_peers()
{
	local i n=64

	sites
	esp_pair $alg
	for ((i = 2; i <= n; i++)); do
		helper a peer add esp0 $i remote 192.0.2.$((i % 250 + 1)) selectors $NET_A=10.2.$i.0/24
	done
	same "$(helper a peer show esp0 --json | jq length)" $n
	same "$(helper a dev show esp0 --json | jq .peers)" $n
	no_ping a 10.2.33.1
	same "$(peer_drop a 33 no-sa)" 1
	pings_both_ways
	a ip link del esp0
}

# An outer route through the device itself would send a packet round for ever.
outer_route_into_the_device()
{
	sites
	esp_pair $alg
	a ip route add $OUT_B/32 dev esp0
	no_ping a $IN_B
	[ "$(helper a peer show esp0 --json | jq '.[0].drops["route-loop"] // 0')" -gt 0 ] ||
		[ "$(dev_drop a route-loop)" -gt 0 ]
	a ip route del $OUT_B/32 dev esp0
	pings_both_ways
}

run_tests longest_prefix_wins falls_back_when_a_peer_goes no_sa_means_drop no_peer_means_drop \
	foreign_source_is_dropped never_plaintext inbound_check peers_do_not_speak_for_each_other \
	protocol_and_ports peer_changes_under_way many_peers outer_route_into_the_device
