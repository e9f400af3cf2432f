/* SPDX-License-Identifier: Apache-2.0 */
/* Changing instances: checks, the record, and what takes effect on a running guest at once. */
#include "update.h"

#include "bus-error.h"
#include "create.h"
#include "db-records.h"
#include "device-config.h"
#include "device-host.h"
#include "instance-config.h"
#include "guest.h"
#include "live.h"
#include "log.h"
#include "manager.h"
#include "snapshot.h"
#include "storage.h"

/* The state an update leads to. */
typedef struct Target {
        Settings settings;
        Profile **profiles;
        size_t n_profiles;
} Target;

typedef struct UpdateData {
        UpdateRequest request;
        Target target;
        LiveChange change;
        bool resize; /* the size of the root disk may have changed where nobody remembers what it was */
} UpdateData;

void update_request_done(UpdateRequest *u) {
        free(u->architecture);
        free(u->description);
        strv_free(u->profiles);
        config_done(&u->config);
        devices_done(&u->devices);
        *u = (UpdateRequest) {};
}

/* While the change is under way its profiles stay where they are. */
static void hold_profiles(Target *t) {
        for (size_t k = 0; k < t->n_profiles; k++)
                t->profiles[k]->n_coming++;
}

static Profile **release_profiles(Target *t) {
        for (size_t k = 0; k < t->n_profiles; k++)
                t->profiles[k]->n_coming--;
        t->n_profiles = 0;
        return TAKE_PTR(t->profiles);
}

static void target_done(Target *t) {
        settings_done(&t->settings);
        free(release_profiles(t));
        *t = (Target) {};
}

static void update_data_free(void *p) {
        UpdateData *d = p;

        update_request_done(&d->request);
        target_done(&d->target);
        live_change_done(&d->change);
        free(d);
}

static int merge_settings(const Instance *i, const UpdateRequest *u, Settings *ret, sd_bus_error *error) {
        bool merge = u->flags & UPDATE_MERGE;
        int r;

        *ret = (Settings) { .architecture = i->settings.architecture, .ephemeral = i->settings.ephemeral };
        if ((u->flags & UPDATE_ARCHITECTURE) && !isempty(u->architecture)) {
                ret->architecture = architecture_intern(u->architecture);
                if (!ret->architecture)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Architecture isn't supported: %s", u->architecture);
        }
        if (u->flags & UPDATE_EPHEMERAL)
                ret->ephemeral = u->ephemeral;
        r = str_replace(&ret->description, u->flags & UPDATE_DESCRIPTION ? u->description : i->settings.description);
        if (r < 0)
                return r;

        r = config_copy((u->flags & UPDATE_CONFIG) && !merge ? &u->config : &i->settings.config, &ret->config);
        if (r >= 0 && (u->flags & UPDATE_CONFIG) && merge)
                r = config_merge(&ret->config, &u->config, true);
        if (r >= 0)
                r = devices_copy((u->flags & UPDATE_DEVICES) && !merge ? &u->devices : &i->settings.devices, &ret->devices);
        if (r >= 0 && (u->flags & UPDATE_DEVICES) && merge)
                r = devices_merge(&ret->devices, &u->devices);
        config_remove_empty(&ret->config);
        devices_remove_empty(&ret->devices);
        return r;
}

static int copy_profiles(const Instance *i, Target *t) {
        t->profiles = calloc(i->n_profiles + 1, sizeof(Profile *));
        if (!t->profiles)
                return -ENOMEM;
        if (i->n_profiles > 0)
                memcpy(t->profiles, i->profiles, i->n_profiles * sizeof(Profile *));
        t->n_profiles = i->n_profiles;
        return 0;
}

static int check_root(const Instance *i, const Devices *expanded, sd_bus_error *error) {
        const char *pool;
        int r = devices_check_expanded(expanded, error);

        if (r < 0)
                return r;
        pool = config_get(&devices_find_root(expanded)->config, "pool");
        if (!streq_ptr(pool, i->pool))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid devices: the root disk of \"%s\" is in pool \"%s\" and cannot be changed to \"%s\": move the instance "
                                     "instead", i->name, i->pool, pool);
        return 0;
}

