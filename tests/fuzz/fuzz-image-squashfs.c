/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes unpack_squashfs() into a scratch folder (in memory where there is /dev/shm): nothing may appear beside the target. To be run without privilege. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/file.h"
#include "scratch.h"
#include "worker/unpack-squashfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        _cleanup_fclose_ FILE *records = fopen("/dev/null", "we");
        Scratch s = scratch_new();
        UnpackJob job = { .format = "split-squashfs", .metadata_fd = fd, .rootfs_fd = fd, .target_fd = s.target, .records = records };
        UnpackNotes notes = {};

        if (fd < 0 || !records || fd_write_all(fd, data, size) < 0)
                abort();
        (void) unpack_squashfs(&job, &notes, &e);
        scratch_check(&s, (const char *const[]) { "rootfs", NULL });
        return 0;
}
