/* SPDX-License-Identifier: Apache-2.0 */
/* Copying a directory tree as it is, with directory descriptors only: a guest that changes names meanwhile cannot lead out. */
#include "tree-copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/str.h"

#define DEPTH_MAX 512            /* descriptors are held on the way down */
#define CHUNK (8U * 1024U * 1024U)
#define XATTR_MAX (64U * 1024U)

/* Where the first of several names of a file went. */
typedef struct Link {
        dev_t dev;
        ino_t ino;
        char *path; /* from the root of the target */
} Link;

typedef struct Copy {
        int root_fd; /* of the target */
        Link *links;
        size_t n_links, allocated_links;
        uint64_t bytes;
        bool into; /* the root of the target exists */
        bool no_copy_file_range;
        void (*progress)(uint64_t bytes);
        HostError *error;
} Copy;

static void copy_done(Copy *c) {
        for (size_t i = 0; i < c->n_links; i++)
                free(c->links[i].path);
        free(c->links);
        if (c->root_fd >= 0)
                close_safe(c->root_fd);
}

static int link_compare(const void *a, const void *b) {
        const Link *x = a, *y = b;

        if (x->ino != y->ino)
                return x->ino < y->ino ? -1 : 1;
        return x->dev < y->dev ? -1 : x->dev > y->dev;
}

