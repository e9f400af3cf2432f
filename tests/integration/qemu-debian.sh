#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a kernel with cgroup v2 and AppArmor: containers whose init is systemd boot whole, obey their limits, answer exec and the
# guest API, live on when every daemon is killed, and stop when asked to.
# machine: qemu
# needs: image-debian
# timeout: 1500
. "$(dirname "$0")/lib.sh"

# A test kernel in an emulator takes its time.
WAIT_SECONDS=300

test_setup() {
        assert_eq "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs
        assert_eq "$(cat /sys/module/apparmor/parameters/enabled)" Y
        wait_until lxd waitready --timeout=60
        if [ "$(api GET /1.0/profiles/default | jq -r .metadata.devices.root.type)" != disk ]; then
                assert lxd init --auto
        fi
        [ "$(api GET /1.0/images/aliases/debian-test | jq -r .type)" = sync ] ||
                assert lxc image import "$IMAGES/debian.tar.xz" --alias debian-test
}

# "degraded" is an end too, with exit status 1; boots() looks at what failed.
has_settled() {
        [[ $(lxc exec "$1" -- systemctl is-system-running </dev/null) =~ ^(running|degraded)$ ]]
}

has_address() {
        lxc list "^$1\$" -c 4 -f csv </dev/null | grep -E '^10\.'
}

init_of() {
        api GET "/1.0/instances/$1/state" | jq .metadata.pid
}

id_of() {
        busctl -j get-property org.lxd.instance1 "/org/lxd/instance1/instance/default/$1" org.lxd.instance1.Instance Id | jq .data
}

# nothing_of NAME: its profile, the compiled copies, the directories of its runs.
nothing_of() {
        assert_eq "$(grep "^lxc-$1_" /sys/kernel/security/apparmor/profiles)" ""
        assert_eq "$(ls /sys/kernel/security/apparmor/policy/namespaces)" ""
        assert_eq "$(find /var/cache/lxc/apparmor -name "lxc-$1_*")" ""
        assert_eq "$(ls /run/lxd/instances)" ""
}

# boots NAME: systemd in it comes up whole, and our DHCP gave it an address.
boots() {
        wait_until has_settled "$1"
        assert_eq "$(lxc exec "$1" -- systemctl list-units --failed --plain --no-legend </dev/null)" ""
        assert_eq "$(lxc exec "$1" -- systemctl is-system-running </dev/null)" running
        wait_until has_address "$1"
        assert_eq "$(api GET "/1.0/instances/$1" | jq -r .metadata.status)" Running
}

# cgroup_value FILE: the limit in the cgroup that the payload gets in the instance's unit.
cgroup_value() {
        cat "/sys/fs/cgroup/lxd.slice/$unit/payload/$1" 2>/dev/null || fail "no $1 in $unit: $(systemd-cgls --no-pager -u "$unit" 2>&1)"
}

test_unprivileged_boots() {
        dmesg --clear
        assert lxc launch debian-test d1 -c limits.memory=512MiB -c limits.processes=500 -c limits.cpu=1
        boots d1
        unit=$(busctl get-property org.lxd.instance1 /org/lxd/instance1/instance/default/d1 org.lxd.instance1.Instance Unit |
                cut -d'"' -f2)
        assert systemctl is-active "$unit"
}

# The profile is made by liblxc for this container alone, with a namespace of its own for what the guest loads, and enforced.
test_profile() {
        assert_match "$(cat "/proc/$(init_of d1)/attr/current")" "^lxc-d1_</run/lxd/instances/$(id_of d1)>.* \(enforce\)\$"
}

# What the kernel denied a normal guest. The lock on a socket is a shortcoming of AppArmor in Linux 6.1, for which no rule can be written:
# PrivateNetwork= of a guest's services is without effect, which systemd ignores.
test_no_harmful_denials() {
        local denials
        denials=$(dmesg | grep 'apparmor="DENIED"' | grep -v 'operation="file_lock" .*family="unix"')
        assert_eq "$denials" ""
}

test_limits() {
        assert_eq "$(cgroup_value memory.max)" 536870912
        assert_eq "$(cgroup_value pids.max)" 500
        assert_match "$(cgroup_value cpuset.cpus)" '^[01]$'
        assert lxc config set d1 limits.memory 640MiB
        assert_eq "$(cgroup_value memory.max)" 671088640
        assert_eq "$(lxc exec d1 -- nproc </dev/null)" 1
}

test_exec_status() {
        assert_fails 42 "" lxc exec d1 -- sh -c 'exit 42'
        assert_fails 143 "" lxc exec d1 -- sh -c 'kill -TERM $$'
        assert_eq "$(echo input | lxc exec d1 -- cat)" input
        assert_eq "$(lxc exec d1 -- systemctl is-active systemd-networkd.service </dev/null)" active
}

# The image has no client for unix sockets but what bash and Perl bring; Perl is essential in Debian.
ask_guest_api() {
        lxc exec d1 -- perl -e 'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new("/dev/lxd/sock") or die "connect: $!";
                print $s "GET $ARGV[0] HTTP/1.0\r\nHost: lxd\r\n\r\n"; local $/; print <$s>;' "$1" </dev/null
}

test_guest_api() {
        assert lxc config set d1 user.greeting=hello
        assert_match "$(ask_guest_api /1.0/config/user.greeting)" 'hello$'
        assert_match "$(ask_guest_api /1.0/meta-data)" 'local-hostname: d1'
}

test_survives_every_daemon() {
        local daemon pid
        pid=$(init_of d1)
        for daemon in apid clusterd imaged storaged netd instanced devlxd; do
                systemctl kill -s KILL "lxd-$daemon.service" 2>/dev/null
        done
        assert_eq "$(init_of d1)" "$pid"
        assert_eq "$(lxc exec d1 -- cat /proc/1/comm </dev/null)" systemd
        assert has_address d1
        assert_match "$(ask_guest_api /1.0/config/user.greeting)" 'hello$'
}

test_stop_and_start_again() {
        assert lxc stop d1
        assert_eq "$(systemctl show -P ActiveState "$unit")" inactive
        assert_eq "$(systemctl show -P Result "$unit")" success
        assert test ! -e "/sys/fs/cgroup/lxd.slice/$unit"
        nothing_of d1
        assert lxc start d1
        boots d1
        assert systemctl stop "$unit"
        assert_eq "$(api GET /1.0/instances/d1 | jq -r .metadata.status)" Stopped
        nothing_of d1
}

# liblxc's monitor, whose duty it is to remove the profile, is killed with all the rest.
test_killed_guest_leaves_nothing() {
        assert lxc start d1
        systemctl kill -s KILL "$unit"
        is_stopped() {
                [ "$(lxc list -c s -f csv d1 </dev/null)" = STOPPED ]
        }
        wait_until is_stopped
        nothing_of d1
        assert lxc delete d1
}

test_privileged() {
        # Without nesting it may not mount what the sandboxes of its services want, no more than in LXD: its root is the host's.
        assert lxc launch debian-test d2 -c security.privileged=true -c security.nesting=true
        boots d2
        assert_match "$(cat "/proc/$(init_of d2)/attr/current")" '\(enforce\)$'
        assert lxc delete --force d2
}

test_clean_up() {
        assert lxc image delete debian-test
}

run_tests "$@"
