#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The crash matrix: each operation that changes the host is run once to hear which steps the programs come through, and then once per
# step, at which the process is killed. Afterwards nothing half-made is there, what is there can be removed, the same request works, and
# the machine has exactly what it had before. Each step is taken once, in the first operation that comes through it (some five minutes); ALL=1
# takes it in each operation, each time that it comes through (a thousand deaths, most of an hour; without the time limit). STEPS='pattern ...' and
# SCENARIOS='pattern ...' choose.
# machine: nspawn fresh
# needs: image-busybox
# timeout: 1200
. "$(dirname "$0")/lib.sh"

daemons=(apid clusterd imaged storaged netd instanced devlxd)
fifo=/run/lxd-crash
work=$(mktemp -d)
failures=0

# ---- the operations: NAME_before makes what it needs, NAME_do is the operation, NAME_after removes whatever there is then ----

remove_instance() {
        lxc info "$1" >/dev/null 2>&1 || return 0
        [ "$(lxc list -c s --format csv "^$1\$")" != STOPPED ] || [ -n "${2-}" ] || { lxc start "$1" && lxc exec "$1" -- true && lxc stop -f "$1"; } || lxc info "$1" >/dev/null 2>&1 || return 0
        # What the daemon finds half-made or half-deleted at its start may go by itself meanwhile.
        lxc delete -f "$1" || ! lxc info "$1" >/dev/null 2>&1
}
exists() { lxc query "/1.0/$1" >/dev/null 2>&1; }
# if_there PATH COMMAND...: what is half-made may go by itself meanwhile.
if_there() { ! exists "$1" || "${@:2}" || ! exists "$1"; }

create_before() { :; }
create_do() { lxc init bb mid; }
create_after() { remove_instance mid; }

start_before() { lxc init bb mid; }
start_do() { lxc start mid; }
start_after() { remove_instance mid; }

stop_before() { lxc launch bb mid; }
stop_do() { lxc stop -f mid; }
stop_after() { remove_instance mid; }

# The runner, too, has to live from the start to the end of this.
life_before() { :; }
life_do() { lxc launch bb mid && lxc stop -f mid; }
life_after() { remove_instance mid; }

shutdown_before() { lxc launch bb mid; }
shutdown_do() { lxc stop mid --timeout 20; }
shutdown_after() { remove_instance mid; }

restart_before() { lxc launch bb mid; }
restart_do() { lxc restart -f mid; }
restart_after() { remove_instance mid; }

pause_before() { lxc launch bb mid; }
pause_do() { lxc pause mid && lxc start mid; }
pause_after() { remove_instance mid; }

delete_before() { lxc init bb mid; }
delete_do() { lxc delete mid; }
delete_after() { remove_instance mid; }

rename_before() { lxc init bb mid; }
rename_do() { lxc rename mid moved; }
rename_after() { remove_instance mid && remove_instance moved; }

copy_before() { :; }
copy_do() { lxc copy base mid; }
copy_after() { remove_instance mid; }

refresh_before() { lxc init bb origin && lxc snapshot origin one && lxc copy origin mid && lxc snapshot origin two; }
refresh_do() { lxc copy origin mid --refresh; }
refresh_after() { remove_instance mid && remove_instance origin; }

move_before() { lxc init bb mid && lxc snapshot mid snap && lxc storage create other dir; }
move_do() { lxc move mid -s other; }
move_after() { remove_instance mid && { ! exists storage-pools/other || lxc storage delete other; }; }

snapshot_before() { lxc init bb mid; }
snapshot_do() { lxc snapshot mid snap; }
snapshot_after() { if_there instances/mid/snapshots/snap lxc restore mid snap && remove_instance mid; }

snapshot_rename_before() { lxc init bb mid && lxc snapshot mid snap; }
snapshot_rename_do() { lxc rename mid/snap mid/moved; }
snapshot_rename_after() { if_there instances/mid/snapshots/snap lxc delete mid/snap && if_there instances/mid/snapshots/moved lxc restore mid moved && remove_instance mid; }

snapshot_delete_before() { lxc init bb mid && lxc snapshot mid snap; }
snapshot_delete_do() { lxc delete mid/snap; }
snapshot_delete_after() { remove_instance mid; }

