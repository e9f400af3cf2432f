/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of lxd-clusterd. */
#include "db-records.h"

DB_SCHEMA(clusterd_schema, "db-schema.sql");

void certificate_done(Certificate *c) {
        free(c->fingerprint);
        free(c->name);
        free(c->type);
        free(c->pem);
        c->projects = strv_free(c->projects);
        *c = (Certificate) {};
}

int records_open(const char *path, Db **ret) {
        return db_open(path, clusterd_schema, ret);
}

int records_config_load(Db *db, Config *ret) {
        _cleanup_(config_done) Config c = {};
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db, "SELECT key, value FROM config ORDER BY key", &s);
        if (r >= 0)
                r = db_read_config(s, &c);
        if (r < 0)
                return r;
        *ret = c;
        c = (Config) {};
        return 0;
}

int records_config_store(Db *db, const Config *c) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db, "DELETE FROM config", "");
        if (r < 0 && r != -ENOENT)
                return r;
        CONFIG_FOREACH(i, c) {
                r = db_exec(db, "INSERT INTO config (key, value) VALUES (?1, ?2)", "ss", i->key, i->value);
                if (r < 0)
                        return r;
        }
        return db_commit(db);
}

static int read_projects(Db *db, const char *fingerprint, Strv *ret) {
        _cleanup_strv_free_ Strv v = NULL;
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, "SELECT project FROM certificate_projects WHERE fingerprint = ?1 ORDER BY project", &s, "s",
                     fingerprint);
        if (r >= 0)
                r = db_read_strv(s, &v);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

static int read_certificate(Db *db, sqlite3_stmt *s, Certificate *ret) {
        _cleanup_(certificate_done) Certificate c = {};
        int r;

        c.restricted = db_int(s, 4) != 0;
        r = DB_TEXTS(s, 0, &c.fingerprint, &c.name, &c.type, &c.pem);
        if (r >= 0)
                r = read_projects(db, c.fingerprint, &c.projects);
        if (r < 0)
                return r;
        *ret = c;
        c = (Certificate) {};
        return 0;
}

int records_certificate_each(Db *db, int (*callback)(const Certificate *c, void *userdata), void *userdata) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db, "SELECT fingerprint, name, type, certificate, restricted FROM certificates ORDER BY fingerprint", &s);
        while (r >= 0 && (r = db_next(s)) > 0) {
                _cleanup_(certificate_done) Certificate c = {};

                r = read_certificate(db, s, &c);
                if (r >= 0)
                        r = callback(&c, userdata);
        }
        return r;
}

int records_certificate_find(Db *db, const char *prefix, Certificate *ret) {
        _cleanup_(certificate_done) Certificate c = {};
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        /* substr, not LIKE: a '%' in the prefix must match nothing. */
        r = db_query_row(db, "SELECT fingerprint, name, type, certificate, restricted FROM certificates "
                             "WHERE substr(fingerprint, 1, length(?1)) = ?1 LIMIT 2", &s, "s", prefix);
        if (r >= 0)
                r = read_certificate(db, s, &c);
        if (r >= 0)
                r = db_next(s);
        if (r != 0)
                return r < 0 ? r : -ENOTUNIQ;
        *ret = c;
        c = (Certificate) {};
        return 0;
}

static int write_projects(Db *db, const Certificate *c) {
        int r;

        r = db_exec(db, "DELETE FROM certificate_projects WHERE fingerprint = ?1", "s", c->fingerprint);
        if (r < 0 && r != -ENOENT)
                return r;
        STRV_FOREACH(p, c->projects) {
                r = db_exec(db, "INSERT OR IGNORE INTO certificate_projects (fingerprint, project) VALUES (?1, ?2)", "ss",
                            c->fingerprint, *p);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

/* One certificate row by `sql` (bound name, type, certificate, restricted, fingerprint) and its projects. */
static int store_certificate(Db *db, const char *sql, const Certificate *c) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db, sql, "sssbs", c->name, c->type, c->pem, (int) c->restricted, c->fingerprint);
        if (r >= 0)
                r = write_projects(db, c);
        return r < 0 ? r : db_commit(db);
}

int records_certificate_add(Db *db, const Certificate *c) {
        return store_certificate(db, "INSERT INTO certificates (name, type, certificate, restricted, fingerprint) "
                                     "VALUES (?1, ?2, ?3, ?4, ?5)", c);
}

int records_certificate_update(Db *db, const Certificate *c) {
        return store_certificate(db, "UPDATE certificates SET name = ?1, type = ?2, certificate = ?3, restricted = ?4 "
                                     "WHERE fingerprint = ?5", c);
}

int records_certificate_delete(Db *db, const char *fingerprint) {
        return db_exec(db, "DELETE FROM certificates WHERE fingerprint = ?1", "s", fingerprint);
}

int records_project_get(Db *db, const char *name, char **ret_description, Config *ret_config) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *description = NULL;
        _cleanup_stmt_ sqlite3_stmt *s = NULL, *k = NULL;
        int r;

        r = db_query_row(db, "SELECT description FROM projects WHERE name = ?1", &s, "s", name);
        if (r >= 0)
                r = str_replace(&description, db_text(s, 0));
        if (r >= 0)
                r = db_query(db, "SELECT key, value FROM project_config WHERE project = ?1", &k, "s", name);
        if (r >= 0)
                r = db_read_config(k, &c);
        if (r < 0)
                return r;
        *ret_description = TAKE_PTR(description);
        *ret_config = c;
        c = (Config) {};
        return 0;
}

int records_project_update(Db *db, const char *name, const char *description, const Config *config) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db, "UPDATE projects SET description = ?2 WHERE name = ?1", "ss", name, description);
        if (r >= 0)
                r = db_exec(db, "DELETE FROM project_config WHERE project = ?1", "s", name);
        if (r < 0 && r != -ENOENT)
                return r;
        CONFIG_FOREACH(i, config) {
                r = db_exec(db, "INSERT INTO project_config (project, key, value) VALUES (?1, ?2, ?3)", "sss", name, i->key, i->value);
                if (r < 0)
                        return r;
        }
        return db_commit(db);
}

static int read_column(Db *db, const char *sql, Strv *ret) {
        _cleanup_strv_free_ Strv v = NULL;
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db, sql, &s);
        if (r >= 0)
                r = db_read_strv(s, &v);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

int records_project_names(Db *db, Strv *ret) {
        return read_column(db, "SELECT name FROM projects ORDER BY name", ret);
}

int records_warning_uuids(Db *db, Strv *ret) {
        return read_column(db, "SELECT uuid FROM warnings ORDER BY first_seen", ret);
}
