/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-netd: networks, their DHCP and DNS, the firewall, and the interfaces of guests. */
#include <sys/stat.h>

#include <systemd/sd-id128.h>

#include "daemon.h"
#include "log.h"
#include "manager.h"

#define DATABASE LXD_STATE_DIR "/database/network.db"

static int run(const DaemonSpec *template) {
        _cleanup_(manager_freep) Manager *m = NULL;
        _cleanup_(daemon_freep) Daemon *d = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        DaemonSpec spec = *template;
        char boot_id[SD_ID128_STRING_MAX];
        sd_id128_t boot;
        int loaded, r;

        r = sd_event_default(&event);
        if (r < 0)
                return log_error_errno(r, "Failed to make the event loop: %m");
        loaded = manager_new(event, DATABASE, LXD_RUN_DIR "/network", LXD_STATE_DIR "/networks", &m);
        spec.userdata = m;
        r = daemon_new(&spec, &d);
        if (r < 0)
                return r;
        if (loaded < 0)
                return daemon_run_unable(d, loaded);
        (void) daemon_watch_database(d, m->db);
        m->server = daemon_server(d);
        m->operations = daemon_operations(d);
        r = units_new(event, &m->units);
        if (r < 0)
                return log_error_errno(r, "Failed to prepare for the service manager: %m");
        r = sd_id128_get_boot(&boot);
        if (r < 0)
                return log_error_errno(r, "Failed to get the boot id: %m");
        r = manager_start(m, sd_id128_to_string(boot, boot_id));
        return r < 0 ? r : daemon_run(d);
}

int main(int argc, char **argv) {
        static const struct BusEnumerator enumerators[] = { { NETD_PREFIX_NETWORK, manager_enumerate }, {} };
        const DaemonSpec spec = {
                .name = "netd",
                .bus_name = LXD_BUS_PREFIX ".network1",
                .root = NETD_ROOT,
                .owner = OPERATION_OWNER_NETD,
                .interfaces = manager_interfaces,
                .enumerators = enumerators,
                .is_idle = manager_is_idle,
        };
        int r;

        r = daemon_parse_argv(&spec, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        log_set_identifier("lxd-netd");
        return run(&spec) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
