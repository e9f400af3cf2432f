#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the real import worker on good, damaged and hostile uploads. usage: test-import-worker.py WORKER"""

import fcntl
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import images

WORKER = None
ANY = str(2**64 - 1)


class Result:
    pass


def feed(fd, body):
    view = memoryview(body)
    try:
        while view:
            view = view[os.write(fd, view[:65536]):]
    except BrokenPipeError:
        pass
    os.close(fd)


def run(body, content_type="application/octet-stream", fingerprint="", size=ANY):
    """Gives exit status, report and the two files of the store."""
    r = Result()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stream, tap = os.pipe()
    with tempfile.TemporaryFile() as metadata, tempfile.TemporaryFile() as rootfs:
        null = os.open("/dev/null", os.O_RDONLY)
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in (null, theirs.fileno(), stream, metadata.fileno(), rootfs.fileno())]
        os.close(null)

        def place():
            for target, fd in zip((0, 3, 4, 5, 6), high):
                os.dup2(fd, target)

        p = subprocess.Popen([WORKER, "import", content_type, fingerprint, str(size)], preexec_fn=place, close_fds=False)
        for fd in high + [stream]:
            os.close(fd)
        theirs.close()
        t = threading.Thread(target=feed, args=(tap, body))
        t.start()
        r.report = {}
        while packet := ours.recv(1 << 17):
            key, _, value = packet.decode().partition("=")
            r.report[key] = value
        r.status = p.wait()
        t.join()
        ours.close()
        metadata.seek(0)
        rootfs.seek(0)
        r.metadata, r.rootfs = metadata.read(), rootfs.read()
    r.text = r.report.get("!text", "")
    return r


