/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of instances: make, restore, rename, change, delete. */
#include "snapshot.h"

#include <fcntl.h>

#include "base/clock.h"
#include "access.h"
#include "bus-error.h"
#include "db-records.h"
#include "life-event.h"
#include "lifecycle.h"
#include "log.h"
#include "manager.h"
#include "snapshot-pattern.h"
#include "storage.h"

/* Snapshots are looked up by id in each step: another job of the instance may have removed one while this one was queued. */
typedef struct SnapshotData {
        uint64_t id;
        char *name; /* new name, or the one to restore */
        uint64_t expires;
        bool was_running;
        bool whole; /* deletion: nothing was removed yet */
        bool lost;  /* lxd-storaged died while it removed the volume */
} SnapshotData;

static void snapshot_data_free(void *p) {
        SnapshotData *d = p;

        free(d->name);
        free(d);
}

static Snapshot *job_snapshot(Job *j, sd_bus_error *error) {
        SnapshotData *d = j->data;

        for (size_t k = 0; k < j->instance->n_snapshots; k++)
                if (j->instance->snapshots[k]->id == d->id)
                        return j->instance->snapshots[k];
        (void) bus_error_set(error, LXD_ERROR_NOT_FOUND, "Snapshot not found");
        return NULL;
}

static void snapshot_lifecycle(Snapshot *s, const char *what, const Config *context, const Requestor *who, Operation *op) {
        _cleanup_free_ char *url = NULL, *action = NULL;
        Manager *m = s->instance->manager;

        if (m->operations && snapshot_url(s, &url) >= 0 && str_format(&action, "instance-snapshot-%s", what) >= 0)
                (void) lifecycle_emit(m->operations, action, url, context, who,
                                      &(const LogFields) { .project = s->instance->project, .instance = s->instance->name,
                                                           .operation = operation_id(op) });
}

void snapshots_lifecycle(Instance *i, const char *what, const Requestor *who, Operation *op) {
        for (size_t k = 0; k < i->n_snapshots; k++)
                snapshot_lifecycle(i->snapshots[k], what, NULL, who, op);
}

static void tell_bus(Snapshot *s, bool added) {
        _cleanup_free_ char *path = NULL;
        BusServer *server = s->instance->manager->server;

        if (server && snapshot_path(s, &path) >= 0)
                (void) (added ? bus_server_emit_object_added(server, path) : bus_server_emit_object_removed(server, path));
}

void snapshot_forget(Snapshot *s) {
        int r = db_snapshot_delete(s->instance->manager->db, s->id);

        if (r < 0 && r != -ENOENT)
                log_at(LOG_ERR, r, LOG_INSTANCE(s->instance), "Failed to remove the record of snapshot %s: %m", s->name);
        tell_bus(s, false);
        snapshot_remove(s);
}

