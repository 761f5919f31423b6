#!/bin/bash
# SPDX-License-Identifier: MIT
# Generate uapi/linux/esptun.h and kmod/netlink_gen.[ch] from uapi/esptun.yaml with the kernel's own
# generator; ynl.sh --check only compares, and shows what is not current.
set -euo pipefail
. "$(dirname "$0")/common.sh"

source=$("$top/scripts/source.sh")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The generator writes the spec's path into what it makes, and looks for the tree's root above it.
cp -a "$source/." "$tmp"
spec=Documentation/netlink/specs/esptun.yaml
cp "$top/uapi/esptun.yaml" "$tmp/$spec"

generate() { # FILE OPTION...
	local out=$tmp/$1
	mkdir -p "$(dirname "$out")"
	(cd "$tmp" && /usr/bin/python3 tools/net/ynl/ynl-gen-c.py --spec "$spec" "${@:2}" -o "$out") ||
		die "the YNL generator failed on uapi/esptun.yaml"
	if [ "$mode" = --check ]; then
		diff -u --label "$1 as it is" --label "$1 as generated" "$top/$1" "$out" || current=no
	else
		cp "$out" "$top/$1"
	fi
}

mode=${1:-} current=yes
generate uapi/linux/esptun.h --mode uapi --header
generate kmod/netlink_gen.h --mode kernel --header
generate kmod/netlink_gen.c --mode kernel --source
[ $current = yes ] || die "not current: run scripts/ynl.sh"
