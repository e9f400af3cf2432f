/* SPDX-License-Identifier: Apache-2.0 */
/* Owns GET /1.0/events. */

#include "bus-error.h"
#include "call.h"
#include "events.h"
#include "rest.h"
#include "websocket.h"

typedef struct Wish {
        Events *events;
        unsigned types;
        char *project;
} Wish;

static void on_ready(WebSocket *ws, void *userdata) {
        Wish *w = userdata;

        if (ws)
                (void) events_listen(w->events, ws, w->types, w->project);
        free(w->project);
        free(w);
}

static int read_types(Request *r, unsigned *ret, sd_bus_error *error) {
        const char *text = request_parameter(r, "type");
        _cleanup_strv_free_ Strv names = NULL;
        unsigned types = 0;
        int x;

        if (isempty(text)) {
                *ret = EVENT_LOGGING | EVENT_OPERATION | EVENT_LIFECYCLE;
                return 0;
        }
        x = strv_split(text, ",", &names);
        if (x < 0)
                return x;
        STRV_FOREACH(name, names) {
                int bit = event_type_from_name(*name);

                if (bit < 0)
                        return bus_error_set(error, LXD_ERROR_INVALID, "\"%.100s\" isn't a supported event type", *name);
                types |= bit;
        }
        *ret = types;
        return 0;
}

static int accept_listener(Request *r, sd_bus_error *error) {
        Wish *w;
        int x;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->events = r->manager->events;
        x = read_types(r, &w->types, error);
        if (x >= 0 && !request_parameter_is_true(r, "all-projects"))
                x = str_replace(&w->project, r->project);
        if (x >= 0)
                x = websocket_accept(r, on_ready, w, error);
        if (x < 0) {
                free(w->project);
                free(w);
        }
        return x;
}

static int then_accept(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        return accept_listener(r, error);
}

/* Who listens to a project that is not there would wait for ever. */
int rest_events_get(Request *r, sd_bus_error *error) {
        bool all = request_parameter_is_true(r, "all-projects");
        Call c;

        if (all && request_parameter(r, "project"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Cannot specify a project when requesting all projects");
        if (all || streq(r->project, "default"))
                return accept_listener(r, error);
        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "GetProject");
        call_append(&c, "st", r->project, (uint64_t) 0);
        return call_send(&c, then_accept, error);
}