static int check_config(const Config *config, sd_bus_error *error) {
        const char *uuid = config_get(config, "volatile.uuid");
        int r = instance_config_check(config, false, error);
        sd_id128_t id;

        if (r >= 0 && !isempty(uuid) && sd_id128_from_string(uuid, &id) < 0)
                r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid UUID");
        return r < 0 ? bus_error_wrap(error, r, "Invalid config") : 0;
}

/* The whole object that would be committed, checked as one. */
static int make_target(const Instance *i, const UpdateRequest *u, Target *ret, sd_bus_error *error) {
        _cleanup_(target_done) Target t = {};
        _cleanup_devices_view_ Devices expanded = {};
        int r;

        r = merge_settings(i, u, &t.settings, error);
        if (r >= 0)
                r = check_config(&t.settings.config, error);
        if (r < 0)
                return r;
        r = devices_check(&t.settings.devices, error);
        if (r < 0)
                return bus_error_wrap(error, r, "Invalid devices");
        if (r >= 0 && !text_is_valid(strempty(t.settings.description), true))
                r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid description");
        if (r >= 0)
                r = u->flags & UPDATE_PROFILES ? profiles_resolve(i->manager, i->project, u->profiles, &t.profiles, &t.n_profiles, error)
                                               : copy_profiles(i, &t);
        hold_profiles(&t);
        if (r >= 0)
                r = settings_expand_devices(&t.settings, t.profiles, t.n_profiles, &expanded);
        if (r >= 0)
                r = check_root(i, &expanded, error);
        if (r < 0)
                return r;

        *ret = t;
        t = (Target) {};
        return 0;
}

/* A NIC that is gone takes its volatile keys with it; a new one gets its own. */
static int fix_volatile(Instance *i, Target *t, const Devices *expanded) {
        Config *c = &t->settings.config;

        for (size_t k = 0; k < c->n;) {
                const char *rest = startswith(c->items[k].key, "volatile."), *dot = rest ? strchr(rest, '.') : NULL;
                _cleanup_free_ char *device = dot ? strndup(rest, (size_t) (dot - rest)) : NULL, *key = NULL;

                if (!device || (!endswith(c->items[k].key, ".hwaddr") && !endswith(c->items[k].key, ".host_name") &&
                                !endswith(c->items[k].key, ".name")) ||
                    devices_get(expanded, device)) {
                        k++;
                        continue;
                }
                key = strdup(c->items[k].key);
                if (!key || config_set(c, key, NULL) < 0)
                        return -ENOMEM;
        }
        return instance_fill_nics(i, expanded, c);
}

static int step_plan(Job *j, sd_bus_error *error) {
        _cleanup_config_view_ Config config = {};
        _cleanup_devices_view_ Devices devices = {};
        UpdateData *d = j->data;
        Instance *i = j->instance;
        int r;

        r = make_target(i, &d->request, &d->target, error);
        if (r >= 0)
                r = settings_expand_devices(&d->target.settings, d->target.profiles, d->target.n_profiles, &devices);
        if (r >= 0)
                r = fix_volatile(i, &d->target, &devices);
        if (r >= 0)
                r = settings_expand_config(&d->target.settings, d->target.profiles, d->target.n_profiles, &config);
        if (r >= 0)
                r = live_change_begin(i, &d->change);
        if (r >= 0)
                r = config_copy(&config, &d->change.new_config);
        if (r >= 0)
                r = devices_copy(&devices, &d->change.new_devices);
        return r < 0 ? r : live_validate(j, &d->change, error);
}

/* What lxd-netd is told of a new NIC (hwaddr, name) comes from the volatile keys: they are there before it is plugged. */
static int step_volatile(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;
        int r = 0;

        CONFIG_FOREACH(k, &d->target.settings.config)
                if (r >= 0 && startswith(k->key, "volatile.") && !config_get(&j->instance->settings.config, k->key))
                        r = instance_set_volatile(j->instance, k->key, k->value, NULL);
        return r;
}

