/* SPDX-License-Identifier: Apache-2.0 */
/* The volume is copied, the record follows in one transaction, the old volume goes. The intent "move:<pool>/<name>" always names the volume
 * that is not the record's: before the record follows that is the copy, and afterwards the old one. So whatever is interrupted, that one is removed. */
#include "move.h"

#include "access.h"
#include "bus-error.h"
#include "db-records.h"
#include "device-config.h"
#include "log.h"
#include "manager.h"
#include "remove.h"
#include "snapshot.h"
#include "storage.h"

typedef struct MoveData {
        char *name, *pool; /* of the volume that is not the record's */
        Settings settings; /* of the instance, with its root disk in the new pool */
        Settings *snapshots; /* of each snapshot */
        size_t n_snapshots;
        bool copied;
} MoveData;

static void move_data_free(void *p) {
        MoveData *d = p;

        for (size_t k = 0; k < d->n_snapshots; k++)
                settings_done(&d->snapshots[k]);
        free(d->snapshots);
        settings_done(&d->settings);
        free(d->name);
        free(d->pool);
        free(d);
}

/* The instance as it would be there, for what asks lxd-storaged. A borrowed view. */
static Instance at(const Job *j) {
        MoveData *d = j->data;
        Instance i = *j->instance;

        i.name = d->name;
        i.pool = d->pool;
        return i;
}

static int set_intent(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *intent = NULL;
        MoveData *d = j->data;
        Instance *i = j->instance;
        int r;

        r = str_format(&intent, "move:%s/%s", d->pool, d->name);
        if (r >= 0)
                r = db_instance_set_intent(j->manager->db, i->id, intent);
        if (r >= 0)
                r = str_replace(&i->intent, intent);
        return r < 0 ? bus_error_wrap(error, r, "Failed to record the move") : 0;
}

/* Checked once more when the job's turn comes. */
static int check(const Instance *i, const char *name, sd_bus_error *error) {
        if (instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Unable to perform container live migration. CRIU isn't installed: stop the instance before it is moved");
        if (!streq(name, i->name) && instance_find(i->manager, i->project, name))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name \"%s\" already in use", name);
        return 0;
}

static int step_intent(Job *j, sd_bus_error *error) {
        MoveData *d = j->data;
        int r = check(j->instance, d->name, error);

        return r < 0 ? r : set_intent(j, error);
}

static int undo_intent(Job *j) {
        if (j->undo_failed)
                return 0; /* the copy is still there: the next start tries again */
        j->instance->intent = (free(j->instance->intent), NULL);
        return db_instance_set_intent(j->manager->db, j->instance->id, NULL);
}

/* Settings whose root disk is in the new pool: the device becomes the instance's own if it was a profile's. */
static int settings_in_pool(const Settings *s, const Instance *i, const char *pool, Settings *ret) {
        _cleanup_devices_view_ Devices expanded = {};
        _cleanup_(config_done) Config root = {};
        const Device *device;
        int r;

        r = settings_expand_devices(s, i->profiles, i->n_profiles, &expanded);
        if (r < 0)
                return r;
        device = devices_find_root(&expanded);
        if (!device)
                return -ENODEV;
        r = config_copy(&device->config, &root);
        if (r >= 0)
                r = config_set(&root, "pool", pool);
        if (r >= 0)
                r = settings_copy(s, ret);
        return r < 0 ? r : devices_set(&ret->devices, device->name, &root);
}

static int plan(Job *j) {
        MoveData *d = j->data;
        Instance *i = j->instance;
        int r;

        d->snapshots = calloc(i->n_snapshots + 1, sizeof(Settings));
        if (!d->snapshots)
                return -ENOMEM;
        r = settings_in_pool(&i->settings, i, d->pool, &d->settings);
        for (; r >= 0 && d->n_snapshots < i->n_snapshots; d->n_snapshots++)
                r = settings_in_pool(&i->snapshots[d->n_snapshots]->settings, i, d->pool, &d->snapshots[d->n_snapshots]);
        return r;
}

static int step_copy(Job *j, sd_bus_error *error) {
        _cleanup_(config_done) Config source = {};
        Instance target = at(j), *i = j->instance;
        _cleanup_free_ char *names = NULL;
        int r;

        r = snapshots_names(i, &names);
        if (r >= 0)
                r = config_set(&source, "type", "copy");
        if (r >= 0)
                r = config_set(&source, "pool", i->pool);
        if (r >= 0)
                r = config_set(&source, "project", i->project);
        if (r >= 0)
                r = config_set(&source, "name", i->name);
        if (r >= 0)
                r = config_set(&source, "snapshots", names);
        return r < 0 ? r : storage_create_volume(j, &target, &source, error);
}

