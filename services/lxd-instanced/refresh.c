/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots that the source has no more go. Each that is missing is made by giving the volume what that snapshot holds and taking a snapshot of it;
 * last it gets what the source holds now. Cut off in between, the copy is at one of the source's snapshots, and the next refresh goes on from there. */
#include "refresh.h"

#include "access.h"
#include "bus-error.h"
#include "create.h"
#include "db-records.h"
#include "manager.h"
#include "snapshot.h"
#include "storage.h"

typedef struct RefreshData {
        Config source;
        bool instance_only;
} RefreshData;

static void refresh_data_free(void *p) {
        RefreshData *d = p;

        config_done(&d->source);
        free(d);
}

static int find_source(Job *j, Instance **ret, sd_bus_error *error) {
        RefreshData *d = j->data;
        Snapshot *snapshot;

        return create_find_source(j->manager, &d->source, j->instance->project, ret, &snapshot, error);
}

/* The same one: a name may have been used again. */
static const Snapshot *counterpart(const Instance *other, const Snapshot *s) {
        const Snapshot *found = snapshot_find(other, s->name);

        return found && found->row == ROW_CREATED && found->created_at == s->created_at ? found : NULL;
}

static int check(const Instance *i, sd_bus_error *error) {
        if (i->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is not complete", i->name);
        if (instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID, "Failed getting exclusive access to instance: Instance is running; stop \"%s\" before it is refreshed", i->name);
        return 0;
}

static int step_extra(Job *j, sd_bus_error *error) {
        RefreshData *d = j->data;
        Instance *from, *i = j->instance;
        int r;

        r = check(i, error);
        if (r >= 0)
                r = find_source(j, &from, error);
        for (size_t k = 0; r >= 0 && !d->instance_only && k < i->n_snapshots; k++) {
                Snapshot *s = i->snapshots[k];

                if (s->row != ROW_CREATED || counterpart(from, s))
                        continue;
                r = db_snapshot_set_row(j->manager->db, s->id, ROW_DELETING);
                if (r < 0)
                        return r;
                s->row = ROW_DELETING;
                r = storage_delete_volume(j, i, s->name, error);
        }
        return r;
}

static void forget_all(Instance *i, RowState row) {
        for (size_t k = i->n_snapshots; k > 0; k--)
                if (i->snapshots[k - 1]->row == row)
                        snapshot_forget(i->snapshots[k - 1]);
}

static int step_missing(Job *j, sd_bus_error *error) {
        RefreshData *d = j->data;
        Instance *from, *i = j->instance;
        int r;

        forget_all(i, ROW_DELETING);
        r = find_source(j, &from, error);
        for (size_t k = 0; r >= 0 && !d->instance_only && k < from->n_snapshots; k++) {
                const Snapshot *old = from->snapshots[k];
                Snapshot *s;

                if (old->row != ROW_CREATED || counterpart(i, old))
                        continue;
                s = snapshot_copy(old, i);
                if (!s)
                        return -ENOMEM;
                s->row = ROW_PENDING;
                r = db_snapshot_insert(j->manager->db, s);
        }
        return r;
}

static int undo_missing(Job *j) {
        Instance *i = j->instance;

        for (size_t k = 0; k < i->n_snapshots; k++)
                if (i->snapshots[k]->row == ROW_PENDING)
                        (void) storage_delete_volume(j, i, i->snapshots[k]->name, NULL);
        return 0;
}

static int undo_records(Job *j) {
        forget_all(j->instance, ROW_PENDING);
        return 0;
}

static Snapshot *next_missing(Job *j) {
        for (size_t k = 0; k < j->instance->n_snapshots; k++)
                if (j->instance->snapshots[k]->row == ROW_PENDING)
                        return j->instance->snapshots[k];
        return NULL;
}

static int refresh_volume(Job *j, const Snapshot *s, job_reply_t then, sd_bus_error *error) {
        _cleanup_(config_done) Config source = {};
        Instance *from;
        int r;

        r = find_source(j, &from, error);
        if (r >= 0)
                r = config_set(&source, "pool", from->pool);
        if (r >= 0)
                r = config_set(&source, "project", from->project);
        if (r >= 0)
                r = config_setf(&source, "name", "%s%s%s", from->name, s ? "/" : "", s ? s->name : "");
        return r < 0 ? r : storage_refresh_volume(j, j->instance, &source, then, error);
}

static int snapshot_made(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error);

static int snapshot_refreshed(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        Snapshot *s = next_missing(j);

        return s ? storage_create_snapshot(j, j->instance, s->name, snapshot_made, error) : 0;
}

static int step_snapshots(Job *j, sd_bus_error *error) {
        Snapshot *s = next_missing(j);

        return s ? refresh_volume(j, s, snapshot_refreshed, error) : 0;
}

static int snapshot_made(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        int r = snapshot_complete(j, next_missing(j), error);

        return r < 0 ? r : step_snapshots(j, error);
}

static int step_contents(Job *j, sd_bus_error *error) {
        return refresh_volume(j, NULL, NULL, error);
}

static int step_end(Job *j, sd_bus_error *error) {
        Instance *from;

        if (find_source(j, &from, error) >= 0)
                (void) instance_set_volatile(j->instance, "volatile.last_state.idmap", config_get_or(&from->settings.config, "volatile.last_state.idmap", "[]"),
                                             NULL);
        sd_bus_error_free(error);
        instance_lifecycle(j->instance, "updated", NULL, &j->who, j->operation);
        return 0;
}

static const JobStep refresh_steps[] = {
        { "answer", create_step_answer, NULL },
        { "files", step_wait_files, undo_wait_files },
        { "extra", step_extra, NULL },
        { "missing", step_missing, undo_records },
        { "snapshots", step_snapshots, undo_missing },
        { "contents", step_contents, NULL },
        { "end", step_end, NULL },
        {}
};

int instance_refresh(Instance *i, const Config *source, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        Snapshot *snapshot;
        RefreshData *d;
        Instance *from;
        int r;

        r = create_find_source(i->manager, source, i->project, &from, &snapshot, error);
        if (r >= 0 && (snapshot || from == i))
                r = bus_error_set(error, LXD_ERROR_INVALID, "An instance is refreshed from another instance: neither from a snapshot nor from itself");
        if (r >= 0)
                r = check(i, error);
        if (r >= 0)
                r = job_check_busy(i, error);
        if (r >= 0)
                r = job_new(i->manager, i, "refresh", JOB_DATA, refresh_steps, who, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(RefreshData), refresh_data_free);
        if (!d)
                return -ENOMEM;
        d->instance_only = str_is_true(config_get(source, "instance_only"));
        r = config_copy(source, &d->source);
        if (r >= 0)
                r = job_new_operation(j, "Creating instance", error);
        if (r >= 0)
                r = create_add_source(j, from, NULL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}
