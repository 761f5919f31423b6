#!/bin/bash
# SPDX-License-Identifier: MIT
# Run tests in a VM of each kernel: check-vm.sh vm|interop|renewal KERNEL...
#
# A test is an executable .sh that prints TAP: vm is selftests/; interop is selftests/interop/, where
# a test may name the layers that its VM sees in a line "# layers: ..."; renewal is the renewals of
# interop alone, as many as RENEWALS says, and a table of what they lost.
# A test runs as root and gets ESPTUN_KO, IKEHELPER and ESPTUN_BUILD (the folder of the tests' own
# tools). A complaint of the kernel is a failure, too. Tests of what happens at once run a second time
# on two processors, on the first kernel; not all do, since emulated ones slow each other down.
set -euo pipefail
. "$(dirname "$0")/common.sh"

what=$1
shift
cd "$top"

run() { # KERNEL CPUS "LAYER..." TEST...
	local version layer layers=()
	for layer in $3; do layers+=(-x "$layer"); done
	version=$(scripts/kernel.sh version "$1")
	say "Linux $version, processors: $2, tests: ${*:4}"
	scripts/vm.sh -k "$1" -s "$2" "${layers[@]}" -t 3600 -e IKEHELPER="$build/ikehelper" \
		-e ESPTUN_KO="$build/kmod-$version/esptun.ko" -e ESPTUN_BUILD="$build/selftests" "${env[@]}" \
		prove -v --timer -e '' "${@:4}"
}

# Tests that see the same layers share a VM; the peers' packages hold each other's files. As many VMs
# at once as there are processors, strongSwan's, which takes longest, first.
run_by_layers() { # KERNEL TEST...
	local layers t log status=0 logs=() pids=()
	declare -A tests=()
	for t in "${@:2}"; do
		layers=$(sed -n 's/^# layers: //p' "$t")
		tests[${layers:-guest strongswan}]+=" $t"
	done
	while read -r layers; do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do sleep 1; done
		log=$build/$what-$1-${layers// /-}.log
		# shellcheck disable=SC2086  # names, one a word
		run "$1" 1 "$layers" ${tests[$layers]} >"$log" 2>&1 </dev/null &
		pids+=($!)
		logs+=("$log")
	done < <(printf '%s\n' "${!tests[@]}" | sort -r)
	for t in "${!pids[@]}"; do
		wait "${pids[t]}" || status=1
		cat "${logs[t]}"
	done
	return $status
}

races=(unload.sh rekey.sh)
first=$1
env=(-e RETRY=1)
shopt -s nullglob extglob

tests_of() { # KERNEL
	case $what in
	vm)
		run "$1" 1 guest selftests/!(lib*).sh
		[ "$1" != "$first" ] || run "$1" 2 guest "${races[@]/#/selftests/}"
		;;
	interop) run_by_layers "$1" selftests/interop/!(lib).sh ;;
	renewal)
		env=(-e ONLY='renewals*' -e RENEWALS="${RENEWALS:-60 20}")
		run_by_layers "$1" selftests/interop/{strongswan,libreswan,ikehelper}.sh
		;;
	*) die "vm, interop or renewal?" ;;
	esac
}

# Of the comments that renewals leave.
renewals_table() { # LOG
	printf '\n%-12s %-10s %-8s %8s %8s %6s %10s\n' peer "renewed by" what renewals replies lost duplicates
	sed -n 's/^# renewals: //p' "$1" | while read -r peer who kind n replies lost duplicates; do
		[ "$who" = we ] && who=ikehelper || who=$peer
		[ "$kind" = esp ] && kind="ESP" || kind="control"
		printf '%-12s %-10s %-8s %8s %8s %6s %10s\n' "$peer" "$who" "$kind" "$n" "$replies" "$lost" "$duplicates"
	done
}

parts=(vm)
[ "$what" = vm ] || parts+=(interop)
for kernel; do
	KERNEL=$kernel scripts/setup.sh build "${parts[@]}"
	make -s -j"$(nproc)" KERNEL="$kernel" modules helper >/dev/null
done
make -s -C selftests OUTPUT="$build/selftests"

# The kernels side by side, each on a processor of its own; shown one after the other.
pids=()
for kernel; do
	tests_of "$kernel" >"$build/$what-$kernel.log" 2>&1 &
	pids+=($!)
done
status=0
for kernel; do
	wait "${pids[0]}" || status=1
	pids=("${pids[@]:1}")
	cat "$build/$what-$kernel.log"
	[ "$what" != renewal ] || renewals_table "$build/$what-$kernel.log"
done
exit $status
