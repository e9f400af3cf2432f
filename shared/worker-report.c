/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's end of the report socket. A file of its own, without libsystemd, so that small workers need not load that. */
#include "worker-report.h"

#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"
#include "base/str.h"
#include "crash.h"
#include "worker.h"

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

int worker_receive_job(int *argc, char ***argv) {
        /* As what a process that was exec'ed for its job has from the kernel, they live as long as it does. */
        static char packet[WORKER_JOB_MAX], *list[WORKER_ARGUMENTS_MAX + 1];
        size_t n_fds = WORKER_FDS_MAX;
        int fds[WORKER_FDS_MAX], count = 0;
        ssize_t n;

        if (*argc > 1)
                return 0;
        n = socket_receive_fds(WORKER_REPORT_FD, packet, sizeof(packet), fds, &n_fds, 0);
        if (n <= 0)
                return n < 0 ? (int) n : -ECANCELED;
        if (packet[n - 1] != '\0')
                return -EBADMSG;
        for (char *p = packet; p < packet + n && count < WORKER_ARGUMENTS_MAX; p += strlen(p) + 1)
                list[count++] = p;
        *argc = count;
        *argv = list;
        return place_fds(fds, n_fds);
}

int worker_report(const char *key, const char *value) {
        _cleanup_free_ char *packet = NULL;
        size_t n;
        int r;

        r = str_format(&packet, "%s=%s", key, value);
        if (r < 0)
                return r;
        n = MIN(strlen(packet), (size_t) WORKER_REPORT_MAX);
        crash_point("worker-report");
        return send(WORKER_REPORT_FD, packet, n, MSG_NOSIGNAL) < 0 ? -errno : 0;
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
