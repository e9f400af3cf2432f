/* SPDX-License-Identifier: Apache-2.0 */
/* lxd database: whether the daemons' databases are sound, and their backups. Works without the daemons. */

#include <fcntl.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "lxd.h"

#define BACKUPS 3       /* as many as shared/db-backup.h keeps */

extern char **environ;

typedef struct Database {
        const char *name;       /* of the file, without .db */
        const char *daemon;
} Database;

static const Database databases[] = {
        { "cluster", "lxd-clusterd" }, { "images", "lxd-imaged" },    { "instanced", "lxd-instanced" },
        { "network", "lxd-netd" },     { "storage", "lxd-storaged" },
};

static bool arg_damaged = false;

static const char *state_dir(void) {
        const char *e = getenv("LXD_DIR");

        return isempty(e) ? LXD_STATE_DIR : e;
}

static char *database_path(const Database *d) {
        return xformat("%s/database/%s.db", state_dir(), d->name);
}

static char *backup_path(const Database *d, unsigned generation) {
        return xformat("%s/database/backups/%s.db.%u", state_dir(), d->name, generation);
}

static const Database *find_database(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(databases); i++)
                if (streq(name, databases[i].name) || streq(name, databases[i].daemon) ||
                    streq(name, databases[i].daemon + STRLEN("lxd-")))
                        return &databases[i];
        (void) fail(-EINVAL, "There is no database \"%s\"", name);
        fail_hint("There are: cluster, images, instanced, network, storage");
        return NULL;
}

static int on_row(void *userdata, int n, char **values, char **names) {
        char **problem = userdata;

        if (n > 0 && values[0] && !streq(values[0], "ok") && !*problem)
                *problem = xstrdup(values[0]);
        return 0;
}

/* What is wrong with the file, or NULL. Nothing is written. */
static char *find_damage(const char *path) {
        _cleanup_free_ char *problem = NULL;
        sqlite3 *db = NULL;

        if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
            sqlite3_exec(db, "PRAGMA query_only=ON; PRAGMA integrity_check", on_row, &problem, NULL) != SQLITE_OK) {
                free(problem);
                problem = xstrdup(sqlite3_errmsg(db));
        }
        (void) sqlite3_close_v2(db);
        return TAKE_PTR(problem);
}

static int run_check(Context *c) {
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(databases); i++) {
                _cleanup_free_ char *path = database_path(&databases[i]), *problem = NULL;

                if (access(path, F_OK) < 0)
                        continue;
                problem = find_damage(path);
                printf("%s: %s\n", databases[i].name, problem ?: "ok");
                if (problem)
                        r = fail(-EUCLEAN, "The database \"%s\" is damaged", databases[i].name);
        }
        if (r < 0)
                fail_hint("\"lxd database restore NAME\" puts its newest backup in its place.");
        return r;
}

static int run_list(Context *c) {
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_buffer_ Buffer text = {};

        table_title(table, "NAME");
        table_title(table, "GENERATION");
        table_title(table, "MADE AT");
        table_title(table, "SIZE");
        for (size_t i = 0; i < ELEMENTSOF(databases); i++)
                for (unsigned g = 1; g <= BACKUPS; g++) {
                        _cleanup_free_ char *path = backup_path(&databases[i], g);
                        char when[64];
                        struct stat st;
                        struct tm tm;

                        if (stat(path, &st) < 0)
                                continue;
                        (void) strftime(when, sizeof(when), "%F %T %Z", localtime_r(&st.st_mtime, &tm));
                        table_cell(table, databases[i].name);
                        table_cellf(table, "%u", g);
                        table_cell(table, when);
                        table_cellf(table, "%jd", (intmax_t) st.st_size);
                }
        table_render(table, TABLE_VERBATIM, &text);
        return output_bytes(text.data, text.size);
}

static int systemctl(const char *verb, const Database *d, bool service) {
        _cleanup_free_ char *socket_unit = xformat("%s.socket", d->daemon), *service_unit = xformat("%s.service", d->daemon);
        char *argv[] = { (char *) "systemctl", (char *) verb, socket_unit, service ? service_unit : NULL, NULL };
        int status, r;
        pid_t pid;

        r = posix_spawnp(&pid, "systemctl", NULL, NULL, argv, environ);
        if (r != 0)
                return fail(-r, "Cannot run systemctl: %s", strerror(r));
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : fail(-EIO, "Cannot %s %s", verb, socket_unit);
}