restore_before() { lxc launch bb mid && lxc snapshot mid snap; }
restore_do() { lxc restore mid snap; }
restore_after() { remove_instance mid; }

update_before() { lxc launch bb mid; }
update_do() { lxc config set mid limits.memory=100MiB user.note=text; }
update_after() { remove_instance mid; }

resize_before() { lxc init bb mid; }
resize_do() { lxc config device override mid root size=60MiB; }
resize_after() { remove_instance mid; }

plug_before() { lxc launch bb mid && lxc storage volume create default vol; }
plug_do() {
        lxc config device add mid disk disk source=/usr/share path=/mnt/a &&
                lxc config device add mid volume disk pool=default source=vol path=/mnt/b &&
                lxc config device add mid null unix-char source=/dev/null path=/dev/null2 &&
                lxc config device add mid eth9 nic nictype=bridged parent=lxdbr0 name=eth9 security.mac_filtering=true
}
plug_after() { remove_instance mid && if_there storage-pools/default/volumes/custom/vol lxc storage volume delete default vol; }

unplug_before() { plug_before && plug_do; }
unplug_do() { local d; for d in disk volume null eth9; do lxc config device remove mid $d || return; done; }
unplug_after() { plug_after; }

plugged_start_before() { plug_before && lxc stop -f mid && plug_do; }
plugged_start_do() { lxc start mid; }
plugged_start_after() { plug_after; }

profile_before() { lxc profile create prof && lxc launch bb mid -p default -p prof; }
profile_do() { lxc profile set prof limits.memory 100MiB && lxc profile device add prof disk disk source=/usr/share path=/mnt/a; }
profile_after() { remove_instance mid && if_there profiles/prof lxc profile delete prof; }

profile_life_before() { :; }
profile_life_do() { lxc profile create prof && lxc profile rename prof moved && lxc profile delete moved; }
profile_life_after() { local p; for p in prof moved; do if_there profiles/$p lxc profile delete $p || return; done; }

push_before() { lxc init bb mid; }
push_do() { lxc file push /etc/passwd mid/tmp/file; }
push_after() { remove_instance mid; }


import_before() { :; }
import_do() { lxc image import /tmp/plain.tar --alias plain; }
import_after() { if_there "images/$plain" lxc image delete "$plain"; }

alias_before() { :; }
alias_do() { lxc image alias create other "$(lxc image list bb --format csv -c f)" && lxc image alias rename other moved && lxc image alias delete moved; }
alias_after() { local a; for a in other moved; do if_there images/aliases/$a lxc image alias delete $a || return; done; }

unpack_before() { import_do; }
unpack_do() { lxc init plain mid; }
unpack_after() { remove_instance mid && import_after; }

image_delete_before() { unpack_before && unpack_do && lxc delete mid; }
image_delete_do() { lxc image delete plain; }
image_delete_after() { import_after; }

volume_before() { :; }
volume_do() { lxc storage volume create default vol size=50MiB; }
volume_after() { local v; for v in vol moved copied; do if_there storage-pools/default/volumes/custom/$v lxc storage volume delete default $v || return; done; }

volume_copy_before() { volume_do && lxc storage volume snapshot default vol snap; }
volume_copy_do() { lxc storage volume copy default/vol default/copied; }
volume_copy_after() { volume_after; }

volume_rename_before() { volume_do; }
volume_rename_do() { lxc storage volume rename default vol moved; }
volume_rename_after() { volume_after; }

volume_move_before() { volume_copy_before && lxc storage create other dir; }
volume_move_do() { lxc storage volume move default/vol other/moved; }
volume_move_after() {
        volume_after && if_there storage-pools/other/volumes/custom/moved lxc storage volume delete other moved && lxc storage delete other
}

volume_snapshot_before() { volume_do; }
volume_snapshot_do() { lxc storage volume snapshot default vol snap; }
volume_snapshot_after() { volume_after; }

volume_restore_before() { volume_copy_before; }
volume_restore_do() { lxc storage volume restore default vol snap && lxc storage volume delete default vol/snap; }
volume_restore_after() { volume_after; }

volume_delete_before() { volume_copy_before; }
volume_delete_do() { lxc storage volume delete default vol/snap && lxc storage volume delete default vol; }
volume_delete_after() { volume_after; }

