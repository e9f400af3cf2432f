/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of file an image archive is, by its first bytes; for import, unpack and the names of exported files. */
#pragma once

#include "base/macro.h"

typedef enum ImageFormat {
        IMAGE_FORMAT_TAR,
        IMAGE_FORMAT_TAR_GZIP,
        IMAGE_FORMAT_TAR_XZ,
        IMAGE_FORMAT_TAR_LZMA,
        IMAGE_FORMAT_TAR_ZSTD,
        IMAGE_FORMAT_TAR_BZIP2,
        IMAGE_FORMAT_SQUASHFS,
        IMAGE_FORMAT_QCOW2,
        _IMAGE_FORMAT_MAX,
        _IMAGE_FORMAT_INVALID = -EINVAL,
} ImageFormat;

#define IMAGE_FORMAT_MAGIC_MAX 512U /* this many first bytes are enough for image_format_detect() */

/* The format of a file that begins with these n bytes (n may be small, even 0); _IMAGE_FORMAT_INVALID when it is none of them. What is inside
 * of the compression is not looked at. */
ImageFormat image_format_detect(const void *data, size_t n);
/* The same for an open file, without moving its offset. Also -EIO and other errors of pread(). */
ImageFormat image_format_detect_fd(int fd);
/* File name extension as LXD's export uses it: ".tar.xz", ".squashfs", ...; "" for an invalid one. */
const char *image_format_extension(ImageFormat f);
/* True for the tar archives that libarchive reads. */
bool image_format_is_tar(ImageFormat f);
