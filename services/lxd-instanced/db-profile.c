/* SPDX-License-Identifier: Apache-2.0 */
/* SQL of the rows of profiles. */
#include "db-records.h"
#include "manager.h"

int db_profile_insert(Db *db, Profile *p) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        uint64_t id;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db, "INSERT INTO profiles (project, name, description) VALUES (?1, ?2, ?3)", "sss", p->project, p->name,
                            strempty(p->description));
        if (r < 0)
                return r;
        id = (uint64_t) db_last_id(db);

        r = db_config_replace(db, DB_PROFILE, id, &p->config);
        if (r >= 0)
                r = db_devices_replace(db, DB_PROFILE, id, &p->devices);
        if (r >= 0)
                r = db_commit(db);
        if (r < 0)
                return r;

        p->id = id;
        return 0;
}

int db_profile_update(Db *db, const Profile *p) {
        _cleanup_(db_rollbackp) Db *transaction = db;
        int r;

        r = db_begin(db);
        if (r >= 0)
                r = db_exec(db, "UPDATE profiles SET description = ?2 WHERE id = ?1", "ts", p->id, strempty(p->description));
        if (r >= 0)
                r = db_config_replace(db, DB_PROFILE, p->id, &p->config);
        if (r >= 0)
                r = db_devices_replace(db, DB_PROFILE, p->id, &p->devices);
        if (r >= 0)
                r = db_commit(db);
        return r;
}

int db_profile_rename(Db *db, uint64_t id, const char *name) {
        return db_exec(db, "UPDATE profiles SET name = ?2 WHERE id = ?1", "ts", id, name);
}

int db_profile_delete(Db *db, uint64_t id) {
        return db_exec(db, "DELETE FROM profiles WHERE id = ?1", "t", id);
}

int db_load_profiles(Manager *m) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(m->db, "SELECT id, project, name, description FROM profiles ORDER BY project, name", &s);
        if (r < 0)
                return r;

        while ((r = db_next(s)) > 0) {
                _cleanup_(profile_freep) Profile *p = calloc(1, sizeof(Profile));
                Profile **grown;

                if (!p)
                        return -ENOMEM;
                p->manager = m;
                p->id = (uint64_t) db_int(s, 0);
                r = DB_TEXTS(s, 1, &p->project, &p->name, &p->description);
                if (r < 0)
                        return r;
                grown = reallocarray(m->profiles, m->n_profiles + 1, sizeof(Profile *));
                if (!grown)
                        return -ENOMEM;
                m->profiles = grown;
                m->profiles[m->n_profiles++] = TAKE_PTR(p);
        }
        return r;
}
