/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole reads, atomic writes, opens that cannot leave a tree, memfds. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/str.h"
#include "crash.h"

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        size_t size = 0, allocated = 0;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        bool seekable = S_ISREG(st.st_mode);
        /* No verdict by st_size: a file of sysfs says 4096 whatever is in it. */
        for (;;) {
                ssize_t n;

                if (size + 1 >= allocated) {
                        size_t more = allocated ? allocated * 2 : seekable && st.st_size > 0 ? MIN((size_t) st.st_size, max) + 2 : 4096;
                        char *p = realloc(data, more);

                        if (!p)
                                return -ENOMEM;
                        data = p;
                        allocated = more;
                }
                n = seekable ? pread(fd, data + size, allocated - size - 1, (off_t) size)
                             : read(fd, data + size, allocated - size - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
                if (size > max)
                        return -EFBIG;
        }
        data[size] = '\0';
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int file_read_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        return fd_read_all(fd, max, ret, ret_size);
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_size) {
        return file_read_at(AT_FDCWD, path, max, ret, ret_size);
}

int fd_write_all(int fd, const void *data, size_t n) {
        const char *p = data;

        while (n > 0) {
                ssize_t k = write(fd, p, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                p += k;
                n -= (size_t) k;
        }
        return 0;
}

int file_write_atomic(const char *path, const void *data, size_t n, mode_t mode) {
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        /* One name per file, so that what a killed writer leaves does not add up: the next one takes it away. */
        r = str_format(&temporary, "%s~", path);
        if (r < 0)
                return r;
        do
                fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        while (fd < 0 && errno == EEXIST && unlink(temporary) >= 0);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, data, n);
        if (r >= 0)
                r = fchmod(fd, mode) < 0 || fdatasync(fd) < 0 ? -errno : 0;
        crash_point("file-written");
        fd = close_safe(fd); /* behind the rename it would look to inotify like another change of the file */
        if (r >= 0)
                r = RET_ERRNO(rename(temporary, path));
        crash_point("file-renamed");
        if (r < 0)
                (void) unlink(temporary);
        return r;
}

int file_remove(const char *path) {
        _cleanup_free_ char *temporary = NULL;
        int r;

        r = str_format(&temporary, "%s~", path);
        if (r < 0)
                return r;
        (void) unlink(temporary);
        return unlink(path) >= 0 ? 1 : errno == ENOENT ? 0 : -errno;
}

int mkdir_parents(const char *path, mode_t mode) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *p = copy + 1; *p; p++)
                if (*p == '/') {
                        *p = '\0';
                        if (mkdir(copy, mode) < 0 && errno != EEXIST)
                                return -errno;
                        *p = '/';
                }
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
                return -errno;
        return 0;
}

int remove_flat(const char *dir, const char *prefix) {
        _cleanup_closedir_ DIR *d = opendir(dir);
        struct dirent *e;
        int r = 0;

        if (!d)
                return errno == ENOENT ? 0 : -errno;
        while ((e = readdir(d))) {
                if (streq(e->d_name, ".") || streq(e->d_name, "..") || !startswith(e->d_name, strempty(prefix)))
                        continue;
                if (unlinkat(dirfd(d), e->d_name, 0) < 0 && unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) < 0)
                        r = -errno;
        }
        return r < 0 || prefix ? r : RET_ERRNO(rmdir(dir));
}

static int remove_children(int fd) {
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *e;
        int copy, r = 0;

        copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (copy < 0)
                return -errno;
        d = fdopendir(copy);
        if (!d) {
                r = -errno;
                (void) close(copy);
                return r;
        }
        while ((e = readdir(d))) {
                int k;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                k = remove_tree_at(fd, e->d_name);
                if (k < 0 && r >= 0)
                        r = k;
        }
        return r;
}

int remove_tree_at(int dir_fd, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (unlinkat(dir_fd, name, 0) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = remove_children(fd);
        if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return r < 0 ? r : -errno;
        return 0;
}

int open_resolve(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve) {
        struct open_how how = {
                .flags = (uint64_t) (flags | O_CLOEXEC),
                .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
                .resolve = resolve,
        };

        for (;;) {
                long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

                /* EAGAIN: a rename raced with a resolution that must stay in the tree. */
                if (fd < 0 && (errno == EAGAIN || errno == EINTR))
                        continue;
                return fd < 0 ? -errno : (int) fd;
        }
}

int memfd_new_sealed(const char *name, const void *data, size_t n) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, data, n);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* One transfer by the cheapest call that works for this pair; *method remembers which one that was. */
static ssize_t copy_some(int from, int to, size_t n, int *method) {
        char buffer[64 * 1024];
        ssize_t k;

        if (*method == 0) {
                k = copy_file_range(from, NULL, to, NULL, n, 0);
                if (k > 0)
                        return k;
                /* 0 also comes from special files that copy_file_range() does not read: let the next one decide. */
                *method = 1;
        }
        if (*method == 1) {
                k = splice(from, NULL, to, NULL, MIN(n, (size_t) 1 << 20), 0);
                if (k >= 0 || (errno != EINVAL && errno != EBADF))
                        return k;
                *method = 2;
        }
        if (*method == 2) {
                k = sendfile(to, from, NULL, MIN(n, (size_t) 1 << 20));
                if (k >= 0 || (errno != EINVAL && errno != ENOSYS))
                        return k;
                *method = 3;
        }
        k = read(from, buffer, MIN(n, sizeof(buffer)));
        if (k > 0) {
                int r = fd_write_all(to, buffer, (size_t) k);

                if (r < 0) {
                        errno = -r;
                        return -1;
                }
        }
        return k;
}

int fd_copy(int from, int to, uint64_t max, uint64_t *ret_bytes) {
        uint64_t total = 0;
        int method = 0;

        while (total < max) {
                ssize_t k = copy_some(from, to, (size_t) MIN(max - total, (uint64_t) 1 << 30), &method);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                total += (uint64_t) k;
        }
        if (ret_bytes)
                *ret_bytes = total;
        return 0;
}

static int fd_flag(int fd, int get, int set, int flag, bool on) {
        int flags = fcntl(fd, get);

        if (flags < 0)
                return -errno;
        return fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, bool on) {
        return fd_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int fd_set_cloexec(int fd, bool on) {
        return fd_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}
