#!/bin/bash
# SPDX-License-Identifier: MIT
# Lifetimes of an SA by seconds, bytes and packets: a soft end is told once and changes nothing, a
# hard end is told and is the end.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

# limited in|out LIMIT...: the SA from a to b again, at one of the sites with limits.
limited()
{
	local site=a

	[ "$1" = out ] || site=b
	sites
	esp_pair $alg
	helper $site sa del esp0 1 "$1" $SPI_AB
	monitor $site
	esp_sa $site "$1" $SPI_AB $alg "$KEY_AB" limits "${@:2}"
}

send() { a ping -q -c "$1" -i 0.05 -s "${2:-56}" -W 2 $IN_B || true; }

events() { grep -cE "$1" "$dir/events" || true; }

soft_packets() # in|out
{
	limited "$1" soft-packets 5
	send 4
	same "$(events sa-expire)" 0
	send 2
	event "sa-expire esp0 peer 1 $1 $SPI_AB soft packets "
	send 10
	pings_both_ways
	same "$(events sa-expire)" 1
}

soft_bytes() # in|out
{
	limited "$1" soft-bytes 50000
	send 10 1000
	same "$(events sa-expire)" 0
	send 60 1000
	event "sa-expire esp0 peer 1 $1 $SPI_AB soft bytes"
	pings_both_ways
	same "$(events sa-expire)" 1
}

soft_seconds() # in|out
{
	limited "$1" soft-seconds 2
	event "sa-expire esp0 peer 1 $1 $SPI_AB soft time"
	pings_both_ways
	same "$(events sa-expire)" 1
}

# On the wire there are as many packets as were allowed, and not one more.
hard_packets_out()
{
	limited out soft-packets 6, hard-packets 10
	watch a veth0 "$dir/wire" -m plaintext
	a ping -q -c 30 -i 0.05 -W 2 -p 706c61696e74657874 $IN_B || true
	event "sa-expire esp0 peer 1 out $SPI_AB hard packets packets 10 "
	event "sa-expire esp0 peer 1 out $SPI_AB soft packets"
	same "$(events sa-expire)" 2
	no_sa a out $SPI_AB
	same "$(grep -c "esp spi $SPI_AB" "$dir/wire")" 10
	not grep MARK "$dir/wire"
	no_ping a $IN_B
	same "$(a cat /sys/class/net/esp0/carrier)" 0
}

hard_packets_in()
{
	limited in hard-packets 10
	send 30
	event "sa-expire esp0 peer 1 in $SPI_AB hard packets"
	wait_for no_sa b in $SPI_AB
	no_ping a $IN_B
}

hard_bytes() # in|out
{
	limited "$1" hard-bytes 50000
	send 10 1000
	same "$(events sa-expire)" 0
	send 100 1000
	event "sa-expire esp0 peer 1 $1 $SPI_AB hard bytes"
	no_ping a $IN_B
}

hard_seconds() # in|out
{
	limited "$1" soft-seconds 2, hard-seconds 4
	event "sa-expire esp0 peer 1 $1 $SPI_AB soft time"
	event "sa-expire esp0 peer 1 $1 $SPI_AB hard time"
	same "$(events sa-expire)" 2
	no_ping a $IN_B
	# The way back has no limit, and the device goes on with new keys.
	helper a sa show esp0 --json | jq -e 'map(select(.direction == "in")) | length == 1'
	[ "$1" = in ] || esp_sa a out $SPI_AB $alg "$KEY_AB"
	[ "$1" = out ] || esp_sa b in $SPI_AB $alg "$KEY_AB"
}

# Soft at a number beyond hard makes no sense, and is refused whole.
senseless_limits()
{
	sites
	esp_dev a
	esp_peer a
	refused "soft" esp_sa a out $SPI_AB $alg "$(new_key $alg)" limits soft-packets 10, hard-packets 5
	refused "soft" esp_sa a out $SPI_AB $alg "$(new_key $alg)" limits soft-seconds 10, hard-seconds 5
	refused "soft" esp_sa a out $SPI_AB $alg "$(new_key $alg)" limits soft-bytes 10, hard-bytes 5
	no_sa a out $SPI_AB
}

shown_as_given()
{
	sites
	esp_dev a
	esp_peer a
	esp_sa a out $SPI_AB $alg "$(new_key $alg)" limits soft-packets 5, hard-packets 10, \
		soft-bytes 2000, hard-bytes 3000, soft-seconds 100, hard-seconds 200
	same "$(helper a sa show esp0 --json | jq -cS '.[0].limits')" \
		'{"hard-bytes":3000,"hard-packets":10,"hard-seconds":200,"soft-bytes":2000,"soft-packets":5,"soft-seconds":100}'
}

tests=()
for direction in out in; do
	for name in soft_packets soft_bytes soft_seconds hard_bytes hard_seconds; do
		tests+=("$name $direction")
	done
done
run_tests "${tests[@]}" hard_packets_out hard_packets_in senseless_limits shown_as_given
