/* SPDX-License-Identifier: Apache-2.0 */
/* SQL of the rows of instances and their lists of profiles. */
#include "db-records.h"
#include "manager.h"

const char *const row_names[_ROW_STATE_MAX] = {
        [ROW_PENDING] = "pending",
        [ROW_CREATED] = "created",
        [ROW_DELETING] = "deleting",
};

static int replace_profiles(Db *db, uint64_t id, Profile *const *profiles, size_t n) {
        int r;

        r = db_exec(db, "DELETE FROM instances_profiles WHERE instance_id = ?1", "t", id);
        if (r < 0 && r != -ENOENT)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = db_exec(db, "INSERT INTO instances_profiles (instance_id, position, profile_id) VALUES (?1, ?2, ?3)", "ttt", id,
                            (uint64_t) i, profiles[i]->id);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int replace_parts(Db *db, uint64_t id, const Settings *s, Profile *const *profiles, size_t n_profiles) {
        int r;

        r = db_config_replace(db, DB_INSTANCE, id, &s->config);
        if (r >= 0)
                r = db_devices_replace(db, DB_INSTANCE, id, &s->devices);
        if (r >= 0)
                r = replace_profiles(db, id, profiles, n_profiles);
        return r;
}

int db_instance_insert(Db *db, Instance *i) {
        _cleanup_(db_lazy_endp) Db *lazy = i->row == ROW_CREATED ? NULL : db_lazy_begin(db);
        _cleanup_(db_rollbackp) Db *transaction = db;
        uint64_t id;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db,
                            "INSERT INTO instances (project, name, type, state, pool, architecture, description, ephemeral, created_at) "
                            "VALUES (?1, ?2, 'container', ?3, ?4, ?5, ?6, ?7, ?8)",
                            "ssssssbt", i->project, i->name, row_names[i->row], i->pool, i->settings.architecture,
                            strempty(i->settings.description), i->settings.ephemeral, i->created_at);
        if (r < 0)
                return r;
        id = (uint64_t) db_last_id(db);

        r = replace_parts(db, id, &i->settings, i->profiles, i->n_profiles);
        if (r >= 0)
                r = db_commit(db);
        if (r < 0)
                return r;

        i->id = id;
        return 0;
}

static int update_row(Db *db, uint64_t id, const Settings *s) {
        return db_exec(db, "UPDATE instances SET architecture = ?2, description = ?3, ephemeral = ?4 WHERE id = ?1", "tssb", id,
                       s->architecture, strempty(s->description), s->ephemeral);
}

int db_instance_update(Db *db, uint64_t id, const Settings *s, Profile *const *profiles, size_t n_profiles) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = update_row(db, id, s);
        if (r >= 0)
                r = replace_parts(db, id, s, profiles, n_profiles);
        if (r >= 0)
                r = db_commit(db);
        return r;
}

int db_instance_restore(Db *db, uint64_t id, const Settings *s) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = update_row(db, id, s);
        if (r >= 0)
                r = db_config_replace(db, DB_INSTANCE, id, &s->config);
        if (r >= 0)
                r = db_devices_replace(db, DB_INSTANCE, id, &s->devices);
        if (r >= 0)
                r = db_instance_set_intent(db, id, NULL);
        if (r >= 0)
                r = db_commit(db);
        return r;
}

int db_instance_move(Db *db, const Instance *i, const char *name, const char *pool, const char *intent, const Settings *s, const Settings *snapshots) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db, "UPDATE instances SET name = ?2, pool = ?3, intent = ?4 WHERE id = ?1", "tsss", i->id, name, pool, intent);
        if (r >= 0)
                r = db_devices_replace(db, DB_INSTANCE, i->id, &s->devices);
        for (size_t k = 0; r >= 0 && k < i->n_snapshots; k++)
                r = db_devices_replace(db, DB_SNAPSHOT, i->snapshots[k]->id, &snapshots[k].devices);
        return r < 0 ? r : db_commit(db);
}

