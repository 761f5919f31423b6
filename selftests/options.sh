#!/bin/bash
# SPDX-License-Identifier: MIT
# The options of the link, set and shown by stock `ip` with our plug-in, and what they do to outer
# packets: DSCP, ECN (RFC 6040), TTL, DF, mark, and the device or VRF that they leave by.
#
#   a: esp0 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ip link help esptun 2>/dev/null | grep -q dscp || skip_all "ip does not find link_esptun.so: set IP_LIB_DIR to its folder"

option() { a ip -d -j link show esp0 | jq -r ".[0].linkinfo.info_data[\"$1\"]"; }
set_options() { a ip link set esp0 type esptun "$@"; }

# Of a link made without any, with some, and of one changed: in words, in JSON, and as ip takes them.
shown_as_set()
{
	local words

	new_ns NS_A
	a ip link add esp0 type esptun
	a ip -d link show esp0 | grep -q 'mark 0 dscp copy decap-dscp off ttl default df copy'
	a ip link del esp0

	a ip link add esp0 type esptun dscp copy df set mark 7
	a ip -d link show esp0 | grep -q 'mark 7 dscp copy decap-dscp off ttl default df set'
	same "$(option mark) $(option dscp) $(option df)" "7 copy set"
	set_options dscp 46 decap-dscp on ttl inherit df clear mark 0x10
	same "$(option mark) $(option dscp) $(option df)" "16 46 clear"
	set_options ttl 255
	words=$(a ip -d link show esp0 | grep -o 'mark .* df [a-z]*')
	same "$words" "mark 16 dscp 46 decap-dscp on ttl 255 df clear"
	set_options dscp copy decap-dscp off ttl default df copy mark 0
	# shellcheck disable=SC2086 # words
	set_options $words
	same "$(a ip -d link show esp0 | grep -o 'mark .* df [a-z]*')" "$words"
}

device_is_shown()
{
	new_ns NS_A
	a ip link add dummy0 type dummy
	a ip link add esp0 type esptun dev dummy0
	same "$(a ip -j link show esp0 | jq -r '.[0].link')" dummy0
	set_options dev none
	same "$(a ip -j link show esp0 | jq -r '.[0].link')" null
}

# One line that says what is wrong, and nothing is changed.
refuses()
{
	new_ns NS_A
	a ip link add esp0 type esptun mark 7
	refused 'dscp has to be { copy | 0..63 }, not "64"' set_options dscp 64
	refused 'ttl has to be' set_options ttl 256
	refused 'ttl has to be' set_options ttl 0
	refused 'df has to be { copy | set | clear }, not "on"' set_options df on
	refused 'mark has to be' set_options mark 4294967296
	refused 'mark has to be { NUMBER }, not ""' set_options mark
	refused 'dev has to be' set_options dev nowhere
	refused 'unknown option "tos"' set_options tos 1
	refused 'no such device' set_options dev if9999 mark 8
	refused 'the link itself' set_options dev esp0 mark 8
	refused 'no such device' a ip link add esp1 type esptun dev if9999
	same "$(option mark)" 7
	not a ip link show esp1
}

# Who is root in the inner namespace alone says nothing of packets in the outer one.
needs_the_right_outside()
{
	local inside

	new_ns NS_A
	a ip link add esp0 type esptun mark 7
	a unshare --user --map-root-user --net sh -c "echo \$\$ >$dir/pid; exec sleep 120" &
	wait_for test -s "$dir/pid"
	inside="nsenter -t $(cat "$dir/pid") -U -n --preserve-credentials"
	wait_for $inside ip link set lo up
	a ip link set esp0 netns "$(cat "$dir/pid")"
	$inside ip link set esp0 up
	refused "needed over the outer namespace, too" $inside ip link set esp0 type esptun mark 8
	$inside ip -d link show esp0 | grep -q 'mark 7 '
	kill "$(cat "$dir/pid")"
}

# sniff, then outer PING-OPTION...: the outer header of the packet that a ping from a becomes, in
# tcpdump's words.
sniff()
{
	command -v tcpdump >/dev/null || skip "tcpdump is not there"
	b tcpdump -Z root -i veth0 -n -v -l "src $OUT_A and ip proto 50" >"$dir/sniffed" 2>"$dir/tcpdump" &
	wait_for grep -q listening "$dir/tcpdump"
}

outer()
{
	local seq

	ping_once a $IN_B -I $IN_A "$@" >/dev/null || return 1
	seq=$(printf 'seq=0x%x)' "$(sa_stat a out $SPI_AB seq)")
	wait_for grep -qF "$seq" "$dir/sniffed"
	grep -B1 -F "$seq" "$dir/sniffed" | grep -oE 'tos [^ ]+|ttl [0-9]+|flags \[[A-Za-z]+\]' | paste -sd ' '
}

outer_header_is_asked_for()
{
	sites
	esp_pair aes128gcm16
	sniff
	same "$(outer -M "do")" "tos 0x0, ttl 64 flags [DF]"
	same "$(outer -M dont -Q 0xb8 -t 33)" "tos 0xb8, ttl 64 flags [none]"

	set_options dscp 10 ttl inherit df set
	same "$(outer -M dont -Q 0xb8 -t 33)" "tos 0x28, ttl 33 flags [DF]"
	same "$(outer -M dont -Q 0xba)" "tos 0x2a,ECT(0), ttl 64 flags [DF]"
	set_options dscp 0 ttl 7 df clear
	same "$(outer -M "do" -Q 0xb8)" "tos 0x0, ttl 7 flags [none]"
}

