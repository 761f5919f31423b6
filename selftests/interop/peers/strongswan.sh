# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# strongSwan's charon and the kernel's XFRM at site b. Sourced by ../lib.sh.
#
# charon runs in b's network namespace and in a mount namespace of its own with its own /run, by
# its own strongswan.conf and vici socket, so that nothing of the host's is touched.
# shellcheck disable=SC2154  # lib.sh has set dir and the addresses

CHARON=/usr/lib/ipsec/charon
[ -x $CHARON ] || skip_all "no strongSwan: scripts/layer.sh strongswan brings it"

strongswan_conf()
{
	cat >"$dir/strongswan.conf" <<-END
		charon {
		  load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey kernel-netlink socket-default vici
		  retransmit_timeout = 4
		  retransmit_tries = 2
		  plugins { vici { socket = unix://$dir/vici } }
		  filelog { log { path = $dir/charon.log
		    default = 1
		    ike = 2
		    cfg = 2
		    flush_line = yes } }
		}
		swanctl { load = random openssl pem pkcs1 pkcs8 }
	END
}

# The connection t of b with one child t. The window: two CPUs that send at once may be some
# packets apart in an emulator, more than charon's 32.
swanctl_connection() # IKE ESP LOCAL REMOTE: how each proves who it is
{
	cat >"$dir/swanctl.conf" <<-END
		connections { t {
		  version = 1
		  local_addrs = $OUT_B
		  remote_addrs = ${REMOTES:-$OUT_A}
		  proposals = $1
		  local { $3 }
		  remote { $4 }
		  children { t {
		    local_ts = $NET_B
		    remote_ts = $NET_A
		    replay_window = 1024
		    esp_proposals = $2 } } } }
	END
}

swanctl_conf() # PSK IKE ESP
{
	swanctl_connection "$2" "$3" "auth = psk" "auth = psk"
	cat >>"$dir/swanctl.conf" <<-END
		secrets { ike-t {
		  id-a = $OUT_A
		  id-b = $OUT_B
		  secret = "$1" } }
	END
}

swanctl_b() { b env STRONGSWAN_CONF="$dir/strongswan.conf" swanctl "$@" --uri "unix://$dir/vici"; }

start_peer() # PSK IKE ESP
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

they_initiate() { swanctl_b --initiate --child t --timeout 60; }
they_are_up() { charon_says "CHILD_SA t{.*} established"; }
they_end() { swanctl_b --terminate --ike t; }
they_end_child() { swanctl_b --terminate --child t; }

they_renew() # esp|ike
{
	if [ "$1" = esp ]; then
		swanctl_b --rekey --child t
	else
		swanctl_b --rekey --ike t
	fi
}

count_their_sas() { b ip xfrm state | awk '/^src/ { n++ } END { print n + 0 }'; }
count_their_ike_sas() { swanctl_b --list-sas | awk '/ESTABLISHED|CONNECTING|REKEY|DELETING/ { n++ } END { print n + 0 }'; }
