/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/profiles. */

#include "rest.h"
#include "rest-object.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG | UPDATE_DEVICES)

static void profile_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_INSTANCED, ".Profile", member, "profile", r->project, r->labels[0], NULL);
}

int rest_profiles_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "ListProfiles");
        call_append(&c, "su", r->project, request_recursion(r));
        return call_send_document(&c, error);
}

int rest_profiles_post(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        const char *name;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = update_body_read(r, PARTS, &b, error);
        if (x >= 0)
                x = location_set(r, "/1.0/profiles/", name);
        if (x < 0)
                return x;

        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "CreateProfile");
        call_append(&c, "sss", r->project, name, b.description);
        call_config(&c, &b.config);
        call_devices(&c, &b.devices);
        return call_send_change(&c, 0, then_created, error);
}

int rest_profile_get(Request *r, sd_bus_error *error) {
        return object_document(r, profile_call, "Describe", error);
}

int rest_profile_put(Request *r, sd_bus_error *error) {
        return object_update(r, profile_call, PARTS, error);
}

int rest_profile_patch(Request *r, sd_bus_error *error) {
        return rest_profile_put(r, error);
}

int rest_profile_post(Request *r, sd_bus_error *error) {
        const char *name;
        int x = body_name(r, &name, error);

        return x < 0 ? x : object_rename(r, profile_call, "/1.0/profiles/", name, error);
}

int rest_profile_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, profile_call, then_empty, error);
}
