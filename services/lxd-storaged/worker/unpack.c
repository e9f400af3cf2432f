/* SPDX-License-Identifier: Apache-2.0 */
/* Client of the sandboxed unpacker: one connection, one job. It gets the target as a mount of its own, which no ".." and no link leads out of, makes
 * everything as its own user, and writes down what else is to be set; that is done here when it has ended. */
#include "unpack.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/socket.h"
#include "base/str.h"
#include "unpack-owners.h"

#define REPLY_MAX 8192
#define JOB_FDS 4

static int unpack_connect(HostError *e) {
        const char *path = secure_getenv("LXD_UNPACK_SOCKET") ?: LXD_RUN_DIR "/unpack.socket";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int) { 1 }, sizeof(int)) < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return host_error(e, -errno, "Failed to reach the image unpacker at %s", path);
        return TAKE_FD(fd);
}

/* The unpacker's first packet, and whose it is: of our end the kernel knows only who listened. */
static int unpack_await(int fd, struct ucred *ret) {
        union {
                char buffer[CMSG_SPACE(sizeof(struct ucred))];
                struct cmsghdr align;
        } control = {};
        char text[16];
        struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buffer, .msg_controllen = sizeof(control.buffer) };
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);

        if (n < 0)
                return -errno;
        if (n == 0)
                return -ECONNRESET;
        if ((size_t) n != STRLEN("ready") || memcmp(text, "ready", STRLEN("ready")) != 0 || !c || c->cmsg_level != SOL_SOCKET ||
            c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len != CMSG_LEN(sizeof(*ret)))
                return -EPROTO;
        memcpy(ret, CMSG_DATA(c), sizeof(*ret));
        return 0;
}

/* Only root can make the mount, and change owners; tests do without. */
static int unpack_lend(int target_fd, const struct ucred *who, int *ret) {
        struct mount_attr a = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW };
        _cleanup_close_ int mount = -EBADF, fd = -EBADF;

        if (geteuid() == 0) {
                mount = (int) syscall(SYS_open_tree, target_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
                if (mount < 0 || syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0 || fchown(target_fd, who->uid, who->gid) < 0)
                        return -errno;
        }
        fd = openat(mount < 0 ? target_fd : mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* All is root's but what the records say. */
static int unpack_finish(int target_fd, const struct ucred *who, int records_fd, HostError *e) {
        _cleanup_close_ int records = records_fd;
        uint64_t skipped;
        int r = 0;

        if (geteuid() == 0 && who->uid != 0) {
                if (fchown(target_fd, 0, 0) < 0)
                        return host_error(e, -errno, "Failed to take the unpacked image back");
                r = unpack_own(target_fd, who->uid, e);
        }
        r = r < 0 ? r : unpack_apply_records(target_fd, TAKE_FD(records), &skipped, e);
        if (r >= 0 && skipped > 0)
                fprintf(stderr, "Left out %" PRIu64 " extended attributes of the image that this file system does not take.\n", skipped);
        return r;
}

/* One packet from the unpacker: 1 = go on, 0 = done, -errno. */
static int unpack_reply(char *packet, void (*progress)(unsigned percent), HostError *e) {
        const char *rest;
        char *text;
        uint32_t percent;

        if (streq(packet, "done"))
                return 0;
        rest = startswith(packet, "progress ");
        if (rest) {
                if (progress && parse_u32(rest, &percent) >= 0 && percent <= 100)
                        progress(percent);
                return 1;
        }
        rest = startswith(packet, "error ");
        text = rest ? strchr(rest, ' ') : NULL;
        if (!text)
                return host_refuse(e, -EPROTO, HOST_ERROR_FAILED, "The image unpacker gave an answer that makes no sense");
        *text++ = '\0';
        return host_refuse(e, -EIO, rest, "%s", text);
}

/* Until the unpacker says that it is done. */
static int unpack_wait(int fd, void (*progress)(unsigned percent), HostError *e) {
        _cleanup_free_ char *packet = malloc(REPLY_MAX + 1);
        int r;

        if (!packet)
                return -ENOMEM;
        do {
                ssize_t n = recv(fd, packet, REPLY_MAX, 0);

                if (n < 0)
                        return host_error(e, -errno, "Failed to hear from the image unpacker");
                if (n == 0)
                        return host_refuse(e, -EIO, HOST_ERROR_FAILED,
                                           "The image unpacker ended in the middle of the work; see journalctl -u 'lxd-unpack@*'");
                packet[n] = '\0';
                r = unpack_reply(packet, progress, e);
        } while (r > 0);
        return r;
}

int unpack_image(const char *format, int metadata_fd, int rootfs_fd, int target_fd, void (*progress)(unsigned percent),
                 HostError *e) {
        _cleanup_close_ int fd = -EBADF, lent = -EBADF, records = -EBADF;
        struct ucred who;
        int r;

        fd = unpack_connect(e);
        if (fd < 0)
                return host_error(e, fd, "Failed to reach the image unpacker");
        r = unpack_await(fd, &who);
        if (r < 0)
                return host_error(e, r, "The image unpacker did not start; see journalctl -u 'lxd-unpack@*'");
        r = unpack_lend(target_fd, &who, &lent);
        if (r < 0)
                return host_error(e, r, "Failed to open the new volume for the unpacker");
        records = memfd_create("lxd-unpack-records", MFD_CLOEXEC);
        r = records < 0 ? -errno : socket_send_fds(fd, format, strlen(format), (int[]) { metadata_fd, rootfs_fd, lent, records }, JOB_FDS, 0);
        if (r < 0)
                return host_error(e, r, "Failed to hand the image to the unpacker");
        r = unpack_wait(fd, progress, e);
        return r < 0 ? r : unpack_finish(target_fd, &who, TAKE_FD(records), e);
}
