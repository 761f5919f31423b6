#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian's kernels for building and for the VM: which version, where its headers and its image are.
#
#   kernel.sh default          this system's own series: 6.1 on Debian 12, 6.12 on Debian 13
#   kernel.sh series           the series that this project is for and apt offers here
#   kernel.sh newest SERIES    the newest version of a series that apt offers: 6.1.0-56-amd64
#   kernel.sh version SERIES   the newest version whose headers are installed
#   kernel.sh headers SERIES   the folder of these headers
#   kernel.sh image SERIES     a folder with vmlinux and lib/modules/VERSION of the same version,
#                              downloaded into the cache when it is not there; never installed
set -euo pipefail
. "$(dirname "$0")/common.sh"

default() {
	case $(suite) in
	bookworm) echo 6.1 ;;
	trixie) echo 6.12 ;;
	*) die "this is neither Debian 12 nor Debian 13: say which kernel series, KERNEL=6.1 or KERNEL=6.12" ;;
	esac
}

# Debian's names: 6.1.0-56-amd64, 6.12.117+deb12-amd64; not the rt and cloud flavours.
versions() { # SERIES, package names on stdin
	sed -n "s/^linux-\(image\|headers\)-\(${1//./\\.}\.[0-9][0-9.+a-z~]*\(-[0-9]\+\)\?-amd64\)$/\2/p" | sort -V
}

newest() {
	local ver
	ver=$(comm -12 <(apt-cache pkgnames linux-image- | versions "$1" | sort) \
		<(apt-cache pkgnames linux-headers- | versions "$1" | sort) | sort -V | tail -1)
	[ -n "$ver" ] || die "no linux-image-$1*-amd64 in apt's lists on $(suite): run apt-get update, or choose a series" \
		"this release has (make KERNEL=$(default)), or add a suite that has $1 to /etc/apt/sources.list.d"
	echo "$ver"
}

series() {
	local s
	for s in 6.1 6.12; do
		if (newest "$s") >/dev/null 2>&1; then echo "$s"; fi
	done
}

version() {
	local ver
	ver=$(cd /usr/src && printf '%s\n' linux-headers-* | versions "$1" | tail -1)
	[ -n "$ver" ] || die "no headers of a $1 kernel in /usr/src: run KERNEL=$1 scripts/setup.sh"
	echo "$ver"
}

# bzImage → vmlinux: boots by PVH, three times sooner under TCG than a kernel that unpacks itself.
# Offsets from Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length.
unpack_vmlinux() { # VMLINUZ VMLINUX
	local sects at len payload
	sects=$(od -An -tu1 -j$((0x1f1)) -N1 "$1")
	at=$(od -An -tu4 -j$((0x248)) -N4 "$1")
	len=$(od -An -tu4 -j$((0x24c)) -N4 "$1")
	payload=$2.payload
	tail -c +$(((sects + 1) * 512 + at + 1)) "$1" | head -c $((len - 4)) >"$payload" || true
	case $(od -An -tx1 -N4 "$payload" | tr -d ' ') in
	fd377a58) xz -dc "$payload" >"$2" ;;
	28b52ffd) zstd -qdc "$payload" >"$2" ;;
	*) die "$1: unknown compression" ;;
	esac
	rm "$payload"
}

image() {
	local ver dir tmp
	ver=$(version "$1")
	dir=$cache/kernels/$ver
	if [ ! -e "$dir/vmlinux" ]; then
		say "downloading, to unpack in $dir (not installed):"
		package_sizes "linux-image-$ver" >&2
		mkdir -p "$cache/kernels"
		tmp=$(mktemp -d "$dir.XXXXXX")
		fetch_debs "$tmp" "linux-image-$ver"
		[ -d "$tmp/lib" ] || mv "$tmp/usr/lib" "$tmp/lib"
		rm -rf "${tmp:?}/usr"
		/sbin/depmod -b "$tmp" "$ver"
		unpack_vmlinux "$tmp/boot/vmlinuz-$ver" "$tmp/vmlinux"
		chmod 755 "$tmp"
		mv -T "$tmp" "$dir" 2>/dev/null || rm -rf "$tmp" # another run was sooner
	fi
	echo "$dir"
}

case ${1:-} in
default | series) "$1" ;;
newest | version | image) "$1" "${2:?which series? 6.1 or 6.12}" ;;
headers) echo "/usr/src/linux-headers-$(version "${2:?which series? 6.1 or 6.12}")" ;;
*) sed -n '3,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac
