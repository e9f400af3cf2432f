/* SPDX-License-Identifier: Apache-2.0 */
/* db: schema steps, errors as errno, rows, nested statements, transactions, what waits for the disk. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "db.h"

static const char schema_1[] = "-- a comment\n-- step 1\nCREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);\n";
static const char schema_2[] = "-- step 1\nCREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);\n"
                               "-- step 2\nCREATE TABLE b (a INTEGER NOT NULL REFERENCES a (id));\n";

static void place(char *dir, char path[static 64]) {
        assert_non_null(mkdtemp(dir));
        (void) snprintf(path, 64, "%s/test.db", dir);
}

static void steps(void **state) {
        char dir[] = "/tmp/lxd-test-XXXXXX", path[64];
        Db *db;

        place(dir, path);
        assert_int_equal(db_open(path, schema_1, &db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", "x"), 0);
        db_close(db);
        assert_int_equal(db_open(path, schema_2, &db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO b (a) VALUES (?1)", "i", (int64_t) 1), 0);
        db_close(db);
        assert_int_equal(db_open(path, schema_1, &db), -EPROTO);
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
}

static int count(const char *path, const char *name) {
        _cleanup_(db_closep) Db *db = NULL;
        _cleanup_stmt_ sqlite3_stmt *s = NULL;

        assert_int_equal(db_open(path, schema_1, &db), 0);
        assert_int_equal(db_get(db, "SELECT count(*) FROM a WHERE name = ?1", &s), 0);
        assert_int_equal(db_bind(s, "s", name), 0);
        assert_int_equal(db_next(s), 1);
        return (int) db_int(s, 0);
}

/* Three generations, the newest first, each a whole database; nothing for nothing; none of a damaged one, which stays as it is. */
static void backups(void **state) {
        char dir[] = "/tmp/lxd-test-XXXXXX", path[64], backup[80], name[2] = "a";
        _cleanup_free_ char *before = NULL, *after = NULL;
        Db *db;

        place(dir, path);
        assert_int_equal(setenv("LXD_BACKUP_SEC", "0", 1), 0);
        for (unsigned i = 0; i < 5; i++, name[0]++) {
                assert_int_equal(db_open(path, schema_1, &db), 0);
                assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", name), 0);
                db_close(db);
        }
        assert_int_equal(unsetenv("LXD_BACKUP_SEC"), 0); /* the last is not an hour old */
        for (unsigned i = 1; i <= 4; i++) {
                (void) snprintf(backup, sizeof(backup), "%s/backups/test.db.%u", dir, i);
                assert_int_equal(access(backup, F_OK), i <= 3 ? 0 : -1);
                if (i > 3)
                        continue;
                assert_int_equal(count(backup, (char[]) { (char) ('e' + 1 - i), 0 }), 1);
                assert_int_equal(count(backup, (char[]) { (char) ('e' + 2 - i), 0 }), 0);
        }

        assert_int_equal(truncate(path, 5000), 0);
        assert_int_equal(file_read(path, 10000, &before, NULL), 0);
        assert_int_equal(db_open(path, schema_1, &db), -EUCLEAN);
        assert_int_equal(file_read(path, 10000, &after, NULL), 0);
        assert_memory_equal(before, after, 5000);
        (void) snprintf(backup, sizeof(backup), "%s/backups/test.db.1", dir);
        assert_int_equal(count(backup, "e"), 1);
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
}

/* SQLite's calls end up here: the program comes before libc. */
static unsigned n_synced;

__attribute__((visibility("default"))) int fdatasync(int fd) {
        n_synced++;
        return (int) syscall(SYS_fdatasync, fd);
}

static unsigned synced(void) {
        unsigned n = n_synced;

        n_synced = 0;
        return n;
}

static void insert(Db *db, const char *name) {
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", name), 0);
}

static void lazy(void **state) {
        char dir[] = "/tmp/lxd-test-XXXXXX", path[64];
        Db *db, *other;

        place(dir, path);
        assert_int_equal(db_open(path, schema_1, &db), 0);
        insert(db, "first");
        (void) synced();

        insert(db, "kept");
        assert_int_equal(synced(), 1);
        assert_int_equal(db_sync(db), 0);
        assert_int_equal(synced(), 0);
        {
                DB_LAZY(db);

                insert(db, "lazy");
                {
                        _cleanup_(db_lazy_endp) Db *inner = db_lazy_begin(db);

                        insert(inner, "lazier");
                }
                assert_int_equal(db_begin(db), 0);
                insert(db, "in a transaction");
                assert_int_equal(db_commit(db), 0);
        }
        assert_int_equal(synced(), 0);

        /* The death of a process takes nothing back: another connection sees what there is. */
        assert_int_equal(db_open(path, schema_1, &other), 0);
        assert_int_equal(db_exec(other, "DELETE FROM a WHERE name = ?1", "s", "in a transaction"), 0);
        db_close(other);
        (void) synced();

        assert_int_equal(db_sync(db), 0);
        assert_int_equal(synced(), 1);
        assert_int_equal(db_sync(db), 0);
        assert_int_equal(synced(), 0);
        insert(db, "kept again");
        assert_int_equal(synced(), 1);
        db_close(db);
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
}

