/* SPDX-License-Identifier: Apache-2.0 */
/* Receive, check what was promised, read the metadata, see that all is there, report. */

#include "bus-error.h"
#include "image-format.h"
#include "worker.h"
#include "worker/import.h"
#include "worker/integrity.h"
#include "worker/receive.h"
#include "worker/scan.h"

/* The rootfs is unpacked much later: what nobody can unpack is refused now. */
static int check_rootfs(int fd, sd_bus_error *error) {
        ImageFormat f = image_format_detect_fd(fd);

        if (f == IMAGE_FORMAT_QCOW2)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "The rootfs is a disk of a virtual machine (qcow2); only container images can be used");
        if (f != IMAGE_FORMAT_SQUASHFS && !image_format_is_tar(f))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Unsupported compression: the rootfs is neither a squashfs nor a tar archive, plain or compressed with gzip, xz, zstd, bzip2 or lzma");
        return 0;
}

static int check_fingerprint(const ImportJob *job, const Received *v, sd_bus_error *error) {
        if (job->fingerprint[0] && strcasecmp(job->fingerprint, v->fingerprint) != 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "fingerprints don't match, got %s expected %s", v->fingerprint, job->fingerprint);
        return 0;
}

static int report(const Received *v, const ImageMetadata *m) {
        int r = worker_report("fingerprint", v->fingerprint);

        r = r < 0 ? r : worker_reportf("size", "%" PRIu64, v->size);
        r = r < 0 ? r : worker_report("format", v->split ? "split" : "unified");
        r = r < 0 ? r : worker_report("filename", v->filename ?: "");
        r = r < 0 ? r : worker_report("architecture", m->architecture);
        r = r < 0 ? r : worker_reportf("created", "%" PRIu64, m->created);
        r = r < 0 ? r : worker_reportf("expires", "%" PRIu64, m->expires);
        CONFIG_FOREACH(i, &m->properties) {
                char key[300];

                (void) snprintf(key, sizeof(key), "property.%s", i->key);
                r = r < 0 ? r : worker_report(key, i->value);
        }
        return r;
}

int import_run(const ImportJob *job, sd_bus_error *error) {
        _cleanup_(received_done) Received v = {};
        _cleanup_(image_metadata_done) ImageMetadata m = {};
        int r = receive_image(job->stream, job->content_type, job->size, job->metadata_fd, job->rootfs_fd, &v, error);

        if (r >= 0)
                r = check_fingerprint(job, &v, error);
        if (r >= 0 && v.split)
                r = check_rootfs(job->rootfs_fd, error);
        if (r >= 0)
                r = image_scan(job->metadata_fd, !v.split, &m, error);
        if (r >= 0)
                r = integrity_check(job->metadata_fd, v.split ? "metadata archive" : "image", error);
        if (r >= 0 && v.split)
                r = integrity_check(job->rootfs_fd, "rootfs archive", error);
        return r < 0 ? r : report(&v, &m);
}
