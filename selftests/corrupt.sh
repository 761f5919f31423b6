#!/bin/bash
# SPDX-License-Identifier: MIT
# Packets that are cut, changed or made badly: none gets in, none hurts, each is counted by name.
#
#   a: espgen ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

accepted() { sa_stat b in $SPI_AB packets; }
dropped() { sa_drop b in $SPI_AB "$1"; }

# Every reason together.
dropped_in_all()
{
	helper b sa show esp0 --json |
		jq --arg spi "$SPI_AB" '[.[] | select(.spi == $spi).drops[]] | add // 0'
}

ready() # ALG
{
	alg=$1
	sites
	esp_pair "$1"
	watch b esp0 "$dir/inside"
}

still_works()
{
	forge "$alg" "$KEY_AB" 100000
	wait_for prints 1 accepted
}

# From one octet missing to all but the ESP header.
cut() # ALG
{
	local n=0 cut

	ready "$1"
	for cut in 1 2 3 4 8 12 15 16 17 32 64 96 100; do
		forge -c $cut "$alg" "$KEY_AB" $((n += 1))
	done
	wait_for prints $n dropped_in_all
	same $(($(dropped malformed-esp) + $(dropped bad-icv))) $n
	[ "$(dropped malformed-esp)" -gt 0 ]
	still_works
}

# One bit anywhere behind the SPI: sequence number, IV, ciphertext, ICV.
one_bit() # ALG
{
	local n=0 at

	ready "$1"
	for at in 4 5 6 7 8 9 15 16 17 20 23 24 25 40 60 80 99 -17 -16 -13 -12 -11 -2 -1; do
		forge -f $at "$alg" "$KEY_AB" $((n += 1))
	done
	wait_for prints $n dropped bad-icv
	same "$(accepted)" 0
	still_works
}

# What really went over the wire, with one bit of it changed.
one_bit_of_a_real_packet()
{
	local n

	ready aes256-sha256
	a pktwatch -w "$dir/record" veth0 >"$dir/wire" &
	wait_for grep -q watching "$dir/wire"
	pings a $IN_B
	wait_for grep -q "esp spi $SPI_AB seq 3" "$dir/wire"
	# Their numbers were seen: new SAs with the same keys have not seen them.
	helper b sa del esp0 1 in $SPI_AB
	esp_sa b in $SPI_AB $alg "$KEY_AB"
	cp "$dir/record" "$dir/sent" # it goes on recording, what espgen sends too
	n=$(a espgen -f 40 $OUT_A $OUT_B "$dir/sent")
	wait_for prints "$n" dropped bad-icv
	same "$(accepted)" 0
	a espgen $OUT_A $OUT_B "$dir/sent"
	wait_for prints "$n" accepted
}

# Authentic, but the padding is not 1, 2, 3, ... (RFC 4303 section 2.4)
bad_padding() # ALG
{
	ready "$1"
	forge -b -l 1 "$alg" "$KEY_AB" 1-3
	wait_for prints 3 dropped bad-padding
	same "$(accepted)" 0
	still_works
}

# Authentic, but the pad length leads before the payload.
pad_length_lies() # ALG
{
	ready "$1"
	forge -p 255 "$alg" "$KEY_AB" 1-3
	wait_for prints 3 dropped bad-padding
	forge -p 200 "$alg" "$KEY_AB" 4
	wait_for prints 4 dropped bad-padding
	same "$(accepted)" 0
	still_works
}

# More padding than needed hides the length (section 2.4), TFC padding more so (section 2.7).
more_padding_is_fine() # ALG
{
	ready "$1"
	forge -x 32 "$alg" "$KEY_AB" 1
	forge -x 224 "$alg" "$KEY_AB" 2
	forge -t 100 "$alg" "$KEY_AB" 3
	forge -t 1000 "$alg" "$KEY_AB" 4
	wait_for prints 4 accepted
	same "$(dropped_in_all)" 0
	same "$(sa_stat b in $SPI_AB bytes)" $((4 * (64 + 28)))
	wait_for prints 4 grep -c "in $IN_A > $IN_B len 92 udp" "$dir/inside"
}

# Next header 59: made to be thrown away, and no error of anyone (section 2.6).
dummies_vanish() # ALG
{
	ready "$1"
	forge -n 59 "$alg" "$KEY_AB" 1-5
	forge -n 59 -i "" "$alg" "$KEY_AB" 6
	wait_for prints 6 dropped dummy
	same "$(b ip -j -s link show esp0 | jq -c '.[0].stats64.rx | [.errors, .dropped]')" '[0,0]'
	not grep " > " "$dir/inside"
	still_works
}

# ICMP, ESP in ESP, no protocol at all, IPv6 that is none: a tunnel carries IP.
other_next_headers() # ALG
{
	local n=0 next

	ready "$1"
	for next in 0 1 6 17 50 58 255; do
		forge -n $next "$alg" "$KEY_AB" $((n += 1))
	done
	wait_for prints $n dropped next-header
	forge -n 41 "$alg" "$KEY_AB" 100
	wait_for prints 1 dropped malformed-inner
	same "$(accepted)" 0
	still_works
}

# Authentic, but no IPv4 packet inside.
inner_is_no_ipv4() # ALG
{
	local n=0 inner

	ready "$1"
	for inner in "" 45 6000000000000000 4500 \
		44000014000000004011000c0a0100010a020001 \
		4f000014000000004011000c0a0100010a020001 \
		45000013000000004011000c0a0100010a020001 \
		4500ffff000000004011000c0a0100010a020001 \
		65000014000000004011000c0a0100010a020001; do
		forge -i "$inner" "$alg" "$KEY_AB" $((n += 1))
	done
	wait_for prints $n dropped malformed-inner
	same "$(accepted)" 0
	not grep " > " "$dir/inside"
	still_works
}

# Shorter than an ESP header can be, and not even that.
no_esp_at_all()
{
	ready aes128gcm16
	forge -c 8 -i "" $alg "$KEY_AB" 1
	forge -c 24 -i "" $alg "$KEY_AB" 2
	forge -c 35 -i "" $alg "$KEY_AB" 3
	forge -c 999 -i "" $alg "$KEY_AB" 4
	still_works
}

tests=()
for alg in aes128gcm16 aes256-sha256; do
	for name in cut one_bit bad_padding pad_length_lies more_padding_is_fine dummies_vanish \
		other_next_headers inner_is_no_ipv4; do
		tests+=("$name $alg")
	done
done
run_tests "${tests[@]}" "bad_padding aes128-sha1" one_bit_of_a_real_packet no_esp_at_all
