/* SPDX-License-Identifier: Apache-2.0 */
/* btrfs by ioctl. The kernel's include/uapi/linux/btrfs.h and btrfs_tree.h are the reference. */
#include "btrfs.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"

#define NESTING_MAX 64 /* subvolumes within subvolumes; a guest can nest as deep as it likes */

int btrfs_is_btrfs(int fd) {
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0)
                return -errno;
        return fs.f_type == BTRFS_SUPER_MAGIC;
}

int btrfs_is_subvolume(int fd) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode) || st.st_ino != BTRFS_SUBVOLUME_INODE)
                return 0;
        r = btrfs_is_btrfs(fd);
        return r;
}

int btrfs_subvolume_id(int fd, uint64_t *ret) {
        struct btrfs_ioctl_ino_lookup_args args = { .objectid = BTRFS_FIRST_FREE_OBJECTID };

        if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) < 0)
                return -errno;
        *ret = args.treeid;
        return 0;
}

static int set_name(char *to, size_t size, const char *name) {
        size_t n = strlen(name);

        if (n == 0 || n >= size || n > BTRFS_PATH_NAME_MAX || strchr(name, '/'))
                return -EINVAL;
        memcpy(to, name, n + 1);
        return 0;
}

int btrfs_subvolume_create(int dir_fd, const char *name) {
        struct btrfs_ioctl_vol_args args = {};
        int r;

        r = set_name(args.name, sizeof(args.name), name);
        if (r < 0)
                return r;
        return ioctl(dir_fd, BTRFS_IOC_SUBVOL_CREATE, &args) < 0 ? -errno : 0;
}

int btrfs_set_readonly(int fd, bool readonly) {
        uint64_t flags, wanted;

        if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) < 0)
                return -errno;
        wanted = readonly ? flags | BTRFS_SUBVOL_RDONLY : flags & ~(uint64_t) BTRFS_SUBVOL_RDONLY;
        if (wanted == flags)
                return 0;
        return ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &wanted) < 0 ? -errno : 0;
}

/* One subvolume nested directly in another: where it hangs below the root of its parent. */
typedef struct Nested {
        char *path; /* directory, "" = the parent's root */
        char *name;
} Nested;

typedef struct NestedList {
        Nested *items;
        size_t n;
} NestedList;

static void nested_list_done(NestedList *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].path);
                free(l->items[i].name);
        }
        free(l->items);
        *l = (NestedList) {};
}

