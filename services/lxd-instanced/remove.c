/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting and renaming instances. */
#include "remove.h"

#include <fcntl.h>

#include "base/file.h"
#include "access.h"
#include "bus-error.h"
#include "db-records.h"
#include "device-dir.h"
#include "log.h"
#include "manager.h"
#include "snapshot.h"
#include "storage.h"

/* ---- delete ---- */

typedef struct DeleteData {
        bool whole; /* before: nothing of it was removed yet */
        bool lost;  /* lxd-storaged died while it removed the volume */
} DeleteData;

static int step_mark(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        DeleteData *d = j->data;
        int r;

        if (i->row == ROW_CREATED && instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID, "Instance is running");
        d->whole = i->row == ROW_CREATED;
        r = db_instance_set_row(j->manager->db, i->id, ROW_DELETING);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record that the instance is being deleted");
        i->row = ROW_DELETING;
        return 0;
}

/* The volume is still there: so is the instance. Otherwise it goes on going. */
static int undo_mark(Job *j) {
        Instance *i = j->instance;
        DeleteData *d = j->data;
        int r;

        if (i->row != ROW_DELETING)
                return 0;
        if (d->lost)
                return instance_delete_quietly(i); /* after this job */
        if (!d->whole)
                return 0; /* the next who deletes it, or the next start */
        r = db_instance_set_row(j->manager->db, i->id, ROW_CREATED);
        if (r >= 0)
                i->row = ROW_CREATED;
        return r;
}

static int step_delete_volume(Job *j, sd_bus_error *error) {
        return storage_delete_volume(j, j->instance, NULL, error);
}

/* After the death of lxd-storaged nobody knows how far it was, but its next process ends what it began. */
static int undo_delete_volume(Job *j) {
        DeleteData *d = j->data;

        d->lost = !job_step_was_refused(j);
        return 0;
}

static int step_detach(Job *j, sd_bus_error *error) {
        j->tolerant = true; /* static leases and names: what cannot be told now, lxd-netd finds out at its next start */
        (void) nic_forget(j, j->instance->id, NULL);
        return 0;
}

static void remove_files(Instance *i) {
        _cleanup_free_ char *dir = NULL, *seccomp = NULL, *run = NULL;

        if (instance_log_dir(i, &dir) >= 0)
                (void) remove_tree_at(AT_FDCWD, dir);
        if (str_format(&seccomp, "%s/seccomp/%" PRIu64, i->manager->run_dir, i->id) >= 0)
                (void) file_remove(seccomp);
        /* The unit's last process removes its files itself, unless it was killed too. */
        if (str_format(&run, "%s/instances/%" PRIu64, i->manager->run_dir, i->id) >= 0)
                (void) remove_tree_at(AT_FDCWD, run);
        device_dir_remove(i->manager, i->id);
}

/* A guest that was killed leaves its unit in the state failed, for people to see; without the instance it is only a leftover. */
static void reset_unit(Instance *i) {
        _cleanup_free_ char *unit = NULL;
        Units *units = manager_units(i->manager, NULL);

        if (units && instance_unit(i, &unit) >= 0)
                (void) unit_reset_failed(units, unit);
}

static int step_forget(Job *j, sd_bus_error *error) {
        Manager *m = j->manager;
        Instance *i = j->instance;

        reset_unit(i);
        remove_files(i);
        snapshots_lifecycle(i, "deleted", &j->who, j->operation);
        instance_lifecycle(i, "deleted", NULL, &j->who, j->operation);
        instance_forget(i);
        snapshots_update_duties(m, NULL);
        return 0;
}

static void deleted(Job *j) {
        jobs_wake_event(j->instance, JOB_EVENT_STOPPED);
}

static const JobStep delete_steps[] = {
        { "mark", step_mark, undo_mark },
        { "files", step_wait_files, undo_wait_files },
        { "volume", step_delete_volume, undo_delete_volume },
        { "network", step_detach, NULL },
        { "forget", step_forget, NULL },
        {}
};

static int new_delete(Instance *i, const Requestor *who, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        r = job_new(i->manager, i, "delete", JOB_DATA, delete_steps, who, &j);
        if (r < 0)
                return r;
        if (!job_alloc_data(j, sizeof(DeleteData), NULL))
                return -ENOMEM;
        j->done = deleted;
        *ret = TAKE_PTR(j);
        return 0;
}

