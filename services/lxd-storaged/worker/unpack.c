/* SPDX-License-Identifier: Apache-2.0 */
/* Client of the sandboxed unpacker: one connection, one job. */
#include "unpack.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

#define REPLY_MAX 8192

static int unpack_connect(HostError *e) {
        const char *path = secure_getenv("LXD_UNPACK_SOCKET") ?: LXD_RUN_DIR "/unpack.socket";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return host_error(e, -errno, "Failed to reach the image unpacker at %s", path);
        return TAKE_FD(fd);
}

static int unpack_send(int fd, const char *format, const int fds[static 3]) {
        union {
                char buffer[CMSG_SPACE(3 * sizeof(int))];
                struct cmsghdr align;
        } control = {};
        struct iovec iov = { .iov_base = (char *) format, .iov_len = strlen(format) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.buffer,
                .msg_controllen = sizeof(control.buffer),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(3 * sizeof(int));
        memcpy(CMSG_DATA(c), fds, 3 * sizeof(int));
        return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
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

int unpack_image(const char *format, int metadata_fd, int rootfs_fd, int target_fd, void (*progress)(unsigned percent),
                 HostError *e) {
        _cleanup_free_ char *packet = malloc(REPLY_MAX + 1);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!packet)
                return -ENOMEM;
        fd = unpack_connect(e);
        if (fd < 0)
                return host_error(e, fd, "Failed to reach the image unpacker");
        r = unpack_send(fd, format, (int[]) { metadata_fd, rootfs_fd, target_fd });
        if (r < 0)
                return host_error(e, r, "Failed to hand the image to the unpacker");
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