static int nested_list_add(NestedList *l, const char *path, const char *name) {
        Nested *items;
        char *p, *n;

        items = reallocarray(l->items, l->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        l->items = items;
        p = strdup(path);
        n = strdup(name);
        if (!p || !n) {
                free(p);
                free(n);
                return -ENOMEM;
        }
        l->items[l->n++] = (Nested) { p, n };
        return 0;
}

/* Adds the name of one reference; one that vanished meanwhile is left out. */
static int nested_resolve(int fd, uint64_t dirid, uint64_t treeid, NestedList *l) {
        struct btrfs_ioctl_ino_lookup_user_args lookup = { .dirid = dirid, .treeid = treeid };
        size_t n;

        if (ioctl(fd, BTRFS_IOC_INO_LOOKUP_USER, &lookup) < 0)
                return errno == ENOENT ? 0 : -errno;
        n = strlen(lookup.path);
        if (n > 0 && lookup.path[n - 1] == '/')
                lookup.path[n - 1] = '\0';
        return nested_list_add(l, lookup.path, lookup.name);
}

static int nested_list_read(int fd, NestedList *l) {
        struct btrfs_ioctl_get_subvol_rootref_args refs = {};
        bool more;
        int r;

        do {
                more = false;
                if (ioctl(fd, BTRFS_IOC_GET_SUBVOL_ROOTREF, &refs) < 0) {
                        if (errno != EOVERFLOW)
                                return -errno;
                        more = true; /* more than fit; min_treeid is set to go on */
                }
                for (unsigned i = 0; i < refs.num_items; i++) {
                        r = nested_resolve(fd, refs.rootref[i].dirid, refs.rootref[i].treeid, l);
                        if (r < 0)
                                return r;
                }
        } while (more);
        return 0;
}

int btrfs_has_nested(int fd) {
        struct btrfs_ioctl_get_subvol_rootref_args refs = {};

        if (ioctl(fd, BTRFS_IOC_GET_SUBVOL_ROOTREF, &refs) < 0)
                return errno == EOVERFLOW ? 1 : -errno;
        return refs.num_items > 0;
}

/* The directory that holds a nested subvolume. The tree is a guest's: no symlink and no mount may lead elsewhere. */
static int nested_open_parent(int fd, const Nested *n) {
        return open_resolve(fd, n->path[0] ? n->path : ".", O_RDONLY | O_DIRECTORY, 0,
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static int open_subvolume(int dir_fd, const char *name) {
        return open_resolve(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static int snapshot_one(int source_fd, int dir_fd, const char *name, bool readonly) {
        struct btrfs_ioctl_vol_args_v2 args = {
                .fd = source_fd,
                .flags = readonly ? BTRFS_SUBVOL_RDONLY : 0,
        };
        int r;

        r = set_name(args.name, MIN(sizeof(args.name), (size_t) BTRFS_SUBVOL_NAME_MAX), name);
        if (r < 0)
                return r;
        return ioctl(dir_fd, BTRFS_IOC_SNAP_CREATE_V2, &args) < 0 ? -errno : 0;
}

static int snapshot_deep(int source_fd, int dir_fd, const char *name, bool readonly, unsigned depth);

/* Puts a snapshot of each nested subvolume where the snapshot of its parent has an empty directory. */
static int snapshot_nested(int source_fd, int target_fd, bool readonly, unsigned depth) {
        _cleanup_(nested_list_done) NestedList list = {};
        int r;

        r = nested_list_read(source_fd, &list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                _cleanup_close_ int from_dir = -EBADF, from = -EBADF, to_dir = -EBADF;

                from_dir = nested_open_parent(source_fd, &list.items[i]);
                from = from_dir < 0 ? from_dir : open_subvolume(from_dir, list.items[i].name);
                if (from == -ENOENT)
                        continue;
                if (from < 0)
                        return from;
                to_dir = nested_open_parent(target_fd, &list.items[i]);
                if (to_dir < 0)
                        return to_dir;
                if (unlinkat(to_dir, list.items[i].name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                        return -errno;
                r = snapshot_deep(from, to_dir, list.items[i].name, readonly, depth + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int snapshot_deep(int source_fd, int dir_fd, const char *name, bool readonly, unsigned depth) {
        _cleanup_close_ int target = -EBADF;
        int nested, r;

        if (depth > NESTING_MAX)
                return -ELOOP;

        nested = btrfs_has_nested(source_fd);
        if (nested < 0)
                return nested;
        r = snapshot_one(source_fd, dir_fd, name, readonly && !nested);
        if (r < 0 || !nested)
                return r;

        target = open_subvolume(dir_fd, name);
        if (target < 0)
                return target;
        (void) btrfs_quota_limit(target, 0); /* inherited; it would refuse changes to a snapshot of a full volume */
        r = snapshot_nested(source_fd, target, readonly, depth);
        if (r < 0)
                return r;
        return readonly ? btrfs_set_readonly(target, true) : 0;
}

int btrfs_snapshot(int source_fd, int dir_fd, const char *name, bool readonly) {
        int r;

        r = snapshot_deep(source_fd, dir_fd, name, readonly, 0);
        if (r < 0 && r != -EEXIST)
                (void) btrfs_subvolume_delete(dir_fd, name);
        return r;
}

/* The accounting group of a deleted subvolume stays otherwise. Newer kernels remove it by themselves and say EBUSY until then. */
static void qgroup_remove(int fd, uint64_t id) {
        struct btrfs_ioctl_qgroup_create_args args = { .create = 0, .qgroupid = id };

        (void) ioctl(fd, BTRFS_IOC_QGROUP_CREATE, &args);
}

static int delete_one(int dir_fd, const char *name, uint64_t id) {
        struct btrfs_ioctl_vol_args args = {};
        int r;

        r = set_name(args.name, sizeof(args.name), name);
        if (r < 0)
                return r;
        if (ioctl(dir_fd, BTRFS_IOC_SNAP_DESTROY, &args) < 0)
                return -errno;
        if (id > 0)
                qgroup_remove(dir_fd, id);
        return 0;
}

static int delete_deep(int dir_fd, const char *name, unsigned depth) {
        _cleanup_(nested_list_done) NestedList list = {};
        _cleanup_close_ int fd = -EBADF;
        uint64_t id = 0;
        int r;

        if (depth > NESTING_MAX)
                return -ELOOP;
        fd = open_subvolume(dir_fd, name);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        r = nested_list_read(fd, &list);
        if (r < 0)
                return r;
        if (list.n > 0) {
                r = btrfs_set_readonly(fd, false); /* entries cannot be removed from a read-only one */
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < list.n; i++) {
                _cleanup_close_ int parent = nested_open_parent(fd, &list.items[i]);

                r = parent < 0 ? parent : delete_deep(parent, list.items[i].name, depth + 1);
                if (r < 0)
                        return r;
        }
        (void) btrfs_subvolume_id(fd, &id);
        return delete_one(dir_fd, name, id);
}

int btrfs_subvolume_delete(int dir_fd, const char *name) {
        return delete_deep(dir_fd, name, 0);
}

int btrfs_commit(int fd) {
        uint64_t transaction;

        if (ioctl(fd, BTRFS_IOC_START_SYNC, &transaction) < 0)
                return -errno;
        return ioctl(fd, BTRFS_IOC_WAIT_SYNC, &transaction) < 0 ? -errno : 0;
}

int btrfs_flush(int fd) {
        return ioctl(fd, BTRFS_IOC_SYNC, NULL) < 0 ? -errno : 0;
}

int btrfs_quota_enable(int fd) {
        struct btrfs_ioctl_quota_ctl_args args = { .cmd = BTRFS_QUOTA_CTL_ENABLE };

        if (ioctl(fd, BTRFS_IOC_QUOTA_CTL, &args) < 0 && errno != EEXIST)
                return -errno;
        if (ioctl(fd, BTRFS_IOC_QUOTA_RESCAN_WAIT, NULL) < 0 && errno != EINVAL && errno != ENOTCONN)
                return -errno;
        return 0;
}

int btrfs_quota_limit(int fd, uint64_t bytes) {
        struct btrfs_ioctl_qgroup_limit_args args = {
                .qgroupid = 0, /* the subvolume of fd */
                .lim = { .flags = BTRFS_QGROUP_LIMIT_MAX_RFER, .max_rfer = bytes > 0 ? bytes : UINT64_MAX },
        };

        return ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &args) < 0 ? -errno : 0;
}

int btrfs_quota_usage(int fd, uint64_t *ret) {
        struct btrfs_ioctl_search_args args = {};
        struct btrfs_ioctl_search_header header;
        struct btrfs_qgroup_info_item item;
        uint64_t id = 0;
        int r;

        r = btrfs_subvolume_id(fd, &id);
        if (r < 0)
                return r;
        args.key = (struct btrfs_ioctl_search_key) {
                .tree_id = BTRFS_QUOTA_TREE_OBJECTID,
                .min_objectid = 0,
                .max_objectid = 0,
                .min_type = BTRFS_QGROUP_INFO_KEY,
                .max_type = BTRFS_QGROUP_INFO_KEY,
                .min_offset = id,
                .max_offset = id,
                .max_transid = UINT64_MAX,
                .nr_items = 1,
        };
        if (ioctl(fd, BTRFS_IOC_TREE_SEARCH, &args) < 0)
                return errno == ENOENT ? -ENOTCONN : -errno; /* no quota tree: quotas are off */
        if (args.key.nr_items == 0)
                return -ENODATA;
        memcpy(&header, args.buf, sizeof(header));
        if (header.len < sizeof(item))
                return -ENODATA;
        memcpy(&item, args.buf + sizeof(header), sizeof(item));
        *ret = le64toh(item.excl);
        return 0;
}
