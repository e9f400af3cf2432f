/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of storage volumes. */
#include "snapshot.h"

#include "base/clock.h"
#include "bus-error.h"
#include "document.h"
#include "instance-link.h"
#include "layout.h"
#include "life-event.h"
#include "log.h"
#include "pool.h"
#include "crash.h"
#include "snapshot-duties.h"
#include "snapshot-pattern.h"

int snapshot_check_name(const char *name, sd_bus_error *error) {
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "No name provided");
        if (strchr(name, '/'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Storage name cannot contain \"/\"");
        if (strpbrk(name, " \t\n\r\v\f"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Storage name cannot contain white space");
        if (!snapshot_name_is_valid(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid snapshot name \"%s\"", name);
        return 0;
}

int snapshot_name_from_pattern(const char *pattern, const SnapshotList *existing, char **ret) {
        _cleanup_strv_free_ Strv names = NULL;

        if (strchr(pattern, '/'))
                return -EINVAL;
        for (size_t i = 0; i < existing->n; i++) {
                int r = strv_extend(&names, existing->items[i].name);

                if (r < 0)
                        return r;
        }
        return snapshot_pattern_expand(pattern, now_realtime(), names, ret);
}

static void snapshot_emit(Task *t, const char *name, const char *action, const char *context_key, const char *context_value) {
        _cleanup_(config_done) Config context = {};
        _cleanup_free_ char *url = NULL;

        if (t->silent || layout_volume_url(t->pool.name, t->volume.type, t->volume.project, t->volume.name, name,
                                           &url) < 0)
                return;
        if (context_key && config_set(&context, context_key, context_value) < 0)
                return;
        (void) lifecycle_emit(daemon_operations(t->manager->daemon), action, url, &context, &t->who,
                              &(const LogFields) { .project = t->volume.project, .pool = t->pool.name, .volume = t->volume.name,
                                                   .operation = operation_id(t->operation) });
}

static void snapshot_emit_object(Task *t, const char *name, bool added) {
        BusServer *server = daemon_server(t->manager->daemon);
        _cleanup_free_ char *path = NULL;

        if (bus_path_encode(&path, PATH_SNAPSHOT, t->pool.name, t->volume.type, t->volume.project, t->volume.name, name,
                            NULL) < 0)
                return;
        (void) (added ? bus_server_emit_object_added(server, path) : bus_server_emit_object_removed(server, path));
}

void snapshot_emit_deleted(Task *t, const char *name) {
        snapshot_emit_object(t, name, false);
        snapshot_emit(t, name, "storage-volume-snapshot-deleted", NULL, NULL);
}

static int snapshot_path(const Task *t, const char *name, char **ret) {
        return layout_snapshot(t->volume.type, t->volume.project, t->volume.name, name, ret);
}

/* ---- create ---- */

static int choose_name(Task *t, sd_bus_error *error) {
        const char *pattern = config_get_or(&t->volume.config, "snapshots.pattern", "snap%d");
        _cleanup_(snapshot_list_done) SnapshotList existing = {};
        int r;

        r = db_snapshot_list(t->manager->db, t->volume.id, &existing);
        if (r < 0)
                return r;
        free(TAKE_PTR(t->snapshot.name));
        r = snapshot_name_from_pattern(pattern, &existing, &t->snapshot.name);
        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The snapshots.pattern \"%s\" of volume \"%s\" gives no name; please name the snapshot",
                                     pattern, t->volume.name);
        return r < 0 ? r : snapshot_check_name(t->snapshot.name, error);
}

static int step_create_check(Task *t, sd_bus_error *error) {
        const char *expiry = config_get(&t->volume.config, "snapshots.expiry");
        _cleanup_(snapshot_done) Snapshot existing = {};
        Snapshot *s = &t->snapshot;
        int r;

        r = isempty(s->name) ? choose_name(t, error) : snapshot_check_name(s->name, error);
        if (r < 0)
                return r;
        r = db_snapshot_get(t->manager->db, t->volume.id, s->name, &existing);
        if (r >= 0 && !row_is_visible(existing.state)) {
                /* As in step_volume_create_check(). */
                (void) manager_recover_snapshot(t->manager, &existing);
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE,
                                     "An earlier job on snapshot \"%s\" was cut off and is being cleaned up; please try again",
                                     s->name);
        }
        if (r >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Snapshot \"%s\" already in use", s->name);
        if (r != -ENOENT)
                return r;
        s->volume_id = t->volume.id;
        s->created_at = now_realtime();
        s->expires_at = t->expires;
        if (s->expires_at == 0 && !isempty(expiry))
                (void) parse_expiry(expiry, s->created_at, &s->expires_at);
        r = str_replace(&s->description, t->volume.description);
        return r < 0 ? r : config_copy(&t->volume.config, &s->config);
}

static int step_create_target_free(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *pool = NULL, *snapshot = NULL, *path = NULL;
        int r;

        r = layout_pool(t->manager->state_dir, t->pool.name, &pool);
        if (r >= 0)
                r = snapshot_path(t, t->snapshot.name, &snapshot);
        if (r >= 0)
                r = str_format(&path, "%s/%s", pool, snapshot);
        if (r < 0)
                return r;
        if (access(path, F_OK) >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS,
                                     "\"%s\" is there already, but belongs to no snapshot that is known; move it away first",
                                     path);
        return 0;
}

static int step_create_record(Task *t, sd_bus_error *error) {
        int r;

        t->snapshot.state = ROW_PENDING;
        r = db_snapshot_insert(t->manager->db, &t->snapshot, &t->snapshot.id);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record snapshot \"%s\"", t->snapshot.name);
        t->dirty = true;
        crash_point("snapshot-create-recorded");
        return 0;
}

