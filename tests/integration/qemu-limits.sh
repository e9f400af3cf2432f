#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a kernel with cgroup v2 alone: a container starts, and its limits are those of its cgroup, also when changed live.
# machine: qemu
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

# A test kernel in an emulator takes its time.
WAIT_SECONDS=180

# payload_has FILE VALUE: the cgroup of the container's init, or one between it and the unit, has this value.
payload_has() {
        local pid path
        pid=$(api GET /1.0/instances/c1/state | jq .metadata.pid)
        path=$(cut -d: -f3 "/proc/$pid/cgroup")
        while [ -n "$path" ] && [ "$path" != / ]; do
                [ "$(cat "/sys/fs/cgroup$path/$1" 2>/dev/null)" != "$2" ] || return 0
                path=${path%/*}
        done
        return 1
}

show_limits() {
        local pid path file
        pid=$(api GET /1.0/instances/c1/state | jq .metadata.pid)
        path=$(cut -d: -f3 "/proc/$pid/cgroup")
        while [ -n "$path" ] && [ "$path" != / ]; do
                for file in memory.max pids.max cpu.max cpuset.cpus; do
                        echo "$path $file: $(cat "/sys/fs/cgroup$path/$file" 2>/dev/null)"
                done
                path=${path%/*}
        done
}

assert_limit() {
        payload_has "$@" || { show_limits; fail "no cgroup of the container has $1 = $2"; }
}

test_setup() {
        assert_eq "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs
        wait_until lxd waitready --timeout=60
        api GET /1.0/storage-pools | grep -q default || assert lxd init --auto
        assert lxc image import "$IMAGES/busybox.tar.xz" --alias busybox
        assert lxc init busybox c1
        assert lxc config set c1 limits.memory 64MiB
        assert lxc config set c1 limits.processes 50
        assert lxc config set c1 limits.cpu 1
        assert lxc config set c1 limits.cpu.allowance 50ms/100ms
        assert lxc start c1
}

test_limits() {
        assert_eq "$(api GET /1.0/instances/c1 | jq -r .metadata.status)" Running
        assert_eq "$(lxc exec c1 -- cat /proc/1/comm </dev/null)" init
        assert_limit memory.max 67108864
        assert_limit pids.max 50
        assert_limit cpu.max "50000 100000"
        payload_has cpuset.cpus 0 || payload_has cpuset.cpus 1 || { show_limits; fail "not on one CPU"; }
}

test_live_change() {
        assert lxc config set c1 limits.memory 96MiB
        assert_limit memory.max 100663296
        assert lxc config set c1 limits.processes 60
        assert_limit pids.max 60
        assert_eq "$(api GET /1.0/instances/c1 | jq -r .metadata.status)" Running
}

# The limit is real: what grows beyond it is killed, and the container lives.
test_memory_limit_holds() {
        assert_fails - "" lxc exec c1 -- sh -c 'head -c 200000000 /dev/zero | tail'
        assert_eq "$(api GET /1.0/instances/c1 | jq -r .metadata.status)" Running
}

test_address() {
        has_address() {
                api GET /1.0/instances/c1/state |
                        jq -e '.metadata.network.eth0.addresses[] | select(.family == "inet" and .scope == "global")'
        }
        wait_until has_address
}

test_delete() {
        assert lxc delete --force c1
        assert lxc image delete busybox
}

run_tests "$@"
