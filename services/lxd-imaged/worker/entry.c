/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of archive entries. */

#include "base/str.h"
#include "bus-error.h"
#include "worker/entry.h"

int entry_path(const char *path, char **ret, sd_bus_error *error) {
        _cleanup_free_ char *clean = NULL;
        unsigned depth = 0;
        char *out;

        if (isempty(path))
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry without a name");
        if (strlen(path) > ENTRY_PATH_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry with a path longer than %u bytes: %.64s...",
                                     ENTRY_PATH_MAX, path);
        if (path[0] == '/')
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry with an absolute path: %.256s", path);

        clean = out = malloc(strlen(path) + 1);
        if (!clean)
                return -ENOMEM;
        for (const char *p = path; *p;) {
                size_t n = strcspn(p, "/");

                if (n == 2 && strncmp(p, "..", 2) == 0)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry that leaves it by \"..\": %.256s", path);
                if (n > 0 && !(n == 1 && *p == '.')) {
                        if (++depth > ENTRY_DEPTH_MAX)
                                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry deeper than %u folders: %.64s...",
                                                     ENTRY_DEPTH_MAX, path);
                        if (out > clean)
                                *out++ = '/';
                        out = mempcpy(out, p, n);
                }
                p += n;
                p += *p == '/';
        }
        *out = '\0';
        *ret = TAKE_PTR(clean);
        return 0;
}

int entry_place(const char *path, EntryPlace *ret, sd_bus_error *error) {
        if (path[0] == '\0')
                *ret = ENTRY_TOP;
        else if (streq(path, "metadata.yaml"))
                *ret = ENTRY_METADATA;
        else if (streq(path, "templates"))
                *ret = ENTRY_TEMPLATES;
        else if (startswith(path, "templates/"))
                *ret = ENTRY_TEMPLATE;
        else if (streq(path, "rootfs"))
                *ret = ENTRY_ROOTFS;
        else if (startswith(path, "rootfs/"))
                *ret = ENTRY_IN_ROOTFS;
        else if (streq(path, "rootfs.img"))
                *ret = ENTRY_ROOTFS_IMG;
        else
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The image has an entry that is not part of an image: %.256s (only metadata.yaml, templates/ and rootfs/ are)",
                                     path);
        return 0;
}
