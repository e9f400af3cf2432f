/* SPDX-License-Identifier: Apache-2.0 */
/* Giving memory back that was needed only to get going: of what a running container costs a third was stack that liblxc's monitor used once,
 * while it set up the guest, and never again, and a third its share of liblxc's code. */
#include <malloc.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "trim.h"

#define QUIET_MS 1000
#define KEEP 4096U /* below the frame that trims: what is there belongs to calls that have returned */

static pid_t runner;  /* the process whose children are meant; 0 = none */
static bool trimmed;

/* The part of the stack that is not in use any more. */
static void trim_stack(uintptr_t bottom) {
        uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
        uintptr_t end = ((uintptr_t) __builtin_frame_address(0) - KEEP) & ~(page - 1);

        if (bottom < end)
                (void) madvise((void *) bottom, end - bottom, MADV_DONTNEED);
}

static void trim_mappings(void) {
        _cleanup_free_ char *maps = NULL;
        char *line, *position;

        if (file_read("/proc/self/maps", 1024 * 1024, &maps, NULL) < 0)
                return;
        position = maps;
        while ((line = strsep(&position, "\n"))) {
                unsigned long start, end, inode;
                char mode[5];

                if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu", &start, &end, mode, &inode) != 4)
                        continue;
                if (endswith(line, "[stack]"))
                        trim_stack(start);
                else if (streq(mode, "r-xp") && inode != 0) /* the code of what is over: it is in files, and comes back when it is called */
                        (void) madvise((void *) start, end - start, MADV_DONTNEED);
        }
}

static void trim(void) {
        trimmed = true;
        trim_mappings();
        (void) malloc_trim(0); /* with what the list took */
}

int poll_and_trim(struct pollfd *p, nfds_t n, int timeout) {
        if (!trimmed && (timeout < 0 || timeout > QUIET_MS)) {
                int r = poll(p, n, QUIET_MS);

                if (r != 0)
                        return r;
                trim();
                timeout = timeout < 0 ? timeout : timeout - QUIET_MS;
        }
        return poll(p, n, timeout);
}

void memory_trim_monitor(void) {
        runner = getpid();
}

static int wait_events(int fd, struct epoll_event *events, int max, int timeout) {
        return (int) syscall(SYS_epoll_pwait, fd, events, max, timeout, NULL, 0);
}

/* Takes the place of libc's function for liblxc too, whose monitor waits here as soon as the guest runs, and first for what its start still
 * asks of it. It is the one moment of the monitor's life in which code of ours runs. */
__attribute__((visibility("default"))) int epoll_wait(int fd, struct epoll_event *events, int max, int timeout) {
        if (!trimmed && runner != 0 && getpid() != runner && timeout < 0) {
                int n = wait_events(fd, events, max, QUIET_MS);

                if (n != 0)
                        return n;
                trim();
        }
        return wait_events(fd, events, max, timeout);
}