static int new_job(Instance *i, const char *kind, const JobStep *steps, const char *description, uint64_t id, const char *name,
                   const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        SnapshotData *d;
        int r;

        r = job_new(i->manager, i, kind, JOB_DATA, steps, who, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(SnapshotData), snapshot_data_free);
        if (!d || (name && !(d->name = strdup(name))))
                return -ENOMEM;
        d->id = id;
        if (description) {
                r = job_new_operation(j, description, error);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- create ---- */

static int step_none(Job *j, sd_bus_error *error) {
        return 0;
}

static int undo_create(Job *j) {
        Snapshot *s = job_snapshot(j, NULL);

        if (s)
                snapshot_forget(s);
        return 0;
}

static int step_create_volume(Job *j, sd_bus_error *error) {
        Snapshot *s = job_snapshot(j, error);

        return s ? storage_create_snapshot(j, j->instance, s->name, NULL, error) : -ENOENT;
}

static int undo_create_volume(Job *j) {
        Snapshot *s = job_snapshot(j, NULL);

        return s ? storage_delete_volume(j, j->instance, s->name, NULL) : 0;
}

int snapshot_complete(Job *j, Snapshot *s, sd_bus_error *error) {
        int r;

        r = db_snapshot_set_row(j->manager->db, s->id, ROW_CREATED);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record that the snapshot is complete");
        s->row = ROW_CREATED;
        snapshots_update_duties(j->manager, j->instance);
        snapshot_lifecycle(s, "created", NULL, &j->who, j->operation);
        return 0;
}

static int step_commit(Job *j, sd_bus_error *error) {
        Snapshot *s = job_snapshot(j, error);

        return s ? snapshot_complete(j, s, error) : -ENOENT;
}

static const JobStep create_steps[] = {
        { "record", step_none, undo_create },
        { "volume", step_create_volume, undo_create_volume },
        { "commit", step_commit, NULL },
        {}
};

static int check_name(const char *name, sd_bus_error *error) {
        if (strchr(name, '/'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid snapshot name: Cannot contain \"/\"");
        if (!snapshot_name_is_valid(name))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Failed creating instance snapshot record \"%s\": Invalid instance snapshot name: Cannot contain space or / characters",
                                     name);
        return 0;
}

static int choose_name(Instance *i, const char *name, char **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv existing = NULL;
        const char *pattern = instance_get(i, "snapshots.pattern");
        int r = 0;

        if (!isempty(name))
                r = str_replace(ret, name);
        else {
                for (size_t k = 0; k < i->n_snapshots && r >= 0; k++)
                        r = strv_extend(&existing, i->snapshots[k]->name);
                if (r >= 0)
                        r = snapshot_pattern_expand(isempty(pattern) ? "snap%d" : pattern, now_realtime(), existing, ret);
        }
        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid snapshots.pattern \"%s\"", strempty(pattern));
        if (r < 0)
                return r;
        r = check_name(*ret, error);
        if (r < 0)
                return r;
        if (snapshot_find(i, *ret))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Snapshot \"%s/%s\" already exists", i->name, *ret);
        return 0;
}

