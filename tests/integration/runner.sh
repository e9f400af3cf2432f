#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# machine: nspawn
# timeout: 300
# The runner alone, with a stand-in for lxd-instanced: one busybox guest is started, entered, changed, stopped and killed in
# every way, and nothing of it may be left.
. "$(dirname "$0")/lib.sh"

tool=/usr/libexec/lxd/tests/guest-tool
plans=/run/fake-instanced
unit=lxd-container@991.service
root=/var/tmp/runner-root

t() { "$tool" 991 "$@"; }
last_call() { tail -n 1 "$plans/calls"; }
said() { [ "$(last_call)" = "$1" ]; }
runner_pid() { systemctl show -P MainPID "$unit"; }
init_pid() { sed -n 's/^INIT_PID=//p' /run/lxd/instances/991/state; }
parent_of() { awk '{ print $4 }' "/proc/$1/stat"; }
is_down() { [ "$(systemctl show -P ActiveState "$unit")" != active ] && [ "$(systemctl show -P ActiveState "$unit")" != deactivating ]; }

make_root() {
        mkdir -p "$root"/{bin,sbin,proc,sys,dev,etc,root,tmp,mnt}
        cp /bin/busybox "$root/bin/"
        for name in sh sleep ls cat ps touch poweroff reboot id env stat tty stty dd true false kill readlink seq wc; do
                ln -sf busybox "$root/bin/$name"
        done
        cat >"$root/sbin/runner-test-init" <<'INIT'
#!/bin/sh
echo console of the guest
trap 'poweroff -f' PWR
while :; do sleep 1000 & wait; done
INIT
        chmod 755 "$root/sbin/runner-test-init"
}

make_plan() {
        cat >"$plans/991.plan" <<PLAN
name:runner-test
option:title=default/runner-test
option:project=default
option:instance=runner-test
option:shutdown_timeout=5
lxc.rootfs.path=dir:$root
lxc.rootfs.options=idmap=container
lxc.uts.name=runner-test
lxc.idmap=u 0 1000000 65536
lxc.idmap=g 0 1000000 65536
lxc.mount.auto=proc:rw sys:rw cgroup:mixed
lxc.autodev=1
lxc.pty.max=1024
lxc.tty.max=0
lxc.net.0.type=empty
lxc.console.logfile=$plans/console.log
lxc.init.cmd=/sbin/runner-test-init
PLAN
}

setup() {
        # The guest's unit wants the socket: it must not come back while the stand-in is there.
        systemctl mask --quiet --runtime lxd-instanced.socket lxd-instanced.service
        systemctl stop lxd-instanced.socket lxd-instanced.service 2>/dev/null
        mkdir -p "$plans" /run/lxd/instances
        chmod 711 /run/lxd /run/lxd/instances
        make_root
        make_plan
        systemd-run --quiet --unit=fake-instanced /usr/libexec/lxd/tests/fake-instanced "$plans"
        wait_until test -S /run/lxd/instanced.bus
}

cleanup() {
        systemctl stop "$unit" fake-instanced 2>/dev/null
        systemctl reset-failed "$unit" 2>/dev/null
        rm -rf "$root" "$plans" /run/lxd/instanced.bus
        systemctl unmask --quiet --runtime lxd-instanced.socket lxd-instanced.service
        systemctl start lxd-instanced.socket lxd.target 2>/dev/null # and what had stopped with it
}
trap cleanup EXIT

assert_nothing_left() {
        assert_eq "$(pgrep -f 'instances.991 runner-test$|lxd-container-runner 991|runner-test-init')" ""
        assert_eq "$(find /sys/fs/cgroup -type d -path '*lxd-container@991*')" ""
        assert test ! -e /run/lxd/instances/991
        assert test ! -e /run/lxc/lock/run/lxd/instances/991
        assert_eq "$(compgen -G '/var/cache/lxc/apparmor/*/*instances-991*')" ""
        assert_eq "$(grep -c "$root" /proc/self/mountinfo)" 0
}

start() {
        systemctl reset-failed "$unit" 2>/dev/null
        assert systemctl start "$unit"
}

