/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite: opening, schema steps, cached statements, errors as errno. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "crash.h"
#include "db-backup.h"
#include "db.h"
#include "log.h"

#define STEP_MARK "-- step "

typedef struct Cached {
        const char *sql; /* a literal: its address is the key */
        sqlite3_stmt *statement;
} Cached;

struct Db {
        sqlite3 *handle;
        char *path;
        bool opened; /* to its last step */
        Cached *cache;
        size_t n_cache;
        unsigned lazy;  /* open scopes of DB_LAZY() */
        bool unsynced;  /* there may be lazy commits that are not on the disk yet */
};

int db_log_damage(const char *path, const char *reason) {
        LogFields fields = { .message_id = LXD_MSG_DATABASE_DAMAGED };

        return log_at(LOG_CRIT, -EUCLEAN, &fields,
                      "The database %s is damaged (%s). It is left as it is; \"lxd database restore\" puts a backup in its place.",
                      strempty(path), reason);
}

/* What went wrong, in errno's words; the text goes to the journal where a caller could not say more. */
static int db_error(sqlite3 *handle, int code, const char *what) {
        int r;

        switch (sqlite3_extended_errcode(handle)) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
                return -EEXIST;
        case SQLITE_CONSTRAINT_FOREIGNKEY:
                return -EBUSY;
        }
        switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                r = -EAGAIN;
                break;
        case SQLITE_FULL:
                r = -ENOSPC;
                break;
        case SQLITE_NOMEM:
                r = -ENOMEM;
                break;
        case SQLITE_READONLY:
                r = -EROFS;
                break;
        case SQLITE_IOERR:
                r = sqlite3_system_errno(handle) == ENOSPC || sqlite3_system_errno(handle) == EDQUOT ? -ENOSPC : -EIO;
                break;
        case SQLITE_CONSTRAINT:
                r = -EINVAL;
                break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return db_log_damage(sqlite3_db_filename(handle, "main"), sqlite3_errmsg(handle));
        default:
                r = -EIO;
        }
        return log_error_errno(r, "Database: %s: %s", what, sqlite3_errmsg(handle));
}

static int run_script(sqlite3 *handle, const char *sql) {
        int code = sqlite3_exec(handle, sql, NULL, NULL, NULL);

        return code == SQLITE_OK ? 0 : db_error(handle, code, "script");
}

static int user_version(sqlite3 *handle, int *ret) {
        sqlite3_stmt *s;
        int code = sqlite3_prepare_v2(handle, "PRAGMA user_version", -1, &s, NULL);

        if (code != SQLITE_OK)
                return db_error(handle, code, "PRAGMA user_version");
        code = sqlite3_step(s);
        if (code == SQLITE_ROW)
                *ret = sqlite3_column_int(s, 0);
        (void) sqlite3_finalize(s);
        return code == SQLITE_ROW ? 0 : db_error(handle, code, "PRAGMA user_version");
}

/* Runs the steps that the file has not seen yet, each with its new number in one transaction. */
static int upgrade(sqlite3 *handle, const char *schema) {
        int version = 0, step = 0, r;
        const char *p;

        r = user_version(handle, &version);
        if (r < 0)
                return r;
        for (p = strstr(schema, STEP_MARK); p;) {
                const char *body = strchrnul(p, '\n'), *next = strstr(body, STEP_MARK);
                _cleanup_free_ char *script = NULL;

                step++;
                if (step > version) {
                        r = str_format(&script, "BEGIN IMMEDIATE;\n%.*s\nPRAGMA user_version = %d;\nCOMMIT;",
                                       (int) (next ? next - body : (ptrdiff_t) strlen(body)), body, step);
                        if (r < 0)
                                return r;
                        r = run_script(handle, script);
                        if (r < 0) {
                                (void) sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
                                return r;
                        }
                }
                p = next;
        }
        if (version > step)
                return log_error_errno(-EPROTO, "The database is of a newer version (%d, this program knows %d): "
                                                "install the newer LXD again", version, step);
        return 0;
}

static int db_configure(sqlite3 *handle) {
        (void) sqlite3_busy_timeout(handle, 5000);
        (void) sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
        (void) sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
        (void) sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        return run_script(handle, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
                                  "PRAGMA journal_size_limit = 4194304; PRAGMA temp_store = MEMORY;");
}

