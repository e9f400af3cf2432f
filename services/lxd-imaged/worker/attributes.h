/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, extended attributes, ACLs and times of what an archive unpacks. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"

typedef struct AttributeCounts {
        uint64_t skipped_xattrs; /* of namespaces that an image has no business with, or that the file system does not take */
} AttributeCounts;

/* Sets everything on an open file or folder; the order matters, since a change of owner drops set-user-id bits and capabilities. Without privilege the owner
 * stays as it is. path: for errors. 0, negative errno with error set. */
int attributes_apply(int fd, struct archive_entry *e, const char *path, AttributeCounts *counts, sd_bus_error *error);
/* The same for what cannot be opened (symbolic link, fifo, socket): owner, mode (not of links) and time of `name` in the folder. */
int attributes_apply_at(int dir_fd, const char *name, struct archive_entry *e, const char *path, sd_bus_error *error);
/* Modification time of a folder whose content is complete. 0, -errno. */
int attributes_set_mtime(int fd, int64_t sec, long nsec);

/* The kernel's form (system.posix_acl_access, _default) of one type of ACL (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, _DEFAULT) of an entry. 1 with fresh memory,
 * 0 = it has none, -EINVAL (not a POSIX ACL), -ENOMEM. */
int acl_encode(struct archive_entry *e, int type, void **ret, size_t *ret_size);
