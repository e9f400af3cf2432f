/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "dir": volumes are plain directories. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "backend.h"
#include "base/file.h"
#include "mount.h"
#include "tree-copy.h"

static bool own_path(const HostPool *p) {
        return p->source[0] == '\0' || streq(p->source, p->path);
}

static int dir_pool_is_mounted(HostPool *p) {
        struct stat st;

        if (!own_path(p))
                return mount_is_point(p->path);
        return stat(p->path, &st) < 0 ? (errno == ENOENT ? 0 : -errno) : 1;
}

static int dir_pool_mount(HostPool *p, HostError *e) {
        int r;

        r = pool_make_mount_point(p, e);
        if (r < 0 || own_path(p))
                return r;
        if (mount(p->source, p->path, NULL, MS_BIND, NULL) < 0)
                return host_error(e, -errno, "Failed to mount \"%s\" on \"%s\"", p->source, p->path);
        return 0;
}

static int dir_pool_check(HostPool *p, HostError *e) {
        int r;

        if (access(p->path, F_OK) >= 0 && (own_path(p) || source_check_empty(p->path, host_error_ignored()) < 0))
                return host_refuse(e, -EEXIST, HOST_ERROR_EXISTS, "Storage pool directory \"%s\" already exists",
                                   p->path);
        if (own_path(p))
                return 0;
        r = source_check_empty(p->source, e);
        return r < 0 ? r : source_check_place(p, e);
}

static int dir_pool_create(HostPool *p, HostError *e) {
        return dir_pool_mount(p, e);
}

static int dir_pool_delete(HostPool *p, HostError *e) {
        int r;

        if (own_path(p) || mount_is_point(p->path) > 0) {
                r = pool_remove_kinds(&backend_dir, p, e);
                if (r < 0)
                        return r;
        }
        r = mount_detach(p->path);
        if (r < 0)
                return host_error(e, r, "Failed to unmount \"%s\"", p->path);
        return pool_remove_mount_point(p, e);
}

static int dir_volume_create(HostPool *p, int dir_fd, const char *name, HostError *e) {
        return mkdirat(dir_fd, name, 0700) < 0 ? host_error(e, -errno, "Failed to create directory \"%s\"", name) : 0;
}

static int dir_volume_copy(HostPool *p, int from_dir, const char *from, bool same_pool, bool readonly,
                           int dir_fd, const char *name, HostError *e) {
        return tree_copy(from_dir, from, dir_fd, name, NULL, e);
}

static int dir_volume_delete(HostPool *p, int dir_fd, const char *name, HostError *e) {
        int r;

        r = remove_tree_at(dir_fd, name);
        return r < 0 ? host_error(e, r, "Failed to remove \"%s\"", name) : 0;
}

static int dir_volume_usage(HostPool *p, int fd, uint64_t *ret) {
        return -EOPNOTSUPP; /* would have to walk the tree */
}

static int dir_flush_names(HostPool *p, int dir_fd, HostError *e) {
        return fsync(dir_fd) < 0 ? host_error(e, -errno, "Failed to flush a directory of storage pool \"%s\"", p->name) : 0;
}

static int dir_flush_files(HostPool *p, HostError *e) {
        return syncfs(p->fd) < 0 ? host_error(e, -errno, "Failed to flush storage pool \"%s\"", p->name) : 0;
}

const Backend backend_dir = {
        .name = "dir",
        .pool_check = dir_pool_check,
        .pool_create = dir_pool_create,
        .pool_mount = dir_pool_mount,
        .pool_delete = dir_pool_delete,
        .pool_is_mounted = dir_pool_is_mounted,
        .volume_create = dir_volume_create,
        .volume_copy = dir_volume_copy,
        .volume_delete = dir_volume_delete,
        .volume_usage = dir_volume_usage,
        .flush_names = dir_flush_names,
        .flush_files = dir_flush_files,
};
