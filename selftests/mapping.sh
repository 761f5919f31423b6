#!/bin/bash
# SPDX-License-Identifier: MIT
# A peer that sends from elsewhere: only a packet that is authentic, new and the highest yet tells it,
# and what then happens is the peer's mapping: ignore, event or follow.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

# Both in UDP on port 4500, and b does as it is told when a moves.
pair_in_udp() # ignore|event|follow
{
	esp_pair $alg
	encap a 4500
	encap b 4500
	helper a peer set esp0 1 encap 4500 4500
	helper b peer set esp0 1 encap 4500 4500 mapping "$1"
	monitor b
	pings_both_ways
}

# from ADDR PORT KEY SEQ...: ESP in UDP of a's SA
from() { a espgen -I $IN_A -O $IN_B -u "$2:4500" "$1" $OUT_B $SPI_AB $alg "$3" "$4"; }

endpoint() { helper b peer show esp0 --json | jq -r '.[0] | "\(.remote) \(.encap_dport)"'; }
told() { grep -c peer-moved "$dir/events" || true; }

# Nothing that came before the ICV was right, or again, or late, moves anything.
forged_replayed_and_late_change_nothing()
{
	sites
	pair_in_udp follow
	from 198.51.100.77 666 "$(new_key $alg)" 100-105
	wait_for prints 6 sa_drop b in $SPI_AB bad-icv
	from $OUT_A 4500 "$KEY_AB" 200
	wait_for prints 200 sa_stat b in $SPI_AB seq
	from 198.51.100.77 666 "$KEY_AB" 200
	wait_for prints 1 sa_drop b in $SPI_AB replay-duplicate
	from 198.51.100.77 666 "$KEY_AB" 150-160
	wait_for prints 18 sa_stat b in $SPI_AB packets
	same "$(endpoint)" "$OUT_A 4500"
	same "$(told)" 0
	# The same place, with the next number: so it was the numbers.
	from 198.51.100.77 666 "$KEY_AB" 201
	event "peer-moved esp0 peer 1 to 198.51.100.77 port 666"
	same "$(endpoint)" "198.51.100.77 666"
}

# Told once, however many packets come, and nothing else changes.
event_is_told_once()
{
	sites
	pair_in_udp event
	from $OUT_A 4501 "$KEY_AB" 101-120
	event "peer-moved esp0 peer 1 to $OUT_A port 4501"
	from $OUT_A 4501 "$KEY_AB" 121-140
	wait_for prints 140 sa_stat b in $SPI_AB seq
	sleep 1.5
	same "$(told)" 1
	same "$(endpoint)" "$OUT_A 4500"
	# Back, and away again: a change.
	from $OUT_A 4500 "$KEY_AB" 141
	wait_for prints 141 sa_stat b in $SPI_AB seq
	sleep 1.5
	from $OUT_A 4501 "$KEY_AB" 142
	wait_for prints 2 told
}

ignored()
{
	sites
	pair_in_udp ignore
	from 198.51.100.77 666 "$KEY_AB" 101-110
	wait_for prints 110 sa_stat b in $SPI_AB seq
	sleep 1
	same "$(told)" 0
	same "$(endpoint)" "$OUT_A 4500"
}

# Traffic goes on both ways, from a port to the next, quicker than moves are told.
port_is_followed()
{
	local port

	sites
	pair_in_udp follow
	for port in 4501 4502 4503; do
		encap a $port
		helper a peer set esp0 1 encap $port 4500
		a ping -n -q -c 1 -W 1 $IN_B || true
	done
	wait_for prints "$OUT_A 4503" endpoint
	pings_both_ways
}

# Without UDP too: the address alone.
address_is_followed()
{
	sites
	esp_pair $alg
	helper b peer set esp0 1 mapping follow
	monitor b
	pings_both_ways
	a ip addr add 198.51.100.3/24 dev veth0
	helper a peer set esp0 1 local 198.51.100.3
	a ping -n -q -c 1 -W 1 $IN_B || true
	event "peer-moved esp0 peer 1 to 198.51.100.3\$"
	pings_both_ways
	# In UDP now: that is no move of a mapping.
	helper a peer set esp0 1 encap 4500 4500
	encap b 4500
	a ping -n -q -c 1 -W 1 $IN_B
	same "$(told)" 1
	same "$(endpoint)" "198.51.100.3 null"
}

# The router gets another address, and its NAT another port.
router_moves()
{
	sites_behind_nat
	pair_in_udp_behind_nat
	r ip addr add 198.51.100.9/24 dev out0
	r ip addr del $OUT_A/24 dev out0
	r ip addr show dev out0 | grep 198.51.100.9 || r ip addr add 198.51.100.9/24 dev out0
	masquerade 50000
	wait_for ping_once a $IN_B
	same "$(endpoint)" "198.51.100.9 50000"
	event "peer-moved esp0 peer 1 to 198.51.100.9 port 50000"
	pings_both_ways
}

pair_in_udp_behind_nat()
{
	esp_pair $alg
	encap a 4500
	encap b 4500
	helper a peer set esp0 1 local $LAN_A encap 4500 4500
	helper b peer set esp0 1 encap 4500 40000 mapping follow
	monitor b
	pings_both_ways
}

# A packet on an SA that was replaced, long on its way, does not bring the old place back.
old_sa_does_not_move_back()
{
	sites
	pair_in_udp follow
	esp_sa b in 0x9001 $alg "$KEY_AB"
	a espgen -I $IN_A -O $IN_B -u 4501:4500 $OUT_A $OUT_B 0x9001 $alg "$KEY_AB" 1
	wait_for prints "$OUT_A 4501" endpoint
	from $OUT_A 4502 "$KEY_AB" 101-110
	wait_for prints 110 sa_stat b in $SPI_AB seq
	sleep 1.5
	same "$(endpoint)" "$OUT_A 4501"
}

run_tests forged_replayed_and_late_change_nothing event_is_told_once ignored port_is_followed \
	address_is_followed router_moves old_sa_does_not_move_back
