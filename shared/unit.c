/* SPDX-License-Identifier: Apache-2.0 */
/* Units over the service manager's private socket, with jobs followed to their end. */
#include "base/str.h"
#include "bus-error.h"
#include "log.h"
#include "unit.h"

#define MANAGER_SOCKET "unix:path=/run/systemd/private"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
/* The manager tells whoever is connected here, without being asked to, of each change of each unit. */
#define HANG_UP_USEC USEC_PER_SEC

typedef struct Job {
        Units *units;
        char *unit, *path; /* path NULL until the manager has answered */
        sd_bus_slot *slot;
        unit_job_t callback;
        void *userdata;
        struct Job *next;
} Job;

typedef struct Listing {
        Units *units;
        sd_bus_slot *slot;
        void (*callback)(char **names, const sd_bus_error *e, void *userdata);
        void *userdata;
        struct Listing *next;
} Listing;

struct Units {
        sd_event *event;
        sd_bus *bus;
        sd_event_source *hang_up;
        int attached_fd;
        Job *jobs;
        Listing *listings;
};

int units_new(sd_event *event, Units **ret) {
        Units *u = calloc(1, sizeof(Units));

        if (!u)
                return -ENOMEM;
        *u = (Units) { .event = sd_event_ref(event), .attached_fd = -EBADF };
        *ret = u;
        return 0;
}

int units_attach(Units *u, int fd) {
        close_safe(u->attached_fd);
        u->attached_fd = fd;
        return 0;
}

static void job_free(Job *j) {
        for (Job **p = &j->units->jobs; *p; p = &(*p)->next)
                if (*p == j) {
                        *p = j->next;
                        break;
                }
        sd_bus_slot_unref(j->slot);
        free(j->unit);
        free(j->path);
        free(j);
}

static void job_done(Job *j, int r, const sd_bus_error *e) {
        unit_job_t callback = j->callback;
        void *userdata = j->userdata;

        job_free(j);
        if (callback)
                callback(r, e, userdata);
}

static void listing_free(Listing *l) {
        for (Listing **p = &l->units->listings; *p; p = &(*p)->next)
                if (*p == l) {
                        *p = l->next;
                        break;
                }
        sd_bus_slot_unref(l->slot);
        free(l);
}

Units *units_free(Units *u) {
        if (!u)
                return NULL;
        while (u->jobs)
                job_free(u->jobs);
        while (u->listings)
                listing_free(u->listings);
        sd_event_source_disable_unref(u->hang_up);
        sd_bus_close_unref(u->bus);
        close_safe(u->attached_fd);
        sd_event_unref(u->event);
        free(u);
        return NULL;
}

/* Takes the jobs with this path (NULL: any path) off the list: several callers may wait for one job of the manager, and a callback may
 * ask for more. */
static Job *take_jobs(Units *u, const char *path) {
        Job *taken = NULL, *j;

        for (Job **p = &u->jobs; (j = *p);)
                if (j->path && (!path || streq(j->path, path))) {
                        *p = j->next;
                        j->next = taken;
                        taken = j;
                } else
                        p = &j->next;
        return taken;
}

/* The manager was re-executed or is gone: what it had queued cannot be followed any more. */
static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Units *u = userdata;
        Job *lost, *j;

        u->bus = sd_bus_close_unref(u->bus);
        lost = take_jobs(u, NULL); /* jobs without a path get their answer from sd-bus as a failed call */
        while ((j = lost)) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                int r;

                lost = j->next;
                r = bus_error_set(&e, LXD_ERROR_UNAVAILABLE, "The service manager went away while %s was changing", j->unit);
                job_done(j, r, &e);
        }
        return 0;
}

static int job_result(const Job *j, const char *result, sd_bus_error *e) {
        if (streq(result, "done") || streq(result, "skipped"))
                return 0;
        return bus_error_set(e, LXD_ERROR_FAILED, "The job for %s ended with \"%s\". See: systemctl status %s, journalctl -u %s",
                             j->unit, result, j->unit, j->unit);
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Units *u = userdata;
        const char *path, *unit, *result;
        Job *over, *j;
        uint32_t id;
        int r;

        r = sd_bus_message_read(m, "uoss", &id, &path, &unit, &result);
        if (r < 0)
                return log_warning_errno(r, "Failed to read JobRemoved: %m");
        over = take_jobs(u, path);
        while ((j = over)) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

                over = j->next;
                r = job_result(j, result, &e);
                job_done(j, r, r < 0 ? &e : NULL);
        }
        return 0;
}

static int rest(Units *u);

static int on_hang_up(sd_event_source *s, uint64_t usec, void *userdata) {
        Units *u = userdata;

        if (u->jobs || u->listings)
                return rest(u);
        u->bus = sd_bus_close_unref(u->bus);
        return 0;
}

/* Hangs up when nothing is asked for some time. */
static int rest(Units *u) {
        int r;

        if (!u->hang_up)
                return sd_event_add_time_relative(u->event, &u->hang_up, CLOCK_MONOTONIC, HANG_UP_USEC, HANG_UP_USEC, on_hang_up, u);
        r = sd_event_source_set_time_relative(u->hang_up, HANG_UP_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(u->hang_up, SD_EVENT_ONESHOT);
}

static int units_connect(Units *u) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = rest(u);
        if (r < 0 || u->bus)
                return r;
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        if (u->attached_fd >= 0) {
                int fd = TAKE_FD(u->attached_fd);

                r = sd_bus_set_fd(bus, fd, fd);
        } else
                r = sd_bus_set_address(bus, MANAGER_SOCKET);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, u);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved", on_job_removed, u);
        if (r >= 0)
                r = sd_bus_attach_event(bus, u->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return log_error_errno(r, "Failed to reach the service manager: %m");
        u->bus = TAKE_PTR(bus);
        return 0;
}

