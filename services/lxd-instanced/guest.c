/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that run and guests that are gone; id maps and CPUs for those that come. */
#include "guest.h"

#include <fcntl.h>
#include <sched.h>

#include "base/clock.h"
#include "base/file.h"
#include "bus-error.h"
#include "cgroup.h"
#include "db-records.h"
#include "device-config.h"
#include "device-dir.h"
#include "instance-config.h"
#include "lifecycle.h"
#include "live.h"
#include "log.h"
#include "manager.h"
#include "remove.h"
#include "storage.h"
#include "update.h"

int guest_lxc_name(const Instance *i, char **ret) {
        /* Outside of the default project the id keeps it unique on the host, whatever the project is called. */
        if (streq(i->project, "default"))
                return str_replace(ret, i->name);
        return str_format(ret, "%" PRIu64 "_%s", i->id, i->name);
}

int idmap_to_lines(const Idmap *m, Strv *ret) {
        _cleanup_strv_free_ Strv lines = NULL;

        for (size_t k = 0; k < m->n; k++) {
                const IdmapEntry *e = m->entries + k;
                char line[80];
                int r;

                (void) snprintf(line, sizeof(line), "%c %" PRIu32 " %" PRIu32 " %" PRIu32, e->uid ? 'u' : 'g', e->guest, e->host, e->range);
                r = strv_extend(&lines, line);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(lines);
        return 0;
}

static uint32_t isolated_size(const Instance *i) {
        uint32_t size;

        return parse_u32(strempty(instance_get(i, "security.idmap.size")), &size) >= 0 ? size : 65536;
}

/* A block of ids for itself: the one it had if it still fits, else the first free one. */
static int allocate_isolated(Instance *i, uint32_t size, uint32_t *ret, sd_bus_error *error) {
        _cleanup_free_ IdRange *used = NULL;
        Manager *m = i->manager;
        size_t n = 0;
        uint32_t own;
        bool fits;
        int r;

        used = calloc(m->n_instances + 1, sizeof(IdRange));
        if (!used)
                return -ENOMEM;
        fits = parse_u32(config_get_or(&i->settings.config, "volatile.idmap.base", ""), &own) >= 0 && own >= m->host_ids.base &&
               (uint64_t) own + size <= (uint64_t) m->host_ids.base + m->host_ids.size;
        for (size_t k = 0; k < m->n_instances; k++) {
                const Instance *other = m->instances[k];
                uint32_t base;

                if (other == i || !instance_is_true(other, "security.idmap.isolated") || instance_is_true(other, "security.privileged") ||
                    parse_u32(config_get_or(&other->settings.config, "volatile.idmap.base", ""), &base) < 0)
                        continue;
                used[n++] = (IdRange) { base, isolated_size(other) };
                if (fits && own < (uint64_t) base + isolated_size(other) && base < (uint64_t) own + size)
                        fits = false;
        }
        if (fits && own != m->host_ids.base) {
                *ret = own;
                return 0;
        }

        r = idmap_allocate(m->host_ids, used, n, size, ret);
        if (r == -ENOSPC)
                return bus_error_set(error, LXD_ERROR_FAILED,
                                     "Not enough uid/gid available for the container: %zu isolated containers use the host's range of %u ids from %u "
                                     "(see /etc/subuid)", n, m->host_ids.size, m->host_ids.base);
        return r;
}

static int guest_idmap_plan(Instance *i, Idmap *ret, uint32_t *ret_base, sd_bus_error *error) {
        _cleanup_(idmap_done) Idmap raw = {};
        Manager *m = i->manager;
        bool isolated = instance_is_true(i, "security.idmap.isolated");
        const char *base_text = instance_get(i, "security.idmap.base"), *raw_text = instance_get(i, "raw.idmap");
        uint32_t base = m->host_ids.base, size = m->host_ids.size;
        int r = 0;

        *ret_base = 0;
        if (instance_is_true(i, "security.privileged"))
                return 0;

        if (!isempty(base_text)) {
                size = isolated_size(i);
                r = parse_u32(base_text, &base);
        } else if (isolated) {
                size = isolated_size(i);
                r = allocate_isolated(i, size, &base, error);
        }
        if (r >= 0 && !isempty(raw_text))
                r = raw_idmap_parse(raw_text, &raw);
        if (r >= 0)
                r = idmap_build(base, size, &raw, ret);
        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "raw.idmap gives host ids to the guest twice");
        if (r >= 0 && (isolated || !isempty(base_text)))
                *ret_base = base;
        return r;
}

