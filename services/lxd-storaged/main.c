/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-storaged: storage pools, volumes, snapshots and quotas. */
#include "manager.h"

int main(int argc, char *argv[]) {
        _cleanup_(manager_freep) Manager *m = NULL;
        _cleanup_(daemon_freep) Daemon *d = NULL;
        DaemonSpec spec = {
                .name = "storaged",
                .bus_name = STORAGE_BUS_NAME,
                .root = STORAGE_ROOT,
                .owner = OPERATION_OWNER_STORAGED,
                .interfaces = manager_interfaces,
                .enumerators = manager_enumerators,
                .is_idle = manager_is_idle,
        };
        int loaded, r;

        r = daemon_parse_argv(&spec, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        loaded = manager_new(&m);
        spec.userdata = m;
        r = daemon_new(&spec, &d);
        if (r >= 0)
                r = loaded < 0 ? loaded : manager_load(m, d);
        if (r >= 0) {
                (void) daemon_watch_database(d, m->db);
                r = daemon_run(d);
        } else
                r = daemon_run_unable(d, r);
        /* Tasks hold workers and bus messages: they go before the loop. */
        m = manager_free(m);
        return r < 0 ? EXIT_FAILURE : r;
}
