/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-image-worker: what lxd-imaged hands to a process of its own. */

#include <locale.h>
#include <stdio.h>

#include <openssl/evp.h>

#include "base/str.h"
#include "bus-error.h"
#include "crash.h"
#include "worker.h"
#include "worker/import.h"
#include "worker/sandbox.h"

/* import CONTENT_TYPE FINGERPRINT SIZE; descriptors: stream, metadata file, rootfs file */
static int run_import(char **argv, sd_bus_error *error) {
        ImportJob job = {
                .content_type = argv[0],
                .fingerprint = argv[1],
                .stream = WORKER_FIRST_FD,
                .metadata_fd = WORKER_FIRST_FD + 1,
                .rootfs_fd = WORKER_FIRST_FD + 2,
        };
        unsigned char digest[EVP_MAX_MD_SIZE];
        int r = parse_u64(argv[2], &job.size);

        if (r < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid size: %s", argv[2]);

        /* Whatever opens files has to do it before the doors close. */
        crash_point("import-begun");
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
            EVP_Digest("", 0, digest, NULL, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        r = sandbox_enter();
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to confine the import worker: %s", strerror(-r));
        return import_run(&job, error);
}

int main(int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (argc != 5 || !streq(argv[1], "import")) {
                fprintf(stderr, "This program is run by lxd-imaged.\n");
                return EXIT_FAILURE;
        }
        r = run_import(argv + 2, &error);
        return r < 0 ? worker_fail(r, &error) : EXIT_SUCCESS;
}
