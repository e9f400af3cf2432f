#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One daemon after the other dies by kill -9, the bus and the journal among them, while clients work: no client waits for ever, guests do not
# notice, and in the end nothing half-made is there. SECONDS_OF_KILLS=600 SEED=1: longer, other ones by hand.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

victims=(lxd-{apid,clusterd,imaged,storaged,netd,instanced,devlxd} dbus systemd-journald)
names=(one two three)
patience=60 # of a client: whatever takes longer hangs

test_setup() {
        setup_server
        # What the first guest makes stays: the image's volume, some folders.
        assert lxc launch bb counter
        assert lxc delete -f counter
        inventory >/tmp/before
        assert lxc launch bb counter
        pid=$(guest_pid)
        lxc exec counter -- sh -c '(n=0; while :; do n=$((n + 1)); echo $n >>/count; usleep 100000; done) >/dev/null 2>&1 </dev/null &'
        wait_until lxc exec counter -- test -s /count
}

guest_pid() {
        lxc info counter | awk '/^P(ID|id):/ { print $2 }'
}

kill_at_random() {
        local victim socket
        RANDOM=${SEED:-11}
        while [ ! -e /tmp/enough ]; do
                victim=${victims[RANDOM % ${#victims[@]}]}
                systemctl kill -s KILL "$victim.service"
                # So many deaths in so short a time would end the patience of the service manager.
                systemctl reset-failed
                # Not when they are there: the start of what a guest's unit comes after waits for a guest that stops, and all daemons with it.
                for socket in dbus.socket systemd-journald.socket; do systemctl is-active $socket || systemctl start $socket; done
                sleep "0.$(printf %03d $((RANDOM % 400)))"
        done >/dev/null 2>&1
}

# Any request, whatever its end is.
request() {
        local name=${names[RANDOM % ${#names[@]}]} other=${names[RANDOM % ${#names[@]}]}
        case $((RANDOM % 9)) in
                0) echo "launch bb $name" ;;
                1) echo "snapshot $name s$((RANDOM % 2))" ;;
                2) echo "copy $name $other" ;;
                3) echo "delete -f $name" ;;
                4) echo "exec counter -- true" ;;
                5) echo "rename $name $other" ;;
                6) echo "restore $name s$((RANDOM % 2))" ;;
                7) echo "restart -f $name" ;;
                8) echo "config set $name limits.memory=$((RANDOM % 100 + 50))MiB" ;;
        esac
}

work_at_random() {
        local words rc n=0
        RANDOM=$((${SEED:-11} * 100 + $1))
        while [ ! -e /tmp/enough ]; do
                read -ra words < <(request)
                rc=0
                timeout -k 5 $patience lxc "${words[@]}" >/tmp/client.$1 2>&1 </dev/null || rc=$?
                n=$((n + 1))
                [ "$rc" != 124 ] && [ "$rc" != 137 ] || echo "\"lxc ${words[*]}\" hung: $(tail -n 3 /tmp/client.$1)" >>/tmp/hung
        done
        echo "client $1: $n requests"
}

no_operations() {
        [ "$(api GET /1.0/operations | jq '.metadata.running // [] | length')" = 0 ]
}

test_kills_while_clients_work() {
        local client clients=() killer
        rm -f /tmp/enough /tmp/hung
        kill_at_random &
        killer=$!
        for client in 1 2; do
                work_at_random $client &
                clients+=($!)
        done
        sleep "${SECONDS_OF_KILLS:-60}"
        touch /tmp/enough
        wait $killer "${clients[@]}"
        [ ! -e /tmp/hung ] || fail "$(cat /tmp/hung)"
        wait_until systemctl is-active dbus.service systemd-journald.service
}

# What is there is whole: it can be copied and started, and it can go.
test_nothing_half_made() {
        local name
        wait_until no_operations
        for name in "${names[@]}"; do
                lxc info "$name" >/dev/null 2>&1 || continue
                [ "$(lxc list -c s --format csv "^$name\$")" != RUNNING ] || assert lxc stop -f "$name"
                assert lxc copy "$name" whole
                assert lxc start whole
                assert_eq "$(lxc exec whole -- echo alive </dev/null)" alive
                assert lxc delete -f whole
                assert lxc delete -f "$name"
        done
}

test_guest_counted_on() {
        local counted
        assert_eq "$(guest_pid)" "$pid"
        counted=$(lxc exec counter -- sh -c 'wc -l </count')
        [ "$counted" -gt "${SECONDS_OF_KILLS:-60}" ] || fail "it counted to $counted only"
        assert lxc exec counter -- sh -c 'seq 1 $(wc -l </count) >/want; head -c $(wc -c </want) /count | cmp - /want'
}

same_as_before() {
        # logind does not outlive a bus that is killed.
        inventory | diff -u /tmp/before - | grep '^[-+][a-z]' | grep -v 'failed unit systemd-logind' >/tmp/left
        [ ! -s /tmp/left ]
}

test_nothing_left() {
        assert lxc delete -f counter
        local deadline=$((SECONDS + 20))
        until same_as_before; do
                ((SECONDS < deadline)) || fail "left behind: $(cat /tmp/left)"
                sleep 0.2
        done
}

run_tests "$@"
