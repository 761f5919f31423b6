# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the kselftests share: TAP, namespaces, keys, SAs, counters, waiting. Sourced.
#
# A test is one function of plain commands: the first that fails ends it, and is shown with its
# line; of one that succeeds the lines "report: ..." are shown. It runs in a shell and a topology of
# its own, and what it made goes away with it:
#
#	pings_work() { sites; esp_pair "$1"; pings_both_ways; }
#	run_tests "pings_work aes128gcm16" "pings_work aes256-sha256"
#
# In: ESPTUN_KO (the module, for insmod; without it modprobe finds it), IKEHELPER (the helper's
# path); RETRY=1 gives a test that fails a second try. Works in a kernel tree
# (tools/testing/selftests/net/esptun) and out of it.
#
# shellcheck disable=SC2034 # what is set here is used by the tests

ksft_skip=4
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH="$here:${ESPTUN_BUILD:-$here}:$PATH"
IKEHELPER=${IKEHELPER:-$(command -v ikehelper)}

skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit $ksft_skip
}

[ "$(id -u)" = 0 ] || skip_all "needs root"
for tool in ip jq ping bulk espgen fdstore nlreq pktwatch; do
	command -v $tool >/dev/null || skip_all "$tool is not there"
done

module_loaded() { [ -d /sys/module/esptun ]; }

load_module()
{
	module_loaded && return
	if [ -n "${ESPTUN_KO:-}" ]; then
		insmod "$ESPTUN_KO"
	else
		modprobe esptun
	fi
}

load_module || skip_all "no module: set ESPTUN_KO to esptun.ko"
[ -x "$IKEHELPER" ] || skip_all "no helper: set IKEHELPER to the path of ikehelper"

# --- TAP -------------------------------------------------------------------------------------

# Ends the running test as skipped.
skip()
{
	echo "$*" >"$skipped"
	exit $ksft_skip
}

