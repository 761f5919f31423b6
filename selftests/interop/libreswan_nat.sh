#!/bin/bash
# SPDX-License-Identifier: MIT
# NAT traversal with libreswan.
# layers: guest libreswan

PEER=libreswan
# shellcheck source=lib_nat.sh
. "$(dirname "$0")/lib_nat.sh"

# pluto begins each phase 1 at port 500 again, where no router lets it in to us; and it answers to where
# we were.
run_tests "inside we we" "by_lifetime inside they" "by_lifetime outside" "our_router_starts_anew 2" \
	"by_lifetime insisting we" "by_lifetime insisting they"