int instance_delete(Instance *i, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        if (instance_is_true(i, "security.protection.delete"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Container is protected");
        if (instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID, "Instance is running");
        r = job_check_busy(i, error);
        if (r < 0)
                return r;

        r = new_delete(i, who, &j);
        if (r >= 0)
                r = job_new_operation(j, "Deleting instance", error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

int instance_delete_quietly(Instance *i) {
        Job *j;
        int r;

        r = new_delete(i, NULL, &j);
        if (r < 0)
                return r;
        job_start(j);
        return 0;
}

/* ---- rename ---- */

static int step_intent(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *intent = NULL;
        Instance *i = j->instance;
        int r;

        if (instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID, "Renaming of running container not allowed");
        if (instance_find(j->manager, i->project, j->data))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name \"%s\" already in use", (const char *) j->data);
        r = str_format(&intent, "rename:%s", (const char *) j->data);
        if (r >= 0)
                r = db_instance_set_intent(j->manager->db, i->id, intent);
        if (r >= 0)
                r = str_replace(&i->intent, intent);
        return r < 0 ? bus_error_wrap(error, r, "Failed to record the rename") : 0;
}

/* A volume that could not get its name back keeps the record of it, for the next who asks, or the next start. */
static int undo_intent(Job *j) {
        if (j->undo_failed)
                return 0;
        j->instance->intent = (free(j->instance->intent), NULL);
        return db_instance_set_intent(j->manager->db, j->instance->id, NULL);
}

static int step_rename_volume(Job *j, sd_bus_error *error) {
        return storage_rename_volume(j, j->instance, false, j->instance->name, j->data, NULL, error);
}

static int undo_rename_volume(Job *j) {
        /* After the death of lxd-storaged nobody knows how far it was. NotFound is fine. */
        return job_step_was_refused(j) ? 0 : storage_rename_volume(j, j->instance, false, j->data, j->instance->name, NULL, NULL);
}

int instance_renamed(Job *j, const char *name) {
        _cleanup_free_ char *old_log = NULL, *new_log = NULL;
        _cleanup_(config_done) Config context = {};
        Instance *i = j->instance;
        int r;

        r = config_set(&context, "old_name", i->name);
        if (r >= 0)
                r = instance_log_dir(i, &old_log);
        if (r >= 0)
                r = instance_set_name(i, name);
        if (r < 0)
                return r;
        /* The templates of a copy that has not started yet are more than those of a rename. */
        if (isempty(config_get(&i->settings.config, "volatile.apply_template")) &&
            instance_set_volatile(i, "volatile.apply_template", "rename", NULL) >= 0)
                (void) db_sync(j->manager->db);
        if (instance_log_dir(i, &new_log) >= 0 && rename(old_log, new_log) < 0 && errno != ENOENT)
                log_debug_errno(-errno, "Failed to rename %s: %m", old_log);
        instance_lifecycle(i, "renamed", &context, &j->who, j->operation);
        return 0;
}

static int step_rename_record(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        int r;

        r = db_instance_rename(j->manager->db, i->id, j->data);
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name \"%s\" already in use", (const char *) j->data);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record the new name");

        r = instance_renamed(j, j->data);
        if (r < 0)
                return r;
        i->intent = (free(i->intent), NULL);
        j->tolerant = true;
        (void) nic_rename_guest(j, i->id, i->name, NULL);
        return 0;
}

static const JobStep rename_steps[] = {
        { "intent", step_intent, undo_intent },
        { "files", step_wait_files, undo_wait_files },
        { "volume", step_rename_volume, undo_rename_volume },
        { "record", step_rename_record, NULL },
        {}
};

int instance_rename(Instance *i, const char *name, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        r = instance_check_name(name, error);
        if (r < 0)
                return r;
        if (instance_find(i->manager, i->project, name))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Name \"%s\" already in use", name);
        if (instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID, "Renaming of running container not allowed");
        if (i->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is not complete", i->name);
        r = job_check_busy(i, error);
        if (r >= 0)
                r = job_new(i->manager, i, "rename", JOB_DATA, rename_steps, who, &j);
        if (r < 0)
                return r;
        j->data = strdup(name);
        if (!j->data)
                return -ENOMEM;
        r = job_new_operation(j, "Renaming instance", error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

static int step_rename_back(Job *j, sd_bus_error *error) {
        j->tolerant = true; /* NotFound: the crash came before the volume was renamed */
        return storage_rename_volume(j, j->instance, false, j->data, j->instance->name, NULL, error);
}

static int step_clear_intent(Job *j, sd_bus_error *error) {
        return undo_intent(j);
}

static const JobStep rename_back_steps[] = {
        { "volume", step_rename_back, NULL },
        { "intent", step_clear_intent, NULL },
        {}
};

int instance_undo_rename(Instance *i) {
        Job *j;
        int r;

        r = job_new(i->manager, i, "rename", JOB_DATA, rename_back_steps, NULL, &j);
        if (r < 0)
                return r;
        j->data = strdup(startswith(i->intent, "rename:"));
        if (!j->data) {
                job_free(j);
                return -ENOMEM;
        }
        job_start(j);
        return 0;
}
