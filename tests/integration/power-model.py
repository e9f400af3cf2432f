#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes things at random, and after a power failure says whether every answer that was given still holds.

  power-model.py drive SEED SECONDS <before   one line for each request before it is sent, one for its answer
  power-model.py check <log                   compares what there is with what the log allows; prints what there is, for the next drive
"""

import glob
import http.client
import json
import os
import random
import socket
import sqlite3
import sys
import time

POOLS = ["fast", "plain"]
OURS = POOLS + ["default"]
# What has a name and a key, and nothing else that matters here: what it is made with.
PLAIN = {"profiles": {}, "storage-pools": {"driver": "dir"}, "networks": {"type": "bridge"}}


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/lib/lxd/unix.socket")


def request(method, path, body=None):
    """The metadata of the answer, when an operation is behind it after its end."""
    connection = Unix("lxd")
    connection.request(method, path, json.dumps(body) if body is not None else None)
    answer = json.load(connection.getresponse())
    if answer["type"] == "async":
        answer = request_raw("GET", answer["operation"] + "/wait")
        if answer["metadata"]["status_code"] != 200:
            raise RuntimeError(f"{method} {path}: {answer['metadata']['err']}")
    elif answer["type"] == "error":
        raise RuntimeError(f"{method} {path}: {answer['error']}")
    return answer["metadata"]


def request_raw(method, path):
    connection = Unix("lxd")
    connection.request(method, path)
    return json.load(connection.getresponse())


# What there is, as plain JSON: the objects of each kind by name.


def observe():
    state = {"instances": {}, "volumes": {}}
    for i in request("GET", "/1.0/instances?recursion=2"):
        state["instances"][i["name"]] = {
            "pool": i["expanded_devices"]["root"]["pool"],
            "key": i["config"].get("user.key", ""),
            "running": i["status"] == "Running",
            "snapshots": sorted(s["name"] for s in i["snapshots"] or []),
        }
    for pool in POOLS:
        for v in request("GET", f"/1.0/storage-pools/{pool}/volumes/custom?recursion=1"):
            state["volumes"][f"{pool}/{v['name']}"] = v["config"].get("user.key", "")
    for kind in PLAIN:
        state[kind] = {o["name"]: o["config"].get("user.key", "") for o in request("GET", f"/1.0/{kind}?recursion=1")
                       if o["name"] not in OURS and o.get("managed", True)}
    return state


# The changes: how each is asked for, and what it makes of the state. Both read the same words.


def ask(change):
    kind, name, *rest = change
    root = "/1.0/instances"
    if kind == "create":
        pool, key = rest
        return request("POST", root, {
            "name": name, "source": {"type": "image", "alias": "busybox"}, "config": {"user.key": key},
            "devices": {"root": {"type": "disk", "path": "/", "pool": pool}}})
    if kind == "copy":
        return request("POST", root, {"name": rest[0], "source": {"type": "copy", "source": name}})
    if kind == "set":
        return request("PATCH", f"{root}/{name}", {"config": {"user.key": rest[0]}})
    if kind == "rename":
        return request("POST", f"{root}/{name}", {"name": rest[0]})
    if kind == "delete":
        return request("DELETE", f"{root}/{name}")
    if kind in ("start", "stop"):
        return request("PUT", f"{root}/{name}/state", {"action": kind, "force": True})
    if kind == "snapshot":
        return request("POST", f"{root}/{name}/snapshots", {"name": rest[0]})
    if kind == "snapshot-delete":
        return request("DELETE", f"{root}/{name}/snapshots/{rest[0]}")
    if kind == "restore":
        return request("PUT", f"{root}/{name}", {"restore": rest[0]})
    if kind in ("volume-create", "volume-delete", "volume-set"):
        pool, volume = name.split("/")
        path = f"/1.0/storage-pools/{pool}/volumes/custom"
        if kind == "volume-create":
            return request("POST", path, {"name": volume, "config": {"user.key": rest[0]}})
        if kind == "volume-delete":
            return request("DELETE", f"{path}/{volume}")
        return request("PATCH", f"{path}/{volume}", {"config": {"user.key": rest[0]}})
    kind, what = kind.split(" ")
    if what == "create":
        return request("POST", f"/1.0/{kind}", {"name": name, "config": {"user.key": rest[0]}, **PLAIN[kind]})
    if what == "set":
        return request("PATCH", f"/1.0/{kind}/{name}", {"config": {"user.key": rest[0]}})
    return request("DELETE", f"/1.0/{kind}/{name}")


def apply(state, change):
    kind, name, *rest = change
    instances, volumes = state["instances"], state["volumes"]
    if kind == "create":
        instances[name] = {"pool": rest[0], "key": rest[1], "running": False, "snapshots": []}
    elif kind == "copy":
        instances[rest[0]] = {**json.loads(json.dumps(instances[name])), "running": False}
    elif kind in ("start", "stop"):
        instances[name]["running"] = kind == "start"
    elif kind == "set":
        instances[name]["key"] = rest[0]
    elif kind == "rename":
        instances[rest[0]] = instances.pop(name)
    elif kind == "delete":
        del instances[name]
    elif kind == "snapshot":
        instances[name]["snapshots"] = sorted(instances[name]["snapshots"] + [rest[0]])
    elif kind == "snapshot-delete":
        instances[name]["snapshots"].remove(rest[0])
    elif kind == "restore":
        instances[name]["key"] = rest[1]
    elif kind in ("volume-create", "volume-set"):
        volumes[name] = rest[0]
    elif kind == "volume-delete":
        del volumes[name]
    elif kind.endswith(" delete"):
        del state[kind.split(" ")[0]][name]
    elif " " in kind:
        state[kind.split(" ")[0]][name] = rest[0]
    return state


def snapshot_key(name, snapshot):
    return request("GET", f"/1.0/instances/{name}/snapshots/{snapshot}")["config"].get("user.key", "")


def choose(rng, state, number):
    """A change that the state allows; new names are never used twice."""
    new, key = f"n{number}", f"k{number}"
    choices = [["create", new, rng.choice(POOLS), key]] * 2 + [
        ["volume-create", f"{rng.choice(POOLS)}/v{number}", key], ["profiles create", f"p{number}", key]]
    kind = rng.choice(["storage-pools", "networks"])
    if len(state[kind]) < 3:
        choices += [[f"{kind} create", f"x{number}", key]]
    if state["instances"]:
        name = rng.choice(sorted(state["instances"]))
        choices += [["copy", name, new], ["set", name, key], ["snapshot", name, f"s{number}"]]
        if state["instances"][name]["running"]:
            choices += [["stop", name]] * 3
        else:
            choices += [["rename", name, new], ["start", name]]
            choices += [["delete", name]] * (1 + len(state["instances"]) // 3)
        for snapshot in state["instances"][name]["snapshots"][:1]:
            choices += [["snapshot-delete", name, snapshot]]
            if not state["instances"][name]["running"]:
                choices += [["restore", name, snapshot, snapshot_key(name, snapshot)]]
    if state["volumes"]:
        name = rng.choice(sorted(state["volumes"]))
        choices += [["volume-set", name, key], ["volume-delete", name]]
    for kind in PLAIN:
        if state[kind]:
            name = rng.choice(sorted(state[kind]))
            choices += [[f"{kind} set", name, key], [f"{kind} delete", name]]
    return rng.choice(choices)


def drive(seed, seconds):
    state = json.loads(sys.stdin.read() or "null") or observe()
    rng = random.Random(seed)
    print(json.dumps({"state": state}), flush=True)
    end = time.monotonic() + seconds
    number = seed * 10000
    while time.monotonic() < end:
        number += 1
        change = choose(rng, state, number)
        print(json.dumps({"ask": change}), flush=True)
        ask(change)
        print(json.dumps({"done": change}), flush=True)
        apply(state, change)


def replay(log):
    """The state that all answers make, and the change nobody knows the end of (or None)."""
    state = pending = None
    for line in log:
        try:
            entry = json.loads(line)
        except ValueError:
            break  # the last one, cut in the middle
        if "state" in entry:
            state = entry["state"]
        elif "ask" in entry:
            pending = entry["ask"]
        else:
            apply(state, entry["done"])
            pending = None
    return state, pending


def differences(expected, found):
    for kind in expected:
        for name in sorted(set(expected[kind]) | set(found[kind])):
            a, b = expected[kind].get(name), found[kind].get(name)
            if a != b:
                yield f"{kind} {name}: expected {a}, found {b}"


def check_databases():
    files = glob.glob("/var/lib/lxd/database/*.db")
    assert files
    for file in files:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
            result = db.execute("PRAGMA integrity_check").fetchone()[0]
            assert result == "ok", f"{file}: {result}"


def check_volumes(found):
    """Instances have volumes, and nobody else has; below the pools, nothing lies about."""
    for pool in POOLS:
        request("GET", f"/1.0/storage-pools/{pool}/resources")  # mounts it
        listed = {v["name"] for v in request("GET", f"/1.0/storage-pools/{pool}/volumes?recursion=1") if v["type"] == "container"}
        names = {n for n, i in found["instances"].items() if i["pool"] == pool}
        snapshots = {f"{n}/{s}" for n in names for s in found["instances"][n]["snapshots"]}
        assert names <= listed <= names | snapshots, (pool, listed, names)
        kinds = f"/var/lib/lxd/storage-pools/{pool}"
        assert set(os.listdir(f"{kinds}/containers")) == names, (pool, os.listdir(f"{kinds}/containers"), names)
        owners = {n for n in names if found["instances"][n]["snapshots"]}
        assert set(os.listdir(f"{kinds}/containers-snapshots")) == owners, (pool, os.listdir(f"{kinds}/containers-snapshots"), owners)
        for name in owners:
            assert set(os.listdir(f"{kinds}/containers-snapshots/{name}")) == set(found["instances"][name]["snapshots"]), (pool, name)
        custom = {"default_" + v.split("/")[1] for v in found["volumes"] if v.startswith(pool + "/")}
        assert set(os.listdir(f"{kinds}/custom")) == custom, (pool, os.listdir(f"{kinds}/custom"), custom)


def check_links(found):
    """LXD's links to where instances are."""
    links = set(os.listdir("/var/lib/lxd/containers"))
    assert links == set(found["instances"]), (links, set(found["instances"]))


def check_use(found):
    """What is there can be used: instances start, those of the last changes first, and another can be made and deleted."""
    for name in sorted(n for n, i in found["instances"].items() if not i["running"])[-6:]:
        request("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
        assert request("GET", f"/1.0/instances/{name}/state")["status"] == "Running", name
        request("PUT", f"/1.0/instances/{name}/state", {"action": "stop", "force": True})
    request("POST", "/1.0/instances", {"name": "again", "source": {"type": "image", "alias": "busybox"},
                                       "devices": {"root": {"type": "disk", "path": "/", "pool": POOLS[0]}}})
    request("DELETE", "/1.0/instances/again")


def check():
    state, pending = replay(sys.stdin)
    found = observe()
    before = list(differences(state, found))
    after = list(differences(apply(json.loads(json.dumps(state)), pending), found)) if pending else before
    if before and after:
        print(f"the change under way was {pending}", *before, "or", *after, sep="\n", file=sys.stderr)
        sys.exit(1)
    check_databases()
    check_volumes(found)
    check_links(found)
    check_use(found)
    print(json.dumps(found))


if sys.argv[1] == "drive":
    drive(int(sys.argv[2]), float(sys.argv[3]))
else:
    check()
