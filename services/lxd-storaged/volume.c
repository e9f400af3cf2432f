/* SPDX-License-Identifier: Apache-2.0 */
/* Making, changing and removing storage volumes. */
#include "volume.h"

#include "base/clock.h"
#include "bus-error.h"
#include "document.h"
#include "instance-link.h"
#include "layout.h"
#include "life-event.h"
#include "log.h"
#include "crash.h"
#include "snapshot-duties.h"
#include "snapshot.h"

int volume_task_new(Manager *m, const TaskKind *kind, const char *pool, const char *type, const char *project,
                    const char *name, Task **ret) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = task_new(m, kind, &t);
        if (r >= 0)
                r = str_replace(&t->pool_name, pool);
        if (r >= 0)
                r = str_replace(&t->volume.type, type);
        if (r >= 0)
                r = str_replace(&t->volume.project, project);
        if (r >= 0)
                r = str_replace(&t->volume.name, name);
        if (r >= 0)
                r = task_lock_pool(t, false, pool);
        if (r >= 0)
                r = task_lock_volume(t, true, pool, type, project, name);
        if (r >= 0)
                *ret = TAKE_PTR(t);
        return r;
}

int volume_of_object(Manager *m, Volume *ret, sd_bus_error *error) {
        _cleanup_(pool_done) Pool p = {};
        int r;

        r = db_pool_get(m->db, m->labels[0], &p);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool not found");
        if (r >= 0)
                r = db_volume_get(m->db, p.id, m->labels[1], m->labels[2], m->labels[3], ret);
        return r == -ENOENT ? bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool volume not found") : r;
}

int volume_check_free(Manager *m, const Pool *pool, const char *type, const char *project, const char *name, sd_bus_error *error) {
        _cleanup_(volume_done) Volume v = {};
        int r;

        r = db_volume_get(m->db, pool->id, type, project, name, &v);
        if (r >= 0 && row_is_visible(v.state))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Volume by that name already exists");
        return r == -ENOENT || r >= 0 ? 0 : r;
}

int volume_check_name(const char *name, sd_bus_error *error) {
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "No name provided");
        if (strchr(name, '/'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Storage volume names may not contain slashes");
        if (!object_name_is_valid(name))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid storage volume name \"%s\": 1 to 63 characters, no white space or control characters, not \".\" or \"..\"",
                                     name);
        return 0;
}

void volume_emit(Task *t, const char *action, const char *context_key, const char *context_value) {
        _cleanup_(config_done) Config context = {};
        _cleanup_free_ char *url = NULL;

        if (t->silent ||
            layout_volume_url(t->pool.name, t->volume.type, t->volume.project, t->volume.name, NULL, &url) < 0)
                return;
        if (context_key && config_set(&context, context_key, context_value) < 0)
                return;
        (void) lifecycle_emit(daemon_operations(t->manager->daemon), action, url, &context, &t->who,
                              &(const LogFields) { .project = t->volume.project, .pool = t->pool.name, .volume = t->volume.name,
                                                   .operation = operation_id(t->operation) });
}

void volume_emit_object(Task *t, const char *name, bool added) {
        BusServer *server = daemon_server(t->manager->daemon);
        _cleanup_free_ char *path = NULL;

        if (bus_path_encode(&path, PATH_VOLUME, t->pool.name, t->volume.type, t->volume.project, name, NULL) < 0)
                return;
        (void) (added ? bus_server_emit_object_added(server, path) : bus_server_emit_object_removed(server, path));
}

void volume_emit_changed(Task *t, const char *property, const char *other) {
        char *names[] = { (char *) property, (char *) other, NULL };
        _cleanup_free_ char *path = NULL;

        if (bus_path_encode(&path, PATH_VOLUME, t->pool.name, t->volume.type, t->volume.project, t->volume.name, NULL) < 0)
                return;
        (void) bus_server_emit_properties_changed(daemon_server(t->manager->daemon), path, INTERFACE_VOLUME, names);
}

static int volume_path(const Task *t, const char *name, char **ret) {
        return layout_volume(t->volume.type, t->volume.project, name, ret);
}

/* ---- create ---- */

