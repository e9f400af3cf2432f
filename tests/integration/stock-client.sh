#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's own lxc 5.0.2, unmodified, against our socket: the tour a user would make.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"
lxc() { HOME=/root lxc.stock "$@"; }

test_setup() {
        command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
        setup_server
}

test_launch_and_list() {
        assert lxc.stock launch bb s1
        assert_eq "$(lxc list -c ns --format csv s1)" "s1,RUNNING"
        assert_match "$(lxc info s1)" "Status: RUNNING"
        assert_fails 1 "already" lxc.stock launch bb s1
}

test_exec() {
        local rc=0
        assert_eq "$(lxc exec s1 -- echo hello)" hello
        lxc exec s1 -- sh -c 'exit 42' || rc=$?
        assert_eq "$rc" 42
        assert_eq "$(echo input | lxc exec s1 -- cat)" input
        assert_eq "$(lxc exec s1 --env A=b --cwd /tmp -- sh -c 'echo $A $PWD')" "b /tmp"
}

test_files() {
        head -c 300000 /dev/urandom >/tmp/blob
        assert lxc.stock file push /tmp/blob s1/root/blob --mode 0640 --uid 7 --gid 8
        assert_eq "$(lxc exec s1 -- stat -c '%a %u %g' /root/blob)" "640 7 8"
        assert lxc.stock file pull s1/root/blob /tmp/blob.back
        assert cmp /tmp/blob /tmp/blob.back
        assert lxc.stock file delete s1/root/blob
        assert_fails 1 "" lxc.stock file pull s1/root/blob /tmp/nope
}

test_config() {
        assert lxc.stock config set s1 user.note hello
        assert_eq "$(lxc config get s1 user.note)" hello
        assert lxc.stock config set s1 limits.memory 128MiB
        assert_fails 1 "" lxc.stock config set s1 limits.memory lots
        assert lxc.stock config unset s1 user.note
        assert_match "$(lxc config show s1)" "limits.memory: 128MiB"
        lxc config show s1 | sed 's/^description:.*/description: edited/' | lxc config edit s1 || fail "config edit"
        assert_match "$(lxc config show s1)" "description: edited"
        assert lxc.stock config device add s1 data disk source=/tmp path=/mnt
        assert_eq "$(lxc exec s1 -- sh -c 'test -e /mnt/blob && echo there')" there
        assert lxc.stock config device remove s1 data
}

test_snapshots() {
        lxc exec s1 -- sh -c 'echo one >/root/state'
        assert lxc.stock snapshot s1 snap
        lxc exec s1 -- sh -c 'echo two >/root/state'
        assert lxc.stock restore s1 snap
        wait_until lxc.stock exec s1 -- true
        assert_eq "$(lxc exec s1 -- cat /root/state)" one
        assert lxc.stock copy s1/snap s2
        assert lxc.stock rename s2 s3
        assert lxc.stock start s3
        assert_eq "$(lxc exec s3 -- cat /root/state)" one
        assert lxc.stock delete -f s3
        assert lxc.stock delete s1/snap
}

test_profiles() {
        assert lxc.stock profile create p1
        assert lxc.stock profile set p1 user.p yes
        assert lxc.stock profile add s1 p1
        assert_match "$(lxc profile show p1)" "/1.0/instances/s1"
        assert_fails 1 "" lxc.stock profile delete p1
        assert lxc.stock profile remove s1 p1
        assert lxc.stock profile delete p1
}

test_images() {
        assert_match "$(lxc image list --format csv)" "bb"
        assert_match "$(lxc image info bb)" "Architecture: x86_64"
        assert lxc.stock image alias create other "$(lxc image list --format csv -c f | head -1)"
        assert lxc.stock image alias delete other
        assert lxc.stock image export bb /tmp/exported
        assert test -s /tmp/exported.tar.xz
}

test_networks_and_storage() {
        assert_match "$(lxc network list --format csv)" "lxdbr0,bridge,YES"
        assert lxc.stock network create tbr0
        assert_match "$(lxc network show tbr0)" "ipv4.nat: \"true\""
        assert lxc.stock network delete tbr0
        assert_match "$(lxc network list-leases lxdbr0)" "s1"
        assert lxc.stock storage create tpool dir
        assert lxc.stock storage volume create tpool vol
        assert lxc.stock storage volume attach tpool vol s1 vol /vol
        assert lxc.stock exec s1 -- touch /vol/file
        assert_fails 1 "" lxc.stock storage volume delete tpool vol
        assert lxc.stock storage volume detach tpool vol s1
        assert lxc.stock storage volume delete tpool vol
        assert lxc.stock storage delete tpool
}

# As socat and nc -N do: who has sent his request closes his half of the connection, and reads.
test_half_closed() {
        cat >/tmp/half.py <<'PYTHON'
import json, socket

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect("/var/lib/lxd/unix.socket")
    return s

def ask(method, path, body=None):
    text = json.dumps(body).encode() if body else b""
    s = connect()
    s.sendall(b"%s %s HTTP/1.1\r\nHost: lxd\r\nContent-Length: %d\r\n\r\n%s" % (method, path, len(text), text))
    s.shutdown(socket.SHUT_WR)
    answer = s.makefile("rb").read()
    assert answer, "%s %s: no answer" % (method, path)
    return int(answer.split()[1]), json.loads(answer[answer.index(b"\r\n\r\n"):])

others = [connect() for i in range(3)]          # with others connected, too
others[0].sendall(b"GET /1.0 HTTP/1.1\r\nHost: lxd\r\n\r\n")
others[0].recv(65536)
for path in (b"/1.0", b"/1.0/instances?recursion=2", b"/1.0/instances/s1", b"/1.0/networks", b"/1.0/images", b"/1.0/projects"):
    status, answer = ask(b"GET", path)
    assert status == 200, (path, status, answer)
status, answer = ask(b"POST", b"/1.0/profiles", {"name": "half"})
assert status == 201, (status, answer)
status, answer = ask(b"DELETE", b"/1.0/profiles/half")
assert status == 200, (status, answer)
status, answer = ask(b"POST", b"/1.0/instances/s1/exec", {"command": ["sleep", "1"]})
assert status == 202, (status, answer)
status, answer = ask(b"GET", answer["operation"].encode() + b"/wait?timeout=20")
assert status == 200 and answer["metadata"]["status"] == "Success", (status, answer)
PYTHON
        assert python3 /tmp/half.py
}

test_power() {
        assert lxc.stock pause s1
        assert_eq "$(lxc list -c s --format csv s1)" FROZEN
        assert lxc.stock start s1
        assert lxc.stock restart s1
        wait_until lxc.stock exec s1 -- true
        assert lxc.stock stop s1
        assert_fails 1 "" lxc.stock exec s1 -- true
        assert lxc.stock delete s1
        assert_fails 1 "not found" lxc.stock info s1
}

run_tests "$@"
