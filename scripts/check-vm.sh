#!/bin/bash
# SPDX-License-Identifier: MIT
# Run tests in a VM of each kernel: check-vm.sh vm|interop KERNEL...
#
# A test is an executable .sh that prints TAP: vm is selftests/, interop is selftests/interop/, which
# sees strongSwan.
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
		-e ESPTUN_KO="$build/kmod-$version/esptun.ko" -e ESPTUN_BUILD="$build/selftests" -e RETRY=1 \
		prove -v -e '' "${@:4}"
}

races=(unload.sh rekey.sh)
first=$1
shopt -s nullglob extglob

tests_of() { # KERNEL
	local tests
	case $what in
	vm)
		tests=(selftests/!(lib).sh)
		run "$1" 1 guest "${tests[@]}"
		[ "$1" != "$first" ] || run "$1" 2 guest "${races[@]/#/selftests/}"
		;;
	interop)
		tests=(selftests/interop/!(lib).sh)
		run "$1" 1 "guest strongswan" "${tests[@]}"
		;;
	*) die "vm or interop?" ;;
	esac
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
done
exit $status