int step_volume_create_check(Task *t, sd_bus_error *error) {
        _cleanup_(volume_done) Volume existing = {};
        Volume *v = &t->volume;
        int r;

        r = db_volume_get(t->manager->db, t->pool.id, v->type, v->project, v->name, &existing);
        if (r >= 0 && !row_is_visible(existing.state)) {
                /* We hold the lock: nobody works on it, its undoing failed. Once more, when this task has let go of the lock. */
                (void) manager_recover_volume(t->manager, &existing);
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE,
                                     "An earlier job on volume \"%s\" was cut off and is being cleaned up; please try again",
                                     v->name);
        }
        if (r >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Volume by that name already exists");
        if (r != -ENOENT)
                return r;
        v->pool_id = t->pool.id;
        v->created_at = now_realtime();
        if (!v->content_type) {
                r = str_replace(&v->content_type, "filesystem");
                if (r < 0)
                        return r;
        }
        if (!streq(v->type, VOLUME_CUSTOM)) {
                v->quota = streq(v->type, VOLUME_IMAGE) ? 0 : driver_instance_quota(&t->pool, &t->config);
                return 0;
        }
        r = driver_fill_volume(&t->pool, &v->config);
        if (r >= 0)
                r = config_merge(&t->config, &v->config, true); /* drops what is set to nothing */
        if (r >= 0)
                r = driver_check_volume(v->type, v->name, &t->config, error);
        if (r < 0)
                return r;
        config_done(&v->config);
        v->config = t->config;
        t->config = (Config) {};
        v->quota = driver_volume_quota(&v->config);
        return 0;
}

int step_volume_target_free(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *pool = NULL, *volume = NULL, *path = NULL;
        int r;

        r = layout_pool(t->manager->state_dir, t->pool.name, &pool);
        if (r >= 0)
                r = volume_path(t, t->volume.name, &volume);
        if (r >= 0)
                r = str_format(&path, "%s/%s", pool, volume);
        if (r < 0)
                return r;
        if (access(path, F_OK) >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS,
                                     "\"%s\" is there already, but belongs to no volume that is known; move it away first", path);
        return 0;
}

int step_volume_record(Task *t, sd_bus_error *error) {
        int r;

        t->volume.state = ROW_PENDING;
        r = db_volume_insert(t->manager->db, &t->volume, &t->volume.id);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage volume \"%s\"", t->volume.name);
        t->dirty = true;
        crash_point("volume-create-recorded");
        return 0;
}

static int step_create_run(Task *t, sd_bus_error *error) {
        bool custom = streq(t->volume.type, VOLUME_CUSTOM);
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = volume_path(t, t->volume.name, &path);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "%" PRIi64, t->volume.id);
        if (r >= 0)
                r = argument_addf(&arguments, "quota", "%" PRIu64, t->volume.quota);
        if (r >= 0)
                r = argument_add(&arguments, "mode", custom ? "0711" : "0700");
        if (r >= 0 && !custom)
                r = argument_add(&arguments, "rootfs", "true");
        return r < 0 ? r : task_worker(t, "volume-create", &t->pool, arguments, NULL, 0, error);
}

int step_volume_commit(Task *t, sd_bus_error *error) {
        int r;

        instance_link_refresh(t, t->volume.name);
        crash_point("volume-create-before-commit");
        r = db_volume_set_state(t->manager->db, t->volume.id, ROW_CREATED);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage volume \"%s\"", t->volume.name);
        snapshot_duties_update(t->manager);
        volume_emit_object(t, t->volume.name, true);
        volume_emit(t, "storage-volume-created", "type", t->volume.type);
        return 0;
}

/* ---- remove: also the undo of making, and the recovery of both ---- */

int step_volume_remove(Task *t, sd_bus_error *error) {
        _cleanup_(snapshot_list_done) SnapshotList snapshots = {};
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL, *dir = NULL;
        const Volume *v = &t->volume;
        int r;

        r = db_snapshot_list(t->manager->db, v->id, &snapshots);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "%" PRIi64, v->id);
        for (size_t i = 0; r >= 0 && i < snapshots.n; i++) {
                _cleanup_free_ char *s = NULL;

                r = layout_snapshot(v->type, v->project, v->name, snapshots.items[i].name, &s);
                if (r >= 0)
                        r = argument_add(&arguments, "to", s);
                if (r >= 0 && !strv_contains(t->names, snapshots.items[i].name))
                        r = strv_extend(&t->names, snapshots.items[i].name);
        }
        if (r >= 0)
                r = volume_path(t, v->name, &path);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = layout_snapshots(v->type, v->project, v->name, &dir);
        if (r >= 0)
                r = argument_add(&arguments, "remove-dir", dir);
        return r < 0 ? r : task_worker(t, "volume-delete", &t->pool, arguments, NULL, 0, error);
}

