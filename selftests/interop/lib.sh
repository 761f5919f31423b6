# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# ikehelper at site a and a gateway that we did not write at site b, and the scenarios that every such
# gateway goes through. Sourced; PEER (default strongswan) names the file of peers/ that starts and
# asks it.
#
#   a: ikehelper, esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ the peer, 10.2.0.1 :b
#
# A file of peers/ defines
#	start_peer PSK IKE ESP	one connection to a with one child; suites in our spelling
#	they_initiate		it begins; fails when nothing comes of it
#	they_end		it takes all down; they_end_child: the ESP tunnels alone
#	they_renew esp|ike	it begins a renewal, now or soon
#	they_are_up		by its own word
#	count_their_sas, count_their_ike_sas	half-open ones included
#
# A test that needs other layers than "guest strongswan" says so in a line "# layers: ...".
# shellcheck disable=SC2034,SC2154,SC2317  # for who sources this

# shellcheck source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

psk="ten packets, end to end: 1 to 10"
main=aes256-sha256-modp2048
read -r n_esp n_ike <<<"${RENEWALS:-3 3}"

# shellcheck source=peers/strongswan.sh
. "$here/interop/peers/${PEER:=strongswan}.sh"

# Finding, testing and tying together the crypto drivers takes seconds here at the first SA: long
# enough for a retransmission, and these tests count packets. So it happens now.
warm_up()
{
	local ns alg words

	ns=esptun-$$-warm-up
	ip netns add "$ns"
	for alg in $ALGS; do
		words=$(xfrm_alg $alg "$(new_key $alg)")
		ip -n "$ns" xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel $words
		ip -n "$ns" xfrm state flush
	done
	ip netns del "$ns"
}

warm_up

# The configuration of ikehelper at a or b, with one peer "site" on esp0.
configure() # a|b PSK IKE ESP [LINE OF ITS SECTION...]
{
	local local=$OUT_A remote=$OUT_B ours=$NET_A theirs=$NET_B

	if [ "$1" = b ]; then
		local=$OUT_B remote=$OUT_A ours=$NET_B theirs=$NET_A
	fi
	(umask 077 && printf '%s\n' "$2" >"$dir/$1.psk")
	printf '%s\n' "[peer site]" "interface = esp0" "local = $local" "remote = $remote" "psk-file = $dir/$1.psk" \
		"version = 1" "ike = $3" "esp = $4" "local-subnets = $ours" "remote-subnets = $theirs" "${@:5}" |
		grep -v "= default$" >"$dir/$1.conf"
}

# What RUN names runs it.
start_ikehelper() # PSK IKE ESP [LINE OF ITS SECTION...]
{
	configure a "$@"
	esp_dev a
	a ${RUN:-} "$IKEHELPER" -s "$dir/control" run -c "$dir/a.conf" >"$dir/ikehelper.log" 2>&1 &
	wait_for ask status
}

ask() { helper a -s "$dir/control" "$@"; }

has_esp() { ask status --json | jq -e '[.. | .up? // empty] | any'; }

count_our_sas() { helper a sa show --json | jq 'map(select(.reserved | not)) | length'; }
count_our_ike_sas() { ask status --json | jq '[.peers[] | select(has("cookie_i"))] | length'; }

we_initiate() { ask up site; }

# The tunnel is up when each has its SAs of the other.
tunnel_is_up()
{
	wait_for has_esp
	they_are_up
	wait_for prints 2 count_their_sas
	same "$(count_our_sas)" 2
}

# both IKE ESP [LINE...]: the two sites with both daemons, no tunnel yet.
both()
{
	sites
	start_peer "$psk" "$1" "$2"
	start_ikehelper "$psk" "$@"
}

# --- scenarios ---------------------------------------------------------------------------------

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

