#!/bin/bash
# SPDX-License-Identifier: MIT
# The module's netlink interface (uapi/esptun.yaml): what it refuses and what it says of it, who may
# ask, and that keys go in and never come out. nlreq asks, since the helper would refuse before.
#
#   a: esp0 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

gcm_key=$(new_key aes128gcm16)
sha1_key=$(od -An -v -tx1 -N20 /dev/urandom | tr -d ' \n')
prefixes=local-ipv4=10.1.0.0,local-len=16,remote-ipv4=10.2.0.0,remote-len=16

# esp0 with peer 1 in a; other and what it has are for the tests of clashes.
device()
{
	new_ns NS_A
	a ip link add esp0 type esptun
	a ip link add other type esptun
	a nlreq peer-set ifindex=esp0 id=1 remote-ipv4=198.51.100.2 selectors=$prefixes
	a nlreq peer-set ifindex=other id=1 remote-ipv4=198.51.100.2 selectors=$prefixes
}

# says WHAT ATTRIBUTE REQUEST...: refused with these words, and the attribute is pointed at.
says()
{
	refused "$1" a nlreq "${@:3}"
	[ -z "$2" ] || refused "[attribute $2]" a nlreq "${@:3}"
}

peer() { says "$1" "$2" peer-set ifindex=esp0 id=7 remote-ipv4=192.0.2.7 "${@:3}"; }

peers()
{
	local good=local-ipv4=10.1.0.0,local-len=16,remote-ipv4=10.7.0.0,remote-len=16
	local p=local-ipv4=10.1.0.0,local-len=16,remote-ipv4=10.7.0.0,remote-len

	device
	says "ifindex: missing" "" peer-set id=7 remote-ipv4=192.0.2.7 selectors=$good
	says "id: missing" "" peer-set ifindex=esp0 remote-ipv4=192.0.2.7 selectors=$good
	says "remote-ipv4 or remote-ipv6, of a new peer: missing" "" peer-set ifindex=esp0 id=7 selectors=$good
	peer "selectors, of a new peer: missing" ""
	says "no such device" 1 peer-set ifindex=9999 id=7 remote-ipv4=192.0.2.7 selectors=$good
	says "ifindex: " 1 peer-set ifindex=lo id=7 remote-ipv4=192.0.2.7 selectors=$good
	for addr in 0.0.0.0 224.0.0.1 255.255.255.255; do
		says "remote: no unicast address" 3 peer-set ifindex=esp0 id=7 \
			remote-ipv4=$addr selectors=$good
	done
	peer "local: no unicast address" 4 local-ipv4=224.0.0.1 selectors=$good
	for addr in :: ff02::1 fe80::1 ::ffff:192.0.2.7; do
		says "remote: no unicast address" 12 peer-set ifindex=esp0 id=7 \
			remote-ipv6=$addr selectors=$good
	done
	peer "local: no unicast address" 13 local-ipv6=fe80::1 selectors=$good
	peer "local: of another family than remote" 13 local-ipv6=2001:db8::1 selectors=$good
	peer "an IPv4 and an IPv6 address: give one" 12 remote-ipv6=2001:db8::1 selectors=$good
	peer "selectors: local and remote are of two families" 5 \
		selectors=local-ipv6=2001:db8::,local-len=32,remote-ipv4=10.7.0.0,remote-len=16
	peer "selectors: remote has host bits" 5 \
		selectors=local-ipv6=::,local-len=0,remote-ipv6=2001:db8::1,remote-len=127
	peer "selectors: local and remote address and length are needed" 5 selectors=
	peer "selectors: local and remote address and length are needed" 5 selectors=local-len=16
	peer "host bits set, or is too long" 5 selectors=$p=33
	peer "host bits set, or is too long" 5 selectors=$p=8
	peer "selectors: local has host bits" 5 \
		selectors=local-ipv4=10.1.0.1,local-len=16,remote-ipv4=10.7.0.0,remote-len=16
	peer "ports need a proto that has them" 5 selectors=$good,local-port=53
	peer "ports need a proto that has them" 5 selectors=$good,proto=1,remote-port=53
	peer "encap-sport, beside encap-dport: missing" "" encap-dport=4500 selectors=$good
	peer "encap-dport, beside encap-sport: missing" "" encap-sport=4500 selectors=$good
	peer "are 0 both, or neither" 8 encap-sport=0 encap-dport=4500 selectors=$good
	peer "are 0 both, or neither" 8 encap-sport=4500 encap-dport=0 selectors=$good
	peer "out of range" 10 mapping=3 selectors=$good
	peer "out of range" 11 acquire=2 selectors=$good
	peer "given twice, or another peer has it" 5 selectors=$good selectors=$good
	peer "given twice, or another peer has it" 5 selectors=$prefixes
	# Of all these nothing is there, and the first is untouched.
	same "$(helper a peer show --json | jq -c 'map([.dev, .id])')" '[["esp0",1],["other",1]]'
	a nlreq peer-set ifindex=esp0 id=7 remote-ipv4=192.0.2.7 selectors=$good
	says "peer" "" peer-del ifindex=esp0 id=8
	says "peer" "" peer-get ifindex=esp0 id=8
	says "peer: missing" "" peer-del ifindex=esp0
}

