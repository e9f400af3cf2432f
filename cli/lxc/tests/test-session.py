#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs "lxc exec" against a server that does things in every order, and some that no server should do.

usage: test-session.py PATH-OF-LXC
Each scenario says what the server does; the client has to end by itself, with the right status and all of the output.
"""
import asyncio
import json
import os
import struct
import subprocess
import sys
import tempfile

HANG = 30       # seconds after which a client counts as hung; no scenario depends on it


def frame(opcode, data=b"", fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    n = len(data)
    if n < 126:
        return head + bytes([n]) + data
    if n < 65536:
        return head + bytes([126]) + struct.pack(">H", n) + data
    return head + bytes([127]) + struct.pack(">Q", n) + data


TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
END = frame(TEXT)
CLOSED = frame(CLOSE, struct.pack(">H", 1000))


async def read_frame(reader):
    a, b = await reader.readexactly(2)
    n = b & 0x7f
    if n == 126:
        n, = struct.unpack(">H", await reader.readexactly(2))
    elif n == 127:
        n, = struct.unpack(">Q", await reader.readexactly(8))
    assert b & 0x80, "a client has to mask its frames"
    mask = await reader.readexactly(4)
    data = await reader.readexactly(n)
    return a & 0xf, bytes(c ^ mask[i % 4] for i, c in enumerate(data))


class Server:
    """One command. What differs between scenarios is overridden."""
    status = 7
    interactive = False
    expected_out, expected_err, expected_status = b"", b"", 7
    stdin = b""
    wait_for = "output"         # "output": the end comes after the output; "nothing": at once

    def __init__(self):
        self.output_done = asyncio.Event()
        self.waits = 0
        self.ended = False
        self.received = b""

    # what happens on each channel; the upgrade has been answered
    async def stdout(self, reader, writer):
        writer.write(END)

    async def stderr(self, reader, writer):
        writer.write(END)

    async def control(self, reader, writer):
        await reader.read()

    async def read_stdin(self, reader, writer):
        while True:
            opcode, data = await read_frame(reader)
            if opcode != BINARY:
                return
            self.received += data

    async def accept(self, name):
        """False refuses the websocket."""
        return True

    async def wait(self, reader, writer):
        self.waits += 1
        if self.wait_for == "output":
            await self.output_done.wait()
        self.answer(writer, 200, {"type": "sync", "status": "Success", "status_code": 200, "metadata": self.operation(200)})

    # ---- the rest of a server
    def operation(self, code):
        fds = {"0": "s0", "control": "sc"} if self.interactive else {"0": "s0", "1": "s1", "2": "s2", "control": "sc"}
        metadata = {"fds": fds}
        if code == 200:
            metadata["return"] = self.status
        return {"id": "x", "class": "websocket", "status_code": code, "metadata": metadata, "err": ""}

    def answer(self, writer, status, document):
        body = json.dumps(document).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)

    def refuse(self, writer, status, text):
        self.answer(writer, status, {"type": "error", "error": text, "error_code": status})

    async def request(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return method, path, await reader.readexactly(length)

    async def websocket(self, name, reader, writer):
        if not await self.accept(name):
            self.refuse(writer, 404, "Operation not found")
            return
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        handler = {"s0": self.read_stdin, "s1": self.stdout, "s2": self.stderr, "sc": self.control}[name]
        await handler(reader, writer)
        if name == "s1":
            self.output_done.set()

    async def connection(self, reader, writer):
        try:
            while True:
                method, path, body = await self.request(reader)
                if "/websocket?secret=" in path:
                    await self.websocket(path.split("=")[1], reader, writer)
                    await writer.drain()
                    break
                if path.endswith("/wait"):
                    if await self.wait(reader, writer) == "drop":
                        break
                elif path.endswith("/exec"):
                    self.answer(writer, 202, {"type": "async", "status_code": 100, "operation": "/1.0/operations/x",
                                              "metadata": self.operation(103)})
                else:
                    self.refuse(writer, 404, "not found")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Plain(Server):
    expected_out, expected_err = b"out\n", b"err\n"

    async def stdout(self, reader, writer):
        writer.write(frame(BINARY, b"out\n") + END + CLOSED)

    async def stderr(self, reader, writer):
        writer.write(frame(BINARY, b"err\n") + END + CLOSED)


class EndBeforeOutput(Server):
    """The operation has ended before the first byte of output is sent."""
    wait_for = "nothing"
    expected_out = b"late"

    async def stdout(self, reader, writer):
        while self.waits == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        writer.write(frame(BINARY, b"la") + frame(BINARY, b"te") + END)


class SocketsDie(Server):
    """No end mark and no close message: the data sockets are just gone."""
    expected_out = b"some"

    async def stdout(self, reader, writer):
        writer.write(frame(BINARY, b"some"))
        await writer.drain()
        writer.transport.close()

    async def stderr(self, reader, writer):
        writer.transport.abort()


class DieInFrame(Server):
    """Cut off in the middle of a frame: what came of it is output."""
    expected_out = b"half"

    async def stdout(self, reader, writer):
        writer.write(frame(BINARY, b"half a loaf")[:6])
        await writer.drain()


class NeverClosed(Server):
    """A child of the command keeps the output open when the command has ended."""
    wait_for = "nothing"
    expected_out = b"daemon"

    async def stdout(self, reader, writer):
        writer.write(frame(BINARY, b"daemon"))
        await writer.drain()
        await asyncio.sleep(HANG * 2)


class ControlRefused(Server):
    wait_for = "nothing"

    async def accept(self, name):
        return name != "sc"


class AllRefused(Server):
    """The command was over before the websockets came."""
    wait_for = "nothing"

    async def accept(self, name):
        return False


class RefusedAndStuck(Server):
    """A channel is refused and the operation never ends: the client has to give up, and say why."""
    expected_status = 1
    expected_err = b"Error: LXD did not let the session begin: Operation not found\n"

    async def accept(self, name):
        return name == "s0"

    async def wait(self, reader, writer):
        await asyncio.sleep(HANG * 2)


class WaitDropped(Plain):
    """The connection that waits for the end breaks, twice."""
    async def wait(self, reader, writer):
        if self.waits < 2:
            self.waits += 1
            await self.output_done.wait()
            return "drop"
        return await super().wait(reader, writer)


class WaitForgotten(Plain):
    """... and when asked again the server has forgotten the operation."""
    expected_status = 1
    expected_err = b"err\nError: LXD does not know the operation any more, the command's exit status is lost\n"

    async def wait(self, reader, writer):
        self.waits += 1
        await self.output_done.wait()
        if self.waits == 1:
            return "drop"
        await asyncio.sleep(0.2)
        self.refuse(writer, 404, "Operation not found")


class Big(Server):
    expected_out = os.urandom(5 * 1024 * 1024)

    async def stdout(self, reader, writer):
        for i in range(0, len(self.expected_out), 100000):
            writer.write(frame(BINARY, self.expected_out[i:i + 100000]))
            await writer.drain()
        writer.write(END)


class Fragments(Server):
    """Messages in fragments, with pings between them, byte by byte."""
    expected_out = b"abc"

    async def stdout(self, reader, writer):
        data = frame(BINARY, b"a", fin=False) + frame(PING, b"hello") + frame(0, b"b", fin=False) + frame(0, b"c") + END
        for i in range(len(data)):
            writer.write(data[i:i + 1])
            await writer.drain()


class NotWebsockets(Server):
    """Frames that are against the rules end the channel, not the client."""
    async def stdout(self, reader, writer):
        writer.write(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")


class Stdin(Server):
    stdin = bytes(range(256)) * 2000
    expected_out = b"ok"

    async def stdout(self, reader, writer):
        while self.received != self.stdin:
            await asyncio.sleep(0.01)
        writer.write(frame(BINARY, b"ok") + END)


class StdinIgnored(Server):
    """Much is piped in, and the command ends without having read it."""
    stdin = b"x" * 10_000_000
    wait_for = "nothing"

    async def read_stdin(self, reader, writer):
        await asyncio.sleep(HANG * 2)


class Failed(Server):
    """It could not be run: LXD says why and gives the shell's status."""
    expected_status = 127
    expected_err = b"Error: Command not found\n"

    async def wait(self, reader, writer):
        o = dict(self.operation(200), status_code=400, err="Command not found")
        o["metadata"]["return"] = 127
        self.answer(writer, 200, {"type": "sync", "status_code": 200, "metadata": o})


