#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the requests of a .cases file to a LXD socket; records what comes back, or compares it with the record. See README.md."""

import base64
import http.client
import json
import os
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse

SOCKET = os.environ.get("LXD_SOCKET", "/var/lib/lxd/unix.socket")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
HEADERS = ("Location", "Content-Type", "X-LXD-uid", "X-LXD-gid", "X-LXD-mode", "X-LXD-type", "X-LXD-modified", "Allow",
           "Content-Disposition")
# Objects whose keys are names of things, not members of a type.
MAPS = {"config", "expanded_config", "devices", "expanded_devices", "network", "disk", "properties", "pools", "templates", "context",
        "lxc_features", "kernel_features", "attributes", "fds"}
# Members whose value says as much as their type.
TELLING = {"type", "status", "status_code", "class", "description", "err", "error", "error_code", "architecture", "name",
           "location", "ephemeral", "stateful", "profiles", "auth", "api_version", "api_status", "project", "return", "action",
           "content_type", "driver", "managed", "size", "read_only", "public", "aliases", "resources", "used_by"}
PLAIN = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "FINGERPRINT"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[-+]\d\d:?\d\d( UTC)?|Z)?"), "TIME"),
    (re.compile(r"exec_UUID"), "exec_UUID"),
    (re.compile(r"\b\d{8}_\d\d:\d\d\b"), "SERIAL"),
    (re.compile(r"^(AMD|Intel\(R\)) .*"), "PROCESSOR"),
]


def plain(text):
    for pattern, word in PLAIN:
        text = pattern.sub(word, text)
    return text


def merged(a, b):
    """One shape for two members of a list or map."""
    if a is None or a == b:
        return b
    if isinstance(a, dict) and isinstance(b, dict):
        return {k: merged(a.get(k), b[k]) if k in b else a[k] for k in sorted(a.keys() | b.keys())}
    if isinstance(a, list) and isinstance(b, list):
        return [merged(*(a + b)[:2])] if a and b else a or b
    if isinstance(a, str) and isinstance(b, str):
        return "|".join(sorted(set(a.split("|")) | set(b.split("|"))))
    return "mixed"


def folded(items):
    shape = None
    for item in items:
        shape = merged(shape, item)
    return shape


def shape_of(value, values, key="", telling=False):
    """The value with its type's name in place of each scalar; values: keep the scalars."""
    if isinstance(value, dict):
        if any(k.endswith("progress") for k in value):  # how far it had come when we looked
            value = {k: v for k, v in value.items() if not k.endswith("progress")} or None
            return shape_of(value, values, key)
        if key in MAPS and not values and key != "":
            inner = folded(shape_of(v, False, "*" + key) for v in value.values())
            return {"*": inner} if value else {}
        if key in ("*devices", "*expanded_devices") and not values:
            return {"*": "string"}
        return {k: shape_of(v, values or k in TELLING, k) for k, v in sorted(value.items())}
    if isinstance(value, list):
        if values and all(isinstance(v, str) and v.startswith("/1.0/") for v in value):
            value = sorted(value)  # LXD's order is by chance
        if values:
            return [shape_of(v, True, key) for v in (sorted(value) if key == "used_by" else value)]
        return [folded(shape_of(v, False, "[]") for v in value)] if value else []
    if value is None:
        return "null"
    if isinstance(value, str):
        return "=" + plain(value) if values else "string"
    if key in ("size", "creation_date") and not isinstance(value, bool) and value > 100000:
        return "number"  # of the image, which is made anew wherever the tests run
    if values:
        return value
    return "bool" if isinstance(value, bool) else "number"


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(SOCKET)


