/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over the entries of an image up to what import must know. */

#include "bus-error.h"
#include "worker/archive.h"
#include "worker/entry.h"
#include "worker/scan.h"

typedef struct Scan {
        struct archive *archive;
        const char *what;
        bool unified;
        bool metadata, rootfs; /* seen */
        ImageMetadata *image;
} Scan;

static int read_metadata(Scan *s, struct archive_entry *e, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        size_t n = 0;

        if (s->metadata)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has metadata.yaml twice");
        if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
                return bus_error_set(error, LXD_ERROR_INVALID, "metadata.yaml of the image is not a regular file");
        if (archive_entry_size(e) > (int64_t) METADATA_SIZE_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "metadata.yaml: is larger than %u bytes", METADATA_SIZE_MAX);

        text = malloc(METADATA_SIZE_MAX + 1);
        if (!text)
                return -ENOMEM;
        while (n <= METADATA_SIZE_MAX) {
                la_ssize_t k = archive_read_data(s->archive, text + n, METADATA_SIZE_MAX + 1 - n);

                if (k < 0)
                        return archive_failed(s->archive, s->what, error);
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        s->metadata = true;
        return image_metadata_parse(text, n, s->image, error);
}

static int scan_entry(Scan *s, struct archive_entry *e, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        EntryPlace place;
        int r = entry_path(archive_entry_pathname(e), &path, error);

        if (r >= 0)
                r = entry_place(path, &place, error);
        if (r < 0)
                return r;

        switch (place) {
        case ENTRY_METADATA:
                return read_metadata(s, e, error);
        case ENTRY_ROOTFS_IMG:
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "The image is one of a virtual machine (it has rootfs.img); only container images can be used");
        case ENTRY_TOP:
        case ENTRY_TEMPLATES:
        case ENTRY_ROOTFS:
                if (archive_entry_filetype(e) != AE_IFDIR)
                        return bus_error_set(error, LXD_ERROR_INVALID, "%s of the image is not a directory", path[0] ? path : "The top");
                break;
        case ENTRY_TEMPLATE:
                if (archive_entry_filetype(e) != AE_IFREG && archive_entry_filetype(e) != AE_IFDIR)
                        return bus_error_set(error, LXD_ERROR_INVALID, "%.256s of the image is not a regular file", path);
                break;
        case ENTRY_IN_ROOTFS:
        default:
                break;
        }
        if (place == ENTRY_ROOTFS || place == ENTRY_IN_ROOTFS) {
                if (!s->unified)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The metadata archive of a split image must not have a rootfs of its own");
                s->rootfs = true;
        }
        return archive_skip(s->archive, s->what, error);
}

int image_scan(int fd, bool unified, ImageMetadata *ret, sd_bus_error *error) {
        _cleanup_(archive_freep) struct archive *a = NULL;
        _cleanup_(image_metadata_done) ImageMetadata image = {};
        Scan s = { .what = unified ? "image" : "metadata archive", .unified = unified, .image = &image };
        int r = archive_open_tar(fd, s.what, &a, error);

        if (r < 0)
                return r;
        s.archive = a;
        for (unsigned n = 0; !(s.metadata && s.rootfs); n++) {
                struct archive_entry *e;

                r = archive_next(a, s.what, &e, error);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (n >= ARCHIVE_ENTRIES_MAX)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The %s has more than %u entries", s.what, ARCHIVE_ENTRIES_MAX);
                r = scan_entry(&s, e, error);
                if (r < 0)
                        return r;
        }

        if (!s.metadata)
                return bus_error_set(error, LXD_ERROR_INVALID, "Metadata tarball is missing metadata.yaml");
        if (unified && !s.rootfs)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has no rootfs");
        *ret = image;
        image = (ImageMetadata) {};
        return 0;
}
