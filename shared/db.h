/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite as all daemons use it: one file, one connection, WAL, numbered schema steps. */
#pragma once

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "keyvalue.h"

typedef struct Db Db;

/* Embeds a schema file: DB_SCHEMA(netd_schema, "db-schema.sql") with DB_SCHEMA_DIR from meson; steps are divided by lines "-- step N". */
#define DB_SCHEMA(symbol, file)                                                                               \
        __asm__(".section .rodata\n.global " #symbol "\n.type " #symbol ", @object\n" #symbol ":\n"            \
                ".incbin \"" DB_SCHEMA_DIR "/" file "\"\n.byte 0\n.previous\n");                              \
        extern const char symbol[]

/* Opens (creates, 0600) the file, or ":memory:", and brings it to the last step of schema. A newer database is refused (-EPROTO), a damaged one is left
 * as it is (-EUCLEAN). 0, -errno. */
int db_open(const char *path, const char *schema, Db **ret);
/* Makes a backup first if one is due (db-backup.h). */
Db *db_close(Db *db);
DEFINE_CLEANUP(Db, db_close)
sqlite3 *db_handle(Db *db);
const char *db_path(Db *db);
/* Says in the journal, with its message id, that the database is damaged. -EUCLEAN. */
int db_log_damage(const char *path, const char *reason);

/* A prepared statement from the connection's cache (keyed by the text's address: pass literals only), reset and unbound. 0, -errno.
 * Give it back with db_put() (cleanup attribute _cleanup_(db_putp)). */
int db_get(Db *db, const char *sql, sqlite3_stmt **ret);
void db_putp(sqlite3_stmt **s);
#define _cleanup_stmt_ _cleanup_(db_putp)

/* Binds by the letters of types: s text (NULL = NULL), i int64_t, t uint64_t, b bool (int). db_bind(s, "si", name, (int64_t) id). 0, -errno. */
int db_bind(sqlite3_stmt *s, const char *types, ...);
/* One step of a query: 1 row, 0 end, -errno. */
int db_next(sqlite3_stmt *s);
/* Runs to the end. 0; -ENOENT when no row changed; -EEXIST on a unique constraint; -EBUSY on a foreign key; -errno. */
int db_step(sqlite3_stmt *s);
/* get + bind + step in one. */
int db_exec(Db *db, const char *sql, const char *types, ...);
/* get + bind in one: the rows are to be read. */
int db_query(Db *db, const char *sql, sqlite3_stmt **ret, const char *types, ...);
/* The same, and its first row, which must be there: 0, -ENOENT, -errno. */
int db_query_row(Db *db, const char *sql, sqlite3_stmt **ret, const char *types, ...);

/* Of the row a statement is at. */
const char *db_text(sqlite3_stmt *s, int column); /* "" for NULL */
int64_t db_int(sqlite3_stmt *s, int column);
/* Copies the text of this column and the next ones: DB_TEXTS(s, 1, &n.name, &n.description). 0, -ENOMEM. */
#define DB_TEXTS(s, column, ...) db_texts(s, column, (char **const[]) { __VA_ARGS__, NULL })
int db_texts(sqlite3_stmt *s, int column, char **const *fields);

/* All rows that are left, added to *ret: (key, value), or one text. 0, -errno. */
int db_read_config(sqlite3_stmt *s, Config *ret);
int db_read_strv(sqlite3_stmt *s, Strv *ret);

int64_t db_last_id(Db *db);

/* Transactions: BEGIN IMMEDIATE ... db_commit(); the cleanup attribute rolls back what was not committed. Not nested. */
int db_begin(Db *db);
int db_commit(Db *db);

/* A commit waits for the disk: what it says survives a power failure. Where that is not needed, a scope opened with
 *
 *         DB_LAZY(db);
 *
 * makes commits, single statements too, that survive the death of every process, but that a power failure may take back, always in
 * their order: the file is consistent, as it was after some earlier commit. For
 * - marks of something begun (pending, changing, deleting): db_sync() once the work has been handed to whoever does it, so that the
 *   disk is waited for while it is done, and not before;
 * - what would only be done again, if it were forgotten, with the same result: removing the row of what is marked as deleting;
 * - what is true until the host reboots: who has a volume mounted, which NIC is which. */
#define DB_LAZY(db) __attribute__((unused)) _cleanup_(db_lazy_endp) Db *db_lazy_scope = db_lazy_begin(db)
Db *db_lazy_begin(Db *db); /* returns db; scopes can nest */
void db_lazy_endp(Db **db);

/* Waits until all that was committed lazily is on the disk; nothing to do when nothing was, or in memory. 0, -EIO. */
int db_sync(Db *db);
void db_rollback(Db *db); /* no transaction open: nothing */
static inline void db_rollbackp(Db **db) {
        if (*db)
                db_rollback(*db);
}