static int step_create_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r;

        r = layout_volume(t->volume.type, t->volume.project, t->volume.name, &from);
        if (r >= 0)
                r = snapshot_path(t, t->snapshot.name, &to);
        if (r >= 0)
                r = argument_add(&arguments, "readonly", "true");
        if (r >= 0)
                r = argument_add(&arguments, "from", from);
        if (r >= 0)
                r = argument_add(&arguments, "to", to);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "s%" PRIi64, t->snapshot.id);
        return r < 0 ? r : task_worker(t, "volume-copy", &t->pool, arguments, NULL, 0, error);
}

static int step_create_commit(Task *t, sd_bus_error *error) {
        int r;

        instance_link_refresh(t, t->volume.name);
        crash_point("snapshot-create-before-commit");
        r = db_snapshot_set_state(t->manager->db, t->snapshot.id, ROW_CREATED);
        if (r < 0)
                return r;
        snapshot_duties_update(t->manager);
        snapshot_emit_object(t, t->snapshot.name, true);
        snapshot_emit(t, t->snapshot.name, "storage-volume-snapshot-created", "type", t->volume.type);
        return 0;
}

/* ---- remove ---- */

static int step_remove_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL, *dir = NULL;
        int r;

        r = snapshot_path(t, t->snapshot.name, &path);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "s%" PRIi64, t->snapshot.id);
        if (r >= 0)
                r = layout_snapshots(t->volume.type, t->volume.project, t->volume.name, &dir);
        if (r >= 0)
                r = argument_add(&arguments, "remove-dir", dir);
        return r < 0 ? r : task_worker(t, "volume-delete", &t->pool, arguments, NULL, 0, error);
}

static int step_remove_row(Task *t, sd_bus_error *error) {
        int r;

        instance_link_refresh(t, t->volume.name);
        r = db_snapshot_delete(t->manager->db, t->snapshot.id);
        return r == -ENOENT ? 0 : r;
}

static const task_step_t create_steps[] = { step_pool_load, step_volume_load, step_create_check, step_pool_mount,
                                            step_create_target_free, step_create_record, step_create_run,
                                            step_create_commit, NULL };
static const task_step_t create_undo_steps[] = { step_remove_run, step_remove_row, NULL };

const TaskKind snapshot_create_kind = {
        .name = "create storage volume snapshot",
        .steps = create_steps,
        .undo = create_undo_steps,
};
const TaskKind snapshot_create_instance_kind = {
        .name = "create snapshot of instance",
        .steps = create_steps,
        .undo = create_undo_steps,
};

static int step_snapshot_load(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *name = TAKE_PTR(t->snapshot.name);
        int r;

        r = db_snapshot_get(t->manager->db, t->volume.id, name, &t->snapshot);
        if (r == -ENOENT || (r >= 0 && !row_is_visible(t->snapshot.state)))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage volume snapshot \"%s\" not found", name);
        return r;
}

