#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Custom volumes with the stock client: snapshots, restore, copies within and across pools, sizes, a full pool.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
command -v mkfs.btrfs >/dev/null || skip "mkfs.btrfs (btrfs-progs) is not installed"
[ -e /dev/loop-control ] || skip "no loop devices"
pools=/var/lib/lxd/storage-pools

test_setup() {
        wait_until api GET /1.0
        assert lxc.stock storage create vb btrfs size=300MiB
        assert lxc.stock storage create vd dir
}

life() {
        local pool=$1 dir=$pools/$1/custom
        assert lxc.stock storage volume create "$pool" v
        assert_fails 1 "Volume by that name already exists" lxc.stock storage volume create "$pool" v
        echo one >"$dir/default_v/f"
        assert lxc.stock storage volume snapshot "$pool" v s0
        assert_fails 1 "already in use" lxc.stock storage volume snapshot "$pool" v s0
        echo two >"$dir/default_v/f"
        assert lxc.stock storage volume restore "$pool" v s0
        assert_eq "$(cat "$dir/default_v/f")" one
        assert lxc.stock storage volume rename "$pool" v/s0 v/s1
        assert lxc.stock storage volume rename "$pool" v w
        assert lxc.stock storage volume copy "$pool/w" "$pool/c"
        assert_eq "$(lxc.stock storage volume list "$pool" --format csv -c n | sort | tr '\n' ' ')" "c c/s1 w w/s1 "
        assert lxc.stock storage volume delete "$pool" w/s1
        assert lxc.stock storage volume delete "$pool" w
        assert lxc.stock storage volume delete "$pool" c
        assert_eq "$(ls -A "$dir" "$dir-snapshots")" "$(printf '%s:\n\n%s:' "$dir" "$dir-snapshots")"
}

test_life_dir() {
        life vd
}

test_life_btrfs() {
        life vb
}

# The devices of instances and profiles follow a volume that is renamed; a running instance holds it.
test_rename_in_use() {
        setup_server
        assert lxc.stock storage volume create vd data
        assert lxc.stock init bb renamer -s vd
        assert lxc.stock profile create renamer
        assert lxc.stock storage volume attach vd data renamer /mnt/data
        assert lxc.stock profile device add renamer data disk pool=vd source=data path=/mnt/other
        assert lxc.stock storage volume rename vd data moved
        assert_eq "$(lxc.stock config device get renamer data source)" moved
        assert_eq "$(lxc.stock profile device get renamer data source)" moved
        systemctl stop lxd-instanced.service
        assert_eq "$(lxc.stock config device get renamer data source)" moved
        assert lxc.stock start renamer
        assert_fails 1 "Volume is still in use by running instances" lxc.stock storage volume rename vd moved data
        assert_eq "$(lxc.stock config device get renamer data source)" moved
        # Deleting the last one with a schedule ends the duties of the timer.
        assert lxc.stock config set renamer snapshots.schedule @yearly
        assert test -e /run/lxd/snapshot-duties
        assert lxc.stock delete -f renamer
        ! test -e /run/lxd/snapshot-duties || fail "the timer goes on for nothing"
        assert lxc.stock profile delete renamer
        assert lxc.stock storage volume delete vd moved
}

snapshots_of() { api GET "/1.0/storage-pools/vd/volumes/custom/$1/snapshots" | jq -r '.metadata[]' | sed 's,.*/,,'; }
has_snapshots() { [ "$(snapshots_of "$1")" = "$2" ]; }

# What the timer has done each minute, without waiting for the minute.
test_snapshots_by_schedule() {
        local duties=/var/lib/lxd/volume-snapshot-duties
        assert systemctl is-active lxd-volumes-expire.timer
        assert lxc.stock storage volume create vd timed snapshots.schedule="* * * * *" "snapshots.pattern=at-{{ creation_date|date:'2006' }}-%d" snapshots.expiry=1M
        assert test -e $duties
        assert systemctl stop lxd-volumes-expire.timer # not twice in this minute
        systemctl stop lxd-storaged.service 2>/dev/null
        assert systemctl start lxd-volumes-expire.service
        wait_until has_snapshots timed "at-$(date -u +%Y)-0"
        assert_match "$(api GET "/1.0/storage-pools/vd/volumes/custom/timed/snapshots/$(snapshots_of timed)" | jq -r .metadata.expires_at)" "^20"
        assert lxc.stock storage volume unset vd timed snapshots.schedule
        assert_eq "$(curl -sS --unix-socket /var/lib/lxd/unix.socket -X PUT -d '{"expires_at": "2001-01-01T00:00:00Z"}' \
                "http://lxd/1.0/storage-pools/vd/volumes/custom/timed/snapshots/$(snapshots_of timed)" | jq -r .status)" Success
        assert systemctl start lxd-volumes-expire.service
        wait_until has_snapshots timed ""
        ! test -e $duties || fail "the timer goes on for nothing"
        assert lxc.stock storage volume delete vd timed
        assert systemctl start lxd-volumes-expire.timer
}

