#!/bin/bash
# SPDX-License-Identifier: MIT
# The anti-replay window (RFC 4303 section 3.4.3): replayed, reordered and too-late packets, each
# told from the other, and from a wrong key; ESN across 2^32.
#
#   a: esp0, espgen ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

accepted() { sa_stat b in $SPI_AB packets; }
duplicates() { sa_drop b in $SPI_AB replay-duplicate; }
late() { sa_drop b in $SPI_AB replay-late; }

# What really went over the wire, sent once more.
replayed() # ALG ESN
{
	local n

	sites
	esp_pair "$1" "$2"
	a pktwatch -w "$dir/record" veth0 >"$dir/wire" &
	wait_for grep -q watching "$dir/wire"
	pings a $IN_B
	wait_for grep -q "esp spi $SPI_AB seq 3" "$dir/wire"
	cp "$dir/record" "$dir/sent" # it goes on recording, what espgen sends too
	n=$(a espgen $OUT_A $OUT_B "$dir/sent")
	[ "$n" -ge 3 ]
	wait_for prints "$n" duplicates
	same "$(accepted)" 3
	pings_both_ways
}

reordered() # WINDOW
{
	sites
	esp_pair $alg off "$1"
	forge $alg "$KEY_AB" 5,3,1,4,2
	wait_for prints 5 accepted
	forge $alg "$KEY_AB" 60,20,40,30,50,10
	wait_for prints 11 accepted
	forge $alg "$KEY_AB" 5,3,1,4,2
	wait_for prints 5 duplicates
	same "$(late)" 0
	same "$(accepted)" 11
	same "$(sa_stat b in $SPI_AB late | jq -c .)" '{"1":1,"2-3":2,"4-7":1,"8-15":1,"16-31":2,"32-63":2}'
	b "$IKEHELPER" sa show esp0 | grep -q '^  late by 1: 1, 2-3: 2, 4-7: 1, 8-15: 1, 16-31: 2, 32-63: 2$'
}

# The window is that many numbers, the highest included.
too_late() # WINDOW
{
	local top=$(($1 + 1000))

	sites
	esp_pair $alg off "$1"
	forge $alg "$KEY_AB" $top,$((top - $1 + 1)),$((top - 1))
	wait_for prints 3 accepted
	forge $alg "$KEY_AB" $((top - $1)),$((top - $1 - 1)),1
	wait_for prints 3 late
	forge $alg "$KEY_AB" $((top - $1 + 1))
	wait_for prints 1 duplicates
	same "$(accepted)" 3
	same "$(sa_stat b in $SPI_AB seq)" $top
}

# Number 0 is never sent (RFC 4303 section 2.2).
number_zero()
{
	sites
	esp_pair $alg
	forge $alg "$KEY_AB" 0
	wait_for prints 1 late
	same "$(accepted)" 0
}

# Far ahead is fine: that many packets may have been lost.
far_ahead()
{
	sites
	esp_pair $alg off 64
	forge $alg "$KEY_AB" 1,100000,4294967294
	wait_for prints 3 accepted
	forge $alg "$KEY_AB" 100000
	wait_for prints 1 late
}

# The low half wraps, the high half counts on, and order around the edge does not matter.
esn_over_the_edge() # ALG WINDOW
{
	sites
	esp_pair "$1" on "$2"
	forge -e "$1" "$KEY_AB" 0xfffffff0-0xfffffffd
	wait_for prints 14 accepted
	forge -e "$1" "$KEY_AB" 0x100000002,0xffffffff,0x100000000,0xfffffffe,0x100000001
	wait_for prints 19 accepted
	same "$(sa_stat b in $SPI_AB seq)" $((0x100000002))
	forge -e "$1" "$KEY_AB" 0xffffffff,0x100000000,0xfffffff5
	wait_for prints 3 duplicates
	same "$(accepted)" 19
	forge -e "$1" "$KEY_AB" 0x100000003-0x100000020
	wait_for prints 49 accepted
	same "$(sa_drop b in $SPI_AB bad-icv)" 0
}

# Left of the window a number is taken for one of the next 2^32, and then does not verify
# (RFC 4303 appendix A2.2).
esn_left_of_the_window()
{
	sites
	esp_pair $alg on 64
	forge -e $alg "$KEY_AB" 0x100000010
	wait_for prints 1 sa_drop b in $SPI_AB bad-icv # from 0, that is too far to guess
	forge -e $alg "$KEY_AB" 0xfffffff0,0x100000010
	wait_for prints 2 accepted
	forge -e $alg "$KEY_AB" 0xffffffd0
	wait_for prints 2 sa_drop b in $SPI_AB bad-icv
	forge -e $alg "$KEY_AB" 0xffffffd1
	wait_for prints 3 accepted
}

# A 32-bit sender's ICV does not cover the high half: no mixing with an ESN receiver.
esn_is_part_of_the_icv() # ALG
{
	sites
	esp_pair "$1" on
	forge "$1" "$KEY_AB" 1
	wait_for prints 1 accepted_or_bad_icv
	same "$(sa_drop b in $SPI_AB bad-icv)" 1
	forge -e "$1" "$KEY_AB" 1
	wait_for prints 1 accepted
}

accepted_or_bad_icv() { echo $(($(accepted) + $(sa_drop b in $SPI_AB bad-icv))); }

windows_refused()
{
	local window

	sites
	esp_dev b
	esp_peer b
	for window in 1 32 63 65 96 65537 131072 4294967295; do
		refused "window" esp_sa b in $SPI_AB $alg "$(new_key $alg)" replay $window
	done
	same "$(helper b sa show esp0 --json | jq length)" 0
	for window in 64 128 256 512 1024 2048 4096 8192 16384 32768 65536; do
		esp_sa b in $SPI_AB $alg "$(new_key $alg)" replay $window
		same "$(sa_stat b in $SPI_AB replay_window)" $window
		helper b sa del esp0 1 in $SPI_AB
	done
}

run_tests "replayed aes128gcm16 off" "replayed aes256-sha256 on" \
	"reordered 64" "reordered 65536" "too_late 64" "too_late 4096" "too_late 65536" \
	number_zero far_ahead \
	"esn_over_the_edge aes128gcm16 64" "esn_over_the_edge aes256-sha256 65536" \
	esn_left_of_the_window "esn_is_part_of_the_icv aes256gcm16" \
	"esn_is_part_of_the_icv aes128-sha1" windows_refused
