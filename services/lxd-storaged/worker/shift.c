/* SPDX-License-Identifier: Apache-2.0 */
/* Changing owners by a plan. No name is followed that a guest could have made: everything is opened below the volume, link-free. */
#include "shift.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "crash.h"
#include "shift-plan.h"

#define DEPTH_MAX 512 /* descriptors are held on the way down */
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

typedef struct Shift {
        int volume_fd;
        IdMap from, to;
        FILE *plan;
        uint64_t records;
        HostError *error;
} Shift;

static void shift_done(Shift *s) {
        s->volume_fd = close_safe(s->volume_fd);
        id_map_done(&s->from);
        id_map_done(&s->to);
        fclosep(&s->plan);
}

static int text_to_map(const char *text, IdMap *ret) {
        _cleanup_strv_free_ Strv lines = NULL;
        int r = strv_split(text, "\n", &lines);

        return r < 0 ? r : id_map_parse(lines, ret);
}

/* ---- the mark ---- */

static int mark_read(int fd, char **ret) {
        _cleanup_free_ char *text = calloc(1, SHIFT_MARK_MAX + 1);
        ssize_t n;

        if (!text)
                return -ENOMEM;
        n = fgetxattr(fd, SHIFT_MARK, text, SHIFT_MARK_MAX);
        if (n < 0 && errno != ENODATA)
                return -errno;
        *ret = TAKE_PTR(text);
        return 0;
}

static int mark_write(int fd, const char *text) {
        if (text[0])
                return RET_ERRNO(fsetxattr(fd, SHIFT_MARK, text, strlen(text), 0));
        return fremovexattr(fd, SHIFT_MARK) < 0 && errno != ENODATA ? -errno : 0;
}

/* ---- planning ---- */

static void *memdup(const void *data, size_t size) {
        void *copy = malloc(size);

        return copy ? memcpy(copy, data, size) : NULL;
}

/* path: of the entry, by way of its directory's descriptor; not for symlinks. */
static int plan_attribute(Shift *s, const char *path, ShiftAttribute a, ShiftRecord *x) {
        unsigned char old[SHIFT_MARK_MAX], new[SHIFT_MARK_MAX];
        ShiftValue *values = x->values[a];
        ssize_t n = lgetxattr(path, shift_attribute_names[a], old, sizeof(old));
        size_t size = 0;

        if (n < 0)
                return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
        if (a == SHIFT_CAPABILITY)
                size = capability_translate(&s->from, &s->to, old, n, new);
        else {
                memcpy(new, old, n);
                size = acl_translate(&s->from, &s->to, new, n) ? (size_t) n : 0;
        }
        /* Capabilities are lost with every change of the owner, so they are always put back; as they are when nothing changes in them. */
        if (size == 0 && a != SHIFT_CAPABILITY)
                return 0;
        values[SHIFT_OLD] = (ShiftValue) { memdup(old, n), n };
        values[SHIFT_NEW] = size > 0 ? (ShiftValue) { memdup(new, size), size } : (ShiftValue) { memdup(old, n), n };
        return values[SHIFT_OLD].data && values[SHIFT_NEW].data ? 0 : -ENOMEM;
}

static int plan_entry(Shift *s, int dir_fd, const char *name, const char *path, const struct stat *st) {
        _cleanup_(shift_record_done) ShiftRecord x = {
                .path = strdup(path),
                .inode = st->st_ino,
                .mode = { st->st_mode, st->st_mode },
                .uid = { st->st_uid, id_translate(&s->from, &s->to, false, st->st_uid) },
                .gid = { st->st_gid, id_translate(&s->from, &s->to, true, st->st_gid) },
        };
        bool changes = x.uid[SHIFT_OLD] != x.uid[SHIFT_NEW] || x.gid[SHIFT_OLD] != x.gid[SHIFT_NEW];
        _cleanup_free_ char *link = NULL;
        int r;

        if (!x.path)
                return -ENOMEM;
        r = str_format(&link, "/proc/self/fd/%d/%s", dir_fd, name);
        for (int a = 0; r >= 0 && !S_ISLNK(st->st_mode) && a < SHIFT_ATTRIBUTE_MAX; a++) {
                r = plan_attribute(s, link, a, &x);
                changes |= x.values[a][SHIFT_NEW].data != NULL;
        }
        if (r < 0 || !changes)
                return r;
        s->records++;
        return shift_plan_add(s->plan, &x);
}

