/* SPDX-License-Identifier: Apache-2.0 */
/* A head of fixed layout, then path, name and value. Writer and reader are of one build on one machine: native byte order. */
#include "unpack-record.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

typedef struct Head {
        uint32_t kind;
        uint32_t uid, gid, mode;
        uint32_t path_size, name_size, value_size;
} Head;

bool unpack_xattr_is_wanted(const char *name) {
        return (startswith(name, "user.") && name[STRLEN("user.")]) || streq(name, "security.capability") || streq(name, "system.posix_acl_access") ||
               streq(name, "system.posix_acl_default");
}

static int write_record(FILE *f, const Head *h, const char *path, const char *name, const void *value) {
        off_t at = ftello(f);

        if (h->path_size > UNPACK_RECORD_PATH_MAX || h->name_size > UNPACK_RECORD_NAME_MAX)
                return -ENAMETOOLONG;
        if (h->value_size > UNPACK_RECORD_VALUE_MAX)
                return -E2BIG;
        if (at < 0)
                return -errno;
        if ((uint64_t) at + sizeof(*h) + h->path_size + h->name_size + h->value_size > UNPACK_RECORDS_SIZE_MAX)
                return -EFBIG;
        if (fwrite(h, sizeof(*h), 1, f) != 1 || fwrite(path, 1, h->path_size, f) != h->path_size || fwrite(name, 1, h->name_size, f) != h->name_size ||
            fwrite(value, 1, h->value_size, f) != h->value_size)
                return -EIO;
        return 0;
}

int unpack_record_write_owner(FILE *f, const char *path, uid_t uid, gid_t gid, mode_t mode) {
        Head h = { .kind = UNPACK_RECORD_OWNER, .uid = uid, .gid = gid, .mode = mode, .path_size = (uint32_t) strlen(path) };

        return write_record(f, &h, path, "", "");
}

int unpack_record_write_xattr(FILE *f, const char *path, const char *name, const void *value, size_t size) {
        Head h = { .kind = UNPACK_RECORD_XATTR, .path_size = (uint32_t) strlen(path), .name_size = (uint32_t) strlen(name),
                   .value_size = (uint32_t) MIN(size, (size_t) UINT32_MAX) };

        return write_record(f, &h, path, name, value);
}

static int read_exactly(FILE *f, void *buffer, size_t n) {
        if (fread(buffer, 1, n, f) == n)
                return 0;
        return ferror(f) ? -EIO : -EBADMSG;
}

static int read_text(FILE *f, char *buffer, uint32_t n, uint32_t max) {
        int r = n > max ? -EBADMSG : read_exactly(f, buffer, n);

        if (r < 0)
                return r;
        buffer[n] = '\0';
        return strlen(buffer) == n ? 0 : -EBADMSG;
}

int unpack_record_read(FILE *f, UnpackRecord *ret) {
        Head h;
        size_t n = fread(&h, 1, sizeof(h), f);
        int r;

        if (n == 0 && feof(f))
                return 0;
        if (n != sizeof(h))
                return ferror(f) ? -EIO : -EBADMSG;
        r = read_text(f, ret->path, h.path_size, UNPACK_RECORD_PATH_MAX);
        r = r < 0 ? r : read_text(f, ret->name, h.name_size, UNPACK_RECORD_NAME_MAX);
        r = r < 0 ? r : h.value_size > UNPACK_RECORD_VALUE_MAX ? -EBADMSG : read_exactly(f, ret->value, h.value_size);
        if (r < 0)
                return r;

        if (!streq(ret->path, "rootfs") && !startswith(ret->path, "rootfs/"))
                return -EBADMSG;
        if (h.kind == UNPACK_RECORD_OWNER) {
                if (h.uid == UINT32_MAX || h.gid == UINT32_MAX || h.mode > 07777 || h.name_size > 0 || h.value_size > 0)
                        return -EBADMSG;
        } else if (h.kind != UNPACK_RECORD_XATTR || !unpack_xattr_is_wanted(ret->name))
                return -EBADMSG;
        ret->kind = h.kind;
        ret->uid = h.uid;
        ret->gid = h.gid;
        ret->mode = h.mode;
        ret->value_size = h.value_size;
        return 1;
}
