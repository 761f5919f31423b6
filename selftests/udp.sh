#!/bin/bash
# SPDX-License-Identifier: MIT
# ESP in UDP (RFC 3948): with ourselves and with XFRM as the judge, through a router that masquerades,
# and beside IKE on one port.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 or XFRM 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

# in_udp a|b SPORT DPORT: its peer, and a socket of its port
in_udp()
{
	helper "$1" peer set esp0 1 encap "$2" "$3"
	encap "$1" "$2"
}

# XFRM at b with ESP in UDP, to the port of a that it sees.
xfrm_end_in_udp() # ALG DPORT
{
	encap b 4500
	xfrm_end "$1" "$KEY_AB" "$KEY_BA" replay-window 128
	b ip xfrm state deleteall
	xfrm_sa $OUT_A $OUT_B $SPI_AB "$1" "$KEY_AB" replay-window 128 encap espinudp "$2" 4500 0.0.0.0
	xfrm_sa $OUT_B $OUT_A $SPI_BA "$1" "$KEY_BA" encap espinudp 4500 "$2" 0.0.0.0
}

# Every packet of the tunnel is UDP from and to the ports that were set, none is ESP.
both_ends_esptun() # ALG
{
	sites
	esp_pair "$1"
	in_udp a 4501 4502
	in_udp b 4502 4501
	watch a veth0 "$dir/wire"
	pings_both_ways
	bulk_both_ways
	wait_for grep -q "out $OUT_A > $OUT_B .*udp port 4502" "$dir/wire"
	wait_for grep -q "in $OUT_B > $OUT_A .*udp port 4501" "$dir/wire"
	not grep -q "esp" "$dir/wire"
	not grep -qE " > 10\." "$dir/wire"
	same "$(helper a peer show esp0 --json | jq -c '.[0] | [.encap_sport, .encap_dport]')" "[4501,4502]"
	helper a peer show esp0 | grep "encap 4501 4502"
	helper a peer set esp0 1 encap 0 0
	helper b peer set esp0 1 encap 0 0
	pings_both_ways
	wait_for grep -q "out $OUT_A > $OUT_B .*esp spi $SPI_AB" "$dir/wire"
}

xfrm_is_the_judge() # ALG
{
	sites
	new_keys "$1"
	esp_end a "$1"
	in_udp a 4500 4500
	xfrm_end_in_udp "$1" 4500
	pings_both_ways
	bulk_both_ways
}

# b answers to the port that the router gave to a.
through_a_masquerading_router() # esptun|xfrm
{
	sites_behind_nat
	new_keys $alg
	esp_end a $alg
	helper a peer set esp0 1 local $LAN_A
	in_udp a 4500 4500
	if [ "$1" = xfrm ]; then
		xfrm_end_in_udp $alg 40000
	else
		esp_end b $alg
		in_udp b 4500 40000
	fi
	watch b veth0 "$dir/wire"
	pings_both_ways
	bulk_both_ways
	wait_for grep -q "in $OUT_A > $OUT_B .*esp spi $SPI_AB" "$dir/wire"
}

# What IKE sends, with its non-ESP marker, is the socket's; a keepalive is nobody's.
ike_and_keepalives_on_the_same_port()
{
	sites
	esp_pair $alg
	in_udp a 4500 4500
	in_udp b 4500 4500
	pings_both_ways
	a bash -c "printf '\\0\\0\\0\\0ike' >/dev/udp/$OUT_B/4500"
	a bash -c "printf '\\377' >/dev/udp/$OUT_B/4500"
	a bash -c "printf '\\0\\0\\0\\0again' >/dev/udp/$OUT_B/4500"
	wait_for grep -q "^9 octets, not ESP, from $OUT_A" "$dir/encap-b"
	same "$(sed 's/ port.*//' "$dir/encap-b")" "7 octets, not ESP, from $OUT_A
9 octets, not ESP, from $OUT_A"
	pings_both_ways
}

# XFRM's tunnels on the same port keep their packets; an SPI that nobody has is told to XFRM too.
beside_xfrm_on_the_same_port()
{
	sites
	modprobe esp4
	esp_pair $alg
	in_udp a 4500 4500
	in_udp b 4500 4500
	a espgen -u 4500:4500 $OUT_A $OUT_B 0x8888 $alg "$KEY_AB" 1-7
	wait_for prints 7 b awk '/XfrmInNoStates/ { print $2 }' /proc/net/xfrm_stat
	pings_both_ways
}

# A packet is judged by its ICV, not by what carried it: a peer that changes loses nothing.
alone_and_in_udp_are_both_taken()
{
	sites
	esp_pair $alg
	encap b 4500
	forge $alg "$KEY_AB" 1-3
	forge -u 4500:4500 $alg "$KEY_AB" 4-6
	wait_for prints 6 sa_stat b in $SPI_AB packets
	forge -u 4500:4500 $alg "$(new_key $alg)" 7-9
	wait_for prints 3 sa_drop b in $SPI_AB bad-icv
}

largest_ping() { a ping -n -c 1 -W 1 -M "do" -s 1400 -I $IN_A $IN_B 2>&1; }
told_mtu() { largest_ping | grep -q "mtu *= *$1"; }

# 8 octets less than ESP alone: 1400 - 20 - 8 - 8 (ESP) - 8 (IV) - 16 (ICV) - 2 = 1338.
udp_header_counts()
{
	sites
	esp_pair $alg
	a ip link set veth0 mtu 1400
	b ip link set veth0 mtu 1400
	wait_for told_mtu 1346
	in_udp a 4500 4500
	in_udp b 4500 4500
	a ip route flush cache
	wait_for told_mtu 1338
	a ping -n -c 1 -W 5 -M "do" -s 1310 -I $IN_A $IN_B
	bulk_both_ways
}

# ICMP's word about our UDP goes to the socket, and by it into the route: 1300 less 62.
path_mtu_by_icmp()
{
	sites_behind_nat
	new_keys $alg
	esp_end a $alg
	esp_end b $alg
	helper a peer set esp0 1 local $LAN_A
	in_udp a 4500 4500
	in_udp b 4500 40000
	r ip link set out0 mtu 1300
	b ip link set veth0 mtu 1300
	wait_for told_mtu 1238
	a ping -n -c 1 -W 5 -M "do" -s 1210 -I $IN_A $IN_B
	bulk_both_ways
}

bad_arguments()
{
	sites
	esp_pair $alg
	refused "encap wants two ports" helper a peer set esp0 1 encap 4500
	refused "encap wants two ports" helper a peer set esp0 1 encap 4500 0
	refused "encap wants two ports" helper a peer set esp0 1 encap 4500 65536
	refused "write [ADDRESS:]PORT" helper a encap
	refused "write [ADDRESS:]PORT" helper a encap 0
	refused "write [ADDRESS:]PORT" helper a encap 1.2.3:4500
	encap a $OUT_A:4500
	refused "UDP port 4500: " helper a encap 4500
	pings_both_ways
}

run_tests "both_ends_esptun aes128gcm16" "both_ends_esptun aes256-sha256" \
	"xfrm_is_the_judge aes128gcm16" "xfrm_is_the_judge aes256-sha256" \
	"through_a_masquerading_router esptun" "through_a_masquerading_router xfrm" \
	ike_and_keepalives_on_the_same_port beside_xfrm_on_the_same_port \
	alone_and_in_udp_are_both_taken udp_header_counts path_mtu_by_icmp bad_arguments
