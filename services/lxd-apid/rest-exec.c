/* SPDX-License-Identifier: Apache-2.0 */
/* Owns POST /1.0/instances/{name}/exec and /console: from the request to a session. */

#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"
#include "session.h"

enum {
        EXEC_INTERACTIVE = 1 << 0,
        EXEC_RECORD = 1 << 1,
        EXEC_NO_STDIO = 1 << 2,
        EXEC_HOLD = 1 << 3,
};

/* What has to be remembered of the request until the session begins. */
typedef struct ExecBody {
        Strv command;
        Config environment;
        uint64_t flags;
        bool websockets;
} ExecBody;

static void exec_body_free(void *p) {
        ExecBody *b = p;

        strv_free(b->command);
        config_done(&b->environment);
        free(b);
}

/* A session for these descriptors, and the answer with its operation. */
static int begin_session(Request *r, const SessionSpec *spec, sd_bus_error *error) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        Sessions *sessions = r->manager->sessions;
        _cleanup_free_ char *metadata = NULL;
        const char *id;
        int x;

        x = session_new(sessions, spec, &id, error);
        if (x >= 0)
                x = sessions_record(sessions, id, &record);
        if (x >= 0)
                x = sessions_metadata(sessions, id, true, &metadata);
        return x < 0 ? x : reply_operation(r, &record, metadata);
}

static int then_exec(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        const ExecBody *b = r->waiting;
        _cleanup_(config_done) Config environment = {};
        _cleanup_strv_free_ Strv logs = NULL;
        _cleanup_free_ int *fds = NULL;
        size_t n = 0, wanted = !b->websockets ? 1 : b->flags & EXEC_INTERACTIVE ? 2 : 4;
        int x;

        x = bus_read_fds(reply, &fds, &n);
        if (x >= 0)
                x = bus_read_strv(reply, &logs);
        if (x >= 0)
                x = bus_read_config(reply, &environment);
        if (x >= 0 && n != wanted)
                x = -EBADMSG;
        if (x < 0) {
                for (size_t i = 0; i < n; i++)
                        close_safe(fds[i]);
                return x;
        }
        return begin_session(r,
                             &(SessionSpec) { .kind = SESSION_EXEC, .project = r->project, .instance = r->labels[0],
                                              .who = request_requestor(r), .command = b->command, .environment = &environment,
                                              .interactive = b->flags & EXEC_INTERACTIVE, .websockets = b->websockets,
                                              .logs = logs, .fds = fds, .n_fds = n },
                             error);
}

static int read_flags(json_object *o, ExecBody *b, sd_bus_error *error) {
        bool record = false, interactive = false;
        int x;

        x = json_arg_bool(o, "wait-for-websocket", &b->websockets, error);
        if (x >= 0)
                x = json_arg_bool(o, "record-output", &record, error);
        if (x >= 0)
                x = json_arg_bool(o, "interactive", &interactive, error);
        if (x < 0)
                return x;
        if (b->websockets)
                b->flags = EXEC_HOLD | (interactive ? EXEC_INTERACTIVE : 0);
        else
                b->flags = record ? EXEC_RECORD : EXEC_NO_STDIO;
        return 0;
}

int rest_exec_post(Request *r, sd_bus_error *error) {
        int64_t uid = 0, gid = 0, width = 0, height = 0;
        const char *cwd = "";
        json_object *o = NULL;
        ExecBody *b;
        Call c;
        int x;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        r->waiting = b;
        r->free_waiting = exec_body_free;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_strv(o, "command", &b->command, error);
        if (x >= 0)
                x = json_arg_config(o, "environment", &b->environment, error);
        if (x >= 0)
                x = read_flags(o, b, error);
        if (x >= 0)
                x = json_arg_text(o, "cwd", &cwd, error);
        if (x >= 0)
                x = json_arg_int(o, "user", 0, UINT32_MAX - 1, &uid, error);
        if (x >= 0)
                x = json_arg_int(o, "group", 0, UINT32_MAX - 1, &gid, error);
        if (x >= 0)
                x = json_arg_int(o, "width", 0, UINT16_MAX, &width, error);
        if (x >= 0)
                x = json_arg_int(o, "height", 0, UINT16_MAX, &height, error);
        if (x < 0)
                return x;
        if (strv_length(b->command) == 0 || b->command[0][0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "No command given");

        call_begin_object(&c, r, OPERATION_OWNER_INSTANCED, ".Instance", "Exec", "instance", r->project, r->labels[0], NULL);
        call_strv(&c, b->command);
        call_config(&c, &b->environment);
        call_append(&c, "suuuu", cwd, (uint32_t) uid, (uint32_t) gid, (uint32_t) width, (uint32_t) height);
        return call_send_change(&c, b->flags, then_exec, error);
}

static int then_console(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        int fds[2] = { -EBADF, -EBADF }, x;

        x = bus_read_fd(reply, &fds[0]);
        if (x >= 0)
                x = bus_read_fd(reply, &fds[1]);
        if (x < 0) {
                close_safe(fds[0]);
                return x;
        }
        return begin_session(r,
                             &(SessionSpec) { .kind = SESSION_CONSOLE, .project = r->project, .instance = r->labels[0],
                                              .who = request_requestor(r), .interactive = true, .websockets = true, .fds = fds,
                                              .n_fds = 2 },
                             error);
}

int rest_console_post(Request *r, sd_bus_error *error) {
        int64_t width = 0, height = 0;
        const char *type = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "type", &type, error);
        if (x >= 0)
                x = json_arg_int(o, "width", 0, UINT16_MAX, &width, error);
        if (x >= 0)
                x = json_arg_int(o, "height", 0, UINT16_MAX, &height, error);
        if (x < 0)
                return x;
        if (streq(type, "vga"))
                return bus_error_set(error, LXD_ERROR_INVALID, "VGA console is only supported by virtual machines");
        if (type[0] && !streq(type, "console"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown console type \"%s\"", type);

        call_begin_object(&c, r, OPERATION_OWNER_INSTANCED, ".Instance", "Console", "instance", r->project, r->labels[0], NULL);
        call_append(&c, "uu", (uint32_t) width, (uint32_t) height);
        return call_send_change(&c, 0, then_console, error);
}
