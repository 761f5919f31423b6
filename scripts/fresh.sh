#!/bin/bash
# SPDX-License-Identifier: MIT
# Prove that a stranger's clone works: fresh.sh bookworm|trixie [COMMAND...], default: make demo.
#
# Makes a minimal Debian with nothing but git, make and ca-certificates (debootstrap, kept in the
# cache), clones the last commit into a throw-away copy of it and runs the command there. Needs
# root; the mirror is the one this machine's apt uses.
set -euo pipefail
. "$(dirname "$0")/common.sh"

suite=${1:?which suite? bookworm or trixie}
shift
[ $# -gt 0 ] || set -- make demo
[ "$(id -u)" = 0 ] || die "needs root, for debootstrap and chroot"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

base=$cache/fresh/$suite
if [ ! -e "$base" ]; then
	main=$(mirror "^$(suite)\$")
	security=$(mirror "^$(suite)-security\$")
	say "fresh: a minimal $suite from $main (about 150 MB)"
	mkdir -p "$cache/fresh"
	rm -rf "$base.new"
	debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$base.new" "$main" >"$cache/fresh/log" ||
		{ tail -20 "$cache/fresh/log" >&2; die "debootstrap failed"; }
	printf 'deb %s %s main\n' "$main" "$suite" "$main" "$suite-updates" "$security" "$suite-security" \
		>"$base.new/etc/apt/sources.list"
	rm -f "$base.new"/var/lib/apt/lists/*Packages
	mv "$base.new" "$base"
fi

run=$(mktemp -d -p "$cache/fresh")
trap 'rm -rf --one-file-system "$run"' EXIT
mkdir "$run"/{upper,work,root}
say "fresh: $* in a clone of $(git -C "$top" log -1 --format='%h "%s"') on a minimal $suite"
start=$SECONDS status=0
# shellcheck disable=SC2016  # expanded in there
unshare --mount --propagation private bash -euc '
	mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
	mkdir -p "$2/root/src"
	mount --bind "$3" "$2/root/src"
	mount -t proc proc "$2/root/proc"
	mount --rbind /dev "$2/root/dev"
	exec chroot "$2/root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin ${http_proxy+http_proxy="$http_proxy"} \
		bash -euc "git clone -q file:///src /root/esptun; cd /root/esptun; exec \"\$@\"" fresh "${@:4}"
' fresh "$base" "$run" "$top" "$@" </dev/null || status=$?
say "fresh: $* on $suite: exit status $status after $((SECONDS - start)) s"
exit $status
