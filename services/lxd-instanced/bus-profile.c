/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.instance1.Profile. */
#include "bus.h"
#include "profile-networks.h"

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *etag = NULL;
        Profile *p = userdata;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = profile_etag(p, &etag);
        if (r < 0)
                return r;
        json_document_begin(&w);
        profile_write_json(&w, p->manager, p);
        return bus_reply_writer(m, &w, etag);
}

static int apply_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(config_done) Config config = {};
        _cleanup_(devices_done) Devices devices = {};
        const char *description, *etag;
        Profile *p = userdata;
        Job *users = NULL;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "s", &description);
        if (r >= 0)
                r = bus_read_config(m, &config);
        if (r >= 0)
                r = bus_read_devices(m, &devices);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &etag);
        if (r >= 0)
                r = bus_read_tail(m, &who, UPDATE_MERGE | UPDATE_CONFIG | UPDATE_DEVICES | UPDATE_DESCRIPTION, &flags, error);
        if (r >= 0)
                r = profile_update(p->manager, p, flags, description, &config, &devices, etag, &who, &users, error);
        if (r < 0)
                return r;
        return users ? job_start_reply_done(users, m) : sd_bus_reply_method_return(m, NULL);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(devices_done) Devices devices = {};
        Profile *p = userdata;
        int r;

        r = sd_bus_message_skip(m, "sa{ss}");
        if (r >= 0)
                r = bus_read_devices(m, &devices);
        return r < 0 ? r : profile_check_networks(p->manager, p->project, p, &devices, m, apply_update, error);
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        Profile *p = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = profile_rename(p->manager, p, name, &who, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        Profile *p = userdata;
        int r;

        r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = profile_delete(p->manager, p, &who, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int property_get_config(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                               void *userdata, sd_bus_error *error) {
        Profile *p = userdata;

        return streq(property, "Config") ? bus_append_config(reply, &p->config) : bus_append_devices(reply, &p->devices);
}

const sd_bus_vtable profile_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Project", "s", NULL, offsetof(Profile, project), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", NULL, offsetof(Profile, name), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Description", "s", NULL, offsetof(Profile, description), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Config", "a{ss}", property_get_config, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Devices", "a{sa{ss}}", property_get_config, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", description, "a{ss}", config, "a{sa{ss}}", devices, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_rename,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};
