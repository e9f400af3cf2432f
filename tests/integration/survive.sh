#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Guests and exec sessions outlive their daemons: killed, restarted, all at once, and the service's idle end.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

daemons=(apid clusterd imaged storaged netd instanced devlxd)

unit_of() {
        busctl get-property org.lxd.instance1 "/org/lxd/instance1/instance/default/$1" org.lxd.instance1.Instance Unit | cut -d'"' -f2
}

main_pid() {
        systemctl show -p MainPID --value "$(unit_of survivor)"
}

has_no_runner() {
        [ "$(systemctl show -p MainPID --value "$1")" = 0 ]
}

is_inactive() {
        [[ $(systemctl show -p ActiveState --value "$1") == @(inactive|failed) ]]
}

is_stopped() {
        [ "$(lxc list -c s --format csv survivor)" = STOPPED ]
}

test_setup() {
        setup_server
        # What the first guest makes stays: the image's volume, some folders.
        assert lxc launch bb survivor
        assert lxc delete -f survivor
        inventory >/tmp/before
        assert lxc launch bb survivor
        pid=$(main_pid)
        [ "$pid" -gt 0 ] || fail "no main process"
}

# Dead for certain: a daemon that is still dying can take a connection, which then is lost with it, as with any server.
kill_daemon() {
        local victim
        victim=$(systemctl show -p MainPID --value "$1.service")
        [ "$victim" != 0 ] || return 0
        kill -KILL "$victim"
        while [ -e "/proc/$victim" ] && [ "$(systemctl show -p MainPID --value "$1.service")" = "$victim" ]; do sleep 0.01; done
}

test_killed_one_by_one() {
        local d
        for d in "${daemons[@]}"; do
                kill_daemon "lxd-$d"
                assert_eq "$(lxc exec survivor -- echo alive)" alive
                assert_eq "$(main_pid)" "$pid"
        done
}

test_killed_at_once() {
        systemctl kill -s KILL "${daemons[@]/#/lxd-}" 2>/dev/null || true
        wait_until lxc exec survivor -- true
        assert_eq "$(main_pid)" "$pid"
        assert_eq "$(lxc list -c s --format csv survivor)" RUNNING
}

test_restarted() {
        systemctl restart "${daemons[@]/%/.service}" 2>/dev/null || systemctl restart "${daemons[@]/#/lxd-}"
        assert_eq "$(lxc exec survivor -- echo alive)" alive
        assert_eq "$(main_pid)" "$pid"
}

# lxd-netd, which this wakes, takes back the interfaces of guests that do not run: not those of one that has started since it asked.
test_restarted_guest_wakes_netd() {
        local n
        for ((n = 0; n < 10; n++)); do
                kill_daemon lxd-netd
                assert lxc restart -f survivor
        done
        pid=$(main_pid)
}

# The session's stream and status run between lxd-apid and the guest's unit alone.
test_session_survives() {
        local d rc=0
        lxc exec survivor -- sh -c 'echo begin; sleep 4; echo end; exit 7' >/tmp/session 2>&1 &
        local session=$!
        wait_until grep -q begin /tmp/session
        for d in clusterd imaged storaged netd instanced devlxd; do
                systemctl kill -s KILL "lxd-$d.service" 2>/dev/null || true
        done
        wait "$session" || rc=$?
        assert_eq "$rc" 7
        assert_eq "$(tr '\n' ' ' </tmp/session)" "begin end "
}

# A guest that counts: one number after the other, however often the host's daemons die, the bus and the journal among them.
test_counts_through_200_kills() {
        local victims=("${daemons[@]/#/lxd-}" dbus systemd-journald) n counted unit
        unit=$(unit_of survivor)
        lxc exec survivor -- sh -c 'rm -f /count; (n=0; while :; do n=$((n + 1)); echo $n >>/count; usleep 100000; done) >/dev/null 2>&1 </dev/null &'
        wait_until lxc exec survivor -- test -s /count
        RANDOM=${SEED:-5}
        for ((n = 0; n < ${KILLS:-200}; n++)); do
                kill_daemon "${victims[RANDOM % ${#victims[@]}]}"
                # So many deaths in so short a time would end the patience of the service manager.
                systemctl reset-failed dbus.service dbus.socket systemd-journald.service systemd-journald.socket 2>/dev/null
                systemctl start dbus.socket systemd-journald.socket
                ((n % 20)) || assert_eq "$(lxc exec survivor -- echo alive)" alive
        done
        assert_eq "$(systemctl show -p MainPID --value "$unit")" "$pid"
        assert_eq "$(lxc list -c s --format csv survivor)" RUNNING
        counted=$(lxc exec survivor -- sh -c 'wc -l </count')
        [ "$counted" -gt 1 ] || fail "it counted to $counted only"
        assert lxc exec survivor -- sh -c 'seq 1 $(wc -l </count) >/want; cmp /count /want || head -c $(wc -c </want) /count | cmp - /want'
        wait_until systemctl is-active dbus.service systemd-journald.service
}