# Without this, a test that fails inside a function would say nothing of where.
failed_at()
{
	local i

	echo "failed: $BASH_COMMAND"
	for ((i = 1; i < ${#FUNCNAME[@]} - 1; i++)); do
		echo "   in ${FUNCNAME[i]} (${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]})"
	done
}

run_one()
{
	dir=$(mktemp -d)
	trap clean_up EXIT
	trap failed_at ERR
	set -eE
	$1
}

run_tests() # TEST...; with ONLY, those whose words match this pattern
{
	local n=0 bad=0 name rc log

	# shellcheck disable=SC2053 # a pattern
	if [ -n "${ONLY:-}" ]; then
		for name; do
			shift
			[[ $name == $ONLY ]] && set -- "$@" "$name"
		done
	fi

	log=$(mktemp)
	skipped=$(mktemp)
	echo "TAP version 13"
	echo "1..$#"
	for name; do
		n=$((n + 1))
		: >"$skipped"
		(run_one "$name") >"$log" 2>&1
		rc=$?
		# Emulated, a guest may stall for longer than a peer waits: once more, and both are shown.
		if [ -n "${RETRY:-}" ] && [ $rc != 0 ] && [ $rc != $ksft_skip ]; then
			sed 's/^/# first try: /' "$log"
			(run_one "$name") >"$log" 2>&1
			rc=$?
		fi
		if [ $rc = $ksft_skip ] && [ -s "$skipped" ]; then
			echo "ok $n $name # SKIP $(cat "$skipped")"
		elif [ $rc = 0 ]; then
			sed -n 's/^report: /# /p' "$log"
			echo "ok $n $name"
		else
			sed 's/^/# /' "$log"
			echo "not ok $n $name"
			bad=1
		fi
	done
	rm -f "$log" "$skipped"
	exit $bad
}

# --- namespaces ------------------------------------------------------------------------------

# Names of their own, so that two runs at once do not meet. a, b and c run a command inside.
NS_A='' NS_B='' NS_C=''
a() { ip netns exec "$NS_A" "$@"; }
b() { ip netns exec "$NS_B" "$@"; }
c() { ip netns exec "$NS_C" "$@"; }

OUT_A=198.51.100.1 OUT_B=198.51.100.2 OUT_LEN=24
IN_A=10.1.0.1 IN_B=10.2.0.1 IN_LEN=32
NET_A=10.1.0.0/16 NET_B=10.2.0.0/16
IPV6=''

# Before the sites are made: which version of IP inside, and which outside.
families() # 4|6 4|6
{
	if [ "$1" = 6 ]; then
		IN_A=2001:db8:1::1 IN_B=2001:db8:2::1 IN_LEN=128
		NET_A=2001:db8:1::/48 NET_B=2001:db8:2::/48
	fi
	[ "$2" = 4 ] || OUT_A=2001:db8:f::1 OUT_B=2001:db8:f::2 OUT_LEN=64
	[ "$1$2" = 44 ] || IPV6=yes
}

new_ns() # VARIABLE
{
	local name

	name=esptun-$BASHPID-$1
	ip netns add "$name"
	echo "$name" >>"$dir/namespaces"
	# IPv6's own chatter would disturb what the tests count, and make them wait.
	if [ -n "$IPV6" ]; then
		ip netns exec "$name" sysctl -q -w net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.router_solicitations=0
	else
		ip netns exec "$name" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
	fi
	ip -n "$name" link set lo up
	printf -v "$1" %s "$name"
}

addresses_of_b()
{
	ip -n "$NS_B" -batch - <<-END
		addr add $OUT_B/$OUT_LEN dev veth0
		addr add $IN_B/$IN_LEN dev lo
		link set veth0 up
	END
}

# Two sites on one wire, no tunnel yet:
#
#   a: 10.1.0.1 (lo), veth0 198.51.100.1 ──── veth0 198.51.100.2, 10.2.0.1 (lo) :b
sites()
{
	new_ns NS_A
	new_ns NS_B
	ip -n "$NS_A" -batch - <<-END
		link add veth0 type veth peer name veth0 netns $NS_B
		addr add $OUT_A/$OUT_LEN dev veth0
		addr add $IN_A/$IN_LEN dev lo
		link set veth0 up
	END
	addresses_of_b
	wait_for ping_once a $OUT_B
}

# Site a behind a router that masquerades; OUT_A is what b sees of it:
#
#   a: 10.1.0.1 (lo), veth0 192.168.1.2 ── in0 192.168.1.1 :r: out0 198.51.100.1 ── veth0 198.51.100.2 :b
NS_R='' LAN_A=192.168.1.2
r() { ip netns exec "$NS_R" "$@"; }

sites_behind_nat()
{
	command -v nft >/dev/null || skip "nft is not there"
	new_ns NS_A
	new_ns NS_R
	new_ns NS_B
	ip -n "$NS_A" -batch - <<-END
		link add veth0 type veth peer name in0 netns $NS_R
		addr add $LAN_A/24 dev veth0
		addr add $IN_A/32 dev lo
		link set veth0 up
		route add default via 192.168.1.1
	END
	ip -n "$NS_R" -batch - <<-END
		link add out0 type veth peer name veth0 netns $NS_B
		addr add 192.168.1.1/24 dev in0
		addr add $OUT_A/24 dev out0
		link set in0 up
		link set out0 up
	END
	addresses_of_b
	r sysctl -q -w net.ipv4.ip_forward=1
	masquerade 40000
	wait_for ping_once a $OUT_B
}

# masquerade PORT: what a sends from any UDP port leaves the router from this one.
masquerade()
{
	r nft -f - <<-END || skip "no masquerading in this kernel"
		flush ruleset
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname out0 meta l4proto udp masquerade to :$1
				oifname out0 masquerade
			}
		}
	END
}

clean_up()
{
	local ns

	trap - ERR
	set +e
	jobs -p | xargs -r kill 2>/dev/null
	touch "$dir/namespaces"
	while read -r ns; do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done <"$dir/namespaces"
	wait 2>/dev/null
	rm -rf "$dir"
	module_loaded || load_module
}

# --- waiting and refusing --------------------------------------------------------------------

# Until the command succeeds; gives up after two minutes, for a slow guest, and says so. It asks ever
# less often: where idle time costs nothing, asking is what takes long.
wait_for()
{
	local end=$((SECONDS + 120)) nap=1

	while [ $SECONDS -lt $end ]; do
		"$@" >/dev/null 2>&1 && return
		sleep $((nap / 10)).$((nap % 10))
		nap=$((nap < 10 ? nap + 1 : 10))
	done
	echo "waited in vain for: $*"
	return 1
}

# refused TEXT COMMAND...: it has to fail, with TEXT in what it says.
refused()
{
	local text=$1 said

	shift
	if said=$("$@" 2>&1); then
		echo "not refused: $*"
		return 1
	fi
	[[ $said == *"$text"* ]] && return
	echo "said: $said"
	echo "not:  ...$text..."
	return 1
}

# not COMMAND...: it has to fail. (A bare "! COMMAND" would not end the test.)
not()
{
	! "$@" && return
	echo "should have failed: $*"
	return 1
}

same() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }

