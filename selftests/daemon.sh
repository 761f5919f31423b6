#!/bin/bash
# SPDX-License-Identifier: MIT
# The daemon and its commands: two of them agree on keys and ping; a negotiation that fails says why.
#
#   a: ikehelper, esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1, ikehelper :b

# shellcheck source=lib-daemon.sh
. "$(dirname "$0")/lib-daemon.sh"

nothing_in_the_module() # a|b
{
	same "$(helper "$1" sa show --json | jq length)" 0
	same "$(helper "$1" peer show --json | jq length)" 0
}

up_ping_down()
{
	two_helpers
	run b
	run a
	ask a up peer
	pings_both_ways
	ask a status --json | jq -e '.peers[0] | .state == "established" and .initiator and
		.children[0].up and .children[0].in.packets >= 6 and .children[0].out.packets >= 6'
	ask b status | grep -q 'ESP tunnels .*: up, aes256gcm16-modp2048'
	same "$(ask a trace peer | grep -oE '[-=─═] \([0-9]+\)' | grep -oE '[0-9]+' | sort -un | xargs)" "1 2 3 4 5 6 7 8 9 10"
	ask b trace --json | jq -se '[.[].number] | contains([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])'
	ask a trace --svg | grep -q '^</svg>'
	ask a down peer
	same "$(helper a sa show --json | jq length)" 0
	wait_for no_sas b
	not ping_once a $IN_B -I $IN_A
}

# Tunnels of both kinds are made anew when that is asked for, of either side.
rekey_renews()
{
	two_helpers
	run b
	run a
	refused "nothing to renew" ask a rekey peer
	ask a up peer
	ask a rekey peer
	wait_for renewal_traced a "Quick Mode 3"
	ask b rekey peer --ike
	wait_for renewal_traced a "Main Mode 6"
	pings_both_ways
}

renewal_traced() # a|b NAME OF THE LAST PACKET
{
	ask "$1" trace --json | jq -se --arg name "$2" 'any(.[]; .renewal and .name == $name)'
}

# SIGTERM takes the tunnels down on both sides, and everything out of the module.
sigterm_leaves_nothing()
{
	two_helpers
	run b
	run a
	ask a up peer
	kill "$PID"
	wait "$PID"
	nothing_in_the_module a
	wait_for no_sas b
	[ ! -e "$dir/a.sock" ]
	not pgrep -P "$PID"
}

# Each process may do what it has to: the one that parses has CAP_NET_ADMIN, those that compute have
# nothing, and the first one what it takes to start them. All are filtered.
privileges()
{
	local p network

	two_helpers
	run a
	network=$(network_of "$PID")
	for p in "$PID" "$network" $(pgrep -P "$network"); do
		grep -q '^Seccomp:[[:space:]]2' /proc/"$p"/status
		grep -q '^NoNewPrivs:[[:space:]]1' /proc/"$p"/status
		grep -q '^Max core file size *0 *0' /proc/"$p"/limits
	done
	grep -q '^CapPrm:[[:space:]]0000000000005002$' /proc/"$PID"/status
	grep -q '^CapPrm:[[:space:]]0000000000001000$' /proc/"$network"/status
	same "$(pgrep -P "$network" | wc -l)" 3
	for p in $(pgrep -P "$network"); do
		grep -q '^CapPrm:[[:space:]]0000000000000000$' /proc/"$p"/status
	done
}

wrong_key_is_said()
{
	two_helpers
	(umask 077 && "$IKEHELPER" genpsk >"$dir/b.psk")
	run b
	run a
	refused "[psk-differs]" ask a up peer
	wait_for said_in_trace b psk-differs
	no_sas a
	no_sas b
	replays a
	replays b
}

said_in_trace() { ask "$1" trace --json | jq -se --arg code "$2" 'any(.[]; .code == $code)'; }

no_common_suite_is_said()
{
	two_helpers
	config b "ike = aes256-sha512-ecp384"
	run b
	run a
	refused "[no-proposal]" ask a up peer
	ask b trace | grep -q 'aes256-sha512-ecp384  *aes256-sha256-modp2048'
	no_sas b
}

