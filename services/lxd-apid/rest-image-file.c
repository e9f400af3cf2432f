/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the transfer of image files: POST /1.0/images and GET /1.0/images/{fingerprint}/export. */

#include "body-stream.h"
#include "bus-error.h"
#include "call.h"
#include "http-files.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"

/* URL-encoded pairs of a header ("a=b&c=d") into config. */
static int read_header_pairs(Request *r, const char *header, Config *ret, sd_bus_error *error) {
        _cleanup_(target_done) Target t = {};
        _cleanup_free_ char *uri = NULL;
        int x;

        x = str_format(&uri, "/?%s", strempty(request_header(r, header)));
        if (x >= 0)
                x = target_parse(uri, &t);
        if (x == -EINVAL || x == -E2BIG)
                return bus_error_set(error, LXD_ERROR_INVALID, "Header %s is malformed", header);
        for (size_t i = 0; i < t.n_parameters && x >= 0; i++)
                x = config_set(ret, t.parameters[i].name, t.parameters[i].value);
        return x;
}

/* a(ss): the names in X-LXD-aliases; a description is nothing a header has. */
static void append_aliases(Call *c, const Config *aliases) {
        if (c->error >= 0)
                c->error = sd_bus_message_open_container(c->message, 'a', "(ss)");
        CONFIG_FOREACH(i, aliases)
                call_append(c, "(ss)", i->value[0] ? i->value : i->key, "");
        if (c->error >= 0)
                c->error = sd_bus_message_close_container(c->message);
}

/* as: the values of X-LXD-profiles. */
static void append_profiles(Call *c, const Config *profiles) {
        if (c->error >= 0)
                c->error = sd_bus_message_open_container(c->message, 'a', "s");
        CONFIG_FOREACH(i, profiles)
                call_append(c, "s", i->value);
        if (c->error >= 0)
                c->error = sd_bus_message_close_container(c->message);
}

static int import(Request *r, sd_bus_error *error) {
        _cleanup_(config_done) Config properties = {}, aliases = {}, profiles = {};
        _cleanup_close_ int fd = -EBADF;
        uint64_t size;
        Call c;
        int x;

        x = read_header_pairs(r, "X-LXD-properties", &properties, error);
        if (x >= 0)
                x = read_header_pairs(r, "X-LXD-aliases", &aliases, error);
        if (x >= 0)
                x = read_header_pairs(r, "X-LXD-profiles", &profiles, error);
        if (x >= 0)
                x = body_stream_new(r, &fd);
        if (x < 0)
                return x;
        if (parse_u64(strempty(request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH)), &size) < 0)
                size = UINT64_MAX;

        call_begin(&c, r, OPERATION_OWNER_IMAGED, ".Manager", "ImportImage");
        call_append(&c, "shsss", r->project, fd, strempty(request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE)),
                    strempty(request_header(r, "X-LXD-filename")), strempty(request_header(r, "X-LXD-fingerprint")));
        call_append(&c, "tbb", size, (int) str_is_true(request_header(r, "X-LXD-public")), 0);
        call_config(&c, &properties);
        append_aliases(&c, &aliases);
        append_profiles(&c, &profiles);
        call_append(&c, "t", (uint64_t) 0);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_operation, error);
}

int rest_images_post(Request *r, sd_bus_error *error) {
        json_object *o = NULL, *source = NULL;
        const char *type = "";
        int x;

        if (!r->ended) /* a body that is not JSON has begun to arrive */
                return import(r, error);

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_object(o, "source", &source, error);
        if (x > 0)
                x = json_arg_text(source, "type", &type, error);
        if (x < 0)
                return x;
        if (streq(type, "image") || streq(type, "url"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Downloading images is not supported yet; use \"lxc image export\" there and \"lxc image import\" here");
        if (streq(type, "instance") || streq(type, "container") || streq(type, "virtual-machine") || streq(type, "snapshot"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Publishing instances as images is not supported yet");
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid images JSON");
}

static int then_export(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        struct MHD_Response *response;
        const char *names[2] = {};
        int fds[2], x;
        size_t n = 0;

        x = sd_bus_message_enter_container(reply, 'a', "(sh)");
        while (x >= 0 && n < 2 && (x = sd_bus_message_read(reply, "(sh)", &names[n], &fds[n])) > 0)
                n++;
        if (x >= 0)
                x = http_files_response(names, fds, n, &response);
        if (x < 0)
                return x;
        (void) MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, 3600U);
        return reply_response(r, MHD_HTTP_OK, response);
}

int rest_image_export_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin_object(&c, r, OPERATION_OWNER_IMAGED, ".Image", "Export", "image", r->project, r->labels[0], NULL);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_export, error);
}