static int step_unplug(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;

        return live_unplug(j, &d->change.old_devices, &d->change.new_devices, error);
}

static int undo_unplug(Job *j) {
        UpdateData *d = j->data;

        return live_plug(j, &d->change.new_devices, &d->change.old_devices, NULL);
}

static int step_plug(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;

        return live_plug(j, &d->change.old_devices, &d->change.new_devices, error);
}

static int undo_plug(Job *j) {
        UpdateData *d = j->data;

        return live_unplug(j, &d->change.new_devices, &d->change.old_devices, NULL);
}

static int step_limits(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;

        return live_limits(j, &d->change.old_config, &d->change.new_config, error);
}

static int undo_limits(Job *j) {
        UpdateData *d = j->data;

        return live_limits(j, &d->change.new_config, &d->change.old_config, NULL);
}

static int step_resize(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;

        return live_resize(j, &d->change.old_devices, &d->change.new_devices, error);
}

/* volatile.*.host_name was set by the steps on the way: it is newer than the plan, and than what a client sends back with the whole record. */
static int keep_volatile(const Instance *i, Settings *target, const Config *before, const Config *requested, bool given) {
        int r = 0;

        CONFIG_FOREACH(k, &i->settings.config) {
                bool new = !streq_ptr(config_get(before, k->key), k->value);

                if (r >= 0 && startswith(k->key, "volatile.") && endswith(k->key, ".host_name") && (new || !(given && config_get(requested, k->key))))
                        r = config_set(&target->config, k->key, k->value);
        }
        return r;
}

/* What the ids of the next start will be. That there are none left for another isolated container is for the start to say. */
static void record_next_idmap(Instance *i) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config next = {};

        if (guest_idmap_next(i, &next, &e) < 0)
                return;
        (void) instance_set_volatile(i, "volatile.idmap.base", config_get(&next, "volatile.idmap.base"), "volatile.idmap.next",
                                     config_get(&next, "volatile.idmap.next"), NULL);
}

static const char *root_size(const Devices *d) {
        const Device *root = devices_find_root(d);

        return root ? config_get_or(&root->config, "size", "") : "";
}

/* By a profile, while the change was under way. */
static bool root_size_changed(const Instance *i, const LiveChange *c) {
        _cleanup_devices_view_ Devices now = {};

        return instance_expand_devices(i, &now) >= 0 && !streq(root_size(&now), root_size(&c->new_devices));
}

static int step_commit(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;
        Instance *i = j->instance;
        int r = 0;

        if (instance_is_running(i))
                r = keep_volatile(i, &d->target.settings, &d->change.old_config, &d->request.config, d->request.flags & UPDATE_CONFIG);
        if (r >= 0)
                r = db_instance_update(j->manager->db, i->id, &d->target.settings, d->target.profiles, d->target.n_profiles);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record the configuration");

        settings_done(&i->settings);
        i->settings = d->target.settings;
        d->target.settings = (Settings) {};
        free(i->profiles);
        i->n_profiles = d->target.n_profiles;
        i->profiles = release_profiles(&d->target);

        record_next_idmap(i);
        instance_changed(i, "Config", "Devices", "Profiles", "Description", "Architecture", "Ephemeral", NULL);
        live_announce(i, &d->change.old_config, &d->change.new_config);
        live_change_applied(i, &d->change);
        update_follow_profiles(i, root_size_changed(i, &d->change));
        instance_lifecycle(i, "updated", NULL, &j->who, j->operation);
        snapshots_update_duties(j->manager, i);
        return 0;
}

static const JobStep update_steps[] = {
        { "plan", step_plan, NULL },
        { "volatile", step_volatile, NULL },
        { "unplug", step_unplug, undo_unplug },
        { "plug", step_plug, undo_plug },
        { "limits", step_limits, undo_limits },
        { "resize", step_resize, NULL },
        { "commit", step_commit, NULL },
        {}
};

