/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/instances/{name}/snapshots. */

#include "json-args.h"
#include "rest.h"
#include "rest-object.h"

#define CREATE_EXPIRES 1U

/* labels: instance, snapshot. */
static void snapshot_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_INSTANCED, ".Snapshot", member, "snapshot", r->project, r->labels[0], r->labels[1],
                          NULL);
}

int rest_snapshots_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin_object(&c, r, OPERATION_OWNER_INSTANCED, ".Instance", "ListSnapshots", "instance", r->project, r->labels[0], NULL);
        call_append(&c, "u", request_recursion(r));
        return call_send_document(&c, error);
}

int rest_snapshots_post(Request *r, sd_bus_error *error) {
        uint64_t expires = 0, flags = 0;
        const char *name = "";
        bool stateful = false;
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "name", &name, error);
        if (x >= 0)
                x = json_arg_bool(o, "stateful", &stateful, error);
        if (x >= 0 && (x = json_arg_time(o, "expires_at", &expires, error)) > 0)
                flags |= CREATE_EXPIRES;
        if (x < 0)
                return x;

        call_begin_object(&c, r, OPERATION_OWNER_INSTANCED, ".Instance", "CreateSnapshot", "instance", r->project, r->labels[0], NULL);
        call_append(&c, "sbt", name, (int) stateful, expires);
        return call_send_change(&c, flags, then_operation, error);
}

int rest_snapshot_get(Request *r, sd_bus_error *error) {
        return object_document(r, snapshot_call, "Describe", error);
}

int rest_snapshot_post(Request *r, sd_bus_error *error) {
        const char *name;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x < 0)
                return x;

        snapshot_call(&c, r, "Rename");
        call_append(&c, "s", name);
        return call_send_change(&c, 0, then_operation, error);
}

/* PUT and PATCH alike: the expiry is all that can change. */
int rest_snapshot_put(Request *r, sd_bus_error *error) {
        json_object *o = NULL;
        uint64_t expires = 0;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_time(o, "expires_at", &expires, error);
        if (x < 0)
                return x;

        snapshot_call(&c, r, "Update");
        call_append(&c, "ts", expires, request_etag(r));
        return call_send_change(&c, x > 0 || streq(r->method, "PUT") ? UPDATE_EXPIRY : 0, then_operation, error);
}

int rest_snapshot_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, snapshot_call, then_operation, error);
}