int guest_idmap_next(Instance *i, Config *ret, sd_bus_error *error) {
        _cleanup_(idmap_done) Idmap map = {};
        _cleanup_free_ char *json = NULL;
        uint32_t base;
        int r;

        r = guest_idmap_plan(i, &map, &base, error);
        if (r >= 0)
                r = idmap_to_json(&map, &json);
        if (r >= 0)
                r = config_setf(ret, "volatile.idmap.base", "%" PRIu32, base);
        return r < 0 ? r : config_set(ret, "volatile.idmap.next", json);
}

int guest_idmap(Instance *i, Idmap *ret, sd_bus_error *error) {
        _cleanup_(idmap_done) Idmap map = {};
        _cleanup_free_ char *json = NULL;
        char text[16];
        uint32_t base;
        int r;

        r = guest_idmap_plan(i, &map, &base, error);
        if (r >= 0)
                r = idmap_to_json(&map, &json);
        if (r < 0)
                return r;
        (void) snprintf(text, sizeof(text), "%" PRIu32, base);
        r = instance_set_volatile(i, "volatile.idmap.base", text, "volatile.idmap.current", json, "volatile.idmap.next", json, NULL);
        if (r < 0)
                return r;
        *ret = map;
        map = (Idmap) {};
        return 0;
}

int guest_choose_cpus(Instance *i, const char *limit, char **ret) {
        _cleanup_free_ char *text = NULL;
        int online[CPU_SETSIZE], n = 0;
        cpu_set_t set;
        CpuLimit l;
        int r;

        if (isempty(limit) || cpu_limit_parse(limit, &l) < 0)
                return 0;
        if (l.set)
                return str_replace(ret, l.set);

        CPU_ZERO(&set);
        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return -errno;
        for (int c = 0; c < CPU_SETSIZE; c++)
                if (CPU_ISSET(c, &set))
                        online[n++] = c;
        if ((int) l.count >= n)
                return 0;

        /* Starting at another CPU for each id spreads the guests without remembering who sits where. */
        for (unsigned k = 0; k < l.count; k++) {
                char *longer;

                r = str_format(&longer, "%s%s%d", strempty(text), text ? "," : "", online[(i->id * l.count + k) % (unsigned) n]);
                if (r < 0)
                        return r;
                free(text);
                text = longer;
        }
        *ret = TAKE_PTR(text);
        return 0;
}

/* ---- connected ---- */

typedef struct ConnectData {
        int netns;
} ConnectData;

static void connect_data_free(void *p) {
        ConnectData *d = p;

        (void) close_safe(d->netns);
        free(d);
}

static int step_connect(Job *j, sd_bus_error *error) {
        ConnectData *d = j->data;

        return nic_connect(j, j->instance, d->netns, error);
}

static const JobStep connect_steps[] = { { "connect", step_connect, NULL }, {} };

