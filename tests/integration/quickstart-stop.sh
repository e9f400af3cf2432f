#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# "quickstart.sh stop" on a host whose PID 1 is systemd: nothing stays, whatever has been made meanwhile.
# machine: nspawn fresh
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

state=/var/lib/lxd-quickstart
quickstart=$(dirname "$0")/scripts/quickstart.sh

# As start leaves it: the list of what was installed, and that the state directory is ours to remove.
test_setup() {
        setup_server
        mkdir -p $state
        touch $state/owns-var-lib-lxd
        find /usr -xdev -type f \( -path '/usr/libexec/lxd/*' -o -name 'lxd*' -path '*systemd*' -o -path '/usr/lib/*.d/lxd.conf' -o -name 'org.lxd.*' \
                -o -path /usr/bin/lxc -o -path /usr/bin/lxd \) >$state/installed
        [ "$(wc -l <$state/installed)" -gt 40 ] || fail "only these are installed: $(cat $state/installed)"
        assert lxc launch bb one
        assert lxc init bb two
        assert lxc snapshot two before
        assert lxc network create qsbr0 ipv4.address=10.77.8.1/24 ipv6.address=none
        assert lxc storage create second btrfs size=300MiB
        assert lxc storage volume create second data
}

test_stop() {
        assert bash "$quickstart" stop
}

test_nothing_stays() {
        assert_eq "$(systemctl list-units --all --plain --no-legend 'lxd*')" ""
        assert_eq "$(systemctl list-units --failed --plain --no-legend)" ""
        assert_eq "$(find / -xdev -name '*lxd*' -not -path '/proc/*' -not -path '/sys/*' -not -path '/tests/*' -not -path '/images/*' \
                -not -path '/usr/share/*' -not -path '/usr/lib/python3/*' 2>/dev/null)" ""
        assert_eq "$(find /run /var -name '*lxd*' -not -path '/run/systemd/*' -not -path '/var/lib/dpkg/*' -not -path '/run/lxc/lock/*' 2>/dev/null)" ""
        assert_eq "$(ip -o link | grep -e lxdbr -e qsbr -e veth)" ""
        assert_fails - "" nft list table inet lxd
        assert_eq "$(findmnt -rno TARGET | grep /lxd)" ""
        assert_eq "$(losetup -nO BACK-FILE | grep "$(df --output=source /var | tail -n 1)" | grep 'disks/second.img')" ""
        assert_eq "$(getent passwd | grep '^lxd')" ""
        assert_eq "$(getent group | grep '^lxd')" ""
}

# Once more is no error.
test_again() {
        assert_match "$(bash "$quickstart" stop)" "Nothing to stop."
}

run_tests "$@"