int db_instance_set_pool(Db *db, uint64_t id, const char *pool) {
        return db_exec(db, "UPDATE instances SET pool = ?2 WHERE id = ?1", "ts", id, pool);
}

int db_instance_set_row(Db *db, uint64_t id, RowState row) {
        _cleanup_(db_lazy_endp) Db *lazy = row == ROW_CREATED ? NULL : db_lazy_begin(db);

        return db_exec(db, "UPDATE instances SET state = ?2 WHERE id = ?1", "ts", id, row_names[row]);
}

int db_instance_set_intent(Db *db, uint64_t id, const char *intent) {
        return db_exec(db, "UPDATE instances SET intent = ?2 WHERE id = ?1", "ts", id, strempty(intent));
}

int db_instance_set_used(Db *db, uint64_t id, uint64_t last_used_at) {
        DB_LAZY(db);

        return db_exec(db, "UPDATE instances SET last_used_at = ?2 WHERE id = ?1", "tt", id, last_used_at);
}

int db_instance_rename(Db *db, uint64_t id, const char *name) {
        return db_exec(db, "UPDATE instances SET name = ?2, intent = '' WHERE id = ?1", "ts", id, name);
}

int db_instance_delete(Db *db, uint64_t id) {
        DB_LAZY(db); /* the row that comes back is marked, and deleted again */

        return db_exec(db, "DELETE FROM instances WHERE id = ?1", "t", id);
}

RowState row_from_name(const char *name) {
        for (int i = 0; i < _ROW_STATE_MAX; i++)
                if (streq(row_names[i], name))
                        return (RowState) i;
        return ROW_PENDING;
}

static int load_profiles_of_instances(Manager *m) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(m->db, "SELECT instance_id, profile_id FROM instances_profiles ORDER BY instance_id, position", &s);
        if (r < 0)
                return r;

        while ((r = db_next(s)) > 0) {
                Instance *i = instance_find_id(m, (uint64_t) db_int(s, 0));
                uint64_t id = (uint64_t) db_int(s, 1);
                Profile **grown;

                for (size_t k = 0; i && k < m->n_profiles; k++) {
                        if (m->profiles[k]->id != id)
                                continue;
                        grown = reallocarray(i->profiles, i->n_profiles + 1, sizeof(Profile *));
                        if (!grown)
                                return -ENOMEM;
                        i->profiles = grown;
                        i->profiles[i->n_profiles++] = m->profiles[k];
                        break;
                }
        }
        return r;
}

int db_load_instances(Manager *m) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(m->db,
                   "SELECT id, project, name, state, intent, pool, architecture, description, ephemeral, created_at, last_used_at "
                   "FROM instances ORDER BY id",
                   &s);
        if (r < 0)
                return r;

        while ((r = db_next(s)) > 0) {
                _cleanup_(instance_freep) Instance *i = instance_new(m, db_text(s, 1), db_text(s, 2));

                if (!i)
                        return -ENOMEM;
                i->id = (uint64_t) db_int(s, 0);
                i->row = row_from_name(db_text(s, 3));
                i->settings.architecture = architecture_intern(db_text(s, 6)) ?: architecture_native();
                i->settings.ephemeral = db_int(s, 8) != 0;
                i->created_at = (uint64_t) db_int(s, 9);
                i->last_used_at = (uint64_t) db_int(s, 10);
                if ((!isempty(db_text(s, 4)) && str_replace(&i->intent, db_text(s, 4)) < 0) || str_replace(&i->pool, db_text(s, 5)) < 0 ||
                    str_replace(&i->settings.description, db_text(s, 7)) < 0)
                        return -ENOMEM;
                r = instance_link(i);
                if (r < 0)
                        return r;
                TAKE_PTR(i);
        }
        return r < 0 ? r : load_profiles_of_instances(m);
}
