#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exec over its websockets, byte by byte: streams, half-close, terminal, signals, statuses, clients that come late, leave, or never come.
# machine: nspawn
# needs: image-busybox
# timeout: 300
. "$(dirname "$0")/lib.sh"

test_setup() {
        setup_server
        assert lxc launch bb streams
}

test_streams() {
        python3 "$(dirname "$0")/exec-streams.py" streams || fail "see above"
}

# What the clients say of a command that cannot run, and the status they end with.
test_clients() {
        local client
        for client in lxc lxc.stock; do
                command -v $client >/dev/null || continue
                assert_fails 127 "Command not found" $client exec streams -- /nope
                assert_fails 126 "Command not executable" $client exec streams -- /etc
                assert_fails 127 "Command not found" $client exec streams -- sh -c "exit 127"
                assert_fails 137 "" $client exec streams -- sh -c "kill -9 \$\$"
        done
}

test_nothing_left() {
        assert_eq "$(lxc exec streams -- sh -c 'ps | grep -c "[s]leep 0.1\|[c]at$"')" 0
        assert lxc delete -f streams
}

run_tests "$@"
