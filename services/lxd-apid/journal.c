/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of the journal. */

#include <stdio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "base/clock.h"
#include "journal.h"
#include "log.h"

#define VALUE_MAX ((size_t) 4096)

struct Journal {
        Events *events;
        sd_journal *journal;
        sd_event_source *io;
};

static const char *const units[] = { "lxd-apid",  "lxd-clusterd", "lxd-imaged", "lxd-storaged",
                                     "lxd-netd", "lxd-instanced", "lxd-devlxd" };

/* What an entry is about, by the names LXD uses in its own log. */
static const struct {
        const char *field, *key;
} fields[] = {
        { "LXD_PROJECT", "project" }, { "LXD_INSTANCE", "instance" }, { "LXD_NETWORK", "network" }, { "LXD_POOL", "pool" },
        { "LXD_VOLUME", "volume" },   { "LXD_IMAGE", "image" },       { "LXD_OPERATION", "operation" },
        { "ERRNO", "errno" },         { "SYSLOG_IDENTIFIER", "daemon" },
};

/* LXD's own levels. */
static const char *level_name(const char *priority) {
        int n = priority[0] - '0';

        if (n <= LOG_ERR)
                return "error";
        if (n == LOG_WARNING)
                return "warning";
        return n == LOG_DEBUG ? "debug" : "info";
}

/* One field of the present entry; "" when it has none. Cut at VALUE_MAX. */
static void read_field(sd_journal *j, const char *field, char value[static VALUE_MAX]) {
        const void *data;
        size_t n, skip = strlen(field) + 1;

        value[0] = '\0';
        if (sd_journal_get_data(j, field, &data, &n) < 0 || n < skip)
                return;
        n = MIN(n - skip, VALUE_MAX - 1);
        memcpy(value, (const char*) data + skip, n);
        value[n] = '\0';
}

static void publish(Journal *j) {
        _cleanup_(config_done) Config context = {};
        char message[VALUE_MAX], value[VALUE_MAX];
        uint64_t usec = 0;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                read_field(j->journal, fields[i].field, value);
                if (value[0] && config_set(&context, fields[i].key, value) < 0)
                        return;
        }
        read_field(j->journal, "MESSAGE", message);
        read_field(j->journal, "PRIORITY", value);
        (void) sd_journal_get_realtime_usec(j->journal, &usec);
        events_logging(j->events, usec ?: now_realtime(), level_name(value[0] ? value : "6"), message, &context);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Journal *j = userdata;

        (void) sd_journal_process(j->journal);
        for (unsigned i = 0; i < 256 && sd_journal_next(j->journal) > 0; i++)
                publish(j);
        return 0;
}

int journal_new(sd_event *event, Events *events, Journal **ret) {
        Journal *j = calloc(1, sizeof(*j));
        int r, fd;

        if (!j)
                return -ENOMEM;
        j->events = events;
        r = sd_journal_open(&j->journal, SD_JOURNAL_LOCAL_ONLY);
        for (size_t i = 0; i < ELEMENTSOF(units) && r >= 0; i++) {
                char match[64];

                (void) snprintf(match, sizeof(match), "_SYSTEMD_UNIT=%s.service", units[i]);
                r = sd_journal_add_match(j->journal, match, 0);
        }
        if (r >= 0)
                r = sd_journal_seek_tail(j->journal);
        if (r >= 0)
                r = sd_journal_previous(j->journal);
        if (r >= 0)
                r = fd = sd_journal_get_fd(j->journal);
        if (r >= 0)
                r = sd_event_add_io(event, &j->io, fd, EPOLLIN, on_io, j);
        if (r < 0) {
                journal_free(j);
                return r;
        }
        *ret = j;
        return 0;
}

Journal *journal_free(Journal *j) {
        if (!j)
                return NULL;
        sd_event_source_disable_unref(j->io);
        sd_journal_close(j->journal);
        free(j);
        return NULL;
}
