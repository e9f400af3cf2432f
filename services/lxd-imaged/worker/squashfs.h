/* SPDX-License-Identifier: Apache-2.0 */
/* libsquashfs on a descriptor, and its errors in words for the user. */
#pragma once

#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"

/* First member: what libsquashfs takes. Lives in its owner. */
typedef struct SquashfsFile {
        sqfs_file_t file;
        int fd;
        uint64_t size;
} SquashfsFile;

static inline void sqfs_freep(void *p) {
        sqfs_free(*(void **) p);
}

#define _cleanup_sqfs_free_ _cleanup_(sqfs_freep)

/* The same for what has a destructor. */
static inline void sqfs_destroyp(void *p) {
        sqfs_destroy(*(void **) p);
}

/* Opens the image in fd (which stays the caller's) and judges its head. 0; -EINVAL with error set: no squashfs, truncated, too many entries; -errno. */
int squashfs_open(int fd, SquashfsFile *ret, sqfs_super_t *ret_super, sd_bus_error *error);
/* What decompresses its blocks; to be given to sqfs_destroy(). One is not for two threads. 0; -EOPNOTSUPP with error set: a compression this system's
 * libsquashfs does not have; negative errno with error set. */
int squashfs_compressor(const sqfs_super_t *super, sqfs_compressor_t **ret, sd_bus_error *error);
/* Reads the content of files; to be given to sqfs_destroy() before the compressor. One is not for two threads. 0; negative errno with error set. */
int squashfs_data_reader(SquashfsFile *f, const sqfs_super_t *super, sqfs_compressor_t *c, sqfs_data_reader_t **ret, sd_bus_error *error);

/* Is the squashfs in fd all there, by its head and tables? 0; errors as above. Reads no content. */
int squashfs_check(int fd, sd_bus_error *error);

/* Turns an SQFS_ERROR into negative errno with error set. path: where it was met, NULL = in the tables of the image. */
int squashfs_error(int r, const char *path, sd_bus_error *error);
