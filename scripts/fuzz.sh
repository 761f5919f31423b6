#!/bin/bash
# SPDX-License-Identifier: MIT
# Run each fuzzer for FUZZ_SECONDS: fuzz.sh FUZZER... What it finds new stays in build/corpus/NAME.
#
# The seeds are selftests/fuzz/corpus/NAME and, where VECTORS names a folder, the datagrams in it.
set -euo pipefail
. "$(dirname "$0")/common.sh"

FUZZ_SECONDS=${FUZZ_SECONDS:-600}
for f; do
	name=$(basename "$f")
	name=${name#fuzz_}
	found=$build/corpus/$name
	mkdir -p "$found"
	seeds=("$found")
	for d in "$top/selftests/fuzz/corpus/$name" "${VECTORS:+$VECTORS/datagrams}"; do
		[ ! -d "$d" ] || seeds+=("$d")
	done
	dictionary=$top/selftests/fuzz/$name.dict
	options=(-max_total_time="$FUZZ_SECONDS" -artifact_prefix="$found-" -print_final_stats=1 -verbosity=0)
	[ ! -e "$dictionary" ] || options+=(-dict="$dictionary")
	say "$name: $FUZZ_SECONDS seconds"
	"$f" "${options[@]}" "${seeds[@]}"
	say "$name: no finding"
done
