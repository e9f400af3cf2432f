#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Instances as units and bus objects: busctl and systemctl alone, devices at start and in flight, boot and shutdown, creation under kill -9.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"
paths=/org/lxd/instance1/instance/default

test_setup() {
        setup_server
        inventory >/tmp/before
}

status_of() {
        busctl get-property org.lxd.instance1 "$paths/$1" org.lxd.instance1.Instance Status
}

is() {
        [ "$(status_of "$1")" = "s \"$2\"" ]
}

unit_of() {
        busctl get-property org.lxd.instance1 "$paths/$1" org.lxd.instance1.Instance Unit | cut -d'"' -f2
}

test_busctl_alone() {
        assert busctl call org.lxd.instance1 /org/lxd/instance1 org.lxd.instance1.Manager CreateInstance \
                'sssssbasa{ss}a{sa{ss}}a{ss}(sss)t' default i1 container '' '' false 0 0 0 2 type image alias bb '' '' '' 1
        wait_until is i1 Stopped
        wait_until busctl call org.lxd.instance1 "$paths/i1" org.lxd.instance1.Instance Start '(sss)t' '' '' '' 0
        wait_until is i1 Running
        assert busctl -- call org.lxd.instance1 "$paths/i1" org.lxd.instance1.Instance Stop 'i(sss)t' -1 '' '' '' 1
        wait_until is i1 Stopped
}

test_systemctl_alone() {
        unit=$(unit_of i1)
        assert systemctl start "$unit"
        assert is i1 Running
        assert systemctl stop "$unit"
        wait_until is i1 Stopped
}

test_devices() {
        assert lxc storage volume create default v1
        assert lxc config device add i1 v disk pool=default source=v1 path=/vol
        assert lxc config device add i1 zero unix-char source=/dev/zero path=/dev/myzero mode=0666
        assert lxc start i1
        lxc exec i1 -- sh -c 'echo x >/vol/file && head -c 4 /dev/myzero >/vol/zeros' || fail "devices of the start"
        assert_eq "$(lxc exec i1 -- stat -c %u:%s /vol/zeros)" 0:4
        assert lxc config device add i1 eth9 nic network=lxdbr0 name=eth9
        assert lxc exec i1 -- ip link show eth9
        assert lxc config device remove i1 eth9
        assert_fails - "" lxc exec i1 -- ip link show eth9
        assert lxc config device remove i1 v
        assert_fails - "" lxc exec i1 -- test -e /vol/file
        # The device that all guests have stays usable under its own name.
        assert lxc config device remove i1 zero
        assert_fails - "" lxc exec i1 -- test -e /dev/myzero
        assert lxc exec i1 -- sh -c 'head -c 4 /dev/zero >/root/zeros'
        assert lxc stop -f i1
        assert_eq "$(ls /var/lib/lxd/devices)" ""
        assert lxc storage volume delete default v1
}

# Who deletes an instance waits for who is just writing a file in it; whoever comes later is told.
test_deleted_during_a_push() {
        local rc=0
        assert lxc init bb pushed
        assert_eq "$(api GET /1.0/instances/pushed | jq -r .metadata.last_used_at)" 1970-01-01T00:00:00Z
        (echo begin; sleep 3; echo end) | api_push pushed /file >/tmp/pushed &
        local push=$!
        sleep 1
        assert lxc delete pushed
        wait "$push" || rc=$?
        assert_eq "$rc" 0
        assert_match "$(cat /tmp/pushed)" '"status_code":200'
        assert_fails - "" lxc info pushed
}

api_push() {
        curl -sS --unix-socket /var/lib/lxd/unix.socket -X POST -H 'Transfer-Encoding: chunked' -H 'Content-Type: application/octet-stream' -T - \
                "http://lxd/1.0/instances/$1/files?path=$2"
}

# lxd-instanced has a mount namespace of its own: what it prepares must be there nevertheless, also from folders closed to the guest's root.
test_disks_of_the_host() {
        mkdir -p /root/shared /tmp/shared/inner
        echo home >/root/shared/file
        assert mount -t tmpfs none /tmp/shared/inner
        echo tmp >/tmp/shared/inner/file
        assert lxc config device add i1 home disk source=/root/shared path=/mnt/home
        assert lxc config device add i1 single disk source=/root/shared/file path=/mnt/single
        assert lxc config device add i1 all disk source=/tmp/shared path=/mnt/all recursive=true
        assert lxc config device add i1 top disk source=/tmp/shared path=/mnt/top
        assert lxc start i1
        assert_eq "$(lxc exec i1 -- cat /mnt/home/file /mnt/single /mnt/all/inner/file)" $'home\nhome\ntmp'
        assert_fails - "" lxc exec i1 -- cat /mnt/top/inner/file
        assert_eq "$(grep -c /var/lib/lxd/devices/ /proc/self/mountinfo)" 0
        assert lxc stop -f i1
        assert_eq "$(ls /var/lib/lxd/devices)" ""
        assert_fails - 'Failed add validation for device "top": Missing source path "/root/missing" for disk "top"' \
                lxc config device set i1 top source=/root/missing
        mkdir /root/missing
        assert lxc config device set i1 top source=/root/missing
        rmdir /root/missing
        assert_fails - 'Failed to start device "top": Missing source path "/root/missing"' lxc start i1
        assert_eq "$(ls /var/lib/lxd/devices)" ""
        assert_eq "$(grep -c /var/lib/lxd/devices/ /proc/self/mountinfo)" 0
        for name in home single all top; do assert lxc config device remove i1 "$name"; done
        # The binds were mounts of their own: the host's is still there.
        assert umount /tmp/shared/inner
        rm -r /root/shared /tmp/shared
}