/* The answer to StartUnit and the like: the path of the job, or an error. */
static int on_job_path(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Job *j = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const char *path;
        int r;

        j->slot = sd_bus_slot_unref(j->slot);
        if (e) {
                job_done(j, -sd_bus_message_get_errno(m), e);
                return 0;
        }
        r = sd_bus_message_read(m, "o", &path);
        if (r >= 0)
                r = str_replace(&j->path, path);
        if (r < 0)
                job_done(j, r, NULL);
        return 0;
}

static int on_plain_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Job *j = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);

        j->slot = sd_bus_slot_unref(j->slot);
        job_done(j, e ? -sd_bus_message_get_errno(m) : 0, e);
        return 0;
}

static int job_new(Units *u, const char *unit, unit_job_t callback, void *userdata, Job **ret) {
        Job *j;
        int r;

        r = units_connect(u);
        if (r < 0)
                return r;
        j = calloc(1, sizeof(Job));
        if (!j)
                return -ENOMEM;
        *j = (Job) { .units = u, .unit = strdup(unit), .callback = callback, .userdata = userdata, .next = u->jobs };
        u->jobs = j;
        if (!j->unit) {
                job_free(j);
                return -ENOMEM;
        }
        *ret = j;
        return 0;
}

static int queue_job(Units *u, const char *method, const char *unit, unit_job_t callback, void *userdata) {
        Job *j;
        int r;

        r = job_new(u, unit, callback, userdata, &j);
        if (r < 0)
                return r;
        r = sd_bus_call_method_async(u->bus, &j->slot, NULL, MANAGER_PATH, MANAGER_INTERFACE, method, on_job_path, j, "ss",
                                     unit, "replace");
        if (r < 0)
                job_free(j);
        return r < 0 ? r : 0;
}

int unit_start(Units *u, const char *name, unit_job_t callback, void *userdata) {
        return queue_job(u, "StartUnit", name, callback, userdata);
}

int unit_stop(Units *u, const char *name, unit_job_t callback, void *userdata) {
        return queue_job(u, "StopUnit", name, callback, userdata);
}

int unit_restart(Units *u, const char *name, unit_job_t callback, void *userdata) {
        return queue_job(u, "RestartUnit", name, callback, userdata);
}

int unit_reload(Units *u, const char *name, unit_job_t callback, void *userdata) {
        return queue_job(u, "ReloadUnit", name, callback, userdata);
}

int unit_kill(Units *u, const char *name, int signal, unit_job_t callback, void *userdata) {
        Job *j;
        int r;

        r = job_new(u, name, callback, userdata, &j);
        if (r < 0)
                return r;
        r = sd_bus_call_method_async(u->bus, &j->slot, NULL, MANAGER_PATH, MANAGER_INTERFACE, "KillUnit", on_plain_answer, j,
                                     "ssi", name, "main", (int32_t) signal);
        if (r < 0)
                job_free(j);
        return r < 0 ? r : 0;
}

int unit_reset_failed(Units *u, const char *name) {
        int r;

        r = units_connect(u);
        if (r < 0)
                return r;
        r = sd_bus_call_method_async(u->bus, NULL, NULL, MANAGER_PATH, MANAGER_INTERFACE, "ResetFailedUnit", NULL, NULL, "s",
                                     name);
        return r < 0 ? r : 0;
}

static int read_unit_names(sd_bus_message *m, Strv *ret) {
        _cleanup_strv_free_ Strv names = calloc(1, sizeof(char *));
        const char *name;
        int r;

        if (!names)
                return -ENOMEM;
        r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(ssssssouso)", &name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)) > 0) {
                r = strv_extend(&names, name);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}

static int on_list(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error failure = SD_BUS_ERROR_NULL;
        _cleanup_strv_free_ Strv names = NULL;
        Listing copy = *(Listing *) userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        int r;

        listing_free(userdata);
        if (!e) {
                r = read_unit_names(m, &names);
                if (r < 0) {
                        bus_error_ensure(&failure, r);
                        e = &failure;
                }
        }
        copy.callback(names, e, copy.userdata);
        return 0;
}

int units_list(Units *u, const char *pattern, void (*callback)(char **names, const sd_bus_error *e, void *userdata),
               void *userdata) {
        static const char *const states[] = { "active", "activating", "deactivating", "reloading", NULL };
        const char *const patterns[] = { pattern, NULL };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Listing *l;
        int r;

        r = units_connect(u);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(u->bus, &m, NULL, MANAGER_PATH, MANAGER_INTERFACE, "ListUnitsByPatterns");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) states);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) patterns);
        if (r < 0)
                return r;
        l = calloc(1, sizeof(Listing));
        if (!l)
                return -ENOMEM;
        *l = (Listing) { .units = u, .callback = callback, .userdata = userdata, .next = u->listings };
        u->listings = l;
        r = sd_bus_call_async(u->bus, &l->slot, m, on_list, l, 0);
        if (r < 0)
                listing_free(l);
        return r < 0 ? r : 0;
}
