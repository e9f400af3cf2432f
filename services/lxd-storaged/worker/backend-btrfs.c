/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "btrfs": volumes are subvolumes of a loop file, a block device or a place in an existing btrfs. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "backend.h"
#include "base/file.h"
#include "base/str.h"
#include "btrfs.h"
#include "command.h"
#include "loop.h"
#include "mount.h"
#include "tree-copy.h"

#define MARK "trusted.lxd.pool" /* on a subvolume that we made as source: the pool's uuid */
#define SUPER_OFFSET 0x10000    /* of the primary super block */
#define SUPER_FSID 0x20
#define SUPER_MAGIC 0x40

typedef enum SourceKind {
        SOURCE_LOOP,   /* a file of ours below disks/ */
        SOURCE_DEVICE, /* a block device */
        SOURCE_PATH,   /* a subvolume (or place for one) on a btrfs */
} SourceKind;

static int loop_file_path(const HostPool *p, char **ret) {
        return str_format(ret, "%s/disks/%s.img", p->state_dir, p->name);
}

static SourceKind source_kind(const HostPool *p) {
        _cleanup_free_ char *loop = NULL;
        struct stat st;

        if (p->source[0] == '\0' || loop_file_path(p, &loop) < 0 || streq(p->source, loop))
                return SOURCE_LOOP;
        if (stat(p->source, &st) >= 0 && S_ISBLK(st.st_mode))
                return SOURCE_DEVICE;
        /* A device that is away after a reboot is no directory. */
        return startswith(p->source, "/dev/") ? SOURCE_DEVICE : SOURCE_PATH;
}

/* ---- making file systems ---- */

static int btrfs_format(const HostPool *p, const char *target, const char *step, HostError *e) {
        char *const argv[] = { (char *) "mkfs.btrfs", (char *) "-q",     (char *) "-L", (char *) p->name, (char *) "-U",
                               (char *) p->uuid,      (char *) target, NULL };

        return command_run(argv, step, e);
}

static int loop_file_create(const HostPool *p, const char *path, HostError *e) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *dir = NULL;
        int r;

        r = str_format(&dir, "%s/disks", p->state_dir);
        if (r >= 0)
                r = mkdir_parents(dir, 0700);
        if (r < 0)
                return host_error(e, r, "Failed to create \"%s\"", strempty(dir));
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return host_error(e, -errno, "Failed to create sparse file \"%s\"", path);
        if (ftruncate(fd, p->size) < 0)
                return host_error(e, -errno, "Failed to create sparse file \"%s\" of %" PRIu64 " bytes", path, p->size);
        return 0;
}

static int loop_file_remove(const HostPool *p, HostError *e) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = loop_file_path(p, &path);
        if (r < 0)
                return r;
        return unlink(path) < 0 && errno != ENOENT ? host_error(e, -errno, "Failed to remove \"%s\"", path) : 0;
}

/* True if the device holds the btrfs with the pool's uuid, that is the one we made. */
static bool device_is_ours(int fd, const char *uuid) {
        unsigned char super[SUPER_MAGIC + 8], id[16];
        size_t n = 0;

        if (pread(fd, super, sizeof(super), SUPER_OFFSET) != sizeof(super) ||
            memcmp(super + SUPER_MAGIC, "_BHRfS_M", 8) != 0)
                return false;
        for (const char *s = uuid; *s && n < sizeof(id); s++) {
                if (*s == '-')
                        continue;
                if (sscanf(s, "%2hhx", &id[n++]) != 1 || !s[1])
                        return false;
                s++;
        }
        return n == sizeof(id) && memcmp(super + SUPER_FSID, id, sizeof(id)) == 0;
}

static int device_wipe(const HostPool *p, const char *device, HostError *e) {
        _cleanup_close_ int fd = open(device, O_RDONLY | O_CLOEXEC);
        char *const argv[] = { (char *) "wipefs", (char *) "-a", (char *) "-q", (char *) device, NULL };

        if (fd < 0)
                return errno == ENOENT || errno == ENXIO ? 0 : host_error(e, -errno, "Failed to open %s", device);
        if (!device_is_ours(fd, p->uuid))
                return 0;
        fd = close_safe(fd);
        return command_run(argv, "Failed to free block device", e);
}

/* ---- subvolumes as source ---- */

static int path_split(const char *path, char **ret_dir, char **ret_name) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *dir = NULL;

        if (!slash || slash[1] == '\0')
                return -EINVAL;
        dir = slash == path ? strdup("/") : strndup(path, slash - path);
        *ret_name = strdup(slash + 1);
        if (!dir || !*ret_name)
                return -ENOMEM;
        *ret_dir = TAKE_PTR(dir);
        return 0;
}

