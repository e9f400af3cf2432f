/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of lxd-storaged. */
#include "database.h"

#include "base/file.h"
#include "log.h"

DB_SCHEMA(storaged_schema, "db-schema.sql");

static int boot_id_read(char **ret) {
        int r;

        r = file_read("/proc/sys/kernel/random/boot_id", 64, ret, NULL);
        if (r < 0)
                return r;
        (*ret)[strcspn(*ret, "\n")] = '\0';
        return 0;
}

int storage_db_open(const char *path, Db **ret) {
        _cleanup_(db_closep) Db *db = NULL;
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = db_open(path, storaged_schema, &db);
        if (r < 0)
                return r;
        r = boot_id_read(&boot_id);
        if (r >= 0)
                r = db_exec(db, "DELETE FROM holders WHERE boot_id != ?1", "s", boot_id);
        if (r < 0 && r != -ENOENT)
                return r;
        *ret = TAKE_PTR(db);
        return 0;
}

static int config_load(Db *db, const char *sql, int64_t id, Config *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, sql, &s, "i", id);
        return r < 0 ? r : db_read_config(s, ret);
}

/* Replaces the config of a row; inside a transaction of the caller. */
static int config_store(Db *db, const char *delete_sql, const char *insert_sql, int64_t id, const Config *c) {
        int r;

        r = db_exec(db, delete_sql, "i", id);
        if (r < 0 && r != -ENOENT)
                return r;
        CONFIG_FOREACH(i, c) {
                r = db_exec(db, insert_sql, "iss", id, i->key, i->value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* NULL in the table is NULL here, too. */
static int rename_to_read(sqlite3_stmt *s, int column, char **ret) {
        return sqlite3_column_type(s, column) == SQLITE_NULL ? 0 : str_replace(ret, db_text(s, column));
}

/* ---- pools ---- */

#define POOL_COLUMNS "id, name, driver, description, uuid, state"

static int pool_config_store(Db *db, int64_t id, const Config *c) {
        return config_store(db, "DELETE FROM pool_config WHERE pool_id = ?1",
                            "INSERT INTO pool_config (pool_id, key, value) VALUES (?1, ?2, ?3)", id, c);
}

static int pool_read(Db *db, sqlite3_stmt *s, Pool *ret) {
        _cleanup_(pool_done) Pool p = { .id = db_int(s, 0), .state = db_int(s, 5) };
        int r;

        r = DB_TEXTS(s, 1, &p.name, &p.driver, &p.description, &p.uuid);
        if (r >= 0)
                r = config_load(db, "SELECT key, value FROM pool_config WHERE pool_id = ?1", p.id, &p.config);
        if (r < 0)
                return r;
        *ret = p;
        p = (Pool) {};
        return 0;
}

int db_pool_get(Db *db, const char *name, Pool *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db, "SELECT " POOL_COLUMNS " FROM pools WHERE name = ?1", &s, "s", name);
        return r < 0 ? r : pool_read(db, s, ret);
}

int db_pool_get_by_id(Db *db, int64_t id, Pool *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db, "SELECT " POOL_COLUMNS " FROM pools WHERE id = ?1", &s, "i", id);
        return r < 0 ? r : pool_read(db, s, ret);
}

int db_pool_list(Db *db, PoolList *ret) {
        _cleanup_(pool_list_done) PoolList l = {};
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db, "SELECT " POOL_COLUMNS " FROM pools ORDER BY name", &s);
        if (r < 0)
                return r;
        while ((r = db_next(s)) > 0) {
                if (!ARRAY_GROW(l.items, l.n))
                        return -ENOMEM;
                r = pool_read(db, s, &l.items[l.n]);
                if (r < 0)
                        return r;
                l.n++;
        }
        if (r < 0)
                return r;
        *ret = l;
        l = (PoolList) {};
        return 0;
}

int db_pool_insert(Db *db, const Pool *p, int64_t *ret_id) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int64_t id;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db, "INSERT INTO pools (name, driver, description, uuid, state) VALUES (?1, ?2, ?3, ?4, ?5)",
                            "ssssi", p->name, p->driver, strempty(p->description), p->uuid, (int64_t) p->state);
        if (r < 0)
                return r;
        id = db_last_id(db);
        r = pool_config_store(db, id, &p->config);
        if (r >= 0)
                r = db_commit(db);
        if (r >= 0)
                *ret_id = id;
        return r;
}

static int pool_set(Db *db, int64_t id, const char *description, const Config *config) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = description ? db_exec(db, "UPDATE pools SET description = ?2 WHERE id = ?1", "is", id, description)
                                : db_exec(db, "UPDATE pools SET state = 1 WHERE id = ?1", "i", id);
        if (r >= 0)
                r = pool_config_store(db, id, config);
        return r < 0 ? r : db_commit(db);
}

