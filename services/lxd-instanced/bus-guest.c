/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.instance1.Guest, for runners and lxd-devlxd, and .References, for the other daemons. Internal both. */
#include "bus.h"
#include "device-config.h"
#include "guest.h"
#include "volume-rename.h"

static int read_guest(sd_bus_message *m, Manager *manager, Instance **ret, sd_bus_error *error) {
        uint64_t id;
        int r;

        r = sd_bus_message_read(m, "t", &id);
        if (r < 0)
                return r;
        *ret = instance_find_id(manager, id);
        return *ret ? 0 : bus_error_set(error, LXD_ERROR_NOT_FOUND, "There is no instance with id %" PRIu64, id);
}

static int method_prepare_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t flags;
        Instance *i;
        int r;

        r = bus_require_root(m, error);
        if (r >= 0)
                r = read_guest(m, userdata, &i, error);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        return r < 0 ? r : guest_prepare(i, m, error);
}

static int method_connect_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t flags;
        Instance *i;
        int netns, r;
        Job *j;

        r = bus_require_root(m, error);
        if (r >= 0)
                r = read_guest(m, userdata, &i, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "h", &netns);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = guest_connect(i, netns, &j);
        return r < 0 ? r : job_start_reply_done(j, m);
}

static int method_guest_started(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t flags;
        uint32_t pid;
        Instance *i;
        Job *j;
        int r;

        r = bus_require_root(m, error);
        if (r >= 0)
                r = read_guest(m, userdata, &i, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "u", &pid);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        if (pid == 0 || pid > INT32_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid pid %u", pid);
        r = guest_started(i, (pid_t) pid, &j);
        return r < 0 ? r : job_start_reply_done(j, m);
}

static int method_guest_stopped(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *reason;
        uint64_t flags, id;
        Instance *i;
        Job *j;
        int r;

        r = bus_require_root(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ts", &id, &reason);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        i = instance_find_id(userdata, id);
        if (!i)
                return sd_bus_reply_method_return(m, NULL); /* deleted meanwhile: nothing is left to undo */
        if (guest_is_ending(i))
                return guest_reply_ended(i, m); /* a daemon that has just started saw it before it was told */
        r = guest_stopped(i, reason, &j, error);
        return r < 0 ? r : job_start_reply_done(j, m);
}

static int method_get_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_config_view_ Config config = {};
        _cleanup_devices_view_ Devices devices = {};
        uint64_t flags;
        Instance *i;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = read_guest(m, userdata, &i, error);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = instance_expand_config(i, &config);
        if (r >= 0)
                r = instance_expand_devices(i, &devices);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "sss", i->project, i->name, config_get_or(&i->settings.config, "volatile.uuid", ""));
        if (r >= 0)
                r = bus_append_config(reply, &config);
        if (r >= 0)
                r = bus_append_devices(reply, &devices);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* ---- references ---- */

typedef struct Reference {
        char *key, *url;
} Reference;

typedef struct References {
        Reference *items;
        size_t n;
} References;

static void references_done(References *l) {
        for (size_t k = 0; k < l->n; k++) {
                free(l->items[k].key);
                free(l->items[k].url);
        }
        free(l->items);
}

static int references_add(References *l, const char *key, const char *url) {
        Reference *grown;

        for (size_t k = l->n; k > 0 && streq(l->items[k - 1].url, url); k--)
                if (streq(l->items[k - 1].key, key))
                        return 0; /* two devices of one object */
        grown = reallocarray(l->items, l->n + 1, sizeof(Reference));
        if (!grown)
                return -ENOMEM;
        l->items = grown;
        l->items[l->n] = (Reference) { strdup(key), strdup(url) };
        return l->items[l->n].key && l->items[l->n++].url ? 0 : -ENOMEM;
}

static int device_reference(References *l, const char *kind, const char *project, const Config *c, const char *url) {
        if (streq(kind, "network")) {
                const char *name = config_get(c, "network");

                if (isempty(name))
                        name = config_get(c, "parent"); /* nictype and parent: a managed bridge may be named that way, too */

                return device_kind(c) == DEVICE_NIC && !isempty(name) ? references_add(l, name, url) : 0;
        }
        if (device_kind(c) != DEVICE_DISK || isempty(config_get(c, "pool")))
                return 0;
        if (streq(kind, "pool"))
                return references_add(l, config_get(c, "pool"), url);
        if (device_is_custom_volume(c)) {
                _cleanup_free_ char *key = NULL;
                int r = str_format(&key, "%s/%s/%s", config_get(c, "pool"), project, config_get(c, "source"));

                return r < 0 ? r : references_add(l, key, url);
        }
        return 0;
}

static int collect_references(Manager *m, const char *kind, References *l) {
        int r = 0;

        for (size_t k = 0; k < m->n_instances && r >= 0; k++) {
                _cleanup_devices_view_ Devices devices = {};
                _cleanup_free_ char *url = NULL;

                r = instance_url(m->instances[k], &url);
                if (r >= 0)
                        r = instance_expand_devices(m->instances[k], &devices);
                DEVICES_FOREACH(d, &devices)
                        if (r >= 0)
                                r = device_reference(l, kind, m->instances[k]->project, &d->config, url);
                if (r >= 0 && streq(kind, "pool") && !isempty(m->instances[k]->pool))
                        r = references_add(l, m->instances[k]->pool, url);
        }
        for (size_t k = 0; k < m->n_profiles && r >= 0; k++) {
                _cleanup_free_ char *url = NULL;

                r = profile_url(m->profiles[k], &url);
                DEVICES_FOREACH(d, &m->profiles[k]->devices)
                        if (r >= 0)
                                r = device_reference(l, kind, m->profiles[k]->project, &d->config, url);
        }
        return r;
}

static int compare_references(const void *a, const void *b) {
        const Reference *x = a, *y = b;

        return strcmp(x->key, y->key) ?: strcmp(x->url, y->url);
}

static int append_references(sd_bus_message *m, References *l) {
        int r;

        SORT(l->items, l->n, compare_references);
        r = sd_bus_message_open_container(m, 'a', "{sas}");
        for (size_t k = 0; k < l->n && r >= 0;) {
                const char *key = l->items[k].key;

                r = sd_bus_message_open_container(m, 'e', "sas");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", key);
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'a', "s");
                for (; k < l->n && r >= 0 && streq(l->items[k].key, key); k++)
                        r = sd_bus_message_append(m, "s", l->items[k].url);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int method_get_used_by(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(references_done) References l = {};
        const char *kind;
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &kind);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        if (!streq(kind, "network") && !streq(kind, "pool") && !streq(kind, "volume"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown kind of reference \"%s\"", kind);
        r = collect_references(userdata, kind, &l);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = append_references(reply, &l);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_rename_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        VolumeName from, to;
        const char *project;
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "sssss", &from.pool, &project, &from.name, &to.pool, &to.name);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = references_rename_volume(userdata, project, &from, &to, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

const sd_bus_vtable guest_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("PrepareGuest", SD_BUS_ARGS("t", id, "t", flags),
                                SD_BUS_RESULT("s", name, "a(ss)", lxc_config, "a{ss}", options), method_prepare_guest, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ConnectGuest", SD_BUS_ARGS("t", id, "h", netns, "t", flags), SD_BUS_NO_RESULT,
                                method_connect_guest, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GuestStarted", SD_BUS_ARGS("t", id, "u", init_pid, "t", flags), SD_BUS_NO_RESULT,
                                method_guest_started, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GuestStopped", SD_BUS_ARGS("t", id, "s", reason, "t", flags), SD_BUS_NO_RESULT, method_guest_stopped,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetGuest", SD_BUS_ARGS("t", id, "t", flags),
                                SD_BUS_RESULT("s", project, "s", name, "s", uuid, "a{ss}", config, "a{sa{ss}}", devices), method_get_guest,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("GuestConfigChanged", SD_BUS_ARGS("t", id, "a{ss}", old, "a{ss}", new), 0),
        SD_BUS_VTABLE_END
};

const sd_bus_vtable references_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetUsedBy", SD_BUS_ARGS("s", kind, "t", flags), SD_BUS_RESULT("a{sas}", used_by), method_get_used_by,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RenameVolume", SD_BUS_ARGS("s", pool, "s", project, "s", name, "s", new_pool, "s", new_name, "t", flags), SD_BUS_NO_RESULT,
                                method_rename_volume, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};