/* Makes the subvolume under a name of its own, marks it, and only then gives it its name: what is found under that name later is
 * either marked as ours or not ours. */
static int source_subvolume_make(const HostPool *p, int dir_fd, const char *name, HostError *e) {
        _cleanup_free_ char *temp = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = str_format(&temp, ".lxd-%s", p->uuid);
        if (r < 0)
                return r;
        r = btrfs_subvolume_create(dir_fd, temp);
        if (r < 0)
                return host_error(e, r, "Failed to create subvolume \"%s\"", p->source);
        fd = openat(dir_fd, temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 || fsetxattr(fd, MARK, p->uuid, strlen(p->uuid), 0) < 0 ? -errno : 0;
        if (r >= 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) /* an empty directory gives way */
                r = -errno;
        if (r >= 0)
                r = renameat2(dir_fd, temp, dir_fd, name, RENAME_NOREPLACE) < 0 ? -errno : 0;
        if (r < 0) {
                (void) btrfs_subvolume_delete(dir_fd, temp);
                return host_error(e, r, "Failed to create subvolume \"%s\"", p->source);
        }
        return 0;
}

static int source_subvolume_remove(const HostPool *p, HostError *e) {
        _cleanup_free_ char *dir = NULL, *name = NULL, *temp = NULL;
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        char mark[64] = "";
        int r;

        r = path_split(p->source, &dir, &name);
        if (r >= 0)
                r = str_format(&temp, ".lxd-%s", p->uuid);
        if (r < 0)
                return r;
        dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return 0;
        r = btrfs_subvolume_delete(dir_fd, temp);
        if (r < 0)
                return host_error(e, r, "Failed to remove subvolume \"%s/%s\"", dir, temp);
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fgetxattr(fd, MARK, mark, sizeof(mark) - 1) < 0 || !streq(mark, p->uuid))
                return 0;
        fd = close_safe(fd);
        r = btrfs_subvolume_delete(dir_fd, name);
        return r < 0 ? host_error(e, r, "Failed to remove subvolume \"%s\"", p->source) : 0;
}

static int source_path_open(const HostPool *p, int *ret_dir_fd, char **ret_name, HostError *e) {
        _cleanup_free_ char *dir = NULL, *name = NULL;
        int fd;

        if (p->source[0] != '/' || path_split(p->source, &dir, &name) < 0)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Invalid \"source\" property");
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Source path '%s' doesn't exist", dir);
        *ret_dir_fd = fd;
        *ret_name = TAKE_PTR(name);
        return 0;
}

static int source_path_check(const HostPool *p, HostError *e) {
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        _cleanup_free_ char *name = NULL;
        int r;

        r = source_check_place(p, e);
        if (r >= 0)
                r = source_path_open(p, &dir_fd, &name, e);
        if (r < 0)
                return r;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
                return host_error(e, -errno, "Failed to open source path '%s'", p->source);
        if (btrfs_is_btrfs(fd >= 0 ? fd : dir_fd) <= 0)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Provided path does not reside on a btrfs filesystem");
        if (fd < 0)
                return 0;
        if (btrfs_is_subvolume(fd) > 0) {
                if (btrfs_has_nested(fd) != 0 || source_check_empty(p->source, host_error_ignored()) < 0)
                        return host_refuse(e, -EINVAL, HOST_ERROR_INVALID,
                                           "Requested btrfs subvolume exists but is not empty");
                return 0;
        }
        return source_check_empty(p->source, e);
}

/* An empty subvolume is used as it is; an empty directory or nothing becomes a subvolume. */
static int source_path_prepare(const HostPool *p, HostError *e) {
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        _cleanup_free_ char *name = NULL;
        int r;

        r = source_path_open(p, &dir_fd, &name, e);
        if (r < 0)
                return r;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && btrfs_is_subvolume(fd) > 0 ? 0 : source_subvolume_make(p, dir_fd, name, e);
}

/* ---- pool ---- */

static int btrfs_mount_device(HostPool *p, const char *device, HostError *e) {
        _cleanup_free_ char *data = NULL;
        unsigned long flags;
        int r;

        r = mount_options_parse(p->mount_options, &flags, &data);
        if (r < 0)
                return host_error(e, r, "Failed to read the mount options");
        if (mount(device, p->path, "btrfs", flags, data) >= 0)
                return 0;
        if (errno == EINVAL)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID,
                                   "Failed to mount \"%s\" on \"%s\": no btrfs, or the kernel knows no such mount option: \"%s\"",
                                   device, p->path, p->mount_options);
        return host_error(e, -errno, "Failed to mount \"%s\" on \"%s\"", device, p->path);
}

