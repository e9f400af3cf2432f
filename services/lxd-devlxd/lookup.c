/* SPDX-License-Identifier: Apache-2.0 */
/* Asking lxd-instanced about the guest that calls. */
#include "lookup.h"

#include "bus-error.h"
#include "bus-message.h"
#include "log.h"

#define INSTANCE_ROOT "/org/lxd/instance1"

struct Lookup {
        Manager *manager;
        Caller caller;
        Guest guest;
        lookup_done_t done; /* NULL: cancelled */
        void *userdata;
};

static void lookup_free(Lookup *l) {
        guest_done(&l->guest);
        free(l);
}

void lookup_cancel(Lookup *l) {
        if (l)
                l->done = NULL; /* the answer of the bus frees it */
}

static void lookup_end(Lookup *l, unsigned status, const char *text) {
        if (l->done)
                l->done(status == 200 ? &l->guest : NULL, status, text, l->userdata);
        lookup_free(l);
}

static void lookup_fail(Lookup *l, const sd_bus_error *e, int r) {
        log_debug("Guest %" PRIu64 ": %s", l->caller.guest, e && e->message ? e->message : strerror(-r));
        if (e && sd_bus_error_has_name(e, LXD_ERROR_NOT_FOUND))
                lookup_end(l, 500, "pid not in container?"); /* the unit is there, its record is gone */
        else
                lookup_end(l, 503, "the instance service is not available, try again");
}

/* The guest's own root is the only one that may ask; root of a namespace somebody made inside is not it. */
static void on_pid(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        Lookup *l = userdata;
        uint32_t pid;
        uid_t root;
        int r;

        r = e ? -sd_bus_error_get_errno(e) : sd_bus_message_read(m, "v", "u", &pid);
        if (e || r < 0) {
                lookup_fail(l, e, r);
                return;
        }
        r = pid == 0 ? -ESRCH : l->manager->root_uid((pid_t) pid, &root);
        if (r < 0)
                lookup_end(l, 503, "the instance is starting or stopping, try again");
        else if (root != l->caller.uid)
                lookup_end(l, 401, "Access denied for non-root user");
        else
                lookup_end(l, 200, NULL);
}

static int ask_pid(Lookup *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_encode(&path, INSTANCE_ROOT "/instance", l->guest.project, l->guest.name, NULL);
        if (r >= 0)
                r = bus_peer_message(l->manager->instanced, &call, path, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", LXD_BUS_PREFIX ".instance1.Instance", "Pid");
        return r < 0 ? r : bus_peer_call(l->manager->instanced, call, on_pid, l);
}

static int read_guest(sd_bus_message *m, Guest *g) {
        const char *project, *name, *uuid;
        int r;

        r = sd_bus_message_read(m, "sss", &project, &name, &uuid);
        if (r >= 0)
                r = bus_read_config(m, &g->config);
        if (r >= 0)
                r = bus_read_devices(m, &g->devices);
        if (r >= 0)
                r = str_replace(&g->project, project);
        if (r >= 0)
                r = str_replace(&g->name, name);
        if (r >= 0)
                r = str_replace(&g->uuid, uuid);
        g->type = "container";
        return r;
}

static void on_guest(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        Lookup *l = userdata;
        const char *enabled;
        int r;

        r = e ? -sd_bus_error_get_errno(e) : read_guest(m, &l->guest);
        if (e || r < 0) {
                lookup_fail(l, e, r);
                return;
        }
        enabled = config_get(&l->guest.config, "security.devlxd");
        if (!isempty(enabled) && !str_is_true(enabled)) {
                lookup_end(l, 403, "not authorized");
                return;
        }
        r = ask_pid(l);
        if (r < 0)
                lookup_fail(l, NULL, r);
}

int lookup_start(Manager *m, const Caller *caller, lookup_done_t done, void *userdata, Lookup **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Lookup *l;
        int r;

        r = bus_peer_message(m->instanced, &call, INSTANCE_ROOT, LXD_BUS_PREFIX ".instance1.Guest", "GetGuest");
        if (r >= 0)
                r = sd_bus_message_append(call, "tt", caller->guest, UINT64_C(0));
        if (r < 0)
                return r;
        l = calloc(1, sizeof(Lookup));
        if (!l)
                return -ENOMEM;
        *l = (Lookup) { .manager = m, .caller = *caller, .done = done, .userdata = userdata };
        r = bus_peer_call(m->instanced, call, on_guest, l);
        if (r < 0) {
                lookup_free(l);
                return r;
        }
        *ret = l;
        return 0;
}