static int plan_tree(Shift *s, int dir_fd, const char *path, unsigned depth) {
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *entry;
        int fd;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
        d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                close_safe(fd);
                return -errno;
        }
        while (errno = 0, (entry = readdir(d))) {
                _cleanup_close_ int child = -EBADF;
                _cleanup_free_ char *below = NULL;
                struct stat st;
                int r;

                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return -errno;
                r = path[0] ? str_format(&below, "%s/%s", path, entry->d_name) : str_replace(&below, entry->d_name);
                if (r >= 0)
                        r = plan_entry(s, dir_fd, entry->d_name, below, &st);
                if (r < 0)
                        return host_error(s->error, r, "Failed to plan new owners: \"%s\"", strempty(below));
                if (!S_ISDIR(st.st_mode))
                        continue;
                child = open_resolve(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, BENEATH);
                if (child == -EXDEV)
                        continue; /* something is mounted there */
                r = child < 0 ? child : plan_tree(s, child, below, depth + 1);
                if (r < 0)
                        return host_error(s->error, r, "Failed to plan new owners below \"%s\"", below);
        }
        return -errno;
}

/* The directory above the guest's root is not the guest's, but its ids must be able to pass: LXD gives it to the guest's root, for search only. */
static int plan_volume_directory(Shift *s) {
        bool shifted = s->to.n > 0;
        struct stat st;

        if (fstat(s->volume_fd, &st) < 0)
                return -errno;
        s->records++;
        return shift_plan_add(s->plan, &(const ShiftRecord) {
                                               .path = (char *) ".",
                                               .inode = st.st_ino,
                                               .mode = { st.st_mode, S_IFDIR | (shifted ? 0100 : 0700) },
                                               .uid = { st.st_uid, id_translate(&s->from, &s->to, false, st.st_uid) },
                                               .gid = { st.st_gid, st.st_gid },
                                       });
}

static int plan_write(Shift *s, const char *below, const char *old_map, const char *new_map) {
        _cleanup_close_ int top = open_resolve(s->volume_fd, below ?: ".", O_RDONLY | O_DIRECTORY, 0, BENEATH);
        struct stat st;
        int r;

        if (top < 0)
                return host_error(s->error, top, "Failed to open \"%s\" of the volume", below ?: ".");
        r = fstat(top, &st) < 0 ? -errno : shift_plan_begin(s->plan, old_map, new_map);
        if (r >= 0 && below)
                r = plan_volume_directory(s);
        if (r >= 0)
                r = plan_entry(s, s->volume_fd, below ?: ".", below ?: ".", &st);
        if (r >= 0)
                r = plan_tree(s, top, below ?: "", 0);
        if (r >= 0)
                r = shift_plan_finish(s->plan, s->records);
        return r < 0 ? host_error(s->error, r, "Failed to write the plan of new owners") : 0;
}

/* ---- applying ---- */

/* Everything in full, whatever it is now: once more does no harm. */
static int apply_record(Shift *s, const ShiftRecord *x, ShiftSide side) {
        _cleanup_close_ int fd = open_resolve(s->volume_fd, x->path, O_PATH | O_NOFOLLOW, 0, BENEATH);
        _cleanup_free_ char *link = NULL;
        struct stat st;
        int r;

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_ino != x->inode || (st.st_mode & S_IFMT) != (x->mode[side] & S_IFMT))
                return 0; /* another file by now: not what was planned for */
        if ((st.st_uid != x->uid[side] || st.st_gid != x->gid[side]) &&
            fchownat(fd, "", x->uid[side], x->gid[side], AT_EMPTY_PATH) < 0)
                return -errno;
        if (S_ISLNK(x->mode[side]))
                return 0;
        r = str_format(&link, "/proc/self/fd/%d", fd);
        if (r < 0)
                return r;
        if (((x->mode[side] & (S_ISUID | S_ISGID)) || x->mode[SHIFT_OLD] != x->mode[SHIFT_NEW]) && chmod(link, x->mode[side] & 07777) < 0)
                return -errno;
        for (size_t a = 0; a < SHIFT_ATTRIBUTE_MAX; a++) {
                const ShiftValue *v = &x->values[a][side];

                if (v->data && setxattr(link, shift_attribute_names[a], v->data, v->size, 0) < 0)
                        return -errno;
        }
        return 0;
}

/* The plan is at its first record. */
static int apply_plan(Shift *s, ShiftSide side) {
        int r;

        for (;;) {
                _cleanup_(shift_record_done) ShiftRecord x = {};

                r = shift_plan_next(s->plan, &x);
                if (r <= 0)
                        return r < 0 ? host_error(s->error, r, "Failed to read the plan of new owners") : 0;
                r = apply_record(s, &x, side);
                if (r < 0)
                        return host_error(s->error, r, "Failed to change the owner of \"%s\"", x.path);
                crash_point("worker-shifted-one");
        }
}

