/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-imaged: the image store. */

#include "manager.h"

#define DATABASE LXD_STATE_DIR "/database/images.db"
#define IMAGES_DIR LXD_STATE_DIR "/images"

static int run(int argc, char **argv) {
        _cleanup_(manager_done) Manager m = { .images_fd = -EBADF };
        _cleanup_(daemon_freep) Daemon *d = NULL;
        const DaemonSpec spec = {
                .name = "imaged",
                .bus_name = IMAGE_BUS,
                .root = IMAGE_ROOT,
                .owner = OPERATION_OWNER_IMAGED,
                .interfaces = imaged_interfaces,
                .enumerators = imaged_enumerators,
                .userdata = &m,
        };
        int r = daemon_parse_argv(&spec, argc, argv);

        if (r != 0)
                return r < 0 ? r : 0;
        r = daemon_new(&spec, &d);
        r = r < 0 ? r : manager_open(&m, DATABASE, IMAGES_DIR);
        r = r < 0 ? r : manager_attach(&m, d, daemon_event(d), daemon_server(d), daemon_operations(d));
        r = r < 0 ? r : manager_recover(&m);
        if (r >= 0) {
                (void) daemon_watch_database(d, m.db);
                r = daemon_run(d);
        } else
                r = daemon_run_unable(d, r);
        manager_done(&m); /* while bus and loop are still there */
        return r;
}

int main(int argc, char **argv) {
        return run(argc, argv) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
