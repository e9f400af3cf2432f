/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-clusterd: server configuration, trust, projects, warnings. */
#include "log.h"
#include "manager.h"

#define DATABASE LXD_STATE_DIR "/database/cluster.db"
#define CERTIFICATES LXD_STATE_DIR "/cluster"

static int run(int argc, char **argv) {
        _cleanup_(manager_done) Manager manager = {};
        _cleanup_(daemon_freep) Daemon *daemon = NULL;
        const DaemonSpec spec = {
                .name = "clusterd",
                .bus_name = LXD_BUS_PREFIX ".cluster1",
                .root = CLUSTER_ROOT,
                .owner = OPERATION_OWNER_CLUSTERD,
                .interfaces = manager_interfaces,
                .enumerators = manager_enumerators,
                .userdata = &manager,
        };
        int r;

        r = daemon_parse_argv(&spec, argc, argv);
        if (r != 0)
                return r;
        r = daemon_new(&spec, &daemon);
        if (r < 0)
                return r;
        manager.daemon = daemon;
        r = manager_load(&manager, DATABASE, CERTIFICATES);
        if (r < 0)
                return daemon_run_unable(daemon, r);
        (void) daemon_watch_database(daemon, manager.db);
        return daemon_run(daemon);
}

int main(int argc, char **argv) {
        return run(argc, argv) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
