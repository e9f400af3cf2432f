/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes image_scan(): libarchive, the judgement of paths, metadata.yaml. */

#include <locale.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/file.h"
#include "worker/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);

        (void) setlocale(LC_CTYPE, "C.UTF-8");
        if (fd < 0 || fd_write_all(fd, data, size) < 0)
                abort();
        for (int unified = 0; unified < 2; unified++) {
                _cleanup_(image_metadata_done) ImageMetadata m = {};
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                int r = image_scan(fd, unified, &m, &e);

                if (r < 0 ? !sd_bus_error_is_set(&e) || m.architecture : !m.architecture)
                        abort();
        }
        return 0;
}
