/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of volumes: the rows first, then all directories in one job of the worker. */
#include "copy.h"

#include "bus-error.h"
#include "layout.h"
#include "crash.h"

int copy_set_source(Task *t, const char *pool, const char *type, const char *project, const char *name) {
        _cleanup_free_ char *volume = strndup(name, strcspn(name, "/"));
        int r;

        if (!volume)
                return -ENOMEM;
        if (name[strlen(volume)] == '/') {
                r = str_replace(&t->snapshot.name, name + strlen(volume) + 1);
                if (r < 0)
                        return r;
        }
        r = str_replace(&t->source_pool_name, pool);
        if (r >= 0)
                r = str_replace(&t->source.type, type);
        if (r >= 0)
                r = str_replace(&t->source.project, project);
        if (r >= 0)
                r = str_replace(&t->source.name, volume);
        if (r >= 0 && !streq(pool, t->pool_name))
                r = task_lock_pool(t, false, pool);
        if (r >= 0)
                r = task_lock_volume(t, false, pool, type, project, volume);
        return r;
}

int step_source_load(Task *t, sd_bus_error *error) {
        _cleanup_(volume_done) Volume v = {};
        int r;

        r = db_volume_get(t->manager->db, t->source_pool.id, t->source.type, t->source.project, t->source.name, &v);
        if (r == -ENOENT || (r >= 0 && !row_is_visible(v.state)))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND,
                                     "Storage volume \"%s\" in project \"%s\" of type \"%s\" does not exist on pool \"%s\": Storage volume not found",
                                     t->source.name, t->source.project, t->source.type, t->source_pool_name);
        if (r < 0)
                return r;
        volume_done(&t->source);
        t->source = v;
        v = (Volume) {};
        return 0;
}

/* Copies of a snapshot take what the volume was like then. */
static int step_source_snapshot(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *name = NULL;
        int r;

        if (!t->snapshot.name)
                return 0;
        name = TAKE_PTR(t->snapshot.name);
        r = db_snapshot_get(t->manager->db, t->source.id, name, &t->snapshot);
        if (r == -ENOENT || (r >= 0 && !row_is_visible(t->snapshot.state)))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage volume snapshot \"%s\" not found", name);
        t->with_snapshots = false;
        return r;
}

/* Config and description of the source, if the request has none of its own. */
int step_source_config(Task *t, sd_bus_error *error) {
        const Config *config = t->snapshot.name ? &t->snapshot.config : &t->source.config;
        const char *description = t->snapshot.name ? t->snapshot.description : t->source.description;
        int r = 0;

        if (!streq(t->volume.type, VOLUME_CUSTOM))
                return 0;
        if (t->volume.config.n == 0 && !(t->flags & UPDATE_CONFIG))
                r = config_copy(config, &t->volume.config);
        if (r >= 0 && isempty(t->volume.description))
                r = str_replace(&t->volume.description, description);
        return r;
}

/* Rows of the copied snapshots, children of the pending row: they appear and vanish with it. Those that the request names, or all. */
int step_record_snapshots(Task *t, sd_bus_error *error) {
        DB_LAZY(t->manager->db);
        _cleanup_(snapshot_list_done) SnapshotList snapshots = {};
        _cleanup_strv_free_ Strv wanted = TAKE_PTR(t->names);
        int r;

        if (!t->with_snapshots)
                return 0;
        r = db_snapshot_list(t->manager->db, t->source.id, &snapshots);
        for (size_t i = 0; r >= 0 && i < snapshots.n; i++) {
                Snapshot *s = &snapshots.items[i];
                int64_t id;

                if (!row_is_visible(s->state) || (wanted && !strv_contains(wanted, s->name)))
                        continue;
                s->volume_id = t->volume.id;
                s->state = ROW_CREATED;
                r = db_snapshot_insert(t->manager->db, s, &id);
                if (r >= 0)
                        r = strv_extend(&t->names, s->name);
        }
        STRV_FOREACH(name, wanted)
                if (r >= 0 && !strv_contains(t->names, *name))
                        r = bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage volume snapshot \"%s\" of \"%s\" is not there any more", *name, t->source.name);
        return r;
}

