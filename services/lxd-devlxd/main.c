/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-devlxd: the API that instances see at /dev/lxd/sock. */
#include "daemon.h"
#include "http.h"
#include "log.h"

static int run(const DaemonSpec *template) {
        _cleanup_(manager_freep) Manager *m = NULL;
        _cleanup_(daemon_freep) Daemon *d = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        DaemonSpec spec = *template;
        int fd, r;

        r = sd_event_default(&event);
        if (r >= 0)
                r = manager_new(event, &m);
        if (r < 0)
                return log_error_errno(r, "Failed to set up: %m");
        spec.userdata = m;
        r = daemon_new(&spec, &d);
        if (r < 0)
                return r;
        fd = daemon_take_fd(d, "devlxd");
        if (fd >= 0) {
                r = http_listen(m->http, fd);
                if (r < 0)
                        return log_error_errno(r, "Failed to serve the guest socket: %m");
        } else
                log_warning("No guest socket was handed over; only the bus is served.");
        return daemon_run(d);
}

int main(int argc, char **argv) {
        const DaemonSpec spec = {
                .name = "devlxd",
                .bus_name = LXD_BUS_PREFIX ".devlxd1",
                .root = DEVLXD_ROOT,
                .owner = OPERATION_OWNER_DEVLXD,
                .interfaces = manager_interfaces,
                .is_idle = manager_is_idle,
        };
        int r;

        r = daemon_parse_argv(&spec, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        return run(&spec) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
