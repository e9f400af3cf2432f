/* SPDX-License-Identifier: Apache-2.0 */
/* Only filters that run inside this process are switched on: libarchive would start programs for the others. */

#include "bus-error.h"
#include "image-format.h"
#include "worker/archive.h"

#define BLOCK_SIZE (256U * 1024U)

int archive_check_format(int fd, const char *what, sd_bus_error *error) {
        ImageFormat f = image_format_detect_fd(fd);
        off_t size = lseek(fd, 0, SEEK_END);

        if (size < 0)
                return -errno;
        if (size == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "The %s is empty", what);
        if (f == IMAGE_FORMAT_QCOW2)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "The %s is a disk of a virtual machine (qcow2); only container images can be used", what);
        if (f == IMAGE_FORMAT_SQUASHFS)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "The %s is a squashfs; only the rootfs of a split image can be one", what);
        if (!image_format_is_tar(f))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Unsupported compression: the %s is not a tar archive, plain or compressed with gzip, xz, zstd, bzip2 or lzma", what);
        return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

enum {
        WITH_TAR = 1 << 0,
        WITH_FILTERS = 1 << 1,
};

static int open_archive(int fd, const char *what, unsigned with, struct archive **ret, sd_bus_error *error) {
        _cleanup_(archive_freep) struct archive *a = archive_read_new();

        if (!a)
                return -ENOMEM;
        if ((with & WITH_TAR ? archive_read_support_format_tar(a) : archive_read_support_format_raw(a)) < ARCHIVE_WARN)
                return archive_failed(a, what, error);
        if ((with & WITH_FILTERS) &&
            (archive_read_support_filter_gzip(a) < ARCHIVE_WARN || archive_read_support_filter_xz(a) < ARCHIVE_WARN ||
             archive_read_support_filter_lzma(a) < ARCHIVE_WARN || archive_read_support_filter_zstd(a) < ARCHIVE_WARN ||
             archive_read_support_filter_bzip2(a) < ARCHIVE_WARN))
                return archive_failed(a, what, error);
        /* Names are bytes: without this libarchive converts by the locale and drops what does not fit. */
        if (with & WITH_TAR)
                (void) archive_read_set_options(a, "hdrcharset=BINARY");
        if (archive_read_open_fd(a, fd, BLOCK_SIZE) != ARCHIVE_OK)
                return archive_failed(a, what, error);
        *ret = TAKE_PTR(a);
        return 0;
}

int archive_open_tar(int fd, const char *what, struct archive **ret, sd_bus_error *error) {
        int r = archive_check_format(fd, what, error);

        return r < 0 ? r : open_archive(fd, what, WITH_TAR | WITH_FILTERS, ret, error);
}

int archive_open_plain(int fd, const char *what, struct archive **ret, sd_bus_error *error) {
        return open_archive(fd, what, WITH_TAR, ret, error);
}

int archive_open_compressed(int fd, const char *what, struct archive **ret, sd_bus_error *error) {
        return open_archive(fd, what, WITH_FILTERS, ret, error);
}

int archive_check_growth(int64_t in, int64_t out, const char *what, sd_bus_error *error) {
        if (out > ARCHIVE_RATIO_FREE && out / ARCHIVE_RATIO_MAX > in)
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The %s grows to more than %d times its size when it is decompressed; this is refused as a compression bomb",
                                     what, ARCHIVE_RATIO_MAX);
        return 0;
}

int archive_check_ratio(struct archive *a, const char *what, sd_bus_error *error) {
        return archive_check_growth(archive_filter_bytes(a, -1), archive_filter_bytes(a, 0), what, error);
}

int archive_skip(struct archive *a, const char *what, sd_bus_error *error) {
        const void *data;
        size_t n;
        int64_t offset;
        int r;

        if (archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE) /* libarchive seeks */
                return archive_read_data_skip(a) < ARCHIVE_WARN ? archive_failed(a, what, error) : 0;
        while ((r = archive_read_data_block(a, &data, &n, &offset)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
                int k = archive_check_ratio(a, what, error);

                if (k < 0)
                        return k;
        }
        return r == ARCHIVE_EOF ? 0 : archive_failed(a, what, error);
}

int archive_damaged(const char *what, const char *reason, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_INVALID, "The %s is damaged or incomplete: %s; download or copy it again, then import that", what, reason);
}

int archive_failed(struct archive *a, const char *what, sd_bus_error *error) {
        int r = archive_errno(a);
        const char *text = archive_error_string(a);

        if (r == ENOMEM || r == ENOSPC || r == EIO)
                return bus_error_set(error, r == EIO ? LXD_ERROR_FAILED : bus_error_from_errno(-r), "Failed to read the %s: %s", what,
                                     text ?: strerror(r));
        return archive_damaged(what, text ?: "unexpected data", error);
}

int archive_next(struct archive *a, const char *what, struct archive_entry **ret, sd_bus_error *error) {
        int r = archive_read_next_header(a, ret);

        if (r == ARCHIVE_EOF)
                return 0;
        /* A warning is about an attribute, or a name that is not UTF-8: names are bytes here. */
        return r == ARCHIVE_OK || r == ARCHIVE_WARN ? 1 : archive_failed(a, what, error);
}
