/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's end of the report socket. A file of its own, without libsystemd, so that small workers need not load that. */
#include "worker-report.h"

#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/socket.h"
#include "base/str.h"
#include "crash.h"
#include "worker.h"

/* A process that is killed while it waits does not come to the sanitizer's search for leaks, which is at the exit. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_do_recoverable_leak_check() 0
#endif

/* The descriptors to where a process that was exec'ed for its job has them. The kernel gave each the lowest free number: none overwrites a later one. */
static int place_fds(const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int wanted = WORKER_FIRST_FD + (int) i;

                if (fds[i] == wanted)
                        continue;
                if (dup2(fds[i], wanted) < 0)
                        return -errno;
                (void) close(fds[i]);
        }
        return 0;
}

/* How many arguments; 0 = there will be no job any more, -errno. */
static int receive_job(char packet[static WORKER_JOB_MAX], char *argv[static WORKER_ARGUMENTS_MAX + 1]) {
        size_t n_fds = WORKER_FDS_MAX;
        int fds[WORKER_FDS_MAX], argc = 0, r;
        ssize_t n;

        n = socket_receive_fds(WORKER_REPORT_FD, packet, WORKER_JOB_MAX, fds, &n_fds, 0);
        if (n <= 0)
                return (int) n;
        if (packet[n - 1] != '\0')
                return -EBADMSG;
        for (char *p = packet; p < packet + n && argc < WORKER_ARGUMENTS_MAX; p += strlen(p) + 1)
                argv[argc++] = p;
        argv[argc] = NULL;
        r = place_fds(fds, n_fds);
        return r < 0 ? r : argc;
}

static int report(const char *key, const char *value) {
        _cleanup_free_ char *packet = NULL;
        size_t n;
        int r;

        r = str_format(&packet, "%s=%s", key, value);
        if (r < 0)
                return r;
        n = MIN(strlen(packet), (size_t) WORKER_REPORT_MAX);
        return send(WORKER_REPORT_FD, packet, n, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Told last: as soon as the daemon knows, it may unmount what the job was in. */
static int let_go(void) {
        crash_forget();
        if (__lsan_do_recoverable_leak_check())
                return -ENOTRECOVERABLE;
        return syscall(SYS_close_range, WORKER_FIRST_FD, ~0U, 0) < 0 ? -errno : report(WORKER_KEY_DONE, "");
}

int worker_serve(int argc, char *argv[], int (*run)(int argc, char *argv[])) {
        char packet[WORKER_JOB_MAX], *list[WORKER_ARGUMENTS_MAX + 1];

        if (argc > 1)
                return run(argc, argv);
        for (unsigned jobs = 1;; jobs++) {
                int status;

                argc = receive_job(packet, list);
                if (argc <= 0)
                        return argc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                status = run(argc, list);
                if (status != EXIT_SUCCESS || jobs == WORKER_JOBS_MAX || let_go() < 0)
                        return status;
        }
}

int worker_report(const char *key, const char *value) {
        crash_point("worker-report");
        return report(key, value);
}

int worker_reportf(const char *key, const char *format, ...) {
        _cleanup_free_ char *value = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&value, format, ap);
        va_end(ap);
        return r < 0 ? r : worker_report(key, value);
}

int worker_fail(int r, const sd_bus_error *e) {
        if (r >= 0)
                return EXIT_SUCCESS;
        (void) worker_reportf(WORKER_KEY_ERRNO, "%d", -r);
        if (e && e->name)
                (void) worker_report(WORKER_KEY_NAME, e->name);
        (void) worker_report(WORKER_KEY_TEXT, e && e->message ? e->message : strerror(-r));
        return EXIT_FAILURE;
}