pool_before() { :; }
pool_do() { lxc storage create loop btrfs size=128MiB; }
pool_after() { if_there storage-pools/loop lxc storage delete loop; }

pool_dir_before() { :; }
pool_dir_do() { lxc storage create loop dir; }
pool_dir_after() { pool_after; }

pool_delete_before() { pool_do; }
pool_delete_do() { lxc storage delete loop; }
pool_delete_after() { pool_after; }

network_before() { :; }
network_do() { lxc network create br9 ipv4.address=10.9.9.1/24 ipv6.address=none; }
network_after() { local n; for n in br9 br8; do [ "$(lxc query /1.0/networks/$n 2>/dev/null | jq .managed)" = false ] || if_there networks/$n lxc network delete $n || return; done; }

network_update_before() { network_do; }
network_update_do() { lxc network set br9 ipv4.address=10.9.8.1/24 ipv4.nat=true; }
network_update_after() { network_after; }

network_rename_before() { network_do; }
network_rename_do() { lxc network rename br9 br8; }
network_rename_after() { network_after; }

network_delete_before() { network_do; }
network_delete_do() { lxc network delete br9; }
network_delete_after() { network_after; }

server_before() { :; }
server_do() { lxc config set core.trust_password secret; }
server_after() { lxc config unset core.trust_password; }

trust_before() { :; }
trust_do() { lxc config trust add /tmp/client.crt --name crash; }
trust_after() { if_there "certificates/$client" lxc config trust remove "$client"; }

# ---- running one of them ----

no_operations() {
        [ "$(api GET /1.0/operations | jq '[.metadata | to_entries[] | select(.key == "running") | .value[]] | length')" = 0 ]
}

fresh_daemons() {
        systemctl stop --quiet "${daemons[@]/#/lxd-}" 2>/dev/null
        # So many ends in so short a time are this test's doing.
        systemctl reset-failed 2>/dev/null
}

drain() {
        local byte
        while read -r -t 0 -u "$crash" && read -r -N 1 -u "$crash" byte; do :; done
}

report() {
        failures=$((failures + 1))
        echo "FAILED $1: $2" >&2
        [ ! -s "$work/out" ] || sed 's/^/    /' "$work/out" >&2
        [ -z "${KEEP-}" ] || exit 1
}

# run WHAT FUNCTION: the function with a limit to everybody's patience; false after a report.
run() {
        local rc=0
        "$2" >"$work/out" 2>&1 </dev/null || rc=$?
        : >"$work/none"
        [ "$rc" -eq 0 ] || { report "$1" "\"$2\" ended with status $rc"; return 1; }
}

same_as_before() {
        /tests/inventory | diff "$work/before" - >"$work/out"
}

# One row of the matrix: the operation's life with a death at the step, and once more without.
cell() {
        local name=$1 step=$2 what="$1 killed at $2" deadline
        died=
        run "$what (before)" "${name}_before" || return
        drain
        systemctl set-environment LXD_CRASH_FIFO=$fifo "LXD_CRASH_AT=$step"
        fresh_daemons
        echo -n x >&"$crash"
        "${name}_do" >"$work/do" 2>&1 </dev/null
        # Some steps come after the answer.
        deadline=$((SECONDS + 5))
        while read -r -t 0 -u "$crash" && ((SECONDS < deadline)); do sleep 0.05; done
        systemctl unset-environment LXD_CRASH_FIFO LXD_CRASH_AT
        died=1
        if read -r -t 0 -u "$crash"; then died=; fi
        drain
        wait_until no_operations
        run "$what (removing what is there)" "${name}_after" || { cat "$work/do" >&2; repair "$name"; return; }
        run "$what (again, before)" "${name}_before" && run "$what (again)" "${name}_do" && run "$what (again, after)" "${name}_after" || repair "$name"
        deadline=$((SECONDS + 4))
        until same_as_before; do
                if ((SECONDS > deadline)); then
                        report "$what" "something is left, or missing"
                        repair "$name"
                        return
                fi
                sleep 0.2
        done
}

# After a failure: a new start for the rest of the matrix.
repair() {
        wait_until no_operations
        "${1}_after" >/dev/null 2>&1 </dev/null
        /tests/inventory >"$work/before"
}

