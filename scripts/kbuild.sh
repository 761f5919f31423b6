#!/bin/bash
# SPDX-License-Identifier: MIT
# Run kbuild: kbuild.sh KDIR [ARG...], as "make -C KDIR ARG..." would.
#
# Headers that came with a /usr of their own (kernel.sh tools) are used with it: while kbuild runs, and
# for it alone, that is the /usr, and all else is where it was. Root or a user namespace is enough.
set -euo pipefail
. "$(dirname "$0")/common.sh"

kdir=${1:?where are the kernel headers?}
shift
root=${kdir%/usr/src/*}
[ -e "$root/usr/bin/make" ] || root=
[ -n "$root" ] || exec make -C "$kdir" "$@"

map=()
[ "$(id -u)" = 0 ] || map=(--map-root-user)
# shellcheck disable=SC2016  # expanded in there
exec unshare --mount "${map[@]}" bash -euc '
	root=$1
	for d in /usr/lib/modules "$2" "$3"; do
		[[ $d == /usr/* && -e $d ]] || continue
		mkdir -p "$root$d"
		mount --rbind "$d" "$root$d"
	done
	mount --rbind "$root/usr" /usr
	exec make -C "${@:4}"
' kbuild "$root" "$top" "$build" "${kdir#"$root"}" "$@"
