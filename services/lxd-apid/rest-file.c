/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/instances/{name}/files. */

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "body-stream.h"
#include "bus-error.h"
#include "call.h"
#include "reply.h"
#include "rest.h"

#define TRANSFER_SEC 3600U

static void files_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_INSTANCED, ".Files", member, "instance", r->project, r->labels[0], NULL);
}

static int file_path(Request *r, const char **ret, sd_bus_error *error) {
        const char *path = request_parameter(r, "path");

        if (isempty(path))
                return bus_error_set(error, LXD_ERROR_INVALID, "Missing path argument");
        *ret = path;
        return 0;
}

static void add_number(struct MHD_Response *response, const char *header, unsigned value) {
        char text[32];

        (void) snprintf(text, sizeof(text), "%u", value);
        (void) MHD_add_response_header(response, header, text);
}

/* In the form Go prints times. */
static void add_modified(struct MHD_Response *response, uint64_t usec) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;
        char text[64];

        if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000 UTC", &tm) > 0)
                (void) MHD_add_response_header(response, "X-LXD-modified", text);
}

static int then_file(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        bool head = streq(r->method, "HEAD");
        struct MHD_Response *response = NULL;
        const char *type, *path = NULL, *base;
        uint32_t uid, gid, mode;
        uint64_t modified;
        char octal[16];
        int fd, x;

        x = sd_bus_message_read(reply, "suuuth", &type, &uid, &gid, &mode, &modified, &fd);
        if (x >= 0)
                x = file_path(r, &path, error);
        if (x >= 0 && head)
                response = response_from_text("", 0, "application/json");
        else if (x >= 0)
                x = response_from_file(fd, streq(type, "directory") ? "application/json" : "application/octet-stream", &response);
        if (x < 0)
                return x;
        if (!response)
                return -ENOMEM;

        add_number(response, "X-LXD-uid", uid);
        add_number(response, "X-LXD-gid", gid);
        (void) snprintf(octal, sizeof(octal), "%04o", (unsigned) (mode & 07777));
        (void) MHD_add_response_header(response, "X-LXD-mode", octal);
        (void) MHD_add_response_header(response, "X-LXD-type", type);
        add_modified(response, modified);
        if (!streq(type, "directory")) {
                _cleanup_free_ char *disposition = NULL;

                base = strrchr(path, '/');
                if (!head && str_format(&disposition, "inline;filename=%s", base ? base + 1 : path) >= 0)
                        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
        }
        if (r->connection)
                (void) MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, TRANSFER_SEC);
        return reply_response(r, MHD_HTTP_OK, response);
}

int rest_files_get(Request *r, sd_bus_error *error) {
        const char *path = NULL;
        Call c;
        int x;

        x = file_path(r, &path, error);
        if (x < 0)
                return x;
        files_call(&c, r, "Get");
        call_append(&c, "st", path, (uint64_t) 0);
        return call_send(&c, then_file, error);
}

/* X-LXD-uid and -gid; missing is -1. */
static int read_id(Request *r, const char *header, int32_t *ret, sd_bus_error *error) {
        const char *text = request_header(r, header);
        int64_t value;

        *ret = -1;
        if (isempty(text))
                return 0;
        if (parse_i64(text, &value) < 0 || value < -1 || value > INT32_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "Header %s is not an id: \"%.100s\"", header, text);
        *ret = (int32_t) value;
        return 0;
}

static int read_mode(Request *r, int32_t *ret, sd_bus_error *error) {
        const char *text = request_header(r, "X-LXD-mode");
        unsigned mode;

        *ret = -1;
        if (isempty(text))
                return 0;
        /* Some clients write 0o644. */
        if (parse_mode(startswith(text, "0o") ?: text, &mode) < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Header X-LXD-mode is not an octal mode: \"%.100s\"", text);
        *ret = (int32_t) mode;
        return 0;
}

int rest_files_post(Request *r, sd_bus_error *error) {
        const char *path = NULL, *type = request_header(r, "X-LXD-type"), *write = request_header(r, "X-LXD-write");
        _cleanup_close_ int fd = -EBADF;
        int32_t uid, gid, mode;
        Call c;
        int x;

        type = isempty(type) ? "file" : type;
        write = isempty(write) ? "overwrite" : write;
        if (!streq(type, "file") && !streq(type, "directory") && !streq(type, "symlink"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file type: %.100s", type);
        if (!streq(write, "overwrite") && !streq(write, "append"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file write mode: %.100s", write);
        x = file_path(r, &path, error);
        if (x >= 0)
                x = read_id(r, "X-LXD-uid", &uid, error);
        if (x >= 0)
                x = read_id(r, "X-LXD-gid", &gid, error);
        if (x >= 0)
                x = read_mode(r, &mode, error);
        if (x >= 0)
                x = body_stream_new(r, &fd);
        if (x < 0)
                return x;

        files_call(&c, r, "Put");
        call_append(&c, "ssiiish", path, type, uid, gid, mode, write, fd);
        return call_send_change(&c, 0, then_empty, error);
}

int rest_files_delete(Request *r, sd_bus_error *error) {
        const char *path = NULL;
        Call c;
        int x;

        x = file_path(r, &path, error);
        if (x < 0)
                return x;
        files_call(&c, r, "Delete");
        call_append(&c, "s", path);
        return call_send_change(&c, 0, then_empty, error);
}
