#!/bin/bash
# SPDX-License-Identifier: MIT
# NAT traversal with strongSwan.
# layers: guest strongswan

PEER=strongswan
# shellcheck source=lib_nat.sh
. "$(dirname "$0")/lib_nat.sh"

# All our processes die, and the router still has its flows.
we_die_inside()
{
	RUN=fdstore we_behind_nat
	up_in_udp r out0 we
	we_die all
}

run_tests "inside we" "inside they" outside "our_router_starts_anew 1" we_die_inside "insisting we" "insisting they"
