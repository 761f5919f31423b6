#!/bin/bash
# SPDX-License-Identifier: MIT
# Run the kselftests as a part of a kernel tree, under kselftest's own Makefile and runner:
# intree.sh KERNEL [TEST...], by default the shortest test. Prints TAP.
#
# The tree is the kselftest part of Debian's linux-source-6.12 with selftests/ as its
# tools/testing/selftests/net/esptun, and the uapi header where `make headers` would put it.
set -euo pipefail
. "$(dirname "$0")/common.sh"

kernel=${1:?which kernel? 6.1 or 6.12}
shift
[ $# != 0 ] || set -- link.sh
cd "$top"
version=$(scripts/kernel.sh version "$kernel")
tree=$build/intree
kselftest=$tree/tools/testing/selftests

rm -rf "$tree"
mkdir -p "$tree/usr/include/linux"
source=$(scripts/source.sh)
cp -r "$source/tools" "$source/scripts" "$tree"
mkdir -p "$kselftest/net/esptun"
find selftests -maxdepth 1 -type f -exec cp -t "$kselftest/net/esptun" {} +
cp uapi/linux/esptun.h "$tree/usr/include/linux"
make -s -C "$kselftest" TARGETS=net/esptun >&2

scripts/vm.sh -k "$kernel" -x "$(scripts/layer.sh guest)" -t 1500 -e IKEHELPER="$build/ikehelper" \
	-e ESPTUN_KO="$build/kmod-$version/esptun.ko" \
	make -s -C "$kselftest" TARGETS=net/esptun TEST_PROGS="$*" run_tests | tee "$tree/log"
# The runner's exit status says nothing of the tests.
for name; do
	grep -q "^ok .* selftests: net/esptun: $name\$" "$tree/log" || exit 1
done
