#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pools of both drivers from every kind of source, with the stock client: made, mounted where guests see them, removed without a trace.
# machine: nspawn
. "$(dirname "$0")/lib.sh"

command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
command -v mkfs.btrfs >/dev/null || skip "mkfs.btrfs (btrfs-progs) is not installed"
[ -e /dev/loop-control ] || skip "no loop devices"
pools=/var/lib/lxd/storage-pools

loops() {
        losetup -nl -O BACK-FILE | grep -c "/var/lib/lxd/disks/$1.img" || true
}

test_setup() {
        wait_until api GET /1.0
        grep -o ' /var/lib/lxd/storage-pools[^ ]*' /proc/self/mountinfo | sort >/tmp/mounts.before
}

# What is mounted by the daemon is mounted for the host.
test_btrfs_loop() {
        assert lxc.stock storage create tloop btrfs size=300MiB
        assert_eq "$(findmnt -no FSTYPE $pools/tloop)" btrfs
        assert_match "$(findmnt -no OPTIONS $pools/tloop)" user_subvol_rm_allowed
        assert_eq "$(stat -c %s /var/lib/lxd/disks/tloop.img)" $((300 * 1024 * 1024))
        assert_eq "$(stat -c %a /var/lib/lxd/disks/tloop.img)" 600
        assert_eq "$(loops tloop)" 1
        assert_match "$(lxc.stock storage info tloop)" "total space: 300.00MiB"
        assert_fails 1 "The storage pool already exists" lxc.stock storage create tloop btrfs
}

test_remount() {
        systemctl stop lxd-storaged.service
        assert umount $pools/tloop
        wait_until test "$(loops tloop)" = 0
        assert lxc.stock storage volume create tloop v
        assert_eq "$(findmnt -no FSTYPE $pools/tloop)" btrfs
        assert lxc.stock storage volume delete tloop v
}

test_in_use() {
        assert lxc.stock storage volume create tloop v
        assert_fails 1 "The storage pool is currently in use" lxc.stock storage delete tloop
        assert lxc.stock storage volume delete tloop v
}

test_loop_delete() {
        assert lxc.stock storage delete tloop
        [ ! -e /var/lib/lxd/disks/tloop.img ] || fail "the loop file is left"
        [ ! -e $pools/tloop ] || fail "the mount point is left"
        wait_until test "$(loops tloop)" = 0
}

test_block_device() {
        local device
        truncate -s 300M /root/device.img
        device=$(losetup -f --show /root/device.img) || skip "no free loop device"
        mkfs.ext4 -q "$device"
        assert_fails 1 "Failed to format block device" lxc.stock storage create tdev btrfs source="$device"
        assert_eq "$(blkid -o value -s TYPE "$device")" ext4
        wipefs -aq "$device"
        assert lxc.stock storage create tdev btrfs source="$device"
        assert_eq "$(findmnt -no SOURCE $pools/tdev)" "$device"
        assert lxc.stock storage volume create tdev v
        assert lxc.stock storage volume delete tdev v
        assert lxc.stock storage delete tdev
        assert_eq "$(blkid -p -o value -s TYPE "$device")" ""
        losetup -d "$device"
        rm /root/device.img
}

test_subvolume() {
        assert lxc.stock storage create tloop btrfs size=300MiB
        mkdir /mnt/outside
        assert mount --bind $pools/tloop /mnt/outside
        assert_fails 1 "Provided path does not reside on a btrfs filesystem" lxc.stock storage create tsub btrfs source=/etc
        assert_fails 1 "Only allowed source path under" lxc.stock storage create tsub btrfs source=$pools/tloop/custom
        assert_fails 1 "isn't normalized" lxc.stock storage create tsub btrfs source=/mnt/outside/sub/../sub
        assert lxc.stock storage create tsub btrfs source=/mnt/outside/sub
        assert lxc.stock storage volume create tsub v
        [ -d /mnt/outside/sub/custom/default_v ] || fail "the volume is not in the source"
        assert_fails 1 "exists but is not empty" lxc.stock storage create tsub2 btrfs source=/mnt/outside/sub
        assert lxc.stock storage volume delete tsub v
        assert lxc.stock storage delete tsub
        [ ! -e /mnt/outside/sub ] || fail "the subvolume that was made for the pool is left"
        assert umount /mnt/outside
        rmdir /mnt/outside
        assert lxc.stock storage delete tloop
}

test_dir_source() {
        mkdir -p /srv/tdir
        touch /srv/tdir/precious
        assert_fails 1 "Source path '/srv/tdir' isn't empty" lxc.stock storage create tdir dir source=/srv/tdir
        rm /srv/tdir/precious
        assert lxc.stock storage create tdir dir source=/srv/tdir
        assert lxc.stock storage volume create tdir v
        [ -d /srv/tdir/custom/default_v ] || fail "the volume is not in the source"
        assert lxc.stock storage volume delete tdir v
        assert lxc.stock storage delete tdir
        assert_eq "$(ls -A /srv/tdir)" ""
        rmdir /srv/tdir
}

# Users of the host do not get at set-uid files that a guest's root has made.
test_closed_to_users() {
        assert lxc.stock storage create tdir dir
        assert lxc.stock storage volume create tdir v
        install -m 4755 /bin/true $pools/tdir/custom/default_v/true
        mkdir -m 0700 $pools/tdir/containers/x
        # A shell between: setpriv itself still looks the program up as root.
        assert_fails - "Permission denied" setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "$pools/tdir/custom/default_v/true"
        assert_fails - "Permission denied" setpriv --reuid 65534 --regid 65534 --clear-groups ls $pools/tdir/images
        rmdir $pools/tdir/containers/x
        assert lxc.stock storage volume delete tdir v
        assert lxc.stock storage delete tdir
}

# kill -9 in the middle of many requests: what the daemon knows is what lies there, and all of it can be removed.
test_killed() {
        local i
        assert lxc.stock storage create tloop btrfs size=300MiB
        for i in $(seq 30); do
                api POST /1.0/storage-pools/tloop/volumes/custom "{\"name\": \"v$i\"}" >/dev/null 2>&1 &
                [ $((i % 6)) = 0 ] && systemctl kill -s KILL lxd-storaged.service 2>/dev/null
        done
        wait
        wait_until lxc.stock storage show tloop
        for i in $(seq 30); do
                if api GET "/1.0/storage-pools/tloop/volumes/custom/v$i" | jq -e '.type == "sync"' >/dev/null; then
                        [ -d "$pools/tloop/custom/default_v$i" ] || fail "v$i is known, but not there"
                        assert lxc.stock storage volume delete tloop "v$i"
                fi
        done
        assert_eq "$(ls -A $pools/tloop/custom)" ""
        assert lxc.stock storage delete tloop
}

idle() {
        [ "$(systemctl is-active lxd-storaged.service)" = inactive ]
}

test_idle_end() {
        wait_until idle
        assert lxc.stock storage list
        assert_eq "$(systemctl is-active lxd-storaged.service)" active
}

test_nothing_left() {
        grep -o ' /var/lib/lxd/storage-pools[^ ]*' /proc/self/mountinfo | sort >/tmp/mounts.after
        diff -u /tmp/mounts.before /tmp/mounts.after || fail "mounts are left"
        assert_eq "$(inventory | grep '^loop t')" ""
}

run_tests "$@"