/* A commit that waits takes the lazy ones along, so there is nothing left to wait for. */
static void lazy_then_not(void **state) {
        char dir[] = "/tmp/lxd-test-XXXXXX", path[64];
        Db *db;

        place(dir, path);
        assert_int_equal(db_open(path, schema_1, &db), 0);
        {
                DB_LAZY(db);

                insert(db, "lazy");
        }
        (void) synced();
        insert(db, "kept");
        assert_int_equal(synced(), 1);
        assert_int_equal(db_sync(db), 0);
        assert_int_equal(synced(), 0);
        db_close(db);
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
}

static void errors(void **state) {
        _cleanup_(db_closep) Db *db = NULL;

        assert_int_equal(db_open(":memory:", schema_2, &db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", "x"), 0);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", "x"), -EEXIST);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", NULL), -EINVAL);
        assert_int_equal(db_exec(db, "DELETE FROM a WHERE name = ?1", "s", "nope"), -ENOENT);
        assert_int_equal(db_exec(db, "INSERT INTO b (a) VALUES (?1)", "i", (int64_t) 77), -EBUSY);
}

static void rows(void **state) {
        _cleanup_(db_closep) Db *db = NULL;
        _cleanup_stmt_ sqlite3_stmt *s = NULL, *t = NULL, *u = NULL, *v = NULL;
        _cleanup_free_ char *name = NULL, *none = NULL;
        _cleanup_(config_done) Config config = {};
        _cleanup_strv_free_ Strv names = NULL;
        _cleanup_free_ int64_t *ids = NULL;
        size_t n = 0;

        assert_int_equal(db_open(":memory:", schema_2, &db), 0);
        for (int64_t i = 1; i <= 9; i++)
                assert_int_equal(db_exec(db, "INSERT INTO a (id, name) VALUES (?1, char(96 + ?1))", "i", i), 0);

        assert_int_equal(db_query_row(db, "SELECT id, name, NULL FROM a WHERE name = ?1", &s, "s", "nope"), -ENOENT);
        db_putp(&s);
        assert_int_equal(db_query_row(db, "SELECT id, name, NULL FROM a WHERE id = ?1", &s, "i", (int64_t) 2), 0);
        assert_int_equal(DB_TEXTS(s, 1, &name, &none), 0);
        assert_string_equal(name, "b");
        assert_string_equal(none, "");

        assert_int_equal(db_query(db, "SELECT id FROM a WHERE id > ?1 ORDER BY id", &t, "i", (int64_t) 0), 0);
        for (; db_next(t) > 0; n++) {
                assert_true(ARRAY_GROW(ids, n));
                ids[n] = db_int(t, 0);
        }
        assert_int_equal(n, 9);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(ids[i], i + 1);

        assert_int_equal(db_query(db, "SELECT name, id FROM a WHERE id < ?1", &u, "i", (int64_t) 3), 0);
        assert_int_equal(db_read_config(u, &config), 0);
        assert_string_equal(config_get(&config, "b"), "2");
        assert_int_equal(db_query(db, "SELECT name FROM a WHERE id < ?1 ORDER BY id", &v, "i", (int64_t) 3), 0);
        assert_int_equal(db_read_strv(v, &names), 0);
        assert_int_equal(strv_length(names), 2);
        assert_string_equal(names[1], "b");
}

static void nested_and_rolled_back(void **state) {
        _cleanup_(db_closep) Db *db = NULL;
        static const char query[] = "SELECT name FROM a ORDER BY name";
        int n = 0;

        assert_int_equal(db_open(":memory:", schema_2, &db), 0);
        assert_int_equal(db_begin(db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", "x"), 0);
        db_rollback(db);
        db_rollback(db);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", "y"), 0);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", "z"), 0);
        for (int round = 0; round < 2; round++) {
                _cleanup_stmt_ sqlite3_stmt *s = NULL;

                assert_int_equal(db_get(db, query, &s), 0);
                while (db_next(s) > 0) {
                        _cleanup_stmt_ sqlite3_stmt *inner = NULL;

                        assert_int_equal(db_get(db, query, &inner), 0);
                        while (db_next(inner) > 0)
                                n++;
                }
        }
        assert_int_equal(n, 8);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(steps), cmocka_unit_test(lazy), cmocka_unit_test(lazy_then_not), cmocka_unit_test(errors),
                                            cmocka_unit_test(rows), cmocka_unit_test(nested_and_rolled_back),
                                            cmocka_unit_test(backups) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