class Listener:
    """A websocket of events, read by a thread."""

    def __init__(self, types):
        self.events, self.lock = [], threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(SOCKET)
        self.socket.sendall((f"GET /1.0/events?type={types} HTTP/1.1\r\nHost: lxd\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                             f"{base64.b64encode(os.urandom(16)).decode()}\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline().decode()
        if " 101 " not in status:
            raise SystemExit(f"no events: {status}")
        while self.file.readline() not in (b"\r\n", b""):
            pass
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while head := self.file.read(2):
            n = head[1] & 127
            if n >= 126:
                n, = struct.unpack(*((">H", self.file.read(2)) if n == 126 else (">Q", self.file.read(8))))
            data = self.file.read(n)
            if head[0] & 15 == 9:  # LXD hangs up when a ping is not answered
                self.socket.sendall(bytes([0x8a, 0x80 | n, 0, 0, 0, 0]) + data)
            elif head[0] & 15 in (1, 2):
                with self.lock:
                    self.events.append(json.loads(data))

    def take(self):
        """What came since the last time, once nothing has come for a moment; in the order of the alphabet: LXD's is by chance."""
        count = -1
        while count != len(self.events):
            count = len(self.events)
            time.sleep(0.2)
        with self.lock:
            found, self.events = self.events, []
        return sorted({self.plain(e) for e in found} - {None})

    @staticmethod
    def plain(event):
        m = event["metadata"]
        if event["type"] == "operation":
            # Where LXD makes no operation of its own, or says how far it is, there is nothing to compare.
            if m["status"] == "Pending" or m["class"] != "task" or (m["status"] == "Running" and m["metadata"]):
                return None
            resources = {k: v or [] for k, v in (m["resources"] or {}).items()}
            return plain(f"{m['description']}: {m['status']} {json.dumps(resources, sort_keys=True)} {event['project']}")
        # LXD names volumes in events as they are called on disk.
        source = re.sub(r"/volumes/custom/default_", "/volumes/custom/", m["source"])
        who = m.get("requestor")
        return plain(f"{m['action']} {source} {json.dumps(m.get('context'), sort_keys=True)} {event['project']}"
                     + (f" by {who['username']} ({who['protocol']})" if who else ""))


class Answer:
    """What came back, reduced to what is compared."""

    def __init__(self, status, headers, body, values):
        self.status, self.headers, self.body, self.json = status, headers, body, None
        self.record = {"status": status}
        found = {h: plain(headers[h]) for h in HEADERS if headers.get(h) is not None}
        if headers.get("ETag"):
            found["ETag"] = "yes"
        if "X-LXD-modified" in found:
            found["X-LXD-modified"] = "TIME"
        try:
            self.json = json.loads(body) if body else None
        except ValueError:
            pass
        if isinstance(self.json, dict) and "type" in self.json and "metadata" in self.json:
            self.read_envelope(values)
            if found.get("Content-Type", "").startswith("application/json"):
                del found["Content-Type"]
        else:
            self.record["body"] = plain(body.decode("utf-8", "backslashreplace")) if len(body) < 4000 else f"<{len(body)}>"
        if found:
            self.record["headers"] = found

    def read_envelope(self, values):
        kind = self.json["type"]
        self.record["type"] = kind
        self.record["envelope"] = [k + "=" + plain(str(v)) for k, v in sorted(self.json.items())
                                   if k not in ("metadata", "error", "type")]
        if kind == "error":
            self.record["error"] = plain(self.json["error"])
        self.record["metadata"] = shape_of(self.json["metadata"], values)


class Session:
    def __init__(self):
        self.names = {"etag": ""}
        self.last = self.listener = None

    def expand(self, text):
        return re.sub(r"\$\{(\w+)\}", lambda m: str(self.names[m.group(1)]), text)

    def body(self, text):
        """The bytes and the content type of what stands behind the target."""
        if text == "":
            return None, None
        match = re.fullmatch(r"<(\d+)>", text)
        if match:
            return b"a" * int(match.group(1)), "application/json"
        match = re.fullmatch(r"<(file|raw) ?(.*)>", text)
        if match:
            data = match.group(2).encode().decode("unicode_escape").encode("latin-1")
            return data, "application/octet-stream" if match.group(1) == "file" else None
        return text.encode(), "application/json"

    def send(self, method, target, body, headers):
        data, content_type = self.body(self.expand(body))
        headers = [(k, self.expand(v).encode().decode("unicode_escape")) for k, v in headers]
        if content_type and not any(k.lower() == "content-type" for k, _ in headers):
            headers.append(("Content-Type", content_type))
        connection = Connection("lxd")
        try:
            connection.putrequest(method, self.expand(target), skip_accept_encoding=True)
            if data is not None or method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(data or b"")))
            for k, v in headers:
                connection.putheader(k, v)
            try:
                connection.endheaders()
                for at in range(0, len(data or b""), 65536):
                    connection.send(data[at:at + 65536])
            except (BrokenPipeError, ConnectionResetError):
                pass  # it had enough; the answer is there
            response = connection.getresponse()
            return response.status, response.headers, response.read() if response.status != 101 else b""
        except (OSError, http.client.HTTPException) as e:
            return 0, {}, f"no answer: {type(e).__name__}".encode()
        finally:
            connection.close()

    def ask(self, words, headers, values=False):
        method, target, body = (words.split(" ", 2) + ["", ""])[:3]
        answer = Answer(*self.send(method, target, body, headers), values)
        if answer.headers.get("ETag"):
            self.names["etag"] = answer.headers["ETag"]
        self.last = answer
        return answer

    def wait(self, answer, values):
        if not isinstance(answer.json, dict) or answer.json.get("type") != "async":
            return
        operation = answer.json["operation"]
        end = self.ask(f"GET {operation}/wait?timeout=120", [], values)
        answer.record["end"] = {k: v for k, v in end.record.items() if k in ("status", "error", "metadata")}

    def member(self, path):
        value = self.last.json
        for step in path.strip(".").split("."):
            value = value[int(step)] if isinstance(value, list) else value.get(step) if isinstance(value, dict) else None
            if value is None:
                return None
        return value

    def until(self, path, wanted, words):
        for _ in range(600):
            self.ask(words, [])
            if str(self.member(path)) == wanted:
                return
            time.sleep(0.1)
        raise SystemExit(f"after a minute {path} of \"{words}\" is still {self.member(path)}, not {wanted}")


