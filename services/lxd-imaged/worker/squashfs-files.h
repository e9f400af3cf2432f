/* SPDX-License-Identifier: Apache-2.0 */
/* The regular files of a squashfs: collected first, then written by some threads. */
#pragma once

#include "worker/squashfs.h"
#include "worker/unpack.h"

#define SQUASHFS_INODES_SIZE_MAX (UINT64_C(256) << 20) /* lists of blocks in memory, bytes */

typedef struct SquashfsRegular {
        char *path;
        sqfs_inode_generic_t *inode;
} SquashfsRegular;

typedef struct SquashfsFiles {
        SquashfsRegular *items;
        size_t n, allocated;
        uint64_t inodes_size; /* bytes */
        uint64_t data_size;   /* bytes, holes counted */
} SquashfsFiles;

void squashfs_files_done(SquashfsFiles *f);

/* Takes *inode over, whatever comes of it. 0; -EINVAL with error set (too large); -ENOMEM. */
int squashfs_files_add(SquashfsFiles *f, const char *path, sqfs_inode_generic_t *inode, sd_bus_error *error);
/* Creates all of them in the job's target, with content, permissions and times; their folders are there. Reports progress, changes the order of f. job->fork false: in this thread alone.
 * 0; negative errno with error set. */
int squashfs_files_write(SquashfsFiles *f, const UnpackJob *job, SquashfsFile *image, const sqfs_super_t *super, sd_bus_error *error);
