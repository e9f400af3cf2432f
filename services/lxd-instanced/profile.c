/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: configuration and devices that many instances share. */
#include "profile.h"

#include "bus-error.h"
#include "db-records.h"
#include "device-config.h"
#include "instance-config.h"
#include "life-event.h"
#include "log.h"
#include "manager.h"
#include "snapshot.h"
#include "update.h"

Profile *profile_free(Profile *p) {
        if (!p)
                return NULL;
        free(p->project);
        free(p->name);
        free(p->description);
        config_done(&p->config);
        devices_done(&p->devices);
        free(p);
        return NULL;
}

static bool search(Manager *m, const char *project, const char *name, size_t *ret) {
        size_t low = 0, high = m->n_profiles;

        while (low < high) {
                size_t middle = (low + high) / 2;
                int c = strcmp(m->profiles[middle]->project, project) ?: strcmp(m->profiles[middle]->name, name);

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

Profile *profile_find(Manager *m, const char *project, const char *name) {
        size_t at;

        return search(m, project, name, &at) ? m->profiles[at] : NULL;
}

int profiles_resolve(Manager *m, const char *project, char *const *names, Profile ***ret, size_t *ret_n, sd_bus_error *error) {
        _cleanup_free_ Profile **profiles = calloc(strv_length(names) + 1, sizeof(Profile *));
        size_t n = 0;

        if (!profiles)
                return -ENOMEM;

        STRV_FOREACH(name, names) {
                Profile *p = profile_find(m, project, *name);

                if (!p)
                        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Requested profile \"%s\" doesn't exist", *name);
                for (size_t i = 0; i < n; i++)
                        if (profiles[i] == p)
                                return bus_error_set(error, LXD_ERROR_INVALID, "Duplicate profile found in request: \"%s\"", *name);
                profiles[n++] = p;
        }

        *ret = TAKE_PTR(profiles);
        *ret_n = n;
        return 0;
}

static int check_name(const char *name, sd_bus_error *error) {
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "No name provided");
        if (strchr(name, '/'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Profile names may not contain slashes");
        if (!object_name_is_valid(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid profile name \"%s\"", name);
        return 0;
}

int profile_url(const Profile *p, char **ret) {
        _cleanup_free_ char *name = NULL, *project = NULL;
        int r;

        r = url_encode(p->name, &name);
        if (r < 0)
                return r;
        if (streq(p->project, "default"))
                return str_format(ret, "/1.0/profiles/%s", name);
        r = url_encode(p->project, &project);
        return r < 0 ? r : str_format(ret, "/1.0/profiles/%s?project=%s", name, project);
}

static void lifecycle(Manager *m, const Profile *p, const char *action, const Config *context, const Requestor *who) {
        _cleanup_free_ char *url = NULL;

        if (m->operations && who && profile_url(p, &url) >= 0)
                (void) lifecycle_emit(m->operations, action, url, context, who, &(const LogFields) { .project = p->project });
}

static void tell_bus(Manager *m, const Profile *p, bool added) {
        _cleanup_free_ char *path = NULL;

        if (!m->server || bus_path_encode(&path, INSTANCE1_PROFILE, p->project, p->name, NULL) < 0)
                return;
        (void) (added ? bus_server_emit_object_added(m->server, path) : bus_server_emit_object_removed(m->server, path));
}

int profile_create(Manager *m, const char *project, const char *name, const char *description, const Config *config,
                   const Devices *devices, const Requestor *who, sd_bus_error *error) {
        _cleanup_(profile_freep) Profile *p = NULL;
        Profile **grown;
        size_t at;
        int r;

        r = check_name(name, error);
        if (r < 0)
                return r;
        if (search(m, project, name, &at))
                return bus_error_set(error, LXD_ERROR_EXISTS, "The profile already exists");
        r = instance_config_check(config, true, error);
        if (r >= 0)
                r = devices_check(devices, error);
        if (r < 0)
                return r;

        p = calloc(1, sizeof(Profile));
        if (!p || str_replace(&p->project, project) < 0 || str_replace(&p->name, name) < 0 ||
            str_replace(&p->description, description) < 0 || config_copy(config, &p->config) < 0 ||
            devices_copy(devices, &p->devices) < 0)
                return -ENOMEM;
        config_remove_empty(&p->config);
        devices_remove_empty(&p->devices);
        p->manager = m;
        grown = reallocarray(m->profiles, m->n_profiles + 1, sizeof(Profile *));
        if (!grown)
                return -ENOMEM;
        m->profiles = grown;

        r = db_profile_insert(m->db, p);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record profile \"%s\"", name);

        memmove(m->profiles + at + 1, m->profiles + at, (m->n_profiles - at) * sizeof(Profile *));
        m->profiles[at] = p;
        m->n_profiles++;
        tell_bus(m, p, true);
        lifecycle(m, p, "profile-created", NULL, who);
        TAKE_PTR(p);
        return 0;
}

int profile_rename(Manager *m, Profile *p, const char *name, const Requestor *who, sd_bus_error *error) {
        _cleanup_free_ char *copy = NULL;
        _cleanup_(config_done) Config context = {};
        size_t from, to;
        int r;

        if (streq(p->name, "default"))
                return bus_error_set(error, LXD_ERROR_FORBIDDEN, "The \"default\" profile cannot be renamed");
        r = check_name(name, error);
        if (r < 0)
                return r;
        if (search(m, p->project, name, &to))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name \"%s\" already in use", name);
        copy = strdup(name);
        if (!copy || config_set(&context, "old_name", p->name) < 0)
                return -ENOMEM;

        r = db_profile_rename(m->db, p->id, name);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to rename profile \"%s\"", p->name);

        (void) search(m, p->project, p->name, &from);
        tell_bus(m, p, false);
        if (from < to) {
                to--;
                memmove(m->profiles + from, m->profiles + from + 1, (to - from) * sizeof(Profile *));
        } else
                memmove(m->profiles + to + 1, m->profiles + to, (from - to) * sizeof(Profile *));
        m->profiles[to] = p;
        free(p->name);
        p->name = TAKE_PTR(copy);
        tell_bus(m, p, true);
        lifecycle(m, p, "profile-renamed", &context, who);
        return 0;
}

