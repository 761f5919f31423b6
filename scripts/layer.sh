#!/bin/bash
# SPDX-License-Identifier: MIT
# Folders of unpacked Debian packages that a VM sees over the host's files (vm.sh -x), so that
# nothing only tests need is installed here.
#
#   layer.sh NAME    the folder of one of the layers below; what it lacks is downloaded
#
# A layer holds its packages and those of their dependencies that this host does not have.
set -euo pipefail
. "$(dirname "$0")/common.sh"

packages() {
	case $1 in
	guest) echo ethtool iproute2 iputils-ping jq kmod nftables openssl procps tcpdump ;;
	tshark) echo tshark ;;
	scapy) echo python3-scapy python3-cryptography ;;
	strongswan) echo strongswan-charon charon-systemd strongswan-swanctl libstrongswan-standard-plugins \
		libcharon-extra-plugins ;;
	libreswan) echo libreswan libnss3-tools ;;
	*) die "no layer $1: there are guest, scapy, tshark, strongswan, libreswan" ;;
	esac
}

# What an installation would bring: "package=version" a line.
missing() {
	apt-get -s -q install --no-install-recommends "$@" |
		sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\?(\([^ ]*\) .*/\1=\3/p' | sort
}

# Everything from /lib to /usr/lib, and so on: in an overlay a folder would hide the host's link.
merge_usr() {
	local d
	for d in bin sbin lib lib64; do
		if [ -d "$1/$d" ]; then
			mkdir -p "$1/usr/$d"
			cp -a "$1/$d/." "$1/usr/$d/"
			rm -rf "${1:?}/$d"
		fi
	done
}

# shellcheck disable=SC2046  # names, one a word
wanted=$(missing $(packages "${1:?which layer?}")) || die "apt does not know the packages of $1: run apt-get update"
dir=$cache/layers/$1-$(md5sum <<<"$wanted" | cut -c1-12)
if [ ! -e "$dir" ]; then
	mkdir -p "$cache/layers"
	tmp=$(mktemp -d "$dir.XXXXXX")
	if [ -n "$wanted" ]; then
		say "downloading, to unpack in $dir (not installed):"
		# shellcheck disable=SC2086
		package_sizes $wanted >&2
		# shellcheck disable=SC2086
		fetch_debs "$tmp" $wanted
		merge_usr "$tmp"
	fi
	chmod 755 "$tmp"
	mv -T "$tmp" "$dir" 2>/dev/null || rm -rf "$tmp" # another run was sooner
fi
echo "$dir"
