/* SPDX-License-Identifier: Apache-2.0 */
/* Owns org.lxd.api1.Manager. */

#include "events.h"
#include "http.h"
#include "manager.h"

static int property_get_listeners(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_strv_free_ Strv addresses = NULL;
        Manager *m = userdata;
        int r = http_addresses(m->http, &addresses);

        return r < 0 ? r : sd_bus_message_append_strv(reply, addresses);
}

static int property_get_connections(sd_bus *bus, const char *path, const char *interface, const char *property,
                                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t) http_connections(m->http));
}

static int property_get_event_listeners(sd_bus *bus, const char *path, const char *interface, const char *property,
                                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t) events_count(m->events));
}

/* The counters change with every request: no signal tells of that. */
static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Listeners", "as", property_get_listeners, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Connections", "u", property_get_connections, 0, 0),
        SD_BUS_PROPERTY("EventListeners", "u", property_get_event_listeners, 0, 0),
        SD_BUS_VTABLE_END,
};

const BusInterface apid_interfaces[] = {
        { .path = "/org/lxd/api1", .interface = LXD_BUS_PREFIX ".api1.Manager", .vtable = manager_vtable },
        {},
};
