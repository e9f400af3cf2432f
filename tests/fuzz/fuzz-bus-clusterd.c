/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-clusterd: configuration, projects, certificates. */
#include "bus-calls.h"
#include "manager.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Manager m = {};
        Fixture f = {};
        const DaemonSpec spec = { .name = "clusterd", .root = CLUSTER_ROOT, .owner = OPERATION_OWNER_CLUSTERD,
                                  .interfaces = manager_interfaces, .enumerators = manager_enumerators, .userdata = &m };

        (void) bus_calls_confine();
        if (manager_load(&m, ":memory:", NULL) < 0 || fixture_open(&f, &spec) < 0)
                abort();
        bus_calls_run(&f, manager_interfaces, data, size);
        fixture_close(&f);
        manager_done(&m);
        return 0;
}