int db_pool_update(Db *db, int64_t id, const char *description, const Config *config) {
        return pool_set(db, id, strempty(description), config);
}

int db_pool_set_created(Db *db, int64_t id, const Config *config) {
        return pool_set(db, id, NULL, config);
}

int db_pool_set_state(Db *db, int64_t id, RowState state) {
        return db_exec(db, "UPDATE pools SET state = ?2 WHERE id = ?1", "ii", id, (int64_t) state);
}

int db_pool_delete(Db *db, int64_t id) {
        return db_exec(db, "DELETE FROM pools WHERE id = ?1", "i", id);
}

/* ---- volumes ---- */

#define VOLUME_COLUMNS                                                                                        \
        "id, pool_id, type, project, name, content_type, description, rename_to, quota, created_at, state"

static int volume_config_store(Db *db, int64_t id, const Config *c) {
        return config_store(db, "DELETE FROM volume_config WHERE volume_id = ?1",
                            "INSERT INTO volume_config (volume_id, key, value) VALUES (?1, ?2, ?3)", id, c);
}

static int volume_read(Db *db, sqlite3_stmt *s, Volume *ret) {
        _cleanup_(volume_done) Volume v = {
                .id = db_int(s, 0),
                .pool_id = db_int(s, 1),
                .quota = (uint64_t) db_int(s, 8),
                .created_at = (uint64_t) db_int(s, 9),
                .state = db_int(s, 10),
        };
        int r;

        r = DB_TEXTS(s, 2, &v.type, &v.project, &v.name, &v.content_type, &v.description);
        if (r >= 0)
                r = rename_to_read(s, 7, &v.rename_to);
        if (r >= 0)
                r = config_load(db, "SELECT key, value FROM volume_config WHERE volume_id = ?1", v.id, &v.config);
        if (r < 0)
                return r;
        *ret = v;
        v = (Volume) {};
        return 0;
}

static int volume_read_all(Db *db, sqlite3_stmt *s, VolumeList *ret) {
        _cleanup_(volume_list_done) VolumeList l = {};
        int r;

        while ((r = db_next(s)) > 0) {
                if (!ARRAY_GROW(l.items, l.n))
                        return -ENOMEM;
                r = volume_read(db, s, &l.items[l.n]);
                if (r < 0)
                        return r;
                l.n++;
        }
        if (r < 0)
                return r;
        *ret = l;
        l = (VolumeList) {};
        return 0;
}

int db_volume_get(Db *db, int64_t pool_id, const char *type, const char *project, const char *name, Volume *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db,
                         "SELECT " VOLUME_COLUMNS " FROM volumes WHERE pool_id = ?1 AND type = ?2 AND project = ?3 AND name = ?4",
                         &s, "isss", pool_id, type, project, name);
        return r < 0 ? r : volume_read(db, s, ret);
}

int db_volume_get_by_id(Db *db, int64_t id, Volume *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db, "SELECT " VOLUME_COLUMNS " FROM volumes WHERE id = ?1", &s, "i", id);
        return r < 0 ? r : volume_read(db, s, ret);
}

int db_volume_list(Db *db, int64_t pool_id, const char *type, const char *project, VolumeList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db,
                     "SELECT " VOLUME_COLUMNS " FROM volumes WHERE pool_id = ?1 AND (?2 IS NULL OR type = ?2) AND "
                     "(?3 IS NULL OR project = ?3) ORDER BY type, name, project",
                     &s, "iss", pool_id, type, project);
        return r < 0 ? r : volume_read_all(db, s, ret);
}

int db_volume_list_unfinished(Db *db, VolumeList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db, "SELECT " VOLUME_COLUMNS " FROM volumes WHERE state != 1 ORDER BY id", &s);
        return r < 0 ? r : volume_read_all(db, s, ret);
}

int db_volume_list_image(Db *db, const char *fingerprint, VolumeList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, "SELECT " VOLUME_COLUMNS " FROM volumes WHERE type = 'image' AND name = ?1 ORDER BY id", &s, "s",
                     fingerprint);
        return r < 0 ? r : volume_read_all(db, s, ret);
}

int db_volume_insert(Db *db, const Volume *v, int64_t *ret_id) {
        _cleanup_(db_lazy_endp) Db *lazy = v->state == ROW_CREATED ? NULL : db_lazy_begin(db);
        _cleanup_(db_rollbackp) Db *transaction = db;
        int64_t id;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db,
                            "INSERT INTO volumes (pool_id, type, project, name, content_type, description, quota, created_at, state) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                            "isssssiii", v->pool_id, v->type, v->project, v->name, v->content_type,
                            strempty(v->description), (int64_t) v->quota, (int64_t) v->created_at, (int64_t) v->state);
        if (r < 0)
                return r;
        id = db_last_id(db);
        r = volume_config_store(db, id, &v->config);
        if (r >= 0)
                r = db_commit(db);
        if (r >= 0)
                *ret_id = id;
        return r;
}