static int open_handle(const char *path, bool exclusive, sqlite3 **ret) {
        int code, r = 0;

        code = sqlite3_open_v2(path, ret,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                               NULL);
        if (code != SQLITE_OK)
                return log_error_errno(-EIO, "Failed to open the database %s: %s", path, sqlite3_errmsg(*ret));
        if (exclusive)
                r = run_script(*ret, "PRAGMA locking_mode = EXCLUSIVE");
        return r < 0 ? r : db_configure(*ret);
}

/* On a full disk there may be no room for the index of the write-ahead log, which processes share. We are the only one that must read, so
 * then it is kept in memory, and others who want to look (lxd sql) wait until we end. */
static int open_any(const char *path, sqlite3 **ret) {
        int r;

        r = open_handle(path, false, ret);
        if (r != -ENOSPC && r != -EIO)
                return r;
        (void) sqlite3_close_v2(*ret);
        *ret = NULL;
        return open_handle(path, true, ret);
}

int db_open(const char *path, const char *schema, Db **ret) {
        _cleanup_(db_closep) Db *db = calloc(1, sizeof(Db));
        mode_t old;
        int r;

        if (!db)
                return -ENOMEM;
        r = str_replace(&db->path, path);
        if (r < 0)
                return r;
        old = umask(0077);
        r = open_any(path, &db->handle);
        (void) umask(old);
        if (r >= 0)
                r = upgrade(db->handle, schema);
        if (r < 0)
                return r;
        db->opened = true;
        *ret = TAKE_PTR(db);
        return 0;
}

Db *db_close(Db *db) {
        if (!db)
                return NULL;
        for (size_t i = 0; i < db->n_cache; i++)
                (void) sqlite3_finalize(db->cache[i].statement);
        if (db->opened)
                (void) db_backup_if_due(db);
        (void) sqlite3_close_v2(db->handle);
        free(db->path);
        free(db->cache);
        free(db);
        return NULL;
}

sqlite3 *db_handle(Db *db) {
        return db->handle;
}

const char *db_path(Db *db) {
        return db->path;
}

/* A statement that is in the middle of its rows is left alone: nested use of one text gets a second statement. */
static sqlite3_stmt *cache_find(Db *db, const char *sql) {
        for (size_t i = 0; i < db->n_cache; i++)
                if (db->cache[i].sql == sql && !sqlite3_stmt_busy(db->cache[i].statement))
                        return db->cache[i].statement;
        return NULL;
}

int db_get(Db *db, const char *sql, sqlite3_stmt **ret) {
        sqlite3_stmt *s = cache_find(db, sql);
        Cached *p;
        int code;

        if (s) {
                *ret = s;
                return 0;
        }
        p = reallocarray(db->cache, db->n_cache + 1, sizeof(Cached));
        if (!p)
                return -ENOMEM;
        db->cache = p;
        code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
        if (code != SQLITE_OK)
                return db_error(db->handle, code, sql);
        p[db->n_cache++] = (Cached) { .sql = sql, .statement = s };
        *ret = s;
        return 0;
}

void db_putp(sqlite3_stmt **s) {
        if (!*s)
                return;
        (void) sqlite3_reset(*s);
        (void) sqlite3_clear_bindings(*s);
}

static int db_vbind(sqlite3_stmt *s, const char *types, va_list ap) {
        int code = SQLITE_OK;

        for (int i = 1; *types && code == SQLITE_OK; types++, i++)
                switch (*types) {
                case 's': {
                        const char *text = va_arg(ap, const char *);

                        code = text ? sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT) : sqlite3_bind_null(s, i);
                        break;
                }
                case 'i':
                        code = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
                        break;
                case 't':
                        code = sqlite3_bind_int64(s, i, (int64_t) va_arg(ap, uint64_t));
                        break;
                case 'b':
                        code = sqlite3_bind_int(s, i, va_arg(ap, int));
                        break;
                default:
                        return -EINVAL;
                }
        return code == SQLITE_OK ? 0 : db_error(sqlite3_db_handle(s), code, "bind");
}

int db_bind(sqlite3_stmt *s, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = db_vbind(s, types, ap);
        va_end(ap);
        return r;
}