int step_volume_forget(Task *t, sd_bus_error *error) {
        int r;

        instance_link_refresh(t, t->volume.name);
        crash_point("volume-delete-before-commit");
        r = db_volume_delete(t->manager->db, t->volume.id);
        return r == -ENOENT ? 0 : r;
}

const task_step_t volume_remove_steps[] = { step_pool_mount, step_volume_remove, step_volume_forget, NULL };

const TaskKind volume_create_kind = {
        .name = "create storage volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_create_check, step_pool_mount,
                                         step_volume_target_free, step_volume_record, step_create_run,
                                         step_volume_commit, NULL },
        .undo = volume_remove_steps,
};

const TaskKind volume_create_instance_kind = {
        .name = "create volume of instance",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_create_check, step_pool_mount,
                                         step_volume_target_free, step_volume_record, step_create_run,
                                         step_volume_commit, NULL },
        .undo = volume_remove_steps,
};

static int step_delete_check(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv used_by = NULL;
        _cleanup_free_ char *key = NULL, *users = NULL;
        int r;

        r = str_format(&key, "%s/%s/%s", t->pool.name, t->volume.project, t->volume.name);
        if (r >= 0 && streq(t->volume.type, VOLUME_CUSTOM))
                r = task_used_by(t, key, &used_by);
        if (r >= 0 && used_by && used_by[0]) {
                r = strv_join(used_by, ", ", &users);
                return r < 0 ? r : bus_error_set(error, LXD_ERROR_INVALID, "The storage volume is still in use by %s", users);
        }
        return r < 0 ? r : task_refuse_held(t, &t->volume, "Cannot delete storage volume", error);
}

static int step_delete_mark(Task *t, sd_bus_error *error) {
        int r;

        r = db_volume_set_state(t->manager->db, t->volume.id, ROW_DELETING);
        t->dirty = r >= 0;
        crash_point("volume-delete-marked");
        return r;
}

/* names: the snapshots that went with it. */
static int step_delete_signal(Task *t, sd_bus_error *error) {
        snapshot_duties_update(t->manager);
        STRV_FOREACH(name, t->names)
                snapshot_emit_deleted(t, *name);
        volume_emit_object(t, t->volume.name, false);
        volume_emit(t, "storage-volume-deleted", NULL, NULL);
        return 0;
}

/* What is marked goes. When the worker fails, by being killed for example, once more at once: else the name would be taken by what nobody sees. */
static const task_step_t delete_undo_steps[] = { step_volume_remove, step_volume_forget, step_delete_signal, step_forget_failure, NULL };

const TaskKind volume_delete_kind = {
        .name = "delete storage volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_references_volume, step_delete_check,
                                         step_pool_mount, step_delete_mark, step_volume_remove, step_volume_forget,
                                         step_delete_signal, NULL },
        .undo = delete_undo_steps,
};

const TaskKind volume_delete_marked_kind = {
        .name = "delete storage volume",
        .steps = (const task_step_t[]) { step_volume_remove, step_volume_forget, step_delete_signal, NULL },
        .undo = delete_undo_steps,
};

/* A pool or volume that is not there has been removed: the instance must always be removable. */
static int step_instance_load(Task *t, sd_bus_error *error) {
        int r = task_find_volume(t);

        t->settled = r == -ENOENT;
        if (r < 0)
                return t->settled ? 0 : r;
        return task_refuse_held(t, &t->volume, "Cannot delete the instance's volume", error);
}

const TaskKind volume_delete_instance_kind = {
        .name = "delete volume of instance",
        .steps = (const task_step_t[]) { step_instance_load, step_pool_mount, step_delete_mark, step_volume_remove,
                                         step_volume_forget, step_delete_signal, NULL },
        .undo = delete_undo_steps,
};

