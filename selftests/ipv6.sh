#!/bin/bash
# SPDX-License-Identifier: MIT
# IPv4 and IPv6, inside and outside, in all four combinations: alone and in UDP, with ourselves and
# with XFRM as the judge.
#
#   a: esp0 IN_A ─ veth0 OUT_A ──── veth0 OUT_B ─ esp0 or XFRM IN_B :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

in_udp() # a|b
{
	helper "$1" peer set esp0 1 encap 4500 4500
	encap "$1" 4500
}

# Small packets, packets of 64 KiB that the device cuts, all octets looked at; and not in the clear.
carries() # 4|6 4|6 alone|in_udp ALG [ESN]
{
	families "$1" "$2"
	sites
	esp_pair "$4" "${5:-off}"
	[ "$3" = alone ] || { in_udp a && in_udp b; }
	watch a veth0 "$dir/wire"
	pings_both_ways
	pings_both_ways -s 9000
	bulk_both_ways 2000000
	wait_for grep -q "out $OUT_A > $OUT_B .*$([ "$3" = alone ] || echo udp).*esp spi $SPI_AB" "$dir/wire"
	not grep -F " $IN_A " "$dir/wire"
	same "$(a ip -j -s link show esp0 | jq -c '.[0].stats64 | [.rx.errors, .tx.errors, .rx.dropped]')" "[0,0,0]"
}

xfrm_is_the_judge() # 4|6 4|6 alone|in_udp
{
	local alg=aes128gcm16 flags=(flag af-unspec)

	families "$1" "$2"
	sites
	new_keys $alg
	esp_end a $alg
	if [ "$3" = in_udp ]; then
		flags+=(encap espinudp 4500 4500 ::)
		in_udp a
		encap b 4500
	fi
	xfrm_end $alg "$KEY_AB" "$KEY_BA" replay-window 32 "${flags[@]}"
	pings_both_ways
	pings_both_ways -s 9000
	bulk_both_ways
	same "$(b awk '$2 { print }' /proc/net/xfrm_stat)" ""
}

# The keys stay when the outer address becomes one of the other family, and goes back.
endpoint_changes_its_family()
{
	families 4 6
	sites
	esp_pair aes128gcm16
	pings_both_ways
	a ip addr add 198.51.100.1/24 dev veth0
	b ip addr add 198.51.100.2/24 dev veth0
	helper a peer set esp0 1 remote 198.51.100.2
	helper b peer set esp0 1 remote 198.51.100.1
	a ip addr del $OUT_A/64 dev veth0
	pings_both_ways
	same "$(helper a peer show esp0 --json | jq -r '.[0] | "\(.remote) \(.local)"')" "198.51.100.2 any"
	a ip addr add $OUT_A/64 dev veth0
	helper a peer set esp0 1 remote $OUT_B local $OUT_A
	helper b peer set esp0 1 remote $OUT_A local $OUT_B
	pings_both_ways
	refused "local: of another family" helper a peer set esp0 1 local 198.51.100.1
	refused "local: of another family" helper a peer set esp0 1 remote 198.51.100.2 local $OUT_A
	pings_both_ways
}

# One peer, both families inside; a selector of one lets nothing of the other through.
both_families_in_one_tunnel()
{
	families 6 4
	sites
	esp_pair aes128gcm16
	a ip addr add 10.1.0.1/32 dev lo
	b ip addr add 10.2.0.1/32 dev lo
	a ip route add 10.2.0.0/16 dev esp0 src 10.1.0.1
	b ip route add 10.1.0.0/16 dev esp0 src 10.2.0.1
	no_ping a 10.2.0.1
	same "$(dev_drop a no-peer)" 1
	helper a peer set esp0 1 selectors $NET_A=$NET_B,10.1.0.0/16=10.2.0.0/16
	no_ping a 10.2.0.1
	same "$(sa_drop b in $SPI_AB selector-in)" 1
	helper b peer set esp0 1 selectors $NET_B=$NET_A,10.2.0.0/16=10.1.0.0/16
	pings a 10.2.0.1
	pings_both_ways
	same "$(helper a peer show esp0 --json | jq -r '.[0].selectors | length')" 2
}

