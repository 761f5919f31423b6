#!/bin/bash
# SPDX-License-Identifier: MIT
# Print the folder of the parts of Debian's linux-source-6.12 that the checks use, after
# downloading them into the cache if need be: checkpatch, the YNL generator, kselftest's harness.
set -euo pipefail
. "$(dirname "$0")/common.sh"

package=linux-source-6.12
parts=(MAINTAINERS scripts/checkpatch.pl scripts/spelling.txt scripts/const_structs.checkpatch
	scripts/subarch.include Documentation/netlink tools/net/ynl tools/testing/selftests/Makefile
	tools/testing/selftests/lib.mk tools/testing/selftests/kselftest
	tools/testing/selftests/kselftest.h tools/testing/selftests/kselftest_harness.h
	tools/testing/selftests/kselftest_install.sh tools/testing/selftests/run_kselftest.sh)

version=$(apt-cache show --no-all-versions $package 2>/dev/null | sed -n 's/^Version: //p' | head -1)
[ -n "$version" ] || die "no $package in apt's lists on $(suite): run apt-get update, or add a suite that has it" \
	"(Debian 12 and 13 have it in main or security)"
dir=$cache/$package-$version-$(md5sum <<<"${parts[*]}" | cut -c1-8)
if [ ! -e "$dir" ]; then
	say "downloading, to unpack a part in $dir (not installed):"
	package_sizes $package >&2
	mkdir -p "$cache"
	tmp=$(mktemp -d "$dir.XXXXXX")
	fetch_debs "$tmp/deb" "$package=$version"
	tar -xJf "$tmp/deb/usr/src/$package.tar.xz" -C "$tmp" --strip-components=1 "${parts[@]/#/$package/}"
	rm -rf "$tmp/deb"
	chmod 755 "$tmp"
	mv -T "$tmp" "$dir" 2>/dev/null || rm -rf "$tmp" # another run was sooner
fi
echo "$dir"
