/* SPDX-License-Identifier: Apache-2.0 */
/* Every open goes through openat2() relative to the top, without symbolic links; what is created is created in the descriptor of its folder. */

#include <fcntl.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "worker/tree.h"

#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

void tree_done(Tree *t) {
        free(t->parent_path);
        t->parent_path = NULL;
        t->parent_fd = close_safe(t->parent_fd);
}

int tree_error(int r, const char *path, const char *step, sd_bus_error *error) {
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s twice", path);
        if (r == -ELOOP || r == -ENOTDIR || r == -EXDEV)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s, whose path leads through something that is not a folder", path);
        if (r == -ENAMETOOLONG)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry with a name that is too long: %.64s...", path);
        if (r == -ENOSPC || r == -EDQUOT)
                return bus_error_set(error, bus_error_from_errno(r), "Not enough space to unpack the image: failed to %s %.256s: %s", step, path, strerror(-r));
        return bus_error_set(error, bus_error_from_errno(r), "Failed to unpack the image: failed to %s %.256s: %s", step, path, strerror(-r));
}

int tree_open(const Tree *t, const char *path, int flags) {
        return open_resolve(t->fd, path[0] ? path : ".", flags, 0, RESOLVE);
}

int tree_write(int fd, const void *data, size_t n, int64_t offset) {
        const char *p = data;

        while (n > 0) {
                ssize_t k = pwrite(fd, p, n, offset);

                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k > 0) {
                        p += k;
                        offset += k;
                        n -= (size_t) k;
                }
        }
        return 0;
}

/* Makes the folders of a path one after the other, each in the one before. fd, -errno. */
static int make_folders(const Tree *t, const char *path) {
        _cleanup_close_ int fd = tree_open(t, "", O_PATH | O_DIRECTORY);

        for (const char *p = path; fd >= 0 && *p;) {
                size_t n = strcspn(p, "/");
                _cleanup_free_ char *name = strndup(p, n);
                int next;

                if (!name)
                        return -ENOMEM;
                if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
                        return -errno;
                next = open_resolve(fd, name, O_PATH | O_DIRECTORY, 0, RESOLVE);
                close_safe(fd);
                fd = next;
                p += n + (p[n] == '/');
        }
        return TAKE_FD(fd);
}

int tree_open_parent(Tree *t, const char *path, const char **ret_name, sd_bus_error *error) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *parent = strndup(path, slash ? (size_t) (slash - path) : 0);
        int fd;

        if (!parent)
                return -ENOMEM;
        *ret_name = slash ? slash + 1 : path;
        if (t->parent_fd >= 0 && streq(t->parent_path, parent))
                return t->parent_fd;

        fd = tree_open(t, parent, O_PATH | O_DIRECTORY);
        if (fd == -ENOENT)
                fd = make_folders(t, parent);
        if (fd < 0)
                return tree_error(fd, path, "reach the folder of", error);
        tree_done(t);
        t->parent_path = TAKE_PTR(parent);
        t->parent_fd = fd;
        return fd;
}

int tree_create_file(Tree *t, const char *path, mode_t mode, sd_bus_error *error) {
        const char *name;
        int parent = tree_open_parent(t, path, &name, error), fd;

        if (parent < 0)
                return parent;
        fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
        return fd < 0 ? tree_error(-errno, path, "create", error) : fd;
}

int tree_create_directory(Tree *t, const char *path, sd_bus_error *error) {
        const char *name;
        int parent = tree_open_parent(t, path, &name, error), fd;

        if (parent < 0)
                return parent;
        if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
                return tree_error(-errno, path, "create", error);
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return tree_error(errno == ENOTDIR || errno == ELOOP ? -EEXIST : -errno, path, "open", error);
        return fd;
}

int tree_create_symlink(Tree *t, const char *path, const char *target, sd_bus_error *error) {
        const char *name;
        int parent = tree_open_parent(t, path, &name, error);

        if (parent < 0)
                return parent;
        if (isempty(target))
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the symbolic link %.256s without a target", path);
        return symlinkat(target, parent, name) < 0 ? tree_error(-errno, path, "create", error) : 0;
}

int tree_create_node(Tree *t, const char *path, mode_t mode, sd_bus_error *error) {
        const char *name;
        int parent = tree_open_parent(t, path, &name, error);

        if (parent < 0)
                return parent;
        return mknodat(parent, name, mode, 0) < 0 ? tree_error(-errno, path, "create", error) : 0;
}

int tree_create_hardlink(Tree *t, const char *path, const char *existing, sd_bus_error *error) {
        _cleanup_close_ int fd = tree_open(t, existing, O_PATH | O_NOFOLLOW);
        char magic[64];
        struct stat st;
        const char *name;
        int parent;

        /* With these flags a symbolic link as the last component is the target itself; one on the way is refused. */
        if (fd < 0)
                return fd == -ENOENT || fd == -ELOOP
                               ? bus_error_set(error, LXD_ERROR_INVALID, "The image has the hard link %.256s to %.256s, which is no file of it", path, existing)
                               : tree_error(fd, path, "find the target of", error);
        if (fstat(fd, &st) < 0)
                return tree_error(-errno, path, "look at the target of", error);
        if (S_ISDIR(st.st_mode))
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the hard link %.256s to the folder %.256s", path, existing);
        parent = tree_open_parent(t, path, &name, error);
        if (parent < 0)
                return parent;
        (void) snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, magic, parent, name, AT_SYMLINK_FOLLOW) < 0 ? tree_error(-errno, path, "create", error) : 0;
}