sa() { says "$1" "$2" sa-new ifindex=esp0 peer-id=1 direction=0 spi=0x1001 "${@:3}"; }
out() { says "$1" "$2" sa-new ifindex=esp0 peer-id=1 direction=1 spi=0x1001 "${@:3}"; }

sas()
{
	local gcm="cipher=0 key=$gcm_key"
	local cbc="cipher=1 key=${sha1_key:0:32}"

	device
	says "ifindex: missing" "" sa-new peer-id=1 direction=0 spi=0x1001 $gcm
	says "peer-id: missing" "" sa-new ifindex=esp0 direction=0 spi=0x1001 $gcm
	says "direction: missing" "" sa-new ifindex=esp0 peer-id=1 spi=0x1001 $gcm
	says "spi: missing" "" sa-new ifindex=esp0 peer-id=1 direction=0 $gcm
	sa "cipher: missing" "" key=$gcm_key
	sa "key: aes-gcm takes 20, 28 or 36 octets, 4 of them salt" "" cipher=0
	says "peer" 2 sa-new ifindex=esp0 peer-id=2 direction=0 spi=0x1001 $gcm
	says "spi: below 256 is reserved" 4 sa-new ifindex=esp0 peer-id=1 direction=0 spi=255 $gcm
	says "spi: below 256 is reserved" 4 sa-new ifindex=esp0 peer-id=1 direction=1 spi=0 $gcm
	sa "out of range" 5 cipher=9 key=$gcm_key
	sa "out of range" 6 $cbc integ=5 integ-key=$sha1_key
	says "out of range" 3 sa-new ifindex=esp0 peer-id=1 direction=2 spi=0x1001 $gcm
	sa "key: " 7 cipher=0 key=
	sa "key: " 7 cipher=0 key=00
	sa "key: " 7 cipher=0 key=${gcm_key}00
	sa "key: " 7 cipher=0 key=${gcm_key:0:32}
	sa "integ: this cipher takes none, it is one" 6 $gcm integ=1 integ-key=$sha1_key
	sa "integ-key: only an integrity algorithm has one" 8 $gcm integ-key=$sha1_key
	sa "integ: this cipher needs an integrity algorithm" "" $cbc
	sa "key: aes-cbc takes 16, 24 or 32 octets" 7 cipher=1 key=${sha1_key:0:40} integ=1 integ-key=$sha1_key
	sa "key: aes-ccm takes 19, 27 or 35 octets, 3 of them salt" 7 cipher=2 key=$gcm_key
	sa "key: chacha20-poly1305 takes 36 octets, 4 of them salt" 7 cipher=3 key=$gcm_key
	sa "key: null takes none" 7 cipher=5 key=00 integ=1 integ-key=$sha1_key
	sa "integ-key: hmac-sha1 takes 20 octets" 8 $cbc integ=1 integ-key=${sha1_key}00
	sa "integ-key: hmac-sha1 takes 20 octets" "" $cbc integ=1
	sa "integ-key: hmac-sha256 takes 32 octets" 8 $cbc integ=2 integ-key=$sha1_key
	sa "integ-key: hmac-sha512 takes 64 octets" 8 $cbc integ=4 integ-key=$sha1_key
	sa "replay-window: a power of two from 64 to 65536" 10 $gcm replay-window=100
	sa "replay-window: a power of two from 64 to 65536" 10 $gcm replay-window=0
	out "replay-window: only an inbound SA has one" 10 $gcm replay-window=64
	sa "pair-spi: only an outbound SA has one" 12 $gcm pair-spi=0x1002
	sa "active: only an outbound SA can be" 13 $gcm active
	sa "limits: a soft one is above its hard one" 11 $gcm limits=soft-packets=3,hard-packets=2
	sa "limits: a soft one is above its hard one" 11 $gcm limits=soft-bytes=3,hard-bytes=2
	sa "limits: above 4294967295 seconds" 11 $gcm limits=hard-seconds=4294967296
	same "$(helper a sa show --json | jq length)" 0
}