# Only TCP to port 5001 of b, and ICMPv6, may pass.
ports_behind_ipv6()
{
	families 6 6
	sites
	esp_pair aes128gcm16
	helper b peer set esp0 1 selectors $NET_B/tcp/5001=$NET_A,$NET_B/icmpv6=$NET_A
	bulk_both_ways
	pings_both_ways
	b bulk serve $IN_B 5002 1 >"$dir/other" 2>&1 &
	wait_for grep -q listening "$dir/other"
	a timeout 2 bulk connect $IN_B 5002 1 && return 1
	[ "$(sa_drop b in $SPI_AB selector-in)" -gt 0 ]
	# What stands before TCP in the packet, here the header of a fragment, is passed over.
	pings a $IN_B -s 4000
}

# A device with an address, and what the kernel does with it by itself, is quiet.
link_says_nothing_of_itself()
{
	families 6 6
	sites
	a sysctl -q -w net.ipv6.conf.default.accept_dad=1 net.ipv6.conf.default.addr_gen_mode=0
	esp_pair aes128gcm16
	a ip addr add 2001:db8:1:1::1/64 dev esp0
	a ip addr add fe80::1/64 dev esp0
	same "$(a ip -j addr show dev esp0 tentative | jq '[.[].addr_info[]?] | length')" 0
	pings a $IN_B -I 2001:db8:1:1::1
	a ip link set esp0 down
	a ip link set esp0 up
	same "$(a ip -j -s link show esp0 | jq -c '.[0].stats64.tx | [.errors, .dropped]')" "[0,0]"
	same "$(helper a dev show esp0 --json | jq -c '.drops | del(."link-local")')" "{}"
	same "$(a ip -j -6 neigh show dev esp0 | jq 'map(select(.state != ["NOARP"])) | length')" 0
}

# Traffic class and hop limit of the outer header; one flow label, so that no router reorders.
outer_header()
{
	families 4 6
	sites
	esp_pair aes128gcm16
	watch a veth0 "$dir/wire"
	pings a $IN_B -Q 0xb8
	pings b $IN_A -Q 0x00
	wait_for grep -q "out $OUT_A > $OUT_B len [0-9]* class 0xb8 label 0x[0-9a-f]* hops 64 esp spi $SPI_AB" "$dir/wire"
	wait_for grep -q "in $OUT_B > $OUT_A len [0-9]* class 0x00" "$dir/wire"
	bulk_both_ways
	same "$(grep "out $OUT_A.*esp spi $SPI_AB" "$dir/wire" | grep -o "label 0x[0-9a-f]*" | sort -u | wc -l)" 1
	not grep -q "label 0x00000 .*esp spi $SPI_AB" "$dir/wire"
}

# Congestion that was marked on the outer header comes out on the inner one (RFC 6040).
congestion() # 4|6 4|6
{
	command -v nft >/dev/null || skip "nft is not there"
	families "$1" "$2"
	sites
	esp_pair aes128gcm16
	b nft -f - <<-END || skip "no nftables in this kernel"
		table inet t {
			counter marked { }
			chain in {
				type filter hook input priority 0
				iifname esp0 ip dscp cs1 ip ecn ce counter name marked
				iifname esp0 ip6 dscp cs1 ip6 ecn ce counter name marked
			}
		}
	END
	a nft -f - <<-END
		table netdev t {
			chain out {
				type filter hook egress device veth0 priority 0
				ip protocol esp ip ecn set ce
				ip6 nexthdr esp ip6 ecn set ce
			}
		}
	END
	pings a $IN_B -Q 0x22
	same "$(b nft -j list counters | jq '[.nftables[].counter.packets?] | add')" 3
	no_ping a $IN_B -Q 0x20
	same "$(sa_drop b in $SPI_AB ecn)" 1
}