/* ---- rename ---- */

static int step_rename_check(Task *t, sd_bus_error *error) {
        _cleanup_(volume_done) Volume existing = {};
        int r;

        r = db_volume_get(t->manager->db, t->pool.id, t->volume.type, t->volume.project, t->new_name, &existing);
        if (r >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Volume by that name already exists");
        if (r != -ENOENT)
                return r;
        return task_refuse_held(t, &t->volume, "Cannot rename storage volume", error);
}

int volume_refuse_mounted(Task *t, const Volume *v, sd_bus_error *error) {
        _cleanup_strv_free_ Strv holders = NULL;
        int r;

        r = db_holder_list(t->manager->db, v->id, &holders);
        if (r >= 0 && strv_length(holders) > 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Volume is still in use by running instances; stop them, or detach \"%s\" there first",
                                     v->name);
        return r;
}

static int step_rename_check_custom(Task *t, sd_bus_error *error) {
        return volume_refuse_mounted(t, &t->volume, error);
}

static int step_rename_record(Task *t, sd_bus_error *error) {
        int r;

        r = db_volume_set_rename(t->manager->db, t->volume.id, t->new_name);
        if (r < 0)
                return r;
        t->dirty = true;
        crash_point("volume-rename-recorded");
        return 0;
}

static int rename_worker(Task *t, const char *from, const char *to, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        const Volume *v = &t->volume;
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < 2; i++) {
                _cleanup_free_ char *a = NULL, *b = NULL;

                r = i == 0 ? layout_volume(v->type, v->project, from, &a) : layout_snapshots(v->type, v->project, from, &a);
                if (r >= 0)
                        r = i == 0 ? layout_volume(v->type, v->project, to, &b)
                                   : layout_snapshots(v->type, v->project, to, &b);
                if (r >= 0)
                        r = argument_add(&arguments, "from", a);
                if (r >= 0)
                        r = argument_add(&arguments, "to", b);
        }
        return r < 0 ? r : task_worker(t, "volume-rename", &t->pool, arguments, NULL, 0, error);
}

static int step_rename_run(Task *t, sd_bus_error *error) {
        return rename_worker(t, t->volume.name, t->new_name, error);
}

static void rename_links(const Task *t) {
        instance_link_refresh(t, t->volume.name);
        instance_link_refresh(t, t->new_name);
}

static int step_rename_commit(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *old_name = NULL;
        int r;

        rename_links(t);
        crash_point("volume-rename-before-commit");
        r = db_volume_finish_rename(t->manager->db, t->volume.id);
        if (r < 0)
                return r;
        volume_emit_object(t, t->volume.name, false);
        volume_emit_object(t, t->new_name, true);
        old_name = TAKE_PTR(t->volume.name);
        t->volume.name = TAKE_PTR(t->new_name);
        volume_emit(t, "storage-volume-renamed", "old_name", old_name);
        return 0;
}

static int step_rename_follow(Task *t, sd_bus_error *error) {
        return streq(t->volume.type, VOLUME_CUSTOM) ? task_move_references(t, t->pool.name, t->volume.name, t->pool.name, t->new_name, error) : 0;
}

static int step_rename_follow_back(Task *t, sd_bus_error *error) {
        return streq(t->volume.type, VOLUME_CUSTOM) ? task_move_references(t, t->pool.name, t->new_name, t->pool.name, t->volume.name, error) : 0;
}

static int step_rename_back(Task *t, sd_bus_error *error) {
        return rename_worker(t, t->new_name, t->volume.name, error);
}

static int step_rename_forget(Task *t, sd_bus_error *error) {
        rename_links(t);
        return db_volume_set_rename(t->manager->db, t->volume.id, NULL);
}

static const task_step_t rename_undo_steps[] = { step_rename_back, step_rename_follow_back, step_rename_forget, NULL };

const TaskKind volume_rename_kind = {
        .name = "rename storage volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_rename_check_custom, step_rename_check,
                                         step_pool_mount, step_rename_record, step_rename_run, step_rename_follow,
                                         step_rename_commit, NULL },
        .undo = rename_undo_steps,
};