test_start_and_stop() {
        start
        assert_match "$(last_call)" "GuestStarted 991 $(init_pid)"
        assert_eq "$(systemctl show -P StatusText "$unit")" "default/runner-test running"
        assert_match "$(cat "/proc/$(init_pid)/cgroup")" "lxd-container@991.service/payload"
        assert_eq "$(stat -c %u "/proc/$(init_pid)")" 1000000
        assert systemctl stop "$unit"
        assert said "GuestStopped 991 shutdown"
        assert_nothing_left
}

# code_kept PID: KiB of liblxc's code that the process has mapped in
code_kept() {
        awk '/^[0-9a-f]+-/ { code = $2 == "r-xp" && /liblxc/ } code && $1 == "Rss:" { n += $2 } END { print n + 0 }' "/proc/$1/smaps"
}

# liblxc has some 1,000 KiB of code, of which a guest that runs needs little.
test_memory_is_given_back() {
        start
        runner_is_trimmed() { [ "$(code_kept "$(runner_pid)")" -lt 300 ]; }
        wait_until runner_is_trimmed
        monitor_is_trimmed() { [ "$(code_kept "$(parent_of "$(init_pid)")")" -lt 300 ]; }
        wait_until monitor_is_trimmed
        assert_eq "$(t exec id)" "uid=0 gid=0"
        assert systemctl stop "$unit"
        assert_nothing_left
}

# Its network is made before its init runs, in its own namespace.
test_network() {
        start
        assert_eq "$(tail -n 2 "$plans/calls" | head -n 1)" "ConnectGuest 991 $(stat -Lc %i "/proc/$(init_pid)/ns/net")"
        assert systemctl stop "$unit"
        echo "refuse-network:there is no bridge \"br0\"" >>"$plans/991.plan"
        assert_fails 1 "" systemctl start "$unit"
        wait_until said 'GuestStopped 991 failed: there is no bridge "br0"'
        make_plan
        systemctl reset-failed "$unit"
        assert_nothing_left
}

test_exec() {
        start
        assert_eq "$(t exec id)" "uid=0 gid=0"
        assert_eq "$(t exec --uid 1000 --gid 1001 id)" "uid=1000 gid=1001"
        assert_eq "$(t exec --env 'A=x
y' -- sh -c 'echo "$A"')" "x
y"
        assert_eq "$(t exec --input 'some input' cat)" "some input"
        assert_eq "$(t exec --cwd /etc readlink /proc/self/cwd)" /etc
        assert_eq "$(t exec --cwd /nosuch readlink /proc/self/cwd)" /
        assert_eq "$(t exec -- sh -c 'echo $#' sh $(seq 1 30000))" 30000
        assert_fails 7 "" t exec -- sh -c 'exit 7'
        assert_fails 127 "" t exec nosuch
        assert_fails 126 "" t exec /etc
        assert_fails 137 "" t exec -- sh -c 'kill -9 $$'
        assert_eq "$(t exec --pty 100x40 -- stty size | tr -d '\r')" "40 100"
        assert_match "$(t exec --pty 10x10 tty)" "/dev/pts/"
        # what stays in the background holds neither the session nor its pipes
        assert_eq "$(t exec -- sh -c 'sleep 500 & echo out')" out
        t exec -- kill "$(t exec -- sh -c 'ps | sed -n "s/ *\([0-9]*\).*sleep 500.*/\1/p"' 2>/dev/null | head -1)" 2>/dev/null
        assert systemctl stop "$unit"
}

# Three streams and the directory that ls reads, nothing else.
test_exec_leaks_nothing() {
        start
        assert_eq "$(t exec -- ls /proc/self/fd | tr '\n' ' ')" "0 1 2 3 "
        assert_eq "$(t exec --pty 80x25 -- ls /proc/self/fd | tr -d '\r' | tr -s ' \n' ' ')" "0 1 2 3 "
        assert_eq "$(t exec env | sort | tr '\n' ' ')" \
                "HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin USER=root container=lxc "
        assert systemctl stop "$unit"
}

test_exec_storm() {
        start
        local fds
        fds=$(ls "/proc/$(runner_pid)/fd" | wc -l)
        assert t storm 16 100
        assert_eq "$(ls "/proc/$(runner_pid)/fd" | wc -l)" "$fds"
        assert_eq "$(pgrep -c -P "$(runner_pid)")" 1
        assert systemctl stop "$unit"
}