# --- traffic ---------------------------------------------------------------------------------

ping_once() { "$1" ping -n -q -c 1 -W 1 "${@:2}"; } # a|b ADDR [OPTION...]
pings() { "$1" ping -n -q -c 3 -i 0.05 -W 5 "${@:2}"; }
no_ping() { ! ping_once "$@"; }

# Both ways between the sites, as ping and as the other site's ping.
pings_both_ways()
{
	pings a $IN_B -I $IN_A "$@"
	pings b $IN_A -I $IN_B "$@"
}

# Bulk TCP both ways at once between the sites, every octet checked.
bulk_both_ways() # [OCTETS]
{
	local octets=${1:-1000000}

	b bulk serve $IN_B 5001 "$octets" >"$dir/bulk" 2>&1 &
	wait_for grep -q listening "$dir/bulk"
	a bulk connect $IN_B 5001 "$octets"
	wait_for grep -q '^ok' "$dir/bulk"
}

# watch a|b IFACE FILE [OPTION...]: pktwatch in the background, ready on return.
watch()
{
	"$1" pktwatch "${@:4}" "$2" >>"$3" &
	wait_for grep -q '^watching' "$3"
}

# --- keys and SAs ----------------------------------------------------------------------------

ALGS="aes128gcm16 aes256gcm16 aes128-sha1 aes256-sha1 aes128-sha256 aes256-sha256"

cipher_key_len() # octets, the salt included
{
	local bits=${1#aes} salt=0

	case $1 in
	null-*) bits=0 ;;
	chacha20poly1305*) bits=256 salt=4 ;;
	*ccm16*) salt=3 ;;
	*gcm16* | *gmac) salt=4 ;;
	esac
	echo $((${bits:0:3} / 8 + salt))
}

integ_key_len()
{
	case $1 in
	*-sha1) echo 20 ;;
	*-sha*) echo $((${1#*-sha} / 8)) ;;
	*) echo 0 ;;
	esac
}

# A new key as KEYMAT gives it, in hex.
new_key() # ALG
{
	od -An -v -tx1 -N$(($(cipher_key_len "$1") + $(integ_key_len "$1"))) /dev/urandom | tr -d ' \n'
}

helper() { "$1" "$IKEHELPER" "${@:2}"; } # a|b SUBCOMMAND...

# encap a|b PORT: holds its socket for ESP in UDP; what is not ESP is told in $dir/encap-a or -b.
encap()
{
	helper "$1" encap "$2" >"$dir/encap-$1" 2>"$dir/encap-ready-$1" &
	wait_for grep -q holding "$dir/encap-ready-$1"
}

# esp_dev a|b: esp0 with the route to the other site.
esp_dev()
{
	local ns=$NS_A route="$NET_B dev esp0 src $IN_A"

	if [ "$1" = b ]; then
		ns=$NS_B route="$NET_A dev esp0 src $IN_B"
	fi
	ip -n "$ns" -batch - <<-END
		link add esp0 type esptun
		link set esp0 up
		route add $route
	END
}

esp_peer() # a|b [ID]: the other site, whole
{
	case $1 in
	a) helper a peer add esp0 "${2:-1}" remote $OUT_B local $OUT_A selectors $NET_A=$NET_B ;;
	b) helper b peer add esp0 "${2:-1}" remote $OUT_A local $OUT_B selectors $NET_B=$NET_A ;;
	esac
}

