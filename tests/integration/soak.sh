#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Long use: exec by the thousand does not make the daemons or the runner grow, and connections at the very moment of the idle end are all
# served. EXECS=100000 CONNECTS=100000: longer ones by hand, without the time limit.
# machine: nspawn
# needs: image-busybox
# timeout: 900
. "$(dirname "$0")/lib.sh"

drop_in=/run/systemd/system/lxd-.service.d/soak.conf

pid_of() {
        systemctl show -p MainPID --value "$1"
}

# descriptors and kB of its own memory
size_of() {
        local pid
        pid=$(pid_of "$1")
        echo "$(find "/proc/$pid/fd" -mindepth 1 | wc -l) $(awk '/^Private_Dirty/ { print $2 }' "/proc/$pid/smaps_rollup")"
}

one() {
        local want=$(($1 % 256)) rc=0
        timeout 60 lxc exec soak -- sh -c "exit $want" </dev/null >/dev/null 2>&1 || rc=$?
        [ "$rc" = "$want" ] || echo "$1: status $rc, wanted $want"
}
export -f one

storm() {
        local bad
        bad=$(seq "$1" | xargs -P 16 -I{} bash -c 'one {}')
        [ -z "$bad" ] || fail "$(wc -l <<<"$bad") of $1 sessions went wrong: $(head -5 <<<"$bad")"
        # Results of sessions stay readable for ten seconds.
        sleep 13
}

test_setup() {
        setup_server
        assert lxc launch bb soak
        unit=$(busctl get-property org.lxd.instance1 /org/lxd/instance1/instance/default/soak org.lxd.instance1.Instance Unit | cut -d'"' -f2)
        assert lxc exec soak -- true # the first makes a cgroup that stays
        inventory >/tmp/before
        # Growth is only seen in what does not end: somebody listens to events. Now and then it gives back what it needed before.
        mkdir -p "${drop_in%/*}"
        printf '[Service]\nEnvironment=LXD_IDLE_SEC=4\n' >$drop_in
        systemctl daemon-reload
        systemctl stop lxd-apid.service lxd-instanced.service 2>/dev/null
        lxc monitor >/dev/null 2>&1 </dev/null &
        listener=$!
        wait_until systemctl is-active lxd-apid.service lxd-instanced.service
}

test_exec_does_not_grow() {
        local service
        declare -A before after pid
        storm 300
        for service in lxd-apid lxd-instanced "$unit"; do
                before[$service]=$(size_of "$service")
                pid[$service]=$(pid_of "$service")
        done
        storm "${EXECS:-10000}"
        wait_until test "$(lxc exec soak -- sh -c 'ps | grep -c "[s]h -c exit"')" = 0
        for service in lxd-apid lxd-instanced "$unit"; do
                after[$service]=$(size_of "$service")
                echo "$service: ${before[$service]} -> ${after[$service]} (descriptors, kB)"
                assert_eq "$(pid_of "$service")" "${pid[$service]}"
                # Some descriptors come and go; what grows with each session would be in the thousands.
                ((${after[$service]% *} <= ${before[$service]% *} + 16)) || fail "$service has more descriptors: ${before[$service]} -> ${after[$service]}"
                ((${after[$service]#* } <= ${before[$service]#* } + 1536)) || fail "$service has more memory: ${before[$service]} -> ${after[$service]}"
        done
        kill $listener
}

# All daemons end as soon as they can, and each connection may be the one that comes just then.
test_connects_at_the_idle_edge() {
        printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nEnvironment=LXD_IDLE_SEC=0\n' >$drop_in
        systemctl daemon-reload
        systemctl stop lxd-apid.service lxd-clusterd.service lxd-instanced.service lxd-imaged.service lxd-storaged.service lxd-netd.service 2>/dev/null
        cat >/tmp/edge.py <<'PYTHON'
import random, socket, sys, time

random.seed(3)
paths = ["/1.0", "/1.0/instances", "/1.0/profiles/default", "/1.0/images", "/1.0/networks", "/1.0/storage-pools"]
for n in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    path = random.choice(paths)
    s.connect("/var/lib/lxd/unix.socket")
    s.sendall(("GET %s HTTP/1.1\r\nHost: lxd\r\nConnection: close\r\n\r\n" % path).encode())
    answer = s.makefile("rb").read()
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit("request %d, %s: %r" % (n, path, answer[:500]))
    time.sleep(random.random() * 0.01)
PYTHON
        assert python3 /tmp/edge.py "${CONNECTS:-1000}"
        assert_eq "$(systemctl list-units --failed --plain --no-legend 'lxd-*')" ""
}

test_end() {
        rm -f $drop_in
        systemctl daemon-reload
        systemctl stop lxd-apid.service lxd-clusterd.service lxd-instanced.service lxd-imaged.service lxd-storaged.service lxd-netd.service 2>/dev/null
        inventory | diff -u /tmp/before - || fail "left behind"
        assert lxc delete -f soak
}

run_tests