static int step_delete_mark(Task *t, sd_bus_error *error) {
        int r;

        r = db_snapshot_set_state(t->manager->db, t->snapshot.id, ROW_DELETING);
        t->dirty = r >= 0;
        crash_point("snapshot-delete-marked");
        return r;
}

static int step_delete_signal(Task *t, sd_bus_error *error) {
        snapshot_duties_update(t->manager);
        snapshot_emit_deleted(t, t->snapshot.name);
        return 0;
}

/* What is marked goes. When the worker fails, by being killed for example, once more at once: else the name would be taken by what nobody sees. */
static const task_step_t delete_undo_steps[] = { step_remove_run, step_remove_row, step_delete_signal, step_forget_failure, NULL };

const TaskKind snapshot_delete_kind = {
        .name = "delete storage volume snapshot",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_snapshot_load, step_pool_mount,
                                         step_delete_mark, step_remove_run, step_remove_row, step_delete_signal, NULL },
        .undo = delete_undo_steps,
};

/* Anything that is missing has been removed before; a row in any state is removed. */
static int step_instance_load(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *name = TAKE_PTR(t->snapshot.name);
        int r;

        r = task_find_volume(t);
        if (r >= 0)
                r = db_snapshot_get(t->manager->db, t->volume.id, name, &t->snapshot);
        t->settled = r == -ENOENT;
        return t->settled ? 0 : r;
}

const TaskKind snapshot_delete_instance_kind = {
        .name = "delete snapshot of instance",
        .steps = (const task_step_t[]) { step_instance_load, step_pool_mount, step_delete_mark, step_remove_run,
                                         step_remove_row, step_delete_signal, NULL },
        .undo = delete_undo_steps,
};

/* ---- rename ---- */

static int step_rename_check(Task *t, sd_bus_error *error) {
        _cleanup_(snapshot_done) Snapshot existing = {};
        int r;

        r = snapshot_check_name(t->new_name, error);
        if (r < 0)
                return r;
        r = db_snapshot_get(t->manager->db, t->volume.id, t->new_name, &existing);
        if (r >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Snapshot \"%s\" already in use", t->new_name);
        return r == -ENOENT ? 0 : r;
}

static int step_rename_record(Task *t, sd_bus_error *error) {
        int r;

        r = db_snapshot_set_rename(t->manager->db, t->snapshot.id, t->new_name);
        if (r < 0)
                return r;
        t->dirty = true;
        crash_point("snapshot-rename-recorded");
        return 0;
}

static int rename_worker(Task *t, const char *from, const char *to, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *a = NULL, *b = NULL;
        int r;

        r = snapshot_path(t, from, &a);
        if (r >= 0)
                r = snapshot_path(t, to, &b);
        if (r >= 0)
                r = argument_add(&arguments, "from", a);
        if (r >= 0)
                r = argument_add(&arguments, "to", b);
        return r < 0 ? r : task_worker(t, "volume-rename", &t->pool, arguments, NULL, 0, error);
}

static int step_rename_run(Task *t, sd_bus_error *error) {
        return rename_worker(t, t->snapshot.name, t->new_name, error);
}

static int step_rename_commit(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *old_name = NULL;
        int r;

        r = db_snapshot_finish_rename(t->manager->db, t->snapshot.id);
        if (r < 0)
                return r;
        snapshot_emit_object(t, t->snapshot.name, false);
        snapshot_emit_object(t, t->new_name, true);
        old_name = TAKE_PTR(t->snapshot.name);
        t->snapshot.name = TAKE_PTR(t->new_name);
        snapshot_emit(t, t->snapshot.name, "storage-volume-snapshot-renamed", "old_name", old_name);
        return 0;
}

static int step_rename_back(Task *t, sd_bus_error *error) {
        return rename_worker(t, t->new_name, t->snapshot.name, error);
}

static int step_rename_forget(Task *t, sd_bus_error *error) {
        return db_snapshot_set_rename(t->manager->db, t->snapshot.id, NULL);
}

static const task_step_t rename_steps[] = { step_pool_load, step_volume_load, step_snapshot_load, step_rename_check,
                                            step_pool_mount, step_rename_record, step_rename_run, step_rename_commit,
                                            NULL };
static const task_step_t rename_undo_steps[] = { step_rename_back, step_rename_forget, NULL };