/* A copy with the owner and mode of the original, on disk when this returns. */
static int copy_file(const char *from, const char *to) {
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -EBADF;
        struct stat st;
        ssize_t n;

        if (in < 0 || fstat(in, &st) < 0)
                return fail(-errno, "Cannot open %s: %m", from);
        (void) unlink(to);
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (out < 0)
                return fail(-errno, "Cannot create %s: %m", to);
        while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
                ;
        if (n < 0 || fchown(out, st.st_uid, st.st_gid) < 0 || fchmod(out, st.st_mode & 0777) < 0 || fsync(out) < 0) {
                int error = errno;

                (void) unlink(to);
                return fail(-error, "Cannot write %s: %s", to, strerror(error));
        }
        return 0;
}

/* What is there is kept under another name, with the files that belong to it, whatever state it is in. */
static int set_aside(const char *path, const char *aside) {
        static const char *const parts[] = { "-wal", "-shm", "" }; /* the file itself last: until then this can be repeated */

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                _cleanup_free_ char *from = xformat("%s%s", path, parts[i]), *to = xformat("%s%s", aside, parts[i]);

                if (rename(from, to) < 0 && errno != ENOENT)
                        return fail(-errno, "Cannot rename %s: %m", from);
        }
        return 0;
}

static int replace(const Database *d, const char *backup) {
        _cleanup_free_ char *path = database_path(d), *fresh = xformat("%s.restore", path), *aside = NULL;
        char when[32];
        time_t now = time(NULL);
        struct tm tm;
        int r;

        (void) strftime(when, sizeof(when), "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
        aside = xformat("%s.before-%s", path, when);
        r = copy_file(backup, fresh);
        if (r >= 0)
                r = set_aside(path, aside);
        if (r < 0)
                return r;
        if (rename(fresh, path) < 0)
                return fail(-errno, "Cannot rename %s: %m", fresh);
        printf("Restored %s from %s; what was there is kept as %s.\n", d->name, backup, aside);
        return 0;
}

static int run_restore(Context *c) {
        const Database *d = find_database(c->args[0]);
        _cleanup_free_ char *backup = NULL, *problem = NULL, *path = NULL;
        unsigned generation = c->n_args > 1 ? (unsigned) strtoul(c->args[1], NULL, 10) : 1;
        int r, k;

        if (!d)
                return -EINVAL;
        path = database_path(d);
        backup = backup_path(d, generation);
        if (access(backup, F_OK) < 0) {
                (void) fail(-errno, "There is no backup %s: %m", backup);
                fail_hint("\"lxd database list\" shows which there are.");
                return -ENOENT;
        }
        problem = find_damage(backup);
        if (problem)
                return fail(-EUCLEAN, "The backup %s is damaged itself (%s): try another generation", backup, problem);
        if (arg_damaged && access(path, F_OK) >= 0) {
                _cleanup_free_ char *damage = find_damage(path);

                if (!damage) {
                        printf("%s is sound: nothing to do.\n", d->name);
                        return 0;
                }
        }
        r = systemctl("stop", d, true);
        if (r < 0)
                return r;
        r = replace(d, backup);
        k = systemctl("start", d, false);
        return r < 0 ? r : k;
}

static const Command command_check = {
        .name = "check",
        .summary = "Check the databases for damage",
        .run = run_check,
};

static const Command command_list = {
        .name = "list",
        .aliases = "ls",
        .summary = "List the backups",
        .run = run_list,
};

static const Option restore_options[] = {
        { 0, "damaged", OPTION_BOOL, &arg_damaged, "Only if the database is damaged" },
        {},
};

static const Command command_restore = {
        .name = "restore",
        .usage = "<NAME> [<GENERATION>]",
        .summary = "Put a backup in the place of a database",
        .description = "The newest backup (generation 1) if no other is named. The daemon is stopped meanwhile; running instances are not\n"
                       "touched. The present file is kept under another name. What was made since the backup is then unknown to\n"
                       "LXD, but still there: directories, subvolumes and interfaces have to be looked after by hand.",
        .options = restore_options,
        .min_args = 1,
        .max_args = 2,
        .run = run_restore,
};

const Command command_database = {
        .name = "database",
        .summary = "Check the databases of the daemons, and restore backups",
        .description = "Each daemon keeps one SQLite file in /var/lib/lxd/database and backs it up: when it ends or once an hour, if\n"
                       "something changed. The last three are in /var/lib/lxd/database/backups, 1 is the newest.",
        .children = (const Command *const[]) { &command_check, &command_list, &command_restore, NULL },
};