/* The links are kept sorted: a tree of thousands of hard links (backups in a guest) must not become quadratic. */
static size_t link_position(const Copy *c, const Link *key, bool *found) {
        size_t low = 0, high = c->n_links;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = link_compare(&c->links[middle], key);

                if (order == 0) {
                        *found = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *found = false;
        return low;
}

static int link_remember(Copy *c, const struct stat *st, const char *path) {
        Link key = { .dev = st->st_dev, .ino = st->st_ino };
        bool found;
        size_t i;

        i = link_position(c, &key, &found);
        if (found)
                return 0;
        if (c->n_links == c->allocated_links) {
                size_t n = MAX((size_t) 64, c->allocated_links * 2);
                Link *links = reallocarray(c->links, n, sizeof(*links));

                if (!links)
                        return -ENOMEM;
                c->links = links;
                c->allocated_links = n;
        }
        key.path = strdup(path);
        if (!key.path)
                return -ENOMEM;
        memmove(c->links + i + 1, c->links + i, (c->n_links - i) * sizeof(*c->links));
        c->links[i] = key;
        c->n_links++;
        return 0;
}

/* 1 = made as a further name of a file that is there already. */
static int link_again(Copy *c, const struct stat *st, int to_dir, const char *name) {
        Link key = { .dev = st->st_dev, .ino = st->st_ino };
        bool found;
        size_t i;

        if (st->st_nlink < 2)
                return 0;
        i = link_position(c, &key, &found);
        if (!found)
                return 0;
        return linkat(c->root_fd, c->links[i].path, to_dir, name, 0) < 0 ? -errno : 1;
}

static int xattr_copy_one(const char *from, const char *to, const char *name) {
        _cleanup_free_ char *value = malloc(XATTR_MAX);
        ssize_t n;

        if (!value)
                return -ENOMEM;
        n = lgetxattr(from, name, value, XATTR_MAX);
        if (n < 0)
                return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
        if (lsetxattr(to, name, value, n, 0) >= 0)
                return 0;
        /* Names that belong to one file system (btrfs.compression) or to a security module that is not there. */
        if ((errno == EOPNOTSUPP || errno == EINVAL || errno == EPERM) &&
            (startswith(name, "btrfs.") || startswith(name, "security.selinux") || startswith(name, "system.nfs4")))
                return 0;
        return -errno;
}

/* Extended attributes of a file that may be a symlink: only the path forms of the calls take those, so the directories are
 * named by their descriptors. */
static int xattrs_copy(int from_dir, int to_dir, const char *name) {
        _cleanup_free_ char *names = NULL, *from = NULL, *to = NULL;
        ssize_t n;
        int r;

        r = str_format(&from, "/proc/self/fd/%d/%s", from_dir, name);
        if (r >= 0)
                r = str_format(&to, "/proc/self/fd/%d/%s", to_dir, name);
        if (r < 0)
                return r;
        n = llistxattr(from, NULL, 0);
        if (n <= 0)
                return n == 0 || errno == EOPNOTSUPP ? 0 : -errno;
        names = malloc(XATTR_MAX);
        if (!names)
                return -ENOMEM;
        n = llistxattr(from, names, XATTR_MAX);
        if (n < 0)
                return -errno;
        for (char *x = names; x < names + n; x += strlen(x) + 1) {
                r = xattr_copy_one(from, to, x);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Owner first (it clears set-uid bits and capabilities), then mode, attributes and at last the times. */
static int attributes_copy(int from_dir, int to_dir, const char *name, const struct stat *st) {
        struct timespec times[2] = { st->st_atim, st->st_mtim };
        int r;

        if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
                return -errno;
        r = xattrs_copy(from_dir, to_dir, name);
        if (r < 0)
                return r;
        return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int range_copy(Copy *c, int from, int to, off_t start, off_t end) {
        while (start < end) {
                size_t n = MIN((uint64_t) (end - start), (uint64_t) CHUNK);
                loff_t in = start, out = start;
                ssize_t k = -1;

                if (!c->no_copy_file_range) {
                        k = copy_file_range(from, &in, to, &out, n, 0);
                        if (k < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
                                c->no_copy_file_range = true;
                        else if (k < 0)
                                return -errno;
                }
                if (c->no_copy_file_range) {
                        if (lseek(to, start, SEEK_SET) < 0)
                                return -errno;
                        in = start;
                        k = sendfile(to, from, &in, n);
                        if (k < 0)
                                return -errno;
                }
                if (k == 0)
                        return 0; /* the file became shorter under us */
                start += k;
        }
        return 0;
}

static int content_copy(Copy *c, int from, int to, off_t size) {
        off_t data = 0, hole;
        int r;

        if (size == 0)
                return 0;
        if (ioctl(to, FICLONE, from) >= 0)
                return 0;
        if (ftruncate(to, size) < 0)
                return -errno;
        for (;;) {
                data = lseek(from, data, SEEK_DATA);
                if (data < 0)
                        return errno == ENXIO ? 0 : -errno; /* nothing but a hole is left */
                hole = lseek(from, data, SEEK_HOLE);
                if (hole < 0)
                        return -errno;
                r = range_copy(c, from, to, data, MIN(hole, size));
                if (r < 0)
                        return r;
                data = hole;
                if (data >= size)
                        return 0;
        }
}

static int file_copy(Copy *c, int from_dir, int to_dir, const char *name, const struct stat *st) {
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        struct stat now;
        int r;

        from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME);
        if (from < 0)
                return -errno;
        if (fstat(from, &now) < 0)
                return -errno;
        if (!S_ISREG(now.st_mode) || now.st_ino != st->st_ino)
                return -EAGAIN; /* replaced between looking and opening */
        to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        r = content_copy(c, from, to, now.st_size);
        if (r < 0)
                return r;
        c->bytes += (uint64_t) now.st_blocks * 512;
        if (c->progress)
                c->progress(c->bytes);
        return 0;
}

static int symlink_copy(int from_dir, int to_dir, const char *name) {
        char target[4097];
        ssize_t n;

        n = readlinkat(from_dir, name, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';
        return symlinkat(target, to_dir, name) < 0 ? -errno : 0;
}

static int directory_copy(Copy *c, int from_dir, const char *from, int to_dir, const char *to, const char *path,
                          unsigned depth);

static int entry_copy_typed(Copy *c, int from_dir, int to_dir, const char *name, const char *path,
                            const struct stat *st, unsigned depth) {
        switch (st->st_mode & S_IFMT) {
        case S_IFDIR:
                return directory_copy(c, from_dir, name, to_dir, name, path, depth + 1);
        case S_IFREG:
                return file_copy(c, from_dir, to_dir, name, st);
        case S_IFLNK:
                return symlink_copy(from_dir, to_dir, name);
        default:
                return mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0 ? -errno : 0;
        }
}

static int entry_copy(Copy *c, int from_dir, int to_dir, const char *name, const char *dir_path, unsigned depth) {
        _cleanup_free_ char *path = NULL;
        struct stat st;
        int r;

        if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : host_error(c->error, -errno, "Failed to read \"%s\"", name);
        r = str_format(&path, "%s%s%s", dir_path, dir_path[0] ? "/" : "", name);
        if (r < 0)
                return r;
        if (!S_ISDIR(st.st_mode)) {
                r = link_again(c, &st, to_dir, name);
                if (r != 0)
                        return r < 0 ? host_error(c->error, r, "Failed to link \"%s\"", path) : 0;
        }
        r = entry_copy_typed(c, from_dir, to_dir, name, path, &st, depth);
        if (r == -ENOENT)
                return 0; /* gone meanwhile */
        if (r >= 0 && !S_ISDIR(st.st_mode))
                r = attributes_copy(from_dir, to_dir, name, &st);
        if (r >= 0 && !S_ISDIR(st.st_mode) && st.st_nlink > 1)
                r = link_remember(c, &st, path);
        return r < 0 ? host_error(c->error, r, "Failed to copy \"%s\"", path) : 0;
}

static int directory_entries_copy(Copy *c, int from, int to, const char *path, unsigned depth) {
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *entry;
        int fd, r;

        fd = fcntl(from, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close_safe(fd);
                return -errno;
        }
        for (;;) {
                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno;
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                r = entry_copy(c, from, to, entry->d_name, path, depth);
                if (r < 0)
                        return r;
        }
}

static int directory_copy(Copy *c, int from_dir, const char *from, int to_dir, const char *to, const char *path,
                          unsigned depth) {
        _cleanup_close_ int source = -EBADF, target = -EBADF;
        struct timespec times[2];
        struct stat st;
        struct statx stx;
        int r;

        if (depth > DEPTH_MAX)
                return host_error(c->error, -ELOOP, "Directory \"%s\" is nested too deep", path);
        source = openat(from_dir, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (source < 0)
                return -errno;
        if (fstat(source, &st) < 0 || statx(source, "", AT_EMPTY_PATH, 0, &stx) < 0)
                return -errno;
        if (!(c->into && depth == 0) && mkdirat(to_dir, to, 0700) < 0)
                return -errno;
        target = openat(to_dir, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (target < 0)
                return -errno;
        if (depth == 0)
                c->root_fd = fcntl(target, F_DUPFD_CLOEXEC, 0);
        if (depth == 0 || !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
                r = directory_entries_copy(c, source, target, path, depth);
                if (r < 0)
                        return r;
        }
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        if (fchown(target, st.st_uid, st.st_gid) < 0 || fchmod(target, st.st_mode & 07777) < 0)
                return -errno;
        r = xattrs_copy(source, target, ".");
        if (r < 0)
                return r;
        return futimens(target, times) < 0 ? -errno : 0;
}

static int copy_root(Copy *c, int from_dir, const char *from, int to_dir, const char *to) {
        int r;

        r = directory_copy(c, from_dir, from, to_dir, to, "", 0);
        return r < 0 ? host_error(c->error, r, "Failed to copy \"%s\"", from) : 0;
}

int tree_copy(int from_dir, const char *from, int to_dir, const char *to, void (*progress)(uint64_t bytes),
              HostError *e) {
        _cleanup_(copy_done) Copy c = { .root_fd = -EBADF, .progress = progress, .error = e };

        return copy_root(&c, from_dir, from, to_dir, to);
}

int tree_copy_into(int from_dir, const char *from, int to_dir, const char *to, void (*progress)(uint64_t bytes),
                   HostError *e) {
        _cleanup_(copy_done) Copy c = { .root_fd = -EBADF, .into = true, .progress = progress, .error = e };

        return copy_root(&c, from_dir, from, to_dir, to);
}
