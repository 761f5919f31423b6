# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the tests of daemons share, beyond lib.sh: two sites with one each. Sourced.
#
# shellcheck disable=SC2034 # what is set here is used by the tests

# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The peer of a|b as its configuration has it; lines of one's own go behind.
config() # a|b [LINE...]
{
	local remote=$OUT_B

	[ "$1" = a ] || remote=$OUT_A
	printf '%s\n' "[peer peer]" "interface = esp0" "remote = $remote" "psk-file = $dir/$1.psk" \
		"version = 1" "${@:2}" >"$dir/$1.conf.new"
	mv "$dir/$1.conf.new" "$dir/$1.conf"
}

# Two sites with devices, one pre-shared key, and configurations; no daemon yet.
two_helpers()
{
	sites
	esp_dev a
	esp_dev b
	(umask 077 && "$IKEHELPER" genpsk >"$dir/a.psk" && cp "$dir/a.psk" "$dir/b.psk")
	config a
	config b
}

ask() { "$1" "$IKEHELPER" -s "$dir/$1.sock" "${@:2}"; } # a|b COMMAND...

# Its first process is in PID, its log in a.log or b.log. What RUN names runs it.
run() # a|b
{
	local ns=$NS_A

	[ "$1" = a ] || ns=$NS_B
	ip netns exec "$ns" ${RUN:-} "$IKEHELPER" -s "$dir/$1.sock" run -c "$dir/$1.conf" 2>"$dir/$1.log" &
	PID=$!
	wait_for grep -q ready "$dir/$1.log" || cat "$dir/$1.log"
}

# The process that parses, the only child of the first one; the others are its children.
network_of() { child_of "$1" ikehelper-net; } # PID

child_of() # PID NAME
{
	local p

	for p in $(pgrep -P "$1"); do
		[ "$(cat /proc/"$p"/comm)" != "$2" ] || echo "$p"
	done
}

no_sas() { [ "$(helper "$1" sa show --json | jq length)" = 0 ]; }

# Pings of many a second from a to b, until calm; every single one has to be answered.
flood() # [ADDRESS...]
{
	local to

	FLOODS=()
	for to in "${@:-$IN_B}"; do
		while [ ! -e "$dir/calm" ]; do
			a ping -q -n -c 50 -i 0.02 -W 20 "$to"
		done >"$dir/flood-$to" 2>&1 &
		FLOODS+=($!)
	done
}

calm()
{
	touch "$dir/calm"
	wait "${FLOODS[@]}"
	grep -h transmitted "$dir"/flood-* | grep -v " 50 received, 0% packet loss" && return 1
	same "$(grep -l " 50 received" "$dir"/flood-* | wc -l)" ${#FLOODS[@]}
}
