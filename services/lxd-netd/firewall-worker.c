/* SPDX-License-Identifier: Apache-2.0 */
/* Puts one ruleset into the kernel: from the descriptor the daemon gives, or from the file named on the command line. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <nftables/libnftables.h>

#include "base/file.h"
#include "bus-error.h"
#include "crash.h"
#include "worker.h"

#define RULESET_MAX (64U * 1024U * 1024U)

/* Applies the text as one transaction. 0, or -EIO with the library's first line in error. */
static int apply(const char *text, sd_bus_error *error) {
        struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
        const char *said;
        int r = 0;

        if (!nft)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to set up libnftables");
        (void) nft_ctx_buffer_error(nft);
        if (nft_run_cmd_from_buffer(nft, text) != 0) {
                said = nft_ctx_get_error_buffer(nft);
                r = bus_error_set(error, LXD_ERROR_FAILED, "%.*s", (int) strcspn(strempty(said), "\n"), strempty(said));
        }
        nft_ctx_free(nft);
        return r;
}

int main(int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = argc > 1 ? file_read(argv[1], RULESET_MAX, &text, NULL) : fd_read_all(WORKER_FIRST_FD, RULESET_MAX, &text, NULL);
        if (r < 0)
                (void) bus_error_set(&error, bus_error_from_errno(r), "Failed to read the rules: %s", strerror(-r));
        else
                r = apply(text, &error);
        crash_point("firewall-applied");
        if (r < 0 && argc > 1)
                fprintf(stderr, "%s: %s\n", argv[1], error.message);
        return argc > 1 ? (r < 0 ? EXIT_FAILURE : EXIT_SUCCESS) : worker_fail(r, &error);
}
