#!/bin/bash
# SPDX-License-Identifier: MIT
# Every input that is checked in for a fuzzer goes through it once more; TAP, one line a fuzzer.
# FUZZERS names the programs; NAME's inputs are in selftests/fuzz/corpus/NAME.
set -euo pipefail
. "$(dirname "$0")/common.sh"

read -ra programs <<<"${FUZZERS:?make check-unit sets it}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0 n=0
echo "1..${#programs[@]}"
for f in "${programs[@]}"; do
	name=$(basename "$f")
	name=${name#fuzz_}
	inputs=("$top/selftests/fuzz/corpus/$name"/*)
	if [ ! -e "${inputs[0]}" ]; then
		echo "not ok $((++n)) - $name: no input in selftests/fuzz/corpus/$name"
		failed=1
	elif "$f" "${inputs[@]}" >"$log" 2>&1; then
		echo "ok $((++n)) - $name: ${#inputs[@]} inputs"
	else
		sed 's/^/# /' "$log"
		echo "not ok $((++n)) - $name: see its inputs in selftests/fuzz/corpus/$name"
		failed=1
	fi
done
exit $failed
