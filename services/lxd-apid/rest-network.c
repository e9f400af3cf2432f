/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/networks. */

#include "bus-error.h"
#include "json-args.h"
#include "rest.h"
#include "rest-object.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG)

static void network_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_NETD, ".Network", member, "network", r->project, r->labels[0], NULL);
}

int rest_networks_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_NETD, ".Manager", "ListNetworks");
        call_append(&c, "su", r->project, request_recursion(r));
        return call_send_document(&c, error);
}

int rest_networks_post(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        const char *name, *type = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = update_body_read(r, PARTS, &b, error);
        if (x >= 0)
                x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "type", &type, error);
        if (x >= 0)
                x = location_set(r, "/1.0/networks/", name);
        if (x < 0)
                return x;

        call_begin(&c, r, OPERATION_OWNER_NETD, ".Manager", "CreateNetwork");
        call_append(&c, "ssss", r->project, name, type, b.description);
        call_config(&c, &b.config);
        return call_send_change(&c, 0, then_created, error);
}

int rest_network_get(Request *r, sd_bus_error *error) {
        return object_document(r, network_call, "Describe", error);
}

int rest_network_leases_get(Request *r, sd_bus_error *error) {
        return object_document(r, network_call, "DescribeLeases", error);
}

int rest_network_state_get(Request *r, sd_bus_error *error) {
        return object_document(r, network_call, "DescribeState", error);
}

int rest_network_put(Request *r, sd_bus_error *error) {
        return object_update(r, network_call, PARTS, error);
}

int rest_network_patch(Request *r, sd_bus_error *error) {
        return rest_network_put(r, error);
}

int rest_network_post(Request *r, sd_bus_error *error) {
        const char *name = "";
        json_object *o = NULL;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "name", &name, error);
        if (x < 0)
                return x;
        if (name[0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "New network name not provided");
        return object_rename(r, network_call, "/1.0/networks/", name, error);
}

int rest_network_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, network_call, then_empty, error);
}