int db_volume_update(Db *db, int64_t id, const char *description, const Config *config, uint64_t quota) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db, "UPDATE volumes SET description = ?2, quota = ?3, state = 1 WHERE id = ?1", "isi", id,
                            strempty(description), (int64_t) quota);
        if (r >= 0)
                r = volume_config_store(db, id, config);
        return r < 0 ? r : db_commit(db);
}

int db_volume_set_state(Db *db, int64_t id, RowState state) {
        _cleanup_(db_lazy_endp) Db *lazy = state == ROW_CREATED ? NULL : db_lazy_begin(db);

        return db_exec(db, "UPDATE volumes SET state = ?2 WHERE id = ?1", "ii", id, (int64_t) state);
}

int db_volume_set_quota(Db *db, int64_t id, uint64_t quota) {
        return db_exec(db, "UPDATE volumes SET quota = ?2 WHERE id = ?1", "ii", id, (int64_t) quota);
}

int db_volume_set_rename(Db *db, int64_t id, const char *rename_to) {
        return db_exec(db, "UPDATE volumes SET rename_to = ?2, state = CASE WHEN ?2 IS NULL THEN 1 ELSE 3 END WHERE id = ?1",
                       "is", id, rename_to);
}

int db_volume_finish_rename(Db *db, int64_t id) {
        return db_exec(db, "UPDATE volumes SET name = rename_to, rename_to = NULL, state = 1 WHERE id = ?1 AND rename_to IS NOT NULL",
                       "i", id);
}

int db_volume_finish_move(Db *db, int64_t from, int64_t to) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db, "UPDATE volumes SET rename_to = NULL, state = 2 WHERE id = ?1", "i", from);
        if (r >= 0)
                r = db_exec(db, "UPDATE volumes SET state = 1 WHERE id = ?1", "i", to);
        return r < 0 ? r : db_commit(db);
}

int db_volume_delete(Db *db, int64_t id) {
        DB_LAZY(db);

        return db_exec(db, "DELETE FROM volumes WHERE id = ?1", "i", id);
}

int db_has_snapshot_duties(Db *db) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db,
                   "SELECT EXISTS (SELECT 1 FROM volume_config c JOIN volumes v ON v.id = c.volume_id "
                   "WHERE c.key = 'snapshots.schedule' AND c.value != '' AND v.type = 'custom') "
                   "OR EXISTS (SELECT 1 FROM snapshots s JOIN volumes v ON v.id = s.volume_id WHERE s.expires_at > 0 AND v.type = 'custom')",
                   &s);
        if (r >= 0)
                r = db_next(s);
        return r <= 0 ? r : db_int(s, 0) != 0;
}

int db_volume_count_used(Db *db, int64_t pool_id, uint64_t *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db, "SELECT count(*) FROM volumes WHERE pool_id = ?1 AND type != 'image'", &s, "i", pool_id);
        if (r >= 0)
                *ret = (uint64_t) db_int(s, 0);
        return r;
}

/* ---- snapshots ---- */

#define SNAPSHOT_COLUMNS "id, volume_id, name, description, rename_to, created_at, expires_at, state"

static int snapshot_read(Db *db, sqlite3_stmt *s, Snapshot *ret) {
        _cleanup_(snapshot_done) Snapshot n = {
                .id = db_int(s, 0),
                .volume_id = db_int(s, 1),
                .created_at = (uint64_t) db_int(s, 5),
                .expires_at = (uint64_t) db_int(s, 6),
                .state = db_int(s, 7),
        };
        int r;

        r = DB_TEXTS(s, 2, &n.name, &n.description);
        if (r >= 0)
                r = rename_to_read(s, 4, &n.rename_to);
        if (r >= 0)
                r = config_load(db, "SELECT key, value FROM snapshot_config WHERE snapshot_id = ?1", n.id, &n.config);
        if (r < 0)
                return r;
        *ret = n;
        n = (Snapshot) {};
        return 0;
}

static int snapshot_read_all(Db *db, sqlite3_stmt *s, SnapshotList *ret) {
        _cleanup_(snapshot_list_done) SnapshotList l = {};
        int r;

        while ((r = db_next(s)) > 0) {
                if (!ARRAY_GROW(l.items, l.n))
                        return -ENOMEM;
                r = snapshot_read(db, s, &l.items[l.n]);
                if (r < 0)
                        return r;
                l.n++;
        }
        if (r < 0)
                return r;
        *ret = l;
        l = (SnapshotList) {};
        return 0;
}

