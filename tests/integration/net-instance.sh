#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks with real instances: addresses, names, live changes, killed daemons, and the guest API at /dev/lxd/sock.
# machine: nspawn fresh
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

LXC=lxc.stock

setup() {
        assert "$LXC" storage create default dir
        assert "$LXC" network create netbr0 ipv4.address=10.123.0.1/24 ipv4.nat=true ipv6.address=fd42:123::1/64
        assert "$LXC" profile device add default root disk path=/ pool=default
        assert "$LXC" profile device add default eth0 nic network=netbr0
        assert "$LXC" image import "$IMAGES/busybox.tar.xz" --alias bb
}

address() { # address INSTANCE: its IPv4 address by REST
        api GET "/1.0/instances/$1/state" | jq -r '.metadata.network.eth0.addresses[] | select(.family == "inet") | .address'
}

has_address() {
        [ -n "$(address "$1")" ]
}

test_addresses_and_names() {
        setup
        assert "$LXC" launch bb c1 -c user.foo=bar
        assert "$LXC" launch bb c2
        wait_until has_address c1
        wait_until has_address c2
        assert_match "$(address c1)" "^10\.123\.0\."
        assert "$LXC" exec c1 -- ping -c1 -W2 c2.lxd
        assert_match "$("$LXC" network list-leases netbr0 -f csv)" "c1,.*DYNAMIC"
        assert_match "$("$LXC" network show netbr0)" "/1.0/instances/c1"
}

test_state_comes_from_outside() {
        local state
        state=$(api GET /1.0/instances/c1/state | jq -c .metadata.network)
        assert_eq "$(jq -r .eth0.state <<<"$state")" up
        assert_eq "$(jq -r .lo.type <<<"$state")" loopback
        assert_match "$(jq -r .eth0.host_name <<<"$state")" "^veth"
        assert test -e "/sys/class/net/$(jq -r .eth0.host_name <<<"$state")"
        # A port of a bridge speaks for nobody.
        assert_eq "$(ip -br address show dev "$(jq -r .eth0.host_name <<<"$state")" | awk '{ print $3 }')" ""
}

test_network_in_use_stays() {
        assert_fails 1 "The network is currently in use" "$LXC" network delete netbr0
        assert_fails 1 "Network is currently in use" "$LXC" network rename netbr0 netbr1
}

# The image has no client for unix sockets: socat of the machine, with its libraries.
give_client() {
        local file
        for file in $(ldd /usr/bin/socat | grep -o '/[^ ]*') /usr/bin/socat; do
                assert "$LXC" file push -p "$file" "$1$file"
        done
}

# ask INSTANCE PATH [USER]: the answer's status and body in one line
ask() {
        local answer
        answer=$("$LXC" exec "$1" ${3:+--user "$3"} -- sh -c \
                "printf 'GET $2 HTTP/1.0\r\nHost: lxd\r\n\r\n' | socat -t60 - UNIX-CONNECT:/dev/lxd/sock") || fail "ask $*"
        tr -d '\r' <<<"$answer" | sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p; 1,/^$/d; p' | tr '\n' ' ' | sed 's/ *$//'
}

# The guest API answers about the instance that asks, to its root only, by what the kernel says.
test_guest_api() {
        give_client c1
        give_client c2
        assert_eq "$(ask c1 /1.0/config/user.foo)" "200 bar"
        assert_eq "$(ask c2 /1.0/config/user.foo)" "404 not found"
        assert_match "$(ask c1 /1.0)" '^200 .*"instance_type":"container"'
        assert_match "$(ask c1 /1.0/meta-data)" "local-hostname: c1"
        assert_match "$(ask c1 /1.0/devices)" '"eth0":\{.*"hwaddr":"00:16:3e'
        assert_eq "$(ask c1 /1.0/config/volatile.eth0.hwaddr)" "403 not authorized"
        assert_eq "$(ask c1 /1.0 1000)" "401 Access denied for non-root user"
        # Images: when the key allows it, public ones, by their whole fingerprint.
        fingerprint=$("$LXC" query /1.0/images | grep -o '[0-9a-f]\{64\}' | head -n 1)
        assert_eq "$(ask c1 "/1.0/images/$fingerprint/export")" "403 not authorized"
        assert lxc config set c1 security.devlxd.images true
        assert_eq "$(ask c1 "/1.0/images/$fingerprint/export")" "404 not found"
        assert lxc query -X PATCH -d '{"public": true}' "/1.0/images/$fingerprint"
        assert_eq "$(ask c1 "/1.0/images/${fingerprint:0:12}/export")" "404 not found"
        assert_eq "$("$LXC" exec c1 -- sh -c "printf 'GET /1.0/images/$fingerprint/export HTTP/1.0\r\nHost: lxd\r\n\r\n' |
                socat -t60 - UNIX-CONNECT:/dev/lxd/sock | sed '1,/^\r*\$/d' | sha256sum" | cut -d' ' -f1)" "$fingerprint"
        assert lxc query -X PATCH -d '{"public": false}' "/1.0/images/$fingerprint"
        assert_match "$(printf 'GET /1.0 HTTP/1.0\r\n\r\n' | socat -t60 - UNIX-CONNECT:/var/lib/lxd/devlxd/sock)" "500 .*pid not in container"
        systemctl kill -s KILL lxd-devlxd.service
        assert_eq "$(ask c1 /1.0/config/user.foo)" "200 bar"
}

