/* SPDX-License-Identifier: Apache-2.0 */
/* What the unpacker, which may change nothing but its own plain files, asks lxd-storaged's worker to set on what it has made: fixed-layout
 * records in a file of the caller's, applied when the unpacker has ended. The reader trusts none of it. Needs libc only. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/macro.h"

#define UNPACK_RECORD_PATH_MAX 4096U
#define UNPACK_RECORD_NAME_MAX 255U
#define UNPACK_RECORD_VALUE_MAX 65536U
#define UNPACK_RECORDS_SIZE_MAX (UINT64_C(256) << 20) /* of all together, in bytes */

typedef enum UnpackRecordKind {
        UNPACK_RECORD_OWNER = 1, /* uid, gid, and the mode where it is no symbolic link */
        UNPACK_RECORD_XATTR,     /* an extended attribute; comes after the owner, whose change would drop it */
} UnpackRecordKind;

typedef struct UnpackRecord {
        UnpackRecordKind kind;
        uid_t uid;
        gid_t gid;
        mode_t mode; /* 07777 at the most */
        char path[UNPACK_RECORD_PATH_MAX + 1]; /* relative to the target: "rootfs" or below it */
        char name[UNPACK_RECORD_NAME_MAX + 1];
        unsigned char value[UNPACK_RECORD_VALUE_MAX];
        uint32_t value_size;
} UnpackRecord;

/* Appends a record. 0; -ENAMETOOLONG, -E2BIG (path, name or value above the limits); -EFBIG: too many in all; -errno. */
int unpack_record_write_owner(FILE *f, const char *path, uid_t uid, gid_t gid, mode_t mode);
int unpack_record_write_xattr(FILE *f, const char *path, const char *name, const void *value, size_t size);

/* The next record. 1; 0 = the end; -EBADMSG (cut off, sizes above the limits, NUL in a text, a path outside of rootfs, an unknown kind, owner, mode or
 * attribute): nothing of *ret is to be used; -errno. Paths are not judged further: they must be opened beneath the target, link-free. */
int unpack_record_read(FILE *f, UnpackRecord *ret);

/* Attributes that an image may have: user.*, security.capability and the two ACLs in the kernel's form. */
bool unpack_xattr_is_wanted(const char *name);
