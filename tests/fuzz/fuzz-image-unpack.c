/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes unpack_image() into a scratch folder (in memory where there is /dev/shm): nothing may appear beside the target. To be run without privilege. */

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/file.h"
#include "scratch.h"
#include "worker/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const formats[] = { "unified", "split-tar" };
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);

        (void) setlocale(LC_CTYPE, "C.UTF-8");
        if (fd < 0 || fd_write_all(fd, data, size) < 0)
                abort();
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                _cleanup_fclose_ FILE *records = fopen("/dev/null", "we");
                Scratch s = scratch_new();
                UnpackJob job = { .format = formats[i], .metadata_fd = fd, .rootfs_fd = fd, .target_fd = s.target, .records = records };

                if (!records || (unpack_image(&job, NULL, &e) < 0 && !sd_bus_error_is_set(&e)))
                        abort();
                scratch_check(&s, (const char *const[]) { "metadata.yaml", "templates", "rootfs", NULL });
        }
        return 0;
}