# Behind a reserved SPI packets wait for keys only if they come from the peer's address.
reserved_spi_knows_the_peer()
{
	local spi

	families 6 6
	sites
	esp_pair aes128gcm16
	spi=$(helper b sa alloc esp0 1)
	a ip addr add 2001:db8:f::99/64 dev veth0
	esp_sa a out "$spi" aes128gcm16 "$KEY_AB"
	helper a sa activate esp0 1 "$spi"
	helper a peer set esp0 1 local 2001:db8:f::99
	no_ping a $IN_B
	same "$(peer_drop b 1 spi-reserved)" 1
	helper a peer set esp0 1 local $OUT_A
	a ping -n -c 1 -W 3 $IN_B >"$dir/ping" &
	sleep 0.3
	esp_sa b in "$spi" aes128gcm16 "$KEY_AB"
	wait_for grep -q "1 received" "$dir/ping"
}

# Only what comes to the address that the peer has to use is taken; else any address will do.
local_address_counts()
{
	families 4 6
	sites
	esp_pair aes128gcm16
	b ip addr add 2001:db8:f::77/64 dev veth0
	helper a peer set esp0 1 remote 2001:db8:f::77
	no_ping a $IN_B
	same "$(sa_stat b in $SPI_AB packets)" 0
	helper b peer set esp0 1 local ::
	pings a $IN_B -I $IN_A
	same "$(helper b peer show esp0 --json | jq -r '.[0].local')" any
}

# A peer that moves to another address, of another family too, is followed.
mapping_is_followed()
{
	families 6 6
	sites
	esp_pair aes128gcm16
	helper b peer set esp0 1 mapping follow
	helper a peer set esp0 1 local ::
	monitor b
	pings_both_ways
	a ip addr add 2001:db8:f::5/64 dev veth0
	helper a peer set esp0 1 local 2001:db8:f::5
	ping_once a $IN_B || true
	event "^peer-moved esp0 peer 1 to 2001:db8:f::5$"
	pings_both_ways
	a ip addr add 198.51.100.1/24 dev veth0
	b ip addr add 198.51.100.2/24 dev veth0
	helper b peer set esp0 1 local ::
	helper a peer set esp0 1 remote 198.51.100.2
	ping_once a $IN_B || true
	event "^peer-moved esp0 peer 1 to 198.51.100.1$"
	pings_both_ways
}

bad_arguments()
{
	families 6 6
	sites
	esp_pair aes128gcm16
	refused "IPv4 on one side, IPv6 on the other" helper a peer set esp0 1 selectors $NET_A=10.0.0.0/8
	refused "bits set behind the prefix" helper a peer set esp0 1 selectors $NET_A=2001:db8::1/32
	refused "no unicast address" helper a peer set esp0 1 remote ff02::1
	refused "no unicast address" helper a peer set esp0 1 remote ::
	refused "no unicast address" helper a peer set esp0 1 remote ::ffff:198.51.100.2
	refused "no unicast address" helper a peer set esp0 1 remote fe80::1
	refused "no unicast address" helper a peer set esp0 1 local fe80::1
	refused "wants an address" helper a peer set esp0 1 remote fe80::1%veth0
	pings_both_ways
}

run_tests "carries 6 6 alone aes128gcm16" "carries 4 6 alone aes256-sha256" \
	"carries 6 4 alone aes128gcm16 on" "carries 6 6 in_udp aes256-sha256 on" \
	"carries 4 6 in_udp aes128gcm16" "carries 6 4 in_udp aes128gcm16" \
	"xfrm_is_the_judge 6 6 alone" "xfrm_is_the_judge 4 6 alone" "xfrm_is_the_judge 6 4 alone" \
	"xfrm_is_the_judge 6 6 in_udp" "xfrm_is_the_judge 4 6 in_udp" \
	endpoint_changes_its_family both_families_in_one_tunnel ports_behind_ipv6 \
	link_says_nothing_of_itself outer_header "congestion 6 6" "congestion 4 6" "congestion 6 4" \
	reserved_spi_knows_the_peer local_address_counts mapping_is_followed bad_arguments
