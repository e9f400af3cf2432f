/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes from archive entries, set through descriptors. */

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "bus-error.h"
#include "worker/attributes.h"
#include "worker/tree.h"

#define ACL_VERSION 2U
#define ACL_ENTRIES_MAX 256U
#define ACL_NO_ID UINT32_MAX

/* Little endian on disk and in the system call; linux/posix_acl_xattr.h */
typedef struct AclEntry {
        uint16_t tag;
        uint16_t permissions;
        uint32_t id;
} AclEntry;

enum {
        ACL_TAG_USER_OBJ = 0x01,
        ACL_TAG_USER = 0x02,
        ACL_TAG_GROUP_OBJ = 0x04,
        ACL_TAG_GROUP = 0x08,
        ACL_TAG_MASK = 0x10,
        ACL_TAG_OTHER = 0x20,
};

static int acl_tag(int tag) {
        switch (tag) {
        case ARCHIVE_ENTRY_ACL_USER_OBJ:
                return ACL_TAG_USER_OBJ;
        case ARCHIVE_ENTRY_ACL_USER:
                return ACL_TAG_USER;
        case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
                return ACL_TAG_GROUP_OBJ;
        case ARCHIVE_ENTRY_ACL_GROUP:
                return ACL_TAG_GROUP;
        case ARCHIVE_ENTRY_ACL_MASK:
                return ACL_TAG_MASK;
        case ARCHIVE_ENTRY_ACL_OTHER:
                return ACL_TAG_OTHER;
        default:
                return -EINVAL;
        }
}

static int acl_compare(const void *a, const void *b) {
        const AclEntry *x = a, *y = b;
        uint16_t t = le16toh(x->tag), u = le16toh(y->tag);
        uint32_t i = le32toh(x->id), k = le32toh(y->id);

        return t != u ? (t > u) - (t < u) : (i > k) - (i < k);
}

int acl_encode(struct archive_entry *e, int type, void **ret, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        int count = archive_entry_acl_reset(e, type);
        int entry_type, permset, tag, qualifier;
        const char *name;
        AclEntry *entries;
        size_t n = 0;

        if (count <= 0)
                return 0;
        if (count > (int) ACL_ENTRIES_MAX)
                return -EINVAL;
        data = malloc(sizeof(uint32_t) + (size_t) count * sizeof(AclEntry));
        if (!data)
                return -ENOMEM;
        *(uint32_t *) (void *) data = htole32(ACL_VERSION);
        entries = (AclEntry *) (void *) (data + sizeof(uint32_t));
        while (n < (size_t) count && archive_entry_acl_next(e, type, &entry_type, &permset, &tag, &qualifier, &name) == ARCHIVE_OK) {
                int t = acl_tag(tag);
                bool named = t == ACL_TAG_USER || t == ACL_TAG_GROUP;

                if (t < 0 || (named && qualifier < 0))
                        return -EINVAL;
                entries[n++] = (AclEntry) {
                        .tag = htole16((uint16_t) t),
                        .permissions = htole16((uint16_t) (permset & 7)), /* libarchive's bits are the kernel's */
                        .id = htole32(named ? (uint32_t) qualifier : ACL_NO_ID),
                };
        }
        qsort(entries, n, sizeof(*entries), acl_compare);
        *ret = TAKE_PTR(data);
        *ret_size = sizeof(uint32_t) + n * sizeof(AclEntry);
        return 1;
}