# agree we|they IKE ESP: up, both ways, nine packets before. Who answers has the longer life, or
# else RESPONDER-LIFETIME would be a tenth.
agree()
{
	local lines=()

	[ "$1" = we ] || lines=("lifetime-ike = 1d")
	both "$2" "$3" "${lines[@]}"
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

# profile_alone we|they: the peer has its own default suites, and we what its profile says.
profile_alone()
{
	both default default "profile = $PEER"
	"$1_initiate"
	tunnel_is_up
	pings_both_ways
}

# down we|they: the DELETE of one side takes the SAs of both away, and no new ones come.
down()
{
	both $main aes128gcm16
	we_initiate
	tunnel_is_up
	pings_both_ways
	if [ "$1" = we ]; then
		ask down site
	else
		they_end
	fi
	nothing_is_left
}

# No SA is left on either side, reserved ones included, and nothing passes.
nothing_is_left()
{
	wait_for prints 0 count_their_sas
	wait_for prints 0 count_their_ike_sas
	wait_for prints "[]" helper a sa show --json
	no_ping a $IN_B
}

# The child alone goes; the control tunnel stays, and makes another.
child_goes_and_comes()
{
	both $main aes128gcm16
	they_initiate
	tunnel_is_up
	they_end_child
	wait_for prints 0 count_our_sas
	they_initiate
	wait_for prints 2 count_our_sas
	pings_both_ways
	same "$(ask trace --json | jq -s '[.[] | select(.name == "Main Mode 1")] | length')" 1
}

# We lost all state without a word; our INITIAL-CONTACT tells the peer to forget the old.
initial_contact()
{
	both $main aes128gcm16
	we_initiate
	tunnel_is_up
	kill_ikehelper
	a ip link del esp0
	esp_dev a
	ask run -c "$dir/a.conf" >"$dir/ikehelper2.log" 2>&1 &
	wait_for ask status
	we_initiate
	wait_for has_esp
	pings_both_ways
	wait_for prints 1 count_their_ike_sas
	wait_for prints 2 count_their_sas
}

# Processes of a namespace die as their machine would: nothing is said.
kill_in() # NS NAME
{
	local pid

	for pid in $(ip netns pids "$1"); do
		if grep -qs "$2" "/proc/$pid/comm"; then
			kill -9 "$pid"
		fi
	done
}

kill_ikehelper() { kill_in "$NS_A" ikehelper; }

# The ladder, in which each of these has to stand.
trace_says() # PATTERN...
{
	local pattern

	ask trace site >"$dir/ladder"
	cat "$dir/ladder"
	for pattern; do grep -iq "$pattern" "$dir/ladder"; done
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
	start_ikehelper "$psk" $main aes128gcm16
	same "$(ask why site --json | jq -r .code)" not-tried
	not ask up -w 90 site
	why_says no-answer "UDP port 500 is filtered"
}

# wrong_psk we|they: nobody gets a tunnel, nobody keeps one half made, and we say what it is.
wrong_psk()
{
	sites
	start_peer "$psk" $main aes128gcm16
	start_ikehelper "another secret of enough characters" $main aes128gcm16
	not "$1_initiate"
	trace_says "pre-shared key\|psk"
	why_says psk-differs "pre-shared keys differ"
	nothing_is_left
}

# no_common_proposal we|they: refused at the first packet, and both sides' proposals are shown.
no_common_proposal()
{
	sites
	start_peer "$psk" aes128-sha1-modp2048 aes128gcm16
	start_ikehelper "$psk" aes256-sha256-modp3072 aes128gcm16
	not "$1_initiate"
	trace_says proposal aes256-sha256-modp3072
	[ "$1" = we ] || grep -q "aes128-sha1-modp2048" "$dir/ladder"
	why_says no-proposal "aes256-sha256-modp3072"
	nothing_is_left
}

# Phase 1 is fine, phase 2 finds nothing.
no_common_esp_proposal() # we|they
{
	sites
	start_peer "$psk" $main aes128-sha256
	start_ikehelper "$psk" $main aes256gcm16
	not "$1_initiate"
	trace_says proposal aes256gcm16
	same "$(count_our_sas)" 0
	wait_for prints 0 count_their_sas
}

# --- renewal -----------------------------------------------------------------------------------

# What is in use: the inbound SPI of the newest pair once its outbound SA is, and the control tunnel's
# cookie. Empty while a change is under way.
in_use() # esp|ike
{
	local what='[.peers[].children[]][0] | select(.up) | .in.spi'

	[ "$1" = esp ] || what='[.peers[] | select(.state == "established") | .cookie_i] | select(length == 1)[0]'
	ask status site --json | jq -r "$what"
}

changed() # esp|ike FROM
{
	local now

	now=$(in_use "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

we_renew() # esp|ike
{
	if [ "$1" = esp ]; then
		ask rekey site
	else
		ask rekey site --ike
	fi
}

# Replies that are missing before the last one that came: what is on its way at the end is not lost.
count_lost()
{
	awk -F '[= ]' '/icmp_seq=/ { if (!seen[$6]++) n++; if ($6 > max) max = $6 } END { print max - n }' "$1"
}

# Pings from a to b that never stop, until calm.
flood()
{
	# Not by a(): the signal has to reach ping itself.
	ip netns exec "$NS_A" ping -n -i 0.03 -I $IN_A $IN_B >"$dir/ping" 2>&1 &
	FLOOD=$!
}

calm()
{
	sleep 1
	kill -INT $FLOOD
	wait $FLOOD || true
}

# renew COUNT we|they esp|ike: so many renewals under the flood.
renew()
{
	local i old

	flood
	for ((i = 0; i < $1; i++)); do
		# strongSwan 5.9 takes the ESP tunnels over from one older control tunnel, and ends those of others.
		[ "$3" = esp ] || wait_for one_control_tunnel
		old=$(in_use "$3")
		"$2_renew" "$3"
		wait_for changed "$3" "$old"
	done
	calm
	printf '%s %s %s %s %s %s\n' "$PEER" "$2" "$3" "$1" "$(grep -c icmp_seq= "$dir/ping")" \
		"$(count_lost "$dir/ping")" >>"$dir/renewals"
}

# renewals we|they esp|ike COUNT...: nothing is lost, and one of each is left. Replaced ESP tunnels are
# deleted after half a minute by who renewed, or after a minute. A control tunnel in which we renewed some
# stays for a minute, in case that packet 9 is wanted again: "we esp" is best the last.
renewals()
{
	local esp ike

	both aes128-sha256-ecp256 aes128gcm16
	"$1_initiate"
	tunnel_is_up
	while [ $# -gt 0 ]; do
		renew "$3" "$1" "$2"
		shift 3
	done
	wait_for one_of_each || true
	esp=$(($(count_our_sas) + $(count_their_sas) - 4)) ike=$(($(count_our_ike_sas) + $(count_their_ike_sas) - 2))
	sed "s/^/report: renewals: /; / esp /s/\$/ $esp/; / ike /s/\$/ $ike/" "$dir/renewals"
	pings_both_ways
	if awk '$6 { lost = 1 } END { exit !lost }' "$dir/renewals"; then
		explain_loss
	fi
	same "$esp $ike" "0 0"
}

# The next helper takes over what the one before left, and renews it; the peer sees no more of it than
# that, not even an INITIAL-CONTACT, after which it would drop what carries the traffic.
helper_dies()
{
	both aes128-sha256-ecp256 aes128gcm16
	we_initiate
	tunnel_is_up
	renew 1 death esp
	[ "$(awk '{ print $6 }' "$dir/renewals")" = 0 ] || explain_loss
	# The control tunnel that nobody here knows any more runs out at the peer, if it does not replace it.
	wait_for one_pair
	same "$(count_our_ike_sas)" 1
	pings_both_ways
}

death_renew()
{
	kill_ikehelper
	ask run -c "$dir/a.conf" >>"$dir/ikehelper.log" 2>&1 &
	wait_for ask status
}

# Ours die under the flood, one kind after the other or all at once, and who runs them (RUN=fdstore)
# keeps the sockets and starts them again. Nothing is lost until the old tunnels have gone.
we_die() # each|all
{
	flood
	"$1_dies"
	calm
	same "$(count_lost "$dir/ping")" 0
	# What is missing at the very end does not count as lost: there it has to be up.
	pings_both_ways
}

all_dies() { dies ikehelper; }

each_dies()
{
	dies ikehelper-dh
	dies ikehelper-cert
	dies ikehelper-keys
	dies ikehelper-net
	dies '^ikehelper$'
}

dies() # PATTERN OF NAMES
{
	local old

	old=$(in_use esp)
	kill_in "$NS_A" "$1"
	wait_for changed esp "$old"
	wait_for one_of_each
}

# A limit of packets renews the ESP tunnels before it is reached, and none is lost.
packets_renew()
{
	local old

	both aes128-sha256-ecp256 aes128gcm16 "lifetime-esp-packets = 1000"
	we_initiate
	tunnel_is_up
	old=$(in_use esp)
	ask status | grep -q 'out .* of 1000 packets'
	a ping -n -i 0.02 -c 950 -W 20 -I $IN_A $IN_B >"$dir/ping"
	tail -2 "$dir/ping"
	same "$(count_lost "$dir/ping")" 0
	wait_for changed esp "$old"
	same "$(count_our_ike_sas)" 1
}

one_pair() { prints 2 count_our_sas && prints 2 count_their_sas; }

one_control_tunnel() { prints 1 count_our_ike_sas && prints 1 count_their_ike_sas; }

one_of_each() { one_pair && one_control_tunnel; }

explain_loss()
{
	helper a peer show
	helper a sa show
	b grep -v '\s0$' /proc/net/xfrm_stat || true
	ask trace site | tail -200
	return 1
}