static int step_remove(Job *j, sd_bus_error *error) {
        Instance other = at(j);

        return storage_delete_volume(j, &other, NULL, error);
}

static int undo_copy(Job *j) {
        MoveData *d = j->data;

        if (!d->copied && j->result == -EEXIST)
                return 0; /* somebody else's */
        return step_remove(j, NULL);
}

/* The record is in the new place: from here on the old one is the other. */
static int follow(Job *j) {
        MoveData *d = j->data;
        Instance *i = j->instance;
        char *pool = i->pool, *name = d->name;
        int r = 0;

        i->pool = d->pool;
        d->pool = pool;
        d->name = NULL;
        settings_done(&i->settings);
        i->settings = d->settings;
        d->settings = (Settings) {};
        for (size_t k = 0; k < d->n_snapshots; k++) {
                settings_done(&i->snapshots[k]->settings);
                i->snapshots[k]->settings = d->snapshots[k];
                d->snapshots[k] = (Settings) {};
        }
        r = str_replace(&d->name, i->name);
        if (r >= 0 && !streq(name, i->name))
                r = instance_renamed(j, name);
        else if (r >= 0)
                instance_lifecycle(i, "updated", NULL, &j->who, j->operation);
        free(name);
        instance_changed(i, "Devices", NULL);
        return r;
}

static int step_record(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *intent = NULL;
        MoveData *d = j->data;
        Instance *i = j->instance;
        int r;

        d->copied = true;
        r = plan(j);
        if (r >= 0)
                r = str_format(&intent, "move:%s/%s", i->pool, i->name);
        if (r >= 0)
                r = db_instance_move(j->manager->db, i, d->name, d->pool, intent, &d->settings, d->snapshots);
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name \"%s\" already in use", d->name);
        if (r >= 0)
                r = str_replace(&i->intent, intent);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record the move");
        return follow(j);
}

static int step_end(Job *j, sd_bus_error *error) {
        return undo_intent(j);
}

static int step_network(Job *j, sd_bus_error *error) {
        j->tolerant = true;
        return nic_rename_guest(j, j->instance->id, j->instance->name, error);
}

static const JobStep move_steps[] = {
        { "intent", step_intent, undo_intent },
        { "files", step_wait_files, undo_wait_files },
        { "volume", step_copy, undo_copy },
        { "record", step_record, NULL },
        { "remove", step_remove, NULL },
        { "end", step_end, NULL },
        { "network", step_network, NULL },
        {}
};

static int new_job(Instance *i, const JobStep *steps, const char *name, const char *pool, const Requestor *who, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        MoveData *d;
        int r;

        r = job_new(i->manager, i, "move", JOB_DATA, steps, who, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(MoveData), move_data_free);
        if (!d)
                return -ENOMEM;
        r = str_replace(&d->name, name);
        if (r >= 0)
                r = str_replace(&d->pool, pool);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

int instance_move(Instance *i, const char *name, const char *pool, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        if (isempty(name))
                name = i->name;
        r = instance_check_name(name, error);
        if (r >= 0 && i->row != ROW_CREATED)
                r = bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is not complete", i->name);
        if (r >= 0)
                r = check(i, name, error);
        if (r >= 0)
                r = job_check_busy(i, error);
        if (r < 0)
                return r;
        if (streq(pool, i->pool) && !streq(name, i->name))
                return instance_rename(i, name, who, ret, error);
        r = new_job(i, streq(pool, i->pool) ? move_steps + ELEMENTSOF(move_steps) - 1 : move_steps, name, pool, who, &j);
        if (r >= 0)
                r = job_new_operation(j, "Migrating instance", error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

static const JobStep end_move_steps[] = {
        { "remove", step_remove, NULL },
        { "end", step_end, NULL },
        {}
};

int instance_end_move(Instance *i) {
        _cleanup_free_ char *pool = NULL;
        const char *place = startswith(strempty(i->intent), "move:"), *slash = place ? strchr(place, '/') : NULL;
        Job *j;
        int r;

        if (!slash)
                return -EINVAL;
        pool = strndup(place, (size_t) (slash - place));
        if (!pool)
                return -ENOMEM;
        r = new_job(i, end_move_steps, slash + 1, pool, NULL, &j);
        if (r >= 0)
                job_start(j);
        return r;
}
