/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of lxd-storaged. Unless told otherwise functions return 0, -ENOENT (no such row), -EEXIST (the name is taken), -errno;
 * records given out are filled on success only and freed by the caller. */
#pragma once

#include "db.h"
#include "model.h"

/* Opens the file (or ":memory:") and forgets holders of an earlier boot. */
int storage_db_open(const char *path, Db **ret);

/* Pools. */
int db_pool_get(Db *db, const char *name, Pool *ret); /* in any state */
int db_pool_get_by_id(Db *db, int64_t id, Pool *ret);
int db_pool_list(Db *db, PoolList *ret); /* in any state, by name */
int db_pool_insert(Db *db, const Pool *p, int64_t *ret_id); /* with its config */
int db_pool_update(Db *db, int64_t id, const char *description, const Config *config);
int db_pool_set_state(Db *db, int64_t id, RowState state);
int db_pool_set_created(Db *db, int64_t id, const Config *config); /* config as the worker completed it */
int db_pool_delete(Db *db, int64_t id); /* -EBUSY: has volumes */

/* Volumes. */
int db_volume_get(Db *db, int64_t pool_id, const char *type, const char *project, const char *name, Volume *ret);
int db_volume_get_by_id(Db *db, int64_t id, Volume *ret);
/* type and project may be NULL (all). With their config; sorted by type, name. */
int db_volume_list(Db *db, int64_t pool_id, const char *type, const char *project, VolumeList *ret);
int db_volume_list_unfinished(Db *db, VolumeList *ret);
/* The images' volumes of one fingerprint in all pools. */
int db_volume_list_image(Db *db, const char *fingerprint, VolumeList *ret);
int db_volume_insert(Db *db, const Volume *v, int64_t *ret_id); /* with its config */
int db_volume_update(Db *db, int64_t id, const char *description, const Config *config, uint64_t quota);
int db_volume_set_state(Db *db, int64_t id, RowState state); /* created: waits for the disk; the other states are lazy, like removal */
int db_volume_set_quota(Db *db, int64_t id, uint64_t quota);
int db_volume_set_rename(Db *db, int64_t id, const char *rename_to); /* state changing; NULL: back to created */
int db_volume_finish_rename(Db *db, int64_t id);                    /* name = rename_to, created */
int db_volume_finish_move(Db *db, int64_t from, int64_t to);        /* at once: from is deleting, to created */
int db_volume_delete(Db *db, int64_t id);                           /* with snapshots and holders */
/* How many volumes of a pool are no images. */
int db_volume_count_used(Db *db, int64_t pool_id, uint64_t *ret);

/* Snapshots. */
int db_snapshot_get(Db *db, int64_t volume_id, const char *name, Snapshot *ret);
/* 1: a custom volume has a schedule, or a snapshot of one expires some day; 0. */
int db_has_snapshot_duties(Db *db);
int db_snapshot_get_by_id(Db *db, int64_t id, Snapshot *ret);
int db_snapshot_list(Db *db, int64_t volume_id, SnapshotList *ret); /* oldest first */
int db_snapshot_list_unfinished(Db *db, SnapshotList *ret);
int db_snapshot_insert(Db *db, const Snapshot *s, int64_t *ret_id);
int db_snapshot_update(Db *db, int64_t id, const char *description, uint64_t expires_at);
int db_snapshot_set_state(Db *db, int64_t id, RowState state);
int db_snapshot_set_rename(Db *db, int64_t id, const char *rename_to);
int db_snapshot_finish_rename(Db *db, int64_t id);
int db_snapshot_delete(Db *db, int64_t id);

/* Holders: who has a volume mounted, until the host reboots. */
int db_holder_add(Db *db, int64_t volume_id, const char *holder); /* again = 0 */
int db_holder_remove(Db *db, int64_t volume_id, const char *holder); /* missing = 0 */
int db_holder_remove_all(Db *db, const char *holder);                 /* of all volumes; none = 0 */
int db_holder_list(Db *db, int64_t volume_id, Strv *ret);
