/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/socket.h"

typedef union Control {
        struct cmsghdr align;
        char space[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int))];
} Control;

static int socket_at(const char *path, int type, struct sockaddr_un *ret_address) {
        *ret_address = (struct sockaddr_un) { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(ret_address->sun_path))
                return -ENAMETOOLONG;
        strcpy(ret_address->sun_path, path);
        return RET_ERRNO(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
}

int socket_connect(const char *path, int type) {
        struct sockaddr_un address;
        _cleanup_close_ int fd = socket_at(path, type, &address);

        if (fd < 0)
                return fd;
        return connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : TAKE_FD(fd);
}

int socket_listen(const char *path, int type, int backlog) {
        struct sockaddr_un address;
        _cleanup_close_ int fd = socket_at(path, type, &address);

        if (fd < 0)
                return fd;
        (void) unlink(path);
        return bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, backlog) < 0 ? -errno : TAKE_FD(fd);
}

int socket_send_fds(int sock, const void *data, size_t n, const int *fds, size_t n_fds, int flags) {
        struct iovec iov = { (void *) data, n };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
        Control control = {};
        ssize_t k;

        if (n_fds > SOCKET_FDS_MAX)
                return -E2BIG;
        if (n_fds > 0) {
                control.align = (struct cmsghdr) { .cmsg_len = CMSG_LEN(n_fds * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        }
        do
                k = sendmsg(sock, &m, MSG_NOSIGNAL | flags);
        while (k < 0 && errno == EINTR);
        return k < 0 ? -errno : 0;
}

/* All that came, so that nothing leaks; how many. */
static size_t take_fds(struct msghdr *m, int fds[static SOCKET_FDS_MAX]) {
        size_t n = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
                        size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                        memcpy(fds + n, CMSG_DATA(c), k * sizeof(int));
                        n += k;
                }
        return n;
}

ssize_t socket_receive_fds(int sock, void *data, size_t max, int *fds, size_t *n_fds, int flags) {
        struct iovec iov = { data, max };
        Control control;
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
        int came[SOCKET_FDS_MAX];
        size_t room = *n_fds, n;
        ssize_t k;

        do
                k = recvmsg(sock, &m, flags);
        while (k < 0 && errno == EINTR);
        if (k < 0)
                return -errno;
        n = take_fds(&m, came);
        if (n > room || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
                for (size_t i = 0; i < n; i++)
                        (void) close(came[i]);
                return -EBADMSG;
        }
        memcpy(fds, came, n * sizeof(int));
        *n_fds = n;
        return k;
}
