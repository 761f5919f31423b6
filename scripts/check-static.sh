#!/bin/bash
# SPDX-License-Identifier: MIT
# What can be said without running anything, one TAP line a check: style, warnings, sparse,
# generated files, licences.
# shellcheck disable=SC2317  # the checks are called through ok
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$top"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0 failed=0

# A check is a function that fails, or that prints what is wrong.
ok() { # NAME FUNCTION [ARG...]
	local verdict=ok
	if ! "${@:2}" >"$log" 2>&1 || [ -s "$log" ]; then
		head -200 "$log" | sed 's/^/# /'
		verdict='not ok' failed=1
	fi
	echo "$verdict $((++n)) - $1"
}

# Tracked files and new ones, so that a check speaks before the commit.
files() { git ls-files -co --exclude-standard -- "$@" | sort -u | while read -r f; do [ ! -e "$f" ] || echo "$f"; done; }

format() {
	files ikehelper/'*.[ch]' selftests/'*.[ch]' uapi/iproute2/'*.[ch]' | while read -r f; do
		clang-format "$f" | cmp -s - "$f" || echo "$f: not in the project's format: clang-format -i $f"
	done
}

shell() { { files '*.sh'; echo .ci/run; } | xargs shellcheck -x -P SCRIPTDIR; }

# Left out: what the generator wrote, the tracepoint (checkpatch does not know its macros), compat.h
# (comparing kernel versions is its purpose). Not asked: rules that no X-macro can keep.
checkpatch() {
	files kmod/'*.[ch]' | grep -vE '/(netlink_gen|trace|compat)\.' |
		xargs perl "$source/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary --show-types \
			--ignore COMPLEX_MACRO,MACRO_ARG_REUSE,MACRO_ARG_UNUSED -f
}

# The whole module once more with all of kbuild's own warnings and sparse; its verdicts are read from
# the same log.
build() { # KERNEL
	make -s -j"$(nproc)" BUILD="$build/static" KERNEL="$1" modules W=1 C=2 CF=-D__CHECK_ENDIAN__ >"$build/static/log-$1" 2>&1 ||
		cat "$build/static/log-$1"
}

warnings() { grep -E "kmod/[a-z_]+\.[ch]:[0-9]+.*(warning|error):" "$build/static/log-$1" || true; }

depends() { modinfo -F depends "$build/static/kmod-$(scripts/kernel.sh version "$1")/esptun.ko" | grep . || true; }

versions() { grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION' --include='*.[ch]' kmod | grep -v '^kmod/compat.h:' || true; }

licences() {
	files | grep -vE '^(COPYING|.*\.md|\.gitignore|selftests/fuzz/corpus/.*|selftests/unit/vectors/.*)$' |
		while read -r f; do head -5 "$f" | grep -q SPDX-License-Identifier || echo "$f: no SPDX line"; done
}

# Every reason to drop a packet is explained to people.
drops() {
	sed -n 's/^\tX([A-Z0-9_]*, "\([a-z0-9-]*\)".*/\1/p' kmod/drop.h | while read -r name; do
		grep -qE "^\.It (.*, )?$name(,|$)" docs/esptun.7 || echo "docs/esptun.7 does not explain $name"
	done
}

# Every code that a refusal has is in why.c, with its remedy, and is explained to people.
codes() {
	local known said used
	known=$(sed -n 's/^\t{ "\([a-z0-9-]*\)",.*/\1/p' ikehelper/why.c | sort)
	said=$(sed -n '/^\.Ss The codes of why/,/^\.El/s/^\.It Cm //p' docs/ikehelper.8 | sed 's/ , /\n/g' | sort)
	diff <(echo "$known") <(echo "$said") | sed -n 's/^[<>]/why.c or ikehelper.8 lacks/p'
	used=$(perl -0ne 'for (/\b(?:refuse\(|code,)[^;]*;/g) { print "$1\n" while /(?|[,:]\s*"([a-z0-9-]+)",|,\s*"([a-z0-9-]+)"\))/g }' ikehelper/core/*.c)
	comm -13 <(echo "$known") <(echo "$used" | sort -u) | sed 's/$/ is a code that why.c does not know/'
}

# Every pitfall has a test, and every test that docs/traps.md names is there.
traps() {
	local n file test
	for n in 1.{1..22} 3.{1..4} 4.{1..4}; do
		awk -v n="**$n " 'index($0, "**") == 1 { on = index($0, n) == 1 } on && /^\140/ { found = 1 } END { exit !found }' \
			docs/traps.md || echo "docs/traps.md names no test for pitfall $n"
	done
	awk '/^\140/ { gsub(/\140/, " "); print }' docs/traps.md | xargs -n1 | while IFS=: read -r file test; do
		if [ "${file%.c}" != "$file" ]; then
			grep -qsE "cmocka_unit_test(_teardown)?\\(${test}[,)]" "selftests/unit/$file" || echo "$file has no test $test"
		else
			grep -qsw "$test" "selftests/$file" || echo "$file has no test $test"
		fi
	done
}

helper() { make -s -j"$(nproc)" helper; }

# A mark names the test that runs the commands below it, or reads the configuration.
examples() {
	awk '(/^\.Bd -literal/ || /^```sh/) && last !~ /test: / { print FILENAME ":" FNR ": an example that no test runs" }
		{ last = $0 }' README.md docs/*.[578]
}

# What README's "make install" puts in its place.
install_all() {
	local root=$build/static/root f
	rm -rf "$root"
	make -s BUILD="$build/static" KERNEL="$1" DESTDIR="$root" install >"$build/static/install" 2>&1 ||
		cat "$build/static/install"
	for f in sbin/ikehelper share/man/man8/ikehelper.8 share/man/man5/ikehelper.conf.5 share/man/man7/esptun.7 \
		lib/systemd/system/ikehelper.service; do
		[ -e "$root/usr/local/$f" ] || echo "$f is not installed"
	done
	find "$root/usr/lib" -name link_esptun.so | grep -q . || echo "link_esptun.so is not installed"
	# in extra/ or updates/, compressed or not: each series of kbuild has its own habit
	find "$root/lib/modules/$(scripts/kernel.sh version "$1")" -name 'esptun.ko*' | grep -q . || echo "esptun.ko is not installed"
}

source=$(scripts/source.sh)
mkdir -p "$build/static"
kernels=${KERNEL:-$(scripts/kernel.sh series)}
ok "clang-format: the userspace code" format
ok "shellcheck: the scripts" shell
ok "checkpatch --strict: the module" checkpatch
ok "generated files are what uapi/esptun.yaml gives" scripts/ynl.sh --check
ok "kernel versions are compared in kmod/compat.h only" versions
ok "every file has an SPDX line" licences
ok "every example of README and the manual pages has a test" examples
ok "esptun(7) explains every reason to drop a packet" drops
ok "ikehelper(8) and why.c have every code of ikehelper why" codes
ok "every pitfall of docs/traps.md has its tests" traps
ok "the helper builds" helper
for k in $kernels; do
	ok "Linux $k: the module builds" build "$k"
	ok "Linux $k: no warning with W=1 and sparse" warnings "$k"
	ok "Linux $k: the module depends on no other" depends "$k"
	ok "Linux $k: make install puts everything in its place" install_all "$k"
done
echo "1..$n"
exit $failed
