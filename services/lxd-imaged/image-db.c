/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of the image store; each function is one of them, or one transaction. */

#include "image-db.h"

DB_SCHEMA(imaged_schema, "db-schema.sql");

#define IMAGE_COLUMNS                                                                                         \
        "id, state, project, fingerprint, filename, size, format, type, architecture, public, auto_update, "  \
        "cached, created, expires, uploaded, last_used"

int image_db_open(const char *path, Db **ret) {
        return db_open(path, imaged_schema, ret);
}

static int read_properties(Db *db, ImageRecord *i) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, "SELECT key, value FROM images_properties WHERE image_id = ?1 ORDER BY key", &s);

        if (r >= 0)
                r = db_bind(s, "i", i->id);
        while (r >= 0 && (r = db_next(s)) > 0)
                r = config_set(&i->properties, db_text(s, 0), db_text(s, 1));
        return r;
}

static int read_profiles(Db *db, ImageRecord *i) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, "SELECT name FROM images_profiles WHERE image_id = ?1 ORDER BY position", &s);

        if (r >= 0)
                r = db_bind(s, "i", i->id);
        while (r >= 0 && (r = db_next(s)) > 0)
                r = strv_extend(&i->profiles, db_text(s, 0));
        return r;
}

static int read_aliases(Db *db, ImageRecord *i) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, "SELECT name, description FROM aliases WHERE image_id = ?1 ORDER BY id", &s);

        if (r >= 0)
                r = db_bind(s, "i", i->id);
        while (r >= 0 && (r = db_next(s)) > 0)
                r = image_aliases_add(&i->aliases, db_text(s, 0), db_text(s, 1));
        return r;
}

/* The row at the statement, with what other tables know of it. */
static int read_image(Db *db, sqlite3_stmt *s, ImageRecord *ret) {
        _cleanup_(image_record_done) ImageRecord i = {
                .id = db_int(s, 0),
                .state = (ImageState) db_int(s, 1),
                .size = (uint64_t) db_int(s, 5),
                .public = db_int(s, 9),
                .auto_update = db_int(s, 10),
                .cached = db_int(s, 11),
                .created = (uint64_t) db_int(s, 12),
                .expires = (uint64_t) db_int(s, 13),
                .uploaded = (uint64_t) db_int(s, 14),
                .last_used = (uint64_t) db_int(s, 15),
        };
        int r;

        if (str_replace(&i.project, db_text(s, 2)) < 0 || str_replace(&i.fingerprint, db_text(s, 3)) < 0 ||
            str_replace(&i.filename, db_text(s, 4)) < 0 || str_replace(&i.format, db_text(s, 6)) < 0 ||
            str_replace(&i.type, db_text(s, 7)) < 0 || str_replace(&i.architecture, db_text(s, 8)) < 0)
                return -ENOMEM;
        r = read_properties(db, &i);
        r = r < 0 ? r : read_profiles(db, &i);
        r = r < 0 ? r : read_aliases(db, &i);
        if (r < 0)
                return r;
        *ret = i;
        i = (ImageRecord) {};
        return 0;
}

int db_image_get(Db *db, const char *project, const char *prefix, ImageRecord *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_(image_record_done) ImageRecord i = {};
        int r;

        if (!fingerprint_prefix_is_valid(prefix))
                return -ENOENT;
        /* 'g' is the character behind the last digit: a range of the index, where LIKE would know wildcards. */
        r = db_get(db, "SELECT " IMAGE_COLUMNS " FROM images WHERE project = ?1 AND fingerprint >= ?2 AND fingerprint < ?2 || 'g' AND state = 1 LIMIT 2", &s);
        r = r < 0 ? r : db_bind(s, "ss", project, prefix);
        r = r < 0 ? r : db_next(s);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = read_image(db, s, &i);
        r = r < 0 ? r : db_next(s);
        if (r != 0)
                return r < 0 ? r : -ENOTUNIQ;
        *ret = i;
        i = (ImageRecord) {};
        return 0;
}

