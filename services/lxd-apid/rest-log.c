/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/instances/{name}/logs and the log of the console. */

#include "bus-error.h"
#include "reply.h"
#include "rest.h"
#include "rest-object.h"

static void instance_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_INSTANCED, ".Instance", member, "instance", r->project, r->labels[0], NULL);
}

static int check_name(const char *name, sd_bus_error *error) {
        if (strchr(name, '/') || startswith(name, "."))
                return bus_error_set(error, LXD_ERROR_INVALID, "log file name %s not valid", name);
        return 0;
}

static int then_raw(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        struct MHD_Response *response;
        int fd, x;

        x = sd_bus_message_read(reply, "h", &fd);
        if (x >= 0)
                x = response_from_file(fd, "application/octet-stream", &response);
        return x < 0 ? x : reply_response(r, MHD_HTTP_OK, response);
}

/* The log of the console has no name. */
static int then_log(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_free_ char *disposition = NULL;
        int x = then_raw(r, reply, error);

        if (x >= 0 && str_format(&disposition, "inline;filename=%s", strempty(r->labels[1])) >= 0)
                (void) MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
        return x;
}

int rest_logs_get(Request *r, sd_bus_error *error) {
        return object_document(r, instance_call, "ListLogs", error);
}

int rest_log_get(Request *r, sd_bus_error *error) {
        Call c;
        int x = check_name(r->labels[1], error);

        if (x < 0)
                return x;
        instance_call(&c, r, "OpenLog");
        call_append(&c, "st", r->labels[1], (uint64_t) 0);
        return call_send(&c, then_log, error);
}

int rest_log_delete(Request *r, sd_bus_error *error) {
        Call c;
        int x = check_name(r->labels[1], error);

        if (x < 0)
                return x;
        instance_call(&c, r, "DeleteLog");
        call_append(&c, "s", r->labels[1]);
        return call_send_change(&c, 0, then_empty, error);
}

int rest_console_get(Request *r, sd_bus_error *error) {
        Call c;

        instance_call(&c, r, "OpenConsoleLog");
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_log, error);
}

int rest_console_delete(Request *r, sd_bus_error *error) {
        Call c;

        instance_call(&c, r, "ClearConsoleLog");
        return call_send_change(&c, 0, then_empty, error);
}
