/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.instance1.Snapshot. */
#include "bus.h"
#include "snapshot.h"

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *etag = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = snapshot_etag(userdata, &etag);
        if (r < 0)
                return r;
        json_document_begin(&w);
        snapshot_write_json(&w, NULL, userdata);
        return bus_reply_writer(m, &w, etag);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_free_ char *current = NULL;
        uint64_t expires, flags;
        Snapshot *s = userdata;
        const char *etag;
        Job *j = NULL;
        int r;

        r = sd_bus_message_read(m, "ts", &expires, &etag);
        if (r >= 0)
                r = bus_read_tail(m, &who, UPDATE_EXPIRY, &flags, error);
        if (r >= 0)
                r = snapshot_etag(s, &current);
        if (r < 0)
                return r;
        if (!isempty(etag) && !streq(etag, current))
                return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, etag);
        r = snapshot_update(s, flags & UPDATE_EXPIRY ? expires : s->expires_at, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        const char *name;
        Job *j = NULL;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = snapshot_rename(userdata, name, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        Job *j = NULL;
        int r;

        r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = snapshot_delete(userdata, &who, &j, error);
        return bus_reply_job(m, r, j);
}

const sd_bus_vtable snapshot_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Update", SD_BUS_ARGS("t", expires, "s", etag, "(sss)", requestor, "t", flags), SD_BUS_RESULT("o", operation),
                                method_update, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_RESULT("o", operation), method_rename,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_RESULT("o", operation), method_delete,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};
