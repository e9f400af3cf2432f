/* SPDX-License-Identifier: Apache-2.0 */
/* By descending path: a folder that nobody may enter is closed after what is in it. */

#include "worker/folders.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "worker/attributes.h"

void folders_done(Folders *f) {
        for (size_t i = 0; i < f->n; i++)
                free(f->items[i].path);
        free(f->items);
        *f = (Folders) {};
}

int folders_add(Folders *f, const char *path, mode_t mode, int64_t sec, long nsec) {
        Folder folder = { .mode = mode & 0777, .sec = sec, .nsec = nsec, .index = f->n };

        if (f->n == f->allocated) {
                size_t n = MAX((size_t) 256, f->allocated * 2);
                Folder *more = reallocarray(f->items, n, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                f->items = more;
                f->allocated = n;
        }
        folder.path = strdup(path);
        if (!folder.path)
                return -ENOMEM;
        f->items[f->n++] = folder;
        return 0;
}

static int compare(const void *a, const void *b) {
        const Folder *x = a, *y = b;
        int r = strcmp(y->path, x->path);

        return r != 0 ? r : (y->index > x->index) - (y->index < x->index);
}

int folders_finish(Folders *f, const Tree *t, sd_bus_error *error) {
        SORT(f->items, f->n, compare);
        for (size_t i = 0; i < f->n; i++) {
                const Folder *folder = &f->items[i];
                _cleanup_close_ int fd = -EBADF;
                int r;

                if (i > 0 && streq(folder->path, f->items[i - 1].path))
                        continue; /* the later entry came first */
                fd = tree_open(t, folder->path, O_RDONLY | O_DIRECTORY);
                r = fd < 0 ? fd : attributes_set_mtime(fd, folder->sec, folder->nsec);
                if (r < 0)
                        return tree_error(r, folder->path, "set the time of", error);
                if (fchmod(fd, folder->mode) < 0)
                        return tree_error(-errno, folder->path, "set the mode of", error);
        }
        return 0;
}
