/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of storage volumes. */
#pragma once

#include "volume.h"

/* Kinds of tasks on a volume (see volume.h) with snapshot.name set. */
extern const TaskKind snapshot_create_kind; /* snapshot.name "" = made up; expires */
extern const TaskKind snapshot_create_instance_kind;
extern const TaskKind snapshot_delete_kind;
extern const TaskKind snapshot_delete_instance_kind; /* missing = success */
extern const TaskKind snapshot_rename_kind;          /* new_name */
extern const TaskKind snapshot_rename_instance_kind;
extern const TaskKind snapshot_update_kind; /* description, expires, flags, etag */
extern const TaskKind snapshot_describe_kind;
extern const TaskKind snapshot_list_kind; /* recursion */

/* What an ended process left of snapshot.id. */
extern const TaskKind snapshot_recover_remove_kind;
extern const TaskKind snapshot_recover_rename_kind;

/* Says that a snapshot of t->volume is gone, by itself or with its volume. */
void snapshot_emit_deleted(Task *t, const char *name);
/* Checks the name of a new snapshot, with LXD's texts. 0, -EINVAL. */
int snapshot_check_name(const char *name, sd_bus_error *error);
/* The name that a pattern gives (snapshot-pattern.h). 0, -EINVAL, -ENOMEM. */
int snapshot_name_from_pattern(const char *pattern, const SnapshotList *existing, char **ret);
