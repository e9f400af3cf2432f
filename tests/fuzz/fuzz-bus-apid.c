/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-apid, which has little to ask for on the bus: properties and its operations. */
#include "bus-calls.h"
#include "rest-fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static RestFixture *rest;
        Fixture f = {};

        (void) bus_calls_confine();
        if (!rest) {
                rest = calloc(1, sizeof(*rest));
                if (!rest || rest_open(rest) < 0)
                        abort();
        }
        if (fixture_join(&f, rest->event, rest->server) < 0)
                abort();
        bus_calls_run(&f, apid_interfaces, data, size);
        fixture_close(&f);
        return 0;
}
