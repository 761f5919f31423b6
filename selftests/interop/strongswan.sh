#!/bin/bash
# SPDX-License-Identifier: MIT
# Ten packets with a gateway that we did not write: strongSwan's charon and the kernel's XFRM at b,
# ikehelper and esptun at a, each as initiator and as responder.
#
#   a: ikehelper, esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ charon, 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

psk="ten packets, end to end: 1 to 10"

count_our_sas() { helper a sa show --json | jq 'map(select(.reserved | not)) | length'; }
count_their_sas() { b ip xfrm state | awk '/^src/ { n++ } END { print n + 0 }'; }
count_their_ike_sas() { swanctl_b --list-sas | awk '/ESTABLISHED|CONNECTING/ { n++ } END { print n + 0 }'; }

# b has both; the tunnel is up when each has its SAs of the other.
tunnel_is_up()
{
	wait_for has_esp
	charon_says "CHILD_SA t{.*} established"
	same "$(count_their_sas)" 2
	same "$(count_our_sas)" 2
}

we_initiate() { ask up site; }
they_initiate() { swanctl_b --initiate --child t --timeout 60; }

# Nothing but Main Mode's 6 and Quick Mode's 3 before the first ESP packet (the article's ten),
# in turns, and the first from who initiates.
ten_packets() # ADDRESS OF THE INITIATOR
{
	sed -n '/ esp /q; / isakmp /p' "$dir/wire" >"$dir/nine"
	cat "$dir/nine"
	same "$(grep -c "xchg 2 " "$dir/nine")" 6
	same "$(grep -c "xchg 32 " "$dir/nine")" 3
	same "$(wc -l <"$dir/nine")" 9
	same "$(awk '{ print $2 }' "$dir/nine" | tr '\n' ' ')" \
		"$(for _ in 1 2 3 4; do printf '%s ' "$1" "$(other "$1")"; done)$1 "
	# 5 to 9 are encrypted (RFC 2408 section 3.1, flag 1), 1 to 4 cannot be.
	same "$(sed 's/.* flags \([0-9]*\) .*/\1/' "$dir/nine" | tr '\n' ' ')" "0 0 0 0 1 1 1 1 1 "
}

other() { [ "$1" = $OUT_A ] && echo $OUT_B || echo $OUT_A; }

# agree we|they IKE ESP: up, both ways, nine packets before.
agree()
{
	sites
	start_charon "$psk" "$2" "$3"
	start_ikehelper "$psk" "$2" "$3"
	watch a veth0 "$dir/wire" -m "$psk"
	"$1_initiate"
	tunnel_is_up
	pings_both_ways
	bulk_both_ways 300000
	if [ "$1" = we ]; then
		ten_packets $OUT_A
	else
		ten_packets $OUT_B
	fi
	not grep MARK "$dir/wire"
	not grep -E " 10\.[12]\.0\.1 " "$dir/wire"
	b awk '$2 && !/XfrmInNoStates/ { print; bad = 1 } END { exit bad }' /proc/net/xfrm_stat
	ask trace site >"$dir/ladder"
	grep -q '(9)' "$dir/ladder"
	why_says up "are up"
}

# down we|they: the DELETE of one side takes the SAs of both away, and no new ones come.
down()
{
	sites
	start_charon "$psk" aes256-sha256-modp2048 aes128gcm16
	start_ikehelper "$psk" aes256-sha256-modp2048 aes128gcm16
	we_initiate
	tunnel_is_up
	pings_both_ways
	if [ "$1" = we ]; then
		ask down site
	else
		swanctl_b --terminate --ike t
	fi
	wait_for both_are_empty
	no_ping a $IN_B
}

both_are_empty()
{
	[ "$(count_their_sas) $(count_their_ike_sas) $(helper a sa show --json | jq length)" = "0 0 0" ]
}

# The child alone goes; the control tunnel stays, and makes another.
child_goes_and_comes()
{
	sites
	start_charon "$psk" aes256-sha256-modp2048 aes128gcm16
	start_ikehelper "$psk" aes256-sha256-modp2048 aes128gcm16
	they_initiate
	tunnel_is_up
	swanctl_b --terminate --child t
	wait_for prints 0 count_our_sas
	they_initiate
	wait_for prints 2 count_our_sas
	pings_both_ways
	same "$(grep -c "IKE_SA t.* established between" "$dir/charon.log")" 1
}