# Inbound SPIs are one for each outer namespace; outbound ones are the peer's business.
clashes()
{
	local gcm="cipher=0 key=$gcm_key" spi

	device
	a nlreq sa-new ifindex=esp0 peer-id=1 direction=0 spi=0x1001 $gcm
	says "spi: in use" 4 sa-new ifindex=esp0 peer-id=1 direction=0 spi=0x1001 $gcm
	says "spi: in use" 4 sa-new ifindex=other peer-id=1 direction=0 spi=0x1001 $gcm
	a nlreq sa-new ifindex=esp0 peer-id=1 direction=1 spi=0x1001 $gcm
	a nlreq sa-new ifindex=other peer-id=1 direction=1 spi=0x1001 $gcm
	says "spi: in use" 4 sa-new ifindex=esp0 peer-id=1 direction=1 spi=0x1001 $gcm
	# Reserved for one peer, it is not another's.
	spi=$(helper a sa alloc esp0 1)
	says "spi: in use" 4 sa-new ifindex=other peer-id=1 direction=0 spi=$spi $gcm
	a nlreq sa-new ifindex=esp0 peer-id=1 direction=0 spi=$spi $gcm
	says "spi: in use" 4 sa-new ifindex=esp0 peer-id=1 direction=0 spi=$spi $gcm
	same "$(helper a sa show --json | jq length)" 4
}

unknown_sas()
{
	device
	says "no such SA" 4 sa-del ifindex=esp0 peer-id=1 direction=0 spi=0x1001
	says "no such SA" 4 sa-get ifindex=esp0 peer-id=1 direction=0 spi=0x1001
	says "no such SA" 4 sa-activate ifindex=esp0 peer-id=1 spi=0x1001
	says "direction: missing" "" sa-del ifindex=esp0 peer-id=1 spi=0x1001
	says "spi: missing" "" sa-del ifindex=esp0 peer-id=1 direction=0
	says "peer" 2 spi-alloc ifindex=esp0 peer-id=9
	# An inbound SA is not one to send on.
	a nlreq sa-new ifindex=esp0 peer-id=1 direction=0 spi=0x1001 cipher=0 key=$gcm_key
	says "no such SA" 4 sa-activate ifindex=esp0 peer-id=1 spi=0x1001
	says "no such SA" 4 sa-del ifindex=esp0 peer-id=1 direction=1 spi=0x1001
}

# Attributes that no version has, and those of replies: not silently passed over.
unknown_attributes()
{
	device
	says "" "" peer-get ifindex=esp0 id=1 99=1
	says "" "" sa-new ifindex=esp0 peer-id=1 direction=0 spi=0x1001 cipher=0 key=$gcm_key 15=1
	no_sa a in 0x00001001
}