static int check_etag(const Instance *i, const char *etag, sd_bus_error *error) {
        _cleanup_free_ char *current = NULL;
        int r;

        if (isempty(etag))
                return 0;
        r = instance_etag(i, &current);
        if (r < 0)
                return r;
        return streq(etag, current) ? 0
                                    : bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, etag);
}

int instance_update(Instance *i, UpdateRequest *u, const char *etag, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(target_done) Target target = {};
        _cleanup_(job_freep) Job *j = NULL;
        UpdateData *d;
        int r;

        if (i->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is not complete", i->name);
        r = check_etag(i, etag, error);
        /* Bad input is answered at once; the job makes its target from the state it finds when its turn comes. */
        if (r >= 0)
                r = make_target(i, u, &target, error);
        if (r >= 0)
                r = job_new(i->manager, i, "update", JOB_DATA, update_steps, who, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(UpdateData), update_data_free);
        if (!d)
                return -ENOMEM;
        d->request = *u;
        *u = (UpdateRequest) {};
        r = job_new_operation(j, "Updating instance", error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- users of a profile ---- */

/* Where the guest stands, and where the record is by now: each as of this job's turn. */
static int step_apply_plan(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;
        int r;

        j->tolerant = true; /* the profile is committed: one guest that cannot follow does not hold up the rest of the change */
        r = live_change_begin(j->instance, &d->change);
        if (r >= 0)
                r = live_change_take(j->instance, &d->change.new_config, &d->change.new_devices);
        return r < 0 ? r : devices_check_sources(&d->change.old_devices, &d->change.new_devices, error);
}

static int step_apply_volatile(Job *j, sd_bus_error *error) {
        _cleanup_(config_done) Config filled = {};
        UpdateData *d = j->data;
        Instance *i = j->instance;
        int r;

        if (!instance_is_running(i))
                return 0;
        r = config_copy(&i->settings.config, &filled);
        if (r >= 0)
                r = instance_fill_nics(i, &d->change.new_devices, &filled);
        CONFIG_FOREACH(k, &filled)
                if (r >= 0 && !config_get(&i->settings.config, k->key))
                        r = instance_set_volatile(i, k->key, k->value, NULL);
        return r;
}

static int step_apply_size(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;

        return d->resize ? storage_set_size(j, j->instance, root_size(&d->change.new_devices), error) : step_resize(j, error);
}

static int step_applied(Job *j, sd_bus_error *error) {
        UpdateData *d = j->data;

        (void) db_sync(j->manager->db);
        instance_changed(j->instance, "Config", "Devices", NULL);
        live_announce(j->instance, &d->change.old_config, &d->change.new_config);
        live_change_applied(j->instance, &d->change);
        update_follow_profiles(j->instance, false);
        return 0;
}

static const JobStep apply_steps[] = {
        { "plan", step_apply_plan, NULL },
        { "volatile", step_apply_volatile, NULL },
        { "unplug", step_unplug, NULL },
        { "plug", step_plug, NULL },
        { "limits", step_limits, NULL },
        { "resize", step_apply_size, NULL },
        { "applied", step_applied, NULL },
        {}
};

/* A job, not started, that brings the guest to what the record says by then. */
static int follow(Instance *i, bool resize, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        UpdateData *d;
        int r;

        r = job_new(i->manager, i, "update", JOB_DATA, apply_steps, NULL, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(UpdateData), update_data_free);
        if (!d)
                return -ENOMEM;
        d->resize = resize;
        *ret = TAKE_PTR(j);
        return 0;
}

void update_follow_profiles(Instance *i, bool resize) {
        Job *j;
        int r;

        if (i->row != ROW_CREATED || (!resize && !live_is_behind(i)))
                return;
        r = follow(i, resize, &j);
        if (r >= 0)
                job_start(j);
        else
                log_at(LOG_WARNING, r, LOG_INSTANCE(i), "Failed to apply the profiles of %s: %m", i->name);
}

int update_remember_users(Manager *m, const Profile *p) {
        int r = 0;

        for (size_t k = 0; k < m->n_instances && r >= 0; k++)
                if (instance_uses_profile(m->instances[k], p))
                        r = live_remember(m->instances[k]);
        return r;
}

/* The users of a changed profile: a job for each of them, and one that waits for all. */
typedef struct UsersData {
        Job **jobs;
        size_t n;
        char *failures;
} UsersData;

static void users_data_free(void *p) {
        UsersData *d = p;

        free(d->jobs);
        free(d->failures);
        free(d);
}

static void note_failure(UsersData *d, const Instance *i, const char *text) {
        _cleanup_free_ char *before = TAKE_PTR(d->failures);

        log_at(LOG_WARNING, 0, LOG_INSTANCE(i), "Failed to bring %s to the new state of a profile: %s", i->name, text);
        (void) str_format(&d->failures, "%s\n - Project: %s, Instance: %s: %s", strempty(before), i->project, i->name, text);
}

static void on_user_updated(Job *j) {
        if (j->result < 0 && j->instance->id != 0) /* not of one that was deleted meanwhile */
                note_failure(j->parent->data, j->instance, j->error.message ?: strerror(-j->result));
}

static int step_users(Job *j, sd_bus_error *error) {
        UsersData *d = j->data;

        for (size_t k = 0; k < d->n; k++)
                job_start_child(j, d->jobs[k]);
        return 0;
}

static int step_users_report(Job *j, sd_bus_error *error) {
        UsersData *d = j->data;

        if (!d->failures)
                return 0;
        return bus_error_set(error, LXD_ERROR_FAILED, "The following instances failed to update (profile change still saved):%s",
                             d->failures);
}

static const JobStep users_steps[] = {
        { "users", step_users, NULL },
        { "report", step_users_report, NULL },
        {}
};

/* A user that does not run has nothing to follow; but what it has from the profile now must be there. */
static void check_sources(UsersData *d, const Instance *i, const Profile *p, const Profile *old) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_devices_view_ Devices devices = {};
        Devices own = {}; /* a view, too */

        own.items = calloc(p->devices.n + 1, sizeof(*own.items));
        if (!own.items || instance_expand_devices(i, &devices) < 0) {
                free(own.items);
                return;
        }
        DEVICES_FOREACH(x, &p->devices) {
                const Config *used = devices_get(&devices, x->name);

                if (used && config_equal(used, &x->config))
                        own.items[own.n++] = *x;
        }
        if (devices_check_sources(&old->devices, &own, &e) < 0)
                note_failure(d, i, e.message);
        free(own.items);
}

int update_users_of_profile(Manager *m, const Profile *p, const Profile *old, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        UsersData *d;
        /* Only a change of a root disk's size matters to a stopped instance. */
        bool resize = !streq(root_size(&p->devices), root_size(&old->devices));
        int r;

        r = job_new(m, NULL, "update", JOB_FREE, users_steps, NULL, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(UsersData), users_data_free);
        if (!d)
                return -ENOMEM;
        d->jobs = calloc(MAX(m->n_instances, (size_t) 1), sizeof(Job *));
        if (!d->jobs)
                return -ENOMEM;

        for (size_t k = 0; k < m->n_instances; k++) {
                Instance *i = m->instances[k];

                if (!instance_uses_profile(i, p) || i->row != ROW_CREATED)
                        continue;
                if (!live_is_behind(i))
                        check_sources(d, i, p, old);
                if (!resize && !live_is_behind(i))
                        continue;
                r = follow(i, resize, d->jobs + d->n);
                if (r < 0)
                        note_failure(d, i, strerror(-r));
                else if (d->jobs[d->n])
                        d->jobs[d->n++]->done = on_user_updated;
        }
        if (d->n > 0 || d->failures)
                *ret = TAKE_PTR(j);
        return 0;
}
