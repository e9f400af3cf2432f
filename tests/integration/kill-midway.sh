#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of a daemon, of a worker, of the client in the middle of create, start, snapshot, restore, delete and import: afterwards nothing
# half-made is visible, delete works, and the same command works again.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

RANDOM=${SEED:-7} # repeatable
daemons=(instanced storaged netd imaged apid clusterd)

# A few milliseconds to a tenth of a second: somewhere in the middle.
pause() {
        sleep "0.$(printf %03d $((RANDOM % 100)))"
}

# midway VICTIM COMMAND...: the command runs, its victim dies on the way. How the command ends does not matter.
midway() {
        local victim=$1 job
        shift
        "$@" >/tmp/midway.out 2>&1 </dev/null &
        job=$!
        pause
        case $victim in
                client) kill -KILL $job 2>/dev/null || true ;;
                worker) pkill -KILL -f '/usr/libexec/lxd/lxd-.*-worker' || true ;;
                *) systemctl kill -s KILL "lxd-$victim.service" 2>/dev/null || true ;;
        esac
        wait $job 2>/dev/null || true
}

# Operations of a killed client may still run: they end by themselves.
settle() {
        wait_until no_operations
}

no_operations() {
        [ "$(api GET /1.0/operations | jq '.metadata.running // [] | length')" = 0 ]
}

gone() {
        ! lxc info "$1" >/dev/null 2>&1
}

# The unit of a start whose daemon died goes on by itself, so it may be running before we ask again.
running() {
        [ "$(lxc list -c s --format csv "$1")" = RUNNING ] || lxc start "$1"
}

# Whatever is there under this name can be deleted, and then is gone.
remove() {
        settle
        gone "$1" || assert lxc delete -f "$1"
        gone "$1" || fail "$1 is still there after its deletion"
}

test_setup() {
        setup_server
        assert lxc launch bb base
        assert lxc stop -f base
        inventory >/tmp/before
}

test_create() {
        local victim
        for victim in "${daemons[@]}" worker client; do
                midway "$victim" lxc init bb mid
                remove mid
                assert lxc init bb mid
                assert lxc delete mid
        done
}

test_start() {
        local victim
        for victim in "${daemons[@]}" worker client; do
                assert lxc init bb mid
                midway "$victim" lxc start mid
                settle
                wait_until running mid
                assert_eq "$(lxc exec mid -- echo alive </dev/null)" alive
                remove mid
        done
}

test_stop_and_delete() {
        local victim
        for victim in "${daemons[@]}" worker client; do
                assert lxc launch bb mid
                midway "$victim" lxc delete -f mid
                remove mid
        done
}

# Killed while somebody reads or writes files: the volume stays mounted for nobody, which keeps nothing from going.
test_file_access() {
        local id
        assert lxc init bb mid
        echo text | lxc file push - mid/root/before
        id=$(lxd sql instanced "SELECT id FROM instances WHERE name = 'mid'" | grep -oE '[0-9]+' | tail -n 1)
        busctl call org.lxd.storage1 /org/lxd/storage1 org.lxd.storage1.Guests Mount ssssst default container default mid "files-$id" 0 >/dev/null ||
                fail "busctl cannot mount"
        systemctl kill -s KILL lxd-instanced.service
        settle
        assert lxc rename mid moved
        assert lxc rename moved mid
        assert lxc delete mid
}

test_snapshot_and_restore() {
        local victim
        for victim in instanced storaged worker client; do
                midway "$victim" lxc snapshot base snap
                settle
                lxc info base | grep -q ' snap ' && assert lxc delete base/snap
                assert lxc snapshot base snap
                midway "$victim" lxc restore base snap
                settle
                assert lxc restore base snap
                assert lxc start base
                assert lxc stop -f base
                assert lxc delete base/snap
        done
}

test_copy() {
        local victim
        for victim in instanced storaged worker client; do
                midway "$victim" lxc copy base mid
                remove mid
                assert lxc copy base mid
                assert lxc delete mid
        done
}

test_import() {
        local victim fingerprint
        fingerprint=$(sha256sum "$IMAGES/busybox.squashfs" | cut -d' ' -f1)
        [ -n "$fingerprint" ] || fail "no image"
        xz -dc "$IMAGES/busybox.tar.xz" >/tmp/plain.tar
        for victim in imaged worker apid client; do
                midway "$victim" lxc image import /tmp/plain.tar --alias plain
                settle
                lxc image delete plain >/dev/null 2>&1 </dev/null || lxc image delete "$(sha256sum </tmp/plain.tar | cut -c1-12)" >/dev/null 2>&1 </dev/null
                lxc image alias delete plain >/dev/null 2>&1 </dev/null
                assert lxc image import /tmp/plain.tar --alias plain
                assert lxc image delete plain
        done
        assert_eq "$(find /var/lib/lxd/images -type f | wc -l)" 1
}

test_nothing_left() {
        settle
        # A daemon that was killed last cleans up when it is asked again.
        assert lxc list
        assert lxc storage volume list default
        local deadline=$((SECONDS + 20))
        until inventory | diff -u /tmp/before - >/tmp/left; do
                ((SECONDS < deadline)) || fail "left behind: $(cat /tmp/left)"
                sleep 0.2
        done
        assert lxc delete base
}

run_tests "$@"
