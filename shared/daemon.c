/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a daemon: sockets from systemd, loop, idle exit without losing a request, bounded drain on SIGTERM. */
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "daemon.h"
#include "db-backup.h"
#include "log.h"

#define IDLE_SEC_DEFAULT 30
#define DRAIN_USEC (20 * USEC_PER_SEC)
#define DRAIN_CHECK_USEC (100 * USEC_PER_MSEC)

typedef struct Handed {
        char *name;
        int fd;
} Handed;

struct Daemon {
        DaemonSpec spec;
        sd_event *event;
        BusServer *server;
        Operations *operations;
        Handed *handed;
        size_t n_handed;
        unsigned holds;
        uint64_t idle_usec, drain_until;
        sd_event_source *idle, *drain, *backup;
        int log_level; /* at the start */
        BusInterface log_control;
        char *identifier;
        bool releasing;
        int unable; /* why it could not load, or 0 */
};

/* org.freedesktop.LogControl1: systemctl service-log-level and log-target. */

static const char *const level_names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

static int property_get_log_level(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", level_names[log_get_max_level() & 7]);
}

static int property_set_log_level(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *value, void *userdata, sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_read(value, "s", &name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (streq(name, level_names[i])) {
                        log_set_max_level((int) i);
                        return 0;
                }
        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "Invalid log level \"%s\"", name);
}

static int property_get_log_target(sd_bus *bus, const char *path, const char *interface, const char *property,
                                   sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", "journal");
}

static int property_set_log_target(sd_bus *bus, const char *path, const char *interface, const char *property,
                                   sd_bus_message *value, void *userdata, sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_read(value, "s", &name);
        if (r < 0)
                return r;
        if (!streq(name, "journal") && !streq(name, "auto"))
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "Log target \"%s\" is not supported", name);
        return 0;
}

static int property_get_identifier(sd_bus *bus, const char *path, const char *interface, const char *property,
                                   sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", ((Daemon *) userdata)->identifier);
}

static const sd_bus_vtable log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", property_get_log_level, property_set_log_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", property_get_log_target, property_set_log_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", property_get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

/* Sockets that the service manager handed over, by name. */
static int take_handed_fds(Daemon *d) {
        _cleanup_strv_free_ Strv names = NULL;
        int n;

        n = sd_listen_fds_with_names(1, &names);
        if (n < 0)
                return n;
        d->handed = calloc((size_t) n + 1, sizeof(Handed));
        if (!d->handed)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                d->handed[i] = (Handed) { .name = strdup(names[i]), .fd = SD_LISTEN_FDS_START + i };
                if (!d->handed[i].name)
                        return -ENOMEM;
                (void) fd_set_nonblock(d->handed[i].fd, true);
                d->n_handed++;
        }
        return 0;
}

int daemon_take_fd(Daemon *d, const char *name) {
        for (size_t i = 0; i < d->n_handed; i++)
                if (d->handed[i].fd >= 0 && streq(d->handed[i].name, name))
                        return TAKE_FD(d->handed[i].fd);
        return -ENOENT;
}

static uint64_t idle_usec_from_environment(void) {
        const char *e = secure_getenv("LXD_IDLE_SEC");
        uint64_t sec;

        return (e && parse_u64(e, &sec) >= 0 ? sec : IDLE_SEC_DEFAULT) * USEC_PER_SEC;
}

static bool daemon_is_busy(Daemon *d) {
        return d->holds > 0 || operations_running(d->operations) > 0;
}

static int on_term(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata);

