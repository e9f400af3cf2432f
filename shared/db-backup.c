/* SPDX-License-Identifier: Apache-2.0 */
/* Generations of backups, made by VACUUM INTO: a complete, compact copy of one moment, without a lock on writers. */
#include "db-backup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "log.h"

#define INTERVAL_SEC 3600

static uint64_t interval(void) {
        const char *e = secure_getenv("LXD_BACKUP_SEC");
        uint64_t sec;

        return e && parse_u64(e, &sec) >= 0 ? sec : INTERVAL_SEC;
}

typedef struct Places {
        char *dir, *fresh, *generation[DB_BACKUPS];
} Places;

static void places_done(Places *p) {
        free(p->dir);
        free(p->fresh);
        for (size_t i = 0; i < DB_BACKUPS; i++)
                free(p->generation[i]);
}

static int places_make(const char *path, Places *ret) {
        const char *name = strrchr(path, '/') + 1;
        int r;

        r = str_format(&ret->dir, "%.*sbackups", (int) (name - path), path);
        if (r >= 0)
                r = str_format(&ret->fresh, "%s/.%s.new", ret->dir, name);
        for (size_t i = 0; r >= 0 && i < DB_BACKUPS; i++)
                r = str_format(&ret->generation[i], "%s/%s.%zu", ret->dir, name, i + 1);
        return r;
}

/* An empty write-ahead log is there since the database was opened. */
static time_t changed_at(const char *path) {
        struct stat st;

        return stat(path, &st) < 0 || st.st_size == 0 ? 0 : st.st_mtime;
}

static bool is_due(const char *path, const char *newest) {
        _cleanup_free_ char *wal = NULL;
        time_t last = changed_at(newest), now = (time_t) (now_realtime() / USEC_PER_SEC);

        if (last == 0)
                return true;
        if (str_format(&wal, "%s-wal", path) < 0)
                return false;
        /* In the same second counts as changed: one backup too many is none too few. A clock that was set back does not stop them. */
        return (changed_at(path) >= last || changed_at(wal) >= last) && (last > now || (uint64_t) (now - last) >= interval());
}

static int on_check_row(void *userdata, int n, char **values, char **names) {
        if (n > 0 && values[0] && streq(values[0], "ok"))
                return 0;
        return str_replace(userdata, n > 0 ? values[0] : "") < 0;
}

/* 0, -EUCLEAN (logged), -errno. */
static int check(Db *db) {
        _cleanup_free_ char *problem = NULL;
        int code = sqlite3_exec(db_handle(db), "PRAGMA integrity_check(1)", on_check_row, &problem, NULL);

        if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || problem)
                return db_log_damage(db_path(db), problem ?: sqlite3_errmsg(db_handle(db)));
        return code == SQLITE_OK ? 0 : -EIO;
}

static int copy(Db *db, const char *to) {
        char *sql = sqlite3_mprintf("VACUUM INTO %Q", to);
        _cleanup_close_ int fd = -EBADF;
        int code = sql ? sqlite3_exec(db_handle(db), sql, NULL, NULL, NULL) : SQLITE_NOMEM;

        sqlite3_free(sql);
        if (code != SQLITE_OK)
                return code == SQLITE_FULL ? -ENOSPC : code == SQLITE_NOMEM ? -ENOMEM : -EIO;
        fd = open(to, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int rotate(const Places *p) {
        _cleanup_close_ int dir = -EBADF;

        for (size_t i = DB_BACKUPS - 1; i > 0; i--)
                if (rename(p->generation[i - 1], p->generation[i]) < 0 && errno != ENOENT)
                        return -errno;
        if (rename(p->fresh, p->generation[0]) < 0)
                return -errno;
        dir = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir < 0 || fsync(dir) < 0 ? -errno : 0;
}

static int make(Db *db, const Places *p) {
        mode_t old;
        int r;

        r = mkdir(p->dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
        if (r >= 0 && unlink(p->fresh) < 0 && errno != ENOENT)
                r = -errno;
        old = umask(0077);
        if (r >= 0)
                r = copy(db, p->fresh);
        (void) umask(old);
        return r < 0 ? r : rotate(p);
}

int db_backup_if_due(Db *db) {
        _cleanup_(places_done) Places p = {};
        int r;

        if (db_path(db)[0] != '/')
                return 0;
        r = places_make(db_path(db), &p);
        if (r < 0)
                return r;
        if (!is_due(db_path(db), p.generation[0]))
                return 0;
        r = check(db);
        if (r < 0)
                return r;
        r = make(db, &p);
        if (r < 0) {
                (void) unlink(p.fresh);
                return log_warning_errno(r, "Failed to make a backup of the database %s: %m. Earlier ones are kept.", db_path(db));
        }
        return 1;
}

static int on_hour(sd_event_source *s, uint64_t usec, void *userdata) {
        int r;

        (void) db_backup_if_due(userdata);
        r = sd_event_source_set_time_relative(s, INTERVAL_SEC * USEC_PER_SEC);
        return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int db_backup_hourly(sd_event *event, Db *db, sd_event_source **ret) {
        return sd_event_add_time_relative(event, ret, CLOCK_MONOTONIC, INTERVAL_SEC * USEC_PER_SEC, USEC_PER_SEC, on_hour, db);
}
