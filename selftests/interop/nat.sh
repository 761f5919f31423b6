#!/bin/bash
# SPDX-License-Identifier: MIT
# NAT traversal with strongSwan.
# layers: guest strongswan

PEER=strongswan
# shellcheck source=lib_nat.sh
. "$(dirname "$0")/lib_nat.sh"

run_tests "inside we" "inside they" outside "our_router_starts_anew 1" "insisting we" "insisting they"