# It does not help to be called like another guest.
test_guest_cannot_be_another() {
        assert "$LXC" exec c2 -- sh -c "mkdir -p /tmp/lxd-container@1.service && cp /usr/bin/socat /tmp/lxc-monitor"
        assert_eq "$("$LXC" exec c2 -- sh -c "printf 'GET /1.0/config/user.foo HTTP/1.0\r\n\r\n' |
                exec -a '[lxc monitor] /var/lib/lxd/containers c1' /tmp/lxc-monitor -t60 - UNIX-CONNECT:/dev/lxd/sock" | tail -n 1)" "not found"
}

test_live_changes() {
        local host
        assert "$LXC" config device override c1 eth0 limits.ingress=1Mbit
        host=$(api GET /1.0/instances/c1/state | jq -r .metadata.network.eth0.host_name)
        assert_match "$(tc class show dev "$host")" "rate 1Mbit"
        assert "$LXC" config device set c1 eth0 security.mac_filtering true
        assert nft list chain bridge lxd "nic.$host"
        assert "$LXC" exec c1 -- ping -c1 -W2 10.123.0.1
        assert "$LXC" config device unset c1 eth0 security.mac_filtering
}

test_fixed_address() {
        assert "$LXC" stop -f c2
        assert "$LXC" config device override c2 eth0 ipv4.address=10.123.0.77
        assert "$LXC" start c2
        wait_until has_address c2
        assert_eq "$(address c2)" 10.123.0.77
        assert_fails 1 "in use by device" "$LXC" config device set c1 eth0 ipv4.address 10.123.0.77
}

# A macvlan on the far end of a cable into the bridge, and a cable to the host alone.
test_other_kinds_of_nics() {
        ip link add mvhost type veth peer name mvport
        ip link set mvport master netbr0 up
        ip link set mvhost up
        assert "$LXC" init bb c3
        assert "$LXC" config device add c3 eth0 nic nictype=macvlan parent=mvhost name=eth0
        assert "$LXC" config device add c3 eth1 nic nictype=p2p name=eth1 ipv4.routes=10.44.0.2/32
        assert "$LXC" start c3
        wait_until has_address c3
        assert_match "$(address c3)" "^10\.123\.0\."
        assert "$LXC" exec c3 -- sh -c "ip addr add 10.44.0.2/32 dev eth1; ip link set eth1 up"
        assert ping -c1 -W2 10.44.0.2
        assert "$LXC" delete -f c3
        wait_until sh -c "! ip link show type macvlan | grep -q mac"
        assert_eq "$(ip route show 10.44.0.2)" ""
        ip link del mvhost
}

# Addresses in raw.lxc are liblxc's to set, so it moves the interfaces into the guest itself; a shared network has none of ours.
test_raw_lxc() {
        # No DHCP client inside, which would flush it.
        assert "$LXC" launch bb raw1 -c raw.lxc="lxc.net.0.ipv4.address = 10.123.0.222/24
lxc.init.cmd = /bin/sleep 1000"
        assert_match "$("$LXC" exec raw1 -- ip address show dev eth0)" "inet 10.123.0.222/24"
        assert "$LXC" exec raw1 -- ping -c1 -W2 10.123.0.1
        assert "$LXC" config device add raw1 eth1 nic nictype=p2p
        assert_match "$("$LXC" exec raw1 -- ip link show dev eth1)" "eth1"
        assert "$LXC" config device remove raw1 eth1
        assert "$LXC" delete -f raw1
        assert "$LXC" launch bb raw1 -c security.privileged=true -c raw.lxc="lxc.namespace.share.net = $(ps -C systemd -o pid= | head -n 1 | tr -d ' ')"
        assert_match "$("$LXC" exec raw1 -- ls /sys/class/net)" "netbr0"
        assert "$LXC" delete -f raw1
        assert_eq "$(ip -o link show type veth | grep -c vethg)" 0
}

