/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-instanced: instances, snapshots and profiles. */
#include "log.h"
#include "manager.h"

static int run(int argc, char **argv) {
        _cleanup_(manager_freep) Manager *m = NULL;
        _cleanup_(daemon_freep) Daemon *d = NULL;
        DaemonSpec spec = {
                .name = "instanced",
                .bus_name = LXD_BUS_PREFIX ".instance1",
                .root = INSTANCE1_ROOT,
                .owner = OPERATION_OWNER_INSTANCED,
                .interfaces = instanced_interfaces,
                .enumerators = instanced_enumerators,
                .is_idle = manager_is_idle,
        };
        int r;

        r = daemon_parse_argv(&spec, argc, argv);
        if (r != 0)
                return r;
        r = manager_new(&m);
        if (r < 0)
                return r;
        spec.userdata = m;
        r = daemon_new(&spec, &d);
        if (r < 0)
                return r;
        r = manager_load(m, daemon_event(d), LXD_STATE_DIR "/database/instanced.db");
        if (r < 0)
                return daemon_run_unable(d, r);
        (void) daemon_watch_database(d, m->db);
        manager_attach(m, d, daemon_server(d), daemon_operations(d));
        r = daemon_run(d);
        manager_detach(m);
        return r;
}

int main(int argc, char **argv) {
        return run(argc, argv) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
