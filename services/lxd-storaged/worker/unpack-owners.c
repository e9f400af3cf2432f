/* SPDX-License-Identifier: Apache-2.0 */
/* What reads a stranger's archive may be in a stranger's hands: its tree may change under this, and lead nowhere else. */
#include "unpack-owners.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/str.h"
#include "unpack-record.h"

#define DEPTH_MAX 300U /* the unpacker goes to 256; descriptors are held on the way down */
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

static int own_below(int dir_fd, uid_t from, unsigned depth);

static int own_entry(int dir_fd, const char *name, uid_t from, unsigned depth) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (st.st_uid != from)
                return 0;
        if (fchownat(dir_fd, name, 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                return 0;
        fd = open_resolve(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, BENEATH);
        return fd < 0 ? fd : own_below(fd, from, depth + 1);
}

static int own_below(int dir_fd, uid_t from, unsigned depth) {
        _cleanup_closedir_ DIR *d = NULL;
        int fd = depth > DEPTH_MAX ? -ELOOP : RET_ERRNO(fcntl(dir_fd, F_DUPFD_CLOEXEC, 3));

        if (fd < 0)
                return fd;
        d = fdopendir(fd);
        if (!d) {
                close_safe(fd);
                return -errno;
        }
        rewinddir(d); /* the offset is the caller's, too */
        for (;;) {
                struct dirent *entry;
                int r;

                errno = 0;
                entry = readdir(d);
                if (!entry)
                        return -errno;
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                r = own_entry(dir_fd, entry->d_name, from, depth);
                if (r < 0)
                        return r;
        }
}

int unpack_own(int target_fd, uid_t from, HostError *e) {
        int r = own_below(target_fd, from, 0);

        return r < 0 ? host_error(e, r, "Failed to make root the owner of the unpacked image") : 0;
}

/* ---- records ---- */

static int apply_owner(int fd, const char *link, const UnpackRecord *x) {
        struct stat st;

        if (geteuid() == 0 && fchownat(fd, "", x->uid, x->gid, AT_EMPTY_PATH) < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        /* A change of the owner takes set-user-id bits away: the mode comes after it. */
        return S_ISLNK(st.st_mode) ? 0 : RET_ERRNO(chmod(link, x->mode));
}

static int apply_xattr(const char *link, const UnpackRecord *x, uint64_t *skipped, HostError *e) {
        if (setxattr(link, x->name, x->value, x->value_size, 0) >= 0)
                return 0;
        if (errno == EINVAL || errno == ERANGE || errno == E2BIG)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "The image has the entry %.256s with an invalid attribute %.64s", x->path, x->name);
        if (errno != EOPNOTSUPP && !(errno == EPERM && geteuid() != 0))
                return -errno;
        (*skipped)++;
        return 0;
}

static int apply_record(int target_fd, const UnpackRecord *x, uint64_t *skipped, HostError *e) {
        _cleanup_close_ int fd = open_resolve(target_fd, x->path, O_PATH | O_NOFOLLOW, 0, BENEATH);
        char link[64];
        int r;

        if (fd < 0)
                return host_error(e, fd, "Failed to find %.256s of the unpacked image", x->path);
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        r = x->kind == UNPACK_RECORD_OWNER ? apply_owner(fd, link, x) : apply_xattr(link, x, skipped, e);
        return r < 0 ? host_error(e, r, "Failed to set %s of %.256s", x->kind == UNPACK_RECORD_OWNER ? "the owner" : x->name, x->path) : 0;
}

int unpack_apply_records(int target_fd, int records_fd, uint64_t *ret_skipped, HostError *e) {
        _cleanup_close_ int owned = records_fd;
        _cleanup_free_ UnpackRecord *x = malloc(sizeof(*x));
        _cleanup_fclose_ FILE *f = NULL;
        uint64_t skipped = 0;
        struct stat st;
        int r;

        if (!x)
                return -ENOMEM;
        if (fstat(owned, &st) < 0 || lseek(owned, 0, SEEK_SET) < 0)
                return host_error(e, -errno, "Failed to read the owners of the unpacked image");
        if ((uint64_t) st.st_size > UNPACK_RECORDS_SIZE_MAX)
                return host_refuse(e, -EPROTO, HOST_ERROR_FAILED, "The image unpacker gave more owners and attributes than it may");
        f = fdopen(owned, "r");
        if (!f)
                return -errno;
        (void) TAKE_FD(owned);
        while ((r = unpack_record_read(f, x)) > 0) {
                r = apply_record(target_fd, x, &skipped, e);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return host_refuse(e, r, HOST_ERROR_FAILED, "The image unpacker gave owners and attributes that make no sense");
        *ret_skipped = skipped;
        return 0;
}
