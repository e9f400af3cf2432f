/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of PUT and PATCH bodies. */

#include "bus-error.h"
#include "json-args.h"
#include "update-body.h"

void update_body_done(UpdateBody *b) {
        config_done(&b->config);
        devices_done(&b->devices);
        b->profiles = strv_free(b->profiles);
}

int update_body_read(Request *r, uint64_t parts, UpdateBody *ret, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = { .description = "", .architecture = "" };
        bool patch = streq(r->method, "PATCH");
        json_object *o = NULL;
        int x;

        x = request_json(r, &o, error);
        if (x < 0)
                return x;

        b.flags = patch ? UPDATE_MERGE : parts;
        if (parts & UPDATE_DESCRIPTION && (x = json_arg_text(o, "description", &b.description, error)) > 0)
                b.flags |= UPDATE_DESCRIPTION;
        if (x >= 0 && parts & UPDATE_ARCHITECTURE && (x = json_arg_text(o, "architecture", &b.architecture, error)) > 0)
                b.flags |= UPDATE_ARCHITECTURE;
        if (x >= 0 && parts & UPDATE_EPHEMERAL && (x = json_arg_bool(o, "ephemeral", &b.ephemeral, error)) > 0)
                b.flags |= UPDATE_EPHEMERAL;
        if (x >= 0 && parts & UPDATE_CONFIG && (x = json_arg_config(o, "config", &b.config, error)) > 0)
                b.flags |= UPDATE_CONFIG;
        if (x >= 0 && parts & UPDATE_DEVICES && (x = json_arg_devices(o, "devices", &b.devices, error)) > 0)
                b.flags |= UPDATE_DEVICES;
        if (x >= 0 && parts & UPDATE_PROFILES && (x = json_arg_strv(o, "profiles", &b.profiles, error)) > 0)
                b.flags |= UPDATE_PROFILES;
        if (x < 0)
                return x;

        /* An instance always has an architecture: PUT without one keeps it. */
        if (b.architecture[0] == '\0')
                b.flags &= ~(uint64_t) UPDATE_ARCHITECTURE;
        *ret = b;
        b = (UpdateBody) {};
        return 0;
}

int body_name(Request *r, const char **ret, sd_bus_error *error) {
        const char *name = "";
        json_object *o = NULL;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "name", &name, error);
        if (x < 0)
                return x;
        if (name[0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "No name provided");
        *ret = name;
        return 0;
}

int location_set(Request *r, const char *prefix, const char *name) {
        _cleanup_free_ char *encoded = NULL, *project = NULL, *location = NULL;
        int x;

        x = url_encode(name, &encoded);
        if (x >= 0)
                x = url_encode(r->project, &project);
        if (x >= 0 && streq(r->project, "default"))
                x = str_format(&location, "%s%s", prefix, encoded);
        else if (x >= 0)
                x = str_format(&location, "%s%s?project=%s", prefix, encoded, project);
        if (x < 0)
                return x;
        free(r->location);
        r->location = TAKE_PTR(location);
        return 0;
}
