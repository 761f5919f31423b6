#!/bin/bash
# SPDX-License-Identifier: MIT
# What arrives for a reserved SPI before its keys: it waits, and is received first and in order once
# they come. Only so much of it, only from the peer's address, and only for a second.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

# The SPI that b reserved, and the key that it will have.
reserve()
{
	sites
	esp_pair $alg
	KEY=$(new_key $alg)
	SPI=$(helper b sa alloc esp0 1)
}

# early SEQ... [OPTION...]: packets of a's that are sooner than b's keys
early() { a espgen -I $IN_A -O $IN_B "${@:2}" $OUT_A $OUT_B "$SPI" $alg "$KEY" "$1"; }

# By nlreq, which is quick: in an emulated guest a second is not long.
keys_come() { b nlreq sa-new ifindex=esp0 peer-id=1 direction=0 "spi=$SPI" cipher=0 "key=$KEY"; }

# Each packet has a destination port of its own, and b's device shows them as they come out.
in_order()
{
	reserve
	watch b esp0 "$dir/inner"
	early 1-9 -D 5001 -r
	not grep -q "udp port 500" "$dir/inner"
	keys_come
	early 10 -D 5010
	wait_for grep -q "udp port 5010" "$dir/inner"
	same "$(sed -n 's/.*udp port 50\([0-9]*\)$/\1/p' "$dir/inner" | tr '\n' ' ')" \
		"01 02 03 04 05 06 07 08 09 10 "
	same "$(sa_stat b in "$SPI" packets)" 10
	same "$(peer_drop b 1 hold-full)" 0
	pings_both_ways
}

# Its outbound half goes live with the packet that waited.
waiting_packet_wakes_the_pair()
{
	reserve
	monitor b
	early 1
	keys_come
	esp_sa b out 0x9002 $alg "$KEY" pair "$SPI"
	wait_for prints true sa_stat b out 0x00009002 active
	event "sa-first esp0 peer 1 in $SPI"
}

no_more_than_64()
{
	reserve
	early 1-100
	keys_come
	same "$(sa_stat b in "$SPI" packets)" 64
	same "$(peer_drop b 1 hold-full)" 36
}

only_from_the_peers_address()
{
	reserve
	a espgen -I $IN_A -O $IN_B 198.51.100.77 $OUT_B "$SPI" $alg "$KEY" 1-5
	wait_for prints 5 peer_drop b 1 spi-reserved
	keys_come
	same "$(sa_stat b in "$SPI" packets)" 0
	early 6
	wait_for prints 1 sa_stat b in "$SPI" packets
}

# Whatever waits is dropped by name when the keys do not come, or never will.
not_for_ever()
{
	reserve
	early 1-3
	wait_for prints 3 peer_drop b 1 hold-timeout
	early 4-5
	helper b sa del esp0 1 in "$SPI"
	same "$(($(peer_drop b 1 spi-reserved) + $(peer_drop b 1 hold-timeout)))" 5
	SPI=$(helper b sa alloc esp0 1)
	early 1-3
	b ip link del esp0
	not b ip link show esp0
}

in_udp_too()
{
	reserve
	encap b 4500
	early 1-3 -u 4500:4500
	keys_come
	same "$(sa_stat b in "$SPI" packets)" 3
}

# Held packets are believed no more than others.
forged_and_repeated_while_waiting()
{
	reserve
	early 1,2,2,3,1
	keys_come
	same "$(sa_stat b in "$SPI" packets)" 3
	same "$(sa_drop b in "$SPI" replay-duplicate)" 2
	helper b sa del esp0 1 in "$SPI"
	SPI=$(helper b sa alloc esp0 1)
	early 1-5
	KEY=$(new_key $alg)
	keys_come
	same "$(sa_stat b in "$SPI" packets)" 0
	same "$(sa_drop b in "$SPI" bad-icv)" 5
}

run_tests in_order waiting_packet_wakes_the_pair no_more_than_64 only_from_the_peers_address \
	not_for_ever in_udp_too forged_and_repeated_while_waiting
