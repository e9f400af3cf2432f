/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/storage-pools, without the volumes in them. */

#include "call.h"
#include "json-args.h"
#include "rest.h"
#include "update-body.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG)

static void pool_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_STORAGED, ".Pool", member, "pool", r->labels[0], NULL);
}

int rest_pools_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_STORAGED, ".Manager", "ListPools");
        call_append(&c, "ut", request_recursion(r), (uint64_t) 0);
        return call_send(&c, then_document, error);
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
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_created, error);
}

static int pool_document(Request *r, const char *member, sd_bus_error *error) {
        Call c;

        pool_call(&c, r, member);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_document, error);
}

int rest_pool_get(Request *r, sd_bus_error *error) {
        return pool_document(r, "Describe", error);
}

int rest_pool_resources_get(Request *r, sd_bus_error *error) {
        return pool_document(r, "DescribeResources", error);
}

int rest_pool_put(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        Call c;
        int x;

        x = update_body_read(r, PARTS, &b, error);
        if (x < 0)
                return x;

        pool_call(&c, r, "Update");
        call_append(&c, "s", b.description);
        call_config(&c, &b.config);
        call_append(&c, "s", request_etag(r));
        call_requestor(&c);
        call_append(&c, "t", b.flags);
        return call_send(&c, then_empty, error);
}

int rest_pool_patch(Request *r, sd_bus_error *error) {
        return rest_pool_put(r, error);
}

int rest_pool_delete(Request *r, sd_bus_error *error) {
        Call c;

        pool_call(&c, r, "Delete");
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_empty, error);
}