test_killed_daemons() {
        for unit in lxd-netd lxd-devlxd lxd-firewall lxd-dnsmasq@netbr0; do
                systemctl kill -s KILL "$unit.service" 2>/dev/null
        done
        assert "$LXC" exec c1 -- ping -c1 -W2 10.123.0.77
        wait_until systemctl is-active lxd-dnsmasq@netbr0.service
        assert_match "$("$LXC" network list-leases netbr0 -f csv)" "c2,.*10.123.0.77,STATIC"
        wait_until has_address c1
}

no_lease() { ! grep -F "$1" /var/lib/lxd/networks/netbr0/dnsmasq.leases; }
has_lease() { ! no_lease "$1"; }
listed() { "$LXC" network list-leases netbr0 -f csv | grep "^$1,"; }

# The lease of an instance goes with it, from the list at once and from dnsmasq, so that its address and its name are free.
test_leases_of_deleted_instances() {
        local hwaddr
        assert "$LXC" launch bb c7
        wait_until has_address c7
        hwaddr=$("$LXC" config get c7 volatile.eth0.hwaddr)
        assert has_lease "$hwaddr"
        assert "$LXC" stop -f c7
        assert has_lease "$hwaddr"
        assert "$LXC" delete c7
        assert_eq "$(listed c7)" ""
        wait_until no_lease "$hwaddr"
        wait_until sh -c '! ls /run/lxd/network/netbr0/released/* 2>/dev/null'
        assert has_lease "$("$LXC" config get c1 volatile.eth0.hwaddr)"

        # A server that does not answer now does so when it is back.
        assert "$LXC" launch bb c7
        wait_until has_address c7
        hwaddr=$("$LXC" config get c7 volatile.eth0.hwaddr)
        systemctl -q stop lxd-dnsmasq@netbr0.service
        assert "$LXC" delete -f c7
        assert_eq "$(listed c7)" ""
        wait_until sh -c 'ls /run/lxd/network/netbr0/released/*'
        assert has_lease "$hwaddr"
        systemctl start lxd-dnsmasq@netbr0.service
        systemctl stop lxd-netd.service 2>/dev/null
        assert "$LXC" network list
        wait_until no_lease "$hwaddr"

        # A device that is removed.
        assert "$LXC" launch bb c7
        wait_until has_address c7
        hwaddr=$("$LXC" config get c7 volatile.eth0.hwaddr)
        assert "$LXC" config device add c7 eth0 none
        assert_eq "$(listed c7)" ""
        wait_until no_lease "$hwaddr"
        assert "$LXC" delete -f c7
}

# IPv6 leases are known by the name. The image has no client for them: the server finds one in its file when it starts.
test_ipv6_leases_of_deleted_instances() {
        local file=/var/lib/lxd/networks/netbr6/dnsmasq.leases
        assert "$LXC" network create netbr6 ipv4.address=none ipv6.address=fd42:6::1/64 ipv6.dhcp.stateful=true
        assert "$LXC" init bb c6 -n netbr6
        assert "$LXC" start c6
        wait_until grep -q duid $file
        systemctl -q stop lxd-dnsmasq@netbr6.service
        printf '%d %d %s %s %s\n' "$(($(date +%s) + 3000))" 1193046 fd42:6::66 c6 00:01:00:01:2b:67:45:23:00:16:3e:00:00:66 \
                "$(($(date +%s) + 3000))" 1193046 fd42:6::77 other 00:01:00:01:2b:67:45:23:00:16:3e:00:00:77 >>$file
        systemctl start lxd-dnsmasq@netbr6.service
        assert_match "$("$LXC" network list-leases netbr6 -f csv)" "c6,.*,fd42:6::66,DYNAMIC"
        assert "$LXC" delete -f c6
        wait_until sh -c "! grep fd42:6::66 $file"
        assert grep -q fd42:6::77 $file
        assert "$LXC" network delete netbr6
}

# As after a boot: nothing of the network is there but the records.
test_boot() {
        assert "$LXC" stop -f c1 c2
        systemctl -q stop lxd-netd.service lxd-firewall.service lxd-networks.service lxd-dnsmasq@netbr0.service 2>/dev/null
        ip link del netbr0
        nft flush ruleset
        rm -rf /run/lxd/network
        assert systemctl start lxd-networks.service
        assert test -e /sys/class/net/netbr0
        wait_until sh -c "nft list table inet lxd | grep -q masquerade"
        wait_until systemctl is-active lxd-dnsmasq@netbr0.service
        wait_until systemctl is-active lxd-firewall.service
        assert "$LXC" start c1 c2
        wait_until has_address c2
        assert_eq "$(address c2)" 10.123.0.77
}

test_delete_leaves_nothing() {
        assert "$LXC" delete -f c1 c2
        assert "$LXC" profile device remove default eth0
        assert_eq "$(ip -o link show type veth | wc -l)" 0
        assert "$LXC" network delete netbr0
        assert_fails - "" nft list table inet lxd
}

run_tests "$@"
