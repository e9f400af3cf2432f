/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/images/aliases. */

#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "rest.h"
#include "update-body.h"

static void alias_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_IMAGED, ".Alias", member, "alias", r->project, r->labels[0], NULL);
}

int rest_aliases_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_IMAGED, ".Manager", "ListAliases");
        call_append(&c, "sut", r->project, request_recursion(r), (uint64_t) 0);
        return call_send(&c, then_document, error);
}

int rest_aliases_post(Request *r, sd_bus_error *error) {
        const char *name = "", *description = "", *target = "", *type = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "name", &name, error);
        if (x >= 0)
                x = json_arg_text(o, "description", &description, error);
        if (x >= 0)
                x = json_arg_text(o, "target", &target, error);
        if (x >= 0)
                x = json_arg_text(o, "type", &type, error);
        if (x < 0)
                return x;
        if (name[0] == '\0' || target[0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "name and target are required");
        x = location_set(r, "/1.0/images/aliases/", name);
        if (x < 0)
                return x;

        call_begin(&c, r, OPERATION_OWNER_IMAGED, ".Manager", "CreateAlias");
        call_append(&c, "sssss", r->project, name, description, target, type);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_created, error);
}

int rest_alias_get(Request *r, sd_bus_error *error) {
        Call c;

        alias_call(&c, r, "Describe");
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_document, error);
}

int rest_alias_put(Request *r, sd_bus_error *error) {
        uint64_t flags = streq(r->method, "PATCH") ? UPDATE_MERGE : UPDATE_DESCRIPTION | UPDATE_TARGET;
        const char *description = "", *target = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0 && (x = json_arg_text(o, "description", &description, error)) > 0)
                flags |= UPDATE_DESCRIPTION;
        if (x >= 0 && (x = json_arg_text(o, "target", &target, error)) > 0)
                flags |= UPDATE_TARGET;
        if (x < 0)
                return x;

        alias_call(&c, r, "Update");
        call_append(&c, "sss", description, target, request_etag(r));
        call_requestor(&c);
        call_append(&c, "t", flags);
        return call_send(&c, then_empty, error);
}

int rest_alias_patch(Request *r, sd_bus_error *error) {
        return rest_alias_put(r, error);
}

int rest_alias_post(Request *r, sd_bus_error *error) {
        const char *name;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = location_set(r, "/1.0/images/aliases/", name);
        if (x < 0)
                return x;

        alias_call(&c, r, "Rename");
        call_append(&c, "s", name);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_created, error);
}

int rest_alias_delete(Request *r, sd_bus_error *error) {
        Call c;

        alias_call(&c, r, "Delete");
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_empty, error);
}