static bool is_used(Manager *m, const Profile *p) {
        if (p->n_coming > 0)
                return true;
        for (size_t i = 0; i < m->n_instances; i++)
                if (instance_uses_profile(m->instances[i], p))
                        return true;
        return false;
}

int profile_delete(Manager *m, Profile *p, const Requestor *who, sd_bus_error *error) {
        size_t at;
        int r;

        if (streq(p->name, "default"))
                return bus_error_set(error, LXD_ERROR_FORBIDDEN, "The \"default\" profile cannot be deleted");
        if (is_used(m, p))
                return bus_error_set(error, LXD_ERROR_INVALID, "Profile is currently in use");

        r = db_profile_delete(m->db, p->id);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to delete profile \"%s\"", p->name);

        (void) search(m, p->project, p->name, &at);
        memmove(m->profiles + at, m->profiles + at + 1, (m->n_profiles - at - 1) * sizeof(Profile *));
        m->n_profiles--;
        tell_bus(m, p, false);
        lifecycle(m, p, "profile-deleted", NULL, who);
        profile_free(p);
        return 0;
}

/* Merges PATCH parts: config key by key, devices as a whole (an empty one removes nothing: LXD replaces the devices that are named). */
static int merge_parts(const Profile *p, uint64_t flags, const char *description, const Config *config, const Devices *devices, Profile *ret) {
        int r;

        r = str_replace(&ret->description, flags & UPDATE_DESCRIPTION ? description : p->description);
        if (r < 0)
                return r;

        r = config_copy(flags & UPDATE_CONFIG && !(flags & UPDATE_MERGE) ? config : &p->config, &ret->config);
        if (r >= 0 && (flags & UPDATE_CONFIG) && (flags & UPDATE_MERGE))
                r = config_merge(&ret->config, config, true);
        if (r < 0)
                return r;

        r = devices_copy(flags & UPDATE_DEVICES && !(flags & UPDATE_MERGE) ? devices : &p->devices, &ret->devices);
        if (r >= 0 && (flags & UPDATE_DEVICES) && (flags & UPDATE_MERGE))
                r = devices_merge(&ret->devices, devices);
        config_remove_empty(&ret->config);
        devices_remove_empty(&ret->devices);
        return r;
}