# We lost all state without a word; our INITIAL-CONTACT tells charon to forget the old.
initial_contact()
{
	sites
	start_charon "$psk" aes256-sha256-modp2048 aes128gcm16
	start_ikehelper "$psk" aes256-sha256-modp2048 aes128gcm16
	we_initiate
	tunnel_is_up
	kill_ikehelper
	a ip link del esp0
	esp_dev a
	ask run -c "$dir/ikehelper.conf" >"$dir/ikehelper2.log" 2>&1 &
	wait_for ask status
	we_initiate
	wait_for has_esp
	pings_both_ways
	wait_for prints 1 count_their_ike_sas
	charon_says "destroying duplicate\|INITIAL_CONTACT"
}

kill_ikehelper()
{
	local pid

	for pid in $(ip netns pids "$NS_A"); do
		if grep -qs ikehelper "/proc/$pid/comm"; then
			kill -9 "$pid"
		fi
	done
}

# The code and the words that why gives, for people and as JSON.
why_says() # CODE TEXT
{
	ask why site | tee "$dir/why"
	grep -q "\[$1\]" "$dir/why"
	grep -q "$2" "$dir/why"
	same "$(ask why site --json | jq -r .code)" "$1"
}

# Nobody is there: that is silence, and no refusal.
silent_peer()
{
	sites
	start_ikehelper "$psk" aes256-sha256-modp2048 aes128gcm16
	same "$(ask why site --json | jq -r .code)" not-tried
	not ask up -w 90 site
	why_says no-answer "UDP port 500 is filtered"
}

# wrong_psk we|they: nobody gets a tunnel, nobody keeps one half made, and we say what it is.
wrong_psk()
{
	sites
	start_charon "$psk" aes256-sha256-modp2048 aes128gcm16
	start_ikehelper "another secret of enough characters" aes256-sha256-modp2048 aes128gcm16
	if [ "$1" = we ]; then
		not we_initiate
	else
		not they_initiate
	fi
	ask trace site >"$dir/ladder"
	cat "$dir/ladder"
	grep -iq "pre-shared key\|psk" "$dir/ladder"
	why_says psk-differs "pre-shared keys differ"
	ends_cleanly
}

# no_common_proposal we|they: refused at the first packet, and both sides' proposals are shown.
no_common_proposal()
{
	sites
	start_charon "$psk" aes128-sha1-modp2048 aes128gcm16
	start_ikehelper "$psk" aes256-sha256-modp3072 aes128gcm16
	if [ "$1" = we ]; then
		not we_initiate
	else
		not they_initiate
	fi
	ask trace site >"$dir/ladder"
	cat "$dir/ladder"
	grep -q "aes256-sha256-modp3072" "$dir/ladder"
	[ "$1" = we ] || grep -q "aes128-sha1-modp2048" "$dir/ladder"
	grep -iq "proposal" "$dir/ladder"
	why_says no-proposal "aes256-sha256-modp3072"
	ends_cleanly
}

# Phase 1 is fine, phase 2 finds nothing.
no_common_esp_proposal() # we|they
{
	sites
	start_charon "$psk" aes256-sha256-modp2048 aes128-sha256
	start_ikehelper "$psk" aes256-sha256-modp2048 aes256gcm16
	if [ "$1" = we ]; then
		not we_initiate
	else
		not they_initiate
	fi
	ask trace site >"$dir/ladder"
	cat "$dir/ladder"
	grep -iq "proposal" "$dir/ladder"
	grep -q "aes256gcm16" "$dir/ladder"
	same "$(count_our_sas)" 0
	same "$(count_their_sas)" 0
}

# No SA is left over on either side, reserved ones included; charon's last try has ended.
ends_cleanly()
{
	wait_for prints 0 count_their_ike_sas
	wait_for prints "[]" helper a sa show --json
	same "$(count_their_sas)" 0
	no_ping a $IN_B
}

main=aes256-sha256-modp2048
run_tests \
	"agree we $main aes128gcm16" "agree they $main aes128gcm16" \
	"agree we $main aes256-sha256" "agree they $main aes256-sha256" \
	"agree we $main aes128gcm16-modp2048" "agree they $main aes256-sha256-modp2048" \
	"agree we aes128-sha1-modp2048 aes128-sha1" "agree they aes128-sha1-modp2048 aes128-sha1" \
	"agree we aes128-sha256-ecp256 aes256gcm16-ecp256" "agree they aes128-sha256-ecp256 aes256gcm16-ecp256" \
	"agree we aes256-sha384-modp3072 aes256gcm16" "agree they aes256-sha512-ecp384 aes256-sha256" \
	"down we" "down they" silent_peer child_goes_and_comes initial_contact \
	"wrong_psk we" "wrong_psk they" "no_common_proposal we" "no_common_proposal they" \
	"no_common_esp_proposal we" "no_common_esp_proposal they"
