#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exec sessions through the websockets of /1.0/operations, spoken byte by byte. usage: exec-streams.py INSTANCE [TEST...]"""

import grp
import http.client
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

PATH = os.environ.get("LXD_SOCKET", "/var/lib/lxd/unix.socket")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATIENCE = 60  # seconds; no measure, only the end of it
TESTS = {}
INSTANCE = sys.argv[1]


def test(function):
    TESTS[function.__name__] = function
    return function


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(PATH)


def api(method, target, body=None):
    connection = Connection("lxd")
    connection.request(method, target, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


class WebSocket:
    """One channel. After the end of the stream: `closed` (a close frame came) or `cut`."""

    def __init__(self, target):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(PATH)
        self.sock.sendall((f"GET {target} HTTP/1.1\r\nHost: lxd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101 "), head + self.buffer
        self.closed = self.cut = False

    def more(self):
        data = self.sock.recv(1 << 16)
        if not data:
            raise EOFError
        return data

    def take(self, n):
        while len(self.buffer) < n:
            self.buffer += self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def frame(self):
        head, size = self.take(2)
        size &= 127
        if size == 126:
            size = struct.unpack(">H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.take(8))[0]
        return head & 15, self.take(size)

    def send(self, opcode, data=b""):
        head = bytes([0x80 | opcode])
        n = len(data)
        head += bytes([0x80 | n]) if n < 126 else bytes([0xFE]) + struct.pack(">H", n) if n < 65536 else bytes([0xFF]) + struct.pack(">Q", n)
        self.sock.sendall(head + b"\0\0\0\0" + data)  # a mask of zeros

    def message(self):
        """The next message: its bytes, b"" for the barrier behind the last byte, or None at the end."""
        try:
            while True:
                opcode, data = self.frame()
                if opcode == PING:
                    self.send(PONG, data)
                elif opcode == CLOSE:
                    self.closed = True
                    return None
                elif opcode != PONG:
                    return data
        except (EOFError, ConnectionResetError):
            self.cut = True
            return None

    def read_until(self, text):
        data = b""
        while text not in data:
            more = self.message()
            assert more, f"the stream ended before {text!r}: {data!r}"
            data += more
        return data

    def read(self):
        """All there is, up to the barrier or the end."""
        data = b""
        while True:
            more = self.message()
            if not more:
                return data
            data += more

    def close(self):
        self.sock.close()


class Exec:
    def __init__(self, *command, connect=True, **options):
        body = {"command": list(command), "wait-for-websocket": True, "interactive": False} | options
        answer = api("POST", f"/1.0/instances/{INSTANCE}/exec", body)
        assert answer["type"] == "async", answer
        self.operation = answer["operation"]
        self.fds = answer["metadata"]["metadata"]["fds"]
        self.channels = {}
        if connect:
            for name in self.fds:
                self.connect(name)

    def connect(self, name):
        self.channels[name] = WebSocket(f"{self.operation}/websocket?secret={self.fds[name]}")
        return self.channels[name]

    def __getitem__(self, name):
        return self.channels[str(name)]

    def control(self, **message):
        self["control"].send(TEXT, json.dumps(message).encode())

    def wait(self):
        return api("GET", f"{self.operation}/wait?timeout={PATIENCE}")["metadata"]

    def expect(self, status):
        end = self.wait()
        assert (end["status"], end["metadata"].get("return")) == ("Success", status), end

    def close(self):
        for channel in self.channels.values():
            channel.close()


def run(*command):
    """The recorded stdout of a command."""
    answer = api("POST", f"/1.0/instances/{INSTANCE}/exec", {"command": list(command), "record-output": True, "interactive": False})
    end = api("GET", answer["operation"] + "/wait")["metadata"]
    connection = Connection("lxd")
    connection.request("GET", end["metadata"]["output"]["1"])
    return connection.getresponse().read().decode()


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.05)


def exists(path):
    return run("sh", "-c", f"test -e {path} && echo yes") == "yes\n"


@test
def separate_outputs():
    e = Exec("sh", "-c", "echo out; echo err >&2; exit 3")
    assert e[1].read() == b"out\n"
    assert e[2].read() == b"err\n"
    e.expect(3)


@test
def signal_status():
    e = Exec("sh", "-c", "kill -TERM $$")
    e.expect(128 + 15)


@test
def half_close():
    e = Exec("sh", "-c", "cat; echo end")
    e[0].send(BINARY, b"some ")
    e[0].send(BINARY, b"input\n")
    e[0].send(TEXT)  # the end of stdin; the outputs stay
    assert e[1].read() == b"some input\nend\n"
    e.expect(0)


@test
def much_output():
    size = 10 << 20
    e = Exec("sh", "-c", f"yes 0123456789abcde | head -c {size}; echo done >&2")
    data = e[1].read()
    assert data == b"0123456789abcde\n" * (size // 16), len(data)
    assert e[2].read() == b"done\n"
    e.expect(0)


@test
def much_input():
    """To stdin and back, while both directions are full."""
    size, got = 10 << 20, 0
    e = Exec("cat")
    block = bytes(range(256)) * 64
    left = size
    while got < size:
        readable, writable, _ = select.select([e[1].sock], [e[0].sock] if left else [], [], PATIENCE)
        assert readable or writable, "stuck"
        if writable:
            e[0].send(BINARY, block)
            left -= len(block)
            if left == 0:
                e[0].send(TEXT)
        if readable or e[1].buffer:
            data = e[1].message()
            assert data, f"ended after {got} bytes"
            for at in (0, len(data) - 1):
                assert data[at] == (got + at) % 256
            got += len(data)
    assert e[1].read() == b""
    e.expect(0)


@test
def terminal():
    e = Exec("sh", interactive=True, width=80, height=25, environment={"TERM": "vt100", "PS1": "$ "})
    e[0].send(BINARY, b"tty; stty size; echo term=$TERM\n")
    text = e[0].read_until(b"term=vt100")
    assert b"/dev/pts/" in text and b"25 80" in text, text
    e.control(command="window-resize", args={"width": "132", "height": "43"})
    wait_for("the new size", lambda: (e[0].send(BINARY, b"stty size; echo m'ar'k\n"), b"43 132" in e[0].read_until(b"mark"))[1])
    e[0].send(BINARY, b"exit 9\n")
    e[0].read()
    e.expect(9)


@test
def terminal_keys():
    """^C is the terminal's affair, ^D the shell's."""
    e = Exec("sh", interactive=True, environment={"TERM": "vt100", "PS1": "$ "})
    e[0].send(BINARY, b"trap 'echo caught' INT; echo rea'dy'\n")
    e[0].read_until(b"ready")
    e[0].send(BINARY, b"\x03")
    e[0].read_until(b"caught")
    e[0].send(BINARY, b"\x04")
    e[0].read()
    assert e.wait()["status"] == "Success"


@test
def signal_by_control():
    for interactive in False, True:
        e = Exec("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done", interactive=interactive)
        e[0 if interactive else 1].read_until(b"ready")
        e.control(command="signal", signal=15)
        e.expect(7)


def leave(interactive):
    """The client is cut off in the middle: what becomes of the command."""
    mark = f"/tmp/left-{time.monotonic_ns()}"
    script = f"for s in HUP TERM; do trap \"echo $s >>{mark}; exit 1\" $s; done; echo ready; while :; do sleep 0.1; done"
    e = Exec("sh", "-c", script, interactive=interactive)
    e[0 if interactive else 1].read_until(b"ready")
    e.close()
    end = e.wait()
    return end, run("cat", mark)


@test
def client_leaves_terminal():
    end, signals = leave(True)
    assert signals == "HUP\n", (signals, end)


@test
def client_leaves_pipes():
    end, signals = leave(False)
    assert signals == "", signals
    assert end["metadata"]["return"] == 137, end


@test
def environment_shown():
    """The operation has the environment as the command has it."""
    e = Exec("env", environment={"A": "b", "HOME": "/x"})
    shown = api("GET", e.operation)["metadata"]["metadata"]["environment"]
    assert shown == {"A": "b", "HOME": "/x", "LANG": "C.UTF-8", "USER": "root",
                     "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, shown
    seen = dict(line.split("=", 1) for line in e[1].read().decode().splitlines())
    assert shown.items() <= seen.items(), seen


@test
def never_connected():
    """A client that does not come: after a while the session ends, and nothing has run."""
    mark = f"/tmp/never-{time.monotonic_ns()}"
    e = Exec("touch", mark, connect=False)
    e.connect("1")
    end = api("GET", f"{e.operation}/wait?timeout=120")["metadata"]
    assert (end["status_code"], end["err"]) == (400, "Timed out waiting for websockets to connect"), end
    assert "return" not in end["metadata"] and not exists(mark)


@test
def starts_when_connected():
    """Nothing runs before all data channels are there; the control channel may come later or never."""
    mark = f"/tmp/began-{time.monotonic_ns()}"
    e = Exec("sh", "-c", f"touch {mark}; echo out", connect=False)
    for name in "0", "1":
        e.connect(name)
    time.sleep(0.5)
    assert not exists(mark)
    e.connect("2")
    assert e[1].read() == b"out\n"
    assert exists(mark)
    e.expect(0)


@test
def instanced_dies():
    """A session that waits for its client does not need lxd-instanced."""
    e = Exec("sh", "-c", "cat; exit 5", connect=False)
    unit = "lxd-instanced.service"
    pid = subprocess.check_output(["systemctl", "show", "-P", "MainPID", unit], text=True).strip()
    subprocess.run(["systemctl", "kill", "-s", "KILL", unit], check=True)
    wait_for("its end", lambda: not os.path.exists(f"/proc/{pid}"))
    for name in e.fds:
        e.connect(name)
    e[0].send(BINARY, b"through")
    e[0].send(TEXT)
    assert e[1].read() == b"through"
    e.expect(5)


@test
def slow_client():
    """A link that needs more than some seconds is no reason to lose the session."""
    e = Exec("echo", "hello", connect=False)
    time.sleep(7)
    for name in "0", "1", "2":
        e.connect(name)
    assert e[1].read() == b"hello\n"
    e.expect(0)


@test
def quick_command_late_control():
    e = Exec("true", connect=False)
    for name in "0", "1", "2":
        e.connect(name)
    e.expect(0)
    e.connect("control")


@test
def not_found():
    e = Exec("/nope")
    end = e.wait()
    assert (end["status_code"], end["err"], end["metadata"].get("return")) == (400, "Command not found", 127), end


@test
def not_executable():
    e = Exec("/etc")
    end = e.wait()
    assert (end["status_code"], end["err"], end["metadata"].get("return")) == (400, "Command not executable", 126), end


@test
def status_of_shell():
    """The status counts, whoever gave it."""
    e = Exec("sh", "-c", "exit 127")
    end = e.wait()
    assert (end["err"], end["metadata"].get("return")) == ("Command not found", 127), end


@test
def background_child():
    """What the command leaves behind does not hold the session."""
    e = Exec("sh", "-c", "sleep 300 & echo out; exit 4")
    assert e[1].read() == b"out\n"
    e.expect(4)


def as_another(target):
    """What another member of the group lxd is told."""
    got = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--groups", str(grp.getgrnam("lxd").gr_gid), "curl", "-sS",
                          "--unix-socket", PATH, "http://lxd" + target], stdout=subprocess.PIPE, check=True).stdout.decode()
    assert got, target
    return got


def is_refused(target):
    try:
        WebSocket(target).close()
    except AssertionError:
        return True
    return False


@test
def secrets():
    """The key to a channel is long, its maker's, good for one connection of one session, and written nowhere."""
    events = WebSocket("/1.0/events")
    first, e = Exec("cat", connect=False), Exec("cat", connect=False)
    keys = list(first.fds.values()) + list(e.fds.values())
    assert len(set(keys)) == 8 and all(len(k) == 64 and set(k) <= set("0123456789abcdef") for k in keys), keys
    door = f"{e.operation}/websocket"
    for wrong in "", "?secret=", "?secret=" + "0" * 64, "?secret=" + e.fds["0"][:63], "?secret=" + e.fds["0"] + "0", "?secret=" + e.fds["0"].upper(), \
            "?secret=" + first.fds["0"], "?secret=" + e.fds["0"] + "%00":
        assert is_refused(door + wrong), wrong
    places = as_another(e.operation) + as_another("/1.0/operations?recursion=1") + json.dumps(api("GET", "/1.0/operations?recursion=1"))
    for name in e.fds:
        e.connect(name)
        assert is_refused(f"{door}?secret={e.fds[name]}"), name + " a second time"
    e[0].send(TEXT)
    e.expect(0)
    assert all(is_refused(f"{door}?secret={key}") for key in keys), "after the end"
    assert api("DELETE", first.operation)["type"] == "sync"
    first.wait()
    events.sock.settimeout(1)
    heard = ""
    try:
        while True:
            heard += events.message().decode()
    except TimeoutError:
        pass
    assert first.operation.rsplit("/", 1)[1] in heard and e.operation.rsplit("/", 1)[1] in heard, "no events of the sessions"
    places += heard
    places += subprocess.run(["journalctl", "-b", "-o", "json"], stdout=subprocess.PIPE, check=True).stdout.decode()
    places += run("sh", "-c", "cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'")
    assert not [key for key in keys if key in places], "a secret is written somewhere"


failed = 0
for name in sys.argv[2:] or TESTS:
    try:
        TESTS[name]()
        print(f"ok      {name}", flush=True)
    except Exception as problem:  # the others still count
        failed += 1
        print(f"FAILED  {name}: {type(problem).__name__} {problem}", flush=True)
sys.exit(1 if failed else 0)
