/* SPDX-License-Identifier: Apache-2.0 */
/* Owns what the requests about one object do alike. */

#include "rest-object.h"

int object_document(Request *r, ObjectCall call, const char *member, sd_bus_error *error) {
        Call c;

        call(&c, r, member);
        return call_send_document(&c, error);
}

int object_send_update(Call *c, const UpdateBody *b, uint64_t parts, sd_bus_error *error) {
        call_append(c, "s", b->description);
        call_config(c, &b->config);
        if (parts & UPDATE_DEVICES)
                call_devices(c, &b->devices);
        call_append(c, "s", request_etag(c->request));
        return call_send_change(c, b->flags, then_empty, error);
}

int object_update(Request *r, ObjectCall call, uint64_t parts, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        Call c;
        int x;

        x = update_body_read(r, parts, &b, error);
        if (x < 0)
                return x;
        call(&c, r, "Update");
        return object_send_update(&c, &b, parts, error);
}

int object_rename(Request *r, ObjectCall call, const char *prefix, const char *name, sd_bus_error *error) {
        Call c;
        int x;

        x = location_set(r, prefix, name);
        if (x < 0)
                return x;
        call(&c, r, "Rename");
        call_append(&c, "s", name);
        return call_send_change(&c, 0, then_created, error);
}

int object_delete(Request *r, ObjectCall call, CallThen then, sd_bus_error *error) {
        Call c;

        call(&c, r, "Delete");
        return call_send_change(&c, 0, then, error);
}