nobody_answers()
{
	two_helpers
	run a
	refused "is not up after 3 seconds" ask a up -w 3 peer
	ask a status | grep -q 'phase 1'
}

key_log()
{
	two_helpers
	run b
	run a
	ask a keylog peer 10m "$dir/keys"
	same "$(stat -c %a "$dir/keys")" 600
	refused "is there already" ask a keylog peer 10m "$dir/keys"
	ask a status | grep -q 'KEYS ARE BEING LOGGED'
	ask a up peer
	grep -qxE '[0-9a-f]{16},[0-9a-f]{64}' "$dir/keys"
	ask a keylog peer 1s "$dir/keys2"
	wait_for grep -q 'key log ended' "$dir/a.log"
	not grep -q KEYS <(ask a status)
}

# What went on is saved for somebody else, who needs neither root, a daemon nor the module.
replays() # a|b
{
	local was

	# Again, if something happens in between.
	while rm -f "$dir/$1.rec" && was=$(ask "$1" trace peer --json) && ask "$1" record peer "$dir/$1.rec" &&
		[ "$was" != "$(ask "$1" trace peer --json)" ]; do :; done
	same "$(stat -c %a "$dir/$1.rec")" 600
	same "$("$IKEHELPER" replay "$dir/$1.rec" --json)" "$was"
	cp "$dir/$1.rec" /tmp/recording
	chmod 644 /tmp/recording
	chroot --userspec=65534:65534 / "$IKEHELPER" -s /none replay /tmp/recording >/dev/null
	rm /tmp/recording "$dir/$1.rec"
}

recording()
{
	two_helpers
	run b
	run a
	ask a up peer
	ask a rekey peer
	wait_for renewal_traced a "Quick Mode 3"
	ask b rekey peer --ike
	wait_for renewal_traced a "Main Mode 6"
	replays a
	replays b
	: >"$dir/there"
	refused "is there already" ask a record peer "$dir/there"
	refused "no peer paul" ask a record paul "$dir/none"
	[ ! -e "$dir/none" ]
	printf '{"recording":1}\nnonsense\n' >"$dir/bad"
	refused "bad, line 2: it is not JSON" a "$IKEHELPER" replay "$dir/bad"
}

# The examples of the manual pages, as they stand there.
example() # PAGE MARK
{
	awk -v mark="test: $2" 'index($0, mark) { on = 1 } on && /^\.Bd/ { on = 2; next } /^\.Ed/ { on = 0 } on == 2' \
		"$here/../docs/$1"
}

manual_pages()
{
	[ -e "$here/../docs/ikehelper.8" ] || skip "the manual pages are not there"
	sites
	mkdir -p /etc/esptun
	(umask 077 && new_key aes128gcm16 >/etc/esptun/in.key && new_key aes128gcm16 >/etc/esptun/out.key)
	example ikehelper.8 keys-by-hand | sed "s|^ikehelper|$IKEHELPER|" >"$dir/by-hand"
	a bash -eu "$dir/by-hand"
	sa_exists a in 0x00001001
	sa_exists a out 0x00002001
	example ikehelper.conf.5 conf >"$dir/conf"
	sed -n 's/^psk-file *= *//p' "$dir/conf" | while read -r file; do
		(umask 077 && "$IKEHELPER" genpsk >"$file")
	done
	(
		cd /etc/esptun
		umask 077
		authority ca ec
		for name in tokyo naha; do new_private_key ec >$name.key; done
		certificate ca tokyo "/C=JP/O=Example/CN=tokyo"
		revocation_list ca >ca.crl
		openssl pkey -in naha.key -pubout -out naha.pub
	)
	grep -q nagoya "$dir/conf"
	"$IKEHELPER" check "$dir/conf"
}

run_tests up_ping_down rekey_renews sigterm_leaves_nothing privileges \
	wrong_key_is_said no_common_suite_is_said nobody_answers key_log recording \
	manual_pages
