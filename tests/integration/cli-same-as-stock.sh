#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Our lxc prints the same bytes and ends with the same status as the stock client of LXD 5.0.2, asked about the same server.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

# same ARGUMENTS: both clients, output and status. Words of our own may only follow on a second line of an error.
same() {
        local stock ours
        stock=$(lxc.stock "$@" 2>&1 </dev/null; echo "status $?")
        ours=$(lxc "$@" 2>&1 </dev/null; echo "status $?")
        if [[ $stock == "Error: "* ]]; then
                stock="$(head -1 <<<"$stock") $(tail -1 <<<"$stock")"
                ours="$(head -1 <<<"$ours") $(tail -1 <<<"$ours")"
        fi
        [ "$stock" = "$ours" ] || fail "lxc $*: $(diff <(echo "$stock") <(echo "$ours"))"
}

test_setup() {
        command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
        setup_server
        lxc.stock list >/dev/null 2>&1          # greets who uses it for the first time
        assert lxc init bb same1 -c user.long="$(seq -s ' ' 60)" -c user.lines=$'a\n  b\nc' -c user.comma=a,b
        assert lxc init bb same10
        assert lxc init bb same2 -e
        assert lxc snapshot same1 snap0
        assert lxc profile create same-profile
        assert lxc profile set same-profile user.a=yes user.b=1.10 user.c="it's: x"
        assert lxc storage volume create default same-volume
        assert lxc config device add same1 data disk pool=default source=same-volume path=/data
}

test_instances() {
        same list
        same list -f csv
        same list -f compact
        same list -f yaml
        same list -f json
        same list --fast
        same list same1
        same list '.*10$' -c n
        same list user.comma=a,b -c n,user.comma:COMMA -f csv
        same list u.comma=a,b -c ns
        same list nothing
        same list '^same1'
        same list '1$' -c n
        same list '^ame' -c n
        same list user.none= -c n
        same list user.comma= -c n
        same list -c n,user.comma::3
        same list local:same1 -c n
        same list type=container status=stopped -c n
        same list -c bdeFfPstS
        same list -c n,devices:data.path:PATH,config:image.os
        same info same1
        same config show same1
        same config show same1 --expanded
        same config get same1 user.comma
        same config get same1 user.none
        same config device list same1
        same config device show same1
        same config device get same1 data path
}

test_others() {
        same profile list
        same profile show same-profile
        same profile get same-profile user.b
        same profile device get default root pool
        same profile device show default
        same image list
        same image list -f csv
        same image list -c lfFpdasut
        same image list local:bb -c l
        same image list local: -c l
        same image show bb
        same image alias list
        same image get-property bb os
        same network list
        same network list -f csv
        same network show lxdbr0
        same network get lxdbr0 ipv4.nat
        same network list-leases lxdbr0
        same storage list
        same storage show default
        same storage get default source
        same storage volume list default
        same storage volume show default same-volume
        same config trust list
        same remote list
        same remote list -f json
        same remote list -f yaml
        same remote get-default
        same alias list
        same config metadata show same1
        same storage show default --resources
        same info same1 --resources
        same warning list
        same project list
        same project show default
        same config show
        same query /1.0/profiles
        same query /1.0/profiles/same-profile
}

# A group without a command: the help goes where errors go, so that no script reads it as an answer.
test_groups() {
        local group
        for group in config "config device" image "storage volume" profile alias; do
                # shellcheck disable=SC2086
                assert_eq "$(lxc $group 2>/dev/null; echo $?)" "$(lxc.stock $group 2>/dev/null; echo $?)"
                # shellcheck disable=SC2086
                assert_match "$(lxc $group 2>&1)" "Available Commands:"
        done
        assert_match "$(lxc help --all)" "monitor"
        assert_match "$(lxc help -h 2>&1)" "Available Commands:"
        assert_match "$(lxc info | sed -n '/storage_supported_drivers/,$p')" "- name: btrfs"
}

test_errors() {
        same info nothing
        same info same1 --target x
        same config show same1 --target x
        same config get same1 user.a --target x
        same list --fast -c n
        same image list -c ''
        same image show bb --vm
        same image info bb --vm
        same profile list nothing:
        same network list nothing:
        same storage list nothing:
        same project list nothing:
        same image alias list nothing:
        same config trust list nothing:
        same operation list nothing:
        same storage volume set default same-volume/nothing user.a=b
        same alias remove nothing
        same alias rename nothing x
        same project switch nothing
        same shell nothing
        same config get nothing x
        same config unset same1 user.none
        same config set same1 user.a=1 user.b
        same config device get same1 nothing x
        same config device remove same1 nothing
        same profile show nothing
        same profile remove same1 same-profile
        same storage show nothing
        same network show nothing
        same image info nothing
        same operation show nothing
        same file push nothing same1/tmp/
        same file push /etc/hosts same1
        same list --nothing
        same list -z
        same list -c Z
        same list -f nothing
        same list --columns
        same nothing
        same config nothing
        same exec same1 ls -l
        same query nothing
        same rename same1
}

test_teardown() {
        assert lxc config device remove same1 data
        assert lxc delete same1 same10 same2
        assert lxc storage volume delete default same-volume
        assert lxc profile delete same-profile
}

run_tests "$@"
