/* SPDX-License-Identifier: Apache-2.0 */
/* The system call filter of the import worker: parsers of strangers' archives can read, write and use memory, nothing else. */

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/macro.h"
#include "worker/sandbox.h"

#define MEMORY_MAX (UINT64_C(1) << 30) /* xz -9 needs 65 MiB, the largest zstd window 128 MiB */
#define CPU_SECONDS_MAX 1800U

static const int allowed[] = {
        SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close),
        SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(fcntl), SCMP_SYS(fdatasync), SCMP_SYS(fsync),
        SCMP_SYS(sync_file_range), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
        SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(brk),
        SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(tgkill),
        SCMP_SYS(sched_getaffinity), SCMP_SYS(sysinfo), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

static int filter_load(void) {
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r = ctx ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(allowed); i++)
                if (allowed[i] >= 0) /* negative: this architecture does not have it */
                        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
        if (r >= 0)
                r = seccomp_load(ctx);
        if (ctx)
                seccomp_release(ctx);
        return r;
}

static int limit(int resource, uint64_t value) {
        return setrlimit(resource, &(struct rlimit) { .rlim_cur = value, .rlim_max = value }) < 0 ? -errno : 0;
}

int sandbox_enter(void) {
        int r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
#ifdef __SANITIZE_ADDRESS__
        return 0; /* AddressSanitizer needs terabytes of address space, and reads /proc */
#endif
        r = limit(RLIMIT_AS, MEMORY_MAX);
        r = r < 0 ? r : limit(RLIMIT_CPU, CPU_SECONDS_MAX);
        r = r < 0 ? r : limit(RLIMIT_CORE, 0);
        return r < 0 ? r : filter_load();
}
