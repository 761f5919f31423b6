#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever of the daemon dies, ESP goes on, and what is started next replaces the tunnels that it
# finds, without a packet lost. (design.md section 5, "Processes")
#
#   a: ikehelper, esp0 10.1.0.1 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1, ikehelper :b

# shellcheck source=lib-daemon.sh
. "$(dirname "$0")/lib-daemon.sh"

# The tunnels are up, and pings run.
up_and_flooded()
{
	run b
	run a
	ask a up peer
	wait_for ping_once a $IN_B
	flood
}

sas() { helper "$1" sa show --json; }
sa_count() { sas "$1" | jq length; }
spis() { sas "$1" | jq -r '.[].spi' | sort; }

# The SPI that is sent on; empty without one.
sends_on() { sas "$1" | jq -r '.[] | select(.active).spi'; }

# The one that was sent on is not any more.
sends_anew() # a|b OLD
{
	local now

	now=$(sends_on "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

# One pair is left, and both sides have the same.
one_pair() { [ "$(sa_count a)" = 2 ] && [ "$(spis a)" = "$(spis b)" ]; }

ready_again() { [ "$(grep -c ready "$dir/a.log")" = "$1" ]; } # TIMES

nobody_runs() { ! ip netns exec "$NS_A" pgrep -f "$dir/a.conf"; }

# All its processes at once; no systemd, so the one that is started next opens its sockets itself.
all_killed()
{
	local old

	two_helpers
	up_and_flooded
	helper a peer add esp0 1 remote 198.51.100.9 selectors 10.9.0.0/16=10.9.0.0/16
	old=$(spis a)
	kill -9 "$PID"
	wait "$PID" || true
	wait_for nobody_runs
	same "$(spis a)" "$old"
	old=$(sends_on a)
	run a
	ask a status --json | jq -e '.peers[0].children[0].up'
	wait_for sends_anew a "$old"
	wait_for one_pair
	calm
	ask a down peer
	# of nobody's but who made it by hand
	helper a peer show esp0 1
}

# One process after the other, each while nothing is left of the one before.
each_killed() # [LINE...]
{
	local old network worker verifier

	two_helpers
	config a "$@"
	config b "$@"
	up_and_flooded
	old=$(sends_on a)
	network=$(network_of "$PID")
	worker=$(child_of "$network" ikehelper-dh)
	verifier=$(child_of "$network" ikehelper-cert)
	kill -9 "$(child_of "$worker" ikehelper-dh)" "$(child_of "$verifier" ikehelper-cert)"
	wait_for prints 2 grep -c "another has started" "$dir/a.log"
	same "$(network_of "$PID")" "$network"
	same "$(sends_on a)" "$old"

	# And those between, which start them.
	kill -9 "$worker"
	wait_for grep -q "the worker process died" "$dir/a.log"
	wait_for sends_anew a "$old"
	old=$(sends_on a)
	network=$(network_of "$PID")

	kill -9 "$(child_of "$network" ikehelper-keys)"
	wait_for grep -q "the key process died" "$dir/a.log"
	wait_for sends_anew a "$old"

	old=$(sends_on a)
	kill -9 "$(network_of "$PID")"
	wait_for sends_anew a "$old"
	calm
	same "$(grep -c ready "$dir/a.log")" 4
	kill "$PID"
	wait "$PID"
	wait_for no_sas b
}

inode() { a awk -v port=:1194 '$2 ~ port { print $10 }' /proc/net/udp; } # of UDP 4500

# All at once, and systemd's store of descriptors has the sockets meanwhile: the same go on.
kept_by_systemd() # [LINE...]
{
	local old socket

	two_helpers
	config a "$@"
	config b "$@"
	RUN=fdstore up_and_flooded >"$dir/systemd"
	wait_for grep -q ^ready "$dir/systemd"
	old=$(sends_on a)
	socket=$(inode)
	[ -n "$socket" ]
	kill -9 "$(sed -n 's/^started //p' "$dir/systemd" | tail -n 1)"
	wait_for sends_anew a "$old"
	same "$(inode)" "$socket"
	wait_for one_pair
	calm
}

# SIGHUP: another process, another configuration, the same tunnels. SIGUSR1: the daemon ends, the
# tunnels stay.
told_to()
{
	local old

	two_helpers
	config a "local-subnets = $NET_A" "remote-subnets = $NET_B"
	config b "local-subnets = $NET_B" "remote-subnets = $NET_A"
	up_and_flooded
	config a "local-subnets = $NET_A" "remote-subnets = $NET_B, 10.6.0.0/16"
	old=$(sends_on a)
	kill -HUP "$PID"
	wait_for grep -q "was replaced" "$dir/a.log"
	wait_for sends_anew a "$old"
	same "$(helper a peer show --json | jq length)" 2

	echo nonsense >>"$dir/a.conf"
	kill -HUP "$PID"
	wait_for grep -q nonsense "$dir/a.log"
	sed -i '$d' "$dir/a.conf"
	wait_for ready_again 3

	old=$(sends_on a)
	kill -USR1 "$PID"
	wait "$PID"
	wait_for nobody_runs
	same "$(sends_on a)" "$old"
	calm
}

# SIGTERM empties the module, also when no network process can be started to do it.
ended_without_one()
{
	two_helpers
	run b
	run a
	ask a up peer
	echo nonsense >>"$dir/a.conf"
	kill -9 "$(network_of "$PID")"
	wait_for grep -q nonsense "$dir/a.log"
	[ -n "$(sends_on a)" ]
	kill "$PID"
	wait "$PID" || true
	no_sas a
}

# What the configuration does not have any more goes at once.
other_configuration()
{
	two_helpers
	run b
	run a
	ask a up peer
	kill -9 "$PID"
	wait "$PID" || true
	config a "remote-subnets = 10.8.0.0/16"
	run a
	no_sas a
	same "$(helper a peer show esp0 65536 --json | jq -r '.[0].selectors[0].remote')" 10.8.0.0/16
}

run_tests all_killed each_killed "each_killed encap=yes" kept_by_systemd "kept_by_systemd encap=yes" told_to ended_without_one \
	other_configuration