test_clean_stop_by_systemctl() {
        assert systemctl stop "$(unit_of survivor)"
        wait_until is_stopped
        assert lxc start survivor
        assert lxc stop -f survivor
}

test_killed_while_a_guest_stops_by_itself() {
        local unit
        assert lxc start survivor
        unit=$(unit_of survivor)
        assert_match "$unit" '^lxd-container@[0-9]+\.service$'
        systemctl stop lxd-instanced.socket lxd-instanced.service 2>/dev/null
        assert systemctl is-active "$unit"
        assert systemctl kill -s KILL "$unit"
        wait_until has_no_runner "$unit"
        systemctl start lxd-instanced.socket
        wait_until is_stopped
        assert lxc delete survivor
}

# All is stopped by hand, the sockets first: no job waits for the other's.
test_stopped_while_nobody_listens() {
        local unit
        assert lxc launch bb survivor
        unit=$(unit_of survivor)
        systemctl stop lxd-instanced.socket lxd-instanced.service 2>/dev/null
        systemctl stop --no-block "$unit"
        assert timeout 30 systemctl start lxd-instanced.socket
        wait_until is_stopped
        systemctl reset-failed "$unit" 2>/dev/null
        assert lxc start survivor
        assert lxc delete -f survivor
}

is_dead() {
        ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}

# A session that was just entering the guest when that was frozen and killed: nothing frozen keeps the unit from ending.
test_killed_while_something_is_frozen() {
        local freezer unit runner init
        assert lxc launch bb frozen
        unit=$(unit_of frozen)
        freezer=/sys/fs/cgroup/freezer/lxd.slice/$unit/payload
        if [ -e "$freezer/freezer.state" ]; then
                runner=$(systemctl show -p MainPID --value "$unit")
                sleep 1000 >/dev/null 2>&1 &
                echo $! >"$freezer/cgroup.procs"
                echo $! >"/sys/fs/cgroup/systemd/lxd.slice/$unit/payload/cgroup.procs"
                kill -STOP "$runner"
                init=$(lxc info frozen | awk '/^P(ID|id):/ { print $2 }')
                kill -KILL "$init"
                wait_until is_dead "$init"
                echo FROZEN >"$freezer/freezer.state"
                kill -CONT "$runner"
                WAIT_SECONDS=20 wait_until is_inactive "$unit"
        fi
        wait_until lxc delete -f frozen
}

# A daemon that has been quiet for longer than its idle time, kept by somebody who listens, and is stopped then.
test_stop_while_somebody_listens() {
        local drop_in=/run/systemd/system/lxd-clusterd.service.d/quiet.conf listener
        mkdir -p "${drop_in%/*}"
        printf '[Service]\nEnvironment=LXD_IDLE_SEC=1\n' >$drop_in
        systemctl daemon-reload
        systemctl stop --quiet lxd-clusterd.service
        python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); s.connect("/run/lxd/clusterd.bus"); time.sleep(60)' &
        listener=$!
        wait_until systemctl --quiet is-active lxd-clusterd.service
        sleep 2.5
        assert systemctl stop --quiet lxd-clusterd.service
        kill $listener
        assert_eq "$(systemctl show -P Result lxd-clusterd.service)" success
        rm $drop_in
        systemctl daemon-reload
}

test_nothing_left() {
        # logind does not outlive a bus that is killed.
        diff -u <(grep -v '^failed unit systemd-logind' /tmp/before) <(inventory | grep -v '^failed unit systemd-logind') || fail "left behind"
}

run_tests "$@"
