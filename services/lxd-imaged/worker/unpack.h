/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks an image into an empty directory: metadata.yaml, templates/ and rootfs/, and nothing else anywhere. */
#pragma once

#include <stdio.h>

#include <systemd/sd-bus.h>

#include "base/macro.h"

#define UNPACK_FILE_MAX (UINT64_C(1) << 42)  /* bytes of one file, holes counted: 4 TiB */
#define UNPACK_DATA_MAX (UINT64_C(1) << 40)  /* bytes written in all */

typedef struct UnpackJob {
        const char *format; /* unified, split-tar, split-squashfs */
        int metadata_fd, rootfs_fd;
        int target_fd; /* a folder */
        FILE *records; /* what is to be set on the result (unpack-record.h) is appended here; flushed by the caller */
        void (*progress)(unsigned percent, void *userdata); /* may be NULL */
        void *userdata;
        bool fork; /* decompress in a process of its own */
} UnpackJob;

typedef struct UnpackNotes {
        uint64_t devices; /* device nodes that were left out: unprivileged containers get their /dev from liblxc */
        uint64_t xattrs;  /* attributes that an image has no business with */
} UnpackNotes;

/* On failure the target holds a part: who gave it removes it. *ret_notes may be NULL. 0; -EINVAL with error set (what is wrong with the image); -errno with
 * error set. */
int unpack_image(const UnpackJob *job, UnpackNotes *ret_notes, sd_bus_error *error);
