#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the real unpack worker over its socket on good and hostile images. usage: test-unpack-worker.py WORKER CLIENT

The worker runs as a user without any right (when root runs the tests), the client as root. Whatever it is given, nothing may appear outside of the target. Owners and capabilities are looked at when root runs it."""

import binascii
import fcntl
import lzma
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

import images

WORKER = CLIENT = None
WORKER_FD = -1 # the user may not reach the build
USER = 54321
ROOT = os.geteuid() == 0


def temporary(data):
    f = tempfile.TemporaryFile()
    f.write(data)
    f.flush()
    return f


class Unpack(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="lxd-unpack-")
        self.target = os.path.join(self.base, "outer", "target")
        os.makedirs(self.target)
        self.addCleanup(shutil.rmtree, self.base)

    turn = None # what runs instead of the worker

    def fresh(self):
        shutil.rmtree(self.target)
        os.mkdir(self.target)

    def serve(self, listener):
        """Plays lxd-unpack.socket: one connection for one worker, as a user without rights where that can be had."""
        connection, _ = listener.accept()
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                os.dup2(connection.fileno(), 3)
                os.environ["LISTEN_PID"] = str(os.getpid())
                os.environ["LISTEN_FDS"] = "1"
                if ROOT:
                    os.setgroups([])
                    os.setresgid(USER, USER, USER)
                    os.setresuid(USER, USER, USER)
                if self.turn:
                    self.turn()
                os.execve(WORKER_FD, [WORKER], os.environ)
            finally:
                os._exit(99)
        connection.close()
        return pid

    def job(self, form, metadata, rootfs=None):
        """Gives the last line of the client and the progress values."""
        path = os.path.join(self.base, "socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, \
                temporary(metadata) as m, temporary(rootfs if rootfs is not None else metadata) as r:
            listener.bind(path)
            listener.listen(1)
            fds = (m.fileno(), r.fileno())
            client = subprocess.Popen([CLIENT, form, *("/proc/self/fd/%d" % fd for fd in fds), self.target], pass_fds=fds,
                                      env={**os.environ, "LXD_UNPACK_SOCKET": path}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            pid = self.serve(listener)
            lines = client.communicate()[0].decode().rstrip("\n").split("\n")
        os.unlink(path)
        self.assertEqual(client.returncode, 0)
        seen = [int(line.split()[1]) for line in lines[:-1]]
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(os.listdir(self.base), ["outer"])
        self.assertEqual(os.listdir(os.path.join(self.base, "outer")), ["target"])
        return lines[-1], seen

    def good(self, *args):
        packet, seen = self.job(*args)
        self.assertEqual(packet, "done")
        return seen

    def refused(self, words, *args):
        packet, _ = self.job(*args)
        self.assertTrue(packet.startswith("error org.lxd.Error."), packet)
        self.assertIn(words, packet)
        self.assertNotIn("\n", packet)

    def path(self, name):
        return os.path.join(self.target, name)

    def test_unified(self):
        for name, compress in images.COMPRESS.items():
            with self.subTest(name):
                self.fresh()
                self.good("unified", compress(images.tar(images.good())))
                self.assertEqual(sorted(os.listdir(self.target)), ["metadata.yaml", "rootfs", "templates"])
                with open(self.path("metadata.yaml"), "rb") as f:
                    self.assertEqual(f.read(), images.METADATA)
                with open(self.path("rootfs/bin/sh"), "rb") as f:
                    self.assertEqual(f.read(), b"#!" + b"x" * 5000)
                st = os.stat(self.path("rootfs/bin/sh"))
                self.assertEqual((stat.S_IMODE(st.st_mode), st.st_nlink, st.st_mtime), (0o4755, 2, 1600000000))
                self.assertEqual(os.readlink(self.path("rootfs/etc/mtab")), "/proc/mounts")
                self.assertEqual(os.lstat(self.path("rootfs/etc/mtab")).st_mtime, 1600000000)
                self.assertEqual(os.stat(self.path("rootfs/bin")).st_mtime, 1600000000)

    def test_everything_a_rootfs_has(self):
        acl = "user::rwx,user:123:r-x,group::r-x,group:77:rwx,mask::rwx,other::---"
        rootfs = [
            images.entry("./", mode=0o751, uid=100, gid=101),
            images.entry("./f", b"x", mode=0o6711, uid=1000, gid=1001),
            images.entry("./sticky/", mode=0o1777),
            images.entry("./closed/", mode=0o555),
            images.entry("./closed/f", b"x"),
            images.entry("./no/parent/f", b"x"),
            images.entry("./fifo", kind=tarfile.FIFOTYPE, mode=0o620),
            images.entry("./dev/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3),
            images.entry("./dev/sda", kind=tarfile.BLKTYPE, devmajor=8),
            images.entry("./l", kind=tarfile.SYMTYPE, link="../../../etc/passwd", uid=5),
            images.entry("./l2", kind=tarfile.LNKTYPE, link="./l"),
            images.entry("./h", kind=tarfile.LNKTYPE, link="./no/parent/f"),
            images.entry("./acl", b"x", mode=0o770, pax={"SCHILY.acl.access": acl}),
            images.entry("./acls/", mode=0o770, pax={"SCHILY.acl.default": acl}),
            images.entry("./x", b"x", pax={"SCHILY.xattr.user.comment": "hello", "SCHILY.xattr.security.selinux": "no"}),
            images.entry("./n\udcff\udc80", b"not UTF-8"),
            images.entry("./\u00e4", b"UTF-8", pax={"path": "./\u00e4"}),
            images.entry("./old", b"x", pax={"mtime": "-5.25"}),
        ]
        self.good("split-tar", images.tar(images.good()[:3]), images.tar(rootfs))
        names = os.listdir(os.fsencode(self.path("rootfs")))
        self.assertIn(b"n\xff\x80", names)
        self.assertIn("\u00e4".encode(), names)
        for name, mode in (("rootfs", 0o751), ("rootfs/f", 0o6711), ("rootfs/sticky", 0o1777), ("rootfs/closed", 0o555), ("rootfs/fifo", 0o620),
                           ("rootfs/no/parent", 0o755), ("metadata.yaml", 0o644), ("templates", 0o755)):
            self.assertEqual(oct(stat.S_IMODE(os.lstat(self.path(name)).st_mode)), oct(mode), name)
        self.assertTrue(stat.S_ISFIFO(os.lstat(self.path("rootfs/fifo")).st_mode))
        self.assertFalse(os.path.lexists(self.path("rootfs/dev/null")))
        self.assertEqual(os.lstat(self.path("rootfs/l")).st_nlink, 2)
        self.assertEqual(os.stat(self.path("rootfs/h")).st_nlink, 2)
        self.assertEqual(os.stat(self.path("rootfs/closed")).st_mtime, 1600000000)
        self.assertEqual(os.getxattr(self.path("rootfs/x"), "user.comment"), b"hello")
        self.assertNotIn("security.selinux", os.listxattr(self.path("rootfs/x")))
        self.assertIn("system.posix_acl_access", os.listxattr(self.path("rootfs/acl")))
        self.assertIn("system.posix_acl_default", os.listxattr(self.path("rootfs/acls")))
        if shutil.which("getfacl"):
            out = subprocess.run(["getfacl", "-cn", self.path("rootfs/acl")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
            self.assertEqual(out.split(), acl.replace("::", "::").split(","))
        if ROOT:
            st = os.stat(self.path("rootfs/f"))
            self.assertEqual((st.st_uid, st.st_gid), (1000, 1001))
            self.assertEqual(os.lstat(self.path("rootfs/l")).st_uid, 5)
            self.assertEqual(os.stat(self.path("rootfs")).st_gid, 101)

    def kernel_attribute(self, name, value):
        source = os.path.join(self.base, "x")
        with open(source, "wb") as f:
            f.write(b"x")
        os.setxattr(source, name, value)
        archive = subprocess.run(["tar", "--xattrs", "--xattrs-include=*", "-C", self.base, "-c", "x"], stdout=subprocess.PIPE, check=True).stdout
        os.unlink(source)
        self.good("split-tar", images.tar([images.meta()]), archive)
        self.assertEqual(os.getxattr(self.path("rootfs/x"), name), value)

    @unittest.skipUnless(ROOT, "needs CAP_SETFCAP")
    def test_capability(self):
        self.kernel_attribute("security.capability", bytes([1, 0, 0, 2, 0, 4, 0, 0] + [0] * 12))

    def test_acl_of_gnu_tar(self):
        acl = ((1, 7, -1), (2, 5, 123), (4, 5, -1), (16, 7, -1), (32, 0, -1))
        self.kernel_attribute("system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *e) for e in acl))

    def test_sparse(self):
        source = os.path.join(self.base, "s")
        with open(source, "wb") as f:
            f.write(b"begin")
            f.seek(3 << 30)
            f.write(b"end")
            f.truncate(4 << 30)
        archive = subprocess.run(["tar", "-S", "-C", self.base, "-c", "s"], stdout=subprocess.PIPE, check=True).stdout
        os.unlink(source)
        self.assertLess(len(archive), 1 << 20)
        self.good("split-tar", images.tar([images.meta()]), archive)
        st = os.stat(self.path("rootfs/s"))
        self.assertEqual(st.st_size, 4 << 30)
        self.assertLess(st.st_blocks, 1 << 12)
        with open(self.path("rootfs/s"), "rb") as f:
            self.assertEqual(f.read(6), b"begin\0")
            f.seek(3 << 30)
            self.assertEqual(f.read(4), b"end\0")

    def squashfs(self, make, *options):
        source = os.path.join(self.base, "source")
        os.mkdir(source)
        make(source)
        image = os.path.join(self.base, "image")
        subprocess.run(["mksquashfs", source, image, "-quiet", "-no-progress", *options], stdout=subprocess.DEVNULL, check=True)
        with open(image, "rb") as f:
            data = f.read()
        shutil.rmtree(source)
        os.unlink(image)
        return data

    @unittest.skipUnless(shutil.which("mksquashfs"), "needs squashfs-tools")
    def test_squashfs(self):
        def make(source):
            os.makedirs(source + "/bin")
            with open(source + "/bin/sh", "wb") as f:
                f.write(random.Random(1).randbytes(3 << 19).hex().encode())
            os.chmod(source + "/bin/sh", 0o4755)
            os.symlink("/etc/passwd", source + "/l")
            os.setxattr(source + "/bin/sh", "user.comment", b"hello")
            if ROOT:
                os.chown(source + "/bin", 1000, 1001)

        image = self.squashfs(make)
        metadata = images.tar(images.good()[:3])
        self.good("split-squashfs", metadata, image)
        st = os.stat(self.path("rootfs/bin/sh"))
        self.assertEqual((stat.S_IMODE(st.st_mode), st.st_size), (0o4755, 3 << 20))
        self.assertEqual(os.getxattr(self.path("rootfs/bin/sh"), "user.comment"), b"hello")
        if ROOT:
            self.assertEqual(os.stat(self.path("rootfs/bin")).st_uid, 1000)
        for i in range(8):
            with self.subTest("truncated %d/8" % i):
                self.fresh()
                self.refused("damaged or incomplete", "split-squashfs", metadata, image[:len(image) * i // 8])
        damaged = bytearray(image)
        damaged[1000:100000] = bytes(99000)
        self.fresh()
        self.refused("damaged or incomplete", "split-squashfs", metadata, bytes(damaged))
        many = bytearray(image)
        many[4:8] = (5000000).to_bytes(4, "little")
        self.fresh()
        self.refused("more than 1000000 entries", "split-squashfs", metadata, bytes(many))

    @unittest.skipUnless(shutil.which("mksquashfs"), "needs squashfs-tools")
    def test_squashfs_everything(self):
        pad = random.Random(4).randbytes(700000).hex().encode()

        def make(source):
            os.makedirs(source + "/closed/below")
            os.makedirs(source + "/nobody", 0o700)
            for name in ("closed/below/f", "nobody/f", "a", "suid"):
                with open(source + "/" + name, "wb") as f:
                    f.write(name.encode())
            for i in range(300):
                with open(source + "/closed/%d" % i, "wb") as f:
                    f.write(pad[i:i + 1000])
            with open(source + "/big", "wb") as f:
                f.write(pad)
            with open(source + "/holes", "wb") as f:
                f.seek(64 << 20)
                f.write(b"middle")
                f.truncate(256 << 20)
            open(source + "/empty", "wb").close()
            os.link(source + "/a", source + "/closed/below/b")
            os.symlink("no/where", source + "/l")
            os.mkfifo(source + "/fifo", 0o620)
            if ROOT:
                os.mknod(source + "/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
                os.chown(source + "/suid", 7, 8)
                os.lchown(source + "/l", 9, 10)
                os.setxattr(source + "/suid", "security.capability", bytes([1, 0, 0, 2, 0, 4, 0, 0] + [0] * 12))
                os.setxattr(source + "/suid", "trusted.x", b"x")
            os.chmod(source + "/fifo", 0o620)
            os.chmod(source + "/suid", 0o6755)
            os.chmod(source + "/closed/below", 0)
            os.chmod(source + "/closed", 0o1555)

        for name in ("gzip", "xz", "zstd", "lz4"):
            with self.subTest(name):
                image = self.squashfs(make, "-comp", name)
                self.fresh()
                self.good("split-squashfs", images.tar(images.good()[:3]), image)
                root = self.path("rootfs/")
                self.assertEqual(sorted(set(os.listdir(root)) - {"lost+found"}), ["a", "big", "closed", "empty", "fifo", "holes", "l", "nobody", "suid"])
                for path, mode in (("closed", 0o1555), ("closed/below", 0), ("nobody", 0o700), ("fifo", 0o620), ("suid", 0o6755)):
                    self.assertEqual(oct(stat.S_IMODE(os.lstat(root + path).st_mode)), oct(mode), path)
                with open(root + "big", "rb") as f:
                    self.assertEqual(f.read(), pad)
                for i in range(300):
                    with open(root + "closed/%d" % i, "rb") as f:
                        self.assertEqual(f.read(), pad[i:i + 1000])
                st = os.stat(root + "holes")
                self.assertEqual(st.st_size, 256 << 20)
                self.assertLess(st.st_blocks, 1 << 12)
                self.assertEqual(os.stat(root + "empty").st_size, 0)
                self.assertEqual(os.readlink(root + "l"), "no/where")
                if ROOT:
                    self.assertEqual(os.stat(root + "a").st_ino, os.stat(root + "closed/below/b").st_ino)
                    self.assertEqual(os.stat(root + "a").st_nlink, 2)
                    self.assertEqual((os.stat(root + "suid").st_uid, os.stat(root + "suid").st_gid), (7, 8))
                    self.assertEqual((os.lstat(root + "l").st_uid, os.lstat(root + "l").st_gid), (9, 10))
                    self.assertEqual(os.listxattr(root + "suid"), ["security.capability"])
                    self.assertEqual({os.lstat(os.path.join(d, n)).st_uid for d, _, files in os.walk(root) for n in files}, {0, 7, 9})

    @unittest.skipUnless(shutil.which("mksquashfs"), "needs squashfs-tools")
    def test_squashfs_with_lzo(self):
        image = self.squashfs(lambda source: open(source + "/f", "wb").close(), "-comp", "lzo")
        self.refused("org.lxd.Error.NotSupported The rootfs archive is a squashfs compressed with lzo", "split-squashfs", images.tar(images.good()[:3]), image)

    def betray(self, misbehave):
        """What the client says of a worker in a stranger's hands: misbehave(target, records) runs as its user."""
        def turn():
            os.umask(0)
            with socket.socket(fileno=3) as connection:
                connection.send(b"ready")
                _, fds, _, _ = socket.recv_fds(connection, 4096, 4)
                os.mkdir("rootfs", 0o755, dir_fd=fds[2])
                misbehave(fds[2], fds[3])
                connection.send(b"done")
            os._exit(0)

        self.turn = turn
        packet, _ = self.job("unified", images.tar(images.good()))
        del self.turn
        return packet

    @staticmethod
    def record(path, uid=0, gid=0, mode=0o4777, kind=1):
        return struct.pack("7I", kind, uid, gid, mode, len(path), 0, 0) + path

    @unittest.skipUnless(ROOT, "needs two users")
    def test_worker_in_strange_hands(self):
        victim = os.path.realpath(tempfile.mkdtemp(prefix="lxd-victim-"))
        self.addCleanup(shutil.rmtree, victim)
        os.chmod(victim, 0o755)
        with open(victim + "/f", "wb") as f:
            f.write(b"x")
        os.chmod(victim + "/f", 0o644)
        depth = "/".join([".."] * 12)

        def link(target, records):
            os.symlink(victim, "rootfs/l", dir_fd=target)

        def records(*paths):
            def write(target, fd):
                link(target, fd)
                os.write(fd, b"".join(self.record(p.encode()) for p in paths))
            return write

        for paths in (("rootfs/l/f",), ("rootfs/" + depth + victim + "/f",), ("rootfs/" + depth + "/etc/passwd",), ("rootfs/no",), ("rootfs/../..",)):
            self.fresh()
            self.assertIn("Failed to find rootfs/", self.betray(records(*paths)))
        for paths in (("metadata.yaml",), ("/etc/passwd",), ("rootfs\0",), ("rootfs", "x")):
            self.fresh()
            self.assertIn("make no sense", self.betray(records(*paths)))
        self.fresh()
        self.assertEqual(self.betray(records("rootfs/l")), "done")
        self.fresh()
        self.assertIn("more owners and attributes than it may", self.betray(lambda _, fd: os.truncate(fd, 1 << 40)))

        def escape(target, _):
            self.assertTrue(os.path.samestat(os.stat("..", dir_fd=target), os.fstat(target)))
            with self.assertRaises(OSError):
                os.link(victim + "/f", "rootfs/f", dst_dir_fd=target)
            os.symlink("/", "rootfs/top", dir_fd=target)
            with self.assertRaises(OSError):
                os.open("rootfs/top/etc/passwd", os.O_RDONLY, dir_fd=target)
            for name in ("l", "s"):
                os.close(os.open("rootfs/" + name, os.O_CREAT | os.O_WRONLY, 0o755, dir_fd=target))
                os.chmod("/proc/self/fd/%d/rootfs/%s" % (target, name), 0o6755)
            with self.assertRaises(OSError):
                os.chown("rootfs/s", 0, 0, dir_fd=target)
            with self.assertRaises(OSError):
                os.mknod("rootfs/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3), dir_fd=target)

        self.fresh()
        self.assertEqual(self.betray(escape), "done")
        st = os.stat(self.path("rootfs/s"))
        self.assertEqual((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (0, 0, 0o755))
        st = os.stat(victim + "/f")
        self.assertEqual((st.st_uid, st.st_nlink, stat.S_IMODE(st.st_mode)), (0, 1, 0o644))
        self.assertEqual(stat.S_IMODE(os.stat(victim).st_mode), 0o755)

    def test_hostile(self):
        for what, entries, words in images.hostile_rootfs():
            for name in ("", "gz"):
                with self.subTest(what + " " + name):
                    self.fresh()
                    self.refused(words, "unified", images.COMPRESS[name](images.tar(entries)))

    def test_truncated(self):
        entries = images.good() + [images.entry("rootfs/pad", random.Random(2).randbytes(200000)), images.entry("rootfs/end", b"x")]
        for name, compress in images.COMPRESS.items():
            body = compress(images.tar(entries, end=False))
            for i in range(20):
                with self.subTest("%s %d/20" % (name, i)):
                    self.fresh()
                    self.refused("", "unified", body[:len(body) * i // 20])

    def test_checksum_at_the_end(self):
        # All of the tar comes out well, only the sum behind it is wrong.
        for name in ("xz", "bz2", "zst"): # libarchive does not look at the sum of gzip
            body = images.COMPRESS[name](images.tar(images.good() + [images.entry("rootfs/pad", random.Random(2).randbytes(300000))]))
            if name == "zst":
                body = subprocess.run(["zstd", "-q", "-c", "--check"], input=images.tar(images.good()), stdout=subprocess.PIPE, check=True).stdout
            body = bytearray(body)
            body[-12 if name == "xz" else -3] ^= 0x55
            with self.subTest(name):
                self.fresh()
                self.refused("damaged or incomplete", "unified", bytes(body))

    def test_not_empty(self):
        with open(self.path("x"), "wb"):
            pass
        self.refused("not empty", "unified", images.tar(images.good()))

    def test_unknown_format(self):
        self.refused("Unknown format", "zip", images.tar(images.good()))

    def test_bomb(self):
        head = images.tar([images.meta(), images.entry("rootfs/zeros", kind=b"0", size=6 << 30)], end=False)
        # Streams in a row are one: the zeros have to be compressed once only.
        for name in ("zst", "xz", "gz", "bz2"):
            with self.subTest(name):
                self.fresh()
                compress = images.COMPRESS[name]
                self.refused("compression bomb", "unified", compress(head) + compress(bytes(100 << 20)) * 12)

    def test_xz_of_many_blocks(self):
        # Written by "xz -T", unpacked by several threads.
        pad = random.Random(3).randbytes(1 << 20)
        plain = images.tar(images.good() + [images.entry("rootfs/pad", pad * 3)])
        body = subprocess.run(["xz", "-T2", "--block-size=200000", "-1", "-c"], input=plain, stdout=subprocess.PIPE, check=True).stdout
        self.good("unified", body)
        with open(self.path("rootfs/pad"), "rb") as f:
            self.assertEqual(f.read(), pad * 3)
        self.fresh()
        self.good("unified", images.COMPRESS["xz"](plain[:10240]) + images.COMPRESS["xz"](plain[10240:]))
        for i in range(20):
            with self.subTest("truncated %d/20" % i):
                self.fresh()
                self.refused("", "unified", body[:len(body) * i // 20])
        for at in (len(body) // 2, len(body) - 1000, len(body) - 40):
            with self.subTest("damaged at %d" % at):
                self.fresh()
                self.refused("The image is damaged or incomplete: ", "unified", body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1:])
        self.fresh()
        self.refused("The image is damaged or incomplete: ", "unified", body + b"something else")

    def test_xz_that_wants_memory(self):
        compressor = lzma.LZMACompressor(filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])
        body = bytearray(compressor.compress(images.tar(images.good())) + compressor.flush())
        # The size of the dictionary in the head of the block, and the sum of the head. 40: 4 GiB - 1
        self.assertEqual(body[14:16], b"\x21\x01")
        body[16] = 40
        body[20:24] = binascii.crc32(body[12:20]).to_bytes(4, "little")
        self.refused("of memory to be decompressed", "unified", bytes(body))

    def test_progress(self):
        entries = images.good() + [images.entry("rootfs/%d" % i, random.Random(i).randbytes(1 << 20)) for i in range(20)]
        seen = self.good("unified", images.tar(entries))
        self.assertGreater(len(seen), 5)


if __name__ == "__main__":
    WORKER, CLIENT = sys.argv.pop(1), sys.argv.pop(1)
    WORKER_FD = fcntl.fcntl(os.open(WORKER, os.O_RDONLY), fcntl.F_DUPFD_CLOEXEC, 64)
    unittest.main()
