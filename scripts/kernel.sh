#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian's kernels for building and for the VM: which version, where its headers and its image are.
#
#   kernel.sh default          this system's own series: 6.1 on Debian 12, 6.12 on Debian 13
#   kernel.sh series           the series that this project is for and apt offers here
#   kernel.sh newest SERIES    the newest version of a series that apt offers: 6.1.0-56-amd64
#   kernel.sh version SERIES   the newest version whose headers are here
#   kernel.sh headers SERIES   the folder of these headers
#   kernel.sh tools SERIES     of a series that this release's compiler cannot build: downloads the
#                              newest headers and what they need into the cache; else does nothing
#   kernel.sh image SERIES     a folder with vmlinux and lib/modules/VERSION of the same version,
#                              downloaded into the cache when it is not there; never installed
#
# 7.2 comes from Debian's next release, forky: its headers with its gcc, libc and all, unpacked as the
# /usr that kbuild.sh shows them. Apt's lists for it are in the cache too, and a day old at most: this
# system's own apt stays as it is.
set -euo pipefail
. "$(dirname "$0")/common.sh"

default() {
	case $(suite) in
	bookworm) echo 6.1 ;;
	trixie) echo 6.12 ;;
	*) die "this is neither Debian 12 nor Debian 13: say which kernel series, KERNEL=6.1, 6.12 or 7.2" ;;
	esac
}

# From here on apt's commands speak of forky, when the series is from there.
choose_release() { # SERIES
	local dir=$cache/forky
	case $1 in
	7.*) ;;
	*) return 0 ;;
	esac
	if [ ! -e "$dir/apt.conf" ]; then
		mkdir -p "$dir"/{lists,archives}/partial
		: >"$dir/status"
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror "^$(suite)\$") forky main" \
			>"$dir/sources.list"
		cat >"$dir/apt.conf" <<-END
			APT::Install-Recommends "false";
			APT::Sandbox::User "$(id -un)";
			APT::Update::Error-Mode "any";
			Dir::Etc::SourceList "$dir/sources.list";
			Dir::Etc::SourceParts "-";
			Dir::State::Lists "$dir/lists";
			Dir::State::Status "$dir/status";
			Dir::Cache "$dir/archives";
		END
	fi
	export APT_CONFIG=$dir/apt.conf
	if [ -z "$(find "$dir/updated" -mtime -1 2>/dev/null)" ]; then
		say "fetching apt's package lists of forky (10 MB) into $dir"
		if apt-get -q -q update; then touch "$dir/updated"; fi
	fi
}

# Debian's names: 6.1.0-56-amd64, 6.12.117+deb12-amd64; not the rt and cloud flavours.
versions() { # SERIES, package names on stdin
	sed -n "s/^linux-\(image\|headers\)-\(${1//./\\.}\.[0-9][0-9.+a-z~]*\(-[0-9]\+\)\?-amd64\)$/\2/p" | sort -V
}

newest() {
	local ver
	choose_release "$1"
	ver=$(comm -12 <(apt-cache pkgnames linux-image- | versions "$1" | sort) \
		<(apt-cache pkgnames linux-headers- | versions "$1" | sort) | sort -V | tail -1)
	[ -n "$ver" ] || die "no linux-image-$1*-amd64 in apt's lists on $(suite): run apt-get update, or choose a series" \
		"this release has (make KERNEL=$(default)), or add a suite that has $1 to /etc/apt/sources.list.d"
	echo "$ver"
}

series() {
	local s
	for s in 6.1 6.12 7.2; do
		if (newest "$s") >/dev/null 2>&1; then echo "$s"; fi
	done
}

# Where /usr/src with the headers of a series is: below a root that is not this system's, or "".
root_of() { # SERIES [VERSION]
	case $1 in
	7.*) echo "$cache/tools/${2:-*}" ;;
	esac
}

version() {
	local ver
	# shellcheck disable=SC2046,SC2086  # a pattern
	ver=$(printf '%s\n' $(root_of "$1")/usr/src/linux-headers-* | sed 's|.*/||' | versions "$1" | tail -1)
	[ -n "$ver" ] || die "no headers of a $1 kernel are here: run KERNEL=$1 scripts/setup.sh build"
	echo "$ver"
}

headers() {
	local ver
	ver=$(version "$1")
	echo "$(root_of "$1" "$ver")/usr/src/linux-headers-$ver"
}

tools() {
	local ver dir tmp wanted
	[ -n "$(root_of "$1")" ] || return 0
	ver=$(newest "$1")
	dir=$(root_of "$1" "$ver")
	[ ! -e "$dir" ] || return 0
	choose_release "$1"
	wanted=$(apt-get -s -q install "linux-headers-$ver" gcc make sparse kmod bash coreutils dash findutils grep mawk sed \
		xz-utils |
		sed -n 's/^Inst \([^ ]*\) (\([^ ]*\).*/\1=\2/p')
	say "downloading, to unpack in $dir (not installed), linux-headers-$ver and forky's compiler for it:" \
		"$(wc -l <<<"$wanted") packages, 100 MB (440 MB unpacked)"
	mkdir -p "${dir%/*}"
	tmp=$(mktemp -d "${dir%/*}/.new.XXXXXX")
	# shellcheck disable=SC2086  # names, one a line
	fetch_debs "$tmp" $wanted
	ln -s mawk "$tmp/usr/bin/awk" # as its installation would
	# Asked whether sparse is able; Debian's headers lack it, and its sparse is.
	printf '#!/bin/sh\necho 1\n' >"$tmp/usr/lib/linux-kbuild-${ver%-amd64}/scripts/checker-valid.sh"
	chmod 755 "$tmp" "$tmp/usr/lib/linux-kbuild-${ver%-amd64}/scripts/checker-valid.sh"
	mv -T "$tmp" "$dir" 2>/dev/null || rm -rf "$tmp" # another run was sooner
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
	local ver dir tmp packages
	ver=$(version "$1")
	dir=$cache/kernels/$ver
	if [ ! -e "$dir/vmlinux" ]; then
		choose_release "$1"
		packages=$(apt-cache depends "linux-image-$ver" | sed -n 's/.*Depends: \(linux-\(base\|binary\|modules\)-.*\)/\1/p')
		say "downloading, to unpack in $dir (not installed):"
		# shellcheck disable=SC2086  # names, one a line
		package_sizes ${packages:-linux-image-$ver} >&2
		mkdir -p "$cache/kernels"
		tmp=$(mktemp -d "$dir.XXXXXX")
		# shellcheck disable=SC2086
		fetch_debs "$tmp" ${packages:-linux-image-$ver}
		[ -d "$tmp/lib" ] || mv "$tmp/usr/lib" "$tmp/lib"
		rm -rf "${tmp:?}/usr"
		/sbin/depmod -b "$tmp" "$ver"
		unpack_vmlinux "$(find "$tmp" -name 'vmlinuz*' -type f)" "$tmp/vmlinux"
		chmod 755 "$tmp"
		mv -T "$tmp" "$dir" 2>/dev/null || rm -rf "$tmp" # another run was sooner
	fi
	echo "$dir"
}

case ${1:-} in
default | series) "$1" ;;
newest | version | headers | tools | image) "$1" "${2:?which series? 6.1, 6.12 or 7.2}" ;;
*) sed -n '3,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac
