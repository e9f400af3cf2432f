/* SPDX-License-Identifier: Apache-2.0 */
/* Owners and attributes of a tree that the unpacker has made as a user without rights. */
#pragma once

#include "host-error.h"

/* Gives everything below target_fd that is of user `from` to root. Neither symbolic links nor mounts are followed. 0, -errno with e set. */
int unpack_own(int target_fd, uid_t from, HostError *e);
/* Sets what the records in records_fd (unpack-record.h) say on files in target_fd, none of which it trusts. Without root only permissions and the user's
 * attributes (tests). Takes records_fd over. ret_skipped: attributes that the file system does not take. 0, -errno with e set. */
int unpack_apply_records(int target_fd, int records_fd, uint64_t *ret_skipped, HostError *e);