test_freeze_and_kill() {
        start
        assert t freeze
        assert t freeze
        assert_fails - "frozen" t exec true
        assert t unfreeze
        assert t exec true
        assert t freeze
        assert t kill
        wait_until said "GuestStopped 991 shutdown"
        wait_until is_down
        assert_nothing_left
}

test_power_off_and_reboot() {
        start
        t exec -- poweroff -f
        wait_until said "GuestStopped 991 shutdown"
        wait_until is_down
        start
        t exec -- reboot -f
        wait_until said "GuestStopped 991 reboot"
        wait_until is_down
        assert_nothing_left
        start
        assert t shutdown
        wait_until said "GuestStopped 991 shutdown"
        wait_until is_down
}

test_stubborn_guest_is_killed() {
        sed -i 's/poweroff -f/:/' "$root/sbin/runner-test-init"
        start
        assert systemctl stop "$unit"
        assert said "GuestStopped 991 shutdown"
        assert_match "$(journalctl -b -u "$unit" -o cat | tail -5)" "did not shut down within 5 s and is killed"
        make_root
        assert_nothing_left
}

test_hot_plug() {
        start
        mkdir -p /var/tmp/runner-disk
        echo content >/var/tmp/runner-disk/file
        assert t mount-add /var/tmp/runner-disk /mnt/a/b shift
        assert_eq "$(t exec cat /mnt/a/b/file)" content
        assert t exec touch /mnt/a/b/new
        assert_eq "$(stat -c %u /var/tmp/runner-disk/new)" 0
        assert t mount-remove /mnt/a/b
        assert t mount-remove /mnt/a/b
        assert_fails - "" t exec cat /mnt/a/b/file
        assert t mount-add /var/tmp/runner-disk /mnt/ro readonly shift
        assert_fails - "" t exec touch /mnt/ro/x
        assert_fails - "Invalid argument" t mount-add /var/tmp/runner-disk /../x
        assert_fails - "No such file" t mount-add /nosuch /mnt/x
        assert_fails - "map the ids" t mount-add /proc /mnt/p shift
        assert t device-add /dev/full 1 7
        assert_fails - "No space left" t exec -- sh -c 'echo x >/dev/full'
        assert t device-remove /dev/full 1 7
        rm -rf /var/tmp/runner-disk
        assert systemctl stop "$unit"
        assert_nothing_left
}

test_cgroup_values() {
        start
        assert t cgroup-set pids.max 100
        assert_match "$(cat /sys/fs/cgroup/{pids/,}lxd.slice/"$unit"/payload/pids.max 2>/dev/null)" 100
        assert_fails - "does not take \"x\"" t cgroup-set pids.max x
        assert_fails - "no cgroup file" t cgroup-set memory.nosuch 1
        assert_fails - "Not the name" t cgroup-set ../x.y 1
        assert systemctl stop "$unit"
}

test_console() {
        start
        assert_match "$(t console 'typed
')" "typed"
        assert_match "$(cat "$plans/console.log")" "console of the guest"
        t console first >/run/runner-first 2>&1 &
        sleep 0.2
        t console second >/dev/null
        wait
        assert_match "$(cat /run/runner-first)" "taken over"
        rm -f /run/runner-first
        assert systemctl stop "$unit"
}

test_kill_9() {
        local who pid session
        for who in runner monitor init; do
                start
                t exec sleep 1000 2>/dev/null &
                session=$!
                wait_until pgrep -f '^sleep 1000$'
                case $who in
                        runner) pid=$(runner_pid) ;;
                        monitor) pid=$(parent_of "$(init_pid)") ;;
                        init) pid=$(init_pid) ;;
                esac
                kill -9 "$pid"
                wait "$session"
                wait_until is_down
                if [ "$who" = init ]; then
                        wait_until said "GuestStopped 991 shutdown"
                else
                        wait_until said "GuestStopped 991 crash"
                        assert_eq "$(systemctl is-failed "$unit")" failed
                fi
                assert_nothing_left
        done
}

# lxd-instanced has forgotten an instance whose guest has not quite ended, as it does when the service manager cannot be asked about the unit.
test_kill_9_without_state() {
        local who
        for who in runner init; do
                start
                [ "$who" = runner ] && pid=$(runner_pid) || pid=$(init_pid)
                rm -r /run/lxd/instances/991
                kill -9 "$pid"
                wait_until is_down
                assert_nothing_left
        done
}

