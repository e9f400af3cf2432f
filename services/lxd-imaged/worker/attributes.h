/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, extended attributes, ACLs and times of what an archive unpacks. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"

typedef struct AttributeLog {
        FILE *records;           /* of unpack-record.h: what somebody else has to set */
        uint64_t skipped_xattrs; /* of namespaces that an image has no business with */
} AttributeLog;

/* Notes what an entry has besides its content, times and permissions: owners but root, set-user-id and the like, ACLs, extended attributes. path: in the
 * target, and for errors. 0, negative errno with error set. */
int attributes_record(struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error);
/* Sets the time of an open file that was created with its permissions, and notes the rest. */
int attributes_apply(int fd, struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error);
/* The same for what cannot be opened (symbolic link, fifo, socket). */
int attributes_apply_at(int dir_fd, const char *name, struct archive_entry *e, const char *path, AttributeLog *log, sd_bus_error *error);
/* 0, -errno. */
int attributes_set_mtime(int fd, int64_t sec, long nsec);

/* The kernel's form (system.posix_acl_access, _default) of one type of ACL (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, _DEFAULT) of an entry. 1 with fresh memory,
 * 0 = it has none, -EINVAL (not a POSIX ACL), -ENOMEM. */
int acl_encode(struct archive_entry *e, int type, void **ret, size_t *ret_size);
