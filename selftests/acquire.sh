#!/bin/bash
# SPDX-License-Identifier: MIT
# Traffic that starts a peer: its packets wait, an event asks for an SA, and once it is there they go
# first and in order.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

carrier() { "$1" cat /sys/class/net/esp0/carrier; }

# b is whole; a has an inbound SA and may be started by traffic.
waiting_site()
{
	sites
	new_keys $alg
	esp_end b $alg
	esp_dev a
	esp_peer a
	esp_sa a in $SPI_BA $alg "$KEY_BA"
	helper a peer set esp0 1 acquire on
	monitor a
}

sa_comes() { esp_sa a out $SPI_AB $alg "$KEY_AB"; }
asked() { grep -c "^acquire esp0 peer 1$" "$dir/events" || true; }

# send PORT...: a UDP datagram to each of these of the other site
send() { a bash -c "for port in $*; do echo datagram >/dev/udp/$IN_B/\$port; done"; }

first_packets_go_first_and_in_order()
{
	waiting_site
	watch b esp0 "$dir/inner"
	send 5001 5002 5003 5004 5005 5006 5007 5008 5009
	event "acquire esp0 peer 1"
	sa_comes
	send 5010
	wait_for grep -q "udp port 5010" "$dir/inner"
	same "$(sed -n 's/.*udp port 50\([0-9]*\)$/\1/p' "$dir/inner" | tr '\n' ' ')" \
		"01 02 03 04 05 06 07 08 09 10 "
	same "$(sa_stat a out $SPI_AB packets)" 10
	pings_both_ways
}

# A ping that is sent before there is an SA is answered.
first_ping_is_answered()
{
	waiting_site
	a ping -n -q -c 1 -W 60 $IN_B >"$dir/ping" &
	event "acquire esp0 peer 1"
	sa_comes
	wait $!
	grep " 0% packet loss" "$dir/ping"
}

# Whatever the number of packets; and again when it goes on.
asked_once_a_second()
{
	local before=$SECONDS n

	waiting_site
	a ping -q -c 50 -i 0.01 -W 1 $IN_B || true
	wait_for prints 1 asked_enough 1
	n=$(asked)
	[ "$n" -le $((SECONDS - before + 1)) ]
	wait_for asks_again "$n"
	helper a peer set esp0 1 acquire off
}

asked_enough() { [ "$(asked)" -ge "$1" ] && echo "$1"; }
asks_again() { send 5001 && [ "$(asked)" -gt "$1" ]; }

no_more_than_64()
{
	waiting_site
	a ping -q -c 100 -i 0.002 -W 1 $IN_B || true
	same "$(($(peer_drop a 1 hold-full) + $(peer_drop a 1 hold-timeout)))" 36
	sa_comes
	same "$(sa_stat a out $SPI_AB packets)" 64
}

not_for_ever()
{
	waiting_site
	send 5001 5002
	wait_for prints 2 peer_drop a 1 hold-timeout
	send 5003
	helper a peer set esp0 1 acquire off
	same "$(peer_drop a 1 no-sa)" 1
	no_ping a $IN_B
	[ "$(peer_drop a 1 no-sa)" -ge 1 ]
	helper a peer set esp0 1 acquire on
	send 5004
	helper a peer del esp0 1
	esp_peer a
	same "$(carrier a)" 0
}

# The SA that goes leaves the peer to be started again.
again_after_the_sa_is_gone()
{
	waiting_site
	sa_comes
	pings_both_ways
	same "$(asked)" 0
	helper a sa del esp0 1 out $SPI_AB
	send 5001
	event "acquire esp0 peer 1"
	esp_sa a out $SPI_AB $alg "$KEY_AB"
	same "$(sa_stat a out $SPI_AB packets)" 1
}

# Without carrier the stack would not even ask.
carrier_says_that_traffic_may_come()
{
	sites
	esp_dev a
	esp_peer a
	same "$(carrier a)" 0
	helper a peer set esp0 1 acquire on
	same "$(carrier a)" 1
	esp_sa a out $SPI_AB $alg "$(new_key $alg)"
	same "$(carrier a)" 1
	helper a sa del esp0 1 out $SPI_AB
	same "$(carrier a)" 1
	helper a peer set esp0 1 acquire off
	same "$(carrier a)" 0
	same "$(helper a peer show esp0 --json | jq '.[0].acquire')" false
	refused "acquire wants on or off" helper a peer set esp0 1 acquire maybe
}

run_tests first_packets_go_first_and_in_order first_ping_is_answered asked_once_a_second \
	no_more_than_64 not_for_ever again_after_the_sa_is_gone carrier_says_that_traffic_may_come
