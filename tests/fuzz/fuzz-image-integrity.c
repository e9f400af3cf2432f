/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes integrity_check(): the walks over xz, gzip, zstd, bzip2, lzma, tar and squashfs. */

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "worker/integrity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(int fd) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = integrity_check(fd, "image", &e);

        if (r < 0 ? r != -ENOMEM && !sd_bus_error_is_set(&e) : sd_bus_error_is_set(&e))
                abort();
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        int r;

        if (fd < 0 || fd_write_all(fd, data, size) < 0)
                abort();
        r = check(fd);
        if (r != check(fd)) /* where the descriptor stands is no matter */
                abort();
        if (size > 0 && ftruncate(fd, (off_t) size - 1) == 0)
                (void) check(fd);
        return 0;
}
