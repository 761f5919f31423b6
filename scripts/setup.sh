#!/bin/bash
# SPDX-License-Identifier: MIT
# Bring this Debian what the project needs and it lacks: first says what, then does only that.
#
#   setup.sh [build|vm|unit|static|fuzz|interop|tshark]...    default: all of them
#
# KERNEL="6.1 6.12 7.2" in the environment chooses kernel series (default: those this release has for
# "static", this system's own for the rest). Packages are installed with apt; kernel images, the
# test peers, and what builds 7.2 are only unpacked below ~/.cache/esptun. Nothing touches the running kernel.
set -euo pipefail
. "$(dirname "$0")/common.sh"

parts=("$@")
[ $# -gt 0 ] || parts=(build vm unit static fuzz interop tshark)
[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "this needs Debian on amd64"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}" \
		</dev/null >"$log" 2>&1
}

update_lists() {
	say "setup: fetching apt's package lists (apt-get update)"
	as_root apt-get -q -q update
}
[ -n "$(apt-cache pkgnames linux-headers-amd64)" ] || update_lists

own=${KERNEL:-$("$top/scripts/kernel.sh" default)}
packages=() tools=() images='' layers=() source=''
for part in "${parts[@]}"; do
	case $part in
	build)
		packages+=(gcc libc6-dev make pkgconf kmod libnl-genl-3-dev libssl-dev libevent-dev
			libcjson-dev libseccomp-dev libcap-ng-dev)
		series=$own
		;;
	vm)
		packages+=(qemu-system-x86 busybox-static cpio xz-utils zstd kmod perl)
		images=$own
		layers+=(guest scapy)
		series=$own
		;;
	unit) packages+=(perl libcmocka-dev) series='' ;;
	static)
		packages+=(clang-format shellcheck sparse perl python3-yaml python3-jsonschema xz-utils)
		source=yes
		series=${KERNEL:-$("$top/scripts/kernel.sh" series)}
		;;
	fuzz)
		llvm=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
		packages+=(clang "libclang-rt-$llvm-dev") series=''
		;;
	interop) layers+=(strongswan libreswan) series='' ;;
	tshark) layers+=(tshark) series='' ;;
	*) die "unknown part $part: there are build, vm, unit, static, fuzz, interop, tshark" ;;
	esac
	for s in $series; do
		case $s in
		7.*) tools+=("$s") ;;
		*) packages+=("linux-headers-$("$top/scripts/kernel.sh" newest "$s")") ;;
		esac
	done
done

missing=()
for p in $(printf '%s\n' "${packages[@]}" | sort -u); do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
	say "setup: installing with apt-get, without recommended packages: ${missing[*]}"
	apt-get -q --no-install-recommends --assume-no -o Debug::NoLocking=1 install "${missing[@]}" 2>/dev/null |
		sed -n 's/^\(Need to get\|After this\)/  \1/p' >&2 || true
	install || { update_lists; install; } || { cat "$log" >&2; die "apt-get could not install them, see above"; }
fi
for s in ${tools[@]+"${tools[@]}"}; do "$top/scripts/kernel.sh" tools "$s"; done
for s in $images; do "$top/scripts/kernel.sh" image "$s" >/dev/null; done
for l in ${layers[@]+"${layers[@]}"}; do "$top/scripts/layer.sh" "$l" >/dev/null; done
[ -z "$source" ] || "$top/scripts/source.sh" >/dev/null
