#!/bin/bash
# SPDX-License-Identifier: MIT
# Renewals with another ikehelper as the peer; all else that two of them do is in ../daemon.sh.
# layers: guest

PEER=ikehelper
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

run_tests "renewals they esp $n_esp they ike $n_ike we ike $n_ike we esp $n_esp"
