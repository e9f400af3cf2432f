/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.instance1.Instance: life, configuration, snapshots, properties. Exec, console and logs are in bus-session.c. */
#include "bus-session.h"
#include "bus.h"
#include "lifecycle.h"
#include "move.h"
#include "remove.h"
#include "snapshot.h"
#include "state.h"
#include "update.h"

enum {
        FLAG_FORCE = 1 << 0,
        FLAG_STATEFUL = 1 << 1,
        FLAG_EXPIRES = 1 << 0,
        UPDATE_INSTANCE = UPDATE_MERGE | UPDATE_CONFIG | UPDATE_DEVICES | UPDATE_PROFILES | UPDATE_DESCRIPTION | UPDATE_EPHEMERAL |
                          UPDATE_ARCHITECTURE,
};

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint32_t recursion;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "u", &recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        return r < 0 ? r : state_reply_instance(userdata, recursion, m, error);
}

static int method_describe_state(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t flags;
        int r = bus_read_flags(m, 0, &flags, error);

        return r < 0 ? r : state_reply_state(userdata, m, error);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(update_request_done) UpdateRequest u = {};
        _cleanup_(requestor_done) Requestor who = {};
        const char *architecture, *description, *etag;
        int ephemeral, r;
        Job *j = NULL;

        r = sd_bus_message_read(m, "ssb", &architecture, &description, &ephemeral);
        if (r >= 0)
                r = bus_read_strv(m, &u.profiles);
        if (r >= 0)
                r = bus_read_config(m, &u.config);
        if (r >= 0)
                r = bus_read_devices(m, &u.devices);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &etag);
        if (r >= 0)
                r = bus_read_tail(m, &who, UPDATE_INSTANCE, &u.flags, error);
        if (r < 0)
                return r;
        u.ephemeral = ephemeral;
        if (str_replace(&u.architecture, architecture) < 0 || str_replace(&u.description, description) < 0)
                return -ENOMEM;
        r = instance_update(userdata, &u, etag, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int simple(sd_bus_message *m, Instance *i, int (*make)(Instance *i, const Requestor *who, Job **ret, sd_bus_error *error),
                  sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        Job *j = NULL;
        int r;

        r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = make(i, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return simple(m, userdata, instance_delete, error);
}

/* No instance has a saved state, since none is ever saved. */
static int refuse_stateful_change(const Instance *i, StateChange change, sd_bus_error *error) {
        bool running = instance_is_running(i);

        if (change == STATE_START)
                return bus_error_set(error, LXD_ERROR_INVALID, running ? "The instance is already running" : "Container has no existing state to restore");
        if (!running)
                return bus_error_set(error, LXD_ERROR_INVALID, "The instance is already stopped");
        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Saving the state of a running instance is not supported");
}

static int change_state(sd_bus_message *m, Instance *i, StateChange change, sd_bus_error *error) {
        bool timed = change == STATE_STOP || change == STATE_RESTART;
        _cleanup_(requestor_done) Requestor who = {};
        int timeout = -1, r = 0;
        uint64_t flags = 0;
        Job *j = NULL;

        if (timed)
                r = sd_bus_message_read(m, "i", &timeout);
        if (r >= 0)
                r = bus_read_tail(m, &who, FLAG_STATEFUL | (timed ? FLAG_FORCE : 0), &flags, error);
        if (r >= 0 && (flags & FLAG_STATEFUL) && (change == STATE_START || change == STATE_STOP))
                r = refuse_stateful_change(i, change, error);
        if (r >= 0)
                r = instance_change_state(i, change, timeout, flags & FLAG_FORCE, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_start(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_state(m, userdata, STATE_START, error);
}

static int method_stop(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_state(m, userdata, STATE_STOP, error);
}

static int method_restart(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_state(m, userdata, STATE_RESTART, error);
}

static int method_freeze(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_state(m, userdata, STATE_FREEZE, error);
}

static int method_unfreeze(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_state(m, userdata, STATE_UNFREEZE, error);
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        const char *name;
        Job *j = NULL;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = instance_rename(userdata, name, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_move(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        const char *name, *pool;
        Job *j = NULL;
        int r;

        r = sd_bus_message_read(m, "ss", &name, &pool);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = instance_move(userdata, name, pool, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_list_snapshots(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        Instance *i = userdata;
        uint32_t recursion;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "u", &recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        for (size_t k = 0; k < i->n_snapshots; k++) {
                _cleanup_free_ char *url = NULL;

                if (i->snapshots[k]->row != ROW_CREATED)
                        continue;
                if (recursion > 0)
                        snapshot_write_json(&w, NULL, i->snapshots[k]);
                else if (snapshot_url(i->snapshots[k], &url) >= 0)
                        json_string(&w, NULL, url);
        }
        json_array_end(&w);
        return bus_reply_writer(m, &w, NULL);
}

static int refuse_stateful_snapshot(const Instance *i, bool stateful, sd_bus_error *error) {
        if (!stateful)
                return 0;
        if (!instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID, "Unable to create a stateful snapshot. The instance isn't running");
        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                             "Stateful snapshots need CRIU, which this server does not support: leave the memory out (stateful=false)");
}

static int method_create_snapshot(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        uint64_t expires, flags;
        const char *name;
        int stateful, r;
        Job *j = NULL;

        r = sd_bus_message_read(m, "sbt", &name, &stateful, &expires);
        if (r >= 0)
                r = bus_read_tail(m, &who, FLAG_EXPIRES, &flags, error);
        if (r >= 0)
                r = refuse_stateful_snapshot(userdata, stateful, error);
        if (r >= 0)
                r = snapshot_create(userdata, name, flags & FLAG_EXPIRES ? expires : UINT64_MAX, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_restore(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        const char *name;
        int stateful, r;
        Job *j = NULL;

        r = sd_bus_message_read(m, "sb", &name, &stateful);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = stateful ? bus_error_set(error, LXD_ERROR_INVALID, "Stateful snapshot restore requested but snapshot is stateless") : 0;
        if (r >= 0)
                r = snapshot_restore(userdata, name, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error) {
        Instance *i = userdata;

        if (streq(property, "Type"))
                return sd_bus_message_append(reply, "s", "container");
        if (streq(property, "Status"))
                return sd_bus_message_append(reply, "s", instance_status_text(i->status));
        if (streq(property, "StatusCode"))
                return sd_bus_message_append(reply, "u", (uint32_t) i->status);
        if (streq(property, "Description"))
                return sd_bus_message_append(reply, "s", strempty(i->settings.description));
        if (streq(property, "Architecture"))
                return sd_bus_message_append(reply, "s", i->settings.architecture);
        if (streq(property, "Ephemeral"))
                return sd_bus_message_append(reply, "b", i->settings.ephemeral);
        if (streq(property, "Config"))
                return bus_append_config(reply, &i->settings.config);
        if (streq(property, "Devices"))
                return bus_append_devices(reply, &i->settings.devices);
        return sd_bus_message_append(reply, "u", (uint32_t) i->guest.init_pid); /* Pid */
}

static int property_get_profiles(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                                 void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t k = 0; k < i->n_profiles && r >= 0; k++)
                r = sd_bus_message_append(reply, "s", i->profiles[k]->name);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_get_unit(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                             void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *unit = NULL;
        int r = instance_unit(userdata, &unit);

        return r < 0 ? r : sd_bus_message_append(reply, "s", unit);
}

#define STOP_ARGS SD_BUS_ARGS("i", timeout, "(sss)", requestor, "t", flags)
#define PLAIN_ARGS SD_BUS_ARGS("(sss)", requestor, "t", flags)
#define OPERATION SD_BUS_RESULT("o", operation)
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable instance_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "t", NULL, offsetof(Instance, id), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Project", "s", NULL, offsetof(Instance, project), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", NULL, offsetof(Instance, name), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Type", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Status", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("StatusCode", "u", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Description", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Architecture", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Ephemeral", "b", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Profiles", "as", property_get_profiles, 0, CHANGES),
        SD_BUS_PROPERTY("Config", "a{ss}", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Devices", "a{sa{ss}}", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("CreatedAt", "t", NULL, offsetof(Instance, created_at), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("LastUsedAt", "t", NULL, offsetof(Instance, last_used_at), CHANGES),
        SD_BUS_PROPERTY("Unit", "s", property_get_unit, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Pid", "u", property_get, 0, CHANGES),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("u", recursion, "t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DescribeState", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document), method_describe_state,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", architecture, "s", description, "b", ephemeral, "as", profiles, "a{ss}", config, "a{sa{ss}}",
                                            devices, "s", etag, "(sss)", requestor, "t", flags),
                                OPERATION, method_update, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Start", PLAIN_ARGS, OPERATION, method_start, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Stop", STOP_ARGS, OPERATION, method_stop, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restart", STOP_ARGS, OPERATION, method_restart, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Freeze", PLAIN_ARGS, OPERATION, method_freeze, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unfreeze", PLAIN_ARGS, OPERATION, method_unfreeze, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Move", SD_BUS_ARGS("s", name, "s", pool, "(sss)", requestor, "t", flags), OPERATION, method_move,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), OPERATION, method_rename,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete", PLAIN_ARGS, OPERATION, method_delete, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Exec",
                                SD_BUS_ARGS("as", command, "a{ss}", environment, "s", cwd, "u", uid, "u", gid, "u", width, "u", height, "(sss)",
                                            requestor, "t", flags),
                                SD_BUS_RESULT("ah", fds, "as", logs, "a{ss}", environment), method_exec, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Console", SD_BUS_ARGS("u", width, "u", height, "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("h", pty, "h", control), method_console, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenConsoleLog", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", log), method_open_console_log,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ClearConsoleLog", PLAIN_ARGS, SD_BUS_NO_RESULT, method_clear_console_log, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListLogs", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document), method_list_logs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenLog", SD_BUS_ARGS("s", name, "t", flags), SD_BUS_RESULT("h", log), method_open_log,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DeleteLog", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete_log,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListSnapshots", SD_BUS_ARGS("u", recursion, "t", flags), SD_BUS_RESULT("h", document), method_list_snapshots,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateSnapshot", SD_BUS_ARGS("s", name, "b", stateful, "t", expires, "(sss)", requestor, "t", flags), OPERATION,
                                method_create_snapshot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_ARGS("s", snapshot, "b", stateful, "(sss)", requestor, "t", flags), OPERATION, method_restore,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DescribeMetadata", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe_metadata,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};
