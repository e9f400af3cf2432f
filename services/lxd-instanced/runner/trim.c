/* SPDX-License-Identifier: Apache-2.0 */
/* Giving memory back that was needed only to get going: of the 0.5 MB of a running container a third was stack that liblxc's monitor
 * used once, while it set up the guest, and never again. */
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "trim.h"

#define KEEP 4096U /* below the frame that trims: what is there belongs to calls that have returned */

static pid_t runner;  /* the process whose children are meant; 0 = none */
static bool trimmed;

/* The lowest address of this process's stack, 0 if it cannot be found. */
static uintptr_t stack_bottom(void) {
        _cleanup_free_ char *maps = NULL;
        char *line, *p;

        if (file_read("/proc/self/maps", 1024 * 1024, &maps, NULL) < 0)
                return 0;
        p = strstr(maps, "[stack]");
        if (!p)
                return 0;
        for (line = p; line > maps && line[-1] != '\n'; line--)
                ;
        return (uintptr_t) strtoull(line, NULL, 16);
}

void memory_trim(void) {
        uintptr_t bottom = stack_bottom(), page = (uintptr_t) sysconf(_SC_PAGESIZE);
        uintptr_t end = ((uintptr_t) __builtin_frame_address(0) - KEEP) & ~(page - 1);

        (void) malloc_trim(0);
        if (bottom != 0 && bottom < end)
                (void) madvise((void *) bottom, end - bottom, MADV_DONTNEED);
}

void memory_trim_monitor(void) {
        runner = getpid();
}

/* Takes the place of libc's function for liblxc too, whose monitor waits here as soon as the guest runs. It is the one moment of
 * the monitor's life in which code of ours runs. */
__attribute__((visibility("default"))) int epoll_wait(int fd, struct epoll_event *events, int max, int timeout) {
        if (!trimmed && runner != 0 && getpid() != runner) {
                trimmed = true;
                memory_trim();
        }
        return (int) syscall(SYS_epoll_pwait, fd, events, max, timeout, NULL, 0);
}
