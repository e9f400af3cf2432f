/* SPDX-License-Identifier: Apache-2.0 */
/* Which archives go where. */

#include <fcntl.h>

#include "base/cleanup.h"
#include "bus-error.h"
#include "worker/unpack-squashfs.h"
#include "worker/unpack-tar.h"

static int check_target(int target_fd, sd_bus_error *error) {
        _cleanup_closedir_ DIR *d = NULL;
        int fd = openat(target_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                d = fdopendir(fd);
        if (!d) {
                int r = -errno;

                close_safe(fd);
                return bus_error_set(error, bus_error_from_errno(r), "Failed to open the folder to unpack into: %s", strerror(-r));
        }
        for (struct dirent *e = readdir(d); e; e = readdir(d))
                if (!streq(e->d_name, ".") && !streq(e->d_name, "..") && !streq(e->d_name, "lost+found"))
                        return bus_error_set(error, LXD_ERROR_FAILED, "The folder to unpack into is not empty: it has %.256s", e->d_name);
        return 0;
}

int unpack_image(const UnpackJob *job, UnpackNotes *ret_notes, sd_bus_error *error) {
        UnpackNotes notes = {};
        int r = check_target(job->target_fd, error);

        if (r < 0)
                return r;
        if (streq(job->format, "unified"))
                r = unpack_tar(job, UNPACK_UNIFIED, &notes, error);
        else if (streq(job->format, "split-tar")) {
                r = unpack_tar(job, UNPACK_METADATA, &notes, error);
                r = r < 0 ? r : unpack_tar(job, UNPACK_ROOTFS, &notes, error);
        } else if (streq(job->format, "split-squashfs")) {
                r = unpack_tar(job, UNPACK_METADATA, &notes, error);
                r = r < 0 ? r : unpack_squashfs(job, &notes, error);
        } else
                r = bus_error_set(error, LXD_ERROR_INVALID, "Unknown format of an image: %.64s", job->format);
        if (r < 0)
                return bus_error_ensure(error, r);
        if (ret_notes)
                *ret_notes = notes;
        return 0;
}