static int plan_open(int dir_fd, const char *plan, int flags, FILE **ret) {
        int fd = openat(dir_fd, plan, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
        FILE *f;

        if (fd < 0)
                return -errno;
        f = fdopen(fd, flags == O_RDONLY ? "r" : "w+");
        if (!f) {
                close_safe(fd);
                return -errno;
        }
        *ret = f;
        return 0;
}

static int plan_remove(int dir_fd, const char *plan, HostError *e) {
        return unlinkat(dir_fd, plan, 0) < 0 && errno != ENOENT
                     ? host_error(e, -errno, "Failed to remove the plan of new owners")
                     : 0;
}

/* Back to what was before the plan, unless it was carried out to its end. */
static int undo_plan(Shift *s, const char *old_map, const char *new_map) {
        _cleanup_free_ char *mark = NULL;
        int r;

        r = mark_read(s->volume_fd, &mark);
        if (r < 0)
                return host_error(s->error, r, "Failed to read the id map of the volume");
        if (streq(mark, new_map))
                return 0;
        r = apply_plan(s, SHIFT_OLD);
        if (r >= 0) {
                r = mark_write(s->volume_fd, old_map);
                if (r < 0)
                        (void) host_error(s->error, r, "Failed to write the id map of the volume");
        }
        return r;
}

int shift_settle(int dir_fd, const char *name, const char *plan, HostError *e) {
        _cleanup_(shift_done) Shift s = { .volume_fd = -EBADF, .error = e };
        _cleanup_free_ char *old_map = NULL, *new_map = NULL;
        int r;

        r = plan_open(dir_fd, plan, O_RDONLY, &s.plan);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = shift_plan_check(s.plan, &old_map, &new_map);
        if (r < 0)
                return host_error(e, r, "Failed to read the plan of new owners");
        if (r > 0) {
                s.volume_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (s.volume_fd < 0 && errno != ENOENT)
                        return host_error(e, -errno, "Failed to open volume \"%s\"", name);
                r = s.volume_fd < 0 ? 0 : undo_plan(&s, old_map, new_map);
                if (r < 0)
                        return r;
        }
        return plan_remove(dir_fd, plan, e);
}

static int carry_out(Shift *s, int dir_fd, const char *plan, const char *below, const char *old_map, const char *new_map) {
        _cleanup_free_ char *a = NULL, *b = NULL;
        int r;

        r = plan_open(dir_fd, plan, O_RDWR | O_CREAT | O_EXCL, &s->plan);
        if (r < 0)
                return host_error(s->error, r, "Failed to make the plan of new owners");
        r = plan_write(s, below, old_map, new_map);
        if (r >= 0 && fsync(dir_fd) < 0)
                r = host_error(s->error, -errno, "Failed to write the plan of new owners");
        if (r < 0)
                return r;
        crash_point("worker-shift-planned");
        r = shift_plan_check(s->plan, &a, &b);
        if (r <= 0)
                return host_error(s->error, r < 0 ? r : -EIO, "Failed to read the plan of new owners");
        r = apply_plan(s, SHIFT_NEW);
        if (r < 0)
                return r;
        crash_point("worker-shift-before-mark");
        r = mark_write(s->volume_fd, new_map);
        if (r < 0)
                return host_error(s->error, r, "Failed to write the id map of the volume");
        crash_point("worker-shift-after-mark");
        return 0;
}

int shift_volume(int dir_fd, const char *name, const char *below, const char *plan, const char *map, uint64_t *ret_changed,
                 HostError *e) {
        _cleanup_(shift_done) Shift s = { .volume_fd = -EBADF, .error = e };
        _cleanup_free_ char *old_map = NULL;
        int r;

        r = shift_settle(dir_fd, name, plan, e);
        if (r < 0)
                return r;
        s.volume_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (s.volume_fd < 0)
                return host_error(e, -errno, "Failed to open volume \"%s\"", name);
        r = mark_read(s.volume_fd, &old_map);
        /* Tried before anything is touched: without it nobody would know later which ids these are. */
        if (r >= 0)
                r = mark_write(s.volume_fd, old_map);
        if (r < 0)
                return host_error(e, r, "Failed to keep the id map on volume \"%s\" (its file system needs extended attributes)", name);
        if (streq(old_map, map))
                return 0;
        r = text_to_map(old_map, &s.from);
        if (r >= 0)
                r = text_to_map(map, &s.to);
        if (r < 0)
                return host_error(e, r, "Failed to read the id maps of volume \"%s\"", name);
        r = carry_out(&s, dir_fd, plan, below, old_map, map);
        if (r < 0) {
                fclosep(&s.plan);
                s.plan = NULL;
                (void) shift_settle(dir_fd, name, plan, host_error_ignored());
                return r;
        }
        *ret_changed = s.records;
        return plan_remove(dir_fd, plan, e);
}