const TaskKind snapshot_rename_kind = {
        .name = "rename storage volume snapshot",
        .steps = rename_steps,
        .undo = rename_undo_steps,
};
const TaskKind snapshot_rename_instance_kind = {
        .name = "rename snapshot of instance",
        .steps = rename_steps,
        .undo = rename_undo_steps,
};

/* ---- update ---- */

static int step_update(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *etag = NULL;
        int r;

        r = document_snapshot_etag(&t->snapshot, &etag);
        if (r >= 0)
                r = document_check_etag(t->etag, etag, error);
        if (r >= 0)
                r = db_snapshot_update(t->manager->db, t->snapshot.id,
                                       t->flags & UPDATE_DESCRIPTION ? t->description : t->snapshot.description,
                                       t->flags & UPDATE_EXPIRY ? t->expires : t->snapshot.expires_at);
        if (r < 0)
                return r;
        snapshot_duties_update(t->manager);
        snapshot_emit(t, t->snapshot.name, "storage-volume-snapshot-updated", NULL, NULL);
        return 0;
}

const TaskKind snapshot_update_kind = {
        .name = "update storage volume snapshot",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_snapshot_load, step_update, NULL },
};

/* ---- documents ---- */

static int step_describe(Task *t, sd_bus_error *error) {
        JsonWriter w = {};

        json_document_begin(&w);
        document_snapshot(&w, NULL, &t->volume, &t->snapshot, false);
        t->document = json_document_finish(&w);
        return t->document < 0 ? t->document : document_snapshot_etag(&t->snapshot, &t->etag);
}

const TaskKind snapshot_describe_kind = {
        .name = "describe storage volume snapshot",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_snapshot_load, step_describe, NULL },
        .reply = task_reply_document_etag,
};

static int write_snapshots(Task *t, JsonWriter *w, sd_bus_error *error) {
        _cleanup_(snapshot_list_done) SnapshotList snapshots = {};
        int r;

        r = db_snapshot_list(t->manager->db, t->volume.id, &snapshots);
        for (size_t i = 0; r >= 0 && i < snapshots.n; i++) {
                const Snapshot *s = &snapshots.items[i];
                _cleanup_free_ char *url = NULL;

                if (!row_is_visible(s->state))
                        continue;
                if (t->recursion > 0)
                        document_snapshot(w, NULL, &t->volume, s, true);
                else {
                        r = layout_volume_url(t->pool.name, t->volume.type, t->volume.project, t->volume.name, s->name, &url);
                        json_string(w, NULL, url);
                }
        }
        return r;
}

static int step_list(Task *t, sd_bus_error *error) {
        return task_list(t, write_snapshots, error);
}

const TaskKind snapshot_list_kind = {
        .name = "list storage volume snapshots",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_list, NULL },
        .reply = task_reply_document,
};

/* ---- recovery ---- */

static int step_recover_load(Task *t, sd_bus_error *error) {
        int r;

        r = db_volume_get_by_id(t->manager->db, t->snapshot.volume_id, &t->volume);
        if (r >= 0)
                r = db_pool_get_by_id(t->manager->db, t->volume.pool_id, &t->pool);
        if (r < 0)
                return r;
        return t->snapshot.rename_to ? str_replace(&t->new_name, t->snapshot.rename_to) : 0;
}

static int step_recover_note(Task *t, sd_bus_error *error) {
        LogFields fields = { .pool = t->pool.name, .project = t->volume.project, .volume = t->volume.name,
                             .message_id = LXD_MSG_LEFTOVER_REMOVED };

        log_at(LOG_NOTICE, 0, &fields, "Cleaned up snapshot \"%s\" of volume \"%s\", whose job was cut off.",
               t->snapshot.name, t->volume.name);
        return 0;
}

const TaskKind snapshot_recover_remove_kind = {
        .name = "clean up storage volume snapshot",
        .steps = (const task_step_t[]) { step_recover_load, step_pool_mount, step_remove_run, step_remove_row,
                                         step_recover_note, NULL },
};

const TaskKind snapshot_recover_rename_kind = {
        .name = "finish renaming storage volume snapshot",
        .steps = (const task_step_t[]) { step_recover_load, step_pool_mount, step_rename_run, step_rename_commit,
                                         step_recover_note, NULL },
};
