/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the start of file and template workers. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/str.h"
#include "guest-worker.h"

#define REQUEST_FD 3

static int worker_exec(const char *name, int socket, pid_t *ret_pid) {
        _cleanup_free_ char *path = NULL;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        char *argv[] = { NULL, NULL };
        sigset_t none, all;
        int r;

        r = str_format(&path, "%s/lxd-%s", getenv("LXD_WORKER_DIR") ?: LXD_LIBEXEC_DIR, name);
        if (r < 0)
                return r;
        argv[0] = path;
        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        (void) posix_spawnattr_init(&attributes);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setsigdefault(&attributes, &all);
        (void) posix_spawn_file_actions_init(&actions);
        (void) posix_spawn_file_actions_adddup2(&actions, socket, REQUEST_FD);
        r = -posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attributes);
        return r;
}

int guest_worker_start(const char *name, const GuestMessage *first, int *ret_fd, pid_t *ret_pid) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int pair[2], r = 0;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, REQUEST_FD + 1); /* dup2() onto itself would keep close-on-exec */
        (void) close(pair[1]);
        if (theirs < 0)
                return -errno;
        if (first)
                r = guest_message_send(ours, first);
        if (r >= 0)
                r = worker_exec(name, theirs, ret_pid);
        if (r < 0)
                return r;
        (void) fd_set_nonblock(ours, true);
        *ret_fd = TAKE_FD(ours);
        return 0;
}
