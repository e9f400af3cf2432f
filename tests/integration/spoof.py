# SPDX-License-Identifier: Apache-2.0
"""Frames that a guest should not be able to send: spoof.py ATTACKER-PID VICTIM-PID ATTACKER-MAC VICTIM-MAC IPV4 VICTIM-IPV4 IPV6 VICTIM-IPV6.

Sends each from the network namespace of the attacker and looks into that of the victim. Prints "passed NAME" or "dropped NAME" for each; names
that begin with "good" are what a guest sends every day."""

import ctypes
import ipaddress
import os
import socket
import struct
import sys

ETH_P_ALL = 3
libc = ctypes.CDLL(None, use_errno=True)


def socket_of(pid):
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if libc.setns(fd, 0) < 0:
        sys.exit(f"cannot enter the network of process {pid}: {os.strerror(ctypes.get_errno())}")
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind(("eth0", ETH_P_ALL))
    return s


attacker, victim = socket_of(sys.argv[1]), socket_of(sys.argv[2])
mac, his_mac = (bytes.fromhex(a.replace(":", "")) for a in sys.argv[3:5])
ip, his_ip = (ipaddress.ip_address(a).packed for a in sys.argv[5:7])
ip6, his_ip6 = (ipaddress.ip_address(a).packed for a in sys.argv[7:9])
local6 = bytes.fromhex("fe80000000000000") + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
NOBODY6 = bytes(16)
ALL6 = ipaddress.ip_address("ff02::1").packed
ANY = b"\xff" * 6


def ether(kind, data, src=mac, dst=None):
    return (dst or his_mac) + src + struct.pack("!H", kind) + data


def arp(sender_mac=mac, sender_ip=ip, hardware=1, op=2):
    return struct.pack("!HHBBH", hardware, 0x800, 6, 4, op) + sender_mac + sender_ip + his_mac + his_ip


def checksum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    s = (s >> 16) + (s & 0xffff)
    return ~(s + (s >> 16)) & 0xffff


def ipv4(data, src=ip, dst=his_ip, protocol=17, options=b"", fragment=0):
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(data), 1, fragment, 64, protocol, 0) + src + dst + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def udp(port, data=b"x" * 8, src=1111):
    return struct.pack("!HHHH", src, port, 8 + len(data), 0) + data


def dhcp(client):
    return bytes([1, 1, 6, 0]) + bytes(24) + client + bytes(202) + b"\x63\x82\x53\x63\x35\x01\x01\xff"


def ipv6(data, src=ip6, dst=his_ip6, following=58, hops=255):
    return struct.pack("!IHBB", 6 << 28, len(data), following, hops) + src + dst + data


def icmp6(kind, data, src=ip6, dst=ALL6):
    body = struct.pack("!BBH", kind, 0, 0) + data
    sum6 = checksum(src + dst + struct.pack("!II", len(body), 58) + body)
    return body[:2] + struct.pack("!H", sum6) + body[4:]


def neighbour(kind, target, option, src=ip6, extra=b"", before=b""):
    """An advertisement (136) or a solicitation (135); `before` is an extension header."""
    head = b"\x20\0\0\0" if kind == 136 else b"\0\0\0\0"
    body = icmp6(kind, head + target + option + extra, src)
    return ipv6(before + body, src, ALL6, 0 if before else 58)


def link(address, kind=2):
    return bytes([kind, 1]) + address


def tagged(kind, data, tag=0x8100):
    return ether(tag, struct.pack("!HH", 0, kind) + data)


HOP_BY_HOP = bytes([58, 0, 1, 4, 0, 0, 0, 0])
OTHER = b"\x02\0\0\0\0\x66"
FRAMES = [
    ("good ARP", ether(0x806, arp())),
    ("good IPv4", ether(0x800, ipv4(udp(9)))),
    ("good IPv6", ether(0x86dd, ipv6(udp(9), following=17))),
    ("good advertisement", ether(0x86dd, neighbour(136, ip6, link(mac)))),
    ("good solicitation", ether(0x86dd, neighbour(135, his_ip6, link(mac, 1)))),
    ("good question whether an address is free", ether(0x86dd, neighbour(135, local6, b"", NOBODY6))),
    ("good DHCP question", ether(0x800, ipv4(udp(67, dhcp(mac)), bytes(4), b"\xff" * 4), dst=ANY)),
    ("another hardware address", ether(0x800, ipv4(udp(9)), OTHER)),
    ("ARP in another's name", ether(0x806, arp(OTHER))),
    ("ARP for another's address", ether(0x806, arp(sender_ip=his_ip))),
    ("ARP request for another's address", ether(0x806, arp(sender_ip=his_ip, op=1), dst=ANY)),
    ("ARP of hardware type 6 in another's name", ether(0x806, arp(OTHER, hardware=6))),
    ("ARP of hardware type 6 for another's address", ether(0x806, arp(sender_ip=his_ip, hardware=6))),
    ("ARP behind a tag", tagged(0x806, arp(sender_ip=his_ip))),
    ("ARP behind a provider's tag", tagged(0x806, arp(sender_ip=his_ip), 0x88a8)),
    ("IPv4 from another's address", ether(0x800, ipv4(udp(9), his_ip))),
    ("IPv4 behind a tag", tagged(0x800, ipv4(udp(9), his_ip))),
    ("DHCP question in another's name", ether(0x800, ipv4(udp(67, dhcp(OTHER)), bytes(4), b"\xff" * 4), dst=ANY)),
    ("DHCP release in another's name", ether(0x800, ipv4(udp(67, dhcp(OTHER))))),
    ("DHCP answer", ether(0x800, ipv4(udp(68, src=67)))),
    ("DHCP answer with IP options", ether(0x800, ipv4(udp(68, src=67), options=b"\1\1\1\1"))),
    ("IPv6 from another's address", ether(0x86dd, ipv6(udp(9), his_ip6, following=17))),
    ("advertisement for another's address", ether(0x86dd, neighbour(136, his_ip6, link(mac)))),
    ("advertisement in another's name", ether(0x86dd, neighbour(136, ip6, link(OTHER)))),
    ("advertisement with two hardware addresses", ether(0x86dd, neighbour(136, ip6, link(mac), extra=link(OTHER)))),
    ("advertisement behind an extension header", ether(0x86dd, neighbour(136, his_ip6, link(mac), before=HOP_BY_HOP))),
    ("solicitation in another's name", ether(0x86dd, neighbour(135, his_ip6, link(OTHER, 1)))),
    ("question whether another's address is free", ether(0x86dd, neighbour(135, his_ip6, b"", NOBODY6))),
    ("router advertisement", ether(0x86dd, ipv6(icmp6(134, bytes(12), local6), local6, ALL6))),
    ("redirect", ether(0x86dd, ipv6(icmp6(137, bytes(4) + his_ip6 + ip6, local6), local6, ALL6))),
    ("DHCPv6 answer", ether(0x86dd, ipv6(udp(546, src=547), local6, following=17))),
]

victim.settimeout(5)
for number, (name, frame) in enumerate(FRAMES):
    marker = ether(0x800, ipv4(udp(9, b"marker%08d" % number)))
    attacker.send(frame)
    attacker.send(marker)
    passed = False
    while True:
        try:
            got = victim.recv(2000)
        except TimeoutError:
            sys.exit(f"after \"{name}\" good frames do not arrive either")
        if got.endswith(b"marker%08d" % number):
            break
        # A tag is taken off into the packet's metadata on the way.
        passed = passed or got == frame or (frame[12:14] in (b"\x81\0", b"\x88\xa8") and got == frame[:12] + frame[16:])
    print("passed" if passed else "dropped", name)
