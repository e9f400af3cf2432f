/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's end of the report socket. A file of its own, without libsystemd, so that small workers need not load that. */
#include "worker-report.h"

#include <stdarg.h>
#include <sys/socket.h>

#include "base/str.h"
#include "crash.h"
#include "worker.h"

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