# The steps that an operation comes through, in their order, each once.
trace() {
        local name=$1
        run "$name (before)" "${name}_before" || return
        drain
        systemctl set-environment LXD_CRASH_FIFO=$fifo
        fresh_daemons
        run "$name" "${name}_do"
        wait_until no_operations
        systemctl unset-environment LXD_CRASH_FIFO
        sleep 0.3
        fresh_daemons
        while read -r -t 0 -u "$crash" && read -r -u "$crash" line; do echo "$line"; done | awk '!seen[$0]++' >"$work/steps.$name"
        run "$name (after)" "${name}_after"
        cat "$work/steps.$name" >>"$work/steps"
}

matches() {
        local pattern word=$1
        shift
        [ $# -gt 0 ] || return 0
        # shellcheck disable=SC2053
        for pattern; do [[ $word == $pattern ]] && return 0; done
        return 1
}

# ---- the test ----

test_setup() {
        grep -qa 'LXD_CRASH_AT=' /usr/libexec/lxd/lxd-instanced || skip "this build has no crash points (meson setup -Dcrash-points=enabled)"
        setup_server
        xz -dc "$IMAGES/busybox.tar.xz" >/tmp/plain.tar
        plain=$(sha256sum /tmp/plain.tar | cut -d' ' -f1)
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out /tmp/client.crt -days 2 -subj /CN=crash 2>/dev/null
        client=$(openssl x509 -in /tmp/client.crt -outform DER | sha256sum | cut -d' ' -f1)
        assert lxc launch bb base
        assert lxc stop -f base
        assert lxc snapshot base one
        rm -f $fifo
        mkfifo -m 0666 $fifo
        exec {crash}<>$fifo
        names=$(declare -F | sed -n 's/^declare -f \(.*\)_do$/\1/p')
        wait_until no_operations
        /tests/inventory >"$work/before"
}

test_steps_are_told() {
        local name
        for name in $names; do
                # shellcheck disable=SC2086
                matches "$name" ${SCENARIOS-} || continue
                trace "$name"
        done
        echo "$(sort -u "$work/steps" | sed 's/#.*//' | sort -u | wc -l) steps, $(sort -u "$work"/steps | wc -l) with their repetitions"
}

# A step that is written in a program but that no operation here comes through would never be tested.
test_each_step_is_reached() {
        # A volume is shifted only where the kernel cannot mount it with mapped ids, which is not so here: test-crash-storage has these.
        local step unreached=() elsewhere='volume-shift-marked worker-shift*-*'
        [ -z "${SCENARIOS-}" ] || return 0
        for step in $(grep -haoE 'LXD_CRASH_AT=[a-z-]+' /usr/libexec/lxd/lxd-* | sort -u); do
                # shellcheck disable=SC2086
                ! matches "${step#*=}" $elsewhere || continue
                grep -q "/${step#*=}#" "$work/steps" || unreached+=("${step#*=}")
        done
        [ ${#unreached[@]} -eq 0 ] || report "the matrix" "no operation here comes through: ${unreached[*]}"
}

test_killed_at_each_step() {
        local name step died program deaths=0 seen=
        missed=()
        wait_until no_operations
        /tests/inventory >"$work/before"
        for name in $names; do
                [ -e "$work/steps.$name" ] || continue
                for step in $(cat "$work/steps.$name"); do
                        # shellcheck disable=SC2086
                        matches "$step" ${STEPS-} || continue
                        [ -n "${ALL-}" ] || [[ " $seen " != *" ${step%#*} "* ]] || continue
                        cell "$name" "$step"
                        # Some steps only come at some times: the next operation that comes through it takes its turn.
                        if [ -n "$died" ]; then
                                seen+=" ${step%#*}"
                                deaths=$((deaths + 1))
                        else
                                missed+=("$name $step")
                        fi
                done
        done
        echo "$deaths deaths, ${#missed[@]} did not come: ${missed[*]}"
        # Nor is a program spared: one that confines itself could have lost the means to die.
        [ -z "${STEPS-}${SCENARIOS-}" ] || return 0
        for program in $(cut -d/ -f1 "$work/steps" | sort -u); do
                [[ $seen == *" $program/"* ]] || report "the matrix" "$program never died"
        done
}

test_end() {
        assert lxc delete base
        rm -rf "$work" $fifo
        [ "$failures" -eq 0 ] || fail "$failures failures"
}

run_tests
