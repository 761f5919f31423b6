#!/bin/bash
# SPDX-License-Identifier: MIT
# Packet ten: traffic under keys loaded by hand. XFRM, which we did not write, is the judge: what
# we send it must take, and the other way round.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 or XFRM, 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Empty, usual, and longer than the link takes: those travel as fragments inside the tunnel.
pings_of_all_sizes()
{
	local size

	for size in 0 1 56 1000 8000; do
		pings_both_ways -s $size
	done
}

nothing_was_dropped() # a|b
{
	helper "$1" sa show esp0 --json | jq -e 'all(.[]; .drops == {})'
	helper "$1" dev show esp0 --json | jq -e '.drops == {}'
	helper "$1" peer show esp0 --json | jq -e 'all(.[]; .drops == {})'
}

esptun() # ALG ESN WINDOW
{
	sites
	esp_pair "$@"
	pings_of_all_sizes
	bulk_both_ways
	nothing_was_dropped a
	nothing_was_dropped b
}

xfrm() # ALG ESN WINDOW
{
	sites
	xfrm_pair "$@"
	pings_of_all_sizes
	bulk_both_ways
	nothing_was_dropped a
	# XFRM counts per namespace: all of them zero.
	b awk '$2 { print; bad = 1 } END { exit bad }' /proc/net/xfrm_stat
}

# The largest packet that the link takes is the largest that goes through, to the octet.
largest_packet() # ALG
{
	local mtu

	sites
	esp_pair "$1"
	mtu=$(a ip -j link show esp0 | jq '.[0].mtu')
	pings a $IN_B -M "do" -s $((mtu - 28))
	not a ping -q -c 1 -W 1 -M "do" -s $((mtu - 27)) $IN_B
}

no_plaintext_on_the_wire() # ALG
{
	sites
	esp_pair "$1"
	watch a veth0 "$dir/wire" -m plaintext
	# 706c61696e74657874 is "plaintext"
	pings_both_ways -p 706c61696e74657874
	wait_for grep -q "esp spi $SPI_BA seq 6" "$dir/wire"
	not grep MARK "$dir/wire"
	not grep -E "10\.[12]\.0\.1" "$dir/wire"
}

# Two packets alike look different outside, CBC's IV is not the counter's neighbour's.
same_packet_never_looks_the_same() # ALG
{
	sites
	esp_pair "$1"
	b pktwatch -x veth0 >"$dir/wire" &
	wait_for grep -q '^watching' "$dir/wire"
	pings a $IN_B
	# Behind the IP header and the ESP header: 8 octets of IV and the first of the ciphertext.
	sed -n 's/^45.\{38\}\(.*\)/\1/p' "$dir/wire" | grep "^${SPI_AB#0x}" | cut -c17-80 >"$dir/texts"
	[ "$(wc -l <"$dir/texts")" -ge 3 ]
	same "$(sort -u "$dir/texts" | wc -l)" "$(wc -l <"$dir/texts")"
}

tests=("esptun aes128gcm16 off 64" "esptun aes256-sha256 on 65536")
for alg in $ALGS; do
	tests+=("xfrm $alg off 64" "xfrm $alg on 1024")
done
run_tests "${tests[@]}" \
	"largest_packet aes128gcm16" "largest_packet aes256-sha256" "largest_packet aes128-sha1" \
	"no_plaintext_on_the_wire aes128gcm16" "no_plaintext_on_the_wire aes256-sha256" \
	"same_packet_never_looks_the_same aes128gcm16" "same_packet_never_looks_the_same aes128-sha1"
