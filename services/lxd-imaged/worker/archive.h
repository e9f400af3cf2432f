/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive set up for image archives: tar with the compressions of images, nothing else, and errors in words for the user. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"

#define ARCHIVE_ENTRIES_MAX 1000000U
#define ARCHIVE_RATIO_MAX 250                         /* decompressed bytes per compressed one, */
#define ARCHIVE_RATIO_FREE (INT64_C(1) << 30)         /* but so many in any case */

static inline void archive_freep(struct archive **a) {
        if (*a)
                (void) archive_read_free(*a);
}

/* Opens the tar archive in fd (offset is set to 0; fd stays the caller's and must outlive *ret). what: for errors, "image", "metadata archive",
 * "rootfs archive". 0; -EINVAL with error set (empty, no tar, a compression we do not know); -EOPNOTSUPP with error set (a virtual machine's disk,
 * squashfs); -ENOMEM, -EIO. */
int archive_open_tar(int fd, const char *what, struct archive **ret, sd_bus_error *error);

/* The same in parts. Is fd a tar archive by its first bytes? Sets the offset to 0. Errors as above. */
int archive_check_format(int fd, const char *what, sd_bus_error *error);
/* The tar in fd, which is not compressed and may be a pipe. -ENOMEM, -errno with error set. */
int archive_open_plain(int fd, const char *what, struct archive **ret, sd_bus_error *error);
/* The compressed file in fd; what it decompresses to is the data of the only entry. */
int archive_open_compressed(int fd, const char *what, struct archive **ret, sd_bus_error *error);

/* The next entry: 1, 0 at the end, negative errno with error set (damaged or truncated archive). */
int archive_next(struct archive *a, const char *what, struct archive_entry **ret, sd_bus_error *error);

/* -EINVAL with error set: the file is not what its maker wrote. reason: a clause for the user. */
int archive_damaged(const char *what, const char *reason, sd_bus_error *error);
/* The error of a failed archive_read_data*() as negative errno with error set. */
int archive_failed(struct archive *a, const char *what, sd_bus_error *error);

/* May so many bytes become so many others? 0, -EINVAL with error set (a compression bomb). */
int archive_check_growth(int64_t in, int64_t out, const char *what, sd_bus_error *error);
/* Has this archive grown beyond ARCHIVE_RATIO_MAX so far? 0, -EINVAL with error set. Cheap: to be asked at every block. */
int archive_check_ratio(struct archive *a, const char *what, sd_bus_error *error);
/* Passes over the data of the current entry without letting a compression bomb run. 0, negative errno with error set. */
int archive_skip(struct archive *a, const char *what, sd_bus_error *error);