class Case:
    def __init__(self, line, number):
        self.line, self.number, self.headers, self.better, self.open = line, number, [], None, None
        self.verb, self.words = "ask", line
        first = line.split(" ", 1)[0]
        if first in ("wait", "quiet", "value", "keep", "until", "listen", "events"):
            self.verb, self.words = line.split(" ", 1)
        elif first not in METHODS:
            raise SystemExit(f"line {number}: what is \"{first}\"?")

    def compared(self):
        return self.verb in ("ask", "wait", "value", "events")

    def run(self, session):
        if self.verb == "keep":
            name, path = self.words.split()
            session.names[name] = session.member(path)
        elif self.verb == "until":
            session.until(*self.words.split(" ", 2))
        elif self.verb == "listen":
            session.listener = Listener(self.words)
        elif self.verb == "events":
            answer = session.ask(self.words, self.headers)
            session.wait(answer, False)
            return {"status": answer.record["status"], "events": session.listener.take()}
        else:
            values = self.verb == "value"
            words = self.words
            waits = self.verb in ("wait", "quiet")
            if values and words.startswith("wait "):
                waits, words = True, words[5:]
            answer = session.ask(words, self.headers, values)
            if waits:
                session.wait(answer, values)
            return answer.record
        return None


def read_cases(path):
    cases = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if line == "" or line.startswith("#"):
                continue
            if not line.startswith("  "):
                cases.append(Case(line, number))
                continue
            key, value = line.strip().split(": ", 1) if ": " in line else (line.strip().rstrip(":"), "")
            if key == "better":
                cases[-1].better = value
            elif key == "open":
                cases[-1].open = value
            else:
                cases[-1].headers.append((key, value))
    return cases


def case_name(case):
    return case.line + "".join(f" [{k}: {v}]" for k, v in case.headers)


# What LXD takes from the JSON and number parsers of its language names that language's types: the status is the same, the words are ours.
FOREIGN = re.compile(r"json: cannot unmarshal|invalid character|unexpected EOF|unexpected end of JSON|^EOF$|parsing time|strconv\.|invalid URL escape|yaml: ")


def record_line(record):
    return json.dumps(record, sort_keys=True, ensure_ascii=False)


def read_golden(path):
    """Several equal requests keep their order."""
    golden = {}
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for name, record in zip(lines[0::2], lines[1::2]):
        golden.setdefault(name, []).append(json.loads(record))
    return golden


def differences(want, got, where=""):
    """Texts that say where the two differ; an empty list equals any."""
    if isinstance(want, dict) and isinstance(got, dict):
        out = []
        for k in sorted(want.keys() | got.keys()):
            if k not in got:
                out.append(f"{where}.{k} is missing, LXD has {json.dumps(want[k])}")
            elif k not in want:
                out.append(f"{where}.{k} is too much: {json.dumps(got[k])}")
            else:
                out += differences(want[k], got[k], f"{where}.{k}")
        return out
    if isinstance(want, list) and isinstance(got, list):
        if not want or not got:
            return []
        if len(want) == len(got):
            return [d for i, (w, g) in enumerate(zip(want, got)) for d in differences(w, g, f"{where}[{i}]")]
    if want == "null" and got == []:
        return []  # LXD's language writes some empty lists as null
    if want != got:
        return [f"{where} is {json.dumps(got)}, LXD has {json.dumps(want)}"]
    return []


