/* SPDX-License-Identifier: Apache-2.0 */
/* The instance: its record in memory, its place in the tables, its names, its state. */
#include "instance.h"

#include <stdarg.h>

#include "bus-error.h"
#include "db-records.h"
#include "life-event.h"
#include "live.h"
#include "log.h"
#include "manager.h"

Instance *instance_new(Manager *m, const char *project, const char *name) {
        _cleanup_(instance_freep) Instance *i = calloc(1, sizeof(Instance));

        if (!i)
                return NULL;
        *i = (Instance) { .manager = m, .status = INSTANCE_STOPPED, .row = ROW_CREATED };
        if (str_replace(&i->project, project) < 0 || str_replace(&i->name, name) < 0)
                return NULL;
        return TAKE_PTR(i);
}

Instance *instance_free(Instance *i) {
        if (!i)
                return NULL;

        while (i->n_snapshots > 0)
                snapshot_remove(i->snapshots[i->n_snapshots - 1]);
        free(i->snapshots);
        settings_done(&i->settings);
        guest_state_done(&i->guest);
        live_state_free(i->live);
        free(i->profiles);
        free(i->project);
        free(i->name);
        free(i->pool);
        free(i->intent);
        free(i->failure);
        free(i);
        return NULL;
}

/* Where (project, name) is or belongs in the sorted table. */
static bool search_name(Manager *m, const char *project, const char *name, size_t *ret) {
        size_t low = 0, high = m->n_instances;

        while (low < high) {
                size_t middle = (low + high) / 2;
                Instance *i = m->instances[middle];
                int c = strcmp(i->project, project) ?: strcmp(i->name, name);

                if (c == 0) {
                        *ret = middle;
                        return true;
                }
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret = low;
        return false;
}

static bool search_id(Manager *m, uint64_t id, size_t *ret) {
        size_t low = 0, high = m->n_instances;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (m->by_id[middle]->id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret = low;
        return low < m->n_instances && m->by_id[low]->id == id;
}

int instance_check_name(const char *name, sd_bus_error *error) {
        size_t n = strlen(name);
        const char *why = NULL;

        if (instance_name_is_valid(name))
                return 0;
        if (strchr(name, '/'))
                return bus_error_set(error, LXD_ERROR_INVALID, "The character \"/\" is reserved for snapshots");
        if (n < 1 || n > 63)
                why = "Name must be 1-63 characters long";
        else if (name[0] == '-')
                why = "Name must not start with \"-\" character";
        else if (name[0] >= '0' && name[0] <= '9')
                why = "Name must not start with a number";
        else if (name[n - 1] == '-')
                why = "Name must not end with \"-\" character";
        else
                why = "Name can only contain alphanumeric and hyphen characters";
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid instance name: %s", why);
}

Instance *instance_find(Manager *m, const char *project, const char *name) {
        size_t at;

        return search_name(m, project, name, &at) ? m->instances[at] : NULL;
}

Instance *instance_find_id(Manager *m, uint64_t id) {
        size_t at;

        return search_id(m, id, &at) ? m->by_id[at] : NULL;
}

static void insert_at(Instance **table, size_t n, size_t at, Instance *i) {
        memmove(table + at + 1, table + at, (n - at) * sizeof(Instance *));
        table[at] = i;
}

static void remove_at(Instance **table, size_t n, size_t at) {
        memmove(table + at, table + at + 1, (n - at - 1) * sizeof(Instance *));
}

int instance_link(Instance *i) {
        Manager *m = i->manager;
        size_t by_name, by_id;

        if (search_name(m, i->project, i->name, &by_name) || search_id(m, i->id, &by_id))
                return -EEXIST;

        if ((m->n_instances & (m->n_instances + 1)) == 0 || m->n_instances == 0) {
                size_t room = (m->n_instances + 1) * 2;
                Instance **grown = reallocarray(m->instances, room, sizeof(Instance *));

                if (!grown)
                        return -ENOMEM;
                m->instances = grown;
                grown = reallocarray(m->by_id, room, sizeof(Instance *));
                if (!grown)
                        return -ENOMEM;
                m->by_id = grown;
        }

        insert_at(m->instances, m->n_instances, by_name, i);
        insert_at(m->by_id, m->n_instances, by_id, i);
        m->n_instances++;
        return 0;
}

void instance_unlink(Instance *i) {
        Manager *m = i->manager;
        size_t by_name, by_id;

        if (!search_name(m, i->project, i->name, &by_name) || m->instances[by_name] != i || !search_id(m, i->id, &by_id))
                return;
        remove_at(m->instances, m->n_instances, by_name);
        remove_at(m->by_id, m->n_instances, by_id);
        m->n_instances--;
}

void instance_forget(Instance *i) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (i->id == 0)
                return;
        r = db_instance_delete(i->manager->db, i->id);
        if (r < 0 && r != -ENOENT)
                log_at(LOG_ERR, r, LOG_INSTANCE(i), "Failed to remove the record of instance %s: %m", i->name);
        if (instance_path(i, &path) >= 0 && i->manager->server)
                (void) bus_server_emit_object_removed(i->manager->server, path);
        instance_unlink(i);
        i->id = 0;
}

int instance_set_name(Instance *i, const char *name) {
        _cleanup_free_ char *copy = strdup(name), *path = NULL;
        int r;

        if (!copy)
                return -ENOMEM;
        r = instance_path(i, &path);
        if (r < 0)
                return r;

        /* Unlinking leaves the room for linking again: that cannot fail. */
        instance_unlink(i);
        (void) bus_server_emit_object_removed(i->manager->server, path);
        free(i->name);
        i->name = TAKE_PTR(copy);
        r = instance_link(i);
        assert(r >= 0);

        free(path);
        path = NULL;
        if (instance_path(i, &path) >= 0)
                (void) bus_server_emit_object_added(i->manager->server, path);
        return 0;
}

bool instance_is_running(const Instance *i) {
        return i->status != INSTANCE_STOPPED && i->status != INSTANCE_ERROR;
}

const char *instance_status_text(InstanceStatus s) {
        switch (s) {
        case INSTANCE_RUNNING:
                return "Running";
        case INSTANCE_STARTING:
                return "Starting";
        case INSTANCE_STOPPING:
                return "Stopping";
        case INSTANCE_FREEZING:
                return "Freezing";
        case INSTANCE_FROZEN:
                return "Frozen";
        case INSTANCE_ERROR:
                return "Error";
        default:
                return "Stopped";
        }
}

void instance_changed(Instance *i, ...) {
        _cleanup_free_ char *path = NULL;
        char *names[16] = {};
        va_list ap;

        if (!i->manager->server || i->id == 0 || instance_path(i, &path) < 0)
                return;

        va_start(ap, i);
        for (size_t n = 0; n < ELEMENTSOF(names) - 1; n++)
                if (!(names[n] = va_arg(ap, char *)))
                        break;
        va_end(ap);
        (void) bus_server_emit_properties_changed(i->manager->server, path, "org.lxd.instance1.Instance", names);
}

void instance_set_status(Instance *i, InstanceStatus s) {
        if (i->status == s)
                return;
        i->status = s;
        instance_changed(i, "Status", "StatusCode", "Pid", NULL);
}

const char *instance_get(const Instance *i, const char *key) {
        return settings_get(&i->settings, i->profiles, i->n_profiles, key);
}

bool instance_is_true(const Instance *i, const char *key) {
        return str_is_true(instance_get(i, key));
}

int instance_expand_config(const Instance *i, Config *ret) {
        return settings_expand_config(&i->settings, i->profiles, i->n_profiles, ret);
}

int instance_expand_devices(const Instance *i, Devices *ret) {
        return settings_expand_devices(&i->settings, i->profiles, i->n_profiles, ret);
}

bool instance_uses_profile(const Instance *i, const Profile *p) {
        for (size_t k = 0; k < i->n_profiles; k++)
                if (i->profiles[k] == p)
                        return true;
        return false;
}

int instance_set_volatile(Instance *i, ...) {
        DB_LAZY(i->manager->db);
        const char *key, *value;
        va_list ap;
        int r = 0;

        va_start(ap, i);
        while (r >= 0 && (key = va_arg(ap, const char *))) {
                value = va_arg(ap, const char *);
                if (streq_ptr(config_get(&i->settings.config, key), value))
                        continue;
                r = db_config_set(i->manager->db, DB_INSTANCE, i->id, key, value);
                if (r >= 0)
                        r = config_set(&i->settings.config, key, value);
        }
        va_end(ap);
        return r;
}

int instance_unit(const Instance *i, char **ret) {
        return str_format(ret, "lxd-container@%" PRIu64 ".service", i->id);
}

/* "?project=x", empty for the default one. */
static int project_query(const char *project, char **ret) {
        _cleanup_free_ char *encoded = NULL;
        int r;

        if (streq(project, "default"))
                return str_replace(ret, "");
        r = url_encode(project, &encoded);
        return r < 0 ? r : str_format(ret, "?project=%s", encoded);
}

/* Of a part of it: "/metadata". */
static int url_below(const Instance *i, const char *part, char **ret) {
        _cleanup_free_ char *query = NULL;
        int r = project_query(i->project, &query);

        return r < 0 ? r : str_format(ret, "/1.0/instances/%s%s%s", i->name, part, query);
}

int instance_url(const Instance *i, char **ret) {
        return url_below(i, "", ret);
}

int instance_path(const Instance *i, char **ret) {
        return bus_path_encode(ret, INSTANCE1_INSTANCE, i->project, i->name, NULL);
}

int instance_log_dir(const Instance *i, char **ret) {
        if (streq(i->project, "default"))
                return str_format(ret, "%s/%s", i->manager->log_dir, i->name);
        return str_format(ret, "%s/%s_%s", i->manager->log_dir, i->project, i->name);
}

void instance_lifecycle(Instance *i, const char *what, const Config *context, const Requestor *who, Operation *op) {
        const char *part = startswith(what, "metadata-template") ? "/metadata/templates" : startswith(what, "metadata-") ? "/metadata" : "";
        _cleanup_free_ char *action = NULL, *url = NULL;

        if (!i->manager->operations || str_format(&action, "instance-%s", what) < 0 || url_below(i, part, &url) < 0)
                return;
        (void) lifecycle_emit(i->manager->operations, action, url, context, who,
                              &(const LogFields) { .project = i->project, .instance = i->name, .operation = operation_id(op) });
}

static void write_profiles(JsonWriter *w, const Instance *i) {
        json_array_begin(w, "profiles");
        for (size_t k = 0; k < i->n_profiles; k++)
                json_string(w, NULL, i->profiles[k]->name);
        json_array_end(w);
}

static void write_expanded(JsonWriter *w, const Settings *s, const Instance *i) {
        _cleanup_config_view_ Config config = {};
        _cleanup_devices_view_ Devices devices = {};

        if (settings_expand_config(s, i->profiles, i->n_profiles, &config) < 0 ||
            settings_expand_devices(s, i->profiles, i->n_profiles, &devices) < 0) {
                w->error = -ENOMEM;
                return;
        }
        json_config(w, "expanded_config", &config);
        json_devices(w, "expanded_devices", &devices);
}

void instance_write_fields(JsonWriter *w, const Instance *i) {
        json_string(w, "architecture", i->settings.architecture);
        json_config(w, "config", &i->settings.config);
        json_devices(w, "devices", &i->settings.devices);
        json_boolean(w, "ephemeral", i->settings.ephemeral);
        write_profiles(w, i);
        json_boolean(w, "stateful", false);
        json_string(w, "description", strempty(i->settings.description));
        json_time(w, "created_at", i->created_at);
        write_expanded(w, &i->settings, i);
        json_string(w, "name", i->name);
        json_string(w, "status", instance_status_text(i->status));
        json_int(w, "status_code", i->status);
        if (i->last_used_at > 0)
                json_time(w, "last_used_at", i->last_used_at);
        else /* of an instance that has never run LXD has the second 0, unlike other times that are not set */
                json_string(w, "last_used_at", "1970-01-01T00:00:00Z");
        json_string(w, "location", "none");
        json_string(w, "type", "container");
        json_string(w, "project", i->project);
}

int instance_etag(const Instance *i, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_object_begin(&w, NULL);
        json_string(&w, "architecture", i->settings.architecture);
        json_config(&w, "config", &i->settings.config);
        json_devices(&w, "devices", &i->settings.devices);
        json_string(&w, "description", strempty(i->settings.description));
        json_boolean(&w, "ephemeral", i->settings.ephemeral);
        write_profiles(&w, i);
        json_object_end(&w);
        return json_etag(&w, ret);
}

Snapshot *snapshot_new(Instance *i, const char *name) {
        Snapshot *s = calloc(1, sizeof(Snapshot)), **grown;

        if (!s)
                return NULL;
        *s = (Snapshot) { .instance = i, .row = ROW_CREATED, .name = strdup(name) };
        grown = s->name ? reallocarray(i->snapshots, i->n_snapshots + 1, sizeof(Snapshot *)) : NULL;
        if (!grown) {
                free(s->name);
                free(s);
                return NULL;
        }
        i->snapshots = grown;
        i->snapshots[i->n_snapshots++] = s;
        return s;
}

void snapshot_remove(Snapshot *s) {
        Instance *i = s->instance;

        for (size_t k = 0; k < i->n_snapshots; k++)
                if (i->snapshots[k] == s) {
                        memmove(i->snapshots + k, i->snapshots + k + 1, (i->n_snapshots - k - 1) * sizeof(Snapshot *));
                        i->n_snapshots--;
                        break;
                }
        settings_done(&s->settings);
        free(s->name);
        free(s->intent);
        free(s);
}

Snapshot *snapshot_find(const Instance *i, const char *name) {
        for (size_t k = 0; k < i->n_snapshots; k++)
                if (streq(i->snapshots[k]->name, name))
                        return i->snapshots[k];
        return NULL;
}

void snapshot_write_json(JsonWriter *w, const char *key, const Snapshot *s) {
        json_object_begin(w, key);
        json_time(w, "expires_at", s->expires_at);
        json_string(w, "architecture", s->settings.architecture);
        json_config(w, "config", &s->settings.config);
        json_time(w, "created_at", s->created_at);
        json_devices(w, "devices", &s->settings.devices);
        json_boolean(w, "ephemeral", s->settings.ephemeral);
        write_expanded(w, &s->settings, s->instance);
        json_time(w, "last_used_at", 0);
        json_string(w, "name", s->name);
        write_profiles(w, s->instance);
        json_boolean(w, "stateful", false);
        json_int(w, "size", -1);
        json_object_end(w);
}

int snapshot_etag(const Snapshot *s, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_object_begin(&w, NULL);
        json_time(&w, "expires_at", s->expires_at);
        json_object_end(&w);
        return json_etag(&w, ret);
}

static int format_url(const Snapshot *s, const char *between, char **ret) {
        _cleanup_free_ char *query = NULL, *name = NULL;
        int r;

        r = project_query(s->instance->project, &query);
        if (r >= 0)
                r = url_encode(s->name, &name);
        return r < 0 ? r : str_format(ret, "/1.0/instances/%s%s%s%s", s->instance->name, between, name, query);
}

int snapshot_url(const Snapshot *s, char **ret) {
        return format_url(s, "/snapshots/", ret);
}

int snapshot_resource_url(const Snapshot *s, char **ret) {
        return format_url(s, "/", ret);
}

int snapshot_path(const Snapshot *s, char **ret) {
        return bus_path_encode(ret, INSTANCE1_SNAPSHOT, s->instance->project, s->instance->name, s->name, NULL);
}