int db_next(sqlite3_stmt *s) {
        int code = sqlite3_step(s);

        if (code == SQLITE_ROW)
                return 1;
        return code == SQLITE_DONE ? 0 : db_error(sqlite3_db_handle(s), code, sqlite3_sql(s));
}

int db_step(sqlite3_stmt *s) {
        int r;

        while ((r = db_next(s)) > 0)
                ;
        if (r < 0)
                return r;
        if (!sqlite3_stmt_readonly(s) && sqlite3_get_autocommit(sqlite3_db_handle(s)))
                crash_point("db-committed");
        return sqlite3_stmt_readonly(s) || sqlite3_changes(sqlite3_db_handle(s)) > 0 ? 0 : -ENOENT;
}

/* A commit that waited for the disk took the lazy ones before it along: they are in the same file. */
static void committed(Db *db) {
        if (db->lazy == 0)
                db->unsynced = false;
}

static int db_vquery(Db *db, const char *sql, sqlite3_stmt **ret, const char *types, va_list ap) {
        int r = db_get(db, sql, ret);

        return r < 0 ? r : db_vbind(*ret, types, ap);
}

int db_exec(Db *db, const char *sql, const char *types, ...) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = db_vquery(db, sql, &s, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = db_step(s);
        if (r >= 0 && !sqlite3_stmt_readonly(s) && sqlite3_get_autocommit(db->handle))
                committed(db);
        return r;
}

int db_query(Db *db, const char *sql, sqlite3_stmt **ret, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = db_vquery(db, sql, ret, types, ap);
        va_end(ap);
        return r;
}

int db_query_row(Db *db, const char *sql, sqlite3_stmt **ret, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = db_vquery(db, sql, ret, types, ap);
        va_end(ap);
        if (r >= 0)
                r = db_next(*ret);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        return 0;
}

const char *db_text(sqlite3_stmt *s, int column) {
        return (const char *) sqlite3_column_text(s, column) ?: "";
}

int64_t db_int(sqlite3_stmt *s, int column) {
        return sqlite3_column_int64(s, column);
}

int db_texts(sqlite3_stmt *s, int column, char **const *fields) {
        for (; *fields; fields++, column++)
                if (str_replace(*fields, db_text(s, column)) < 0)
                        return -ENOMEM;
        return 0;
}

int db_read_config(sqlite3_stmt *s, Config *ret) {
        int r = 0;

        while (r >= 0 && (r = db_next(s)) > 0)
                r = config_set(ret, db_text(s, 0), db_text(s, 1));
        return r;
}

int db_read_strv(sqlite3_stmt *s, Strv *ret) {
        int r = 0;

        while (r >= 0 && (r = db_next(s)) > 0)
                r = strv_extend(ret, db_text(s, 0));
        return r;
}

int64_t db_last_id(Db *db) {
        return sqlite3_last_insert_rowid(db->handle);
}

int db_begin(Db *db) {
        return run_script(db->handle, "BEGIN IMMEDIATE");
}

int db_commit(Db *db) {
        int r = run_script(db->handle, "COMMIT");

        if (r >= 0) {
                committed(db);
                crash_point("db-committed");
        }
        return r;
}

static void set_synchronous(Db *db, const char *sql) {
        if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
                log_warning("Database: %s: %s", sql, sqlite3_errmsg(db->handle));
}

Db *db_lazy_begin(Db *db) {
        if (db->lazy++ == 0)
                set_synchronous(db, "PRAGMA synchronous = NORMAL");
        db->unsynced = true;
        return db;
}

void db_lazy_endp(Db **db) {
        if (*db && --(*db)->lazy == 0)
                set_synchronous(*db, "PRAGMA synchronous = FULL");
}

int db_sync(Db *db) {
        sqlite3_file *wal = NULL;

        if (!db->unsynced)
                return 0;
        if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) == SQLITE_OK && wal && wal->pMethods &&
            wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) != SQLITE_OK)
                return log_error_errno(-EIO, "Database: cannot write to the disk: %m");
        db->unsynced = false;
        return 0;
}

void db_rollback(Db *db) {
        if (!sqlite3_get_autocommit(db->handle))
                (void) run_script(db->handle, "ROLLBACK");
}
