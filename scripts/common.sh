# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts share: where things are, how they speak and fail, how they call apt. Sourced.
# shellcheck disable=SC2034  # the variables are for who sources this

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$top" && realpath -m "${BUILD:-build}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/esptun

export LC_ALL=C

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "not root, and there is no sudo: run this once as root: $*"
	fi
}

# The running system, from os-release: "bookworm", "trixie".
suite() { (. /etc/os-release && echo "${VERSION_CODENAME:-unknown}"); }

# The mirror of this machine's apt for the releases that match a pattern.
mirror() { # PATTERN
	# shellcheck disable=SC2016  # apt's own variables
	apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | awk -v want="$1" '$2 ~ want { print $1; exit }'
}

# A package's name and download size, for the sentence that says what comes.
package_sizes() {
	local p bytes
	for p; do
		bytes=$(apt-cache show --no-all-versions "$p" 2>/dev/null | sed -n 's/^Size: //p' | head -1)
		printf '  %s (%s)\n' "$p" "$(numfmt --to=iec --suffix=B "${bytes:-0}")"
	done
}

# fetch_debs DIR PACKAGE...: download packages and unpack them below DIR; nothing is installed.
fetch_debs() {
	local dir=$1 tmp deb
	shift
	tmp=$(mktemp -d)
	(cd "$tmp" && apt-get -q -q -o APT::Sandbox::User="$(id -un)" download "$@" >&2) ||
		{ rm -rf "$tmp"; die "cannot download $*: is the network up, and are apt's lists fresh (apt-get update)?"; }
	mkdir -p "$dir"
	for deb in "$tmp"/*.deb; do dpkg -x "$deb" "$dir"; done
	rm -rf "$tmp"
}
