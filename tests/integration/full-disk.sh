#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A full disk under the databases, the image store and the pools: said clearly, nothing lost or half-made, and it works again with space.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

[ -e /dev/loop-control ] || skip "no loop devices"
state=/var/lib/lxd
daemons="lxd-clusterd lxd-imaged lxd-instanced lxd-netd lxd-storaged"

stop_daemons() {
        local d
        for d in $daemons; do systemctl stop "$d.service" 2>/dev/null; done
}

# small DIRECTORY MIB: puts a small file system in the place of a directory of ours, with what is in it.
small() {
        local name=${1//\//_}
        stop_daemons
        truncate -s "$2M" "/var/tmp/$name.img"
        assert mkfs.ext4 -q -m 0 "/var/tmp/$name.img"
        mkdir -p "/var/tmp/$name"
        assert mount -o loop "/var/tmp/$name.img" "/var/tmp/$name"
        cp -a "$1/." "/var/tmp/$name/"
        chmod --reference="$1" "/var/tmp/$name"
        chown --reference="$1" "/var/tmp/$name"
        assert mount --bind "/var/tmp/$name" "$1"
}

unmount_quiet() {
        stop_daemons
        umount "$1"
}

unsmall() {
        local name=${1//\//_}
        # Timers and the clients' peers may wake one in between.
        wait_until unmount_quiet "$1"
        rm -rf "/var/tmp/$name/lost+found"
        cp -a "/var/tmp/$name/." "$1/"
        umount "/var/tmp/$name"
        rm -rf "/var/tmp/$name" "/var/tmp/$name.img"
}

# fill DIRECTORY: to the last byte.
fill() {
        local i
        for i in 65536 4096 1; do
                dd if=/dev/zero of="$1/filler.$i" bs=$i status=none 2>/dev/null
        done
        sync -f "$1"
}

empty() {
        rm -f "$1"/filler.*
}

pids() {
        local d
        for d in $daemons; do systemctl show -P MainPID "$d.service"; done
}

test_setup() {
        wait_until api GET /1.0
        setup_server
}

test_database() {
        local before
        small $state/database $(($(du -sm $state/database | cut -f1) + 5))
        assert lxc profile create full-1
        assert lxc storage create full-p dir
        before=$(lxc profile list -f csv | sort)
        # All are up, so that it is seen that none of them dies of it.
        lxc list >/dev/null; lxc image list >/dev/null; lxc network list >/dev/null; lxc storage list >/dev/null
        running=$(pids)
        fill $state/database
        for i in $(seq 40); do
                output=$(lxc profile create "full-x$i" 2>&1) || break
        done
        assert_match "$output" "No space left"
        assert_match "$output" "$state"
        failed=$i
        assert_fails 1 "No space left" lxc storage volume create full-p "$(printf 'v%.0s' {1..60})"
        assert_eq "$(pids)" "$running"
        # What is there can be read.
        assert_match "$(lxc profile list -f csv)" "full-1"
        ! lxc profile list -f csv | grep -q "^full-x$failed," || fail "the profile that could not be recorded is shown"
        empty $state/database
        assert lxc profile create "full-x$failed"
        assert lxc storage volume create full-p v
        assert_eq "$(pids)" "$running"
        for i in $(seq "$failed"); do assert lxc profile delete "full-x$i"; done
        assert_eq "$(lxc profile list -f csv | sort)" "$before"
        assert lxd database check
        stop_daemons
        assert_match "$(lxc profile list -f csv)" "full-1"
        assert lxc storage volume delete full-p v
        assert lxc storage delete full-p
        assert lxc profile delete full-1
        unsmall $state/database
}

# A daemon that starts on a full disk reads what is there.
test_database_start() {
        small $state/database $(($(du -sm $state/database | cut -f1) + 5))
        fill $state/database
        stop_daemons
        assert lxc list
        assert lxc profile list
        assert lxc image list
        empty $state/database
        unsmall $state/database
}

test_image_store() {
        local before images
        images=$(lxc image list -f csv)
        rm -rf /var/tmp/big
        mkdir -p /var/tmp/big/rootfs
        tar -xf "$IMAGES/busybox.tar.xz" -C /var/tmp/big metadata.yaml
        dd if=/dev/urandom of=/var/tmp/big/rootfs/random bs=1M count=2 status=none
        tar -cf /var/tmp/big.tar -C /var/tmp/big .
        small $state/images $(($(du -sm $state/images | cut -f1) + 12))
        lxc image list >/dev/null
        fill $state/images
        before=$(ls $state/images | grep -v filler)
        assert_fails 1 "Not enough space in the image store" lxc image import /var/tmp/big.tar
        assert_eq "$(ls $state/images | grep -v filler)" "$before"
        assert_eq "$(lxc image list -f csv)" "$images"
        empty $state/images
        assert lxc image import /var/tmp/big.tar --alias big
        assert lxc image delete big
        rm -r /var/tmp/big /var/tmp/big.tar
        unsmall $state/images
}

pool_dir() {
        truncate -s 20M /var/tmp/pool.img
        assert mkfs.ext4 -q -m 0 /var/tmp/pool.img
        mkdir -p /var/tmp/pool
        assert mount -o loop /var/tmp/pool.img /var/tmp/pool
        rmdir /var/tmp/pool/lost+found
        assert lxc storage create full dir source=/var/tmp/pool
}

pool_btrfs() {
        assert lxc storage create full btrfs size=120MiB
}

# The same for both: make a container, fill the pool, try everything, make room, do everything.
full_pool() {
        local mount=$state/storage-pools/full
        assert lxc init bb f1 -s full
        assert lxc storage volume create full v
        fill "$mount"
        running=$(systemctl show -P MainPID lxd-storaged.service)
        if [ "$1" = dir ]; then
                assert_fails 1 "No space left in the storage pool" lxc copy f1 f2
                assert_fails 1 "No space left in the storage pool" lxc snapshot f1 s0
                assert_fails 1 "No space left" lxc init bb f3 -s full
        else
                # Snapshots share blocks; they may or may not still fit into the metadata. Whatever they do, it is whole.
                lxc copy f1 f2 >/dev/null 2>&1 && assert lxc delete f2
                output=$(lxc file push /bin/bash f1/root/bash 2>&1) && fail "a file was pushed into a full pool"
                assert_match "$output" "[Nn]o space left"
        fi
        ! lxc info f2 >/dev/null 2>&1 || fail "f2 is there"
        assert_eq "$(ls -A "$mount/containers" | grep -v '^f1$')" ""
        assert_eq "$(systemctl show -P MainPID lxd-storaged.service)" "$running"
        empty "$mount"
        assert lxc copy f1 f2
        [ "$1" = dir ] || assert lxc snapshot f1 s1
        assert lxc start f1
        assert lxc delete -f f1 f2
        assert lxc storage volume delete full v
        assert lxc image delete bb
        assert lxc storage delete full
        assert lxc image import "$IMAGES/busybox.tar.xz" --alias bb
}

test_pool_dir() {
        pool_dir
        full_pool dir
        umount /var/tmp/pool
        rm -r /var/tmp/pool /var/tmp/pool.img
}

test_pool_btrfs() {
        pool_btrfs
        full_pool btrfs
}

run_tests