# What cleans up after a guest is killed as well: the end of the next guest does its work, where control groups are not all the service manager's.
test_kill_9_of_the_end() {
        local hierarchy
        start
        for hierarchy in $(awk '$3 == "cgroup" && $4 !~ /name=/ { print $2 }' /proc/mounts); do
                mkdir -p "$hierarchy"/lxd.slice/{lxd-container@992.service/{monitor,payload/own},other.service}
        done
        assert systemctl stop "$unit"
        assert_eq "$(find /sys/fs/cgroup -type d -path '*lxd-container@99*')" ""
        for hierarchy in $(awk '$3 == "cgroup" && $4 !~ /name=/ { print $2 }' /proc/mounts); do
                assert rmdir "$hierarchy/lxd.slice/other.service"
                rmdir --ignore-fail-on-non-empty "$hierarchy/lxd.slice"
        done
        assert_nothing_left
}

# While some guest starts, liblxc is about to make a directory in the slice: nobody removes that, until the end of the next guest.
test_slice_stays_for_who_starts() {
        local hierarchy
        start
        (exec 9</run/lxd/instances && flock -s 9 && exec sleep 1000) &
        local holder=$!
        sleep 0.2
        assert systemctl stop "$unit"
        for hierarchy in $(awk '$3 == "cgroup" && $4 !~ /name=/ { print $2 }' /proc/mounts); do
                assert test -d "$hierarchy/lxd.slice"
        done
        kill "$holder"
        wait "$holder" || true
        start
        assert systemctl stop "$unit"
        for hierarchy in $(awk '$3 == "cgroup" && $4 !~ /name=/ { print $2 }' /proc/mounts); do
                assert test ! -d "$hierarchy/lxd.slice"
        done
        assert_nothing_left
}

# The session's process is killed: its command goes with it, the guest stays.
test_kill_9_session() {
        start
        t exec sleep 777 2>/run/runner-session &
        wait_until pgrep -f '^sleep 777$'
        kill -9 "$(parent_of "$(pgrep -f '^sleep 777$' | head -1)")"
        wait
        assert_match "$(cat /run/runner-session)" "killed"
        rm -f /run/runner-session
        wait_until bash -c '! pgrep -f "^slee[p] 777$"'
        assert t exec true
        assert systemctl stop "$unit"
}

test_failed_starts() {
        echo "error:Pool \"p\" is gone" >"$plans/991.plan"
        assert_fails - "" systemctl start "$unit"
        assert said 'GuestStopped 991 failed: Pool "p" is gone'
        make_plan
        sed -i 's,^lxc.rootfs.path=.*,lxc.rootfs.path=dir:/nosuch,' "$plans/991.plan"
        assert_fails - "" systemctl start "$unit"
        assert_match "$(last_call)" "GuestStopped 991 failed: .*No such file or directory"
        make_plan
        sed -i 's,^lxc.init.cmd=.*,lxc.init.cmd=/nosuch,' "$plans/991.plan"
        assert_fails - "" systemctl start "$unit"
        assert said 'GuestStopped 991 failed: Failed to exec "/nosuch": No such file or directory'
        make_plan
        echo "lxc.nonsense=1" >>"$plans/991.plan"
        assert_fails - "" systemctl start "$unit"
        assert_match "$(last_call)" "GuestStopped 991 failed: liblxc does not take .*lxc.nonsense"
        make_plan
        assert_nothing_left
}

# lxd-instanced may be away when the guest ends, or while it starts.
test_daemon_comes_back() {
        start
        systemctl stop fake-instanced
        systemctl stop "$unit" --no-block
        wait_until bash -c "! pgrep -f 'instances.991 runner-tes[t]'"
        systemd-run --quiet --unit=fake-instanced /usr/libexec/lxd/tests/fake-instanced "$plans"
        wait_until said "GuestStopped 991 shutdown"
        wait_until is_down
        systemctl stop fake-instanced
        systemctl start "$unit" --no-block
        systemd-run --quiet --unit=fake-instanced /usr/libexec/lxd/tests/fake-instanced "$plans"
        wait_until systemctl is-active "$unit"
        assert systemctl stop "$unit"
        assert_nothing_left
}

setup
run_tests "$@"