int db_image_get_by_id(Db *db, int64_t id, ImageRecord *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, "SELECT " IMAGE_COLUMNS " FROM images WHERE id = ?1", &s);

        r = r < 0 ? r : db_bind(s, "i", id);
        r = r < 0 ? r : db_next(s);
        return r > 0 ? read_image(db, s, ret) : r == 0 ? -ENOENT : r;
}

int db_image_foreach(Db *db, const char *project, ImageState state, int (*callback)(ImageRecord *i, void *userdata), void *userdata) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, "SELECT " IMAGE_COLUMNS " FROM images WHERE state = ?2 AND (?1 IS NULL OR project = ?1) ORDER BY id", &s);

        r = r < 0 ? r : db_bind(s, "si", project, (int64_t) state);
        while (r >= 0 && (r = db_next(s)) > 0) {
                _cleanup_(image_record_done) ImageRecord i = {};

                r = read_image(db, s, &i);
                if (r >= 0)
                        r = callback(&i, userdata);
                if (r != 0)
                        return r;
        }
        return r;
}

static int insert_lists(Db *db, const ImageRecord *i) {
        int64_t position = 0;
        int r = 0;

        CONFIG_FOREACH(item, &i->properties)
                r = r < 0 ? r : db_exec(db, "INSERT INTO images_properties (image_id, key, value) VALUES (?1, ?2, ?3)", "iss", i->id, item->key, item->value);
        STRV_FOREACH(name, i->profiles)
                r = r < 0 ? r : db_exec(db, "INSERT INTO images_profiles (image_id, position, name) VALUES (?1, ?2, ?3)", "iis", i->id, position++, *name);
        return r;
}

int db_image_insert(Db *db, ImageRecord *i) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r = db_begin(db);

        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db,
                    "INSERT INTO images (state, project, fingerprint, filename, size, format, type, architecture, public, auto_update, cached, created, "
                    "expires, uploaded, last_used) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                    "issstsssbbbtttt", (int64_t) i->state, i->project, i->fingerprint, i->filename, i->size, i->format, i->type, i->architecture, i->public,
                    i->auto_update, i->cached, i->created, i->expires, i->uploaded, i->last_used);
        if (r < 0)
                return r;
        i->id = db_last_id(db);
        r = insert_lists(db, i);
        r = r < 0 ? r : db_commit(db);
        if (r >= 0)
                transaction = NULL;
        return r;
}

int db_image_set_state(Db *db, int64_t id, ImageState state) {
        return db_exec(db, "UPDATE images SET state = ?2 WHERE id = ?1", "ii", id, (int64_t) state);
}

int db_image_update(Db *db, const ImageRecord *i) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r = db_begin(db);

        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db, "UPDATE images SET public = ?2, auto_update = ?3, expires = ?4 WHERE id = ?1", "ibbt", i->id, i->public, i->auto_update, i->expires);
        if (r < 0)
                return r;
        r = db_exec(db, "DELETE FROM images_properties WHERE image_id = ?1", "i", i->id);
        if (r >= 0 || r == -ENOENT)
                r = db_exec(db, "DELETE FROM images_profiles WHERE image_id = ?1", "i", i->id);
        if (r >= 0 || r == -ENOENT)
                r = insert_lists(db, i);
        r = r < 0 ? r : db_commit(db);
        if (r >= 0)
                transaction = NULL;
        return r;
}

int db_image_set_last_used(Db *db, int64_t id, uint64_t usec) {
        DB_LAZY(db); /* for whoever looks, and for what expires after days */

        return db_exec(db, "UPDATE images SET last_used = ?2 WHERE id = ?1", "it", id, usec);
}

int db_image_delete(Db *db, int64_t id) {
        return db_exec(db, "DELETE FROM images WHERE id = ?1", "i", id);
}