class Import(unittest.TestCase):
    def good(self, *args, **kwargs):
        r = run(*args, **kwargs)
        self.assertEqual((r.status, r.text), (0, ""))
        return r

    def refused(self, words, *args, **kwargs):
        r = run(*args, **kwargs)
        self.assertEqual(r.status, 1, r.report)
        self.assertIn(words, r.text)
        self.assertNotIn("\n", r.text)
        self.assertTrue(r.report["!name"].startswith("org.lxd.Error."), r.report)
        self.assertNotIn("fingerprint", r.report)
        return r

    def test_unified_in_every_compression(self):
        for name, compress in images.COMPRESS.items():
            with self.subTest(name):
                body = compress(images.tar(images.good()))
                r = self.good(body)
                self.assertEqual(r.report, {
                    "fingerprint": hashlib.sha256(body).hexdigest(), "size": str(len(body)), "format": "unified", "filename": "",
                    "architecture": "x86_64", "created": "1700000000000000", "expires": "0",
                    "property.os": "busybox", "property.release": "1"})
                self.assertEqual(r.metadata, body)
                self.assertEqual(r.rootfs, b"")

    def test_metadata_last(self):
        entries = images.good()
        self.good(images.tar(entries[1:] + entries[:1]))

    def test_reads_no_more_than_needed(self):
        # Damage behind the first entry of the rootfs is the unpacker's affair: the import must not have come so far.
        big = [images.entry("rootfs/%d" % i, random.Random(i).randbytes(1 << 20)) for i in range(8)]
        body = bytearray(images.COMPRESS["xz"](images.tar(images.good() + big)))
        body[4 << 20:-1000] = bytes(len(body) - (4 << 20) - 1000)
        self.good(bytes(body))

    def test_architecture_is_named_as_the_kernel_does(self):
        for given, name in (("amd64", "x86_64"), ("i386", "i686"), ("arm64", "aarch64"), ("armhf", "armv7l"), ("ppc64el", "ppc64le")):
            r = self.good(images.tar(images.good(images.METADATA.replace(b"x86_64", given.encode()))))
            self.assertEqual(r.report["architecture"], name)

    def test_expected_fingerprint_and_size(self):
        body = images.COMPRESS["gz"](images.tar(images.good()))
        self.good(body, fingerprint=hashlib.sha256(body).hexdigest(), size=len(body))
        self.refused("fingerprints don't match, got %s expected abcd" % hashlib.sha256(body).hexdigest(), body, fingerprint="abcd")
        self.refused("ended after %d of %d bytes" % (len(body), len(body) + 1), body, size=len(body) + 1)
        self.refused("longer than the %d bytes" % (len(body) - 1), body, size=len(body) - 1)
        self.refused("Not enough space", body, size=2**62)

    @unittest.skipUnless(shutil.which("mksquashfs"), "needs squashfs-tools")
    def test_split(self):
        metadata = images.COMPRESS["xz"](images.tar(images.good()[:3]))
        for rootfs in (images.squashfs(), images.tar([images.entry("./"), images.entry("./x", b"x")])):
            content_type, body = images.multipart([("metadata", "meta.tar.xz", metadata), ("rootfs", "../dir/rootfs.squashfs", rootfs)])
            r = self.good(body, content_type, size=len(body))
            self.assertEqual(r.report["fingerprint"], hashlib.sha256(metadata + rootfs).hexdigest())
            self.assertEqual(r.report["size"], str(len(metadata) + len(rootfs)))
            self.assertEqual(r.report["format"], "split")
            self.assertEqual(r.report["filename"], "rootfs.squashfs")
            self.assertEqual((r.metadata, r.rootfs), (metadata, rootfs))

    @unittest.skipUnless(shutil.which("mksquashfs"), "needs squashfs-tools")
    def test_split_refused(self):
        metadata, rootfs = images.tar(images.good()[:3]), images.squashfs()
        for words, parts in (
                ("part 1 is \"rootfs\", expected metadata", [("rootfs", "r", rootfs), ("metadata", "m", metadata)]),
                ("no part \"rootfs\"", [("metadata", "m", metadata)]),
                ("no more than", [("metadata", "m", metadata), ("rootfs", "r", rootfs), ("more", "r", rootfs)]),
                ("virtual machine", [("metadata", "m", metadata), ("rootfs.img", "r", b"QFI\xfb")]),
                ("virtual machine", [("metadata", "m", metadata), ("rootfs", "r", b"QFI\xfb" + bytes(600))]),
                ("Unsupported compression: the rootfs", [("metadata", "m", metadata), ("rootfs", "r", b"hello")]),
                ("rootfs is empty", [("metadata", "m", metadata), ("rootfs", "r", b"")]),
                ("metadata archive is empty", [("metadata", "m", b""), ("rootfs", "r", rootfs)]),
                ("must not have a rootfs of its own", [("metadata", "m", images.tar(images.good())), ("rootfs", "r", rootfs)]),
        ):
            with self.subTest(words):
                content_type, body = images.multipart(parts)
                self.refused(words, body, content_type)
        content_type, body = images.multipart([("metadata", "m", metadata), ("rootfs", "r", rootfs)])
        self.refused("ends before its last boundary", body[:-10], content_type)
        self.refused("ends before its last boundary", b"", content_type)
        self.refused("no usable boundary", body, "multipart/form-data")
        self.refused("no usable boundary", body, 'multipart/form-data; boundary="a\tb"')

    def test_hostile(self):
        for what, entries, words in images.hostile_metadata():
            for name in ("", "gz"):
                with self.subTest(what + " " + name):
                    self.refused(words, images.COMPRESS[name](images.tar(entries)))

    def test_not_an_image(self):
        self.refused("image is empty", b"")
        self.refused("Unsupported compression", b"\0" * 100000)
        self.refused("Unsupported compression", b"hello\n")
        self.refused("virtual machine", b"QFI\xfb" + bytes(1000))
        self.refused("squashfs", b"hsqs" + bytes(1000))
        for magic in (b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh", b"\x5d\0\0"):
            self.refused("image", magic + random.Random(1).randbytes(2000))

    def test_truncated(self):
        # The metadata comes last: only the whole is an image.
        entries = images.good()
        entries = entries[3:] + [images.entry("rootfs/pad", random.Random(2).randbytes(200000))] + entries[:1]
        for name, compress in images.COMPRESS.items():
            body = compress(images.tar(entries, end=False))
            for i in range(8):
                with self.subTest("%s %d/8" % (name, i)):
                    self.refused("", body[:len(body) * i // 8])

    # What is enough for the metadata is there, and the end is not. (The last block of zeros of a tar is one too many.)
    def test_incomplete(self):
        for name, body in images.whole(random.Random(5).randbytes(100000)):
            self.good(body)
            end = len(body.rstrip(b"\0")) + 511 if name == "tar" else len(body)
            end -= {"xz.streams": 400, "gz.padded": 512, "bz2.padded": 512}.get(name, 0)
            for cut in [end - i for i in (1, 4, 12, 512)] + [end * i // 8 for i in (1, 4, 7)]:
                with self.subTest("%s: %d of %d" % (name, cut, len(body))):
                    r = self.refused("The image is damaged or incomplete: ", body[:cut])
                    self.assertIn("; download or copy it again", r.text)

    def test_damaged_end(self):
        damage = {
            "tar": (-1024, -1023), # of the zeros, the first block
            "xz": (-1, -2, -3, -8, -12, -16, -20),
            "xz.blocks": (-1, -8, -20, -30),
            "gz": (-1, -4, -5, -8), # length and checksum
            "gz.members": (-1, -8),
            "bz2": (-9, -10), # the mark; libbz2 then sees it, too
            "lzma": (-1, -3),
        }
        for name, body in images.whole(random.Random(5).randbytes(100000)):
            for at in damage.get(name, ()):
                with self.subTest("%s: byte %d" % (name, at)):
                    self.refused("The image is damaged or incomplete: ", images.flip(body, at))
        for name, body in images.whole(random.Random(5).randbytes(100000)):
            if name in ("tar", "xz", "zst", "zst.checked"):
                with self.subTest(name + ": something else at the end"):
                    self.refused("The image is damaged or incomplete: ", (body[:-1024] if name == "tar" else body) + b"something else" * 100)

    @unittest.skipUnless(shutil.which("mksquashfs"), "needs squashfs-tools")
    def test_incomplete_split(self):
        metadata, squashfs = images.COMPRESS["xz"](images.tar(images.good()[:3])), images.squashfs()
        tar = images.COMPRESS["xz"](images.tar([images.entry("./"), images.entry("./x", b"x" * 100000)]))

        def refused(words, m, r):
            content_type, body = images.multipart([("metadata", "m", m), ("rootfs", "r", r)])
            self.refused(words, body, content_type)

        for i in (1, 4, 7):
            with self.subTest("%d/8" % i):
                refused("The rootfs archive is damaged or incomplete: ", metadata, squashfs[:len(squashfs) * i // 8])
                refused("The rootfs archive is damaged or incomplete: ", metadata, tar[:len(tar) * i // 8])
                refused("The metadata archive is damaged or incomplete: ", metadata[:len(metadata) * i // 8], squashfs)
        refused("The metadata archive is damaged or incomplete: ", images.flip(metadata, -1), squashfs)
        refused("should have %d bytes and has %d" % (len(squashfs), len(squashfs) - 1), metadata, squashfs[:-1])
        refused("more than 1000000 entries", metadata, squashfs[:4] + b"\xff" * 4 + squashfs[8:])
        # A download that was given its size first, and never got its end.
        refused("The rootfs archive is damaged or incomplete: ", metadata, squashfs[:-200] + bytes(200))
        for table in (48, 64, 72, 80): # where they begin: ids, inodes, folders, fragments
            for value in (0, len(squashfs), 2**63, 2**64 - 2):
                with self.subTest("table %d at %d" % (table, value)):
                    refused("The rootfs archive is damaged or incomplete: ", metadata, squashfs[:table] + value.to_bytes(8, "little") + squashfs[table + 8:])
        refused("compressed with lzo", metadata, images.squashfs("-comp", "lzo"))

    def test_bomb(self):
        head = images.tar([images.entry("rootfs/zeros", kind=b"0", size=6 << 30)], end=False)
        p = subprocess.Popen(["zstd", "-q", "-1", "-c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def write():
            p.stdin.write(head)
            for _ in range(1200):
                p.stdin.write(bytes(1 << 20))
            p.stdin.close()

        t = threading.Thread(target=write)
        t.start()
        body = p.stdout.read()
        t.join()
        p.stdout.close()
        p.wait()
        self.refused("compression bomb", body)


if __name__ == "__main__":
    WORKER = sys.argv.pop(1)
    unittest.main()
