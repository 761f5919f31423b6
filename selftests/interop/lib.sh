# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# strongSwan's charon at site b, and ikehelper at site a: how they are started and asked. Sourced.
#
# charon runs in b's network namespace and in a mount namespace of its own with its own /run, by
# its own strongswan.conf and vici socket, so that nothing of the host's is touched.

# shellcheck source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

CHARON=/usr/lib/ipsec/charon
[ -x $CHARON ] || skip_all "no strongSwan: scripts/layer.sh strongswan brings it"

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

strongswan_conf()
{
	cat >"$dir/strongswan.conf" <<-END
		charon {
		  load = random nonce openssl kernel-netlink socket-default vici
		  retransmit_timeout = 4
		  retransmit_tries = 2
		  plugins { vici { socket = unix://$dir/vici } }
		  filelog { log { path = $dir/charon.log
		    default = 1
		    ike = 2
		    cfg = 2
		    flush_line = yes } }
		}
		swanctl { load = random }
	END
}

# The connection t of b with one child t. The window: two CPUs that send at once may be some
# packets apart in an emulator, more than charon's 32.
swanctl_conf() # PSK IKE ESP
{
	cat >"$dir/swanctl.conf" <<-END
		connections { t {
		  version = 1
		  local_addrs = $OUT_B
		  remote_addrs = $OUT_A
		  proposals = $2
		  local { auth = psk }
		  remote { auth = psk }
		  children { t {
		    local_ts = $NET_B
		    remote_ts = $NET_A
		    replay_window = 1024
		    esp_proposals = $3 } } } }
		secrets { ike-t {
		  id-a = $OUT_A
		  id-b = $OUT_B
		  secret = "$1" } }
	END
}

swanctl_b() { b env STRONGSWAN_CONF="$dir/strongswan.conf" swanctl "$@" --uri "unix://$dir/vici"; }

start_charon() # PSK IKE ESP
{
	strongswan_conf
	swanctl_conf "$@"
	STRONGSWAN_CONF=$dir/strongswan.conf b unshare -m \
		sh -c "mount -t tmpfs run /run && exec $CHARON" >"$dir/charon.out" 2>&1 &
	wait_for test -S "$dir/vici"
	swanctl_b --load-all --file "$dir/swanctl.conf" >"$dir/swanctl.log" 2>&1 || cat "$dir/swanctl.log"
	charon_says "loaded ike\|added vici connection: t"
}

charon_says() { wait_for grep -q "$1" "$dir/charon.log"; }

# ikehelper at a, with one peer "site" on esp0.
start_ikehelper() # PSK IKE ESP [LINE OF ITS SECTION...]
{
	(umask 077 && printf '%s\n' "$1" >"$dir/site.psk")
	cat >"$dir/ikehelper.conf" <<-END
		[peer site]
		interface = esp0
		remote = $OUT_B
		local = $OUT_A
		psk-file = $dir/site.psk
		version = 1
		ike = $2
		esp = $3
		local-subnets = $NET_A
		remote-subnets = $NET_B
	END
	printf '%s\n' "${@:4}" >>"$dir/ikehelper.conf"
	esp_dev a
	ask run -c "$dir/ikehelper.conf" >"$dir/ikehelper.log" 2>&1 &
	wait_for ask status
}

ask() { helper a -s "$dir/control" "$@"; }

has_esp() { ask status --json | jq -e '[.. | .up? // empty] | any'; }
