/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-instanced in the pretended world of its tests, where storage, network and guests do what they are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus-calls.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        sd_bus_error e = SD_BUS_ERROR_NULL;

        (void) bus_calls_confine();
        world_open();
        world_set_up();
        if (world_create("c1", "none", &e) < 0) {
                fprintf(stderr, "%s\n", e.message);
                abort();
        }
        bus_calls_run(&world.f, instanced_interfaces, data, size);
        world_close();
        return 0;
}
