#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo: builds all, boots a VM, lets two sites agree on keys there and ping each other, and
# draws the packets. KERNEL=6.1|6.12 chooses the VM's kernel; STORY=1 goes on until both kinds of
# tunnel have been renewed.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$top"

series=${KERNEL:-$(scripts/kernel.sh default)}
version=$(scripts/kernel.sh version "$series")
out=$build/demo
say "demo: building the module for Linux $version, and ikehelper"
mkdir -p "$build" "$out"
make -s -j"$(nproc)" KERNEL="$series" modules helper >"$build/demo.log" 2>&1 || { cat "$build/demo.log" >&2; die "the build failed"; }
say "demo: booting Linux $version in QEMU: two sites, tokyo and osaka"
[ -z "${STORY:-}" ] || say "demo: their tunnels have short lives, and the story of a renewal takes about a minute"
rm -f "$out"/*
scripts/vm.sh -k "$series" -x guest -t 300 -o "$out" -e STORY -e IKEHELPER="$build/ikehelper" \
	-e ESPTUN_KO="$build/kmod-$version/esptun.ko" scripts/demo-sites.sh "$out"
cat >&2 <<END

demo: what was on the wire is in ${out#"$top"/}/demo.pcap, the keys to read packets 5 to 9 are in
demo: ${out#"$top"/}/demo.keys (Wireshark: Preferences, Protocols, ISAKMP, IKEv1 Decryption Table).
END
