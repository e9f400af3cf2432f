/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of lxd-instanced. One function per statement or transaction; negative errno, -EEXIST for a taken name, -EBUSY when in use. */
#pragma once

#include "db.h"
#include "instance.h"

typedef enum DbOwner {
        DB_PROFILE,
        DB_INSTANCE,
        DB_SNAPSHOT,
        _DB_OWNER_MAX,
} DbOwner;

/* The state column. Unknown text counts as pending. */
extern const char *const row_names[_ROW_STATE_MAX];
RowState row_from_name(const char *name);

/* Reads all into the manager's tables. */
int db_load(Manager *m);
/* Its parts: the rows without keys and devices. *ret: all snapshots sorted by id, an array that the caller frees. */
int db_load_profiles(Manager *m);
int db_load_instances(Manager *m);
int db_load_snapshots(Manager *m, Snapshot ***ret, size_t *ret_n);

/* Inside of a transaction of the caller: replaces all rows. */
int db_config_replace(Db *db, DbOwner owner, uint64_t id, const Config *c);
int db_devices_replace(Db *db, DbOwner owner, uint64_t id, const Devices *d);
/* One key; value NULL removes. Needs no transaction. */
int db_config_set(Db *db, DbOwner owner, uint64_t id, const char *key, const char *value);

/* Each is one transaction. */
int db_profile_insert(Db *db, Profile *p); /* sets p->id */
int db_profile_update(Db *db, const Profile *p);
int db_profile_rename(Db *db, uint64_t id, const char *name);
int db_profile_delete(Db *db, uint64_t id);

int db_instance_insert(Db *db, Instance *i); /* sets i->id; state is i->row */
/* settings and profiles of the row. */
int db_instance_update(Db *db, uint64_t id, const Settings *s, Profile *const *profiles, size_t n_profiles);
int db_instance_set_pool(Db *db, uint64_t id, const char *pool);
int db_instance_set_row(Db *db, uint64_t id, RowState row);
int db_instance_set_intent(Db *db, uint64_t id, const char *intent); /* NULL = none */
int db_instance_set_used(Db *db, uint64_t id, uint64_t last_used_at);
/* Sets the name and forgets the intent. */
int db_instance_rename(Db *db, uint64_t id, const char *name);
/* Name, pool, intent and settings of a move; snapshots: the settings of each of i. */
int db_instance_move(Db *db, const Instance *i, const char *name, const char *pool, const char *intent, const Settings *s, const Settings *snapshots);
/* Settings of a restore, and forgets the intent. */
int db_instance_restore(Db *db, uint64_t id, const Settings *s);
int db_instance_delete(Db *db, uint64_t id);

int db_snapshot_insert(Db *db, Snapshot *s); /* sets s->id */
int db_snapshot_set_row(Db *db, uint64_t id, RowState row);
int db_snapshot_set_intent(Db *db, uint64_t id, const char *intent);
int db_snapshot_set_expiry(Db *db, uint64_t id, uint64_t expires_at);
int db_snapshot_rename(Db *db, uint64_t id, const char *name);
int db_snapshot_delete(Db *db, uint64_t id);
