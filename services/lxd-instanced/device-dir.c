/* SPDX-License-Identifier: Apache-2.0 */
/* /var/lib/lxd/devices/<id>/: device nodes, and places for bind mounts, for the start of one guest. */
#include "device-dir.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "log.h"

static int dir_path(Manager *m, uint64_t id, char **ret) {
        return str_format(ret, "%s/devices/%" PRIu64, m->state_dir, id);
}

int device_dir_make(Manager *m, uint64_t id, const Idmap *idmap, char **ret) {
        _cleanup_free_ char *parent = NULL, *dir = NULL;
        uint32_t gid = 0;
        int r;

        r = str_format(&parent, "%s/devices", m->state_dir);
        if (r >= 0)
                r = mkdir_parents(parent, 0711);
        if (r >= 0)
                r = dir_path(m, id, &dir);
        if (r < 0)
                return r;
        if (idmap && !idmap_to_host(idmap, true, 0, &gid))
                return -ERANGE;

        /* liblxc opens these paths as the guest's root. Nobody else may pass: volumes hold files with the guest's ids as they are. */
        if (chmod(parent, 0711) < 0 || (mkdir(dir, 0700) < 0 && errno != EEXIST) || chown(dir, 0, gid) < 0 || chmod(dir, 0710) < 0)
                return -errno;
        *ret = TAKE_PTR(dir);
        return 0;
}

int device_dir_place(const char *dir, const char *name, bool directory, char **ret) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = str_format(&path, "%s/disk.%s", dir, name);
        if (r < 0)
                return r;
        if ((directory ? mkdir(path, 0700) : mknod(path, S_IFREG | 0600, 0)) < 0 && errno != EEXIST)
                return -errno;
        *ret = TAKE_PTR(path);
        return 0;
}

void device_dir_remove(Manager *m, uint64_t id) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (dir_path(m, id, &path) < 0)
                return;
        r = remove_flat(path, NULL);
        if (r < 0)
                log_warning_errno(r, "Failed to remove %s: %m", path);
}
