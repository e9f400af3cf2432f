#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lxc on a terminal: sessions, their size and signals, consoles, Ctrl-C in the middle of work; what is left of each is a terminal
# as it was before.
# machine: nspawn
# needs: image-busybox image-debian
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# drive SCRIPT COMMAND...: COMMAND on a terminal of 40x20, in front of which somebody does what SCRIPT (Python) says.
drive() {
        local script=$1
        shift
        printf '%s\n' "$script" >"$work/script"
        timeout 60 python3 "$work/drive.py" "$work/script" "$@" >"$work/log" 2>&1 || fail "$*: $(cat "$work/log")"
}

test_setup() {
        command -v python3 >/dev/null || skip "python3 is not installed"
        cat >"$work/drive.py" <<'PY'
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

script, command = open(sys.argv[1]).read(), sys.argv[2:]
master, slave = pty.openpty()

def size(rows, columns):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    if process:
        os.kill(process.pid, signal.SIGWINCH)

process = None
size(20, 40)
before = termios.tcgetattr(slave)

def own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal)
seen = ""

def type(text):
    os.write(master, text.encode())

def read_some(seconds):
    global seen
    if not select.select([master], [], [], seconds)[0]:
        return False
    data = os.read(master, 65536).decode(errors="replace")
    seen += data
    sys.stdout.write(data)
    return True

def expect(pattern, seconds=30):
    global seen
    end = time.monotonic() + seconds
    while not re.search(pattern, seen):
        assert time.monotonic() < end, f"{pattern!r} does not come"
        assert process.poll() is None or read_some(0.2) or re.search(pattern, seen), f"it ended before {pattern!r}"
        read_some(0.1)
    seen = seen[re.search(pattern, seen).end():]

def ends(status):
    end = time.monotonic() + 30
    while process.poll() is None:
        assert time.monotonic() < end, "it does not end"
        read_some(0.05)
    while read_some(0.1):
        pass
    assert status is None or process.returncode == status, f"status {process.returncode}, not {status}"
    assert termios.tcgetattr(slave) == before, "the terminal is not as it was"

def shell(command):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True)

exec(script)
PY
        setup_server
        assert lxc init bb term1
        assert lxc start term1
}

test_exec_session() {
        drive '
expect("# ")
type("stty size; echo done\n")
expect("20 40")
expect("done")
size(33, 77)
type("until [ \"$(stty size)\" = \"33 77\" ]; do sleep 0.1; done; echo size-$((1 + 1))\n")
expect("size-2")
type("sleep 1000; echo slept\n")
time.sleep(0.5)
type("\x03")                            # to the guest, not to lxc
expect("# ")
type("tty; exit 7\n")
expect("/dev/(pts|console)")
ends(7)' lxc exec term1 -- sh
}

test_exec_echo() {
        # without -t a pipe at either end means no terminal; with it one is there all the same
        assert_eq "$(lxc exec term1 -- sh -c 'test -t 0 && echo yes || echo no' </dev/null)" no
        assert_eq "$(lxc exec term1 -t -- sh -c 'test -t 0 && echo yes || echo no' </dev/null | tr -d '\r')" yes
        # the end of a pipe is a ^D on that terminal
        assert_eq "$(echo line | timeout 20 lxc exec term1 -t -- cat | tr -d '\r')" "line
line"
        assert_eq "$(printf half | timeout 20 lxc exec term1 -t -- cat | tr -d '\r')" halfhalf
        assert_eq "$(timeout 20 lxc exec term1 -t -- sh -c 'cat; echo end' </dev/null | tr -d '\r')" end
        drive 'expect("no"); ends(0)' lxc exec term1 -T -- sh -c 'test -t 0 && echo yes || echo no'
        drive 'expect("no"); ends(0)' lxc exec term1 -n -- sh -c 'test -t 0 && echo yes || echo no'
        drive 'expect("vt77"); ends(0)' env TERM=vt77 lxc exec term1 -- sh -c 'echo $TERM'
}