static int btrfs_mount_loop(HostPool *p, HostError *e) {
        _cleanup_free_ char *file = NULL, *device = NULL;
        _cleanup_close_ int fd = -EBADF, loop_fd = -EBADF;
        int r;

        r = loop_file_path(p, &file);
        if (r < 0)
                return r;
        fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return host_error(e, -errno, "Failed to open the loop file \"%s\" of storage pool \"%s\"", file, p->name);
        loop_fd = loop_attach(fd, &device);
        if (loop_fd < 0)
                return host_error(e, loop_fd, "Failed to attach \"%s\" to a loop device", file);
        return btrfs_mount_device(p, device, e);
}

/* Device names change from boot to boot; the uuid does not. */
static int btrfs_mount_block(HostPool *p, HostError *e) {
        _cleanup_free_ char *link = NULL;
        int r;

        r = str_format(&link, "/dev/disk/by-uuid/%s", p->uuid);
        if (r < 0)
                return r;
        return btrfs_mount_device(p, access(link, F_OK) >= 0 ? link : p->source, e);
}

static int btrfs_pool_mount(HostPool *p, HostError *e) {
        int r;

        if (source_kind(p) == SOURCE_PATH && streq(p->source, p->path))
                return 0;
        r = pool_make_mount_point(p, e);
        if (r < 0)
                return r;
        switch (source_kind(p)) {
        case SOURCE_LOOP:
                return btrfs_mount_loop(p, e);
        case SOURCE_DEVICE:
                return btrfs_mount_block(p, e);
        default:
                if (mount(p->source, p->path, NULL, MS_BIND, NULL) < 0)
                        return host_error(e, -errno, "Failed to mount \"%s\" on \"%s\"", p->source, p->path);
                return 0;
        }
}

static int btrfs_pool_is_mounted(HostPool *p) {
        int r;

        r = mount_is_point(p->path);
        if (r == 0 && source_kind(p) == SOURCE_PATH && streq(p->source, p->path)) {
                _cleanup_close_ int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                return fd < 0 ? -errno : btrfs_is_subvolume(fd);
        }
        return r == -ENOENT ? 0 : r;
}

static int btrfs_pool_delete(HostPool *p, HostError *e) {
        SourceKind kind = source_kind(p);
        int r;

        if (btrfs_pool_is_mounted(p) > 0 && kind != SOURCE_LOOP) {
                r = pool_remove_kinds(&backend_btrfs, p, e);
                if (r < 0)
                        return r;
        }
        r = mount_detach(p->path);
        if (r < 0)
                return host_error(e, r, "Failed to unmount \"%s\"", p->path);
        if (kind == SOURCE_PATH)
                r = source_subvolume_remove(p, e);
        else if (kind == SOURCE_DEVICE)
                r = device_wipe(p, p->source, e);
        else
                r = loop_file_remove(p, e);
        return r < 0 ? r : pool_remove_mount_point(p, e);
}

static int btrfs_pool_prepare(HostPool *p, HostError *e) {
        _cleanup_free_ char *loop = NULL;
        int r;

        switch (source_kind(p)) {
        case SOURCE_LOOP:
                r = loop_file_path(p, &loop);
                if (r >= 0)
                        r = loop_file_create(p, loop, e);
                return r < 0 ? r : btrfs_format(p, loop, "Failed to format sparse file", e);
        case SOURCE_DEVICE:
                return btrfs_format(p, p->source, "Failed to format block device", e);
        default:
                return source_path_prepare(p, e);
        }
}

static int btrfs_pool_check(HostPool *p, HostError *e) {
        _cleanup_free_ char *loop = NULL;
        int r;

        r = source_kind(p) == SOURCE_PATH ? source_path_check(p, e) : 0;
        if (r < 0)
                return r;
        if (access(p->path, F_OK) >= 0 && source_check_empty(p->path, host_error_ignored()) < 0)
                return host_refuse(e, -EEXIST, HOST_ERROR_EXISTS, "Storage pool directory \"%s\" already exists",
                                   p->path);
        if (source_kind(p) != SOURCE_LOOP)
                return 0;
        r = loop_file_path(p, &loop);
        if (r >= 0 && access(loop, F_OK) >= 0)
                return host_refuse(e, -EEXIST, HOST_ERROR_EXISTS,
                                   "The file \"%s\" exists already and belongs to no storage pool; move it away first", loop);
        return r;
}

static int btrfs_pool_create(HostPool *p, HostError *e) {
        int r;

        r = btrfs_pool_prepare(p, e);
        if (r >= 0)
                r = btrfs_pool_mount(p, e);
        if (r < 0)
                (void) btrfs_pool_delete(p, host_error_ignored());
        return r;
}

