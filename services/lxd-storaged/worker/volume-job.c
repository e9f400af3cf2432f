/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs on volumes: made under a temporary name and renamed when complete, or made at once by a snapshot. */
#include "volume-job.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "crash.h"
#include "shift.h"
#include "unpack.h"

/* A volume's place: the open directory above it and its names there. */
typedef struct Place {
        int dir_fd;
        const char *name;
        char *new_name;
        char *old_name;
        char *plan_name; /* of a change of owners */
} Place;

static void place_done(Place *p) {
        close_safe(p->dir_fd);
        free(p->new_name);
        free(p->old_name);
        free(p->plan_name);
}

#define PLACE_NULL { .dir_fd = -EBADF }

/* The directory above a volume. make: makes it when it is missing (of a volume's snapshots, 0700). */
static int parent_open(int root_fd, const char *path, bool make, const char **ret_name) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *dir = NULL;

        if (!slash || slash[1] == '\0')
                return -EINVAL;
        dir = strndup(path, slash - path);
        if (!dir)
                return -ENOMEM;
        if (make && mkdirat(root_fd, dir, 0700) < 0 && errno != EEXIST)
                return -errno;
        *ret_name = slash + 1;
        return open_resolve(root_fd, dir, O_RDONLY | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int place_open(const HostPool *p, int root_fd, const char *path, const char *id, bool make, Place *ret) {
        _cleanup_(place_done) Place place = PLACE_NULL;
        int r;

        place.dir_fd = parent_open(root_fd, path, make, &place.name);
        if (place.dir_fd < 0)
                return place.dir_fd;
        r = str_format(&place.new_name, ".new %s", id);
        if (r >= 0)
                r = str_format(&place.old_name, ".old %s", id);
        if (r >= 0)
                r = str_format(&place.plan_name, ".shift %s", id);
        if (r < 0)
                return r;
        *ret = place;
        place = (Place) PLACE_NULL;
        return 0;
}

static int open_volume(int dir_fd, const char *name) {
        return RET_ERRNO(openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/* The last steps on a volume before it can be used. 1 = they changed something, 0 = it was right already. */
static int finish_volume(const Backend *b, HostPool *p, int dir_fd, const char *name, int mode, bool readonly, uint64_t quota, HostError *e) {
        _cleanup_close_ int fd = open_volume(dir_fd, name);
        bool changed = false;
        struct stat st;
        int r = 0;

        if (fd < 0 || fstat(fd, &st) < 0)
                return host_error(e, fd < 0 ? fd : -errno, "Failed to open the new volume");
        if (mode >= 0 && (st.st_mode & 07777) != (unsigned) mode) {
                if (fchmod(fd, mode) < 0)
                        return host_error(e, -errno, "Failed to set the mode of the new volume");
                changed = true;
        }
        if (b->volume_set_quota) /* 0 too: a btrfs snapshot inherits the limit of its source */
                r = b->volume_set_quota(p, fd, quota, e);
        changed |= r > 0;
        if (r >= 0 && readonly && b->volume_set_readonly)
                r = b->volume_set_readonly(p, fd, true, e);
        return r < 0 ? r : changed;
}

static int give_name(const Place *place, HostError *e) {
        crash_point("worker-before-rename");
        if (renameat2(place->dir_fd, place->new_name, place->dir_fd, place->name, RENAME_NOREPLACE) < 0)
                return host_error(e, -errno, "Failed to name the new volume \"%s\"", place->name);
        crash_point("worker-after-rename");
        return 0;
}

/* flush_files: it was filled with files. */
static int publish(const Backend *b, HostPool *p, const Place *place, bool flush_files, HostError *e) {
        int r = give_name(place, e);

        if (r < 0)
                return r;
        r = flush_files ? b->flush_files(p, e) : b->flush_names(p, place->dir_fd, e);
        if (r < 0)
                (void) b->volume_delete(p, place->dir_fd, place->name, host_error_ignored());
        return r;
}

/* What an earlier job of this id, killed in the middle, left. */
static int clear_new(const Backend *b, HostPool *p, const Place *place, HostError *e) {
        return b->volume_delete(p, place->dir_fd, place->new_name, e);
}

int volume_create(const Backend *b, HostPool *p, const char *to, const char *id, unsigned mode, bool rootfs,
                  uint64_t quota, HostError *e) {
        _cleanup_(place_done) Place place = PLACE_NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = place_open(p, p->fd, to, id, false, &place);
        if (r < 0)
                return host_error(e, r, "Failed to open the place of volume \"%s\"", to);
        r = clear_new(b, p, &place, e);
        if (r >= 0)
                r = b->volume_create(p, place.dir_fd, place.new_name, e);
        if (r >= 0 && rootfs) {
                fd = open_volume(place.dir_fd, place.new_name);
                r = fd < 0 || mkdirat(fd, "rootfs", 0755) < 0 || fchmodat(fd, "rootfs", 0755, 0) < 0 ? -errno : 0;
                if (r < 0)
                        (void) host_error(e, r, "Failed to create rootfs/");
        }
        if (r >= 0)
                r = finish_volume(b, p, place.dir_fd, place.new_name, (int) mode, false, quota, e);
        if (r >= 0)
                r = publish(b, p, &place, false, e);
        if (r < 0)
                (void) clear_new(b, p, &place, host_error_ignored());
        return r;
}

int volume_create_image(const Backend *b, HostPool *p, const char *to, const char *id, const VolumeImage *image,
                        void (*progress)(unsigned percent), HostError *e) {
        _cleanup_(place_done) Place place = PLACE_NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = place_open(p, p->fd, to, id, false, &place);
        if (r < 0)
                return host_error(e, r, "Failed to open the place of image volume \"%s\"", to);
        r = clear_new(b, p, &place, e);
        if (r >= 0)
                r = b->volume_create(p, place.dir_fd, place.new_name, e);
        if (r >= 0) {
                fd = open_volume(place.dir_fd, place.new_name);
                r = fd < 0 ? host_error(e, fd, "Failed to open the new volume")
                           : unpack_image(image->format, image->metadata_fd, image->rootfs_fd, fd, progress, e);
        }
        if (r >= 0)
                r = finish_volume(b, p, place.dir_fd, place.new_name, 0700, true, 0, e);
        if (r >= 0)
                r = publish(b, p, &place, true, e);
        if (r < 0)
                (void) clear_new(b, p, &place, host_error_ignored());
        return r;
}

/* Nothing is to be waited for, unless the snapshot has to differ from its source. */
static int copy_by_snapshot(const Backend *b, HostPool *p, const Place *from, const Place *to, const VolumePair *pair, uint64_t quota,
                            int mode, HostError *e) {
        int r;

        r = b->volume_copy(p, from->dir_fd, from->name, true, pair->readonly && mode < 0, to->dir_fd, to->name, e);
        if (r < 0)
                return r;
        crash_point("worker-copied");
        r = finish_volume(b, p, to->dir_fd, to->name, mode, pair->readonly, quota, e);
        if (r > 0)
                r = b->flush_names(p, to->dir_fd, e);
        if (r < 0)
                (void) b->volume_delete(p, to->dir_fd, to->name, host_error_ignored());
        return r;
}

/* volume_copy() flushes. */
static int copy_by_files(const Backend *b, HostPool *p, int source_fd, const Place *from, const Place *to, const VolumePair *pair,
                         uint64_t quota, int mode, HostError *e) {
        int r;

        r = clear_new(b, p, to, e);
        if (r >= 0)
                r = b->volume_copy(p, from->dir_fd, from->name, source_fd == p->fd, pair->readonly && mode < 0, to->dir_fd, to->new_name, e);
        crash_point("worker-copied");
        if (r >= 0)
                r = finish_volume(b, p, to->dir_fd, to->new_name, mode, pair->readonly, quota, e);
        if (r >= 0)
                r = give_name(to, e);
        if (r < 0)
                (void) clear_new(b, p, to, host_error_ignored());
        return r;
}

static bool by_snapshot(const Backend *b, const HostPool *p, int source_fd) {
        return b->snapshots && source_fd == p->fd;
}

static int copy_one(const Backend *b, HostPool *p, int source_fd, const VolumePair *pair, const char *id, uint64_t quota,
                    int mode, HostError *e) {
        _cleanup_(place_done) Place from = PLACE_NULL, to = PLACE_NULL;
        int r;

        r = place_open(p, source_fd, pair->from, id, false, &from);
        if (r < 0)
                return host_error(e, r, "Failed to open the place of volume \"%s\"", pair->from);
        r = place_open(p, p->fd, pair->to, id, true, &to);
        if (r < 0)
                return host_error(e, r, "Failed to open the place of volume \"%s\"", pair->to);
        return by_snapshot(b, p, source_fd) ? copy_by_snapshot(b, p, &from, &to, pair, quota, mode, e)
                                            : copy_by_files(b, p, source_fd, &from, &to, pair, quota, mode, e);
}

int volume_copy(const Backend *b, HostPool *p, int source_fd, const VolumePair *pairs, size_t n, const char *id,
                uint64_t quota, int mode, HostError *e) {
        size_t made = 0;
        int r = 0;

        while (made < n) {
                r = copy_one(b, p, source_fd, &pairs[made], id, made + 1 == n ? quota : 0, mode, e);
                if (r < 0)
                        break;
                made++;
        }
        if (r >= 0 && !by_snapshot(b, p, source_fd))
                r = b->flush_files(p, e);
        while (r < 0 && made > 0) {
                const char *path = pairs[--made].to, *name;
                _cleanup_close_ int fd = parent_open(p->fd, path, false, &name);

                if (fd >= 0)
                        (void) b->volume_delete(p, fd, name, host_error_ignored());
        }
        return r;
}

/* The former volume makes room, and the snapshot that takes its place brings both to the disk. What is cut off in between is found by
 * volume_settle(). The former one is removed in the next transaction: should that not come, it is still beside the volume, for volume_settle(). */
static int restore_by_snapshot(const Backend *b, HostPool *p, const Place *from, const Place *to, uint64_t quota, HostError *e) {
        int r;

        r = b->volume_delete(p, to->dir_fd, to->old_name, e);
        if (r < 0)
                return r;
        if (renameat2(to->dir_fd, to->name, to->dir_fd, to->old_name, RENAME_NOREPLACE) < 0)
                return host_error(e, -errno, "Failed to move volume \"%s\" out of the way of its snapshot", to->name);
        crash_point("worker-restore-before-exchange");
        r = b->volume_copy(p, from->dir_fd, from->name, true, false, to->dir_fd, to->name, e);
        crash_point("worker-restore-after-exchange");
        if (r >= 0)
                r = finish_volume(b, p, to->dir_fd, to->name, -1, false, quota, e);
        if (r > 0)
                r = b->flush_names(p, to->dir_fd, e);
        if (r < 0) {
                (void) b->volume_delete(p, to->dir_fd, to->name, host_error_ignored());
                (void) renameat2(to->dir_fd, to->old_name, to->dir_fd, to->name, RENAME_NOREPLACE);
                return r;
        }
        return b->volume_delete(p, to->dir_fd, to->old_name, e);
}

static int restore_by_exchange(const Backend *b, HostPool *p, int source_fd, const Place *from, const Place *to, uint64_t quota,
                               HostError *e) {
        int r;

        r = b->volume_copy(p, from->dir_fd, from->name, source_fd == p->fd, false, to->dir_fd, to->new_name, e);
        if (r >= 0)
                r = finish_volume(b, p, to->dir_fd, to->new_name, -1, false, quota, e);
        if (r >= 0 && !by_snapshot(b, p, source_fd))
                r = b->flush_files(p, e); /* before the former contents go */
        crash_point("worker-restore-before-exchange");
        if (r >= 0 && renameat2(to->dir_fd, to->new_name, to->dir_fd, to->name, RENAME_EXCHANGE) < 0)
                r = host_error(e, -errno, "Failed to exchange volume \"%s\" for its snapshot", to->name);
        crash_point("worker-restore-after-exchange");
        if (r < 0) {
                (void) clear_new(b, p, to, host_error_ignored());
                return r;
        }
        r = clear_new(b, p, to, e); /* the former contents */
        return r < 0 ? r : b->flush_names(p, to->dir_fd, e);
}

int volume_restore(const Backend *b, HostPool *p, int source_fd, const char *from_path, const char *to_path, const char *id,
                   uint64_t quota, HostError *e) {
        _cleanup_(place_done) Place from = PLACE_NULL, to = PLACE_NULL;
        int r;

        r = place_open(p, source_fd, from_path, id, false, &from);
        if (r >= 0)
                r = place_open(p, p->fd, to_path, id, false, &to);
        if (r < 0)
                return host_error(e, r, "Failed to open the place of volume \"%s\"", to_path);
        r = shift_settle(to.dir_fd, to.name, to.plan_name, e);
        if (r >= 0)
                r = clear_new(b, p, &to, e);
        if (r < 0)
                return r;
        if (by_snapshot(b, p, source_fd) && !b->volume_is_nested(p, from.dir_fd, from.name))
                return restore_by_snapshot(b, p, &from, &to, quota, e);
        return restore_by_exchange(b, p, source_fd, &from, &to, quota, e);
}

/* Each for itself: a log-structured file system may know of one directory and not yet of another. */
static int flush_parent(const Backend *b, HostPool *p, const char *path, HostError *e) {
        const char *name;
        _cleanup_close_ int fd = parent_open(p->fd, path, false, &name);

        if (fd == -ENOENT)
                return 0;
        return fd < 0 ? host_error(e, fd, "Failed to open the place of volume \"%s\"", path) : b->flush_names(p, fd, e);
}

int volume_rename(const Backend *b, HostPool *p, const VolumePair *pairs, size_t n, HostError *e) {
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                if (renameat2(p->fd, pairs[i].from, p->fd, pairs[i].to, RENAME_NOREPLACE) < 0 && errno != ENOENT)
                        return host_error(e, -errno, "Failed to rename \"%s\" to \"%s\"", pairs[i].from, pairs[i].to);
                crash_point("worker-renamed-one");
        }
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = flush_parent(b, p, pairs[i].to, e);
                if (r >= 0)
                        r = flush_parent(b, p, pairs[i].from, e);
        }
        return r;
}

/* Takes the name away first: a volume that is half gone is never seen under it. */
static int delete_one(const Backend *b, HostPool *p, const char *path, const char *id, HostError *e) {
        _cleanup_(place_done) Place place = PLACE_NULL;
        int r;

        r = place_open(p, p->fd, path, id, false, &place);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return host_error(e, r, "Failed to open the place of volume \"%s\"", path);
        if (unlinkat(place.dir_fd, place.plan_name, 0) < 0 && errno != ENOENT)
                return host_error(e, -errno, "Failed to remove \"%s\"", place.plan_name);
        r = clear_new(b, p, &place, e);
        if (r >= 0)
                r = b->volume_delete(p, place.dir_fd, place.old_name, e);
        if (r < 0)
                return r;
        if (renameat2(place.dir_fd, place.name, place.dir_fd, place.old_name, RENAME_NOREPLACE) < 0)
                return errno == ENOENT ? 0 : host_error(e, -errno, "Failed to remove volume \"%s\"", path);
        crash_point("worker-delete-after-rename");
        return b->volume_delete(p, place.dir_fd, place.old_name, e);
}

int volume_delete(const Backend *b, HostPool *p, const char *const *paths, size_t n, const char *id, const char *dir,
                  HostError *e) {
        int r;

        for (size_t i = 0; i < n; i++) {
                r = delete_one(b, p, paths[i], id, e);
                if (r < 0)
                        return r;
                crash_point("worker-deleted-one");
        }
        if (dir && unlinkat(p->fd, dir, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENOTEMPTY)
                return host_error(e, -errno, "Failed to remove directory \"%s\"", dir);
        r = dir ? flush_parent(b, p, dir, e) : 0;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = flush_parent(b, p, paths[i], e);
        return r;
}

int volume_settle(const Backend *b, HostPool *p, const char *path, const char *id, uint64_t quota, HostError *e) {
        _cleanup_(place_done) Place place = PLACE_NULL;
        int r;

        r = place_open(p, p->fd, path, id, false, &place);
        if (r < 0)
                return host_error(e, r, "Failed to open the place of volume \"%s\"", path);
        r = clear_new(b, p, &place, e);
        /* A restore that did not come to its snapshot is taken back. */
        if (r >= 0 && renameat2(place.dir_fd, place.old_name, place.dir_fd, place.name, RENAME_NOREPLACE) < 0 && errno != ENOENT)
                r = errno == EEXIST ? b->volume_delete(p, place.dir_fd, place.old_name, e)
                                    : host_error(e, -errno, "Failed to give volume \"%s\" its name back", path);
        if (r >= 0)
                r = b->flush_names(p, place.dir_fd, e);
        if (r >= 0)
                r = shift_settle(place.dir_fd, place.name, place.plan_name, e);
        return r < 0 ? r : volume_set_quota(b, p, path, quota, e);
}

int volume_shift(HostPool *p, const char *path, const char *below, const char *id, const char *map, uint64_t *ret_changed, HostError *e) {
        _cleanup_(place_done) Place place = PLACE_NULL;
        int r;

        r = place_open(p, p->fd, path, id, false, &place);
        if (r < 0)
                return host_error(e, r, "Failed to open the place of volume \"%s\"", path);
        return shift_volume(place.dir_fd, place.name, below, place.plan_name, map, ret_changed, e);
}

int volume_set_quota(const Backend *b, HostPool *p, const char *path, uint64_t quota, HostError *e) {
        _cleanup_close_ int fd = open_resolve(p->fd, path, O_RDONLY | O_DIRECTORY, 0,
                                              RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        int r;

        if (fd < 0)
                return host_error(e, fd, "Failed to open volume \"%s\"", path);
        r = b->volume_set_quota ? b->volume_set_quota(p, fd, quota, e) : 0;
        return r > 0 ? b->flush_names(p, fd, e) : r;
}

int volume_usage(const Backend *b, HostPool *p, const char *path, uint64_t *ret) {
        _cleanup_close_ int fd = open_resolve(p->fd, path, O_RDONLY | O_DIRECTORY, 0,
                                              RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

        return fd < 0 ? fd : b->volume_usage(p, fd, ret);
}
