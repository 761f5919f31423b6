#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the demo's whole story and reads what it left: six packets and three, then ESP; packets 5 to 9
# open with the key log and not without; no part of a key on the wire; both kinds of tunnel renewed
# without losing a ping.
# shellcheck disable=SC2317  # the tests are called through ok
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
demo=$(realpath -m "${BUILD:-$top/build}")/demo
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0 failed=0

ok() { # NAME FUNCTION
	if "$2" >"$log" 2>&1; then
		echo "ok $((++n)) - $1"
	else
		sed 's/^/# /' "$log"
		echo "not ok $((++n)) - $1"
		failed=1
	fi
}

# The capture as tshark sees it, a line a packet: protocols, exchange type, payload types.
dissect() {
	tshark -r "$demo/demo.pcap" "$@" -T fields -E separator=/s -e frame.protocols -e isakmp.exchangetype \
		-e isakmp.typepayload 2>/dev/null
}

# tshark may be in the VM only, and booting it twice is a waste: both readings at once.
read_capture() {
	local vm=("$top/scripts/vm.sh" -k "${KERNEL:-$("$top/scripts/kernel.sh" default)}" -x tshark -o "$demo" -e demo="$demo")
	"${vm[@]}" bash -c "$(declare -f dissect)"'
		dissect >"$demo/closed"
		keys=()
		while read -r key; do keys+=(-o "uat:ikev1_decryption_table:$key"); done <"$demo/demo.keys"
		dissect "${keys[@]}" >"$demo/open"'
}

run_demo() { STORY=1 "$top/scripts/demo.sh" </dev/null; }

pinged() { grep ' 0% packet loss' "$demo/ping.txt"; }

renewed() {
	cat "$demo/ladder.txt"
	grep -q "Phase 2 again: the ESP tunnels are renewed" "$demo/ladder.txt" &&
		grep -q "Phase 1 from its start: the control tunnel is renewed" "$demo/ladder.txt"
}

drawn() { for i in 1 2 3 4 5 6 7 8 9 10; do grep -q "($i) " "$demo/ladder.txt" || { echo "no ($i)"; return 1; }; done; }

six_and_three() {
	[ "$(grep -E ':(isakmp|esp)\b' "$demo/closed" | sed '/:esp/q' | awk '{print $2}' | xargs)" = "2 2 2 2 2 2 32 32 32" ]
}

nothing_plain() { ! grep -vE ':(isakmp|esp|arp|icmpv6)\b' "$demo/closed"; }

# RFC 2409 §5.4 and §5.5: ID and HASH; then HASH, SA with its proposals, NONCE, KE, IDs; then HASH.
opened() {
	local want='^5,8(,11)? 5,8 8,1,2,[0-9,]*10,4,5,5 8,1,2,3,10,4,5,5 8$' payloads
	payloads=$(grep isakmp "$demo/open" | sed -n '5,9s/^[^ ]* [0-9]* *//p' | xargs)
	echo "$payloads"
	[[ $payloads =~ $want ]]
}

closed() { ! grep isakmp "$demo/closed" | sed -n '5,9s/^[^ ]* [0-9]* *//p' | grep .; }

no_key() {
	local capture key i
	[ -s "$demo/demo.keys" ] || return 1
	capture=$(od -An -v -tx1 "$demo/demo.pcap" | tr -d ' \n')
	while IFS=, read -r _ key; do
		[ ${#key} -ge 32 ] || return 1
		for ((i = 0; i + 16 <= ${#key}; i += 2)); do
			[[ $capture != *"${key:i:16}"* ]] || return 1
		done
	done <"$demo/demo.keys"
}

echo "1..10"
ok "the demo runs" run_demo
ok "the other site answers every ping" pinged
ok "both kinds of tunnel are renewed" renewed
ok "the ladder has all ten packets" drawn
ok "the capture can be read" read_capture
ok "six packets of Main Mode and three of Quick Mode before the first ESP packet" six_and_three
ok "nothing but IKE and ESP between the sites" nothing_plain
ok "packets 5 to 9 open with the key log" opened
ok "packets 5 to 9 stay closed without it" closed
ok "no eight octets of a key are in the capture" no_key
exit $failed
