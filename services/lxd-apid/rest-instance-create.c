/* SPDX-License-Identifier: Apache-2.0 */
/* Owns POST /1.0/instances. */

#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "rest.h"
#include "update-body.h"

/* Copies the text members `keys` of o into config under the same names; empty ones are left out. */
static int copy_texts(json_object *o, const char *const *keys, Config *config, sd_bus_error *error) {
        for (const char *const *key = keys; *key; key++) {
                const char *value = "";
                int r = json_arg_text(o, *key, &value, error);

                if (r >= 0 && value[0])
                        r = config_set(config, *key, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_image_source(json_object *source, Config *ret, sd_bus_error *error) {
        _cleanup_(config_done) Config properties = {};
        const char *server = "";
        int r;

        r = json_arg_text(source, "server", &server, error);
        if (r >= 0)
                r = json_arg_config(source, "properties", &properties, error);
        if (r < 0)
                return r;
        if (server[0])
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Images of other servers cannot be fetched yet; import the image with \"lxc image import\"");
        r = copy_texts(source, (const char *const[]) { "alias", "fingerprint", "secret", NULL }, ret, error);
        CONFIG_FOREACH(i, &properties) {
                _cleanup_free_ char *key = NULL;

                if (r >= 0)
                        r = str_format(&key, "properties.%s", i->key);
                if (r >= 0)
                        r = config_set(ret, key, i->value);
        }
        return r;
}

static int read_copy_source(Request *request, json_object *source, Config *ret, sd_bus_error *error) {
        bool only = false, refresh = false;
        int r;

        r = json_arg_bool(source, "instance_only", &only, error);
        if (r == 0)
                r = json_arg_bool(source, "container_only", &only, error);
        if (r >= 0)
                r = json_arg_bool(source, "refresh", &refresh, error);
        if (r < 0)
                return r;
        r = config_set(ret, "project", request->project);
        if (r >= 0 && refresh)
                r = config_set(ret, "refresh", "true");
        if (r >= 0)
                r = copy_texts(source, (const char *const[]) { "source", "project", NULL }, ret, error);
        if (r >= 0)
                r = config_set(ret, "instance_only", only ? "true" : "false");
        if (r >= 0 && !config_get(ret, "source"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Must specify a source instance");
        return r;
}

static int read_migration_source(json_object *source, sd_bus_error *error) {
        const char *mode = "";
        int r = json_arg_text(source, "mode", &mode, error);

        if (r < 0)
                return r;
        if (!streq(mode, "pull") && !streq(mode, "push"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Mode \"%s\" not implemented", mode);
        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Migration between servers is not supported yet");
}

static int read_source(Request *request, json_object *o, Config *ret, sd_bus_error *error) {
        json_object *source = NULL;
        const char *type = "";
        int r;

        r = json_arg_object(o, "source", &source, error);
        if (r > 0)
                r = json_arg_text(source, "type", &type, error);
        if (r >= 0)
                r = config_set(ret, "type", type);
        if (r < 0)
                return r;
        if (streq(type, "none"))
                return 0;
        if (streq(type, "image"))
                return read_image_source(source, ret, error);
        if (streq(type, "copy"))
                return read_copy_source(request, source, ret, error);
        if (streq(type, "migration"))
                return read_migration_source(source, error);
        return bus_error_set(error, LXD_ERROR_INVALID, "Unknown source type %s", type);
}

static int set_missing(Config *config, const char *key, unsigned value, const char *unit) {
        return config_get(config, key) ? 0 : config_setf(config, key, "%u%s", value, unit);
}

/* "c2", "m0.5": a number of CPUs, which may be a share of the last one, or GiB of memory. 0, -EINVAL, -ENOMEM. */
static int apply_size(const char *part, Config *config) {
        double number;
        unsigned cpus;
        char *end;
        int r;

        if ((part[0] != 'c' && part[0] != 'm') || part[1] == '\0' || part[1 + strspn(part + 1, "0123456789.")] != '\0')
                return -EINVAL;
        number = strtod(part + 1, &end);
        if (*end || number > 1000000)
                return -EINVAL;
        if (part[0] == 'm')
                return number > 0 ? set_missing(config, "limits.memory", (unsigned) (number * 1024), "MB") : 0;
        cpus = (unsigned) number;
        if (number > cpus)
                cpus++;
        if (cpus == 0)
                return 0;
        r = set_missing(config, "limits.cpu", cpus, "");
        return r < 0 || number == cpus ? r : set_missing(config, "limits.cpu.allowance", (unsigned) (number / cpus * 100), "%");
}

/* The sizes that clouds sell ("t2.micro") are a list on a server that is not asked here; "c2-m4" says it all. What the request has of its own
 * comes first. */
static int apply_instance_type(const char *type, Config *config, sd_bus_error *error) {
        _cleanup_strv_free_ Strv parts = NULL;
        int r;

        if (!type[0])
                return 0;
        if (!strchr("cm", type[0]) || type[1] < '0' || type[1] > '9')
                return bus_error_set(error, LXD_ERROR_INVALID, "Provided instance type doesn't exist: %s", type);
        r = strv_split(type, "-", &parts);
        STRV_FOREACH(part, parts) {
                if (r >= 0)
                        r = apply_size(*part, config);
        }
        return r == -EINVAL ? bus_error_set(error, LXD_ERROR_INVALID, "Bad custom instance type: %s", type) : r;
}

int rest_instances_post(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        _cleanup_(config_done) Config source = {};
        const char *name = "", *type = r->type, *size = "";
        json_object *o = NULL;
        Call c;
        int x;

        if (!r->ended)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Importing instance backups is not supported yet");

        x = update_body_read(r, UPDATE_DESCRIPTION | UPDATE_ARCHITECTURE | UPDATE_EPHEMERAL | UPDATE_CONFIG | UPDATE_DEVICES |
                                        UPDATE_PROFILES,
                             &b, error);
        if (x >= 0)
                x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "name", &name, error);
        if (x >= 0)
                x = json_arg_text(o, "type", &type, error);
        if (x >= 0)
                x = json_arg_text(o, "instance_type", &size, error);
        if (x >= 0)
                x = read_source(r, o, &source, error);
        if (x < 0)
                return x;
        x = apply_instance_type(size, &b.config, error);
        if (x < 0)
                return x;

        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "CreateInstance");
        call_append(&c, "sssssb", r->project, name, type[0] ? type : "container", b.architecture, b.description, (int) b.ephemeral);
        call_strv(&c, b.profiles);
        call_config(&c, &b.config);
        call_devices(&c, &b.devices);
        call_config(&c, &source);
        return call_send_change(&c, !json_arg_is_given(o, "profiles"), then_operation, error);
}
