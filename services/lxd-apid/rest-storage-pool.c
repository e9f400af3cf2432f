/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/storage-pools, without the volumes in them. */

#include "json-args.h"
#include "rest.h"
#include "rest-object.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG)

static void pool_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_STORAGED, ".Pool", member, "pool", r->labels[0], NULL);
}

int rest_pools_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_STORAGED, ".Manager", "ListPools");
        call_append(&c, "u", request_recursion(r));
        return call_send_document(&c, error);
}

int rest_pools_post(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        const char *name, *driver = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = update_body_read(r, PARTS, &b, error);
        if (x >= 0)
                x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "driver", &driver, error);
        if (x >= 0)
                x = location_set(r, "/1.0/storage-pools/", name);
        if (x < 0)
                return x;

        call_begin(&c, r, OPERATION_OWNER_STORAGED, ".Manager", "CreatePool");
        call_append(&c, "sss", name, driver, b.description);
        call_config(&c, &b.config);
        return call_send_change(&c, 0, then_created, error);
}

int rest_pool_get(Request *r, sd_bus_error *error) {
        return object_document(r, pool_call, "Describe", error);
}

int rest_pool_resources_get(Request *r, sd_bus_error *error) {
        return object_document(r, pool_call, "DescribeResources", error);
}

int rest_pool_put(Request *r, sd_bus_error *error) {
        return object_update(r, pool_call, PARTS, error);
}

int rest_pool_patch(Request *r, sd_bus_error *error) {
        return rest_pool_put(r, error);
}

int rest_pool_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, pool_call, then_empty, error);
}
