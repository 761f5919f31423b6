# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Another ikehelper with esptun at site b. Sourced by ../lib.sh.
# shellcheck disable=SC2154  # lib.sh has set dir and the addresses

ask_b() { helper b -s "$dir/control-b" "$@"; }

start_peer() # PSK IKE ESP
{
	configure b "$@"
	esp_dev b
	ask_b run -c "$dir/b.conf" >"$dir/b.log" 2>&1 &
	wait_for ask_b status
}

they_initiate() { ask_b up site; }
they_have_esp() { ask_b status --json | jq -e '[.. | .up? // empty] | any'; }
they_are_up() { wait_for they_have_esp; }
they_end() { ask_b down site; }

they_renew() # esp|ike
{
	if [ "$1" = esp ]; then
		ask_b rekey site
	else
		ask_b rekey site --ike
	fi
}

count_their_sas() { helper b sa show --json | jq 'map(select(.reserved | not)) | length'; }
count_their_ike_sas() { ask_b status --json | jq '[.peers[] | select(has("cookie_i"))] | length'; }