# esp_sa a|b in|out SPI ALG KEY [OPTION...], for peer 1 of esp0
esp_sa() { helper "$1" sa add esp0 1 "$2" "$3" "$4" - "${@:6}" <<<"$5"; }

SPI_AB=0x00001001 SPI_BA=0x00002001

# One site's device, peer and SAs, from KEY_AB and KEY_BA.
esp_end() # a|b ALG [ESN [WINDOW]]
{
	local in=$SPI_BA in_key=$KEY_BA out=$SPI_AB out_key=$KEY_AB

	if [ "$1" = b ]; then
		in=$SPI_AB in_key=$KEY_AB out=$SPI_BA out_key=$KEY_BA
	fi
	esp_dev "$1"
	esp_peer "$1"
	esp_sa "$1" in "$in" "$2" "$in_key" esn "${3:-off}" replay "${4:-4096}"
	esp_sa "$1" out "$out" "$2" "$out_key" esn "${3:-off}"
}

new_keys() # ALG
{
	KEY_AB=$(new_key "$1") KEY_BA=$(new_key "$1")
}

# esptun at both sites with new keys in KEY_AB and KEY_BA.
esp_pair() # ALG [ESN [WINDOW]]
{
	new_keys "$1"
	esp_end a "$@"
	esp_end b "$@"
}

# xfrm_pair: esptun at a, XFRM at b.
xfrm_pair() # ALG [ESN [WINDOW]]
{
	local flags=''

	[ "${2:-off}" = off ] || flags="flag esn"
	new_keys "$1"
	esp_end a "$@"
	xfrm_end "$1" "$KEY_AB" "$KEY_BA" $flags replay-window "${3:-128}"
}

# forge [OPTION...] ALG KEY SEQ...: packets of a's SA from espgen, inner addresses as a would use.
forge()
{
	local n=$#

	a espgen -I $IN_A -O $IN_B "${@:1:n-3}" $OUT_A $OUT_B $SPI_AB "${@:n-2}"
}

# --- XFRM at site b --------------------------------------------------------------------------

# `ip xfrm` words of an algorithm, from a key in hex.
xfrm_alg() # ALG KEY
{
	local cut=$(($(cipher_key_len "$1") * 2))
	local enc=0x${2:0:cut} auth=0x${2:cut} mode="cbc(aes)"

	case $1 in
	*gcm16) echo "aead rfc4106(gcm(aes)) $enc 128" ;;
	*ccm16) echo "aead rfc4309(ccm(aes)) $enc 128" ;;
	*gmac) echo "aead rfc4543(gcm(aes)) $enc 128" ;;
	chacha20poly1305) echo "aead rfc7539esp(chacha20,poly1305) $enc 128" ;;
	null-*) mode="ecb(cipher_null)" ;;&
	*-sha1) echo "enc $mode $enc auth-trunc hmac(sha1) $auth 96" ;;
	*-sha*) echo "enc $mode $enc auth-trunc hmac(sha${1#*-sha}) $auth $((${1#*-sha} / 2))" ;;
	esac
}

# xfrm_sa SRC DST SPI ALG KEY [OPTION...]
xfrm_sa()
{
	local alg

	alg=$(xfrm_alg "$4" "$5")
	b ip xfrm state add src "$1" dst "$2" proto esp spi "$3" reqid 1 mode tunnel $alg "${@:6}"
}

xfrm_policies()
{
	local tmpl="proto esp reqid 1 mode tunnel"

	b ip xfrm policy add src $NET_B dst $NET_A dir out tmpl src $OUT_B dst $OUT_A $tmpl
	b ip xfrm policy add src $NET_A dst $NET_B dir in tmpl src $OUT_A dst $OUT_B $tmpl
}

