/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/images/aliases. */

#include "bus-error.h"
#include "json-args.h"
#include "rest.h"
#include "rest-object.h"

static void alias_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_IMAGED, ".Alias", member, "alias", r->project, r->labels[0], NULL);
}

int rest_aliases_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_IMAGED, ".Manager", "ListAliases");
        call_append(&c, "su", r->project, request_recursion(r));
        return call_send_document(&c, error);
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
        return call_send_change(&c, 0, then_created, error);
}

int rest_alias_get(Request *r, sd_bus_error *error) {
        return object_document(r, alias_call, "Describe", error);
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
        return call_send_change(&c, flags, then_empty, error);
}

int rest_alias_patch(Request *r, sd_bus_error *error) {
        return rest_alias_put(r, error);
}

int rest_alias_post(Request *r, sd_bus_error *error) {
        const char *name;
        int x = body_name(r, &name, error);

        return x < 0 ? x : object_rename(r, alias_call, "/1.0/images/aliases/", name, error);
}

int rest_alias_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, alias_call, then_empty, error);
}