async def run(lxc, scenario):
    server = scenario()
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "socket")
        listener = await asyncio.start_unix_server(server.connection, path)
        process = await asyncio.create_subprocess_exec(
            lxc, "exec", "c1", "--", "command", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, LXD_SOCKET=path, TERM="dumb"))
        try:
            out, err = await asyncio.wait_for(process.communicate(server.stdin), HANG)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
            return "hangs"
        finally:
            listener.close()
    if process.returncode != server.expected_status:
        return f"ends with {process.returncode} instead of {server.expected_status}; {err!r}"
    if out != server.expected_out:
        return f"prints {len(out)} bytes {out[:40]!r} instead of {len(server.expected_out)}"
    if err != server.expected_err:
        return f"says {err!r} instead of {server.expected_err!r}"
    return None


async def main(lxc):
    scenarios = [Plain, EndBeforeOutput, SocketsDie, DieInFrame, NeverClosed, ControlRefused, AllRefused, RefusedAndStuck,
                 WaitDropped, WaitForgotten, Big, Fragments, NotWebsockets, Stdin, StdinIgnored, Failed]
    failed = 0
    for scenario in scenarios:
        problem = await run(lxc, scenario)
        print(("not ok " if problem else "ok ") + scenario.__name__ + (": " + problem if problem else ""), flush=True)
        failed += problem is not None
    sys.stdout.flush()
    os._exit(1 if failed else 0)       # servers may still be asleep in their scenarios


asyncio.run(main(sys.argv[1]))