# RFC 6040 section 4.2: congestion marked on the way is told to a sender that can hear of it; of one
# that cannot, the packet is dropped.
congestion_is_told_or_dropped()
{
	command -v nft >/dev/null || skip "nft is not there"
	sites
	esp_pair aes128gcm16
	b nft -f - <<-END || skip "nft cannot mark congestion"
		table ip way {
			chain before { type filter hook prerouting priority raw; ip protocol esp ip ecn set ce; }
			chain inside { type filter hook input priority filter; iifname esp0 ip ecn ce counter; }
		}
	END
	ping_once a $IN_B -I $IN_A -Q 0x02
	b nft list chain ip way inside | grep -q 'packets 1 '
	same "$(sa_drop b in $SPI_AB ecn)" 0
	no_ping a $IN_B -I $IN_A -Q 0
	same "$(sa_drop b in $SPI_AB ecn)" 1
	b nft list chain ip way inside | grep -q 'packets 1 '
}

# The inner DSCP is the sender's, unless the outer one is asked for.
outer_dscp_comes_in()
{
	command -v nft >/dev/null || skip "nft is not there"
	sites
	esp_pair aes128gcm16
	set_options dscp 10
	b nft -f - <<-END || skip "nft cannot count"
		table ip seen {
			counter af11 { }
			counter ef { }
			chain inside {
				type filter hook input priority filter
				iifname esp0 ip dscp af11 counter name af11
				iifname esp0 ip dscp ef counter name ef
			}
		}
	END
	ping_once a $IN_B -I $IN_A -Q 0xb8
	b nft list counter ip seen ef | grep -q 'packets 1 '
	b ip link set esp0 type esptun decap-dscp on
	ping_once a $IN_B -I $IN_A -Q 0xb8
	b nft list counter ip seen ef | grep -q 'packets 1 '
	b nft list counter ip seen af11 | grep -q 'packets 1 '
}

# Only marked packets find the way, and what comes back needs none.
mark_finds_the_route()
{
	sites
	esp_pair aes128gcm16
	a ip rule add fwmark 7 table 70
	a ip route add $OUT_B dev veth0 table 70
	a ip route add unreachable $OUT_B
	no_ping a $IN_B -I $IN_A
	[ "$(sa_drop a out $SPI_AB no-route)" -gt 0 ]
	set_options mark 7
	pings_both_ways
	set_options mark 8
	no_ping a $IN_B -I $IN_A
}

# As above, and the inner side is in another namespace, where marks mean something else.
mark_crosses_namespaces()
{
	sites
	esp_pair aes128gcm16
	new_ns NS_C
	a ip rule add fwmark 7 table 70
	a ip route add $OUT_B dev veth0 table 70
	a ip route add unreachable $OUT_B
	set_options mark 7
	a ip addr del $IN_A/32 dev lo
	a ip link set esp0 netns "$NS_C"
	c ip addr add $IN_A/32 dev lo
	c ip link set esp0 up
	c ip route add $NET_B dev esp0 src $IN_A
	a nft -f - <<-END || skip "nft cannot count marks"
		table ip seen {
			chain out { type filter hook output priority filter; ip protocol esp meta mark 7 counter; }
		}
	END
	pings c $IN_B -I $IN_A
	a nft list chain ip seen out | grep -qE 'packets [1-9]'
}

# The outer side is in a VRF, of which the main table knows nothing.
outer_side_in_a_vrf()
{
	sites
	esp_pair aes128gcm16
	a ip link add red type vrf table 10 || skip "no VRF in this kernel"
	a ip link set red up
	a ip link set veth0 master red
	no_ping a $IN_B -I $IN_A
	set_options dev red
	pings_both_ways
	same "$(a ip -j link show esp0 | jq -r '.[0].link')" red
	set_options dev none
	no_ping a $IN_B -I $IN_A
}

# Nobody but who asks gets outer fragments: a packet too long is refused, or cut when DF is cleared.
fragments_only_when_asked()
{
	sites
	esp_pair aes128gcm16
	a ip link set veth0 mtu 1300
	b ip link set veth0 mtu 1300
	no_ping a $IN_B -I $IN_A -M "do" -s 1372
	[ "$(sa_drop a out $SPI_AB too-big)" -gt 0 ]
	a ip route flush cache
	set_options df set
	no_ping a $IN_B -I $IN_A -M dont -s 1372
	a ip route flush cache
	set_options df clear
	b ip link set esp0 type esptun df clear
	pings a $IN_B -I $IN_A -M "do" -s 1372
}

run_tests shown_as_set device_is_shown refuses needs_the_right_outside outer_header_is_asked_for \
	congestion_is_told_or_dropped outer_dscp_comes_in mark_finds_the_route \
	mark_crosses_namespaces outer_side_in_a_vrf fragments_only_when_asked
