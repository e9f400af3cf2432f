/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-storaged: pools, volumes, snapshots; its workers do nothing. */
#include "bus-calls.h"
#include "manager.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        DaemonSpec spec = { .name = "storaged", .root = STORAGE_ROOT, .owner = OPERATION_OWNER_STORAGED, .interfaces = manager_interfaces,
                            .enumerators = manager_enumerators };
        sd_bus *imaged, *instanced;
        Fixture f = {};
        Daemon *d;

        (void) bus_calls_confine();
        if (manager_new((Manager **) &spec.userdata) < 0 || daemon_new(&spec, &d) < 0 || manager_load(spec.userdata, d) < 0 ||
            fixture_join(&f, daemon_event(d), daemon_server(d)) < 0)
                abort();
        imaged = bus_calls_peer(f.event, ((Manager *) spec.userdata)->images);
        instanced = bus_calls_peer(f.event, ((Manager *) spec.userdata)->instances);
        bus_calls_run(&f, manager_interfaces, data, size);
        manager_free(spec.userdata);
        sd_bus_close_unref(imaged);
        sd_bus_close_unref(instanced);
        fixture_close(&f);
        daemon_free(d);
        bus_calls_clear();
        return 0;
}
