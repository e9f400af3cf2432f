/* SPDX-License-Identifier: Apache-2.0 */
/* lxd sql: looks into the databases of the daemons. */

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>

#include "lxd.h"

#define BUSY_MSEC 5000
#define QUERY_MAX (16U * 1024U * 1024U)

static void closep_db(sqlite3 **db) {
        (void) sqlite3_close_v2(*db);
}

static void finalizep(sqlite3_stmt **s) {
        (void) sqlite3_finalize(*s);
}

static int sql_fail(sqlite3 *db, const char *what) {
        return fail(-EINVAL, "%s: %s", what, sqlite3_errmsg(db));
}

/* "imaged", "lxd-imaged" and "images" all mean images.db: the daemon's name without "lxd-" and the last "d" begins the
 * file's. */
static bool name_means(const char *name, const char *stem) {
        _cleanup_free_ char *short_name = xstrdup(startswith(name, "lxd-") ?: name);
        size_t n = strlen(short_name);

        if (streq(short_name, stem))
                return true;
        if (n < 3 || short_name[n - 1] != 'd')
                return false;
        short_name[n - 1] = 0;
        return startswith(stem, short_name);
}

/* The database files that a name means: one, or all for "local" and "global". */
static int find_databases(const char *name, char ***ret) {
        bool all = streq(name, "local") || streq(name, "global");
        const char *state = getenv("LXD_DIR");
        _cleanup_free_ char *dir_path = xformat("%s/database", !isempty(state) ? state : LXD_STATE_DIR);
        _cleanup_closedir_ DIR *dir = opendir(dir_path);
        _cleanup_list_ char **files = NULL, **stems = NULL;

        if (!dir)
                return fail(-errno, "Cannot open %s: %m", dir_path);
        for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
                const char *suffix = endswith(d->d_name, ".db");
                _cleanup_free_ char *stem = suffix ? xstrndup(d->d_name, (size_t) (suffix - d->d_name)) : NULL;

                if (!stem)
                        continue;
                if (all || name_means(name, stem))
                        list_append(&files, xformat("%s/%s", dir_path, d->d_name));
                list_append(&stems, TAKE_PTR(stem));
        }
        if (!files) {
                Buffer known = {};

                buffer_puts(&known, "local, global");
                for (char **s = stems; s && *s; s++)
                        buffer_printf(&known, ", %s", *s);
                (void) fail(-EINVAL, "Invalid database type");
                fail_hint("There are: %s", known.data);
                buffer_done(&known);
                return -EINVAL;
        }
        *ret = TAKE_PTR(files);
        return 0;
}

static char *stem_of(const char *path) {
        const char *base = strrchr(path, '/') + 1;

        return xstrndup(base, strlen(base) - strlen(".db"));
}

/* All files are attached to an empty database in memory, each by the name of its file; a table is found without that
 * name if no other database has one that is called the same. */
