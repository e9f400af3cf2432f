/* SPDX-License-Identifier: Apache-2.0 */
#include "guest-place.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/str.h"

/* To the next name of a path. */
static const char *skip(const char *p) {
        for (;;) {
                p += strspn(p, "/");
                if (p[0] != '.' || (p[1] != '/' && p[1] != '\0'))
                        return p;
                p++;
        }
}

/* What of path is below folder; NULL when it is elsewhere. */
static const char *below(const char *path, const char *folder) {
        for (;;) {
                size_t n;

                path = skip(path);
                folder = skip(folder);
                if (folder[0] == '\0')
                        return path[0] ? path : NULL;
                n = strcspn(folder, "/");
                if (strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n] != '\0'))
                        return NULL;
                path += n;
                folder += n;
        }
}

int guest_place_check(const char *rootfs, const GuestPlace *earlier, size_t n, const char *target) {
        _cleanup_close_ int root = -EBADF, fd = -EBADF;
        const char *base = rootfs, *rest = skip(target);

        if (below(target, "/dev"))
                return 0; /* a file system of its own, new at each start */
        for (size_t i = 0; i < n; i++) {
                const char *inside = below(target, earlier[i].target);

                if (inside) {
                        base = earlier[i].source;
                        rest = inside;
                }
        }
        root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0 || rest[0] == '\0')
                return 0;
        fd = open_resolve(root, rest, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        return fd == -ELOOP ? fd : 0;
}
