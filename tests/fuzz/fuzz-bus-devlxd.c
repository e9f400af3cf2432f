/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-devlxd, with its guest played by a test's fixture. */
#include "bus-calls.h"
#include "played.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        DaemonSpec spec = { .name = "devlxd", .root = DEVLXD_ROOT, .owner = OPERATION_OWNER_DEVLXD, .interfaces = manager_interfaces };
        Fixture f = {};
        Manager *m;

        (void) bus_calls_confine();
        if (sd_event_new(&f.event) < 0 || played_open(f.event, &m) < 0)
                abort();
        spec.userdata = m;
        if (fixture_open(&f, &spec) < 0)
                abort();
        bus_calls_run(&f, manager_interfaces, data, size);
        played_close(m);
        fixture_close(&f);
        return 0;
}