const TaskKind volume_rename_instance_kind = {
        .name = "rename volume of instance",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_rename_check, step_pool_mount,
                                         step_rename_record, step_rename_run, step_rename_commit, NULL },
        .undo = rename_undo_steps,
};

/* ---- update ---- */

static int update_new_config(Task *t, Config *ret) {
        int r = 0;

        if (!(t->flags & UPDATE_CONFIG) || (t->flags & UPDATE_MERGE))
                r = config_copy(&t->volume.config, ret);
        if (r >= 0 && (t->flags & UPDATE_CONFIG))
                r = config_merge(ret, &t->config, true);
        return r;
}

/* Leaves the new state in t->config and t->description. */
static int step_update_check(Task *t, sd_bus_error *error) {
        _cleanup_(config_done) Config config = {};
        _cleanup_free_ char *etag = NULL;
        int r;

        r = document_volume_etag(&t->volume, &etag);
        if (r >= 0)
                r = document_check_etag(t->etag, etag, error);
        if (r >= 0)
                r = update_new_config(t, &config);
        if (r < 0)
                return r;
        r = driver_check_volume(t->volume.type, t->volume.name, &config, error);
        if (r < 0)
                return r;
        if (config_is_true(&config, "security.shifted") != config_is_true(&t->volume.config, "security.shifted") ||
            config_is_true(&config, "security.unmapped") != config_is_true(&t->volume.config, "security.unmapped")) {
                r = task_refuse_held(t, &t->volume, "Cannot modify shifting with running containers using the volume", error);
                if (r < 0)
                        return r;
        }
        config_done(&t->config);
        t->config = config;
        config = (Config) {};
        if (!(t->flags & UPDATE_DESCRIPTION))
                return str_replace(&t->description, t->volume.description);
        return 0;
}

static uint64_t update_quota(const Task *t) {
        return streq(t->volume.type, VOLUME_CUSTOM) ? driver_volume_quota(&t->config) : t->volume.quota;
}

static int quota_run(Task *t, uint64_t quota, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        if (quota == t->volume.quota)
                return 0;
        r = db_volume_set_state(t->manager->db, t->volume.id, ROW_CHANGING);
        if (r < 0)
                return r;
        t->dirty = true;
        crash_point("volume-update-marked");
        r = volume_path(t, t->volume.name, &path);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = argument_addf(&arguments, "quota", "%" PRIu64, quota);
        return r < 0 ? r : task_worker(t, "volume-quota", &t->pool, arguments, NULL, 0, error);
}

static int step_update_run(Task *t, sd_bus_error *error) {
        return quota_run(t, update_quota(t), error);
}

static int step_update_commit(Task *t, sd_bus_error *error) {
        int r;

        r = db_volume_update(t->manager->db, t->volume.id, t->description, &t->config, update_quota(t));
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage volume \"%s\"", t->volume.name);
        snapshot_duties_update(t->manager);
        volume_emit_changed(t, "Config", "Description");
        volume_emit(t, "storage-volume-updated", NULL, NULL);
        return 0;
}

/* ---- settle: the undo of changes in place, and their recovery ---- */

static int step_settle_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = volume_path(t, t->volume.name, &path);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "%" PRIi64, t->volume.id);
        if (r >= 0)
                r = argument_addf(&arguments, "quota", "%" PRIu64, t->volume.quota);
        return r < 0 ? r : task_worker(t, "volume-settle", &t->pool, arguments, NULL, 0, error);
}

static int step_settle_commit(Task *t, sd_bus_error *error) {
        DB_LAZY(t->manager->db); /* settling twice does no harm */

        return db_volume_set_state(t->manager->db, t->volume.id, ROW_CREATED);
}

const task_step_t volume_settle_steps[] = { step_pool_mount, step_settle_run, step_settle_commit, NULL };

const TaskKind volume_update_kind = {
        .name = "update storage volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_update_check, step_pool_mount,
                                         step_update_run, step_update_commit, NULL },
        .undo = volume_settle_steps,
};

static int step_instance_quota_run(Task *t, sd_bus_error *error) {
        return quota_run(t, driver_instance_quota(&t->pool, &t->config), error);
}

static int step_instance_quota_commit(Task *t, sd_bus_error *error) {
        return db_volume_update(t->manager->db, t->volume.id, t->volume.description, &t->volume.config,
                                driver_instance_quota(&t->pool, &t->config));
}

