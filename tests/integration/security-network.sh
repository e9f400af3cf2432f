#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Classes 4 and 12 of docs/security-tests.md: a guest that lies about its addresses, and settings of networks that want to be more than a value.
# machine: nspawn
# needs: image-busybox
# timeout: 120
. "$(dirname "$0")/lib.sh"

test_setup() {
        setup_server
        assert lxc network create secbr0 ipv4.address=10.125.0.1/24 ipv6.address=fd42:125::1/64 ipv4.nat=false ipv6.nat=false \
                ipv6.dhcp.stateful=true
        for name in liar victim; do
                assert lxc init bb "$name"
                assert lxc config device add "$name" eth0 nic network=secbr0
                assert lxc start "$name"
        done
}

mac() { lxc config get "$1" volatile.eth0.hwaddr; }

pid() { api GET "/1.0/instances/$1/state" | jq .metadata.pid; }

spoof() {
        python3 "$(dirname "$0")/spoof.py" "$(pid liar)" "$(pid victim)" "$(mac liar)" "$(mac victim)" \
                10.125.0.2 10.125.0.3 fd42:125::2 fd42:125::3 || fail "spoof.py"
}

names_of() { sed -n "s/^$1 //p"; }

# Every frame in the list reaches the other guest when nothing is filtered: then it is the filter that stops it.
test_frames_arrive_unfiltered() {
        assert_eq "$(spoof | names_of dropped)" ""
}

test_network_filters() {
        local all
        assert lxc config device set liar eth0 security.mac_filtering=true security.ipv4_filtering=true security.ipv6_filtering=true \
                ipv4.address=10.125.0.2 ipv6.address=fd42:125::2
        all=$(spoof)
        assert_eq "$(names_of passed <<<"$all" | grep -v '^good ')" ""
        assert_eq "$(names_of dropped <<<"$all" | grep '^good ')" ""
}

# One filter alone stops what it is for.
test_network_filters_mac_alone() {
        local all
        assert lxc config device set liar eth0 security.ipv4_filtering=false security.ipv6_filtering=false
        all=$(spoof)
        assert_eq "$(names_of passed <<<"$all" | grep -E "in another's name|another hardware")" ""
        assert_match "$(names_of passed <<<"$all")" "IPv4 from another's address"
        assert lxc config device set liar eth0 security.mac_filtering=false security.ipv4_filtering=true
        assert_eq "$(spoof | names_of passed | grep -E '^(ARP|IPv4|DHCP (answer|question))')" ""
}

# They are there before the first frame: after a restart, after the rules were thrown away, and after the guest took another address.
test_network_filters_come_back() {
        filtered() { [ "$(spoof | names_of passed | grep -cv '^good ')" = 0 ]; }
        assert lxc config device set liar eth0 security.mac_filtering=true security.ipv6_filtering=true
        assert lxc restart -f liar
        assert filtered
        nft flush ruleset
        wait_until filtered
        assert nsenter -t "$(pid liar)" -n ip link set eth0 address 02:00:00:00:00:99
        assert filtered
}

test_injection_into_generated_files() {
        local key before after
        before=$(cat /run/lxd/network/secbr0/dnsmasq.conf /run/lxd/network/firewall.nft /run/lxd/network/secbr0/hosts/* | sha256sum)
        for key in dns.domain dns.search ipv4.dhcp.ranges ipv4.dhcp.gateway ipv4.dhcp.expiry ipv6.dhcp.ranges bridge.external_interfaces; do
                assert_fails 1 "control characters" lxc network set secbr0 "$key"=$'x\ndhcp-script=/bin/sh'
                assert_fails 1 "option \"$key\"" lxc network set secbr0 "$key"='"; flush ruleset; #'
        done
        for key in host_name name hwaddr ipv4.address ipv6.address ipv4.routes; do
                assert_fails 1 "control characters" lxc config device set victim eth0 "$key"=$'10.125.0.9\ndhcp-script=/bin/sh'
                assert_fails 1 "option \"$key\"" lxc config device set victim eth0 "$key"='x" drop; flush ruleset; #'
        done
        assert_fails 1 "Invalid instance name" lxc init bb $'a,b\nc'
        assert_fails 1 "invalid characters" lxc network create $'x\ny'
        assert_fails 1 "invalid characters" lxc network create ../x
        after=$(cat /run/lxd/network/secbr0/dnsmasq.conf /run/lxd/network/firewall.nft /run/lxd/network/secbr0/hosts/* | sha256sum)
        assert_eq "$after" "$before"
        assert_eq "$(grep -rls dhcp-script /run/lxd/network /var/lib/lxd/networks)" ""
}

test_nothing_left() {
        assert lxc delete -f liar victim
        assert lxc network delete secbr0
        assert_fails - "" nft list table bridge lxd
}

run_tests "$@"
