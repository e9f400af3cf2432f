/* SPDX-License-Identifier: Apache-2.0 */
/* Makes renderers, and takes everything from them but one socket: no privilege, no file, few system calls. */
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/socket.h"
#include "base/str.h"
#include "bus-error.h"
#include "capabilities.h"
#include "renderers.h"
#include "template-renderer.h"

#define NOBODY 65534
#define SOCKET_FD 3

/* What reading, rendering and the messages need. NULL: no memory. */
static scmp_filter_ctx filter_new(void) {
        static const int allowed[] = {
                SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(close),
                SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(fcntl), SCMP_SYS(memfd_create), SCMP_SYS(brk),
                SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(futex),
                SCMP_SYS(getrandom), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(getpid),
        };
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = filter ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(allowed); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        if (r >= 0)
                return filter;
        if (filter)
                seccomp_release(filter);
        return NULL;
}

static int keep_only(int fd) {
        return dup2(fd, SOCKET_FD) < 0 || syscall(SYS_close_range, SOCKET_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

static int confine(int sock, scmp_filter_ctx filter) {
        const struct { int resource; rlim_t value; } limits[] = {
                { RLIMIT_AS, 512UL * 1024 * 1024 }, { RLIMIT_CPU, 20 }, { RLIMIT_NPROC, 0 }, { RLIMIT_CORE, 0 },
                { RLIMIT_FSIZE, 16UL * 1024 * 1024 },
        };
        int r;

        r = keep_only(sock);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct rlimit l = { limits[i].value, limits[i].value };

                if (setrlimit((__rlimit_resource_t) limits[i].resource, &l) < 0)
                        return -errno;
        }
        if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
                return -errno;
        if (capabilities_drop() < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return seccomp_load(filter);
}

static int renderer_run(int sock, scmp_filter_ctx filter) {
        _cleanup_message_ GuestMessage request = {}, metadata = {};
        _cleanup_free_ char *text = NULL;
        int r, received;

        r = confine(sock, filter);
        /* Not left unread in any case: the worker would find a broken socket where it looks for the error. */
        received = guest_message_receive(SOCKET_FD, &request);
        if (received > 0)
                received = guest_message_receive(SOCKET_FD, &metadata);
        if (r < 0)
                (void) str_format(&text, "The template renderer could not give up its privileges: %s", strerror(-r));
        else
                r = received <= 0 ? -EPIPE : renderer_apply(SOCKET_FD, strempty(guest_message_get(&metadata, "text")), &request, &text);
        if (r < 0)
                return guest_message_send_error(SOCKET_FD, LXD_ERROR_INVALID, text ?: strerror(-r)) < 0;
        return guest_message_send_ok(SOCKET_FD, NULL, 0) < 0;
}

/* One renderer for each socket that comes; its number is the answer. It becomes a child of the worker, which alone knows when it has to go. */
static int make_renderers(int control) {
        scmp_filter_ctx filter = filter_new();

        if (!filter || keep_only(control) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return EXIT_FAILURE;
        for (;;) {
                _cleanup_close_ int sock = -EBADF;
                size_t n = 1;
                char byte;
                pid_t pid;

                if (socket_receive_fds(SOCKET_FD, &byte, 1, &sock, &n, MSG_CMSG_CLOEXEC) <= 0 || n != 1)
                        return EXIT_SUCCESS;
                pid = (pid_t) syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
                if (pid == 0)
                        _exit(renderer_run(sock, filter));
                if (send(SOCKET_FD, &pid, sizeof(pid), MSG_NOSIGNAL) < 0)
                        return EXIT_FAILURE;
        }
}

static int socket_pair(int *ret_ours, int *ret_theirs) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        *ret_ours = pair[0];
        *ret_theirs = pair[1];
        return 0;
}

int renderers_start(int *ret_control) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        pid_t pid;
        int r;

        r = socket_pair(&ours, &theirs);
        if (r < 0)
                return r;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(make_renderers(theirs));
        *ret_control = TAKE_FD(ours);
        return 0;
}

int renderer_start(int control, int *ret_sock) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int r;

        r = socket_pair(&ours, &theirs);
        if (r >= 0)
                r = socket_send_fds(control, "", 1, &theirs, 1, 0);
        if (r < 0)
                return r;
        *ret_sock = TAKE_FD(ours);
        return 0;
}

void renderer_end(int control) {
        pid_t pid = -1;

        if (recv(control, &pid, sizeof(pid), 0) != sizeof(pid) || pid <= 0)
                return;
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
}
