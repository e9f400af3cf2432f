#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What test suites written for LXD do in passing, with the stock client: they look into LXD's folders, try what must be refused, use short forms.
# machine: nspawn
# needs: image-busybox
# timeout: 120
. "$(dirname "$0")/lib.sh"
lxc() { HOME=/root lxc.stock "$@"; }

test_setup() {
        command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
        setup_server
        lxc list >/dev/null 2>&1        # greets who uses it for the first time
}

test_folders() {
        local state=/var/lib/lxd
        assert lxc init bb su1
        assert test -d $state/containers/su1/rootfs
        assert test -e $state/containers/su1/metadata.yaml
        assert_fails - "" test -e $state/snapshots/su1
        assert lxc snapshot su1 s0
        assert test -d $state/snapshots/su1/s0/rootfs
        assert lxc rename su1 su2
        assert test -d $state/snapshots/su2/s0/rootfs
        assert_fails - "" test -L $state/containers/su1
        assert lxc copy su2 su3
        assert test -d $state/snapshots/su3/s0
        assert lxc delete su2/s0
        assert_fails - "" test -L $state/snapshots/su2
        assert lxc delete su2 su3
        assert_eq "$(ls $state/containers $state/snapshots | grep su)" ""
}

test_config() {
        assert lxc launch bb su1 -c linux.sysctl.net.ipv4.ip_forward=1 -c cluster.evacuate=stop
        assert_eq "$(lxc exec su1 -- cat /proc/sys/net/ipv4/ip_forward)" 1
        assert_fails 1 "raw.lxc" lxc.stock config set su1 raw.lxc lxc.notaconfigkey=invalid
        assert_fails 1 "linux.sysctl" lxc.stock config set su1 linux.sysctl.a:b=1
        assert lxc delete -f su1
}

test_instance_types() {
        assert lxc init bb su1 -t c1.5-m0.5
        assert_eq "$(lxc config show su1 | grep limits)" "  limits.cpu: \"2\"
  limits.cpu.allowance: 75%
  limits.memory: 512MB"
        assert lxc delete su1
        assert lxc init bb su1 -t c2 -c limits.cpu=1
        assert_eq "$(lxc config get su1 limits.cpu)" 1
        assert lxc delete su1
        assert_fails 1 "Bad custom instance type: m512MB" lxc.stock init bb su1 -t m512MB
        assert_fails 1 "Provided instance type doesn't exist: t2.micro" lxc.stock init bb su1 -t t2.micro
}

test_devices_that_cannot_work() {
        assert lxc init bb su1
        assert lxc profile create sup
        assert_fails 1 'Missing source path "/nope" for disk "d"' lxc.stock config device add su1 d disk source=/nope path=/x
        assert_fails 1 'Failed loading custom volume' lxc.stock storage volume attach default nope su1 /x
        assert_fails 1 'Storage pool not found' lxc.stock config device add su1 d disk pool=nope source=v path=/x
        assert_eq "$(lxc config device list su1)" ""
        assert lxc config device add su1 d disk source=/nope path=/x required=false
        assert lxc profile device add sup e disk source=/nope path=/y
        assert_fails 1 'Missing source path "/nope" for disk "e"' lxc.stock profile add su1 sup
        assert_fails 1 'Missing source path "/nope" for disk "e"' lxc.stock init bb su2 -p default -p sup
        assert lxc config set su1 user.other thing
        assert lxc delete su1
        assert lxc profile delete sup
}

test_move_to_pool() {
        assert lxc storage create su-pool dir
        assert lxc init bb su1
        assert lxc snapshot su1 s0
        assert lxc move su1 -s su-pool
        assert_eq "$(lxc storage volume list su-pool -f csv -c tn)" "container,su1
container (snapshot),su1/s0"
        assert_eq "$(lxc config device get su1 root pool)" su-pool
        assert lxc restore su1 s0
        assert lxc start su1
        assert_fails 1 "stop the instance" lxc.stock move su1 -s default
        assert lxc stop -f su1
        assert lxc move su1 su2 -s default
        assert_eq "$(readlink /var/lib/lxd/containers/su2)" /var/lib/lxd/storage-pools/default/containers/su2
        assert_eq "$(lxc storage volume list su-pool -f csv -c tn)" ""
        assert_fails 1 "Storage pool not found" lxc.stock move su2 -s nope
        assert /usr/bin/env lxc move su2 su3 -s su-pool
        assert lxc start su3
        assert lxc delete -f su3
        assert lxc storage delete su-pool
}