int guest_connect(Instance *i, int netns_fd, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        ConnectData *d;
        int r;

        r = job_new(i->manager, i, "connect", JOB_FREE, connect_steps, NULL, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(ConnectData), connect_data_free);
        if (!d)
                return -ENOMEM;
        d->netns = fcntl(netns_fd, F_DUPFD_CLOEXEC, 3);
        if (d->netns < 0)
                return -errno;
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- started ---- */

/* Whoever asked for the start or the stop that has just happened, if anybody did. */
static const Requestor *life_requestor(const Instance *i) {
        return i->life_job ? &i->life_job->who : NULL;
}

static Operation *life_operation(const Instance *i) {
        return i->life_job ? i->life_job->operation : NULL;
}

static const LogFields *life_fields(const Instance *i, const char *message_id, LogFields *fields) {
        Operation *op = life_operation(i);

        *fields = (LogFields) {
                .project = i->project,
                .instance = i->name,
                .operation = operation_id(op),
                .requestor = i->life_job ? i->life_job->who.user : NULL,
                .message_id = message_id,
        };
        return fields;
}

static int step_running(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;

        i->last_used_at = now_realtime();
        (void) db_instance_set_used(j->manager->db, i->id, i->last_used_at);
        (void) instance_set_volatile(i, "volatile.last_state.power", "RUNNING", "volatile.apply_template", NULL, NULL);
        instance_set_status(i, INSTANCE_RUNNING);
        if (!live_is_behind(i))
                i->live = live_state_free(i->live);
        update_follow_profiles(i, false); /* what changed while it started */
        instance_changed(i, "LastUsedAt", NULL);
        if (!i->restarting)
                instance_lifecycle(i, "started", NULL, life_requestor(i), life_operation(i));
        log_at(LOG_INFO, 0, life_fields(i, LXD_MSG_INSTANCE_STARTED, &(LogFields) {}),
               "Started instance %s.", i->name);
        return 0;
}

/* The runner has its answer and tells the service manager, while this waits for the disk; who asked for the start hears of it after both. */
static void started_done(Job *j) {
        (void) db_sync(j->manager->db);
}

static const JobStep started_steps[] = { { "running", step_running, NULL }, {} };

int guest_started(Instance *i, pid_t pid, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        GuestState state = {};
        int r;

        /* The runner repeats the call when the daemon was restarted in between: then this is the first it hears of the guest. */
        i->prepared = true;
        r = job_new(i->manager, i, "started", JOB_FREE, started_steps, NULL, &j);
        if (r < 0)
                return r;
        j->tolerant = true;
        j->done = started_done;

        guest_state_done(&i->guest);
        if (guest_state_read(i->id, &state) >= 0)
                i->guest = state;
        i->guest.init_pid = pid;
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- stopped ---- */

typedef struct StoppedData {
        char *reason;
        bool was_running;
} StoppedData;

static void stopped_data_free(void *p) {
        StoppedData *d = p;

        free(d->reason);
        free(d);
}

static int step_release(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;

        /* Everything is tried; the job is tolerant. It is all that is there, not what the configuration says now: that may have changed
         * since the start. */
        (void) nic_detach(j, i->id, "", NULL);
        (void) storage_release(j, i, NULL, NULL);
        device_dir_remove(j->manager, i->id);
        return 0;
}

static int step_stopped(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        StoppedData *d = j->data;
        const char *failure = startswith(d->reason, "failed: ");

        i->prepared = false;
        if (j->undo_failed)
                i->volume_settled = false; /* the next who needs the volume tries again */
        guest_state_done(&i->guest);
        i->live = live_state_free(i->live);
        if (failure && !i->failure)
                (void) str_replace(&i->failure, failure);
        /* When the whole host goes down the last state stays "running": that is what boot restores. */
        if (!j->manager->stopping && d->was_running &&
            instance_set_volatile(i, "volatile.last_state.power", "STOPPED", NULL) >= 0)
                (void) db_sync(j->manager->db);
        instance_set_status(i, INSTANCE_STOPPED);
        if (!d->was_running)
                return 0;

        if (!i->restarting && !streq(d->reason, "reboot"))
                instance_lifecycle(i, streq(d->reason, "shutdown") && !i->killed ? "shutdown" : "stopped", NULL,
                                   life_requestor(i), life_operation(i));
        log_at(streq(d->reason, "crash") ? LOG_WARNING : LOG_INFO, 0, life_fields(i, LXD_MSG_INSTANCE_STOPPED, &(LogFields) {}),
               "Stopped instance %s (%s).", i->name, d->reason);
        return 0;
}

/* Whoever could not be asked has died; its next process is there, or will be. */
static int step_release_again(Job *j, sd_bus_error *error) {
        if (!j->undo_failed)
                return 0;
        j->undo_failed = false;
        return step_release(j, error);
}

/* What follows from the end: the ephemeral one goes, a reboot starts again, and who waited goes on. */
static void stopped_done(Job *j) {
        Instance *i = j->instance;
        StoppedData *d = j->data;
        bool reboot = d->was_running && streq(d->reason, "reboot") && !i->life_job && !j->manager->stopping;

        if (i->id == 0)
                return;
        if (i->settings.ephemeral && d->was_running && !reboot && !i->restarting && i->row == ROW_CREATED &&
            instance_delete_quietly(i) >= 0)
                return; /* its end wakes the waiting */
        if (reboot)
                (void) instance_start_quietly(i);
        jobs_wake_event(i, JOB_EVENT_STOPPED);
}

/* What is prepared meanwhile has nobody any more who would run it; it is undone before all is released. */
static int step_unprepare(Job *j, sd_bus_error *error) {
        guest_prepare_cancel(j->instance, j);
        return 0;
}

static const JobStep stopped_steps[] = {
        { "unprepare", step_unprepare, NULL },
        { "release", step_release, NULL },
        { "release-again", step_release_again, NULL },
        { "release-again", step_release_again, NULL },
        { "stopped", step_stopped, NULL },
        {}
};

int guest_stopped(Instance *i, const char *reason, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        StoppedData *d;
        int r;

        r = job_new(i->manager, i, "stopped", JOB_FREE, stopped_steps, NULL, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(StoppedData), stopped_data_free);
        if (!d)
                return -ENOMEM;
        r = str_replace(&d->reason, reason);
        if (r < 0)
                return r;
        d->was_running = i->status == INSTANCE_RUNNING || i->status == INSTANCE_FROZEN || i->status == INSTANCE_STOPPING ||
                         i->status == INSTANCE_FREEZING;
        j->tolerant = true;
        j->done = stopped_done;
        *ret = TAKE_PTR(j);
        return 0;
}

static Job *ending_job(const Instance *i) {
        for (Job *j = i->manager->jobs; j; j = j->next)
                if (j->instance == i && streq(j->kind, "stopped"))
                        return j;
        return NULL;
}

bool guest_is_ending(const Instance *i) {
        return ending_job(i);
}

int guest_reply_ended(Instance *i, sd_bus_message *m) {
        Job *j = ending_job(i);

        sd_bus_message_unref(j->request); /* of a connection that was lost */
        j->request = sd_bus_message_ref(m);
        return 1;
}

int guest_cleanup(Instance *i, const char *reason) {
        Job *j;
        int r = guest_stopped(i, reason, &j, NULL);

        if (r >= 0)
                job_start(j);
        return r;
}

/* ---- at start ---- */

static bool is_frozen(const GuestState *s) {
        _cleanup_free_ char *v1 = NULL, *v2 = NULL;

        if (guest_cgroup_get(s, "freezer.state", &v1) >= 0)
                return streq(v1, "FROZEN");
        return guest_cgroup_get(s, "cgroup.freeze", &v2) >= 0 && streq(v2, "1");
}

void guest_discover(Instance *i) {
        GuestState state = {};
        int fd;

        if (guest_state_read(i->id, &state) < 0)
                return;
        i->prepared = true;
        fd = state.init_pid > 0 ? guest_state_pidfd(&state) : -ESRCH;
        guest_state_done(&i->guest);
        i->guest = state;
        /* Without a process it has ended while nobody looked: it counts as stopped once everything is released. Its unit says so
         * (GuestStopped) as soon as it can; when the reason is written already, there is nothing to wait for. */
        if (fd >= 0)
                i->status = is_frozen(&state) ? INSTANCE_FROZEN : INSTANCE_RUNNING;
        else
                i->status = INSTANCE_STOPPING;
        close_safe(fd);
}

void guest_release_ended(Instance *i) {
        _cleanup_free_ char *reason = NULL;

        if (i->status != INSTANCE_STOPPING || isempty(i->guest.reason) || str_replace(&reason, i->guest.reason) < 0)
                return;
        (void) guest_cleanup(i, reason);
}
