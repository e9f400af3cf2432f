# SPDX-License-Identifier: Apache-2.0
"""Makes image archives for the tests, good ones and hostile ones, without root: every byte of a tar header can be chosen."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import subprocess
import tarfile
import tempfile

METADATA = b"""architecture: x86_64
creation_date: 1700000000
properties:
  os: busybox
  release: 1
templates:
  /etc/hostname:
    when:
      - create
      - copy
    template: hostname.tpl
"""


def entry(name, data=None, kind=None, link="", mode=None, uid=0, gid=0, size=None, pax=None, devmajor=0, devminor=0):
    info = tarfile.TarInfo(name)
    info.type = kind or (tarfile.REGTYPE if data is not None else tarfile.DIRTYPE)
    info.linkname = link
    info.mode = mode if mode is not None else (0o644 if data is not None else 0o755)
    info.uid, info.gid = uid, gid
    info.mtime = 1600000000
    info.devmajor, info.devminor = devmajor, devminor
    info.pax_headers = pax or {}
    info.size = size if size is not None else len(data or b"")
    return info, data


def tar(entries, end=True):
    out = io.BytesIO()
    for info, data in entries:
        out.write(info.tobuf(tarfile.PAX_FORMAT if info.pax_headers else tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        if data:
            out.write(data + b"\0" * (-len(data) % 512))
    if end:
        out.write(b"\0" * 1024)
    return out.getvalue()


def meta(data=METADATA):
    return entry("metadata.yaml", data)


def good(metadata=METADATA):
    return [
        meta(metadata),
        entry("templates/"),
        entry("templates/hostname.tpl", b"{{ container.name }}\n"),
        entry("rootfs/"),
        entry("rootfs/bin/", mode=0o755),
        entry("rootfs/bin/sh", b"#!" + b"x" * 5000, mode=0o4755),
        entry("rootfs/bin/ash", kind=tarfile.LNKTYPE, link="rootfs/bin/sh"),
        entry("rootfs/etc/"),
        entry("rootfs/etc/mtab", kind=tarfile.SYMTYPE, link="/proc/mounts"),
    ]


COMPRESS = {
    "": lambda b: b,
    "gz": lambda b: gzip.compress(b, 6, mtime=0),
    "xz": lzma.compress,
    "lzma": lambda b: lzma.compress(b, lzma.FORMAT_ALONE),
    "bz2": bz2.compress,
    "zst": lambda b: subprocess.run(["zstd", "-q", "-c"], input=b, stdout=subprocess.PIPE, check=True).stdout,
}


def multipart(parts, boundary="0123456789abcdef"):
    out = b""
    for name, filename, data in parts:
        out += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", out + f"--{boundary}--\r\n".encode()


def squashfs(*options):
    """A small one with every kind of file but devices."""
    with tempfile.TemporaryDirectory() as base:
        top = os.path.join(base, "top")
        os.makedirs(top + "/bin/below", 0o755)
        for name, size in (("bin/sh", 9000), ("bin/below/a", 100), ("empty", 0)):
            with open(os.path.join(top, name), "wb") as f:
                f.write(b"0123456789"[:7] * (size // 7))
        with open(top + "/hole", "wb") as f:
            f.truncate(50000)
        os.link(top + "/empty", top + "/bin/link")
        os.symlink("bin/sh", top + "/l")
        os.mkfifo(top + "/fifo")
        with contextlib.suppress(OSError): # not every file system has them
            os.setxattr(top + "/bin/sh", "user.comment", b"hello")
        subprocess.run(["mksquashfs", top, base + "/image", "-quiet", "-no-progress", "-b", "4096", *options, "-all-time", "0", "-nopad"],
                       stdout=subprocess.DEVNULL, check=True)
        with open(base + "/image", "rb") as f:
            return f.read()


def flip(body, at):
    at %= len(body)
    return body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1:]


def whole(pad):
    """(name, body): a good file of each format an image can have, by more than one block or stream where the format has these."""
    plain = tar(good() + [entry("rootfs/pad", pad)])
    for name, compress in COMPRESS.items():
        yield name or "tar", compress(plain)
    yield "xz.blocks", subprocess.run(["xz", "-c", "--block-size=32KiB"], input=plain, stdout=subprocess.PIPE, check=True).stdout
    yield "xz.streams", lzma.compress(plain[:9000]) + bytes(8) + lzma.compress(plain[9000:]) + bytes(400)
    yield "gz.members", gzip.compress(plain[:9000], mtime=0) + gzip.compress(plain[9000:], mtime=0)
    yield "gz.padded", gzip.compress(plain, mtime=0) + bytes(512)
    yield "bz2.streams", bz2.compress(plain[:9000]) + bz2.compress(plain[9000:])
    yield "bz2.padded", bz2.compress(plain) + bytes(512)
    yield "zst.checked", subprocess.run(["zstd", "-q", "-c", "-19", "--check"], input=plain, stdout=subprocess.PIPE, check=True).stdout
    yield "zst.frames", COMPRESS["zst"](plain[:9000]) + b"\x53\x2a\x4d\x18\4\0\0\0abcd" + COMPRESS["zst"](plain[9000:])
    yield "lzma.sized", subprocess.run(["lzma", "-c"], input=plain, stdout=subprocess.PIPE, check=True).stdout


def hostile_metadata():
    """(what, entries, words of the error): refused by the import, which reads no more than the metadata."""
    rootfs = [entry("rootfs/"), entry("rootfs/x", b"x")]
    good_tail = b"architecture: x86_64\ncreation_date: 5\n"
    nested = b"{a: " * 200 + b"1" + b"}" * 200
    aliases = b"a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n"
    yield "no metadata.yaml", rootfs, "missing metadata.yaml"
    yield "no rootfs", [meta()], "no rootfs"
    yield "symlink", [entry("metadata.yaml", kind=tarfile.SYMTYPE, link="/etc/passwd")] + rootfs, "not a regular file"
    yield "hard link", [entry("rootfs/m", METADATA), entry("metadata.yaml", kind=tarfile.LNKTYPE, link="rootfs/m")], "not a regular file"
    yield "directory", [entry("metadata.yaml/")] + rootfs, "not a regular file"
    yield "device", [entry("metadata.yaml", kind=tarfile.CHRTYPE)] + rootfs, "not a regular file"
    yield "twice", [meta(), meta()] + rootfs, "twice"
    yield "twice by another spelling", [meta(), entry("./metadata.yaml", METADATA)] + rootfs, "twice"
    yield "10 MB", [meta(b"#" * (10 << 20))] + rootfs, "larger than"
    yield "templates is a symlink", [meta(), entry("templates", kind=tarfile.SYMTYPE, link="/etc")] + rootfs, "templates of the image is not a directory"
    yield "template is a symlink", [meta(), entry("templates/x", kind=tarfile.SYMTYPE, link="/etc/shadow")] + rootfs, "not a regular file"
    yield "rootfs is a symlink", [meta(), entry("rootfs", kind=tarfile.SYMTYPE, link="/")], "rootfs of the image is not a directory"
    yield "dot dot", [entry("../evil", b"x"), meta()] + rootfs, 'leaves it by ".."'
    yield "dot dot inside", [entry("rootfs/../../evil", b"x"), meta()] + rootfs, 'leaves it by ".."'
    yield "absolute", [entry("/etc/evil", b"x"), meta()] + rootfs, "absolute path"
    yield "foreign entry", [entry("evil", b"x"), meta()] + rootfs, "not part of an image"
    yield "virtual machine", [meta(), entry("rootfs.img", b"x" * 512)], "virtual machine"
    for what, text, words in (
            ("empty", b"", "must be a mapping"),
            ("a list", b"- a\n", "must be a mapping"),
            ("a text", b"hello", "must be a mapping"),
            ("zero bytes", b"\0" * 64, "metadata.yaml"),
            ("not UTF-8", b"architecture: \xff\xfe\n", "metadata.yaml"),
            ("syntax", b"architecture: [x\n", "metadata.yaml: yaml"),
            ("two documents", good_tail + b"---\n" + good_tail, "metadata.yaml"),
            ("alias bomb", aliases + good_tail, "metadata.yaml"),
            ("deep", nested, "metadata.yaml"),
            ("duplicate key", good_tail + b"architecture: i386\n", "metadata.yaml"),
            ("no date", b"architecture: x86_64\n", "Missing creation date"),
            ("null date", b"architecture: x86_64\ncreation_date: ~\n", "Missing creation date"),
            ("date is text", b"architecture: x86_64\ncreation_date: abc\n", "must be a number"),
            ("date is a map", b"architecture: x86_64\ncreation_date: {}\n", "must be a number"),
            ("date before all", b"architecture: x86_64\ncreation_date: -5\n", "out of range"),
            ("date after all", b"architecture: x86_64\ncreation_date: 99999999999999\n", "out of range"),
            ("architecture unknown", b"architecture: foo\ncreation_date: 5\n", "Architecture isn't supported: foo"),
            ("architecture missing", b"creation_date: 5\n", "Architecture isn't supported: "),
            ("architecture list", b"architecture: [x86_64]\ncreation_date: 5\n", "must be a text"),
            ("properties list", good_tail + b"properties: [a]\n", "must be a mapping"),
            ("property list", good_tail + b"properties:\n  a: [1]\n", "must be a text"),
            ("property control", good_tail + b'properties:\n  a: "\\e[31m"\n', "control characters"),
            ("property name", good_tail + b'properties:\n  "a\\nb": c\n', "bad name"),
            ("property huge", good_tail + b"properties:\n  a: " + b"x" * 70000 + b"\n", "longer than"),
            ("properties many", good_tail + b"properties:\n" + b"".join(b"  k%d: v\n" % i for i in range(2000)), "more than"),
            ("template null", good_tail + b"templates:\n  /etc/hosts: ~\n", "must be a mapping, but it is nothing"),
            ("template without source", good_tail + b"templates:\n  /etc/hosts: {when: [create]}\n", "template must be a text"),
            ("template outside", good_tail + b"templates:\n  /etc/hosts: {template: ../../etc/shadow}\n", "in templates/"),
            ("template absolute", good_tail + b"templates:\n  /etc/hosts: {template: /etc/shadow}\n", "in templates/"),
            ("template target relative", good_tail + b"templates:\n  etc/hosts: {template: x}\n", "absolute path"),
            ("template target outside", good_tail + b"templates:\n  /../etc/hosts: {template: x}\n", "absolute path"),
            ("when text", good_tail + b"templates:\n  /etc/hosts: {template: x, when: create}\n", "when must be a list"),
            ("when null", good_tail + b"templates:\n  /etc/hosts: {template: x, when: [~]}\n", "when must be a list of texts"),
            ("create_only", good_tail + b"templates:\n  /etc/hosts: {template: x, create_only: 5}\n", "create_only must be"),
    ):
        yield "metadata: " + what, [meta(text)] + rootfs, words


def hostile_rootfs():
    """(what, entries, words of the error): refused when it is unpacked."""
    link, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
    head = [meta(), entry("rootfs/")]
    yield "link, then through it", head + [entry("rootfs/l", kind=link, link="/tmp"), entry("rootfs/l/evil", b"x")], "leads through something"
    yield "link, then folder of its name", head + [entry("rootfs/l", kind=link, link="/tmp"), entry("rootfs/l/")], "twice"
    yield "link, then file of its name", head + [entry("rootfs/l", kind=link, link="/tmp/evil"), entry("rootfs/l", b"x")], "twice"
    yield "relative link, then through it", head + [entry("rootfs/l", kind=link, link="../../../.."), entry("rootfs/l/tmp/evil", b"x")], "leads through something"
    yield "link deep, then through it", head + [entry("rootfs/a/"), entry("rootfs/a/l", kind=link, link=".."), entry("rootfs/a/l/evil", b"x")], "leads through something"
    yield "file, then through it", head + [entry("rootfs/f", b"x"), entry("rootfs/f/g", b"x")], "leads through something"
    yield "rootfs becomes a link", head + [entry("rootfs", kind=link, link="/")], "rootfs of the image is not a directory"
    yield "rootfs is a link", [meta(), entry("rootfs", kind=link, link="/"), entry("rootfs/evil", b"x")], "rootfs of the image is not a directory"
    yield "rootfs is a file", [meta(), entry("rootfs", b"x")], "rootfs of the image is not a directory"
    yield "rootfs is a hard link", [meta(), entry("rootfs", kind=hard, link="metadata.yaml")], "rootfs of the image is not a directory"
    yield "rootfs is a device", [meta(), entry("rootfs", kind=tarfile.BLKTYPE)], "rootfs of the image is not a directory"
    yield "templates is a link", head + [entry("templates", kind=link, link="/tmp"), entry("templates/evil", b"x")], "templates of the image is not a directory"
    yield "templates twice", head + [entry("templates/"), entry("templates", kind=link, link="/tmp")], "templates of the image is not a directory"
    yield "template is a hard link", head + [entry("rootfs/f", b"x"), entry("templates/f", kind=hard, link="rootfs/f")], "not a regular file"
    yield "template huge", head + [entry("templates/f", b"x" * (17 << 20))], "the limit is"
    yield "metadata.yaml again as link", head + [entry("metadata.yaml", kind=link, link="/etc/passwd")], "not a regular file"
    yield "metadata.yaml again", head + [meta()], "twice"
    yield "hard link absolute", head + [entry("rootfs/h", kind=hard, link="/etc/shadow")], "absolute path"
    yield "hard link outside", head + [entry("rootfs/h", kind=hard, link="rootfs/../../../etc/shadow")], 'leaves it by ".."'
    yield "hard link to the metadata", head + [entry("rootfs/h", kind=hard, link="metadata.yaml")], "outside of its rootfs"
    yield "hard link to nothing", head + [entry("rootfs/h", kind=hard, link="rootfs/nothing")], "which is no file of it"
    yield "hard link to a folder", head + [entry("rootfs/d/"), entry("rootfs/h", kind=hard, link="rootfs/d")], "to the folder"
    yield "hard link through a link", head + [entry("rootfs/l", kind=link, link="/etc"), entry("rootfs/h", kind=hard, link="rootfs/l/shadow")], "no file of it"
    yield "hard link to itself", head + [entry("rootfs/h", kind=hard, link="rootfs/h")], "no file of it"
    yield "link without a target", head + [entry("rootfs/l", kind=link, link="")], "without a target"
    yield "dot dot", head + [entry("rootfs/../evil", b"x")], 'leaves it by ".."'
    yield "dot dot at the end", head + [entry("rootfs/a/..")], 'leaves it by ".."'
    yield "absolute", head + [entry("/evil", b"x")], "absolute path"
    yield "foreign", head + [entry("backup.yaml", b"x")], "not part of an image"
    yield "file twice", head + [entry("rootfs/f", b"x"), entry("./rootfs//f", b"y")], "twice"
    yield "file becomes a folder", head + [entry("rootfs/f", b"x"), entry("rootfs/f/")], "twice"
    yield "deep", head + [entry("rootfs/" + "d/" * 300)], "deeper than"
    yield "long", head + [entry("rootfs/" + "x" * 300, b"x")], "too long"
    yield "sparse and enormous", head + [entry("rootfs/s", b"", pax={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "rootfs/s",
                                                                      "GNU.sparse.realsize": str(1 << 62)}, size=512)], ""
    yield "owner impossible", head + [entry("rootfs/f", b"x", pax={"uid": "-5"})], ""
    yield "attribute broken", head + [entry("rootfs/f", b"x", pax={"SCHILY.xattr.security.capability": "nonsense"})], "attribute"
    yield "attribute of 200 KB", head + [entry("rootfs/f", b"x", pax={"SCHILY.xattr.user.big": "x" * 200000})], "invalid attribute"
    yield "attribute with a long name", head + [entry("rootfs/f", b"x", pax={"SCHILY.xattr.user." + "x" * 400: "x"})], "invalid attribute"
    yield "name of 64 KiB", head + [entry("rootfs/f", b"x", pax={"path": "rootfs/" + "x" * 65536})], "longer than"
    yield "link target of 64 KiB", head + [entry("rootfs/l", kind=link, pax={"linkpath": "x" * 65536})], "symbolic link"
    yield "size 8 EiB", head + [entry("rootfs/f", b"", size=512, pax={"size": str((1 << 63) - 1)})], ""
    yield "owner 2^32", head + [entry("rootfs/f", b"x", pax={"uid": str(1 << 32)})], "impossible owner"
    yield "owner nobody can be", head + [entry("rootfs/f", b"x", pax={"uid": str((1 << 32) - 1)})], "impossible owner"
    yield "header of 20 MB", head + [entry("rootfs/f", b"x", pax={"comment": "x" * 20000000})], "damaged"
    yield "virtual machine", head + [entry("rootfs.img", b"x")], "virtual machine"
    yield "no metadata.yaml", [entry("rootfs/"), entry("rootfs/f", b"x")], "missing metadata.yaml"
    yield "no rootfs", [meta()], "no rootfs"