# XFRM at b as the peer of esptun at a; options go to both of XFRM's SAs.
xfrm_end() # ALG KEY_AB KEY_BA [OPTION...]
{
	xfrm_sa $OUT_A $OUT_B $SPI_AB "$1" "$2" "${@:4}"
	xfrm_sa $OUT_B $OUT_A $SPI_BA "$1" "$3" "${@:4}"
	xfrm_policies
	b ip route add $NET_A dev veth0 src $IN_B
}

# --- counters --------------------------------------------------------------------------------

# sa_stat a|b in|out SPI FIELD: packets, bytes, seq, ...
sa_stat()
{
	helper "$1" sa show esp0 --json |
		jq -r --arg dir "$2" --arg spi "$3" --arg field "$4" \
			'first(.[] | select(.direction == $dir and .spi == $spi))[$field] | if . == null then "none" else . end'
}

sa_exists() { [ -n "$(sa_stat "$1" "$2" "$3" spi)" ]; }
no_sa() { ! sa_exists "$@"; }

# event TEXT: a line of `ikehelper monitor`, started by monitor, has it
monitor() # a|b
{
	helper "$1" monitor >"$dir/events" 2>"$dir/monitor" &
	wait_for grep -q listening "$dir/monitor"
}

event() { wait_for grep -qE "$1" "$dir/events"; }

# sa_drop a|b in|out SPI REASON, peer_drop a|b ID REASON, dev_drop a|b REASON: how many packets
sa_drop()
{
	helper "$1" sa show esp0 --json |
		jq -r --arg dir "$2" --arg spi "$3" --arg reason "$4" \
			'first(.[] | select(.direction == $dir and .spi == $spi)) | .drops[$reason] // 0'
}

peer_drop()
{
	helper "$1" peer show esp0 --json |
		jq -r --arg id "$2" --arg reason "$3" \
			'first(.[] | select(.id == ($id | tonumber))) | .drops[$reason] // 0'
}

dev_drop() { helper "$1" dev show esp0 --json | jq -r --arg reason "$2" '.drops[$reason] // 0'; }

# true when FUNCTION ARG... prints the value wanted, first argument
prints() { [ "$("${@:2}")" = "$1" ]; }

# --- certificates ------------------------------------------------------------------------------

# A private key in PEM. RSA takes its time in an emulator.
new_private_key() # rsa|ec
{
	case $1 in
	rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
	ec) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
	esac 2>/dev/null
}

# In this folder: the authority NAME as NAME.key and NAME.crt, and what openssl ca keeps of it.
authority() # NAME rsa|ec
{
	new_private_key "$2" >"$1.key"
	openssl req -x509 -new -key "$1.key" -subj "/O=Test/CN=$1" -days 30 -out "$1.crt"
	: >"$1.index"
	echo 1000 >"$1.serial"
	cat >"$1.conf" <<-END
		[ca]
		default_ca = this
		[this]
		database = $1.index
		serial = $1.serial
		new_certs_dir = .
		certificate = $1.crt
		private_key = $1.key
		default_md = sha256
		default_days = 30
		default_crl_days = 30
		policy = any
		unique_subject = no
		copy_extensions = copy
		[any]
		commonName = supplied
	END
}

# NAME.crt for NAME.key, signed by an authority; more words are openssl ca's.
certificate() # AUTHORITY NAME SUBJECT [-addext EXTENSION] [WORD...]
{
	local extension=()

	if [ "${4-}" = -addext ]; then
		extension=(-addext "$5")
		set -- "${@:1:3}" "${@:6}"
	fi
	openssl req -new -key "$2.key" -subj "$3" "${extension[@]}" -out "$2.csr"
	openssl ca -config "$1.conf" -batch -notext -preserveDN -in "$2.csr" -out "$2.crt" "${@:4}" 2>"$2.log" ||
		{ cat "$2.log" && return 1; }
}

revoke() { openssl ca -config "$1.conf" -revoke "$2.crt" 2>/dev/null; } # AUTHORITY NAME

# More words are openssl ca's.
revocation_list() { openssl ca -config "$1.conf" -gencrl "${@:2}" 2>/dev/null; } # AUTHORITY [WORD...]