# What a process without any privilege, or with some in the wrong place, is told.
plain_user()
{
	device
	refused "CAP_NET_ADMIN" a setpriv --reuid 65534 --clear-groups "$IKEHELPER" peer show
	for cmd in "dev-get ifindex=esp0" "peer-get ifindex=esp0 id=1" "peer-del ifindex=esp0 id=1" \
		"spi-alloc ifindex=esp0 peer-id=1" \
		"peer-set ifindex=esp0 id=9 remote-ipv4=192.0.2.1 selectors=$prefixes"; do
		refused "Operation not permitted" a setpriv --reuid 65534 --clear-groups nlreq $cmd
	done
	refused "Operation not permitted" a setpriv --bounding-set -net_admin --inh-caps -net_admin \
		nlreq peer-get ifindex=esp0 id=1
	a nlreq peer-get ifindex=esp0 id=1
}

# A container has all power over the inner namespace and none over the outer one.
owner_of_the_inner_namespace_only()
{
	local pid

	device
	ip netns exec "$NS_A" unshare -U -r -n sleep 1000 &
	pid=$!
	wait_for differs "/proc/$pid/ns/net" "/var/run/netns/$NS_A"
	a ip link set esp0 netns $pid
	inside=(nsenter -U -n --preserve-credentials -t "$pid")
	"${inside[@]}" ip link show esp0
	refused "no CAP_NET_ADMIN over the outer network namespace" "${inside[@]}" \
		nlreq peer-get ifindex=esp0 id=1
	refused "no CAP_NET_ADMIN over the outer network namespace" "${inside[@]}" \
		nlreq sa-new ifindex=esp0 peer-id=1 direction=0 spi=0x1001 cipher=0 key=$gcm_key
	refused "no CAP_NET_ADMIN over the outer network namespace" "${inside[@]}" \
		nlreq peer-del ifindex=esp0 id=1
	# A dump shows it nothing of what is not its own.
	same "$("${inside[@]}" "$IKEHELPER" peer show --json | jq length)" 0
	# Its own device it may have; and it may take the link down and throw it away.
	"${inside[@]}" ip link add own type esptun
	"${inside[@]}" nlreq peer-set ifindex=own id=1 remote-ipv4=192.0.2.1 selectors=$prefixes
	"${inside[@]}" ip link del esp0
	kill $pid
}

differs() { [ "$(stat -L -c %i "$1")" != "$(stat -L -c %i "$2")" ]; }

# Every message between the helper and the kernel is looked at. A request with a key may show it,
# if it is read before the module wipes it there; nothing that the kernel sends does.
keys_never_come_out()
{
	local key

	modprobe nlmon || skip "no nlmon in this kernel"
	device
	a ip link add nlmon0 type nlmon || skip "no nlmon in this kernel"
	a ip link set nlmon0 up
	watch a nlmon0 "$dir/messages" -x
	key=$(new_key aes256-sha256)
	esp_sa a in 0xa1a2a3a4 aes256-sha256 "$key"
	esp_sa a out 0xb1b2b3b4 aes256-sha256 "$key"
	refused "in use" esp_sa a in 0xa1a2a3a4 aes256-sha256 "$key"
	wait_for grep -q b1b2b3b4 "$dir/messages"
	# As the pattern below would find them: on their way in they are there.
	grep -q "${key:0:16}\|${key:48:16}\|${key:64:16}" "$dir/messages"
	: >"$dir/messages"
	helper a sa show
	helper a sa show esp0 --json
	helper a peer show
	helper a dev show esp0
	a nlreq sa-get ifindex=esp0 peer-id=1 direction=0 spi=0xa1a2a3a4
	a nlreq sa-get ifindex=esp0 peer-id=1 direction=1 spi=0xb1b2b3b4
	# The SAs are seen in there, their keys are not, nor a part of them.
	wait_for grep -q a1a2a3a4 "$dir/messages"
	wait_for grep -q b1b2b3b4 "$dir/messages"
	not grep -q "${key:0:16}\|${key:48:16}\|${key:64:16}" "$dir/messages"
}

run_tests peers sas clashes unknown_sas unknown_attributes plain_user \
	owner_of_the_inner_namespace_only keys_never_come_out