test_exec_signal() {
        drive '
expect("ready")
process.send_signal(signal.SIGTERM)
ends(143)' lxc exec term1 -- sh -c 'echo ready; exec sleep 1000'
        drive '
expect("ready")
process.send_signal(signal.SIGTERM)
expect("caught")
ends(9)' lxc exec term1 -- sh -c 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
}

# The terminal goes away: so does the session, and what ran in it is told.
test_exec_hangup() {
        drive '
expect("ready")
os.close(slave)
os.close(master)
process.wait(30)' lxc exec term1 -- sh -c 'trap "" HUP TERM; echo ready; exec sleep 4711'
        assert_fails 1 "" pgrep -f 'lxc exec term[1]'
        lxc exec term1 -- pkill sleep
}

test_exec_daemon_killed() {
        drive '
expect("# ")
shell("systemctl kill -s KILL lxd-apid.service")
ends(None)
assert process.returncode != 0, "success?"' lxc exec term1 -- sh
        wait_until lxc exec term1 -- true
        drive '
expect("# ")
shell("systemctl kill -s KILL lxd-instanced.service")
type("echo still-$((40 + 2))\n")
expect("still-42")
type("exit 5\n")
ends(5)' lxc exec term1 -- sh
}

test_console() {
        drive '
expect("To detach from the console, press: <ctrl>\\+a q")
type("\n")
time.sleep(0.3)
type("\x01q")
ends(0)' lxc console term1
        assert lxc console term1 --show-log
        # from a pipe or a file: until that ends
        assert timeout 20 lxc console term1 </dev/null
        assert_match "$(echo 'echo pi$((1 + 1))ped' | timeout 20 lxc console term1)" pi2ped
        assert lxc stop -f term1
        assert_fails 1 "Instance is not running" lxc console term1
        assert lxc start term1
        # the guest ends under the console
        drive '
expect("To detach")
shell("lxc stop -f term1")
ends(None)' lxc console term1
        assert lxc start term1
}

# Interrupted once: the operation is cancelled, nothing stays behind.
# The image is unpacked for the next instance, whoever changes their mind about the first.
no_image_volumes() {
        grep -v -e '^subvolume .* images/' -e '^file .*/storage-pools/default/images/' -e '^row storage.volumes '
}

test_interrupt() {
        local image
        # What is behind the image's end takes the time that somebody needs to change their mind.
        cp "$IMAGES/debian.tar.xz" "$work/long.tar.xz"
        truncate -s 8G "$work/long.tar.xz"
        inventory >"$work/before"
        image=$(lxc image list -f csv -c F | sort)
        drive '
time.sleep(0.3)
type("\x03")
ends(None)
assert process.returncode != 0, "not interrupted"' lxc image import "$work/long.tar.xz" --alias term-image
        assert_eq "$(lxc image list -f csv -c F | sort)" "$image"
        inventory | diff "$work/before" - || fail "something of the image stays behind"
        assert lxc image import "$IMAGES/debian.tar.xz" --alias term-image
        inventory | no_image_volumes >"$work/before"
        drive '
expect("Creating term2")
time.sleep(0.3)
type("\x03")
ends(None)
assert process.returncode != 0, "not interrupted"' lxc launch term-image term2
        assert_eq "$(lxc list term2 -c n -f csv)" ""
        inventory | no_image_volumes | diff "$work/before" - || fail "something stays behind"
        assert lxc init term-image term2
        assert lxc storage create term-dir dir
        drive '
time.sleep(0.3)
type("\x03")
ends(None)
assert process.returncode != 0, "not interrupted"' lxc copy term2 term3 -s term-dir
        assert_eq "$(lxc list term3 -c n -f csv)" ""
        assert_eq "$(ls /var/lib/lxd/storage-pools/term-dir/containers)" ""
        assert lxc delete term2
        assert lxc image delete term-image
        assert lxc storage delete term-dir
}

test_teardown() {
        assert lxc delete -f term1
}

run_tests
