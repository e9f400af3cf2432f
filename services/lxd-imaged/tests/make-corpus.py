#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the image fuzzers. usage: make-corpus.py tests/fuzz/corpus"""

import os
import sys

import images


def write(folder, name, data):
    folder = os.path.join(sys.argv[1], folder)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name.replace(" ", "-").replace(":", "").replace(",", "")), "wb") as f:
        f.write(data)


def main():
    for comp in ("gzip", "xz", "zstd", "lz4"):
        body = images.squashfs("-comp", comp)
        write("fuzz-image-squashfs", "good." + comp, body)
        write("fuzz-image-integrity", "good.squashfs." + comp, body)
        write("fuzz-image-squashfs", "truncated." + comp, body[:len(body) // 2])
    write("fuzz-image-squashfs", "good.plain", images.squashfs("-noI", "-noId", "-noD", "-noF", "-noX"))
    for name, compress in images.COMPRESS.items():
        body = compress(images.tar(images.good()))
        for folder in ("fuzz-image-scan", "fuzz-image-unpack"):
            write(folder, "good." + (name or "tar"), body)
            write(folder, "truncated." + (name or "tar"), body[:len(body) // 2])
    for name, body in images.whole(b"some text" * 1000):
        write("fuzz-image-integrity", "good." + name, body)
        for i in (1, len(body) // 2, len(body) - 9, len(body) - 1):
            write("fuzz-image-integrity", "%s cut %d" % (name, i), body[:i])
            write("fuzz-image-integrity", "%s flipped %d" % (name, i), images.flip(body, i))
    for folder, cases in (("fuzz-image-scan", images.hostile_metadata()), ("fuzz-image-unpack", images.hostile_rootfs())):
        for what, entries, _ in cases:
            write(folder, what, images.COMPRESS["gz"](images.tar(entries)))
    for what, entries, _ in images.hostile_metadata():
        if what.startswith("metadata: "):
            write("fuzz-image-metadata", what[10:], entries[0][1])
    write("fuzz-image-metadata", "good", images.METADATA)
    _, body = images.multipart([("metadata", "m.tar", b"some\r\n--data"), ("rootfs", "r.squashfs", b"")], "b")
    write("fuzz-image-multipart", "good", body)
    write("fuzz-image-multipart", "preamble", b"hello\r\n" + body + b"epilogue")
    write("fuzz-image-multipart", "no-end", body[:-8])
    write("fuzz-image-multipart", "text-behind-boundary", b"--bx\r\n\r\n")
    write("fuzz-image-multipart", "no-name", b"--b\r\nContent-Type: x\r\n\r\nx\r\n--b--\r\n")
    write("fuzz-image-multipart", "open-quote", b'--b\r\nContent-Disposition: form-data; name="x\r\n\r\nx\r\n--b--\r\n')
    write("fuzz-image-multipart", "nul", b"--b\r\nContent-Disposition: form-data; name=\"x\0\"\r\n\r\nx\r\n--b--\r\n")
    write("fuzz-image-multipart", "header-huge", b"--b\r\nX: " + b"x" * 10000 + b"\r\n\r\nx\r\n--b--\r\n")
    write("fuzz-image-multipart", "content-type", b'multipart/form-data; charset=x; boundary="a b"; c')


main()