test_a_guest_reaches_its_own_socket_only() {
        for privileged in false true; do
                assert lxc config set i1 security.privileged=$privileged security.nesting=$privileged
                assert lxc start i1
                assert_eq "$(lxc exec i1 -- find / '(' -path /proc -o -path /sys ')' -prune -o -type s -print)" /dev/lxd/sock
                # Sockets without a file belong to a network namespace.
                assert_fails - "" lxc exec i1 -- grep -E 'lxd|lxc|@' /proc/net/unix
                # The processes through whose root the host's sockets could be opened are not there.
                assert_fails - "" lxc exec i1 -- grep -l lxd- /proc/[0-9]*/comm
                assert lxc stop -f i1
        done
        assert lxc config unset i1 security.privileged
        assert lxc config unset i1 security.nesting
}

# The kernel drops a signal that an init does not handle, and one that has just started does not handle any.
test_stop_while_its_init_still_starts() {
        assert lxc init bb late
        printf '#!/bin/sh\nsleep 2\ntrap "exit 0" PWR\nwhile :; do sleep 0.1; done\n' >/tmp/late
        assert lxc file delete late/sbin/init
        assert lxc file push /tmp/late late/sbin/init --mode 0755
        assert lxc start late
        assert lxc stop late --timeout 60
        assert lxc start late
        assert systemctl stop "$(unit_of late)"
        assert is late Stopped
        assert_eq "$(journalctl -b --no-pager -g 'late did not shut down' -o cat | grep -v 'No entries')" ""
        assert lxc delete late
}

test_a_copy_that_is_renamed_before_its_first_start() {
        assert lxc copy i1 copied
        assert lxc rename copied renamed
        assert lxc start renamed
        assert_eq "$(lxc exec renamed -- cat /etc/hostname)" renamed
        assert lxc delete -f renamed
}

test_errors_explain() {
        local long
        long=$(printf '%0300d' 0)
        assert_match "$(api POST "/1.0/instances/i1/files?path=/root/$long")" '"error_code":400,"error":".*a name in the path is too long"'
        assert lxc start i1
        assert_fails - 'Error: Failed to start device "n": Required device "/dev/none" is missing' \
                lxc config device add i1 n unix-char source=/dev/none path=/dev/n
        assert_fails - 'Error: Failed add validation for device "n": Missing source path "/none" for disk "n"' \
                lxc config device add i1 n disk source=/none path=/n
        assert lxc stop -f i1
        assert lxc config device add i1 n unix-char source=/dev/none path=/dev/n
        assert_fails - 'Failed to start device "n": Required device "/dev/none" is missing' lxc start i1
        assert lxc config device remove i1 n
}

# A changed profile is answered when its running users have followed, or could not.
test_profile_reaches_running_users() {
        assert lxc profile create live
        assert lxc profile add i1 live
        assert lxc start i1
        for n in 71 72 73; do
                assert lxc profile set live limits.processes=$n
                assert_eq "$(cat /sys/fs/cgroup/pids/lxd.slice/"$(unit_of i1)"/payload/pids.max \
                        /sys/fs/cgroup/lxd.slice/"$(unit_of i1)"/payload/pids.max 2>/dev/null)" "$n"
        done
        assert_fails - "failed to update (profile change still saved):" lxc profile device add live n disk source=/none path=/n
        assert_fails - 'Instance: i1: Failed add validation for device "n": Missing source path "/none"' \
                lxc profile device set live n path=/n2
        assert lxc profile device remove live n
        assert lxc stop -f i1
        assert lxc profile remove i1 live
        assert lxc profile delete live
}

test_boot_and_shutdown() {
        assert lxc start i1
        assert systemctl stop lxd-instances.service
        assert is i1 Stopped
        assert systemctl start lxd-instances.service # it ran when the host went down
        assert is i1 Running
        assert lxc stop -f i1
        assert systemctl restart lxd-instances.service
        assert is i1 Stopped
        assert lxc delete i1
}

test_killed_while_creating() {
        local pid

        for n in 1 2 3 4; do
                lxc init bb "k$n" >/dev/null 2>&1 &
        done
        wait_until test -n "$(busctl tree --list org.lxd.instance1)"
        pid=$(systemctl show -p MainPID --value lxd-instanced.service)
        kill -KILL "$pid"
        wait_until sh -c "! kill -0 $pid" # what it was asked in its last moment fails, and that is not the subject here
        wait
        for n in 1 2 3 4; do # half-made ones are gone, whole ones can be deleted, and the same name works again
                lxc delete "k$n" >/dev/null 2>&1
                assert lxc init bb "k$n"
                assert lxc delete "k$n"
        done
}

test_nothing_left() {
        inventory >/tmp/after
        diff -u /tmp/before /tmp/after || fail "left behind"
}

run_tests "$@"
