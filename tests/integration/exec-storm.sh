#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 1,000 lxc exec, 16 at a time, ours and the stock client: none hangs, none loses its output or its exit status.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

# one CLIENT NUMBER: a session whose status and output depend on its number.
one() {
        local want=$(($2 % 256)) rc=0 output
        output=$(timeout 60 "$1" exec storm -- sh -c "echo out$2; exit $want" </dev/null 2>/tmp/storm.err."$2") || rc=$?
        [ "$rc" = "$want" ] && [ "$output" = "out$2" ] && rm -f "/tmp/storm.err.$2" && return
        echo "$1 $2: status $rc, wanted $want, output \"$output\", errors \"$(cat "/tmp/storm.err.$2")\""
}
export -f one

storm() {
        local bad
        bad=$(seq "$2" | xargs -P 16 -I{} bash -c "one $1 {}")
        [ -z "$bad" ] || fail "$(echo "$bad" | wc -l) of $2 sessions went wrong: $(echo "$bad" | head -5)"
}

test_setup() {
        setup_server
        assert lxc launch bb storm
}

test_ours() {
        storm lxc 1000
}

test_stock() {
        command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
        storm lxc.stock 200
}

test_nothing_left() {
        assert_eq "$(lxc exec storm -- sh -c 'ps | grep -c "[e]xit"')" 0
        assert lxc delete -f storm
}

run_tests "$@"
