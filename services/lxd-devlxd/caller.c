/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of the guest socket. */
#include "caller.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <systemd/sd-login.h>

#include "base/file.h"
#include "base/str.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define GUEST_SLICE "lxd.slice"

int caller_parse_unit(const char *slice, const char *unit, uint64_t *ret) {
        static const char *const prefixes[] = { "lxd-container@", "lxd-vm@" };

        /* Guests can make cgroups below their own only, and units of other slices are not guests whatever they are called. */
        if (!streq(slice, GUEST_SLICE))
                return -ENOENT;
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                const char *rest = startswith(unit, prefixes[i]), *end = rest ? endswith(rest, ".service") : NULL;
                char number[24];

                if (!end || end == rest || (size_t) (end - rest) >= sizeof(number))
                        continue;
                memcpy(number, rest, (size_t) (end - rest));
                number[end - rest] = '\0';
                if (parse_u64(number, ret) >= 0)
                        return 0;
        }
        return -ENOENT;
}

/* A handle on the process that connected. Since Linux 6.5 the kernel has kept it since then; before, the number is all there is, which
 * could be another process's only if all numbers had been used up since. */
static int open_peer(int fd, pid_t pid) {
        int pidfd = -EBADF;
        socklen_t n = sizeof(pidfd);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n) >= 0)
                return pidfd;
        if (errno != ENOPROTOOPT)
                return -errno;
        return RET_ERRNO((int) syscall(SYS_pidfd_open, pid, 0));
}

static bool is_alive(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return poll(&p, 1, 0) == 0; /* readable = it has ended */
}

int caller_identify(int fd, Caller *ret) {
        _cleanup_free_ char *unit = NULL, *slice = NULL;
        _cleanup_close_ int pidfd = -EBADF;
        struct ucred cred;
        socklen_t n = sizeof(cred);
        uint64_t guest;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
                return -errno;
        pidfd = open_peer(fd, cred.pid);
        if (pidfd < 0)
                return pidfd == -ESRCH || pidfd == -EINVAL ? -ENOENT : pidfd;
        r = sd_pid_get_unit(cred.pid, &unit);
        if (r >= 0)
                r = sd_pid_get_slice(cred.pid, &slice);
        /* Alive after its files were read: then it was the same process all the time. */
        if (r < 0 || !is_alive(pidfd))
                return r == -ENOMEM ? r : -ENOENT;
        r = caller_parse_unit(slice, unit, &guest);
        if (r < 0)
                return r;
        *ret = (Caller) { .guest = guest, .pid = cred.pid, .uid = cred.uid };
        return 0;
}

int caller_parse_uid_map(const char *text, uid_t *ret) {
        _cleanup_strv_free_ Strv lines = NULL;

        if (strv_split(text, "\n", &lines) < 0)
                return -ENOMEM;
        STRV_FOREACH(l, lines) {
                unsigned inside, outside, count;

                if (sscanf(*l, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && count > 0) {
                        *ret = outside;
                        return 0;
                }
        }
        return -ENOENT;
}

int caller_root_uid(pid_t init, uid_t *ret) {
        _cleanup_free_ char *text = NULL;
        char path[32];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%d/uid_map", init);
        r = file_read(path, 65536, &text, NULL);
        return r < 0 ? r : caller_parse_uid_map(text, ret);
}
