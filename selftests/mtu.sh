#!/bin/bash
# SPDX-License-Identifier: MIT
# The path takes less than the links say: senders are told, and TCP works without touching anything.
#
#   a: esp0 IN_A ─ veth0 OUT_A ── in0 :r: out0 ─(1280)─ veth0 OUT_B ─ esp0 IN_B :b
#      lan0 ── lan0 :c, a host behind a

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

# Sites with a router between them, whose link to b takes 1280 octets; c behind a. Who forwards IPv6
# asks for neighbours from a link-local address, and new_ns makes none.
far_sites() # 4|6 4|6
{
	families "$1" "$2"
	IPV6=yes
	R_A=198.51.100.254 R_B=203.0.113.254 OUT_B=203.0.113.2
	IN_C=10.1.9.2 GW_C=10.1.9.1 LAN_LEN=24
	[ "$2" = 4 ] || R_A=2001:db8:f::fe R_B=2001:db8:e::fe OUT_B=2001:db8:e::2
	[ "$1" = 4 ] || IN_C=2001:db8:1:9::2 GW_C=2001:db8:1:9::1 LAN_LEN=64
	new_ns NS_A
	new_ns NS_R
	new_ns NS_B
	new_ns NS_C
	ip -n "$NS_A" -batch - <<-END
		link add veth0 type veth peer name in0 netns $NS_R
		link add lan0 type veth peer name lan0 netns $NS_C
		addr add $OUT_A/$OUT_LEN dev veth0
		addr add $IN_A/$IN_LEN dev lo
		addr add $GW_C/$LAN_LEN dev lan0
		addr add fe80::1/64 dev lan0
		link set veth0 up
		link set lan0 up
		route add $OUT_B via $R_A
	END
	ip -n "$NS_R" -batch - <<-END
		link add out0 mtu 1280 type veth peer name veth0 mtu 1280 netns $NS_B
		addr add $R_A/$OUT_LEN dev in0
		addr add $R_B/$OUT_LEN dev out0
		addr add fe80::1/64 dev in0
		addr add fe80::1/64 dev out0
		link set in0 up
		link set out0 up
	END
	ip -n "$NS_C" -batch - <<-END
		addr add $IN_C/$LAN_LEN dev lan0
		link set lan0 up
		route add default via $GW_C
	END
	addresses_of_b
	b ip route add $OUT_A via $R_B
	r sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	a sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	wait_for ping_once a $OUT_B
	wait_for ping_once c $IN_A
}

start() # alone|in_udp
{
	esp_pair $alg
	[ "$1" = alone ] && return
	helper a peer set esp0 1 encap 4500 4500
	helper b peer set esp0 1 encap 4500 4500
	encap a 4500
	encap b 4500
}

# Bulk TCP both ways from c, which is behind a and knows nothing, and from a itself.
tcp_just_works() # 4|6 4|6 alone|in_udp
{
	far_sites "$1" "$2"
	start "$3"
	b bulk serve $IN_B 5001 1000000 >"$dir/bulk" 2>&1 &
	wait_for grep -q listening "$dir/bulk"
	c bulk connect $IN_B 5001 1000000
	wait_for grep -q '^ok' "$dir/bulk"
	bulk_both_ways
}

# The largest packet that passes whole, since its DF is the outer packet's, is the one that the man
# page's sum gives.
told_mtu_is_exact() # 4|6 4|6 alone|in_udp MTU
{
	local header=28

	far_sites "$1" "$2"
	start "$3"
	[ "$1" = 4 ] || header=48
	a ping -n -c 1 -W 1 -M "do" -s 1300 -I $IN_A $IN_B || true	# the router tells a
	c ping -n -c 1 -W 1 -M "do" -s 1300 $IN_B || true	# and a tells c
	c ip route get $IN_B
	c ip route get $IN_B | grep -q "mtu $4 "
	c ping -n -c 1 -W 5 -M "do" -s $(($4 - header)) $IN_B
}

# The MTU of the path is told where one looks, and each change of it is an event.
peer_mtu_is_told()
{
	families 4 6
	sites
	esp_pair $alg
	same "$(peer_mtu)" 1426
	monitor a
	pings a $IN_B
	event "^peer-mtu esp0 peer 1 mtu 1426$"
	a ip link set veth0 mtu 1400
	wait_for prints 1326 peer_mtu
	pings a $IN_B
	event "^peer-mtu esp0 peer 1 mtu 1326$"
	helper a peer show esp0 | grep -q " mtu 1326$"
	helper a peer set esp0 1 encap 4500 4500
	wait_for prints 1318 peer_mtu
	helper a sa del esp0 1 out $SPI_AB
	same "$(peer_mtu)" null
}

peer_mtu() { helper a peer show esp0 --json | jq '.[0].mtu'; }

# packet_too_big SPI DST: b complains about a packet of a's, that it takes 1300 octets only.
packet_too_big()
{
	b python3 - "$OUT_A" "$1" "$2" <<-END
		import socket, struct, sys
		to, spi, dst = sys.argv[1:]
		addr = lambda a: socket.inet_pton(socket.AF_INET6, a)
		sent = struct.pack("!IHBB", 6 << 28, 8, 50, 64) + addr(to) + addr(dst) + struct.pack("!II", int(spi, 16), 1)
		s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
		s.sendto(struct.pack("!BBHI", 2, 0, 0, 1300) + sent, (to, 0))
	END
}

knows_mtu() { a ip route get "$1" | grep -q "mtu 1300 "; }

# An error about an SPI that nobody sends on, or not to there, changes nothing.
foreign_errors_are_not_heard()
{
	command -v python3 >/dev/null || skip "python3 is not there"
	families 6 6
	sites
	esp_pair $alg
	pings_both_ways
	packet_too_big 0x00009999 $OUT_B
	packet_too_big $SPI_AB 2001:db8:f::77
	pings_both_ways
	not knows_mtu $OUT_B
	not knows_mtu 2001:db8:f::77
	packet_too_big $SPI_AB $OUT_B
	wait_for knows_mtu $OUT_B
	pings_both_ways
}

# aes128gcm16: 1280 less 20 (IPv4) or 40, less 8 in UDP, less 8 + 8 + 16 (ESP, IV, ICV): whole fours of
# that, less 2. IPv6 inside has its 1280 at least, and the outer packets are fragmented.
run_tests "tcp_just_works 4 4 alone" "tcp_just_works 6 6 alone" "tcp_just_works 4 6 in_udp" \
	"tcp_just_works 6 4 in_udp" "told_mtu_is_exact 4 4 alone 1226" "told_mtu_is_exact 4 6 alone 1206" \
	"told_mtu_is_exact 4 4 in_udp 1218" "told_mtu_is_exact 4 6 in_udp 1198" \
	peer_mtu_is_told \
	"told_mtu_is_exact 6 4 alone 1280" "told_mtu_is_exact 6 6 in_udp 1280" foreign_errors_are_not_heard
