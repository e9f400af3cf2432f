#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What systemd's own tools show: entries of the journal for every event of an object's life, their texts, log levels, sound units,
# and a private bus socket for each daemon.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

daemons=(apid clusterd imaged storaged netd instanced devlxd)

# entry MATCH...: the newest matching entry since the test began, as JSON.
entry() {
        journalctl --sync
        journalctl -q -b --since "$begin" -o json "$@" | tail -n 1
}

# assert_entry TEXT FIELD=VALUE...: an entry with these fields says TEXT, has a message id, and the catalog explains the id.
assert_entry() {
        local text=$1 json id
        shift
        json=$(entry "$@")
        [ -n "$json" ] || fail "no entry with $*: $(journalctl -q -b --since "$begin" | tail -n 30)"
        assert_eq "$(jq -r .MESSAGE <<<"$json")" "$text"
        id=$(jq -r .MESSAGE_ID <<<"$json")
        assert_match "$id" '^[0-9a-f]{32}$'
        assert journalctl --list-catalog "$id"
}

test_setup() {
        setup_server
        begin=$(date '+%Y-%m-%d %H:%M:%S')
}

# operation of the newest entry with TEXT about j1: a uuid of lxd-instanced.
assert_operation() {
        local json
        json=$(entry LXD_INSTANCE="$1" MESSAGE="$2")
        assert_match "$(jq -r .LXD_OPERATION <<<"$json")" '^[0-9a-f-]{35}6$'
        assert_eq "$(jq -r .LXD_REQUESTOR <<<"$json")" root
        assert_eq "$(jq -r .LXD_PROJECT <<<"$json")" default
}

test_instances() {
        local text
        assert lxc launch bb j1
        assert lxc exec j1 -- true
        assert lxc pause j1
        assert lxc start j1
        assert lxc restart -f j1
        assert lxc config set j1 user.a=b
        assert lxc snapshot j1 before
        assert lxc stop -f j1
        assert lxc restore j1 before
        assert lxc delete j1/before
        assert lxc rename j1 j2
        assert lxc delete j2
        for text in 'Created instance j1.' 'Started instance j1.' 'Executed a command in instance j1.' 'Paused instance j1.' \
                'Resumed instance j1.' 'Restarted instance j1.' 'Updated instance j1.' 'Created snapshot j1/snapshots/before.' \
                'Restored instance j1.' 'Deleted snapshot j1/snapshots/before.'; do
                assert_entry "$text" LXD_INSTANCE=j1 MESSAGE="$text"
                [[ $text == Executed* ]] || assert_operation j1 "$text"
        done
        assert_match "$(entry LXD_INSTANCE=j1 MESSAGE_ID=6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a03 | jq -r .MESSAGE)" '^Stopped instance j1 \('
        assert_entry 'Renamed instance to j2.' LXD_INSTANCE=j2 MESSAGE='Renamed instance to j2.'
        assert_entry 'Deleted instance j2.' LXD_INSTANCE=j2 MESSAGE='Deleted instance j2.'
        assert_operation j2 'Deleted instance j2.'
}

# One event is one entry.
test_once() {
        assert_eq "$(journalctl -q -b --since "$begin" -o cat LXD_INSTANCE=j1 | grep -c '^Created instance j1\.')" 1
        assert_eq "$(journalctl -q -b --since "$begin" -o cat LXD_INSTANCE=j2 | grep -c '^Deleted instance j2\.')" 1
}

test_other_objects() {
        assert lxc network create jbr0 ipv4.address=10.77.9.1/24 ipv6.address=none
        assert lxc network set jbr0 ipv4.nat=true
        assert lxc network delete jbr0
        assert lxc storage create jpool dir
        assert lxc storage volume create jpool v1
        assert lxc storage volume delete jpool v1
        assert lxc storage delete jpool
        assert lxc profile create jprofile
        assert lxc profile delete jprofile
        assert_entry 'Created network jbr0.' LXD_NETWORK=jbr0 MESSAGE='Created network jbr0.'
        assert_entry 'Updated network jbr0.' LXD_NETWORK=jbr0 MESSAGE='Updated network jbr0.'
        assert_entry 'Deleted network jbr0.' LXD_NETWORK=jbr0 LXD_REQUESTOR=root
        assert_entry 'Created storage pool jpool.' LXD_POOL=jpool MESSAGE='Created storage pool jpool.'
        assert_entry 'Created volume jpool/volumes/custom/v1.' LXD_POOL=jpool LXD_VOLUME=v1 MESSAGE='Created volume jpool/volumes/custom/v1.'
        assert_entry 'Deleted storage pool jpool.' LXD_POOL=jpool MESSAGE='Deleted storage pool jpool.'
        assert_entry 'Created profile jprofile.' MESSAGE='Created profile jprofile.'
}

