/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/images without the transfer of image files (rest-image-file.c) and the aliases. */

#include "base/file.h"
#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "rest.h"
#include "update-body.h"

static void image_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_IMAGED, ".Image", member, "image", r->project, r->labels[0], NULL);
}

int rest_images_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_IMAGED, ".Manager", "ListImages");
        call_append(&c, "sust", r->project, request_recursion(r), strempty(request_parameter(r, "filter")),
                    (uint64_t) request_parameter_is_true(r, "public"));
        return call_send(&c, then_document, error);
}

int rest_image_get(Request *r, sd_bus_error *error) {
        Call c;

        image_call(&c, r, "Describe");
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_document, error);
}

static int image_update(Request *r, sd_bus_error *error) {
        uint64_t expires = 0, flags = streq(r->method, "PATCH") ? UPDATE_MERGE
                                                                : UPDATE_PUBLIC | UPDATE_AUTO_UPDATE | UPDATE_CONFIG |
                                                                          UPDATE_PROFILES | UPDATE_EXPIRY;
        _cleanup_(config_done) Config properties = {};
        _cleanup_strv_free_ Strv profiles = NULL;
        bool public = false, auto_update = false;
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0 && (x = json_arg_bool(o, "public", &public, error)) > 0)
                flags |= UPDATE_PUBLIC;
        if (x >= 0 && (x = json_arg_bool(o, "auto_update", &auto_update, error)) > 0)
                flags |= UPDATE_AUTO_UPDATE;
        if (x >= 0 && (x = json_arg_config(o, "properties", &properties, error)) > 0)
                flags |= UPDATE_CONFIG;
        if (x >= 0 && (x = json_arg_strv(o, "profiles", &profiles, error)) > 0)
                flags |= UPDATE_PROFILES;
        if (x >= 0 && (x = json_arg_time(o, "expires_at", &expires, error)) > 0)
                flags |= UPDATE_EXPIRY;
        if (x < 0)
                return x;
        /* LXD resets neither the profiles nor the expiry of an image when PUT leaves them out. */
        if (!json_arg_is_given(o, "profiles"))
                flags &= ~(uint64_t) UPDATE_PROFILES;
        if (!json_arg_is_given(o, "expires_at"))
                flags &= ~(uint64_t) UPDATE_EXPIRY;

        image_call(&c, r, "Update");
        call_append(&c, "bb", (int) public, (int) auto_update);
        call_config(&c, &properties);
        call_strv(&c, profiles);
        call_append(&c, "ts", expires, request_etag(r));
        call_requestor(&c);
        call_append(&c, "t", flags);
        return call_send(&c, then_empty, error);
}

/* lxd-instanced has the profiles: each that is named must be in its list. */
static int then_profiles(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_strv_free_ Strv profiles = NULL;
        _cleanup_free_ char *list = NULL;
        json_object *o = NULL;
        size_t n;
        int fd, x;

        x = sd_bus_message_read(reply, "h", &fd);
        if (x >= 0)
                x = fd_read_all(fd, (size_t) 64 << 20, &list, &n);
        if (x >= 0)
                x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_strv(o, "profiles", &profiles, error);
        if (x < 0)
                return x;
        STRV_FOREACH(name, profiles) {
                _cleanup_free_ char *encoded = NULL, *plain = NULL, *of_project = NULL;

                if (url_encode(*name, &encoded) < 0 || str_format(&plain, "\"/1.0/profiles/%s\"", encoded) < 0 ||
                    str_format(&of_project, "\"/1.0/profiles/%s?", encoded) < 0)
                        return -ENOMEM;
                if (!strstr(list, plain) && !strstr(list, of_project))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Profile '%s' doesn't exist", *name);
        }
        return image_update(r, error);
}

int rest_image_put(Request *r, sd_bus_error *error) {
        _cleanup_strv_free_ Strv profiles = NULL;
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_strv(o, "profiles", &profiles, error);
        if (x < 0)
                return x;
        if (strv_length(profiles) == 0)
                return image_update(r, error);

        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "ListProfiles");
        call_append(&c, "sut", r->project, (uint32_t) 0, (uint64_t) 0);
        return call_send(&c, then_profiles, error);
}

int rest_image_patch(Request *r, sd_bus_error *error) {
        return rest_image_put(r, error);
}

int rest_image_delete(Request *r, sd_bus_error *error) {
        Call c;

        image_call(&c, r, "Delete");
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_operation, error);
}

int rest_image_secret_post(Request *r, sd_bus_error *error) {
        Call c;

        image_call(&c, r, "CreateSecret");
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_operation, error);
}

int rest_image_refresh_post(Request *r, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Refreshing images from their server is not supported yet");
}
