/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/profiles. */

#include "call.h"
#include "rest.h"
#include "update-body.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG | UPDATE_DEVICES)

static void profile_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_INSTANCED, ".Profile", member, "profile", r->project, r->labels[0], NULL);
}

int rest_profiles_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "ListProfiles");
        call_append(&c, "sut", r->project, request_recursion(r), (uint64_t) 0);
        return call_send(&c, then_document, error);
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
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_created, error);
}

int rest_profile_get(Request *r, sd_bus_error *error) {
        Call c;

        profile_call(&c, r, "Describe");
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_document, error);
}

int rest_profile_put(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        Call c;
        int x;

        x = update_body_read(r, PARTS, &b, error);
        if (x < 0)
                return x;

        profile_call(&c, r, "Update");
        call_append(&c, "s", b.description);
        call_config(&c, &b.config);
        call_devices(&c, &b.devices);
        call_append(&c, "s", request_etag(r));
        call_requestor(&c);
        call_append(&c, "t", b.flags);
        return call_send(&c, then_empty, error);
}

int rest_profile_patch(Request *r, sd_bus_error *error) {
        return rest_profile_put(r, error);
}

int rest_profile_post(Request *r, sd_bus_error *error) {
        const char *name;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = location_set(r, "/1.0/profiles/", name);
        if (x < 0)
                return x;

        profile_call(&c, r, "Rename");
        call_append(&c, "s", name);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_created, error);
}

int rest_profile_delete(Request *r, sd_bus_error *error) {
        Call c;

        profile_call(&c, r, "Delete");
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_empty, error);
}