def without_moment(record):
    """Without how far an operation had come when it was answered: its end is compared."""
    if "end" in record and isinstance(record.get("metadata"), dict):
        left = {k: v for k, v in record["metadata"].items() if k not in ("status", "status_code", "err", "may_cancel")}
        return dict(record, metadata=left)
    return record


def verdict(record):
    """Status and text of how it ended at last: of the operation, when there is one that failed."""
    end = record.get("end", {}).get("metadata")
    if isinstance(end, dict) and end.get("status_code") == 400:
        return 500, str(end.get("err", "")).lstrip("=")
    return record["status"], record.get("error", "")


def refused_alike(want, got):
    """A refusal: None when one of the two is none, else the texts that say how they differ."""
    (want_status, want_text), (status, text) = verdict(want), verdict(got)
    if want_status < 400 or status < 400 or got["status"] == 202 != want["status"]:
        return None
    out = []
    if status != want_status and want_status != 500:
        out.append(f"answers {status}, LXD {want_status}")
    if FOREIGN.search(want_text):
        if not text:
            out.append(f"answers {status} without a reason")
    elif text != want_text:
        out.append(f"says {text!r}, LXD {want_text!r}")
    return out


def compare_events(want, got):
    """Most events of LXD's instances do not say who it was; ours do."""
    out = [f"answers {got['status']}, LXD {want['status']}"] if want["status"] != got["status"] else []
    anonymous = {re.sub(r" by \S+ \(\w+\)$", "", e) for e in got["events"]}
    out += [f"event missing: {e}" for e in want["events"] if e not in got["events"] and e not in anonymous]
    out += [f"event too much: {e}" for e in got["events"]
            if e not in want["events"] and re.sub(r" by root \(unix\)$", "", e) not in want["events"]]
    return out


def compare(case, want, got):
    if "events" in want and "events" in got:
        return compare_events(want, got)
    want, got = without_moment(want), without_moment(got)
    status, text = verdict(got)
    if case.better is None:
        out = refused_alike(want, got)
        if out is not None:
            return out
        if want["status"] != got["status"] or verdict(want)[0] != status:
            return [f"answers {got['status']} (in the end {status}) {text!r}, LXD {want['status']} {verdict(want)}"]
        return differences(want, got)
    first, _, rest = case.better.partition(" ")
    if first == "shape":
        return [] if status == verdict(want)[0] else [f"answers {status} {text!r}, LXD {verdict(want)[0]}"]
    if first == "same":
        ok = want["status"] == got["status"] and re.search(rest.split("    ")[0], text)
        return [] if ok else [f"answers {got['status']} {text!r}, not {rest}"]
    quoted = re.match(r'"((?:[^"\\]|\\.)*)"', rest)
    out = [] if int(first) in (status, got["status"]) else [f"answers {status} {text!r}, not {first}"]
    if quoted:
        wanted = json.loads(quoted.group(0))
        if text != wanted and not re.fullmatch(wanted, text):
            out.append(f"says {text!r}, not {quoted.group(0)}")
    return out


def main():
    mode, path = sys.argv[1], sys.argv[2]
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    golden_path = path.removesuffix(".cases") + ".lxd5"
    session, recorded, failed, count, still_open = Session(), [], 0, 0, 0
    golden = read_golden(golden_path) if mode == "check" else {}
    for case in read_cases(path):
        record = case.run(session)
        if not case.compared():
            continue
        count += 1
        if mode == "record":
            recorded += [case_name(case), record_line(record)]
            continue
        left = golden.get(case_name(case))
        out = compare(case, left.pop(0), record) if left else ["LXD's answer is not recorded"]
        if case.open:
            still_open += 1
            out = [] if out else ["is as LXD's now: take the line \"open:\" away"]
        if out and only in case.line:
            failed += 1
            print(f"{os.path.basename(path)}:{case.number}: {case_name(case)[:300]}")
            for text in out:
                print(f"    {text[:600]}")
    if mode == "record":
        with open(golden_path, "w", encoding="utf-8") as f:
            f.write("\n".join(recorded) + "\n")
    else:
        print(f"{os.path.basename(path)}: {count} answers, {failed} differ, {still_open} known to differ")
    sys.exit(1 if failed or count == 0 else 0)


if __name__ == "__main__":
    main()
