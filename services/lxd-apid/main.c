/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-apid: the REST API in front of the daemons that do the work. */

#include "daemon.h"
#include "http.h"
#include "log.h"
#include "manager.h"

static void on_hold(void *userdata, bool hold) {
        if (hold)
                daemon_hold(userdata);
        else
                daemon_release(userdata);
}

static int run(int argc, char **argv) {
        _cleanup_(manager_freep) Manager *m = NULL;
        _cleanup_(daemon_freep) Daemon *d = NULL;
        DaemonSpec spec = {
                .name = "apid",
                .bus_name = LXD_BUS_PREFIX ".api1",
                .root = "/org/lxd/api1",
                .owner = OPERATION_OWNER_APID,
                .interfaces = apid_interfaces,
                .is_idle = manager_is_idle,
                .stopping = manager_stopping,
        };
        sd_event *event;
        int r, fd;

        r = daemon_parse_argv(&spec, argc, argv);
        if (r != 0)
                return r < 0 ? r : 0;
        r = sd_event_default(&event);
        if (r >= 0)
                r = manager_new(event, &m);
        sd_event_unref(event);
        if (r < 0)
                return log_error_errno(r, "Failed to set up: %m");

        spec.userdata = m;
        r = daemon_new(&spec, &d);
        if (r < 0)
                return r;
        m->operations = daemon_operations(d);
        m->hold = on_hold;
        m->hold_userdata = d;

        fd = daemon_take_fd(d, "unix");
        if (fd < 0)
                return log_error_errno(fd, "The socket \"unix\" was not handed over; start lxd-apid.socket: %m");
        r = http_listen(m->http, fd);
        if (r < 0)
                return log_error_errno(r, "Failed to listen: %m");
        r = daemon_run(d);

        m->hold = NULL;
        /* Sessions end before the operations they stand for. */
        m = manager_free(m);
        return r;
}

int main(int argc, char **argv) {
        return run(argc, argv) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
