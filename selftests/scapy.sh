#!/bin/bash
# SPDX-License-Identifier: MIT
# ESP packets to the octet, with scapy as the judge (scapy_esp.py): it reads ours and makes them again,
# and what it makes, good and hostile, is taken or dropped under the right name.
#
#   a: esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 :b, scapy

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

/usr/bin/python3 -c 'import scapy, cryptography' 2>/dev/null || skip_all "scapy and cryptography for Python are not there"

# What scapy knows of ours.
algs=(aes{128,192,256}gcm16 aes{128,256}ccm16 chacha20poly1305 aes{128,192,256}-sha1
	aes128-sha{256,384,512} null-sha{1,256,384,512})

# Each algorithm, and whether with ESN: scapy has that with combined ciphers alone.
each_kind()
{
	local alg

	for alg in "${algs[@]}"; do
		echo "$alg off"
		[[ $alg = *-* ]] || echo "$alg on"
	done
}

# Both SAs of each kind at a, a line of each in $dir/sas for scapy, and on the one that sends packets
# that need each length of padding; nobody answers.
every_kind()
{
	local n=0 alg esn

	each_kind >"$dir/kinds"
	while read -r alg esn; do
		n=$((n + 1))
		new_keys "$alg"
		printf -v SPI_AB 0x%08x $((0x10000 + n))
		printf -v SPI_BA 0x%08x $((0x20000 + n))
		esp_sa a in $SPI_BA "$alg" "$KEY_BA" esn "$esn"
		esp_sa a out $SPI_AB "$alg" "$KEY_AB" esn "$esn"
		printf '%s\n' "in $SPI_BA $alg $KEY_BA $esn" "out $SPI_AB $alg $KEY_AB $esn" >>"$dir/sas"
		a bash -c "for n in {1..16}; do printf %\${n}s >&7; done 7>/dev/udp/$IN_B/9"
	done <"$dir/kinds"
}

# What the module says of each inbound SA.
inbound()
{
	helper a sa show esp0 --json |
		jq -cS '.[] | select(.direction == "in") | {spi, packets, drops}' | sort
}

octet_for_octet()
{
	sites
	esp_dev a
	esp_peer a
	watch b veth0 "$dir/watch-b" -w "$dir/wire"
	watch a esp0 "$dir/watch-a" -w "$dir/link"
	every_kind
	b /usr/bin/python3 "$here/scapy_esp.py" "$dir/wire" "$dir/link" $OUT_B $OUT_A $IN_B $IN_A \
		<"$dir/sas" >"$dir/want"
	jq -cS . "$dir/want" | sort >"$dir/sorted"
	inbound | diff "$dir/sorted" -
	echo "report: $(wc -l <"$dir/want") SAs each way"
}

run_tests octet_for_octet
