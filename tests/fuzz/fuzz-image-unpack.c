/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes unpack_image() into a scratch folder (in memory where there is /dev/shm): nothing may appear beside the target. To be run without privilege. */

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "worker/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *top(void) {
        return access("/dev/shm", W_OK) >= 0 ? "/dev/shm" : "/tmp";
}

/* Only "target" may be in the scratch folder, and only what an image has may be in the target. */
static void check_folder(int fd, const char *const *allowed) {
        _cleanup_closedir_ DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

        if (!d)
                abort();
        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                bool known = streq(e->d_name, ".") || streq(e->d_name, "..");

                for (const char *const *a = allowed; *a; a++)
                        known = known || streq(e->d_name, *a);
                if (!known)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const formats[] = { "unified", "split-tar" };
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);

        (void) setlocale(LC_CTYPE, "C.UTF-8");
        if (fd < 0 || fd_write_all(fd, data, size) < 0)
                abort();
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                _cleanup_close_ int scratch = -EBADF, target = -EBADF;
                char path[64];

                (void) snprintf(path, sizeof(path), "%s/lxd-unpack-XXXXXX", top());
                if (!mkdtemp(path) || (scratch = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || mkdirat(scratch, "target", 0700) < 0 ||
                    (target = openat(scratch, "target", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                        abort();
                UnpackJob job = { .format = formats[i], .metadata_fd = fd, .rootfs_fd = fd, .target_fd = target };
                if (unpack_image(&job, NULL, &e) < 0 && !sd_bus_error_is_set(&e))
                        abort();
                check_folder(scratch, (const char *const[]) { "target", NULL });
                check_folder(target, (const char *const[]) { "metadata.yaml", "templates", "rootfs", NULL });
                if (remove_tree_at(AT_FDCWD, path) < 0)
                        abort();
        }
        return 0;
}
