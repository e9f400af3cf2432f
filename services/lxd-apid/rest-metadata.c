/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/instances/{name}/metadata and the templates below it. */

#include <json-c/json.h>

#include "base/file.h"
#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"

enum {
        METADATA_MERGE = 1 << 0,
        METADATA_ARCHITECTURE = 1 << 1,
        METADATA_CREATION = 1 << 2,
        METADATA_EXPIRY = 1 << 3,
        METADATA_PROPERTIES = 1 << 4,
        METADATA_TEMPLATES = 1 << 5,
};

static void metadata_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_INSTANCED, ".Metadata", member, "instance", r->project, r->labels[0], NULL);
}

int rest_instance_metadata_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin_object(&c, r, OPERATION_OWNER_INSTANCED, ".Instance", "DescribeMetadata", "instance", r->project, r->labels[0], NULL);
        return call_send_document(&c, error);
}

static int append_template(Call *c, const char *path, json_object *o, sd_bus_error *error) {
        _cleanup_(config_done) Config properties = {};
        _cleanup_strv_free_ Strv when = NULL;
        bool create_only = false;
        const char *file = "";
        int x;

        if (!json_object_is_type(o, json_type_object))
                return bus_error_set(error, LXD_ERROR_INVALID, "json: cannot unmarshal the template of %.100s: it is no object", path);
        x = json_arg_strv(o, "when", &when, error);
        if (x >= 0)
                x = json_arg_bool(o, "create_only", &create_only, error);
        if (x >= 0)
                x = json_arg_text(o, "template", &file, error);
        if (x >= 0)
                x = json_arg_config(o, "properties", &properties, error);
        if (x < 0)
                return x;
        if (c->error >= 0)
                c->error = sd_bus_message_open_container(c->message, 'r', "sasbsa{ss}");
        call_append(c, "s", path);
        call_strv(c, when);
        call_append(c, "bs", (int) create_only, file);
        call_config(c, &properties);
        if (c->error >= 0)
                c->error = sd_bus_message_close_container(c->message);
        return 0;
}

static int append_templates(Call *c, json_object *templates, sd_bus_error *error) {
        int x = 0;

        if (c->error >= 0)
                c->error = sd_bus_message_open_container(c->message, 'a', "(sasbsa{ss})");
        if (templates) {
                json_object_object_foreach(templates, path, value)
                        if (x >= 0)
                                x = append_template(c, path, value, error);
        }
        if (c->error >= 0)
                c->error = sd_bus_message_close_container(c->message);
        return x;
}

/* PUT and PATCH. */
int rest_instance_metadata_put(Request *r, sd_bus_error *error) {
        uint64_t flags = streq(r->method, "PATCH") ? METADATA_MERGE : 0;
        _cleanup_(config_done) Config properties = {};
        json_object *o = NULL, *templates = NULL;
        int64_t creation = 0, expiry = 0;
        const char *architecture = "";
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0 && (x = json_arg_text(o, "architecture", &architecture, error)) > 0)
                flags |= METADATA_ARCHITECTURE;
        if (x >= 0 && (x = json_arg_int(o, "creation_date", INT64_MIN, INT64_MAX, &creation, error)) > 0)
                flags |= METADATA_CREATION;
        if (x >= 0 && (x = json_arg_int(o, "expiry_date", INT64_MIN, INT64_MAX, &expiry, error)) > 0)
                flags |= METADATA_EXPIRY;
        if (x >= 0 && (x = json_arg_config(o, "properties", &properties, error)) > 0)
                flags |= METADATA_PROPERTIES;
        if (x >= 0 && (x = json_arg_object(o, "templates", &templates, error)) > 0)
                flags |= METADATA_TEMPLATES;
        if (x < 0)
                return x;

        metadata_call(&c, r, "Update");
        call_append(&c, "sxx", architecture, creation, expiry);
        call_config(&c, &properties);
        x = append_templates(&c, templates, error);
        if (x < 0) {
                sd_bus_message_unref(c.message);
                return x;
        }
        call_append(&c, "s", request_etag(r));
        return call_send_change(&c, flags, then_empty, error);
}

static int then_template(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_free_ char *disposition = NULL;
        struct MHD_Response *response;
        int fd, x;

        x = sd_bus_message_read(reply, "h", &fd);
        if (x >= 0)
                x = response_from_file(fd, "application/octet-stream", &response);
        if (x < 0)
                return x;
        if (str_format(&disposition, "inline;filename=%s", strempty(request_parameter(r, "path"))) >= 0)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
        return reply_response(r, MHD_HTTP_OK, response);
}

int rest_templates_get(Request *r, sd_bus_error *error) {
        const char *name = strempty(request_parameter(r, "path"));
        Call c;

        if (name[0]) {
                metadata_call(&c, r, "OpenTemplate");
                call_append(&c, "st", name, (uint64_t) 0);
                return call_send(&c, then_template, error);
        }
        metadata_call(&c, r, "ListTemplates");
        return call_send_document(&c, error);
}

static int template_name(Request *r, const char **ret, sd_bus_error *error) {
        *ret = strempty(request_parameter(r, "path"));
        return (*ret)[0] ? 0 : bus_error_set(error, LXD_ERROR_INVALID, "missing path argument");
}

int rest_templates_post(Request *r, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        const char *name;
        Call c;
        int x = template_name(r, &name, error);

        if (x < 0)
                return x;
        fd = memfd_new_sealed("template", strempty(r->body), r->body_size);
        if (fd < 0)
                return fd;
        metadata_call(&c, r, "PutTemplate");
        call_append(&c, "sh", name, fd);
        return call_send_change(&c, 0, then_empty, error);
}

int rest_templates_delete(Request *r, sd_bus_error *error) {
        const char *name;
        Call c;
        int x = template_name(r, &name, error);

        if (x < 0)
                return x;
        metadata_call(&c, r, "DeleteTemplate");
        call_append(&c, "s", name);
        return call_send_change(&c, 0, then_empty, error);
}