static int open_databases(char *const *files, sqlite3 **ret) {
        _cleanup_(closep_db) sqlite3 *db = NULL;

        if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
                return sql_fail(db, "Cannot start SQLite");
        (void) sqlite3_busy_timeout(db, BUSY_MSEC);

        for (; *files; files++) {
                _cleanup_(finalizep) sqlite3_stmt *s = NULL;
                _cleanup_free_ char *stem = stem_of(*files), *escaped = api_escape(*files), *uri = NULL;

                /* Never create: a file that vanished is an error, not a new database. */
                for (char *p = strstr(escaped, "%2F"); p; p = strstr(p, "%2F")) {
                        *p = '/';
                        memmove(p + 1, p + 3, strlen(p + 3) + 1);
                }
                uri = xformat("file:%s?mode=rw", escaped);
                if (sqlite3_prepare_v2(db, "ATTACH DATABASE ?1 AS ?2", -1, &s, NULL) != SQLITE_OK ||
                    sqlite3_bind_text(s, 1, uri, -1, SQLITE_STATIC) != SQLITE_OK ||
                    sqlite3_bind_text(s, 2, stem, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(s) != SQLITE_DONE)
                        return sql_fail(db, *files);
        }
        (void) sqlite3_exec(db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL);
        *ret = TAKE_PTR(db);
        return 0;
}

static char *column_text(sqlite3_stmt *s, int i) {
        const char *text;

        switch (sqlite3_column_type(s, i)) {
        case SQLITE_NULL:
                return xstrdup("<nil>");
        case SQLITE_BLOB:
                return xformat("<%d bytes>", sqlite3_column_bytes(s, i));
        default:
                text = (const char*) sqlite3_column_text(s, i);
                return xstrdup(strempty(text));
        }
}

static int print_rows(sqlite3 *db, sqlite3_stmt *s) {
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_buffer_ Buffer text = {};
        int n = sqlite3_column_count(s), r;

        for (int i = 0; i < n; i++)
                table_title(table, sqlite3_column_name(s, i));
        while ((r = sqlite3_step(s)) == SQLITE_ROW)
                for (int i = 0; i < n; i++)
                        table_cell_take(table, column_text(s, i));
        if (r != SQLITE_DONE)
                return sql_fail(db, "Failed to exec query");

        table_render(table, TABLE_VERBATIM, &text);
        return output_bytes(text.data, text.size);
}

static int run_statement(sqlite3 *db, sqlite3_stmt *s) {
        if (sqlite3_column_count(s) > 0)
                return print_rows(db, s);
        if (sqlite3_step(s) != SQLITE_DONE)
                return sql_fail(db, "Failed to exec query");
        printf("Rows affected: %d\n", sqlite3_changes(db));
        fflush(stdout);
        return 0;
}

/* One statement is answered plainly, several are numbered. */
static int run_query(sqlite3 *db, const char *query) {
        bool several = false;

        for (unsigned n = 0;; n++) {
                _cleanup_(finalizep) sqlite3_stmt *s = NULL;
                const char *rest;
                int r;

                if (sqlite3_prepare_v2(db, query, -1, &s, &rest) != SQLITE_OK)
                        return sql_fail(db, "Failed to exec query");
                if (!s)
                        return 0;
                if (n == 0)
                        several = rest[strspn(rest, "; \t\r\n")] != 0;
                if (several)
                        printf("=> Query %u:\n\n", n);
                fflush(stdout);
                r = run_statement(db, s);
                if (r < 0)
                        return r;
                if (several)
                        putchar('\n');
                query = rest;
        }
}

static int dump_rows(sqlite3 *db, const char *schema, const char *table) {
        _cleanup_(finalizep) sqlite3_stmt *s = NULL;
        char *sql = sqlite3_mprintf("SELECT * FROM \"%w\".\"%w\"", schema, table);
        int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

        sqlite3_free(sql);
        if (r != SQLITE_OK)
                return sql_fail(db, table);
        while ((r = sqlite3_step(s)) == SQLITE_ROW) {
                printf("INSERT INTO \"%s\" VALUES(", table);
                for (int i = 0; i < sqlite3_column_count(s); i++) {
                        const unsigned char *text = sqlite3_column_text(s, i);
                        char *quoted = sqlite3_column_type(s, i) == SQLITE_TEXT ? sqlite3_mprintf("%Q", text) :
                                       sqlite3_mprintf("%s", text ? (const char*) text : "NULL");

                        printf("%s%s", i > 0 ? "," : "", quoted);
                        sqlite3_free(quoted);
                }
                printf(");\n");
        }
        return r == SQLITE_DONE ? 0 : sql_fail(db, table);
}

static int dump(sqlite3 *db, const char *path, bool rows) {
        _cleanup_(finalizep) sqlite3_stmt *s = NULL;
        _cleanup_free_ char *schema = stem_of(path);
        char *sql = sqlite3_mprintf("SELECT name, sql, type FROM \"%w\".sqlite_master WHERE sql IS NOT NULL", schema);
        int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

        sqlite3_free(sql);
        if (r != SQLITE_OK)
                return sql_fail(db, path);
        printf("-- %s\n", path);
        while ((r = sqlite3_step(s)) == SQLITE_ROW) {
                printf("%s;\n", (const char*) sqlite3_column_text(s, 1));
                if (rows && streq((const char*) sqlite3_column_text(s, 2), "table")) {
                        int q = dump_rows(db, schema, (const char*) sqlite3_column_text(s, 0));
                        if (q < 0)
                                return q;
                }
        }
        return r == SQLITE_DONE ? 0 : sql_fail(db, path);
}

static int read_query(Buffer *b) {
        ssize_t n;

        do {
                n = read(STDIN_FILENO, buffer_reserve(b, 65536), 65536);
                if (n < 0 && errno != EINTR)
                        return fail(-errno, "Cannot read standard input: %m");
                b->size += (size_t) MAX(n, (ssize_t) 0);
                b->data[b->size] = 0;
                if (b->size > QUERY_MAX)
                        return fail(-EFBIG, "The query has more than %u bytes", QUERY_MAX);
        } while (n != 0);
        return 0;
}

static int run(Context *c) {
        _cleanup_list_ char **files = NULL;
        _cleanup_(closep_db) sqlite3 *db = NULL;
        _cleanup_buffer_ Buffer text = {};
        const char *query = c->args[1];
        int r;

        r = find_databases(c->args[0], &files);
        if (r >= 0)
                r = open_databases(files, &db);
        if (r < 0)
                return r;

        if (streq(query, ".dump") || streq(query, ".schema")) {
                for (char **f = files; *f && r >= 0; f++)
                        r = dump(db, *f, streq(query, ".dump"));
                return r;
        }
        if (streq(query, "-")) {
                r = read_query(&text);
                if (r < 0)
                        return r;
                query = text.data;
        }
        return run_query(db, query);
}

const Command command_sql = {
        .name = "sql",
        .usage = "<local|global|DAEMON> <query>",
        .summary = "Execute a SQL query against the LXD local or global database",
        .description =
                "Each daemon has an SQLite database of its own below /var/lib/lxd/database. DAEMON is the daemon's name\n"
                "(lxd-imaged, imaged) or the file's (images). local and global are all of them at once: then a table is\n"
                "written as images.aliases if its name alone is not clear.\n"
                "\n"
                "The query - is read from standard input; .schema and .dump print SQL text. Changes are made at once, with\n"
                "no daemon asked: what one of them knows by heart it will not notice. This is for looking, and for repair.",
        .min_args = 2,
        .max_args = 2,
        .uncommon = true,
        .run = run,
};