int db_snapshot_get(Db *db, int64_t volume_id, const char *name, Snapshot *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db, "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE volume_id = ?1 AND name = ?2", &s, "is", volume_id,
                         name);
        return r < 0 ? r : snapshot_read(db, s, ret);
}

int db_snapshot_get_by_id(Db *db, int64_t id, Snapshot *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db, "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE id = ?1", &s, "i", id);
        return r < 0 ? r : snapshot_read(db, s, ret);
}

int db_snapshot_list(Db *db, int64_t volume_id, SnapshotList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE volume_id = ?1 ORDER BY created_at, id", &s, "i",
                     volume_id);
        return r < 0 ? r : snapshot_read_all(db, s, ret);
}

int db_snapshot_list_unfinished(Db *db, SnapshotList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db,
                   "SELECT " SNAPSHOT_COLUMNS " FROM snapshots WHERE state != 1 AND "
                   "(SELECT state FROM volumes WHERE id = volume_id) IN (1, 3) ORDER BY id",
                   &s);
        return r < 0 ? r : snapshot_read_all(db, s, ret);
}

int db_snapshot_insert(Db *db, const Snapshot *n, int64_t *ret_id) {
        _cleanup_(db_lazy_endp) Db *lazy = n->state == ROW_CREATED ? NULL : db_lazy_begin(db);
        _cleanup_(db_rollbackp) Db *transaction = db;
        int64_t id;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db,
                            "INSERT INTO snapshots (volume_id, name, description, created_at, expires_at, state) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                            "issiii", n->volume_id, n->name, strempty(n->description), (int64_t) n->created_at,
                            (int64_t) n->expires_at, (int64_t) n->state);
        if (r < 0)
                return r;
        id = db_last_id(db);
        r = config_store(db, "DELETE FROM snapshot_config WHERE snapshot_id = ?1",
                         "INSERT INTO snapshot_config (snapshot_id, key, value) VALUES (?1, ?2, ?3)", id, &n->config);
        if (r >= 0)
                r = db_commit(db);
        if (r >= 0)
                *ret_id = id;
        return r;
}

int db_snapshot_update(Db *db, int64_t id, const char *description, uint64_t expires_at) {
        return db_exec(db, "UPDATE snapshots SET description = ?2, expires_at = ?3 WHERE id = ?1", "isi", id,
                       strempty(description), (int64_t) expires_at);
}

int db_snapshot_set_state(Db *db, int64_t id, RowState state) {
        _cleanup_(db_lazy_endp) Db *lazy = state == ROW_CREATED ? NULL : db_lazy_begin(db);

        return db_exec(db, "UPDATE snapshots SET state = ?2 WHERE id = ?1", "ii", id, (int64_t) state);
}

int db_snapshot_set_rename(Db *db, int64_t id, const char *rename_to) {
        return db_exec(db, "UPDATE snapshots SET rename_to = ?2, state = CASE WHEN ?2 IS NULL THEN 1 ELSE 3 END WHERE id = ?1",
                       "is", id, rename_to);
}

int db_snapshot_finish_rename(Db *db, int64_t id) {
        return db_exec(db, "UPDATE snapshots SET name = rename_to, rename_to = NULL, state = 1 WHERE id = ?1 AND rename_to IS NOT NULL",
                       "i", id);
}

int db_snapshot_delete(Db *db, int64_t id) {
        DB_LAZY(db);

        return db_exec(db, "DELETE FROM snapshots WHERE id = ?1", "i", id);
}

/* ---- holders ---- */

int db_holder_add(Db *db, int64_t volume_id, const char *holder) {
        DB_LAZY(db);
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = boot_id_read(&boot_id);
        if (r < 0)
                return r;
        r = db_exec(db, "INSERT INTO holders (volume_id, holder, boot_id) VALUES (?1, ?2, ?3)", "iss", volume_id, holder,
                    boot_id);
        return r == -EEXIST ? 0 : r;
}

int db_holder_remove(Db *db, int64_t volume_id, const char *holder) {
        DB_LAZY(db);
        int r;

        r = db_exec(db, "DELETE FROM holders WHERE volume_id = ?1 AND holder = ?2", "is", volume_id, holder);
        return r == -ENOENT ? 0 : r;
}

int db_holder_remove_all(Db *db, const char *holder) {
        int r = db_exec(db, "DELETE FROM holders WHERE holder = ?1", "s", holder);

        return r == -ENOENT ? 0 : r;
}

int db_holder_list(Db *db, int64_t volume_id, Strv *ret) {
        _cleanup_strv_free_ Strv l = NULL;
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, "SELECT holder FROM holders WHERE volume_id = ?1 ORDER BY holder", &s, "i", volume_id);
        if (r >= 0)
                r = db_read_strv(s, &l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}
