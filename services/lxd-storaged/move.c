/* SPDX-License-Identifier: Apache-2.0 */
/* Moves between pools: a copy, the devices that name the volume follow, then the source is marked to go in the same transaction that makes
 * the copy a volume. Until then the source's row says "pool/name" in rename_to, so that the devices find back after a crash. */
#include "move.h"

#include "bus-error.h"
#include "copy.h"
#include "crash.h"
#include "log.h"
#include "snapshot-duties.h"

int move_target(const Volume *v, char **ret_pool, char **ret_name) {
        const char *slash = v->rename_to ? strchr(v->rename_to, '/') : NULL;
        _cleanup_free_ char *pool = NULL, *name = NULL;

        if (!slash)
                return 0;
        pool = strndup(v->rename_to, (size_t) (slash - v->rename_to));
        name = strdup(slash + 1);
        if (!pool || !name)
                return -ENOMEM;
        *ret_pool = TAKE_PTR(pool);
        *ret_name = TAKE_PTR(name);
        return 1;
}

static int step_move_check(Task *t, sd_bus_error *error) {
        return volume_refuse_mounted(t, &t->source, error);
}

static int step_move_mark(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *target = NULL;
        int r;

        r = str_format(&target, "%s/%s", t->pool.name, t->volume.name);
        if (r >= 0)
                r = db_volume_set_rename(t->manager->db, t->source.id, target);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record that storage volume \"%s\" moves", t->source.name);
        crash_point("volume-move-recorded");
        return 0;
}

static int step_move_follow(Task *t, sd_bus_error *error) {
        return task_move_references(t, t->source_pool.name, t->source.name, t->pool.name, t->volume.name, error);
}

/* From here on the task is the deletion of the source. */
static int step_move_commit(Task *t, sd_bus_error *error) {
        Volume moved;
        Pool pool;
        int r;

        crash_point("volume-move-before-commit");
        r = db_volume_finish_move(t->manager->db, t->source.id, t->volume.id);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage volume \"%s\"", t->volume.name);
        crash_point("volume-moved");
        snapshot_duties_update(t->manager);
        volume_emit_object(t, t->volume.name, true);
        volume_emit(t, "storage-volume-created", "type", t->volume.type);

        moved = t->volume;
        t->volume = t->source;
        t->source = moved;
        pool = t->pool;
        t->pool = t->source_pool;
        t->source_pool = pool;
        t->kind = &volume_delete_marked_kind;
        task_restart(t);
        return 0;
}

static int step_move_back(Task *t, sd_bus_error *error) {
        return task_move_references(t, t->pool.name, t->volume.name, t->source_pool.name, t->source.name, error);
}

static int step_move_forget(Task *t, sd_bus_error *error) {
        return db_volume_set_rename(t->manager->db, t->source.id, NULL);
}

const TaskKind volume_move_kind = {
        .name = "move storage volume",
        .steps = (const task_step_t[]) { step_pool_load, step_source_pool_load, step_source_load, step_move_check, step_source_config,
                                         step_volume_create_check, step_pool_mount, step_source_pool_mount, step_volume_target_free,
                                         step_volume_record, step_move_mark, step_record_snapshots, step_copy_run, step_move_follow,
                                         step_move_commit, NULL },
        .undo = (const task_step_t[]) { step_move_back, step_move_forget, step_pool_mount, step_volume_remove, step_volume_forget, NULL },
};

/* ---- recovery: the copy, which is pending, goes as every half-made volume does ---- */

static int step_recover_back(Task *t, sd_bus_error *error) {
        _cleanup_free_ char *pool = NULL, *name = NULL;
        int r;

        r = db_pool_get_by_id(t->manager->db, t->volume.pool_id, &t->pool);
        if (r >= 0)
                r = move_target(&t->volume, &pool, &name);
        if (r < 0)
                return r;
        return task_move_references(t, pool, name, t->pool.name, t->volume.name, error);
}

static int step_recover_forget(Task *t, sd_bus_error *error) {
        LogFields fields = { .pool = t->pool.name, .project = t->volume.project, .volume = t->volume.name,
                             .message_id = LXD_MSG_LEFTOVER_REMOVED };
        int r;

        r = db_volume_set_rename(t->manager->db, t->volume.id, NULL);
        if (r >= 0)
                log_at(LOG_NOTICE, 0, &fields, "Volume \"%s\" stays in storage pool \"%s\": its move was cut off.", t->volume.name, t->pool.name);
        return r;
}

const TaskKind volume_recover_move_kind = {
        .name = "take back the move of a storage volume",
        .steps = (const task_step_t[]) { step_recover_back, step_recover_forget, NULL },
};
