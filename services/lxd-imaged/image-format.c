/* SPDX-License-Identifier: Apache-2.0 */
/* Magic numbers of image archives. */

#include <unistd.h>

#include "image-format.h"

static const struct {
        const char *extension;
        const char *magic;
        unsigned char n;
} formats[_IMAGE_FORMAT_MAX] = {
        [IMAGE_FORMAT_TAR] = { ".tar", "ustar", 5 }, /* at byte 257 */
        [IMAGE_FORMAT_TAR_GZIP] = { ".tar.gz", "\x1f\x8b", 2 },
        [IMAGE_FORMAT_TAR_XZ] = { ".tar.xz", "\xfd" "7zXZ\0", 6 },
        [IMAGE_FORMAT_TAR_LZMA] = { ".tar.lzma", "\x5d\0\0", 3 },
        [IMAGE_FORMAT_TAR_ZSTD] = { ".tar.zst", "\x28\xb5\x2f\xfd", 4 },
        [IMAGE_FORMAT_TAR_BZIP2] = { ".tar.bz2", "BZh", 3 },
        [IMAGE_FORMAT_SQUASHFS] = { ".squashfs", "hsqs", 4 },
        [IMAGE_FORMAT_QCOW2] = { ".qcow2", "QFI\xfb", 4 },
};

ImageFormat image_format_detect(const void *data, size_t n) {
        for (ImageFormat f = 0; f < _IMAGE_FORMAT_MAX; f++) {
                size_t offset = f == IMAGE_FORMAT_TAR ? 257 : 0;

                if (n >= offset + formats[f].n &&
                    memcmp((const char *) data + offset, formats[f].magic, formats[f].n) == 0)
                        return f;
        }
        return _IMAGE_FORMAT_INVALID;
}

ImageFormat image_format_detect_fd(int fd) {
        char data[IMAGE_FORMAT_MAGIC_MAX];
        ssize_t n = pread(fd, data, sizeof(data), 0);

        return n < 0 ? (ImageFormat) -errno : image_format_detect(data, (size_t) n);
}

const char *image_format_extension(ImageFormat f) {
        return f >= 0 && f < _IMAGE_FORMAT_MAX ? formats[f].extension : "";
}

bool image_format_is_tar(ImageFormat f) {
        return f >= IMAGE_FORMAT_TAR && f <= IMAGE_FORMAT_TAR_BZIP2;
}
