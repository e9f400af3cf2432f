/* SPDX-License-Identifier: Apache-2.0 */
/* The vtables of lxd-storaged, one per file bus-<name>.c. */
#pragma once

#include <systemd/sd-bus.h>

extern const sd_bus_vtable bus_manager_vtable[];
extern const sd_bus_vtable bus_pool_vtable[];
extern const sd_bus_vtable bus_volume_vtable[];
extern const sd_bus_vtable bus_snapshot_vtable[];
extern const sd_bus_vtable bus_guests_vtable[];
