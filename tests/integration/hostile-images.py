# SPDX-License-Identifier: Apache-2.0
"""Every hostile archive of images.py through the product: imported over HTTP and made into an instance. One of both has to refuse it, and what
is left has to be what was there. usage: hostile-images.py POOL"""

import concurrent.futures
import http.client
import json
import socket
import sys

import images


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect("/var/lib/lxd/unix.socket")


def api(method, path, body=None, kind="application/json", **headers):
    """What it comes to: (error or None, metadata)"""
    c = Connection("lxd")
    c.request(method, path, body if isinstance(body, bytes) or body is None else json.dumps(body), {"Content-Type": kind} | headers)
    answer = json.loads(c.getresponse().read())
    c.close()
    if answer["type"] == "async":
        answer = api("GET", answer["operation"] + "/wait?timeout=60")[1]
        return answer["err"] or None, answer["metadata"]
    return answer["error"] or None, answer["metadata"]


def launch(fingerprint, name):
    return api("POST", "/1.0/instances", {"name": name, "source": {"type": "image", "fingerprint": fingerprint},
                                          "devices": {"root": {"type": "disk", "path": "/", "pool": sys.argv[1]}}})[0]


def attack(number, what, archive):
    """The error of the step that refused it, or None; nothing of it stays."""
    error, result = api("POST", "/1.0/images", archive, "application/octet-stream")
    if error:
        return error
    fingerprint = result["fingerprint"]
    error = launch(fingerprint, f"hostile{number}")
    if not error:
        api("DELETE", f"/1.0/instances/hostile{number}")
    assert not api("DELETE", f"/1.0/images/{fingerprint}")[0], what
    return error


def run():
    attacks = [(f"metadata: {what}", images.tar(entries), words) for what, entries, words in images.hostile_metadata()]
    attacks += [(f"rootfs: {what}", images.tar(entries), words) for what, entries, words in images.hostile_rootfs()]
    # Members before they are told to be something else, and what a reader of one format takes for another.
    good = images.tar(images.good())
    attacks += [("compressed garbage", b"\xfd7zXZ\0" + bytes(range(256)) * 64, ""), ("a squashfs of nothing", b"hsqs" + bytes(4096), ""),
                ("cut in the middle of rootfs", good[:len(good) - 6000], ""), ("xz in xz", images.COMPRESS["xz"](images.COMPRESS["xz"](good)), "")]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda a: attack(a[0], a[1][0], a[1][1]), enumerate(attacks))
        for (what, _, words), error in zip(attacks, done):
            if error is None or words not in error:
                failed += 1
                print(f"FAILED  {what}: expected \"{words}\", got \"{error}\"")
    print(f"{len(attacks) - failed} of {len(attacks)} refused")
    return failed > 0 or attack(len(attacks), "good", good) is not None


if __name__ == "__main__":
    sys.exit(run())