static int daemon_setup_event(Daemon *d) {
        sigset_t mask;
        int r;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigaddset(&mask, SIGINT);
        (void) sigaddset(&mask, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        (void) signal(SIGPIPE, SIG_IGN);
        r = sd_event_default(&d->event);
        if (r >= 0)
                r = sd_event_add_signal(d->event, NULL, SIGTERM, on_term, d);
        if (r >= 0)
                r = sd_event_add_signal(d->event, NULL, SIGINT, on_term, d);
        if (r >= 0)
                r = sd_event_set_watchdog(d->event, true);
        return r < 0 ? r : 0;
}

static int daemon_setup_bus(Daemon *d) {
        int r;

        r = bus_server_new(d->event, d->spec.root, d->spec.userdata, &d->server);
        if (r < 0)
                return r;
        d->log_control = (BusInterface) { "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1",
                                          log_control_vtable, NULL, d };
        r = bus_server_add_interface(d->server, &d->log_control);
        for (const BusInterface *i = d->spec.interfaces; r >= 0 && i && i->path; i++)
                r = bus_server_add_interface(d->server, i);
        for (const struct BusEnumerator *e = d->spec.enumerators; r >= 0 && e && e->prefix; e++)
                r = bus_server_add_enumerator(d->server, e->prefix, e->callback);
        return r < 0 ? r : operations_new(d->event, d->server, d->spec.root, d->spec.owner, &d->operations);
}

int daemon_new(const DaemonSpec *spec, Daemon **ret) {
        _cleanup_(daemon_freep) Daemon *d = NULL;
        int r;

        d = calloc(1, sizeof(Daemon));
        if (!d)
                return -ENOMEM;
        d->spec = *spec;
        d->idle_usec = idle_usec_from_environment();
        r = str_format(&d->identifier, "lxd-%s", spec->name);
        if (r < 0)
                return r;
        log_set_identifier(d->identifier);
        d->log_level = log_get_max_level();
        (void) umask(0077);
        r = take_handed_fds(d);
        if (r >= 0)
                r = daemon_setup_event(d);
        if (r >= 0)
                r = daemon_setup_bus(d);
        if (r < 0)
                return log_error_errno(r, "Failed to set up: %m");
        *ret = TAKE_PTR(d);
        return 0;
}

Daemon *daemon_free(Daemon *d) {
        if (!d)
                return NULL;
        d->idle = sd_event_source_disable_unref(d->idle); /* the last connection goes below, see on_alone() */
        sd_event_source_disable_unref(d->drain);
        sd_event_source_disable_unref(d->backup);
        operations_free(d->operations);
        bus_server_free(d->server);
        sd_event_unref(d->event);
        for (size_t i = 0; i < d->n_handed; i++) {
                free(d->handed[i].name);
                close_safe(d->handed[i].fd);
        }
        free(d->handed);
        free(d->identifier);
        free(d);
        return NULL;
}

sd_event *daemon_event(Daemon *d) {
        return d->event;
}

BusServer *daemon_server(Daemon *d) {
        return d->server;
}

Operations *daemon_operations(Daemon *d) {
        return d->operations;
}

void daemon_hold(Daemon *d) {
        d->holds++;
}

void daemon_release(Daemon *d) {
        assert(d->holds > 0);
        d->holds--;
}

static uint64_t daemon_quiet_for(Daemon *d) {
        return now_monotonic() - bus_server_last_activity(d->server);
}

/* A log level that somebody has set would be lost with the process: it stays until the level is what it was. */
static bool daemon_is_idle(Daemon *d) {
        return !daemon_is_busy(d) && log_get_max_level() == d->log_level && operations_count(d->operations) == 0 && bus_server_connections(d->server) == 0 &&
               daemon_quiet_for(d) >= d->idle_usec && (!d->spec.is_idle || d->spec.is_idle(d->spec.userdata));
}

static void daemon_stopping(Daemon *d) {
        if (d->spec.stopping)
                d->spec.stopping(d->spec.userdata);
}

/* The broker has taken the name back: whatever it had sent before is served by now. */
static int on_name_released(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        int r;

        if (!daemon_is_busy(d) && bus_server_connections(d->server) == 0)
                return sd_event_exit(d->event, 0);
        /* The idle timer looks again; new calls by name start the next process after us. */
        r = sd_event_source_set_time_relative(d->idle, MAX(d->idle_usec / 4, USEC_PER_SEC / 10));
        return r < 0 ? r : sd_event_source_set_enabled(d->idle, SD_EVENT_ONESHOT);
}

static int daemon_end_idle(Daemon *d) {
        int r = 0;

        if (!d->releasing) {
                d->releasing = true;
                daemon_stopping(d);
                (void) sd_notify(false, "STOPPING=1");
                r = bus_server_release(d->server, on_name_released, d);
        }
        return r > 0 ? 0 : sd_event_exit(d->event, 0);
}

/* Who listens to signals keeps us, long after the last message; when he goes, so do we, or a chain of daemons would take minutes to end. */
static void on_alone(void *userdata) {
        Daemon *d = userdata;

        if (d->idle && !d->releasing && daemon_quiet_for(d) >= d->idle_usec)
                (void) sd_event_source_set_time_relative(d->idle, 0);
}

static int on_idle(sd_event_source *s, uint64_t usec, void *userdata) {
        Daemon *d = userdata;
        uint64_t quiet;
        int r;

        if (daemon_is_idle(d))
                return daemon_end_idle(d);
        /* Whoever listens to events for days keeps us, but not what a busy moment needed: that lies between what is still in use. */
        if (!daemon_is_busy(d))
                (void) malloc_trim(0);
        quiet = daemon_quiet_for(d);
        r = sd_event_source_set_time_relative(s, MAX(quiet < d->idle_usec ? d->idle_usec - quiet : d->idle_usec / 4, USEC_PER_SEC / 10));
        return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int on_drain(sd_event_source *s, uint64_t usec, void *userdata) {
        Daemon *d = userdata;
        int r;

        if (!daemon_is_busy(d))
                return sd_event_exit(d->event, 0);
        if (now_monotonic() >= d->drain_until) {
                log_warning("Ending with work in progress: it is undone at the next start.");
                return sd_event_exit(d->event, 0);
        }
        r = sd_event_source_set_time_relative(s, DRAIN_CHECK_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int on_term(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Daemon *d = userdata;

        if (d->drain_until > 0)
                return 0;
        (void) sd_notify(false, "STOPPING=1");
        daemon_stopping(d);
        bus_server_stop_listening(d->server);
        d->drain_until = now_monotonic() + DRAIN_USEC;
        return sd_event_add_time_relative(d->event, &d->drain, CLOCK_MONOTONIC, 0, 0, on_drain, d);
}

int daemon_run(Daemon *d) {
        int fd, r;

        fd = daemon_take_fd(d, "bus");
        if (fd >= 0) {
                r = bus_server_listen(d->server, fd);
                if (r < 0)
                        return log_error_errno(r, "Failed to listen on the private socket: %m");
        }
        r = bus_server_open_system(d->server, d->spec.bus_name);
        if (r < 0)
                return log_error_errno(r, "Failed to serve the system bus: %m");
        r = sd_event_add_time_relative(d->event, &d->idle, CLOCK_MONOTONIC, d->idle_usec, USEC_PER_SEC / 2, on_idle, d);
        if (r < 0)
                return log_error_errno(r, "Failed to arm the idle timer: %m");
        bus_server_set_alone(d->server, on_alone, d);
        (void) sd_notify(false, "READY=1\nSTATUS=Ready");
        r = sd_event_loop(d->event);
        if (r < 0)
                return log_error_errno(r, "The event loop failed: %m");
        return r;
}

int daemon_watch_database(Daemon *d, Db *db) {
        return db_backup_hourly(d->event, db, &d->backup);
}

static int on_call_unable(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        const int *failure = userdata;
        uint8_t type;

        if (sd_bus_message_get_type(m, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (*failure == -EPROTO)
                (void) bus_error_set(&e, LXD_ERROR_FAILED, "The database is of a newer version of LXD: install that again");
        else
                (void) bus_error_ensure(&e, *failure);
        return sd_bus_reply_method_error(m, &e) < 0 ? 0 : 1;
}

int daemon_run_unable(Daemon *d, int failure) {
        static const int lasting[] = { ENOSPC, EROFS, EIO, EUCLEAN, EPROTO };

        for (size_t i = 0; d && i < ELEMENTSOF(lasting); i++)
                if (failure == -lasting[i]) {
                        d->spec.is_idle = NULL;
                        d->spec.stopping = NULL;
                        d->unable = failure;
                        d->idle_usec = USEC_PER_SEC;
                        bus_server_set_filter(d->server, on_call_unable, &d->unable);
                        return daemon_run(d);
                }
        return failure;
}