# Owners, modes, ACLs, capabilities, hard links, holes and device nodes come through, both ways.
test_across() {
        local dir=$pools/vb/custom/default_a
        assert lxc.stock storage volume create vb a
        echo text >"$dir/file"
        ln "$dir/file" "$dir/link"
        chown 12345:54321 "$dir/file"
        chmod 6755 "$dir/file"
        setfacl -m u:777:r "$dir/file"
        setcap cap_net_raw+ep "$dir/file" 2>/dev/null || setfattr -n user.mark -v yes "$dir/file"
        mknod "$dir/null" c 1 3
        mkfifo "$dir/fifo"
        ln -s /etc/passwd "$dir/symlink"
        truncate -s 1G "$dir/hole"
        assert lxc.stock storage volume copy vb/a vd/b
        assert lxc.stock storage volume copy vd/b vb/c
        describe() {
                cd "$1" && find . -printf '%p %y %m %U %G %n %s %T@ %l\n' | grep -v '^\. ' | sort
                find . ! -type l -print0 | sort -z | xargs -0 getfacl -n 2>/dev/null
                find . ! -type l -print0 | sort -z | xargs -0 getfattr -dm - 2>/dev/null
        }
        describe "$dir" | sed 's/^\(.* d [^ ]* [^ ]* [^ ]* \).*/\1/' >/tmp/volume.a
        describe "$pools/vb/custom/default_c" | sed 's/^\(.* d [^ ]* [^ ]* [^ ]* \).*/\1/' >/tmp/volume.c
        diff -u /tmp/volume.a /tmp/volume.c || fail "the copy of the copy differs"
        [ "$(stat -c %b "$pools/vd/custom/default_b/hole")" -lt 1000 ] || fail "the hole was filled"
        assert lxc.stock storage volume move vd/b vb/d
        [ ! -e "$pools/vd/custom/default_b" ] || fail "the moved volume is still there"
        for v in a c d; do
                assert lxc.stock storage volume delete vb "$v"
        done
}

test_size() {
        local dir=$pools/vb/custom/default_q
        assert lxc.stock storage volume create vb q size=20MiB
        dd if=/dev/zero of="$dir/f" bs=1M count=50 conv=fsync 2>/tmp/dd && fail "50 MiB fit into 20"
        grep -q "quota exceeded" /tmp/dd || fail "not the quota: $(cat /tmp/dd)"
        assert lxc.stock storage volume snapshot vb q s
        assert lxc.stock storage volume set vb q size 80MiB
        assert dd if=/dev/zero of="$dir/g" bs=1M count=20 conv=fsync
        assert_match "$(lxc.stock storage volume info vb q)" "Total: 80.00MiB"
        assert_fails 1 "Invalid value" lxc.stock storage volume set vb q size huge
        assert lxc.stock storage volume delete vb q
}

# A full pool says so; nothing is left of what did not fit.
test_full() {
        assert lxc.stock storage volume create vd big
        head -c 400M /dev/urandom >"$pools/vd/custom/default_big/f"
        assert_fails 1 "No space left" lxc.stock storage volume copy vd/big vb/big
        assert_fails 1 "not found" lxc.stock storage volume show vb big
        assert_eq "$(ls -A $pools/vb/custom)" ""
        assert lxc.stock storage volume delete vd big
        wait_until lxc.stock storage volume create vb small
        assert lxc.stock storage volume delete vb small
}

test_remove() {
        assert lxc.stock storage delete vb
        assert lxc.stock storage delete vd
}

run_tests "$@"