int db_image_count(Db *db, const char *fingerprint, int64_t except) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, "SELECT COUNT(*) FROM images WHERE fingerprint = ?1 AND state = 1 AND id != ?2", &s);

        r = r < 0 ? r : db_bind(s, "si", fingerprint, except);
        r = r < 0 ? r : db_next(s);
        return r > 0 ? (int) db_int(s, 0) : r;
}

typedef struct BestImage {
        const Config *properties;
        ImageRecord *found;
} BestImage;

static int keep_better(ImageRecord *i, void *userdata) {
        BestImage *best = userdata;

        CONFIG_FOREACH(p, best->properties)
                if (!streq_ptr(config_get(&i->properties, p->key), p->value))
                        return 0;
        if (best->found->id > 0 && best->found->created > i->created)
                return 0;
        image_record_done(best->found);
        *best->found = *i;
        *i = (ImageRecord) {};
        return 0;
}

int db_image_find_by_properties(Db *db, const char *project, const Config *properties, ImageRecord *ret) {
        _cleanup_(image_record_done) ImageRecord found = {};
        int r = db_image_foreach(db, project, IMAGE_CREATED, keep_better, &(BestImage) { properties, &found });

        if (r < 0)
                return r;
        if (found.id == 0)
                return -ENOENT;
        *ret = found;
        found = (ImageRecord) {};
        return 0;
}

#define ALIAS_SELECT                                                                                          \
        "SELECT a.id, a.project, a.name, a.description, i.fingerprint, i.type FROM aliases a JOIN images i "  \
        "ON i.id = a.image_id AND i.state = 1 "

static int read_alias(sqlite3_stmt *s, AliasRecord *ret) {
        AliasRecord a = { .id = db_int(s, 0) };

        if (str_replace(&a.project, db_text(s, 1)) < 0 || str_replace(&a.name, db_text(s, 2)) < 0 || str_replace(&a.description, db_text(s, 3)) < 0 ||
            str_replace(&a.target, db_text(s, 4)) < 0 || str_replace(&a.type, db_text(s, 5)) < 0) {
                alias_record_done(&a);
                return -ENOMEM;
        }
        *ret = a;
        return 0;
}

int db_alias_get(Db *db, const char *project, const char *name, AliasRecord *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, ALIAS_SELECT "WHERE a.project = ?1 AND a.name = ?2", &s);

        r = r < 0 ? r : db_bind(s, "ss", project, name);
        r = r < 0 ? r : db_next(s);
        return r > 0 ? read_alias(s, ret) : r == 0 ? -ENOENT : r;
}

int db_alias_foreach(Db *db, const char *project, int (*callback)(AliasRecord *a, void *userdata), void *userdata) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r = db_get(db, ALIAS_SELECT "WHERE ?1 IS NULL OR a.project = ?1 ORDER BY a.project, a.name", &s);

        r = r < 0 ? r : db_bind(s, "s", project);
        while (r >= 0 && (r = db_next(s)) > 0) {
                _cleanup_(alias_record_done) AliasRecord a = {};

                r = read_alias(s, &a);
                if (r >= 0)
                        r = callback(&a, userdata);
                if (r != 0)
                        return r;
        }
        return r;
}

int db_alias_insert(Db *db, const char *project, const char *name, const char *description, int64_t image_id) {
        return db_exec(db, "INSERT INTO aliases (project, name, description, image_id) VALUES (?1, ?2, ?3, ?4)", "sssi", project, name, description, image_id);
}

int db_alias_update(Db *db, int64_t id, const char *description, int64_t image_id) {
        return db_exec(db, "UPDATE aliases SET description = ?2, image_id = ?3 WHERE id = ?1", "isi", id, description, image_id);
}

int db_alias_rename(Db *db, int64_t id, const char *name) {
        return db_exec(db, "UPDATE aliases SET name = ?2 WHERE id = ?1", "is", id, name);
}

int db_alias_delete(Db *db, int64_t id) {
        return db_exec(db, "DELETE FROM aliases WHERE id = ?1", "i", id);
}
