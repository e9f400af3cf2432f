/* SPDX-License-Identifier: Apache-2.0 */
/* SQL of the rows of snapshots. */
#include "db-records.h"
#include "manager.h"

int db_snapshot_insert(Db *db, Snapshot *s) {
        _cleanup_(db_lazy_endp) Db *lazy = s->row == ROW_CREATED ? NULL : db_lazy_begin(db);
        _cleanup_(db_rollbackp) Db *transaction = db;
        uint64_t id;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db,
                            "INSERT INTO snapshots (instance_id, name, state, architecture, description, ephemeral, created_at, expires_at) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                            "tssssbtt", s->instance->id, s->name, row_names[s->row], s->settings.architecture,
                            strempty(s->settings.description), s->settings.ephemeral, s->created_at, s->expires_at);
        if (r < 0)
                return r;
        id = (uint64_t) db_last_id(db);

        r = db_config_replace(db, DB_SNAPSHOT, id, &s->settings.config);
        if (r >= 0)
                r = db_devices_replace(db, DB_SNAPSHOT, id, &s->settings.devices);
        if (r >= 0)
                r = db_commit(db);
        if (r < 0)
                return r;

        s->id = id;
        return 0;
}

int db_snapshot_set_row(Db *db, uint64_t id, RowState row) {
        _cleanup_(db_lazy_endp) Db *lazy = row == ROW_CREATED ? NULL : db_lazy_begin(db);

        return db_exec(db, "UPDATE snapshots SET state = ?2 WHERE id = ?1", "ts", id, row_names[row]);
}

int db_snapshot_set_intent(Db *db, uint64_t id, const char *intent) {
        return db_exec(db, "UPDATE snapshots SET intent = ?2 WHERE id = ?1", "ts", id, strempty(intent));
}

int db_snapshot_set_expiry(Db *db, uint64_t id, uint64_t expires_at) {
        return db_exec(db, "UPDATE snapshots SET expires_at = ?2 WHERE id = ?1", "tt", id, expires_at);
}

int db_snapshot_rename(Db *db, uint64_t id, const char *name) {
        return db_exec(db, "UPDATE snapshots SET name = ?2, intent = '' WHERE id = ?1", "ts", id, name);
}

int db_snapshot_delete(Db *db, uint64_t id) {
        DB_LAZY(db); /* as for instances */

        return db_exec(db, "DELETE FROM snapshots WHERE id = ?1", "t", id);
}

int db_load_snapshots(Manager *m, Snapshot ***ret, size_t *ret_n) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_free_ Snapshot **all = NULL;
        size_t n = 0;
        int r;

        r = db_get(m->db,
                   "SELECT id, instance_id, name, state, intent, architecture, description, ephemeral, created_at, expires_at "
                   "FROM snapshots ORDER BY id",
                   &s);
        if (r < 0)
                return r;

        while ((r = db_next(s)) > 0) {
                Instance *i = instance_find_id(m, (uint64_t) db_int(s, 1));
                Snapshot *snapshot, **grown;

                if (!i)
                        continue;
                grown = reallocarray(all, n + 1, sizeof(Snapshot *));
                if (!grown)
                        return -ENOMEM;
                all = grown;
                snapshot = all[n] = snapshot_new(i, db_text(s, 2));
                if (!snapshot)
                        return -ENOMEM;
                n++;
                snapshot->id = (uint64_t) db_int(s, 0);
                snapshot->row = row_from_name(db_text(s, 3));
                snapshot->settings.architecture = architecture_intern(db_text(s, 5)) ?: architecture_native();
                snapshot->settings.ephemeral = db_int(s, 7) != 0;
                snapshot->created_at = (uint64_t) db_int(s, 8);
                snapshot->expires_at = (uint64_t) db_int(s, 9);
                if ((!isempty(db_text(s, 4)) && str_replace(&snapshot->intent, db_text(s, 4)) < 0) ||
                    str_replace(&snapshot->settings.description, db_text(s, 6)) < 0)
                        return -ENOMEM;
        }
        if (r < 0)
                return r;

        *ret = TAKE_PTR(all);
        *ret_n = n;
        return 0;
}
