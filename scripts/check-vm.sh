#!/bin/bash
# SPDX-License-Identifier: MIT
# Run tests in a VM of each kernel: check-vm.sh vm|interop|renewal KERNEL...
#
# A test is an executable .sh that prints TAP: vm is selftests/; interop is selftests/interop/, where
# a test may name the layers that its VM sees in a line "# layers: ..."; renewal is the renewals of
# interop alone, as many as RENEWALS says, and a table of what they lost.
# A test runs as root and gets ESPTUN_KO, IKEHELPER, ESPTUN_BUILD (the folder of the tests' own tools)
# and IP_LIB_DIR (where ip finds our plug-in). A complaint of the kernel is a failure, too. Tests of what
# happens at once run a second time on two processors, on the first kernel; not all do, since emulated
# ones slow each other down. 7.2 beside others is asked for a sample: the tests of what its interfaces
# have changed. As many VMs as this machine has processors run side by side.
set -euo pipefail
. "$(dirname "$0")/common.sh"

what=$1
shift
cd "$top"

# One VM's work, for later: KERNEL CPUS "LAYER..." "TEST..."
jobs=()
job() { jobs+=("$1|$2|$3|$4"); }

run() { # KERNEL CPUS "LAYER..." "TEST..."
	local version layer layers=() tests
	for layer in $3; do layers+=(-x "$layer"); done
	read -ra tests <<<"$4"
	version=$(scripts/kernel.sh version "$1")
	scripts/vm.sh -k "$1" -s "$2" $idle "${layers[@]}" -t 3600 -e IKEHELPER="$build/ikehelper" \
		-e ESPTUN_KO="$build/kmod-$version/esptun.ko" -e ESPTUN_BUILD="$build/selftests" \
		-e IP_LIB_DIR="$build" "${env[@]}" \
		prove -v --timer -e '' "${tests[@]}"
}

# A VM for each test: the peers' packages hold each other's files.
interop_jobs() { # KERNEL TEST...
	local layers t
	for t in "${@:2}"; do
		layers=$(sed -n 's/^# layers: //p' "$t")
		job "$1" 1 "${layers:-guest strongswan}" "$t"
	done
}

env=(-e RETRY=1)
# Daemons that wait for each other: those VMs skip it.
idle=
[ "$what" = vm ] || idle=-i
shopt -s nullglob extglob

for kernel; do
	case $what in
	vm)
		asked=$(echo selftests/!(lib*).sh)
		[ "$kernel" != 7.2 ] || [ $# = 1 ] || asked=$(echo selftests/{link,netlink,netns,udp,unload}.sh)
		job "$kernel" 1 "guest scapy" "$asked"
		;;
	interop) interop_jobs "$kernel" selftests/interop/!(lib|lib_*).sh ;;
	renewal)
		env=(-e ONLY='*renewals*' -e RENEWALS="${RENEWALS:-60 20}")
		interop_jobs "$kernel" selftests/interop/{strongswan,libreswan,ikehelper}.sh
		;;
	*) die "vm, interop or renewal?" ;;
	esac
done
[ "$what" != vm ] || job "$1" 2 guest "selftests/unload.sh selftests/rekey.sh"

# Of the comments that renewals leave.
renewals_table() { # LOG on stdin
	printf '\n%-12s %-10s %-8s %8s %8s %6s %10s\n' peer "renewed by" what renewals replies lost duplicates
	sed -n 's/^# renewals: //p' | while read -r peer who kind n replies lost duplicates; do
		[ "$who" = we ] && who="us" || who="the peer"
		[ "$kind" = esp ] && kind="ESP" || kind="control"
		printf '%-12s %-10s %-8s %8s %8s %6s %10s\n' "$peer" "$who" "$kind" "$n" "$replies" "$lost" "$duplicates"
	done
}

parts=(vm)
[ "$what" = vm ] || parts+=(interop)
for kernel; do
	KERNEL=$kernel scripts/setup.sh build "${parts[@]}"
	make -s -j"$(nproc)" KERNEL="$kernel" modules helper plugin >/dev/null
done
make -s -C selftests OUTPUT="$build/selftests"

# As many VMs side by side as there are processors; what they print is shown one after the other.
log=$build/$what
rm -f "$log"-*.log "$log"-*.failed
for i in "${!jobs[@]}"; do
	[ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
	IFS='|' read -r kernel cpus layers tests <<<"${jobs[i]}"
	say "VM $((i + 1)) of ${#jobs[@]}: Linux $kernel, processors: $cpus, tests: $tests"
	{ run "$kernel" "$cpus" "$layers" "$tests" >"$log-$i.log" 2>&1 || touch "$log-$i.failed"; } &
done
wait
for i in "${!jobs[@]}"; do
	say "VM $((i + 1)):"
	cat "$log-$i.log"
done
[ "$what" != renewal ] || cat "$log"-*.log | renewals_table
failed=("$log"-*.failed)
if [ ${#failed[@]} != 0 ]; then
	say "${#failed[@]} of ${#jobs[@]} VMs failed: ${failed[*]/%.failed/.log}"
	exit 1
fi