static int add_pair(Strv *arguments, bool readonly, const char *from, const char *to) {
        int r;

        r = argument_add(arguments, "readonly", readonly ? "true" : "false");
        if (r >= 0)
                r = argument_add(arguments, "from", from);
        return r < 0 ? r : argument_add(arguments, "to", to);
}

static int add_snapshot_pairs(Task *t, Strv *arguments) {
        const Volume *s = &t->source, *v = &t->volume;

        STRV_FOREACH(name, t->names) {
                _cleanup_free_ char *from = NULL, *to = NULL;
                int r;

                r = layout_snapshot(s->type, s->project, s->name, *name, &from);
                if (r >= 0)
                        r = layout_snapshot(v->type, v->project, v->name, *name, &to);
                if (r >= 0)
                        r = add_pair(arguments, true, from, to);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The volume itself, which is copied last. */
static int add_volume_pair(Task *t, Strv *arguments) {
        _cleanup_free_ char *from = NULL, *to = NULL, *source_path = NULL;
        const Volume *s = &t->source, *v = &t->volume;
        int r;

        r = t->snapshot.name ? layout_snapshot(s->type, s->project, s->name, t->snapshot.name, &from)
                             : layout_volume(s->type, s->project, s->name, &from);
        if (r >= 0)
                r = layout_volume(v->type, v->project, v->name, &to);
        if (r >= 0)
                r = add_pair(arguments, false, from, to);
        if (r >= 0)
                r = argument_addf(arguments, "id", "%" PRIi64, v->id);
        if (r >= 0)
                r = argument_addf(arguments, "quota", "%" PRIu64, v->quota);
        if (r < 0 || streq(t->source_pool.name, t->pool.name))
                return r;
        r = layout_pool(t->manager->state_dir, t->source_pool.name, &source_path);
        return r < 0 ? r : argument_add(arguments, "source-path", source_path);
}

int step_copy_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        int r;

        r = add_snapshot_pairs(t, &arguments);
        if (r >= 0)
                r = add_volume_pair(t, &arguments);
        return r < 0 ? r : task_worker(t, "volume-copy", &t->pool, arguments, NULL, 0, error);
}

static const task_step_t copy_steps[] = {
        step_pool_load,           step_source_pool_load, step_source_load,        step_source_snapshot,
        step_source_config,       step_volume_create_check, step_pool_mount,      step_source_pool_mount,
        step_volume_target_free,  step_volume_record,    step_record_snapshots,   step_copy_run,
        step_volume_commit,       NULL,
};

const TaskKind volume_copy_kind = {
        .name = "copy storage volume",
        .steps = copy_steps,
        .undo = volume_remove_steps,
};
const TaskKind volume_copy_instance_kind = {
        .name = "copy volume of instance",
        .steps = copy_steps,
        .undo = volume_remove_steps,
};

/* ---- refresh: what a volume has now, in place of what a copy of it has ---- */

static int step_refresh_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        int r;

        r = task_refuse_held(t, &t->volume, "Cannot refresh storage volume", error);
        if (r >= 0)
                r = volume_mark_restoring(t);
        if (r < 0)
                return r;
        crash_point("volume-refresh-marked");
        r = add_volume_pair(t, &arguments);
        return r < 0 ? r : task_worker(t, "volume-restore", &t->pool, arguments, NULL, 0, error);
}

static int step_refresh_commit(Task *t, sd_bus_error *error) {
        DB_LAZY(t->manager->db); /* a volume that is still marked is settled, which leaves the refreshed one as it is */

        return db_volume_set_state(t->manager->db, t->volume.id, ROW_CREATED);
}

const TaskKind volume_refresh_instance_kind = {
        .name = "refresh volume of instance",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_source_pool_load, step_source_load, step_source_snapshot,
                                         step_pool_mount, step_source_pool_mount, step_refresh_run, step_refresh_commit, NULL },
        .undo = volume_settle_steps,
};
