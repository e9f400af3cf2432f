/* SPDX-License-Identifier: Apache-2.0 */
/* Times are set here; owners, special modes, ACLs and extended attributes are only written down: this program has no right to give them. */

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "bus-error.h"
#include "unpack-record.h"
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
        SORT(entries, n, acl_compare);
        *ret = TAKE_PTR(data);
        *ret_size = sizeof(uint32_t) + n * sizeof(AclEntry);
        return 1;
}

static int record_failed(int r, const char *path, sd_bus_error *error) {
        if (r == -E2BIG || r == -ENAMETOOLONG)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s with an invalid attribute: it is too large", path);
        if (r == -EFBIG)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has more than %" PRIu64 " bytes of owners and attributes", UNPACK_RECORDS_SIZE_MAX);
        return tree_error(r, path, "note the attributes of", error);
}

static int record_acl(struct archive_entry *e, int type, const char *name, const char *path, AttributeLog *log, sd_bus_error *error) {
        _cleanup_free_ void *data = NULL;
        size_t n;
        int r = acl_encode(e, type, &data, &n);

        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s with an ACL that is not a POSIX one", path);
        if (r > 0)
                r = unpack_record_write_xattr(log->records, path, name, data, n);
        return r < 0 ? record_failed(r, path, error) : 0;
}

/* GNU tar --xattrs keeps ACLs as the kernel's attributes: the form that setting them takes. */
static int record_xattrs(struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error) {
        const char *name;
        const void *value;
        size_t n;

        for (int left = archive_entry_xattr_reset(e); left > 0; left--) {
                int r;

                if (archive_entry_xattr_next(e, &name, &value, &n) != ARCHIVE_OK)
                        break;
                if (!name || !unpack_xattr_is_wanted(name)) {
                        log->skipped_xattrs++;
                        continue;
                }
                r = unpack_record_write_xattr(log->records, path, name, value, n);
                if (r < 0)
                        return record_failed(r, path, error);
        }
        return 0;
}

/* Most files are root's, as all are that nothing is said about, and were created with their mode. */
static int record_owner(struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error) {
        int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
        bool link = archive_entry_filetype(e) == AE_IFLNK;
        mode_t mode = link ? 0 : archive_entry_perm(e) & 07777;
        int r;

        if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s with an impossible owner", path);
        if (uid == 0 && gid == 0 && (mode & 07000) == 0)
                return 0;
        r = unpack_record_write_owner(log->records, path, (uid_t) uid, (gid_t) gid, mode);
        return r < 0 ? record_failed(r, path, error) : 0;
}

int attributes_record(struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error) {
        int r = record_owner(e, path, log, error);

        if (r >= 0 && archive_entry_filetype(e) == AE_IFLNK) /* it has no others */
                return 0;
        if (r >= 0)
                r = record_acl(e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", path, log, error);
        if (r >= 0 && archive_entry_filetype(e) == AE_IFDIR)
                r = record_acl(e, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", path, log, error);
        return r < 0 ? r : record_xattrs(e, path, log, error);
}

int attributes_set_mtime(int fd, int64_t sec, long nsec) {
        struct timespec times[2] = { { .tv_sec = sec, .tv_nsec = nsec }, { .tv_sec = sec, .tv_nsec = nsec } };

        return RET_ERRNO(futimens(fd, times));
}

int attributes_apply(int fd, struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error) {
        int r = attributes_set_mtime(fd, archive_entry_mtime(e), archive_entry_mtime_nsec(e) % 1000000000L);

        return r < 0 ? tree_error(r, path, "set the time of", error) : attributes_record(e, path, log, error);
}

int attributes_apply_at(int dir_fd, const char *name, struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error) {
        struct timespec t = { .tv_sec = archive_entry_mtime(e), .tv_nsec = archive_entry_mtime_nsec(e) % 1000000000L };

        if (utimensat(dir_fd, name, (struct timespec[2]) { t, t }, AT_SYMLINK_NOFOLLOW) < 0)
                return tree_error(-errno, path, "set the time of", error);
        return attributes_record(e, path, log, error);
}
