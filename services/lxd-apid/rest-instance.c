/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/instances and /1.0/instances/{name}, without creation. */

#include "bus-error.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"
#include "rest-object.h"

static void instance_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_INSTANCED, ".Instance", member, "instance", r->project, r->labels[0], NULL);
}

int rest_instances_get(Request *r, sd_bus_error *error) {
        Call c;

        if (request_parameter_is_true(r, "all-projects") && request_parameter(r, "project"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Cannot specify a project when requesting all projects");
        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "ListInstances");
        call_append(&c, "ssust", r->project, r->type, request_recursion(r), strempty(request_parameter(r, "filter")),
                    (uint64_t) request_parameter_is_true(r, "all-projects"));
        return call_send(&c, then_document, error);
}

int rest_instance_get(Request *r, sd_bus_error *error) {
        Call c;

        instance_call(&c, r, "Describe");
        call_append(&c, "u", request_recursion(r));
        return call_send_document(&c, error);
}

/* PUT {"restore": "snap0"}. 1 = it was that, and is under way. */
static int instance_restore(Request *r, sd_bus_error *error) {
        const char *snapshot = "";
        bool stateful = false;
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "restore", &snapshot, error);
        if (x >= 0)
                x = json_arg_bool(o, "stateful", &stateful, error);
        if (x < 0 || snapshot[0] == '\0')
                return MIN(x, 0);

        instance_call(&c, r, "Restore");
        call_append(&c, "sb", snapshot, (int) stateful);
        x = call_send_change(&c, 0, then_operation, error);
        return x < 0 ? x : 1;
}

static int instance_update(Request *r, CallThen then, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        Call c;
        int x;

        x = update_body_read(r, UPDATE_DESCRIPTION | UPDATE_ARCHITECTURE | UPDATE_EPHEMERAL | UPDATE_CONFIG | UPDATE_DEVICES |
                                        UPDATE_PROFILES,
                             &b, error);
        if (x < 0)
                return x;

        instance_call(&c, r, "Update");
        call_append(&c, "ssb", b.architecture, b.description, (int) b.ephemeral);
        call_strv(&c, b.profiles);
        call_config(&c, &b.config);
        call_devices(&c, &b.devices);
        call_append(&c, "s", request_etag(r));
        return call_send_change(&c, b.flags, then, error);
}

int rest_instance_put(Request *r, sd_bus_error *error) {
        int x = instance_restore(r, error);

        return x != 0 ? MIN(x, 0) : instance_update(r, then_operation, error);
}

/* In LXD this is the one update that answers when it is done. */
int rest_instance_patch(Request *r, sd_bus_error *error) {
        return instance_update(r, then_finished, error);
}

int rest_instance_post(Request *r, sd_bus_error *error) {
        bool migration = false;
        json_object *o = NULL;
        const char *name, *pool = "", *project = "";
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_bool(o, "migration", &migration, error);
        if (x >= 0)
                x = json_arg_text(o, "pool", &pool, error);
        if (x >= 0)
                x = json_arg_text(o, "project", &project, error);
        if (x < 0)
                return x;
        if ((migration && !pool[0]) || (project[0] && !streq(project, r->project)))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Moving instances between servers or projects is not supported yet; "
                                     "copy the instance and delete the old one");
        x = body_name(r, &name, error);
        if (x < 0)
                return x;

        instance_call(&c, r, pool[0] ? "Move" : "Rename");
        call_append(&c, "s", name);
        if (pool[0])
                call_append(&c, "s", pool);
        return call_send_change(&c, 0, then_operation, error);
}

int rest_instance_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, instance_call, then_operation, error);
}

int rest_instance_state_get(Request *r, sd_bus_error *error) {
        return object_document(r, instance_call, "DescribeState", error);
}

enum {
        STATE_FORCE = 1 << 0,
        STATE_STATEFUL = 1 << 1,
};

/* The body of a change of state. */
typedef struct StateBody {
        const char *action; /* borrowed from the request */
        const char *member; /* of .Instance */
        bool timed;         /* takes timeout and force */
        int64_t timeout;
        bool force, stateful;
} StateBody;

static int read_state(json_object *o, StateBody *ret, sd_bus_error *error) {
        static const struct {
                const char *action, *member;
                bool timed;
        } actions[] = {
                { "start", "Start", false },     { "stop", "Stop", true },         { "restart", "Restart", true },
                { "freeze", "Freeze", false },   { "unfreeze", "Unfreeze", false },
        };
        StateBody b = { .action = "", .timeout = -1 };
        int x;

        x = json_arg_text(o, "action", &b.action, error);
        if (x >= 0)
                x = json_arg_int(o, "timeout", -1, INT32_MAX, &b.timeout, error);
        if (x >= 0)
                x = json_arg_bool(o, "force", &b.force, error);
        if (x >= 0)
                x = json_arg_bool(o, "stateful", &b.stateful, error);
        if (x < 0)
                return x;
        if (b.timeout == 0) /* not left out, but given as 0 */
                b.force = true;
        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (streq(b.action, actions[i].action)) {
                        b.member = actions[i].member;
                        b.timed = actions[i].timed;
                        *ret = b;
                        return 0;
                }
        return bus_error_set(error, LXD_ERROR_INVALID, "Unknown action: '%s'", b.action);
}

int rest_instance_state_put(Request *r, sd_bus_error *error) {
        json_object *o = NULL;
        StateBody b;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = read_state(o, &b, error);
        if (x < 0)
                return x;
        instance_call(&c, r, b.member);
        if (b.timed)
                call_append(&c, "i", (int32_t) b.timeout);
        return call_send_change(&c, (b.timed && b.force ? STATE_FORCE : 0) | (b.stateful ? STATE_STATEFUL : 0), then_operation,
                                error);
}

/* All instances of the project at once. */
int rest_instances_put(Request *r, sd_bus_error *error) {
        json_object *o = NULL, *state = NULL;
        StateBody b;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_object(o, "state", &state, error);
        if (x == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown action: ''");
        if (x >= 0)
                x = read_state(state, &b, error);
        if (x < 0)
                return x;
        if (b.stateful)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Saving the state of running instances is not supported");
        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "ChangeStates");
        call_append(&c, "sssi", r->project, r->type, b.action, (int32_t) b.timeout);
        return call_send_change(&c, b.timed && b.force, then_operation, error);
}

/* No backup was ever made, as POST says. But the instance has to be there. */
static int then_no_backups(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};

        json_array_begin(&w, NULL);
        json_array_end(&w);
        return reply_json(r, &w, NULL);
}

int rest_backups_get(Request *r, sd_bus_error *error) {
        Call c;

        instance_call(&c, r, "Describe");
        call_append(&c, "ut", (uint32_t) 0, (uint64_t) 0);
        return call_send(&c, then_no_backups, error);
}

static int then_no_backup(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Load backup from database: Instance backup not found");
}

int rest_backup_get(Request *r, sd_bus_error *error) {
        Call c;

        instance_call(&c, r, "Describe");
        call_append(&c, "ut", (uint32_t) 0, (uint64_t) 0);
        return call_send(&c, then_no_backup, error);
}

int rest_backups_post(Request *r, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Backups are not supported yet");
}
