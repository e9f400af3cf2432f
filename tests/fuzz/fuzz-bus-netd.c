/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-netd: networks and interfaces, in a network namespace of its own; nobody writes the firewall. */
#include <net/if.h>
#include <sched.h>

#include "base/str.h"
#include "bus-calls.h"
#include "manager.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Manager *open_manager(Fixture *f, const char *directory) {
        static const struct BusEnumerator enumerators[] = { { NETD_PREFIX_NETWORK, manager_enumerate }, {} };
        DaemonSpec spec = { .name = "netd", .root = NETD_ROOT, .owner = OPERATION_OWNER_NETD, .interfaces = manager_interfaces,
                            .enumerators = enumerators };
        _cleanup_free_ char *run = NULL, *state = NULL;
        Manager *m;

        if (str_format(&run, "%s/run", directory) < 0 || str_format(&state, "%s/state", directory) < 0 || sd_event_new(&f->event) < 0 ||
            manager_new(f->event, ":memory:", run, state, &m) < 0)
                abort();
        spec.userdata = m;
        if (fixture_open(f, &spec) < 0)
                abort();
        m->server = f->server;
        m->operations = f->operations;
        return m;
}

/* Of the run before. A new namespace takes its time, so only when there are any beside "lo". */
static void forget_interfaces(void) {
        struct if_nameindex *list = if_nameindex();

        if (!list || (list[0].if_index && list[1].if_index))
                (void) unshare(CLONE_NEWNET);
        if (list)
                if_freenameindex(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *directory = bus_calls_confine();
        Fixture f = {};
        sd_bus *instanced;
        Manager *m;

        forget_interfaces();
        m = open_manager(&f, directory);
        instanced = bus_calls_peer(f.event, m->instanced);
        if (manager_start(m, "boot-1") < 0)
                abort();
        bus_calls_run(&f, manager_interfaces, data, size);
        manager_free(m);
        sd_bus_close_unref(instanced);
        fixture_close(&f);
        bus_calls_clear();
        return 0;
}
