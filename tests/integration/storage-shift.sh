#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pools on a file system that cannot have idmapped mounts (an overlay): the files are shifted to the container's ids, and back.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
root=/var/tmp/shift-test

test_setup() {
        wait_until api GET /1.0
        mkdir -p $root/{lower,upper,work,pool}
        mount -t overlay overlay -o lowerdir=$root/lower,upperdir=$root/upper,workdir=$root/work $root/pool
        assert lxc.stock storage create sh dir source=$root/pool
        assert lxc.stock storage create plain dir
        setup_server
        assert lxc.stock init bb s1 -s sh
        files=$root/pool/containers/s1/rootfs
}

key() {
        lxc.stock config get "$1" "$2"
}

base_of() {
        key "$1" volatile.last_state.idmap | sed -n 's/.*"Isuid":true[^}]*"Hostid":\([0-9]*\).*/\1/p'
}

owner() {
        stat -c %u:%g "$files/$1"
}

# What a guest may have in its tree: each thing that a change of the owner loses or that names an id somewhere else.
furnish() {
        mkdir -p "$files/t/dir"
        cp /bin/true "$files/t/suid"
        chmod 6755 "$files/t/suid"
        cp /bin/true "$files/t/caps"
        setcap cap_net_raw+ep "$files/t/caps"
        echo acl >"$files/t/acl"
        setfacl -m u:1000:rw,g:2000:r "$files/t/acl"
        setfacl -d -m u:1000:rwx "$files/t/dir"
        echo link >"$files/t/one"
        ln "$files/t/one" "$files/t/two"
        chown 1000:2000 "$files/t/one"
        ln -s /etc/passwd "$files/t/symlink"
        ln -s / "$files/t/outside"
        mkfifo "$files/t/fifo"
        passwd_owner=$(stat -c %u:%g /etc/passwd)
}

# check BASE: everything belongs to the ids from BASE on.
check() {
        local b=$1
        assert_eq "$(owner .)" "$b:$b"
        assert_eq "$(stat -c %u:%g:%a "$files/t/suid")" "$b:$b:6755"
        assert_eq "$(owner t/one)" "$((b + 1000)):$((b + 2000))"
        assert_eq "$(stat -c %h "$files/t/two")" 2
        assert_eq "$(owner t/symlink)" "$b:$b"
        assert_eq "$(owner t/fifo)" "$b:$b"
        getfacl -npc "$files/t/acl" | grep -qx "user:$((b + 1000)):rw-" || fail "$(getfacl -n "$files/t/acl")"
        getfacl -npc "$files/t/acl" | grep -qx "group:$((b + 2000)):r--" || fail "$(getfacl -n "$files/t/acl")"
        getfacl -npc "$files/t/dir" | grep -qx "default:user:$((b + 1000)):rwx" || fail "$(getfacl -n "$files/t/dir")"
        if [ "$b" = 0 ]; then
                assert_match "$(getcap -n "$files/t/caps")" "cap_net_raw=ep$"
        else
                assert_match "$(getcap -n "$files/t/caps")" "cap_net_raw=ep \[rootid=$b\]$"
        fi
        assert_eq "$(stat -c %u:%g /etc/passwd)" "$passwd_owner"
        assert_eq "$(find $root/pool -name '.shift*')" ""
}

test_shifted_at_start() {
        furnish
        assert lxc.stock start s1
        base=$(base_of s1)
        [ "$base" -gt 0 ] || fail "volatile.last_state.idmap is $(key s1 volatile.last_state.idmap)"
        assert_eq "$(key s1 volatile.last_state.idmap)" "$(key s1 volatile.idmap.current)"
        check "$base"
        assert_eq "$(lxc.stock exec s1 -- stat -c %u:%g /t/one)" 1000:2000
        assert_eq "$(lxc.stock exec s1 -- stat -c %a /t/suid)" 6755
        journalctl -b -o cat MESSAGE_ID=6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a0b | grep -q '^Shifted the owners of [0-9]* files of instance "s1"' ||
                fail "nothing in the journal"
}

test_start_again_does_not_shift() {
        local before after
        assert lxc.stock stop -f s1
        before=$(stat -c %Z "$files/t/one")
        assert lxc.stock start s1
        after=$(stat -c %Z "$files/t/one")
        assert_eq "$after" "$before"
        check "$base"
}

# Pushed and pulled files have the guest's ids whether it runs or not.
test_files_while_stopped() {
        assert lxc.stock stop -f s1
        assert lxc.stock file push /etc/hostname s1/t/pushed --uid 33 --gid 44
        assert_eq "$(owner t/pushed)" "$((base + 33)):$((base + 44))"
        assert lxc.stock start s1
        assert_eq "$(lxc.stock exec s1 -- stat -c %u:%g /t/pushed)" 33:44
        assert lxc.stock stop -f s1
}

