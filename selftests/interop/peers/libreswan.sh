# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# libreswan's pluto and the kernel's XFRM at site b. Sourced by ../lib.sh.
#
# pluto keeps its socket, NSS database and log in the test's folder. Its scripts would touch routes:
# the one it needs is made here.
# shellcheck disable=SC2154  # lib.sh has set dir and the addresses

PLUTO=/usr/libexec/ipsec
[ -x $PLUTO/pluto ] || skip_all "no libreswan: scripts/layer.sh libreswan brings it"

# Its spelling of one of our suites.
pluto_suite() { sed -E 's/^aes([0-9]+)gcm16/aes_gcm\1/; s/-(modp[0-9]+)/;\1/; s/-ecp256/;dh19/; s/-ecp384/;dh20/' <<<"$1"; }

# How both prove who they are: files for pluto, and lines of the connection.
pluto_auth() # PSK
{
	(umask 077 && printf '%s %s : PSK "%s"\n' $OUT_A $OUT_B "$1" >"$dir/ipsec.secrets")
	echo "  authby=secret"
}

pluto_conf() # IKE ESP; with PLUTO_LIFE, words of KEY=VALUE
{
	local pfs=no

	case $2 in *modp* | *ecp* | default) pfs=yes ;; esac
	cat >"$dir/ipsec.conf" <<-END
		config setup
		  dnssec-enable=no
		  ikev1-policy=accept
		conn t
		  ikev2=no
		  left=$OUT_B
		  leftsubnet=$NET_B
		  leftupdown=%disabled
		  right=$OUT_A
		  rightsubnet=$NET_A
		  ike=$(pluto_suite "$1")
		  esp=$(pluto_suite "$2")
		  pfs=$pfs
		  replay-window=1024
		  retransmit-interval=4000
		  auto=ignore
	END
	sed -i '/^  \(ike\|esp\)=default$/d' "$dir/ipsec.conf"
	printf '  %s\n' ${PLUTO_LIFE:-} >>"$dir/ipsec.conf"
}

pluto_ctl() { b "$PLUTO/whack" --ctlsocket "$dir/pluto/pluto.ctl" "$@"; }

start_peer() # PSK IKE ESP
{
	mkdir -p "$dir/pluto" "$dir/nss"
	certutil -N -d "sql:$dir/nss" --empty-password
	pluto_conf "$2" "$3"
	pluto_auth "$1" >>"$dir/ipsec.conf"
	b $PLUTO/pluto --nofork --config "$dir/ipsec.conf" --secretsfile "$dir/ipsec.secrets" \
		--nssdir "$dir/nss" --ipsecdir "$dir" --rundir "$dir/pluto" --no-dnssec \
		--logfile "$dir/pluto.log" --log-no-audit >"$dir/pluto.out" 2>&1 &
	wait_for pluto_ctl --status
	pluto_ctl --listen
	b $PLUTO/addconn --config "$dir/ipsec.conf" --ctlsocket "$dir/pluto/pluto.ctl" t
	b ip route add $NET_A dev veth0 src $IN_B
}

pluto_says() { wait_for grep -q "$1" "$dir/pluto.log"; }

# whack itself waits for all of pluto's tries, and tells nothing apart by its status.
they_initiate()
{
	pluto_ctl --initiate --asynchronous --name t
	for _ in {1..20}; do
		! they_have_esp || return 0
		sleep 1
	done
	pluto_ctl --terminate --name t
	return 1
}

they_have_esp() { pluto_ctl --trafficstatus | grep -q '"t"'; }
they_are_up() { wait_for they_have_esp; }
they_end() { pluto_ctl --terminate --name t; }

# by_lifetime TEST...: pluto renews a control tunnel of IKEv1 when its lifetime says so, and not on
# demand: here every 20 s, which leaves the one that is replaced the time to go.
by_lifetime()
{
	PLUTO_LIFE="ikelifetime=35s rekeymargin=15s rekeyfuzz=0%"
	"$@"
}

# Of IKEv1 "up" again is a renewal; the control tunnel is renewed by_lifetime.
they_renew() # esp|ike
{
	[ "$1" = ike ] || pluto_ctl --initiate --asynchronous --name t
}

count_their_sas() { b ip xfrm state | awk '/^src/ { n++ } END { print n + 0 }'; }
count_their_ike_sas() { pluto_ctl --showstates | awk '/ STATE_MAIN_/ { n++ } END { print n + 0 }'; }
