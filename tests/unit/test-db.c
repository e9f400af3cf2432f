/* SPDX-License-Identifier: Apache-2.0 */
/* db: schema steps, errors as errno, nested statements, transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "db.h"

static const char schema_1[] = "-- a comment\n-- step 1\nCREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);\n";
static const char schema_2[] = "-- step 1\nCREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);\n"
                               "-- step 2\nCREATE TABLE b (a INTEGER NOT NULL REFERENCES a (id));\n";

static void steps(void **state) {
        char path[] = "/tmp/lxd-test-XXXXXX";
        Db *db;

        assert_true(mkstemp(path) >= 0);
        assert_int_equal(db_open(path, schema_1, &db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO a (name) VALUES (?1)", "s", "x"), 0);
        db_close(db);
        assert_int_equal(db_open(path, schema_2, &db), 0);
        assert_int_equal(db_exec(db, "INSERT INTO b (a) VALUES (?1)", "i", (int64_t) 1), 0);
        db_close(db);
        assert_int_equal(db_open(path, schema_1, &db), -EPROTO);
        (void) unlink(path);
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
        const struct CMUnitTest tests[] = { cmocka_unit_test(steps), cmocka_unit_test(errors),
                                            cmocka_unit_test(nested_and_rolled_back) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