/* Would every user still have its root disk, where its volume is? p holds the new state already. */
static int check_users(Manager *m, const Profile *p, sd_bus_error *error) {
        for (size_t k = 0; k < m->n_instances; k++) {
                Instance *i = m->instances[k];
                _cleanup_devices_view_ Devices devices = {};
                int r;

                if (!instance_uses_profile(i, p))
                        continue;
                if (instance_expand_devices(i, &devices) < 0)
                        return -ENOMEM;
                r = devices_check_expanded(&devices, error);
                if (r < 0)
                        return bus_error_wrap(error, r, "Instance \"%s\" uses this profile", i->name);
                if (!streq_ptr(config_get(&devices_find_root(&devices)->config, "pool"), i->pool))
                        return bus_error_set(error, LXD_ERROR_INVALID,
                                             "At least one instance relies on this profile's root disk device: the root disk of \"%s\" is in "
                                             "pool \"%s\"", i->name, i->pool);
        }
        return 0;
}

static void swap_parts(Profile *a, Profile *b) {
        Profile t = *a;

        a->description = b->description;
        a->config = b->config;
        a->devices = b->devices;
        b->description = t.description;
        b->config = t.config;
        b->devices = t.devices;
}

int profile_update(Manager *m, Profile *p, uint64_t flags, const char *description, const Config *config, const Devices *devices,
                   const char *etag, const Requestor *who, Job **ret, sd_bus_error *error) {
        Profile new = {};
        int r;

        if (!isempty(etag)) {
                _cleanup_free_ char *current = NULL;

                r = profile_etag(p, &current);
                if (r < 0)
                        return r;
                if (!streq(etag, current))
                        return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, etag);
        }

        r = merge_parts(p, flags, description, config, devices, &new);
        if (r >= 0)
                r = instance_config_check(&new.config, true, error);
        if (r >= 0)
                r = devices_check(&new.devices, error);
        if (r >= 0)
                r = update_remember_users(m, p);
        if (r >= 0) {
                swap_parts(p, &new); /* the users' expansions now see the new state */
                r = check_users(m, p, error);
                if (r >= 0) {
                        r = db_profile_update(m->db, p);
                        if (r < 0)
                                r = bus_error_wrap(error, r, "Failed to record profile \"%s\"", p->name);
                }
                if (r < 0)
                        swap_parts(p, &new);
        }

        if (r >= 0) {
                r = update_users_of_profile(m, p, &new, ret);
                snapshots_find_duties(m);
                lifecycle(m, p, "profile-updated", NULL, who);
        }
        free(new.description);
        config_done(&new.config);
        devices_done(&new.devices);
        return r;
}

void profile_write_json(JsonWriter *w, Manager *m, const Profile *p) {
        json_object_begin(w, NULL);
        json_config(w, "config", &p->config);
        json_string(w, "description", strempty(p->description));
        json_devices(w, "devices", &p->devices);
        json_string(w, "name", p->name);
        json_array_begin(w, "used_by");
        for (size_t i = 0; i < m->n_instances; i++) {
                _cleanup_free_ char *url = NULL;

                if (instance_uses_profile(m->instances[i], p) && instance_url(m->instances[i], &url) >= 0)
                        json_string(w, NULL, url);
        }
        json_array_end(w);
        json_object_end(w);
}

int profile_etag(const Profile *p, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_object_begin(&w, NULL);
        json_config(&w, "config", &p->config);
        json_string(&w, "description", strempty(p->description));
        json_devices(&w, "devices", &p->devices);
        json_object_end(&w);
        return json_etag(&w, ret);
}
