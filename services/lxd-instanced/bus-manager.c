/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.instance1.Manager: lists, creation, boot and shutdown. */
#include "autostart.h"
#include "base/clock.h"
#include "bulk.h"
#include "bus.h"
#include "create.h"
#include "profile-networks.h"
#include "snapshot.h"
#include "state.h"

enum {
        LIST_ALL_PROJECTS = 1 << 0,
        CREATE_DEFAULT_PROFILES = 1 << 0,
        CHANGE_FORCE = 1 << 0,
};

static int method_list_instances(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *project, *type, *filter;
        uint64_t flags;
        uint32_t recursion;
        int r;

        r = sd_bus_message_read(m, "ssus", &project, &type, &recursion, &filter);
        if (r >= 0)
                r = bus_read_flags(m, LIST_ALL_PROJECTS, &flags, error);
        if (r < 0)
                return r;
        return state_reply_list(userdata, project, flags & LIST_ALL_PROJECTS, type, recursion, filter, m, error);
}

static int read_create(sd_bus_message *m, CreateRequest *c) {
        const char *project, *name, *type, *architecture, *description;
        int ephemeral, r;

        r = sd_bus_message_read(m, "sssssb", &project, &name, &type, &architecture, &description, &ephemeral);
        if (r >= 0)
                r = bus_read_strv(m, &c->profiles);
        if (r >= 0)
                r = bus_read_config(m, &c->config);
        if (r >= 0)
                r = bus_read_devices(m, &c->devices);
        if (r >= 0)
                r = bus_read_config(m, &c->source);
        if (r < 0)
                return r;

        c->ephemeral = ephemeral;
        if (str_replace(&c->project, project) < 0 || str_replace(&c->name, name) < 0 || str_replace(&c->type, type) < 0 ||
            str_replace(&c->architecture, architecture) < 0 || str_replace(&c->description, description) < 0)
                return -ENOMEM;
        return 0;
}

static int method_create_instance(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* What had the name is gone: the request as if it came now. */
static void on_leftover_removed(Job *j) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = j->data;
        int r;

        r = sd_bus_message_rewind(m, true);
        if (r >= 0)
                r = method_create_instance(m, j->manager, &error);
        if (r < 0) {
                (void) bus_error_ensure(&error, r);
                (void) sd_bus_reply_method_error(m, &error);
        }
}

static void free_message(void *p) {
        sd_bus_message_unref(p);
}

/* A job without steps in the queue behind the one that removes the leftover. */
static int create_after(Instance *leftover, sd_bus_message *m) {
        static const JobStep none[] = { {} };
        Job *j;
        int r;

        r = job_new(leftover->manager, leftover, "create", JOB_DATA, none, NULL, &j);
        if (r < 0)
                return r;
        j->data = sd_bus_message_ref(m);
        j->free_data = free_message;
        j->done = on_leftover_removed;
        job_start(j);
        return 1;
}

static int method_create_instance(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(create_request_done) CreateRequest c = {};
        _cleanup_(requestor_done) Requestor who = {};
        Instance *same;
        uint64_t flags;
        Job *j;
        int r;

        r = read_create(m, &c);
        if (r >= 0)
                r = bus_read_tail(m, &who, CREATE_DEFAULT_PROFILES, &flags, error);
        if (r < 0)
                return r;
        c.default_profiles = flags & CREATE_DEFAULT_PROFILES;
        same = instance_find(userdata, c.project, strempty(c.name));
        if (same && same->leftover && same->data_job)
                return create_after(same, m);
        r = instance_create(userdata, &c, &who, &j, error);
        if (r < 0)
                return r;

        j->request = sd_bus_message_ref(m);
        job_start(j);
        return 1;
}

static int method_list_profiles(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        Manager *manager = userdata;
        const char *project;
        uint32_t recursion;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "su", &project, &recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;

        json_document_begin(&w);
        json_array_begin(&w, NULL);
        for (size_t k = 0; k < manager->n_profiles; k++) {
                _cleanup_free_ char *url = NULL;
                Profile *p = manager->profiles[k];

                if (!streq(p->project, project))
                        continue;
                if (recursion > 0)
                        profile_write_json(&w, manager, p);
                else if (profile_url(p, &url) >= 0)
                        json_string(&w, NULL, url);
        }
        json_array_end(&w);
        return bus_reply_writer(m, &w, NULL);
}

static int apply_create_profile(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(config_done) Config config = {};
        _cleanup_(devices_done) Devices devices = {};
        const char *project, *name, *description;
        int r;

        r = sd_bus_message_read(m, "sss", &project, &name, &description);
        if (r >= 0)
                r = bus_read_config(m, &config);
        if (r >= 0)
                r = bus_read_devices(m, &devices);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r < 0)
                return r;
        if (!object_name_is_valid(project))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid project name \"%s\"", project);
        r = profile_create(userdata, project, name, description, &config, &devices, &who, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_create_profile(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(devices_done) Devices devices = {};
        const char *project;
        int r;

        r = sd_bus_message_read(m, "s", &project);
        if (r >= 0)
                r = sd_bus_message_skip(m, "ssa{ss}");
        if (r >= 0)
                r = bus_read_devices(m, &devices);
        return r < 0 ? r : profile_check_networks(userdata, project, NULL, &devices, m, apply_create_profile, error);
}

static int method_change_states(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *project, *type, *action;
        _cleanup_(requestor_done) Requestor who = {};
        StateChange change;
        uint64_t flags;
        Job *j = NULL;
        int timeout, r;

        r = sd_bus_message_read(m, "sssi", &project, &type, &action, &timeout);
        if (r >= 0)
                r = bus_read_tail(m, &who, CHANGE_FORCE, &flags, error);
        if (r < 0)
                return r;
        change = state_change_from_text(action);
        if (change < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown action: '%s'", action);
        r = bulk_change_state(userdata, project, type, change, timeout, flags & CHANGE_FORCE, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_stop_all(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        Job *j = NULL;
        int r;

        r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = autostart_stop_all(userdata, &who, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_start_autostart(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t flags;
        Job *j = NULL;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = autostart_start_all(userdata, NULL, &j, error);
        return bus_reply_job(m, r, j);
}

static int method_expire_snapshots(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t flags;
        Job *j = NULL;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = snapshots_expire(userdata, now_realtime(), NULL, &j, error);
        return bus_reply_job(m, r, j);
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ListInstances", SD_BUS_ARGS("s", project, "s", type, "u", recursion, "s", filter, "t", flags),
                                SD_BUS_RESULT("h", document), method_list_instances, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateInstance",
                                SD_BUS_ARGS("s", project, "s", name, "s", type, "s", architecture, "s", description, "b", ephemeral, "as", profiles,
                                            "a{ss}", config, "a{sa{ss}}", devices, "a{ss}", source, "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("o", operation, "s", name), method_create_instance, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListProfiles", SD_BUS_ARGS("s", project, "u", recursion, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_profiles, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateProfile",
                                SD_BUS_ARGS("s", project, "s", name, "s", description, "a{ss}", config, "a{sa{ss}}", devices, "(sss)", requestor,
                                            "t", flags),
                                SD_BUS_NO_RESULT, method_create_profile, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ChangeStates",
                                SD_BUS_ARGS("s", project, "s", type, "s", action, "i", timeout, "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("o", operation), method_change_states, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("StopAll", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_RESULT("o", operation), method_stop_all,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("StartAutostart", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("o", operation), method_start_autostart,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ExpireSnapshots", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("o", operation), method_expire_snapshots,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};