test_image() {
        local fingerprint
        fingerprint=$(api GET /1.0/images/aliases/bb | jq -r .metadata.target)
        assert lxc image delete bb
        assert lxc image import "$IMAGES/busybox.tar.xz" --alias bb
        assert_entry "Imported image $fingerprint." LXD_IMAGE="$fingerprint" MESSAGE="Imported image $fingerprint."
        assert_entry "Deleted image $fingerprint." LXD_IMAGE="$fingerprint" MESSAGE="Deleted image $fingerprint."
        assert_entry "Created image alias aliases/bb." MESSAGE="Created image alias aliases/bb."
}

# A failure is told once by the operation: what, why, for whom, of which instance.
test_failed_operation() {
        local json
        assert lxc init bb j3 -c raw.lxc=lxc.init.cmd=/nosuch
        assert_fails - "nosuch" lxc start j3
        json=$(entry LXD_INSTANCE=j3 MESSAGE_ID=6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a06)
        assert_match "$(jq -r .MESSAGE <<<"$json")" '^Operation "Starting instance" failed: .*/nosuch'
        assert_eq "$(jq -r .LXD_REQUESTOR <<<"$json")" root
        assert_match "$(entry LXD_INSTANCE=j3 MESSAGE_ID=6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a05 | jq -r .LXD_OPERATION)" '^[0-9a-f-]{36}$'
        assert lxc delete j3
}

# The texts of the catalog come with the journal, with the names filled in.
test_catalog() {
        local text
        text=$(journalctl -q -b -x --since "$begin" LXD_INSTANCE=j1 MESSAGE='Created instance j1.')
        assert_match "$text" 'Subject: Instance j1 was created'
        assert_match "$text" 'lxc start j1'
}

test_log_level() {
        local daemon
        for daemon in "${daemons[@]}"; do
                assert systemctl service-log-level "lxd-$daemon.service" debug
                assert_eq "$(systemctl service-log-level "lxd-$daemon.service")" debug
                assert_eq "$(systemctl service-log-target "lxd-$daemon.service")" journal
                assert_fails - "" busctl set-property "$(systemctl show -P BusName "lxd-$daemon.service")" /org/freedesktop/LogControl1 \
                        org.freedesktop.LogControl1 LogLevel s nonsense
        done
        for daemon in "${daemons[@]}"; do
                [ "$daemon" = netd ] || assert systemctl service-log-level "lxd-$daemon.service" info
        done
}

# An idle daemon ends, but not one whose log level was changed: the next one would not know.
test_log_level_stays() {
        local deadline_of_others
        deadline_of_others() {
                ! systemctl is-active lxd-clusterd.service
        }
        WAIT_SECONDS=120 wait_until deadline_of_others
        assert systemctl is-active lxd-netd.service
        assert_eq "$(systemctl service-log-level lxd-netd.service)" debug
        assert systemctl service-log-level lxd-netd.service info
        WAIT_SECONDS=120 wait_until sh -c '! systemctl is-active lxd-netd.service'
        assert_eq "$(systemctl service-log-level lxd-netd.service)" info
}

test_units_are_sound() {
        local output
        output=$(cd /usr/lib/systemd/system && systemd-analyze verify --man=no lxd*.service lxd*.socket lxd*.timer lxd*.target lxd*.slice 2>&1) ||
                fail "systemd-analyze verify: $output"
        assert_eq "$output" ""
}

# Each daemon serves its objects on its private socket too, and is started by it.
test_private_sockets() {
        local daemon name
        for daemon in "${daemons[@]}"; do
                systemctl -q stop "lxd-$daemon.service" 2>/dev/null
                name=$(systemctl show -P BusName "lxd-$daemon.service")
                assert_match "$(dbus-send --peer="unix:path=/run/lxd/$daemon.bus" --print-reply "/${name//./\/}" \
                        org.freedesktop.DBus.Introspectable.Introspect)" "interface name=\"$name.Manager\""
                assert systemctl is-active "lxd-$daemon.service"
        done
}

run_tests "$@"
