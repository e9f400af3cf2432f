#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks in a booted machine, without containers: network namespaces play the guests. DHCP, DNS, NAT, filters, flushed rules,
# killed daemons.
# machine: nspawn fresh
. "$(dirname "$0")/lib.sh"

ROOT=/org/lxd/network1
NETWORK=$ROOT/network/default

net() { # net METHOD SIGNATURE ARGS...: on the Manager
        busctl call org.lxd.network1 $ROOT org.lxd.network1.Manager "$@"
}

nics() {
        busctl call org.lxd.network1 $ROOT org.lxd.network1.Nics "$@"
}

network() { # network NAME METHOD SIGNATURE ARGS...; lxd_br names are encoded
        local name=$1
        shift
        busctl call org.lxd.network1 $NETWORK/"$name" org.lxd.network1.Network "$@"
}

create() { # create NAME [KEY VALUE]...
        local name=$1
        shift
        net CreateNetwork 'ssssa{ss}(sss)t' default "$name" bridge "" $(($# / 2)) "$@" "" "" "" 0
}

# A unit with a guest's name, so that its interfaces do not count as left over.
guest_unit() {
        printf '[Service]\nExecStart=/bin/sleep infinity\n' >"/run/systemd/system/lxd-container@$1.service"
        systemctl daemon-reload
        systemctl start "lxd-container@$1.service"
}

# attach ID INSTANCE [KEY VALUE]...: sets LINK and HOST, and moves the interface, which is made here (flag 1), into the namespace gID as eth0
attach() {
        local id=$1 instance=$2 result
        shift 2
        result=$(nics Attach 'tsssa{ss}t' "$id" default "$instance" eth0 $(($# / 2 + 1)) network netbr0 "$@" 1) || fail "attach"
        LINK=$(sed -E 's/.*"link" "([^"]*)".*/\1/' <<<"$result")
        HOST=$(sed -E 's/.*"host_name" "([^"]*)".*/\1/' <<<"$result")
        ip netns add "g$id"
        ip link set "$LINK" netns "g$id" name eth0
        ip -n "g$id" link set lo up
        ip -n "g$id" link set eth0 up
}

detach() {
        ip netns del "g$1" 2>/dev/null
        nics Detach tst "$1" "" 1
}

# in_guest ID COMMAND...
in_guest() {
        local id=$1
        shift
        ip netns exec "g$id" "$@"
}

# What udhcpc calls: sets the address, and remembers what it got.
udhcpc_script() {
        cat >/tmp/udhcpc-script <<'SCRIPT'
#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
ip route replace default via $router
echo "$ip" >"/tmp/lease-$interface-$(ip netns identify $$)"
SCRIPT
        chmod +x /tmp/udhcpc-script
}

lease() { # lease ID: asks for one, prints the address
        in_guest "$1" busybox udhcpc -i eth0 -n -q -f -t 10 -T 1 -s /tmp/udhcpc-script >/dev/null 2>&1 || fail "no lease for guest $1"
        cat "/tmp/lease-eth0-g$1"
}

rules() {
        nft list table inet lxd 2>/dev/null
}

test_create_brings_everything_up() {
        assert create netbr0 ipv4.address 10.123.0.1/24 ipv4.nat true ipv6.address fd42:123::1/64 ipv6.nat true
        assert_match "$(ip -br addr show netbr0)" "10.123.0.1/24.*fd42:123::1/64"
        assert systemctl is-active lxd-dnsmasq@netbr0.service
        assert_match "$(rules)" "ip saddr 10.123.0.0/24 ip daddr != 10.123.0.0/24 masquerade"
        assert_fails - "The network already exists" create netbr0
}

test_dhcp_and_dns() {
        local ip
        udhcpc_script
        guest_unit 101
        guest_unit 102
        attach 101 c1
        attach 102 c2 ipv4.address 10.123.0.50
        ip=$(lease 101)
        assert_match "$ip" "^10\.123\.0\."
        assert_eq "$(lease 102)" 10.123.0.50
        assert in_guest 101 ping -c1 -W2 10.123.0.50
        assert_match "$(in_guest 101 busybox nslookup c2.lxd 10.123.0.1)" "10.123.0.50"
        assert_match "$(in_guest 101 busybox nslookup _gateway.lxd 10.123.0.1)" "10.123.0.1"
}

# A guest cannot take a name in DNS by asking for it.
test_guest_cannot_claim_a_name() {
        in_guest 101 busybox udhcpc -i eth0 -n -q -f -t 5 -T 1 -F c2 -x hostname:router -s /bin/true >/dev/null 2>&1
        assert_match "$(in_guest 101 busybox nslookup c2.lxd 10.123.0.1)" "10.123.0.50"
        assert_fails - "" in_guest 101 busybox nslookup router.lxd 10.123.0.1
}

test_leases_are_listed() {
        local text
        text=$(busctl -j call org.lxd.network1 $NETWORK/netbr0 org.lxd.network1.Network DescribeLeases t 0 2>&1)
        assert_match "$text" "data"
}

test_nat() {
        ip netns add out
        ip link add nout type veth peer name eth0 netns out
        ip addr add 192.0.2.1/24 dev nout
        ip link set nout up
        ip -n out addr add 192.0.2.2/24 dev eth0
        ip -n out link set eth0 up
        # The outside knows no way back: without NAT there would be no answer.
        assert in_guest 101 ping -c1 -W2 192.0.2.2
}

test_flushed_rules_come_back() {
        nft flush ruleset
        wait_until sh -c "nft list table inet lxd | grep -q masquerade"
        nft delete table inet lxd
        wait_until sh -c "nft list table inet lxd | grep -q masquerade"
        nft flush table inet lxd
        wait_until sh -c "nft list table inet lxd | grep -q masquerade"
        assert in_guest 101 ping -c1 -W2 192.0.2.2
}

test_filters() {
        attach 103 c3 ipv4.address 10.123.0.60 hwaddr 00:16:3e:00:01:03 security.mac_filtering true security.ipv4_filtering true
        assert_eq "$(lease 103)" 10.123.0.60
        assert in_guest 103 ping -c1 -W2 10.123.0.1
        in_guest 103 ip addr add 10.123.0.61/24 dev eth0
        assert_fails - "" in_guest 103 ping -c1 -W1 -I 10.123.0.61 10.123.0.1
        in_guest 103 ip link set eth0 address 00:16:3e:00:01:99
        assert_fails - "" in_guest 103 ping -c1 -W1 10.123.0.1
        in_guest 103 ip link set eth0 address 00:16:3e:00:01:03
        assert in_guest 103 ping -c1 -W2 10.123.0.1
        # The filters come back as well, and before the guest could notice the gap is closed by itself.
        nft flush ruleset
        wait_until sh -c "nft list table bridge lxd | grep -q 00:16:3e:00:01:03"
        detach 103
        assert_fails - "" nft list table bridge lxd
}

# spoof ID: sends what an honest guest would not, from its own hardware address; prints what of it reached the bridge
spoof() {
        cat >/tmp/spoof.py <<'SCRIPT'
import os, select, socket, struct, sys, time

def mac(s):
    return bytes.fromhex(s.replace(":", ""))

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return struct.pack("!H", 0xffff & ~n)

me, other = mac(sys.argv[1]), mac("00:16:3e:99:99:99")
own4, other4 = socket.inet_aton(sys.argv[2]), socket.inet_aton("10.123.0.50")
own6, other6 = [socket.inet_pton(socket.AF_INET6, a) for a in (sys.argv[3], "fd42:123::50")]
all_nodes = socket.inet_pton(socket.AF_INET6, "ff02::1")

def ethernet(kind, body, target=b"\xff" * 6):
    return target + me + struct.pack("!H", kind) + body

def arp(hw, ip):
    return ethernet(0x806, struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + hw + ip + b"\xff" * 6 + ip)

def icmp6(source, body, extension=b""):
    pseudo = source + all_nodes + struct.pack("!II", len(body), 58)
    body = body[:2] + checksum(pseudo + body) + body[4:]
    first = 0 if extension else 58
    head = struct.pack("!IHBB", 6 << 28, len(body) + len(extension), first, 255)
    return ethernet(0x86dd, head + source + all_nodes + extension + body, mac("33:33:00:00:00:01"))

def advert(target, options):
    return struct.pack("!BBHI", 136, 0, 0, 0x20000000) + target + options

def ip4(source, port_from, port_to):
    udp = struct.pack("!HHHH", port_from, port_to, 12, 0) + b"spof"
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + source + b"\xff" * 4
    return head[:10] + checksum(head) + head[12:] + udp

lladdr, nonce, hop = b"\2\1" + other, b"\x0e\1" + me, b"\x3a\0\1\4\0\0\0\0"
frames = {
    "arp-address": arp(me, other4),
    "arp-hwaddr": arp(other, own4),
    "source-hwaddr": b"\xff" * 6 + other + struct.pack("!H", 0x800) + ip4(own4, 9, 9),
    "source-ipv4": ethernet(0x800, ip4(other4, 9, 9)),
    "source-ipv6": icmp6(other6, struct.pack("!BBHI", 128, 0, 0, 0)),
    "advert-address": icmp6(own6, advert(other6, b"\2\1" + me)),
    "advert-hwaddr": icmp6(own6, advert(own6, lladdr)),
    "advert-second-option": icmp6(own6, advert(own6, nonce + lladdr)),
    "advert-extension": icmp6(own6, advert(own6, lladdr), hop),
    "router-advert": icmp6(own6, struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)),
    "redirect": icmp6(own6, struct.pack("!BBHI", 137, 0, 0, 0) + other6 + own6),
    "dhcp-server": ethernet(0x800, ip4(own4, 67, 68)),
    "vlan": ethernet(0x8100, struct.pack("!HH", 5, 0x800) + ip4(other4, 9, 9)),
}
honest = ethernet(0x800, ip4(own4, 9, 9))

receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
receiver.bind(("netbr0", 0))
with open("/run/netns/" + sys.argv[4]) as guest, open("/proc/self/ns/net") as home:
    libc = __import__("ctypes").CDLL(None)
    libc.setns(guest.fileno(), 0)
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("eth0", 0))
    libc.setns(home.fileno(), 0)
for frame in frames.values():
    sender.send(frame)
# The honest frame leaves last: what has not come before it does not come.
sender.send(honest)
seen, deadline = [], time.monotonic() + 20
while time.monotonic() < deadline and select.select([receiver], [], [], 5)[0]:
    data = receiver.recv(2048)
    if data[:len(honest)] == honest:
        break
    # a tag is taken off on the way
    seen += [name for name, frame in frames.items()
             if data[:len(frame)] == frame or (name == "vlan" and frame[18:] in data and data[6:12] == me)]
else:
    seen.append("no honest frame")
print(" ".join(sorted(set(seen))))
SCRIPT
        python3 /tmp/spoof.py "$2" "$3" "$4" "g$1"
}

test_spoofed_frames() {
        local seen
        attach 106 c6 hwaddr 00:16:3e:00:01:06
        seen=$(spoof 106 00:16:3e:00:01:06 10.123.0.70 fd42:123::216:3eff:fe00:106)
        # The control: without filters all of it arrives.
        assert_eq "$seen" "advert-address advert-extension advert-hwaddr advert-second-option arp-address arp-hwaddr dhcp-server\
 redirect router-advert source-hwaddr source-ipv4 source-ipv6 vlan"
        detach 106
        attach 107 c7 hwaddr 00:16:3e:00:01:07 ipv4.address 10.123.0.71 security.ipv4_filtering true security.ipv6_filtering true
        assert_eq "$(spoof 107 00:16:3e:00:01:07 10.123.0.71 fd42:123::216:3eff:fe00:107)" ""
        assert_eq "$(lease 107)" 10.123.0.71
        detach 107
}

test_limits() {
        attach 104 c4 limits.ingress 1Mbit limits.egress 2Mbit
        assert_match "$(tc class show dev "$HOST")" "rate 1Mbit"
        assert_match "$(nft list table bridge lxd)" "limit rate over 250000 bytes/second|limit rate over 244 kbytes/second"
        nics Update 'tsa{ss}t' 104 eth0 1 network netbr0 0
        assert_eq "$(tc class show dev "$HOST")" ""
        detach 104
}

test_guest_state_is_read_from_outside() {
        nics DescribeGuests att 1 101 0 >/dev/null || fail "DescribeGuests"
}

test_update_keeps_guests_connected() {
        assert network netbr0 Update 'sa{ss}s(sss)t' "" 1 dns.domain example "" "" "" "" 3
        wait_until systemctl is-active lxd-dnsmasq@netbr0.service
        wait_until sh -c "ip netns exec g101 busybox nslookup c2.example 10.123.0.1 | grep -q 10.123.0.50"
        assert in_guest 101 ping -c1 -W2 192.0.2.2
        assert_fails - "is in use by device" nics Attach 'tsssa{ss}t' 150 default c9 eth0 2 network netbr0 ipv4.address 10.123.0.50 0
}

test_without_addresses_nothing_is_served() {
        assert create netbr3 ipv4.address 10.126.0.1/24 ipv6.address fd42:126::1/64
        assert systemctl is-active lxd-dnsmasq@netbr3.service
        assert network netbr3 Update 'sa{ss}s(sss)t' "" 2 ipv4.address none ipv6.address none "" "" "" "" 2
        assert_fails - "" systemctl is-active lxd-dnsmasq@netbr3.service
        assert network netbr3 Update 'sa{ss}s(sss)t' "" 1 ipv4.address 10.126.0.1/24 "" "" "" "" 2
        assert systemctl is-active lxd-dnsmasq@netbr3.service
        assert network netbr3 Delete '(sss)t' "" "" "" 0
}

test_killed_daemon() {
        local before
        before=$(ip -o link | wc -l)
        systemctl kill -s KILL lxd-netd.service
        assert in_guest 101 ping -c1 -W2 192.0.2.2
        wait_until net ListNetworks sut default 0 0
        assert_eq "$(ip -o link | wc -l)" "$before"
        assert_match "$(ip -br addr show netbr0)" "10.123.0.1/24"
}

# The guest has ended while the daemon was not there.
test_leftover_interface_is_removed() {
        attach 105 c5
        systemctl kill -s KILL lxd-netd.service
        wait_until net ListNetworks sut default 0 0
        wait_until sh -c "! test -e /sys/class/net/$HOST"
        assert in_guest 101 ping -c1 -W2 192.0.2.2
        detach 105
}

# As after a crash in the middle of taking the bridge down.
test_missing_bridge_is_made_again() {
        systemctl -q stop lxd-netd.service 2>/dev/null
        create_count=$(ip -o link show type bridge | wc -l)
        assert_eq "$create_count" 1
        create_before=$(cat /sys/class/net/netbr0/address)
        ip link del netbr0
        wait_until net ListNetworks sut default 0 0
        wait_until test -e /sys/class/net/netbr0
        assert_eq "$(cat /sys/class/net/netbr0/address)" "$create_before"
        assert_match "$(ip -br addr show netbr0)" "10.123.0.1/24"
}

test_errors_explain() {
        assert_fails - "Network interface \"lo\" already exists" create lo
        assert_fails - "Not a usable IPv4 address" create netbr1 ipv4.address 10.0.0.0/24
        assert_fails - "Failed loading device \"eth0\": Failed to load network \"nope\" for project \"default\": Network not found" \
                nics Validate 'sssa{ss}t' default c1 eth0 1 network nope 0
        # A server that does not start: the network is not left half-made.
        assert_fails - "did not start" create netbr2 ipv4.address 10.125.0.1/24 ipv6.address none raw.dnsmasq "no-such-option"
        [ ! -e /sys/class/net/netbr2 ] || fail "netbr2 is left behind"
        [ ! -e /run/lxd/network/netbr2 ] || fail "files of netbr2 are left behind"
}

no_failed_server() { [ -z "$(systemctl list-units --failed --plain --no-legend 'lxd-dnsmasq@*')" ]; }

test_failed_server_is_forgotten() {
        create nbad ipv4.address 10.121.9.1/24 ipv6.address none raw.dnsmasq no-such-option && fail "a server that cannot start"
        create nbad ipv4.address 10.121.9.1/24 ipv6.address none || fail "the name is not free again"
        for _ in $(seq 8); do systemctl kill -s KILL lxd-dnsmasq@nbad.service; sleep 0.1; done
        network nbad Delete '(sss)t' "" "" "" 0 || fail "delete"
        wait_until no_failed_server
}

test_delete_leaves_nothing() {
        detach 101
        detach 102
        rm -f /run/systemd/system/lxd-container@10?.service
        systemctl daemon-reload
        systemctl stop lxd-container@101.service lxd-container@102.service
        assert network netbr0 Delete '(sss)t' "" "" "" 0
        [ ! -e /sys/class/net/netbr0 ] || fail "the bridge is left"
        [ ! -e /var/lib/lxd/networks/netbr0 ] || fail "the leases are left"
        [ ! -e /run/lxd/network/netbr0 ] || fail "the configuration is left"
        assert_fails - "" systemctl is-active lxd-dnsmasq@netbr0.service
        wait_until sh -c "! systemctl is-active lxd-firewall.service"
        assert_eq "$(rules)" ""
        assert_eq "$(ip -o link show type veth | grep -cv nout)" 0
}

test_ends_when_idle() {
        WAIT_SECONDS=60 wait_until sh -c "! systemctl is-active lxd-netd.service"
}

run_tests "$@"
