/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-volumes expire: what lxd-volumes-expire.service runs; lxd-storaged goes on by itself. */
#include <stdio.h>

#include "bus-error.h"
#include "bus-peer.h"
#include "log.h"

static int expire(void) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r = bus_open_private("storaged", &bus);

        if (r < 0)
                return log_error_errno(r, "Failed to reach lxd-storaged: %m");
        r = sd_bus_call_method(bus, NULL, "/org/lxd/storage1", LXD_BUS_PREFIX ".storage1.Manager", "ExpireSnapshots", &e, NULL, "t", (uint64_t) 0);
        return r < 0 ? log_error_errno(r, "Failed to make scheduled snapshots of volumes: %s", e.message ?: strerror(-r)) : 0;
}

int main(int argc, char **argv) {
        log_set_identifier("lxd-volumes");
        if (argc != 2 || !streq(argv[1], "expire")) {
                fprintf(stderr, "usage: %s expire\n", argv[0]);
                return EXIT_FAILURE;
        }
        return expire() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
