/* SPDX-License-Identifier: Apache-2.0 */
/* Structured entries to the journal, or lines on stderr where there is no journal behind it. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <systemd/sd-journal.h>

#include "base/str.h"
#include "log.h"

static int max_level = -1;
static const char *log_identifier;

void log_set_max_level(int level) {
        max_level = level;
}

static int level_from_environment(void) {
        static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
        const char *e = getenv("LXD_LOG_LEVEL");

        for (size_t i = 0; e && i < ELEMENTSOF(names); i++)
                if (streq(e, names[i]))
                        return (int) i;
        return LOG_INFO;
}

int log_get_max_level(void) {
        if (max_level < 0)
                max_level = level_from_environment();
        return max_level;
}

void log_set_identifier(const char *identifier) {
        log_identifier = identifier;
}

/* True when stderr is the journal's own stream ($JOURNAL_STREAM names it): then structured entries reach the same place. */
static bool stderr_is_journal(void) {
        static int cached = -1;
        unsigned long long device, inode;
        struct stat st;
        const char *e;

        if (cached >= 0)
                return cached;
        e = getenv("JOURNAL_STREAM");
        cached = e && sscanf(e, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) >= 0 &&
                 st.st_dev == device && st.st_ino == inode;
        return cached;
}

static void add_field(struct iovec *iov, size_t *n, const char *name, const char *value) {
        char *text;

        if (!value || str_format(&text, "%s=%s", name, value) < 0)
                return;
        iov[(*n)++] = (struct iovec) { .iov_base = text, .iov_len = strlen(text) };
}

static void log_journal(int level, int r, const LogFields *f, const char *file, int line, const char *func,
                        const char *message) {
        struct iovec iov[20];
        char number[16];
        size_t n = 0;

        (void) snprintf(number, sizeof(number), "%d", level);
        add_field(iov, &n, "PRIORITY", number);
        add_field(iov, &n, "MESSAGE", message);
        add_field(iov, &n, "SYSLOG_IDENTIFIER", log_identifier);
        add_field(iov, &n, "CODE_FILE", file);
        add_field(iov, &n, "CODE_FUNC", func);
        (void) snprintf(number, sizeof(number), "%d", line);
        add_field(iov, &n, "CODE_LINE", number);
        if (r < 0) {
                (void) snprintf(number, sizeof(number), "%d", -r);
                add_field(iov, &n, "ERRNO", number);
        }
        if (f) {
                add_field(iov, &n, "LXD_PROJECT", f->project);
                add_field(iov, &n, "LXD_INSTANCE", f->instance);
                add_field(iov, &n, "LXD_OPERATION", f->operation);
                add_field(iov, &n, "LXD_REQUESTOR", f->requestor);
                add_field(iov, &n, "LXD_NETWORK", f->network);
                add_field(iov, &n, "LXD_POOL", f->pool);
                add_field(iov, &n, "LXD_VOLUME", f->volume);
                add_field(iov, &n, "LXD_IMAGE", f->image);
                add_field(iov, &n, "MESSAGE_ID", f->message_id);
        }
        (void) sd_journal_sendv(iov, (int) n);
        for (size_t i = 0; i < n; i++)
                free(iov[i].iov_base);
}

int log_full(int level, int r, const LogFields *fields, const char *file, int line, const char *func,
             const char *format, ...) {
        _cleanup_free_ char *message = NULL;
        int saved = errno;
        va_list ap;

        errno = r < 0 ? -r : saved; /* for %m */
        va_start(ap, format);
        if (vasprintf(&message, format, ap) < 0)
                message = NULL;
        va_end(ap);
        if (message) {
                if (stderr_is_journal())
                        log_journal(level, r, fields, file, line, func, message);
                else
                        fprintf(stderr, "%s%s%s\n", log_identifier ?: "", log_identifier ? ": " : "", message);
        }
        errno = saved;
        return r;
}
