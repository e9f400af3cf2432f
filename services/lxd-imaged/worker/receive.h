/* SPDX-License-Identifier: Apache-2.0 */
/* Takes in the body of an upload: hashed while it goes to the file of the store. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

#define RECEIVE_SIZE_UNKNOWN UINT64_MAX

typedef struct Received {
        bool split;
        char *filename;            /* of the rootfs part; NULL when the body does not say */
        uint64_t size;             /* of the files */
        char fingerprint[65];
} Received;

void received_done(Received *r);

/* Reads stream to its end. metadata_fd and rootfs_fd: empty files for a split image; the first holds a unified one. expected: the length of the body, or
 * RECEIVE_SIZE_UNKNOWN. The data is on disk afterwards. *ret must be zeroed. 0; -EINVAL with error set (bad multipart, another length, nothing at all),
 * -EOPNOTSUPP (a virtual machine's disk), -ENOSPC with error set, -ENOMEM, -errno. */
int receive_image(int stream, const char *content_type, uint64_t expected, int metadata_fd, int rootfs_fd, Received *ret, sd_bus_error *error);
