#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo inside the VM: two sites, nine packets of IKE, then a ping through the tunnel. With STORY=1
# the tunnels live shortly, and the ping goes on while they are renewed. What was seen on the wire, and
# the keys for reading it, go to the folder $1.
#
#   tokyo, 10.1.0.1/24 behind 198.51.100.1 ──── wire ──── 198.51.100.2, before 10.2.0.1/24, osaka
set -euo pipefail

out=$1
lifetimes=()
[ -z "${STORY:-}" ] || lifetimes=("lifetime-esp = 30s" "lifetime-ike = 50s")

ike() { ip netns exec "$1" "$IKEHELPER" -s "/run/$1.sock" "${@:2}"; }

wait_for() {
	for _ in {1..100}; do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	echo "demo: gave up waiting for: $*" >&2
	return 1
}

site() { # NAME NUMBER PEER PEER'S NUMBER
	ip -n "$1" link set lo up
	ip -n "$1" addr add "198.51.100.$2/24" dev wire
	ip -n "$1" link set wire up
	ip -n "$1" link add lan type dummy
	ip -n "$1" addr add "10.$2.0.1/24" dev lan
	ip -n "$1" link set lan up
	ip -n "$1" link add esp0 type esptun
	ip -n "$1" link set esp0 up
	ip -n "$1" route add "10.$4.0.0/24" dev esp0 src "10.$2.0.1"
	cat >"/run/$1.conf" <<-END
		[peer $3]
		interface = esp0
		remote    = 198.51.100.$4
		psk-file  = /run/demo.psk
		version   = 1
	END
	printf '%s\n' "${lifetimes[@]}" >>"/run/$1.conf"
	ike "$1" run -c "/run/$1.conf" >"$out/$1.log" 2>&1 &
}

# An emulated processor takes seconds to load and test the kernel's AES, longer than IKE waits.
modprobe -a aesni_intel gcm
insmod "$ESPTUN_KO"
(umask 077 && "$IKEHELPER" genpsk >/run/demo.psk)
ip netns add tokyo
ip netns add osaka
ip -n tokyo link add wire type veth peer name wire netns osaka
site osaka 2 tokyo 1
site tokyo 1 osaka 2
wait_for ip netns exec tokyo ping -c1 -W1 198.51.100.2
wait_for ike osaka status
wait_for ike tokyo status

ip netns exec tokyo tcpdump -i wire -Z root -U --immediate-mode -w "$out/demo.pcap" 2>"$out/tcpdump.log" &
tcpdump=$!
wait_for grep -q listening "$out/tcpdump.log"
rm -f "$out/demo.keys"
ike tokyo keylog osaka 5m "$out/demo.keys"

# Phase 2 again, phase 1 from its start, and phase 2 once more, in the new control tunnel.
renewed() {
	ike tokyo trace osaka --json | jq -se 'map(select(.renewal) | .number) |
		(map(select(. == 9)) | length) >= 2 and any(. == 6)'
}

story() {
	local follow ping lines
	ip netns exec tokyo "$IKEHELPER" -s /run/tokyo.sock trace osaka --follow &
	follow=$!
	ip netns exec tokyo ping -i 0.2 10.2.0.1 >"$out/ping.txt" &
	ping=$!
	while ! renewed >/dev/null; do sleep 2; done
	sleep 2
	# Right after an answer, so that none is on its way.
	lines=$(wc -l <"$out/ping.txt")
	while [ "$(wc -l <"$out/ping.txt")" = "$lines" ]; do sleep 0.01; done
	kill -INT $ping
	wait $ping || true
	kill $follow
}

ike tokyo up osaka
if [ -n "${STORY:-}" ]; then
	story
	ike tokyo trace osaka >"$out/ladder.txt"
else
	ip netns exec tokyo ping -c 3 10.2.0.1 >"$out/ping.txt"
	ike tokyo trace osaka | tee "$out/ladder.txt"
fi
echo
tail -n 4 "$out/ping.txt"
sleep 0.5
kill "$tcpdump"
wait "$tcpdump" || true
