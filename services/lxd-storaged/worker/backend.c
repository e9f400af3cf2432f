/* SPDX-License-Identifier: Apache-2.0 */
/* Registry of the drivers' host sides and what they share. */
#include "backend.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

/* Everything that holds files with the owners of guests is closed to the users of the host: a set-uid root file made in a
 * guest must not be reachable. containers/ itself may be passed, the volumes in it may not. */
const KindDirectory kind_directories[] = {
        { "buckets", 0711 },
        { "containers", 0711 },
        { "containers-snapshots", 0711 },
        { "custom", 0700 },
        { "custom-snapshots", 0700 },
        { "images", 0700 },
        { "virtual-machines", 0700 },
        { "virtual-machines-snapshots", 0700 },
        {},
};

const Backend *backend_find(const char *name) {
        static const Backend *const backends[] = { &backend_dir, &backend_btrfs };

        for (size_t i = 0; i < ELEMENTSOF(backends); i++)
                if (streq(backends[i]->name, name))
                        return backends[i];
        return NULL;
}

/* 1 = has entries, 0 = has none. */
static int directory_has_entries(const char *path) {
        _cleanup_closedir_ DIR *dir = opendir(path);
        struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        return 1;
        return 0;
}

int source_check_empty(const char *source, HostError *e) {
        int r;

        r = source[0] == '/' ? directory_has_entries(source) : -ENOENT;
        if (r == -ENOENT)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Source path '%s' doesn't exist", source);
        if (r == -ENOTDIR)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Source path '%s' isn't a directory", source);
        if (r > 0)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Source path '%s' isn't empty", source);
        return r < 0 ? host_error(e, r, "Failed to read source path '%s'", source) : 0;
}

int source_check_place(const HostPool *p, HostError *e) {
        const char *rest = startswith(p->source, p->state_dir);

        if (strstr(p->source, "/../") || endswith(p->source, "/.."))
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Source path '%s' isn't normalized", p->source);
        if (rest && (rest[0] == '/' || rest[0] == '\0') && !streq(p->source, p->path))
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Only allowed source path under \"%s\" is \"%s\"",
                                   p->state_dir, p->path);
        return 0;
}

int pool_make_mount_point(const HostPool *p, HostError *e) {
        if (mkdir(p->path, 0711) >= 0 || errno == EEXIST)
                return 0;
        return host_error(e, -errno, "Failed to create \"%s\"", p->path);
}

int pool_remove_mount_point(const HostPool *p, HostError *e) {
        if (rmdir(p->path) >= 0 || errno == ENOENT)
                return 0;
        return host_error(e, -errno, "Failed to remove \"%s\"", p->path);
}

static int kind_remove_volumes(const Backend *b, HostPool *p, int kind_fd, HostError *e) {
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *entry;
        int fd, r;

        fd = fcntl(kind_fd, F_DUPFD_CLOEXEC, 0);
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                close_safe(fd);
                return -errno;
        }
        while ((entry = readdir(dir))) {
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                r = b->volume_delete(p, kind_fd, entry->d_name, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

int pool_remove_kinds(const Backend *b, HostPool *p, HostError *e) {
        _cleanup_close_ int pool_fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (pool_fd < 0)
                return errno == ENOENT ? 0 : host_error(e, -errno, "Failed to open \"%s\"", p->path);
        for (const KindDirectory *k = kind_directories; k->name; k++) {
                _cleanup_close_ int fd = openat(pool_fd, k->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (fd < 0)
                        continue;
                r = kind_remove_volumes(b, p, fd, e);
                if (r >= 0)
                        r = unlinkat(pool_fd, k->name, AT_REMOVEDIR) < 0 ? -errno : 0;
                if (r < 0)
                        return host_error(e, r, "Failed to remove \"%s/%s\"", p->path, k->name);
        }
        return 0;
}
