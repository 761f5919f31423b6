#!/bin/bash
# SPDX-License-Identifier: MIT
# The module may be unloaded at any time, and leaves nothing behind.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

mark_log() { echo "esptun-unload-$$: $1" >/dev/kmsg; }

# Nothing that the kernel would say of a leak or a use after free since mark_log.
log_is_clean()
{
	dmesg | sed "1,/esptun-unload-$$: $1/d" >"$dir/log"
	not grep -E 'BUG|WARNING|Oops|unregister_netdevice: waiting|refcount|leak|Call Trace' "$dir/log"
}

loops()
{
	local i

	log=loops
	new_ns NS_A
	mark_log $log
	for i in 1 2 3 4 5 6 7 8 9 10; do
		rmmod esptun
		load_module
	done
	rmmod esptun
	log_is_clean $log
	refused "not loaded" helper a peer show
	load_module
	helper a peer show
}

with_tunnels_up()
{
	local i

	log=tunnels
	mark_log $log
	sites
	for i in 1 2 3; do
		esp_pair $alg
		pings_both_ways
		rmmod esptun
		not a ip link show esp0
		not b ip link show esp0
		load_module
	done
	rmmod esptun
	log_is_clean $log
}

# Floods both ways and TCP, on every CPU, while it goes.
under_traffic() # ALG
{
	local i

	log=traffic
	mark_log $log
	sites
	for i in 1 2 3; do
		esp_pair "$1"
		pings_both_ways
		a ping -q -f -s 1200 $IN_B >/dev/null 2>&1 &
		b ping -q -f $IN_A >/dev/null 2>&1 &
		b bulk serve $IN_B 5001 100000000 >"$dir/bulk" 2>&1 &
		wait_for grep -q listening "$dir/bulk"
		a bulk connect $IN_B 5001 100000000 2>/dev/null &
		# Until all of them move.
		wait_for at_least 300 sa_stat b in $SPI_AB packets
		rmmod esptun
		jobs -p | xargs kill 2>/dev/null || true
		ip netns pids "$NS_A" | xargs -r kill -9
		ip netns pids "$NS_B" | xargs -r kill -9
		load_module
	done
	rmmod esptun
	log_is_clean $log
}

at_least() { [ "$("${@:2}")" -ge "$1" ]; }

# Both ways packets wait for an SA that does not come.
with_packets_waiting()
{
	local spi

	log=waiting
	mark_log $log
	sites
	esp_pair $alg
	helper a peer set esp0 1 acquire on
	helper a sa del esp0 1 out $SPI_AB
	spi=$(helper b sa alloc esp0 1)
	a bash -c "for i in 1 2 3; do echo >/dev/udp/$IN_B/5000; done"
	a espgen $OUT_A $OUT_B "$spi" $alg "$KEY_AB" 1-9
	rmmod esptun
	log_is_clean $log
}

# Packets without an SA, limits about to end, events listened to: all of it in the air.
with_everything_in_the_air()
{
	log=everything
	mark_log $log
	sites
	esp_pair $alg
	esp_sa b in 0x9001 $alg "$KEY_AB" limits soft-seconds 1, hard-seconds 2
	esp_sa b out 0x9002 $alg "$KEY_AB" pair 0x9001 limits soft-packets 3
	helper b sa alloc esp0 1
	monitor b
	new_ns NS_C
	a ip link set esp0 netns "$NS_C"
	a espgen -I $IN_A -O $IN_B $OUT_A $OUT_B $SPI_AB $alg "$KEY_AB" 1-5000 &
	wait_for at_least 10 sa_stat b in $SPI_AB packets
	rmmod esptun
	log_is_clean $log
}

# rmmod and link changes at the same moment.
beside_link_changes()
{
	local i

	log=changes
	mark_log $log
	sites
	for i in 1 2 3 4 5; do
		load_module
		esp_pair $alg
		a ip link del esp0 &
		ip netns exec "$NS_B" ip link set esp0 down &
		rmmod esptun
		wait
	done
	log_is_clean $log
}

run_tests loops with_tunnels_up "under_traffic aes128gcm16" "under_traffic aes256-sha256" \
	with_packets_waiting with_everything_in_the_air beside_link_changes
