/* SPDX-License-Identifier: Apache-2.0 */
/* What lxd-devlxd holds, and its place on the bus. */
#include "manager.h"

#include "caller.h"
#include "events.h"
#include "http.h"

static int property_get_connections(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                                    void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t) (m->http ? http_connections(m->http) : 0));
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Connections", "u", property_get_connections, 0, 0),
        SD_BUS_VTABLE_END,
};

const BusInterface manager_interfaces[] = {
        { DEVLXD_ROOT, DEVLXD_INTERFACE("Manager"), manager_vtable, NULL, NULL },
        {},
};

int manager_new(sd_event *event, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        int r;

        if (!m)
                return -ENOMEM;
        *m = (Manager) { .event = sd_event_ref(event), .identify = caller_identify, .root_uid = caller_root_uid };
        r = bus_peer_new(event, "instanced", &m->instanced);
        if (r >= 0)
                r = bus_peer_new(event, "imaged", &m->imaged);
        if (r >= 0)
                r = events_new(m, &m->events);
        if (r >= 0)
                r = http_new(m, &m->http);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        events_free(m->events);
        http_free(m->http);
        bus_peer_free(m->instanced);
        bus_peer_free(m->imaged);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

bool manager_is_idle(void *userdata) {
        Manager *m = userdata;

        return http_connections(m->http) == 0 && events_listeners(m->events) == 0 && bus_peer_pending(m->instanced) == 0 &&
               bus_peer_pending(m->imaged) == 0;
}