test_snapshot_copy_restore_keep_the_ids() {
        assert lxc.stock snapshot s1 snap
        assert lxc.stock copy s1 s2 -s plain
        assert_eq "$(base_of s2)" "$base"
        # There mounts map ids: it is shifted back at its first start.
        assert lxc.stock start s2
        assert_eq "$(key s2 volatile.last_state.idmap)" "[]"
        assert_eq "$(stat -c %u:%g /var/lib/lxd/storage-pools/plain/containers/s2/rootfs/t/one)" 1000:2000
        assert_eq "$(lxc.stock exec s2 -- stat -c %u:%g /t/one)" 1000:2000
        assert lxc.stock delete -f s2
        assert lxc.stock config set s1 security.privileged true
        assert_eq "$(key s1 volatile.idmap.next)" "[]"
        assert lxc.stock start s1
        check 0
        assert_eq "$(key s1 volatile.last_state.idmap)" "[]"
        assert lxc.stock stop -f s1
        assert lxc.stock restore s1 snap
        assert_eq "$(base_of s1)" "$base"
        check "$base"
        assert lxc.stock start s1
        check "$base"
        assert lxc.stock stop -f s1
}

test_isolated() {
        assert lxc.stock config set s1 security.idmap.isolated true
        assert lxc.stock start s1
        isolated=$(base_of s1)
        [ "$isolated" != "$base" ] || fail "still $base"
        assert_eq "$isolated" "$(key s1 volatile.idmap.base)"
        check "$isolated"
        assert lxc.stock stop -f s1
        assert lxc.stock config unset s1 security.idmap.isolated
        assert lxc.stock start s1
        check "$base"
}

volume_owner() {
        stat -c %u:%g "$root/pool/custom/default_$1"
}

test_custom_volumes() {
        assert lxc.stock storage volume create sh v
        assert lxc.stock storage volume attach sh v s1 /mnt/v
        assert_eq "$(volume_owner v)" "$base:$base"
        assert lxc.stock exec s1 -- touch /mnt/v/file
        assert_match "$(lxc.stock storage volume get sh v volatile.idmap.last)" "\"Hostid\":$base,"
        assert lxc.stock init bb s3 -s sh -c security.privileged=true
        assert lxc.stock storage volume attach sh v s3 /mnt/v
        assert_fails 1 "Idmaps of container and storage volume are not identical" lxc.stock start s3
        assert lxc.stock storage volume create sh mapped security.shifted=true
        assert_fails 1 "Required idmapping abilities not available" lxc.stock storage volume attach sh mapped s1 /mnt/mapped
        assert lxc.stock storage volume create sh raw security.unmapped=true
        assert lxc.stock storage volume attach sh raw s1 /mnt/raw
        assert_eq "$(volume_owner raw)" 0:0
        assert_eq "$(lxc.stock exec s1 -- stat -c %u /mnt/raw)" 65534
        assert lxc.stock stop -f s1
        assert lxc.stock start s3
        assert_eq "$(volume_owner v)" 0:0
        assert_eq "$(stat -c %u "$root/pool/custom/default_v/file")" 0
        assert lxc.stock delete -f s3
        assert lxc.stock storage volume detach sh raw s1
}

no_shift_is_left() {
        ! compgen -G "$root/pool/containers/.shift*" >/dev/null
}

# Some of the files have other owners than they had.
shift_has_begun() {
        [ -n "$(find "$files/many" -type f ! -uid "$1" -print -quit)" ]
}

# kill -9 of lxd-storaged with its worker in the middle of a shift: nothing is shifted twice, and the next start makes it whole.
test_killed_in_the_middle() {
        local i owner since
        mkdir "$files/many"
        for ((i = 0; i < 20000; i++)); do echo "$files/many/$i"; done | xargs touch
        chown -R "$base:$base" "$files/many"
        since=$(date +%s)
        for ((i = 1; i <= 6; i++)); do
                # What was cut off is undone, unless it was done: each start is for the other ids than those that the files have.
                wait_until no_shift_is_left
                owner=$(stat -c %u "$files/many/0")
                assert lxc.stock config set s1 security.privileged "$([ "$owner" = 0 ] && echo false || echo true)"
                lxc.stock start s1 >/dev/null 2>&1 &
                wait_until shift_has_begun "$owner"
                systemctl kill -s KILL lxd-storaged.service
                wait
                lxc.stock stop -f s1 >/dev/null 2>&1
        done
        wait_until no_shift_is_left
        assert_match "$(journalctl -u lxd-storaged --since "@$since" -o cat)" 'volume "s1" in storage pool "sh", whose job was cut off'
        assert lxc.stock config set s1 security.privileged false
        assert lxc.stock start s1
        check "$base"
        assert_eq "$(find "$files/many" ! -uid "$base" | wc -l)" 0
}

test_cleanup() {
        assert lxc.stock delete -f s1
        assert lxc.stock storage volume delete sh v
        assert lxc.stock storage volume delete sh raw
        assert lxc.stock storage volume delete sh mapped
        assert lxc.stock storage delete sh
        assert lxc.stock storage delete plain
        umount $root/pool
        rm -rf $root
}

run_tests