/* ---- volumes ---- */

static int btrfs_volume_create(HostPool *p, int dir_fd, const char *name, HostError *e) {
        int r;

        r = btrfs_subvolume_create(dir_fd, name);
        return r < 0 ? host_error(e, r, "Failed to create subvolume \"%s\"", name) : 0;
}

/* From elsewhere the files are copied into a new subvolume. */
static int btrfs_copy_foreign(HostPool *p, int from_dir, const char *from, int dir_fd, const char *name, HostError *e) {
        int r;

        r = btrfs_subvolume_create(dir_fd, name);
        if (r < 0)
                return host_error(e, r, "Failed to create subvolume \"%s\"", name);
        return tree_copy_into(from_dir, from, dir_fd, name, NULL, e);
}

static int btrfs_volume_copy(HostPool *p, int from_dir, const char *from, bool same_pool, bool readonly,
                             int dir_fd, const char *name, HostError *e) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!same_pool)
                return btrfs_copy_foreign(p, from_dir, from, dir_fd, name, e);
        fd = openat(from_dir, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return host_error(e, -errno, "Failed to open subvolume \"%s\"", from);
        r = btrfs_snapshot(fd, dir_fd, name, readonly);
        return r < 0 ? host_error(e, r, "Failed to snapshot subvolume \"%s\"", from) : 0;
}

static int btrfs_volume_delete(HostPool *p, int dir_fd, const char *name, HostError *e) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r;

        if (fd < 0 && errno == ENOENT)
                return 0;
        r = fd >= 0 && btrfs_is_subvolume(fd) > 0 ? btrfs_subvolume_delete(dir_fd, name) : remove_tree_at(dir_fd, name);
        return r < 0 ? host_error(e, r, "Failed to delete subvolume \"%s\"", name) : 0;
}

static int btrfs_volume_set_readonly(HostPool *p, int fd, bool readonly, HostError *e) {
        int r;

        r = btrfs_set_readonly(fd, readonly);
        return r < 0 ? host_error(e, r, "Failed to make the subvolume %s", readonly ? "read-only" : "writable") : 0;
}

static int btrfs_volume_set_quota(HostPool *p, int fd, uint64_t bytes, HostError *e) {
        int r;

        r = btrfs_quota_limit(fd, bytes);
        if ((r == -ENOTCONN || r == -EINVAL) && bytes == 0)
                return 0; /* quotas are off: there is no limit */
        if (r == -ENOTCONN || r == -EINVAL || r == -ENOENT) {
                r = btrfs_quota_enable(p->fd);
                if (r < 0)
                        return host_error(e, r, "Failed to turn on quotas in storage pool \"%s\"", p->name);
                r = btrfs_quota_limit(fd, bytes);
        }
        return r < 0 ? host_error(e, r, "Failed to set the size of the volume to %" PRIu64 " bytes", bytes) : 1;
}

static bool btrfs_volume_is_nested(HostPool *p, int dir_fd, const char *name) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 || btrfs_has_nested(fd) != 0;
}

static int btrfs_volume_usage(HostPool *p, int fd, uint64_t *ret) {
        int r;

        r = btrfs_quota_usage(fd, ret);
        return r == -ENOTCONN || r == -ENODATA ? -EOPNOTSUPP : r;
}

static int btrfs_flush_names(HostPool *p, int dir_fd, HostError *e) {
        int r = btrfs_commit(dir_fd);

        return r < 0 ? host_error(e, r, "Failed to commit the changes of storage pool \"%s\"", p->name) : 0;
}

static int btrfs_flush_files(HostPool *p, HostError *e) {
        int r = btrfs_flush(p->fd);

        return r < 0 ? host_error(e, r, "Failed to flush storage pool \"%s\"", p->name) : 0;
}

const Backend backend_btrfs = {
        .name = "btrfs",
        .snapshots = true,
        .pool_check = btrfs_pool_check,
        .pool_create = btrfs_pool_create,
        .pool_mount = btrfs_pool_mount,
        .pool_delete = btrfs_pool_delete,
        .pool_is_mounted = btrfs_pool_is_mounted,
        .volume_create = btrfs_volume_create,
        .volume_copy = btrfs_volume_copy,
        .volume_delete = btrfs_volume_delete,
        .volume_set_readonly = btrfs_volume_set_readonly,
        .volume_set_quota = btrfs_volume_set_quota,
        .volume_is_nested = btrfs_volume_is_nested,
        .volume_usage = btrfs_volume_usage,
        .flush_names = btrfs_flush_names,
        .flush_files = btrfs_flush_files,
};