int snapshot_create(Instance *i, const char *name, uint64_t expires, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_free_ char *chosen = NULL;
        const char *span = instance_get(i, "snapshots.expiry");
        Snapshot *s;
        int r;

        if (i->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is not complete", i->name);
        r = choose_name(i, name, &chosen, error);
        if (r < 0)
                return r;
        s = snapshot_new(i, chosen);
        if (!s)
                return -ENOMEM;
        s->row = ROW_PENDING;
        s->created_at = now_realtime();
        s->expires_at = expires == UINT64_MAX ? 0 : expires;
        r = settings_copy(&i->settings, &s->settings);
        if (r >= 0 && expires == UINT64_MAX && !isempty(span))
                r = parse_expiry(span, s->created_at, &s->expires_at);
        if (r >= 0)
                r = db_snapshot_insert(i->manager->db, s);
        if (r < 0) {
                r = bus_error_wrap(error, r, "Failed to record snapshot \"%s\"", chosen);
                snapshot_remove(s);
                return r;
        }

        r = new_job(i, "snapshot", create_steps, "Snapshotting instance", s->id, NULL, who, ret, error);
        if (r < 0) {
                snapshot_forget(s);
                return r;
        }
        tell_bus(s, true);
        return 0;
}

/* ---- restore ---- */

static int step_restore_intent(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *intent = NULL;
        SnapshotData *d = j->data;
        Instance *i = j->instance;
        int r;

        if (!job_snapshot(j, error))
                return -ENOENT;
        d->was_running = instance_is_running(i);
        if (d->was_running)
                i->restarting = true;
        r = str_format(&intent, "restore:%s", d->name);
        if (r >= 0)
                r = str_replace(&i->intent, intent);
        return r;
}

static int undo_restore_intent(Job *j) {
        Instance *i = j->instance;

        i->restarting = false;
        i->intent = (free(i->intent), NULL);
        return db_instance_set_intent(j->manager->db, i->id, NULL);
}

static int step_restore_volume(Job *j, sd_bus_error *error) {
        DB_LAZY(j->manager->db);
        SnapshotData *d = j->data;
        int r;

        /* From here on the restore is finished, also after a crash: the volume may be the snapshot's already. */
        r = db_instance_set_intent(j->manager->db, j->instance->id, j->instance->intent);
        return r < 0 ? r : storage_restore_snapshot(j, j->instance, d->name, error);
}

static int step_restore_record(Job *j, sd_bus_error *error) {
        _cleanup_(settings_done) Settings settings = {};
        _cleanup_(config_done) Config context = {};
        SnapshotData *d = j->data;
        Instance *i = j->instance;
        Snapshot *s = job_snapshot(j, error);
        const char *power;
        int r;

        if (!s)
                return -ENOENT;
        r = settings_copy(&s->settings, &settings);
        /* The identity and what the host knows of it now stay the instance's. */
        power = config_get(&i->settings.config, "volatile.last_state.power");
        if (r >= 0)
                r = config_set(&settings.config, "volatile.last_state.power", power);
        if (r >= 0)
                r = db_instance_restore(j->manager->db, i->id, &settings);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record the restored configuration");

        settings_done(&i->settings);
        i->settings = settings;
        settings = (Settings) {};
        i->intent = (free(i->intent), NULL);
        instance_changed(i, "Config", "Devices", "Description", "Architecture", "Ephemeral", NULL);
        (void) config_set(&context, "snapshot", d->name);
        instance_lifecycle(i, "restored", &context, &j->who, j->operation);
        return 0;
}

static int step_start_again(Job *j, sd_bus_error *error) {
        SnapshotData *d = j->data;

        return d->was_running ? step_start_unit(j, error) : 0;
}

static int step_restore_end(Job *j, sd_bus_error *error) {
        j->instance->restarting = false;
        return 0;
}

static const JobStep restore_steps[] = {
        { "intent", step_restore_intent, undo_restore_intent },
        { "stop", step_kill_guest, NULL },
        { "files", step_wait_files, undo_wait_files },
        { "volume", step_restore_volume, NULL },
        { "record", step_restore_record, NULL },
        { "start", step_start_again, NULL },
        { "end", step_restore_end, NULL },
        {}
};

int snapshot_restore(Instance *i, const char *name, const Requestor *who, Job **ret, sd_bus_error *error) {
        /* Clients name it with or without the instance. */
        const char *rest = startswith(name, i->name);
        Snapshot *s;
        int r;

        if (rest && rest[0] == '/')
                name = rest + 1;
        s = snapshot_find(i, name);
        if (!s || s->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Snapshot %s/%s does not exist", i->name, name);
        r = job_check_busy(i, error);
        return r < 0 ? r : new_job(i, "restore", restore_steps, "Restoring snapshot", s->id, name, who, ret, error);
}

static const JobStep redo_restore_steps[] = {
        { "volume", step_restore_volume, NULL },
        { "record", step_restore_record, NULL },
        {}
};

int snapshot_redo_restore(Instance *i) {
        const char *name = startswith(strempty(i->intent), "restore:");
        Snapshot *s = name ? snapshot_find(i, name) : NULL;
        Job *j;
        int r;

        if (!s) {
                i->intent = (free(i->intent), NULL);
                return db_instance_set_intent(i->manager->db, i->id, NULL);
        }
        r = new_job(i, "restore", redo_restore_steps, NULL, s->id, name, NULL, &j, NULL);
        if (r < 0)
                return r;
        job_start(j);
        return 0;
}

/* ---- rename ---- */

static int step_rename_intent(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *intent = NULL;
        SnapshotData *d = j->data;
        Snapshot *s = job_snapshot(j, error);
        int r;

        if (!s)
                return -ENOENT;
        if (snapshot_find(j->instance, d->name))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name \"%s\" already in use", d->name);
        r = str_format(&intent, "rename:%s", d->name);
        return r < 0 ? r : db_snapshot_set_intent(j->manager->db, s->id, intent);
}

static int undo_rename_intent(Job *j) {
        Snapshot *s = job_snapshot(j, NULL);

        return s && !j->undo_failed ? db_snapshot_set_intent(j->manager->db, s->id, NULL) : 0;
}

static int step_rename_volume(Job *j, sd_bus_error *error) {
        SnapshotData *d = j->data;
        Snapshot *s = job_snapshot(j, error);

        return s ? storage_rename_volume(j, j->instance, true, s->name, d->name, NULL, error) : -ENOENT;
}

static int undo_rename_volume(Job *j) {
        SnapshotData *d = j->data;
        Snapshot *s = job_snapshot(j, NULL);

        return s && !job_step_was_refused(j) ? storage_rename_volume(j, j->instance, true, d->name, s->name, NULL, NULL) : 0;
}

static int step_rename_record(Job *j, sd_bus_error *error) {
        _cleanup_(config_done) Config context = {};
        SnapshotData *d = j->data;
        Snapshot *s = job_snapshot(j, error);
        int r;

        if (!s)
                return -ENOENT;
        r = db_snapshot_rename(j->manager->db, s->id, d->name);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record the new name");
        (void) config_set(&context, "old_name", s->name);
        tell_bus(s, false);
        free(s->name);
        s->name = TAKE_PTR(d->name);
        tell_bus(s, true);
        snapshot_lifecycle(s, "renamed", &context, &j->who, j->operation);
        return 0;
}

static const JobStep rename_steps[] = {
        { "intent", step_rename_intent, undo_rename_intent },
        { "volume", step_rename_volume, undo_rename_volume },
        { "record", step_rename_record, NULL },
        {}
};

int snapshot_rename(Snapshot *s, const char *name, const Requestor *who, Job **ret, sd_bus_error *error) {
        int r = check_name(name, error);

        if (r < 0)
                return r;
        if (snapshot_find(s->instance, name))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name '%s/%s' already in use", s->instance->name, name);
        if (s->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Snapshot \"%s\" is not complete", s->name);
        return new_job(s->instance, "snapshot", rename_steps, "Renaming snapshot", s->id, name, who, ret, error);
}

/* ---- update ---- */

static int step_set_expiry(Job *j, sd_bus_error *error) {
        SnapshotData *d = j->data;
        Snapshot *s = job_snapshot(j, error);
        int r;

        if (!s)
                return -ENOENT;
        r = db_snapshot_set_expiry(j->manager->db, s->id, d->expires);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record the expiry");
        s->expires_at = d->expires;
        snapshots_update_duties(j->manager, j->instance);
        snapshot_lifecycle(s, "updated", NULL, &j->who, j->operation);
        return 0;
}

static const JobStep update_steps[] = { { "expiry", step_set_expiry, NULL }, {} };

int snapshot_update(Snapshot *s, uint64_t expires, const Requestor *who, Job **ret, sd_bus_error *error) {
        int r = new_job(s->instance, "snapshot", update_steps, "Updating snapshot", s->id, NULL, who, ret, error);

        if (r >= 0)
                ((SnapshotData *) (*ret)->data)->expires = expires;
        return r;
}

/* ---- delete ---- */

static int step_delete_mark(Job *j, sd_bus_error *error) {
        Snapshot *s = job_snapshot(j, error);
        SnapshotData *d = j->data;
        int r;

        if (!s)
                return -ENOENT;
        d->whole = s->row == ROW_CREATED;
        r = db_snapshot_set_row(j->manager->db, s->id, ROW_DELETING);
        if (r >= 0)
                s->row = ROW_DELETING;
        return r;
}

/* As with an instance: back only when lxd-storaged said no to the removal of a whole one. */
static int undo_delete_mark(Job *j) {
        Snapshot *s = job_snapshot(j, NULL);
        SnapshotData *d = j->data;

        if (!s)
                return 0;
        if (d->lost)
                return snapshot_recover(s); /* after this job */
        if (!d->whole)
                return 0;
        s->row = ROW_CREATED;
        return db_snapshot_set_row(j->manager->db, s->id, ROW_CREATED);
}

static int step_delete_volume(Job *j, sd_bus_error *error) {
        Snapshot *s = job_snapshot(j, error);

        return s ? storage_delete_volume(j, j->instance, s->name, error) : -ENOENT;
}

static int undo_delete_volume(Job *j) {
        SnapshotData *d = j->data;

        d->lost = !job_step_was_refused(j);
        return 0;
}

static int step_delete_record(Job *j, sd_bus_error *error) {
        Snapshot *s = job_snapshot(j, error);

        if (!s)
                return -ENOENT;
        snapshot_lifecycle(s, "deleted", NULL, &j->who, j->operation);
        snapshot_forget(s);
        snapshots_update_duties(j->manager, j->instance);
        return 0;
}

static const JobStep delete_steps[] = {
        { "mark", step_delete_mark, undo_delete_mark },
        { "volume", step_delete_volume, undo_delete_volume },
        { "record", step_delete_record, NULL },
        {}
};

int snapshot_delete(Snapshot *s, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        r = new_job(s->instance, "snapshot", delete_steps, NULL, s->id, NULL, who, &j, error);
        if (r >= 0)
                r = job_new_operation_on(j, "Deleting snapshot", s, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- expiry ---- */

/* data of such a child is the batch it belongs to, beside the snapshot's own. */
typedef struct ExpireData {
        SnapshotData snapshot; /* first: the steps of a deletion look here */
        Job *batch;
} ExpireData;

static void expired_one(Job *child) {
        ExpireData *d = child->data;

        job_wake(d->batch, child->result, &child->error);
}

static int expire_one(Job *batch, Snapshot *s) {
        ExpireData *d;
        Job *child;
        int r;

        r = job_new(batch->manager, s->instance, "snapshot", JOB_DATA, delete_steps, &batch->who, &child);
        if (r < 0)
                return r;
        d = job_alloc_data(child, sizeof(ExpireData), snapshot_data_free);
        if (!d) {
                job_free(child);
                return -ENOMEM;
        }
        d->snapshot.id = s->id;
        d->batch = batch;
        child->done = expired_one;
        job_wait(batch);
        job_start(child);
        return 0;
}

static int step_expire(Job *j, sd_bus_error *error) {
        uint64_t now = *(uint64_t *) j->data;
        Manager *m = j->manager;

        j->tolerant = true; /* one that cannot be deleted now is tried again next time */
        for (size_t k = 0; k < m->n_instances; k++) {
                Instance *i = m->instances[k];

                for (size_t n = i->n_snapshots; n > 0; n--) {
                        Snapshot *s = i->snapshots[n - 1];
                        int r;

                        if (s->row != ROW_CREATED || s->expires_at == 0 || s->expires_at > now)
                                continue;
                        r = expire_one(j, s);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int step_schedule(Job *j, sd_bus_error *error) {
        time_t now = (time_t) (*(uint64_t *) j->data / USEC_PER_SEC);
        Manager *m = j->manager;
        struct tm tm;

        if (!localtime_r(&now, &tm))
                return -EINVAL;
        for (size_t k = 0; k < m->n_instances; k++) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                Instance *i = m->instances[k];
                const char *schedule = instance_get(i, "snapshots.schedule");
                Job *child;
                int r;

                if (i->row != ROW_CREATED || isempty(schedule) || !snapshot_schedule_matches(schedule, &tm) ||
                    (!instance_is_running(i) && !instance_is_true(i, "snapshots.schedule.stopped")))
                        continue;
                r = snapshot_create(i, "", UINT64_MAX, NULL, &child, &e);
                if (r < 0)
                        log_at(LOG_WARNING, r, LOG_INSTANCE(i), "Failed to make the scheduled snapshot of %s: %s", i->name, strempty(e.message));
                else
                        job_start(child);
        }
        return 0;
}

static const JobStep expire_steps[] = { { "schedule", step_schedule, NULL }, { "expire", step_expire, NULL }, {} };

static bool instance_has_duties(const Instance *i) {
        if (!isempty(instance_get(i, "snapshots.schedule")))
                return true;
        for (size_t n = 0; n < i->n_snapshots; n++)
                if (i->snapshots[n]->expires_at != 0)
                        return true;
        return false;
}

static const Instance *find_duties(Manager *m) {
        for (size_t k = 0; k < m->n_instances; k++)
                if (instance_has_duties(m->instances[k]))
                        return m->instances[k];
        return NULL;
}

static void set_duties(Manager *m, const Instance *i) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        m->duties_of = i ? i->id : 0;
        if (str_format(&path, "%s/snapshot-duties", m->run_dir) < 0)
                return;
        if (!i) {
                (void) unlink(path);
                return;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                log_warning_errno(-errno, "Failed to make %s, scheduled snapshots will not be made: %m", path);
}

void snapshots_find_duties(Manager *m) {
        set_duties(m, find_duties(m));
}

void snapshots_update_duties(Manager *m, const Instance *changed) {
        const Instance *i = m->duties_of != 0 ? instance_find_id(m, m->duties_of) : NULL;

        if (i && instance_has_duties(i))
                return;
        if (changed && instance_has_duties(changed))
                set_duties(m, changed);
        else if (m->duties_of != 0)
                snapshots_find_duties(m);
}

int snapshots_expire(Manager *m, uint64_t now, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        uint64_t *data;
        int r;

        r = job_new(m, NULL, "expire", JOB_FREE, expire_steps, who, &j);
        if (r < 0)
                return r;
        data = job_alloc_data(j, sizeof(uint64_t), NULL);
        if (!data)
                return -ENOMEM;
        *data = now;
        r = job_new_operation(j, "Cleaning up expired instance snapshots", error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- after a crash ---- */

static int step_rename_back(Job *j, sd_bus_error *error) {
        SnapshotData *d = j->data;
        Snapshot *s = job_snapshot(j, error);

        if (!s)
                return -ENOENT;
        j->tolerant = true; /* NotFound: the crash came before the volume was renamed */
        return storage_rename_volume(j, j->instance, true, d->name, s->name, NULL, error);
}

static int step_clear_intent(Job *j, sd_bus_error *error) {
        return undo_rename_intent(j);
}

static const JobStep rename_back_steps[] = {
        { "volume", step_rename_back, NULL },
        { "intent", step_clear_intent, NULL },
        {}
};

int snapshot_recover(Snapshot *s) {
        const char *name = startswith(strempty(s->intent), "rename:");
        Job *j;
        int r;

        if (s->row == ROW_CREATED && !name)
                return 0;
        r = new_job(s->instance, "snapshot", s->row == ROW_CREATED ? rename_back_steps : delete_steps, NULL, s->id, name, NULL, &j, NULL);
        if (r < 0)
                return r;
        s->intent = (free(s->intent), NULL);
        job_start(j);
        return 0;
}

int snapshots_names(const Instance *i, char **ret) {
        _cleanup_strv_free_ Strv names = NULL;
        int r = 0;

        for (size_t k = 0; k < i->n_snapshots && r >= 0; k++)
                r = strv_extend(&names, i->snapshots[k]->name);
        return r < 0 ? r : strv_join(names, "\n", ret);
}

Snapshot *snapshot_copy(const Snapshot *old, Instance *to) {
        Snapshot *s = snapshot_new(to, old->name);

        if (!s)
                return NULL;
        s->created_at = old->created_at;
        s->expires_at = old->expires_at;
        if (settings_copy(&old->settings, &s->settings) < 0) {
                snapshot_remove(s);
                return NULL;
        }
        return s;
}