test_refresh() {
        assert lxc init bb su1
        assert lxc snapshot su1 s0
        assert lxc copy su1 su2 --refresh       # nothing to refresh: a copy
        assert lxc snapshot su1 s1
        echo late | lxc file push - su1/root/marker
        assert lxc delete su1/s0
        assert lxc snapshot su2 own
        assert lxc copy su1 su2 --refresh
        assert_eq "$(lxc query /1.0/instances/su2/snapshots | jq -c .)" '["/1.0/instances/su2/snapshots/s1"]'
        assert_eq "$(lxc file pull su2/root/marker -)" late
        assert lxc snapshot su2 own
        assert lxc copy su1 su2 --refresh --instance-only
        assert_eq "$(lxc query /1.0/instances/su2/snapshots | jq length)" 2
        assert lxc restore su2 s1
        assert_fails 1 "" lxc.stock file pull su2/root/marker -
        assert lxc start su2
        assert_fails 1 "Instance is running" lxc.stock copy su1 su2 --refresh
        assert lxc delete -f su1 su2
}

test_volume_twice() {
        assert lxc storage volume create default su-vol
        assert lxc launch bb su1
        assert lxc storage volume attach default su-vol su1 /mnt/a
        assert lxc storage volume attach default su-vol su1 second /mnt/b
        assert lxc exec su1 -- touch /mnt/a/file
        assert lxc storage volume detach default su-vol su1 second
        assert lxc exec su1 -- test -e /mnt/a/file
        assert_fails 1 "still in use by running instances" lxc.stock storage volume rename default su-vol su-other
        assert lxc storage volume detach default su-vol su1
        assert lxc storage volume rename default su-vol su-other
        assert lxc delete -f su1
        assert lxc storage volume set default su-other security.shifted true
        assert_fails 1 "mutually exclusive" lxc.stock storage volume set default su-other security.unmapped true
        assert lxc storage volume delete default su-other
}

# The devices that name a volume follow it to another pool; the guest sees it again at its next start. Debian's client copies and deletes.
test_volume_to_pool() {
        local pools=/var/lib/lxd/storage-pools
        move() { /usr/bin/env lxc storage volume move "$@"; }
        assert lxc storage create su-pool dir
        assert lxc storage volume create default su-vol user.a=b
        assert lxc launch bb su1
        assert lxc config device add su1 data disk pool=default source=su-vol path=data
        assert lxc exec su1 -- touch /data/marker
        assert lxc storage volume snapshot default su-vol s
        assert_fails 1 "Volume is still in use by running instances" move default/su-vol su-pool/su-new
        assert lxc stop -f su1
        assert_fails 1 "Storage pool not found" move default/su-vol nope/su-new
        assert move default/su-vol su-pool/su-new
        assert_eq "$(lxc config device get su1 data pool) $(lxc config device get su1 data source)" "su-pool su-new"
        assert_eq "$(lxc storage volume get su-pool su-new user.a)" b
        assert_eq "$(lxc storage volume list su-pool -f csv -c tn)" "custom,su-new
custom (snapshot),su-new/s"
        assert_fails - "" test -e $pools/default/custom/default_su-vol
        assert lxc start su1
        assert lxc exec su1 -- test -e /data/marker
        assert lxc delete -f su1
        assert lxc storage volume delete su-pool su-new
        assert lxc storage delete su-pool
}

isolated() {
        cat "/sys/class/net/$(lxc config get su1 volatile.eth0.host_name)/brport/isolated"
}

test_port_isolation() {
        assert lxc launch bb su1
        assert_eq "$(isolated)" 0
        assert lxc config device override su1 eth0 security.port_isolation=true
        assert_eq "$(isolated)" 1
        assert lxc restart -f su1
        assert_eq "$(isolated)" 1
        assert lxc config device unset su1 eth0 security.port_isolation
        assert_eq "$(isolated)" 0
        assert lxc delete -f su1
}

test_server_keys() {
        assert lxc config set user.su yes
        assert lxc config unset user.su
        assert lxc config unset user.su
        assert lxc config unset core.trust_password
        assert_fails 1 "core.nope" lxc.stock config set core.nope 1
        assert_fails 1 "core.nope" lxc.stock config unset core.nope
}

test_small() {
        assert lxc image set-property bb user.x y
        assert lxc image unset-property bb user.x
        assert_fails 1 "Property not found" lxc.stock image get-property bb user.x
        assert lxc init bb su1
        assert lxc info --show-log su1
        assert lxc config set su1 security.protection.delete true
        assert_fails 1 "Container is protected" lxc.stock delete su1
        assert lxc config unset su1 security.protection.delete
        assert lxc delete su1
}

run_tests "$@"