const TaskKind volume_update_instance_kind = {
        .name = "update volume of instance",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_pool_mount, step_instance_quota_run,
                                         step_instance_quota_commit, NULL },
        .undo = volume_settle_steps,
};

/* ---- restore ---- */

static int step_restore_check(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *name = TAKE_PTR(t->snapshot.name);
        int r;

        r = db_snapshot_get(t->manager->db, t->volume.id, name, &t->snapshot);
        if (r == -ENOENT || (r >= 0 && !row_is_visible(t->snapshot.state)))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage volume snapshot \"%s\" not found", name);
        if (r < 0)
                return r;
        return task_refuse_held(t, &t->volume, "Cannot restore storage volume", error);
}

/* For a moment the volume has another name: who finds it so after a power failure has to know. */
int volume_mark_restoring(Task *t) {
        int r = db_volume_set_state(t->manager->db, t->volume.id, ROW_CHANGING);

        if (r < 0)
                return r;
        t->dirty = true;
        return db_sync(t->manager->db);
}

static int step_restore_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL, *from = NULL;
        const Volume *v = &t->volume;
        int r;

        r = volume_mark_restoring(t);
        if (r < 0)
                return r;
        crash_point("volume-restore-marked");
        r = volume_path(t, v->name, &path);
        if (r >= 0)
                r = layout_snapshot(v->type, v->project, v->name, t->snapshot.name, &from);
        if (r >= 0)
                r = argument_add(&arguments, "from", from);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "%" PRIi64, v->id);
        if (r >= 0)
                r = argument_addf(&arguments, "quota", "%" PRIu64, v->quota);
        return r < 0 ? r : task_worker(t, "volume-restore", &t->pool, arguments, NULL, 0, error);
}

static int step_restore_commit(Task *t, sd_bus_error *error) {
        DB_LAZY(t->manager->db); /* a volume that is still marked is settled, which leaves the restored one as it is */
        int r;

        r = db_volume_set_state(t->manager->db, t->volume.id, ROW_CREATED);
        if (r >= 0)
                volume_emit(t, "storage-volume-restored", "snapshot", t->snapshot.name);
        return r;
}

static const task_step_t restore_steps[] = { step_pool_load, step_volume_load, step_restore_check, step_pool_mount,
                                             step_restore_run, step_restore_commit, NULL };

const TaskKind volume_restore_kind = { .name = "restore storage volume", .steps = restore_steps, .undo = volume_settle_steps };
const TaskKind volume_restore_instance_kind = { .name = "restore instance", .steps = restore_steps, .undo = volume_settle_steps };

/* ---- recovery ---- */

static int step_recover_load(Task *t, sd_bus_error *error) {
        int r;

        r = db_pool_get_by_id(t->manager->db, t->volume.pool_id, &t->pool);
        if (r < 0)
                return r;
        return t->volume.rename_to ? str_replace(&t->new_name, t->volume.rename_to) : 0;
}

static int step_recover_note(Task *t, sd_bus_error *error) {
        LogFields fields = { .pool = t->pool.name, .project = t->volume.project, .volume = t->volume.name,
                             .message_id = LXD_MSG_LEFTOVER_REMOVED };

        log_at(LOG_NOTICE, 0, &fields, "Cleaned up %s volume \"%s\" in storage pool \"%s\", whose job was cut off.",
               t->volume.type, t->volume.name, t->pool.name);
        return 0;
}

const TaskKind volume_recover_remove_kind = {
        .name = "clean up storage volume",
        .steps = (const task_step_t[]) { step_recover_load, step_pool_mount, step_volume_remove, step_volume_forget,
                                         step_recover_note, NULL },
};

const TaskKind volume_recover_rename_kind = {
        .name = "finish renaming storage volume",
        .steps = (const task_step_t[]) { step_recover_load, step_pool_mount, step_rename_run, step_rename_follow, step_rename_commit,
                                         step_recover_note, NULL },
};

const TaskKind volume_recover_settle_kind = {
        .name = "settle storage volume",
        .steps = (const task_step_t[]) { step_recover_load, step_pool_mount, step_settle_run, step_settle_commit,
                                         step_recover_note, NULL },
};