static int apply_acl(int fd, struct archive_entry *e, int type, const char *name, const char *path, AttributeCounts *counts, sd_bus_error *error) {
        _cleanup_free_ void *data = NULL;
        size_t n;
        int r = acl_encode(e, type, &data, &n);

        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s with an ACL that is not a POSIX one", path);
        if (r <= 0)
                return r;
        if (fsetxattr(fd, name, data, n, 0) >= 0)
                return 0;
        if (errno == EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s with an invalid ACL", path);
        if (errno != EOPNOTSUPP)
                return tree_error(-errno, path, "set the ACL of", error);
        counts->skipped_xattrs++;
        return 0;
}

/* GNU tar --xattrs keeps ACLs as the kernel's attributes: the form that setting them takes. */
static bool xattr_is_wanted(const char *name) {
        return strncmp(name, "user.", 5) == 0 || streq(name, "security.capability") || streq(name, "system.posix_acl_access") ||
               streq(name, "system.posix_acl_default");
}

static int apply_xattrs(int fd, struct archive_entry *e, const char *path, AttributeCounts *counts, sd_bus_error *error) {
        const char *name;
        const void *value;
        size_t n;

        for (int left = archive_entry_xattr_reset(e); left > 0; left--) {
                if (archive_entry_xattr_next(e, &name, &value, &n) != ARCHIVE_OK)
                        break;
                if (!name || !xattr_is_wanted(name)) {
                        counts->skipped_xattrs++;
                        continue;
                }
                if (fsetxattr(fd, name, value, n, 0) >= 0)
                        continue;
                if (errno == EINVAL || errno == ERANGE || errno == E2BIG)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s with an invalid attribute %.64s", path, name);
                /* Without privilege (only tests run so) capabilities cannot be set. */
                if (errno != EOPNOTSUPP && !(errno == EPERM && geteuid() != 0))
                        return tree_error(-errno, path, "set an attribute of", error);
                counts->skipped_xattrs++;
        }
        return 0;
}

static int owner(struct archive_entry *e, const char *path, uid_t *uid, gid_t *gid, sd_bus_error *error) {
        int64_t u = archive_entry_uid(e), g = archive_entry_gid(e);

        if (u < 0 || u >= UINT32_MAX || g < 0 || g >= UINT32_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s with an impossible owner", path);
        *uid = (uid_t) u;
        *gid = (gid_t) g;
        return 0;
}

static struct timespec mtime(struct archive_entry *e) {
        return (struct timespec) { .tv_sec = archive_entry_mtime(e), .tv_nsec = archive_entry_mtime_nsec(e) % 1000000000L };
}

/* Most files are root's and were created with their mode: a look is cheaper than two changes of the inode. */
static int apply_owner_and_mode(int fd, struct archive_entry *e, const char *path, sd_bus_error *error) {
        mode_t mode = archive_entry_perm(e) & 07777;
        uid_t uid = 0;
        gid_t gid = 0;
        struct stat st;
        bool chown;
        int r = owner(e, path, &uid, &gid, error);

        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return tree_error(-errno, path, "look at", error);
        chown = geteuid() == 0 && (st.st_uid != uid || st.st_gid != gid);
        if (chown && fchown(fd, uid, gid) < 0)
                return tree_error(-errno, path, "change the owner of", error);
        /* A change of the owner may change the mode, too. */
        if ((chown || (st.st_mode & 07777) != mode) && fchmod(fd, mode) < 0)
                return tree_error(-errno, path, "change the mode of", error);
        return 0;
}

int attributes_apply(int fd, struct archive_entry *e, const char *path, AttributeCounts *counts, sd_bus_error *error) {
        struct timespec times[2] = { mtime(e), mtime(e) };
        int r = apply_owner_and_mode(fd, e, path, error);

        if (r < 0)
                return r;
        r = apply_acl(fd, e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", path, counts, error);
        if (r >= 0 && archive_entry_filetype(e) == AE_IFDIR)
                r = apply_acl(fd, e, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", path, counts, error);
        if (r >= 0)
                r = apply_xattrs(fd, e, path, counts, error);
        if (r < 0)
                return r;
        return futimens(fd, times) < 0 ? tree_error(-errno, path, "set the time of", error) : 0;
}

int attributes_apply_at(int dir_fd, const char *name, struct archive_entry *e, const char *path, sd_bus_error *error) {
        struct timespec times[2] = { mtime(e), mtime(e) };
        uid_t uid = 0;
        gid_t gid = 0;
        int r = owner(e, path, &uid, &gid, error);

        if (r < 0)
                return r;
        if (geteuid() == 0 && fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
                return tree_error(-errno, path, "change the owner of", error);
        /* fchmodat() knows no AT_SYMLINK_NOFOLLOW for other files; nothing but us is in this folder, and this is no link. */
        if (archive_entry_filetype(e) != AE_IFLNK && fchmodat(dir_fd, name, archive_entry_perm(e) & 07777, 0) < 0)
                return tree_error(-errno, path, "change the mode of", error);
        return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? tree_error(-errno, path, "set the time of", error) : 0;
}

int attributes_set_mtime(int fd, int64_t sec, long nsec) {
        struct timespec times[2] = { { .tv_sec = sec, .tv_nsec = nsec }, { .tv_sec = sec, .tv_nsec = nsec } };

        return RET_ERRNO(futimens(fd, times));
}
