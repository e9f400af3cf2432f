/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/networks. */

#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "rest.h"
#include "update-body.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG)

static void network_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_NETD, ".Network", member, "network", r->project, r->labels[0], NULL);
}

int rest_networks_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_NETD, ".Manager", "ListNetworks");
        call_append(&c, "sut", r->project, request_recursion(r), (uint64_t) 0);
        return call_send(&c, then_document, error);
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
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_created, error);
}

static int network_document(Request *r, const char *member, sd_bus_error *error) {
        Call c;

        network_call(&c, r, member);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_document, error);
}

int rest_network_get(Request *r, sd_bus_error *error) {
        return network_document(r, "Describe", error);
}

int rest_network_leases_get(Request *r, sd_bus_error *error) {
        return network_document(r, "DescribeLeases", error);
}

int rest_network_state_get(Request *r, sd_bus_error *error) {
        return network_document(r, "DescribeState", error);
}

int rest_network_put(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        Call c;
        int x;

        x = update_body_read(r, PARTS, &b, error);
        if (x < 0)
                return x;

        network_call(&c, r, "Update");
        call_append(&c, "s", b.description);
        call_config(&c, &b.config);
        call_append(&c, "s", request_etag(r));
        call_requestor(&c);
        call_append(&c, "t", b.flags);
        return call_send(&c, then_empty, error);
}

int rest_network_patch(Request *r, sd_bus_error *error) {
        return rest_network_put(r, error);
}

int rest_network_post(Request *r, sd_bus_error *error) {
        const char *name = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "name", &name, error);
        if (x < 0)
                return x;
        if (name[0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "New network name not provided");
        x = location_set(r, "/1.0/networks/", name);
        if (x < 0)
                return x;

        network_call(&c, r, "Rename");
        call_append(&c, "s", name);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_created, error);
}

int rest_network_delete(Request *r, sd_bus_error *error) {
        Call c;

        network_call(&c, r, "Delete");
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_empty, error);
}
