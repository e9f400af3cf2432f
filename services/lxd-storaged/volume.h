/* SPDX-License-Identifier: Apache-2.0 */
/* Storage volumes: making, changing, removing, restoring. */
#pragma once

#include "task.h"

/* Kinds of tasks; all need pool_name, volume.type, project and name, the pool shared and the volume exclusively locked. */
extern const TaskKind volume_create_kind;  /* volume.content_type, description, config */
extern const TaskKind volume_create_instance_kind; /* the same for an instance: quota from config's size, no signals */
extern const TaskKind volume_delete_kind;
extern const TaskKind volume_delete_instance_kind; /* missing = success */
extern const TaskKind volume_delete_marked_kind; /* the rest of it: volume and pool are loaded, the row is marked, the pool is mounted */
extern const TaskKind volume_rename_kind;  /* new_name; it locked too */
extern const TaskKind volume_rename_instance_kind;
extern const TaskKind volume_update_kind;  /* description, config, flags, etag */
extern const TaskKind volume_update_instance_kind; /* config: size */
extern const TaskKind volume_restore_kind; /* snapshot.name */
extern const TaskKind volume_restore_instance_kind;

/* What an ended process left of volume.id (with pool.id): removed, renamed or settled. */
extern const TaskKind volume_recover_remove_kind;
extern const TaskKind volume_recover_rename_kind;
extern const TaskKind volume_recover_settle_kind;

/* A task on a volume, with its lock and that of the pool. 0, -ENOMEM. */
int volume_task_new(Manager *m, const TaskKind *kind, const char *pool, const char *type, const char *project,
                    const char *name, Task **ret);
/* Checks the name of a new custom volume, with LXD's texts. 0, -EINVAL. */
int volume_check_name(const char *name, sd_bus_error *error);
/* An operation of LXD ends in success or failure; what can be known at once is answered at once, and the task looks again. LXD's words.
 * The volume of the object that is called (labels: pool, type, project, name). 0, negative errno with error set. */
int volume_of_object(Manager *m, Volume *ret, sd_bus_error *error);
/* No volume that is there has this name. 0, -EEXIST. */
int volume_check_free(Manager *m, const Pool *pool, const char *type, const char *project, const char *name, sd_bus_error *error);
/* context: key and value, or NULL. Emits a lifecycle event of t->volume unless the task is silent. */
void volume_emit(Task *t, const char *action, const char *context_key, const char *context_value);
/* Says that properties of t->volume changed: property, and another or NULL. */
void volume_emit_changed(Task *t, const char *property, const char *other);
/* Says that the object of a volume of that name came or went. */
void volume_emit_object(Task *t, const char *name, bool added);

/* To be called before a job that puts something else in the place of the volume. 0, -errno. */
int volume_mark_restoring(Task *t);
/* A volume gets another name or pool, and the devices that name it follow; what a running instance has mounted cannot. LXD's words. 0,
 * negative errno with error set. */
int volume_refuse_mounted(Task *t, const Volume *v, sd_bus_error *error);

/* Steps that other files build on. */
int step_volume_create_check(Task *t, sd_bus_error *error);  /* the name is free; completes volume.config and quota */
int step_volume_target_free(Task *t, sd_bus_error *error);   /* nothing of that name lies in the pool */
int step_volume_record(Task *t, sd_bus_error *error);        /* inserts the pending row */
int step_volume_commit(Task *t, sd_bus_error *error);        /* created; signals */
int step_volume_remove(Task *t, sd_bus_error *error);        /* volume and snapshots leave the pool, which is mounted; names: those snapshots */
int step_volume_forget(Task *t, sd_bus_error *error);        /* so does the row */
extern const task_step_t volume_remove_steps[];              /* undo of everything that begins with step_volume_record */
extern const task_step_t volume_settle_steps[];              /* undo of changes in place */
