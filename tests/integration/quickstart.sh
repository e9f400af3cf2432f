#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/quickstart.sh from nothing to a running container, once more when all is there, and away again.
# machine: none
# timeout: 1800
. "$(dirname "$0")/lib.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
export QUICKSTART_NAME=quickstart$$
trap '"$top/tests/machine/machine" down "$QUICKSTART_NAME"; rm -rf "$work"' EXIT

quickstart() {
        bash "$top/scripts/quickstart.sh" "$@" >"$work/output" 2>&1 </dev/null
}

shows() {
        grep -qE -- "$1" "$work/output" || fail "the output does not show \"$1\": $(cat "$work/output")"
}

# Running, with an IPv4 address of a private network.
row='\| first +\| RUNNING +\| 10\.[0-9.]+ \(eth0\)'

test_start() {
        quickstart || fail "exit status $?: $(cat "$work/output")"
        shows "$row"
        shows 'Debian GNU/Linux 12 \(bookworm\), PID 1 is systemd'
        shows 'quickstart.sh stop'
        [ "${QUICKSTART_FLAVOUR-ours}" = ours ] || return 0
        shows 'lxd-container@.*\.service'
        shows '/org/lxd/instance1/instance/default/first'
        for daemon in api cluster image storage network instance devlxd; do
                shows "/org/lxd/${daemon}1\$"
        done
}

test_again() {
        quickstart || fail "exit status $?: $(cat "$work/output")"
        shows "$row"
        ! grep -q 'lxc launch debian first' "$work/output" || fail "it launched again: $(cat "$work/output")"
}

test_status() {
        quickstart status || fail "exit status $?: $(cat "$work/output")"
        shows "$row"
}

test_enter() {
        assert_eq "$(echo 'lxc exec first -- hostname' | bash "$top/scripts/quickstart.sh" enter 2>"$work/output")" first
}

test_stop() {
        quickstart stop || fail "exit status $?: $(cat "$work/output")"
        assert_fails 1 "Nothing is up" bash "$top/scripts/quickstart.sh" status
        assert_eq "$("$top/tests/machine/machine" list | grep -c "^$QUICKSTART_NAME" || true)" 0
}

test_wrong_word() {
        assert_fails 2 usage bash "$top/scripts/quickstart.sh" nonsense
}

run_tests "$@"
