/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, restart, freeze, unfreeze: jobs around the instance's unit. */
#include "lifecycle.h"

#include <signal.h>

#include "bus-error.h"
#include "guest.h"
#include "guest-control.h"
#include "log.h"
#include "manager.h"
#include "storage.h"

#define STOP_TIMEOUT_DEFAULT 600 /* s; a guest that ignores the request must not hold its caller for ever */

typedef struct StopData {
        int timeout;
        bool force;
} StopData;

static int check_ready(const Instance *i, sd_bus_error *error) {
        if (i->row == ROW_PENDING)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is still being created", i->name);
        if (i->row == ROW_DELETING)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is being deleted", i->name);
        return 0;
}

/* ---- start ---- */

static int step_check_stopped(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;

        if (j->manager->stopping)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE, "LXD is shutting down");
        if (instance_is_running(i))
                return bus_error_set(error, LXD_ERROR_INVALID, "The instance is already running");
        if (!architecture_is_supported(i->settings.architecture))
                return bus_error_set(error, LXD_ERROR_INVALID, "Requested architecture isn't supported by this host: %s", i->settings.architecture);
        return 0;
}

static void start_done(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job *j = userdata;
        Instance *i = j->instance;

        if (r >= 0 && i->status != INSTANCE_RUNNING)
                r = -EIO;
        if (r < 0) {
                const char *reason = i->failure ?: (e && e->message ? e->message : "its unit ended before the guest ran");

                r = bus_error_set(&error, LXD_ERROR_FAILED, "Failed to start instance \"%s\": %s", i->name, reason);
                log_at(LOG_ERR, 0, LOG_JOB(j, LXD_MSG_INSTANCE_FAILED),
                       "Failed to start instance %s: %s", i->name, reason);
                if (!i->prepared)
                        instance_set_status(i, INSTANCE_STOPPED);
                e = &error;
                guest_prepare_cancel(i, NULL);
        }
        job_wake(j, r, e);
}

int step_start_unit(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *unit = NULL;
        Instance *i = j->instance;
        Units *units;
        int r;

        if (instance_is_running(i))
                return 0; /* somebody was quicker, by hand */
        units = manager_units(j->manager, error);
        if (!units)
                return -EHOSTDOWN;
        r = instance_unit(i, &unit);
        if (r < 0)
                return r;

        i->failure = (free(i->failure), NULL);
        r = unit_start(units, unit, start_done, j);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to start unit %s", unit);
        instance_set_status(i, INSTANCE_STARTING);
        job_wait(j);
        guest_prepare_ahead(i);
        return 0;
}

static const JobStep start_steps[] = {
        { "check", step_check_stopped, NULL },
        { "unit", step_start_unit, NULL },
        {}
};

/* ---- stop ---- */

static int step_check_running(Job *j, sd_bus_error *error) {
        if (!instance_is_running(j->instance))
                return bus_error_set(error, LXD_ERROR_INVALID, "The instance is already stopped");
        return 0;
}

typedef struct Look {
        Manager *manager;
        uint64_t id;
} Look;

static void unit_listed(char **names, const sd_bus_error *e, void *userdata) {
        _cleanup_free_ Look *l = userdata;
        Instance *i = instance_find_id(l->manager, l->id);

        if (e || !i || !instance_is_running(i) || (names && names[0]) || guest_is_ending(i))
                return;
        log_at(LOG_WARNING, 0, LOG_INSTANCE(i), "The unit of instance %s ended, and what reports that was killed; cleaning up in its place.", i->name);
        (void) guest_cleanup(i, "crash");
}

/* While somebody waits for the guest's end: the unit's ExecStopPost= tells of it, but that can be killed as well. */
static void look_at_unit(Job *j) {
        _cleanup_free_ char *unit = NULL;
        Units *units = manager_units(j->manager, NULL);
        Look *l = calloc(1, sizeof(Look));

        if (l)
                *l = (Look) { .manager = j->manager, .id = j->instance->id };
        if (!l || !units || instance_unit(j->instance, &unit) < 0 || units_list(units, unit, unit_listed, l) < 0)
                free(l);
}

/* The runner is gone without a word: make sure of the unit, and clean up in its place. */
static int stop_without_runner(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *unit = NULL;
        Units *units = manager_units(j->manager, error);
        int r;

        if (!units)
                return -EHOSTDOWN;
        r = instance_unit(j->instance, &unit);
        if (r < 0)
                return r;
        (void) unit_kill(units, unit, SIGKILL, NULL, NULL);
        r = unit_stop(units, unit, job_unit_done, j);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to stop unit %s", unit);
        job_wait(j);
        return guest_cleanup(j->instance, "crash");
}

int step_kill_guest(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        int r;

        if (!instance_is_running(i) && !i->prepared)
                return 0;
        i->killed = true;
        instance_set_status(i, INSTANCE_STOPPING);
        r = guest_kill(j->manager->event, i->id, job_guest_done, j, NULL, NULL);
        if (r >= 0) {
                job_wait(j);
                nic_detach_dying(j, i->id);
        } else if (r == -EHOSTDOWN)
                r = stop_without_runner(j, error);
        if (r < 0)
                return r;
        return job_wait_event_looking(j, JOB_EVENT_STOPPED, STOP_TIMEOUT_DEFAULT * USEC_PER_SEC, look_at_unit);
}

static int step_thaw(Job *j, sd_bus_error *error) {
        StopData *d = j->data;
        int r;

        if (d->force || j->instance->status != INSTANCE_FROZEN)
                return 0;
        r = guest_unfreeze(j->manager->event, j->instance->id, job_guest_done, j, NULL, error);
        if (r >= 0)
                job_wait(j);
        return r;
}

static int step_stop_guest(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        StopData *d = j->data;
        int r;

        if (d->force)
                return step_kill_guest(j, error);

        instance_set_status(i, INSTANCE_STOPPING);
        r = guest_shutdown(j->manager->event, i->id, job_guest_done, j, NULL, error);
        if (r == -EHOSTDOWN) {
                sd_bus_error_free(error);
                r = stop_without_runner(j, error);
        } else if (r >= 0)
                job_wait(j);
        if (r < 0)
                return r;
        return job_wait_event_looking(j, JOB_EVENT_STOPPED, (d->timeout < 0 ? STOP_TIMEOUT_DEFAULT : (uint64_t) d->timeout) * USEC_PER_SEC,
                                      look_at_unit);
}

/* The guest did not listen: it runs on, and the caller learns what to do. */
static int undo_stop(Job *j) {
        Instance *i = j->instance;

        if (i->status != INSTANCE_STOPPING)
                return 0;
        instance_set_status(i, INSTANCE_RUNNING);
        if (j->result == -ETIMEDOUT) {
                sd_bus_error_free(&j->error);
                (void) bus_error_set(&j->error, LXD_ERROR_FAILED,
                                     "Failed shutting down instance, status is \"Running\": context deadline exceeded");
        }
        return 0;
}

static const JobStep stop_steps[] = {
        { "check", step_check_running, NULL },
        { "thaw", step_thaw, NULL },
        { "stop", step_stop_guest, undo_stop },
        {}
};

/* ---- restart ---- */

static int step_mark_restart(Job *j, sd_bus_error *error) {
        j->instance->restarting = true;
        return 0;
}

static int undo_mark_restart(Job *j) {
        j->instance->restarting = false;
        return 0;
}

static int step_restarted(Job *j, sd_bus_error *error) {
        j->instance->restarting = false;
        instance_lifecycle(j->instance, "restarted", NULL, &j->who, j->operation);
        return 0;
}

static const JobStep restart_steps[] = {
        { "check", step_check_running, NULL },
        { "mark", step_mark_restart, undo_mark_restart },
        { "thaw", step_thaw, NULL },
        { "stop", step_stop_guest, undo_stop },
        { "unit", step_start_unit, NULL },
        { "done", step_restarted, NULL },
        {}
};

/* ---- freeze ---- */

static int step_freeze(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        int r;

        if (i->status == INSTANCE_FROZEN)
                return bus_error_set(error, LXD_ERROR_INVALID, "The container is already frozen");
        if (i->status != INSTANCE_RUNNING)
                return bus_error_set(error, LXD_ERROR_INVALID, "The container isn't running");
        r = guest_freeze(j->manager->event, i->id, job_guest_done, j, NULL, error);
        if (r >= 0)
                job_wait(j);
        return r;
}

static int step_frozen(Job *j, sd_bus_error *error) {
        instance_set_status(j->instance, INSTANCE_FROZEN);
        instance_lifecycle(j->instance, "paused", NULL, &j->who, j->operation);
        return 0;
}

static int step_unfreeze(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        int r;

        if (i->status == INSTANCE_RUNNING)
                return bus_error_set(error, LXD_ERROR_INVALID, "The container is already running");
        if (i->status != INSTANCE_FROZEN)
                return bus_error_set(error, LXD_ERROR_INVALID, "The container isn't running");
        r = guest_unfreeze(j->manager->event, i->id, job_guest_done, j, NULL, error);
        if (r >= 0)
                job_wait(j);
        return r;
}

static int step_unfrozen(Job *j, sd_bus_error *error) {
        instance_set_status(j->instance, INSTANCE_RUNNING);
        instance_lifecycle(j->instance, "resumed", NULL, &j->who, j->operation);
        return 0;
}

static const JobStep freeze_steps[] = { { "freeze", step_freeze, NULL }, { "frozen", step_frozen, NULL }, {} };
static const JobStep unfreeze_steps[] = { { "unfreeze", step_unfreeze, NULL }, { "unfrozen", step_unfrozen, NULL }, {} };

/* ---- all of them ---- */

static const struct {
        const char *name, *description; /* LXD's words */
        const JobStep *steps;
} changes[STATE_CHANGE_MAX] = {
        [STATE_START] = { "start", "Starting instance", start_steps },
        [STATE_STOP] = { "stop", "Stopping instance", stop_steps },
        [STATE_RESTART] = { "restart", "Restarting instance", restart_steps },
        [STATE_FREEZE] = { "freeze", "Freezing instance", freeze_steps },
        [STATE_UNFREEZE] = { "unfreeze", "Unfreezing instance", unfreeze_steps },
};

StateChange state_change_from_text(const char *text) {
        for (StateChange c = 0; c < STATE_CHANGE_MAX; c++)
                if (streq(text, changes[c].name))
                        return c;
        return STATE_CHANGE_INVALID;
}

const char *state_change_description(StateChange change) {
        return changes[change].description;
}

static int new_job(Instance *i, StateChange change, int timeout, bool force, const Requestor *who, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        StopData *d;
        int r;

        r = job_new(i->manager, i, changes[change].name, JOB_LIFE, changes[change].steps, who, &j);
        if (r < 0)
                return r;
        d = job_alloc_data(j, sizeof(StopData), NULL);
        if (!d)
                return -ENOMEM;
        *d = (StopData) { timeout, force };
        *ret = TAKE_PTR(j);
        return 0;
}

int instance_change_state_quietly(Instance *i, StateChange change, int timeout, bool force, const Requestor *who, Job **ret, sd_bus_error *error) {
        bool overtake;
        int r;

        r = check_ready(i, error);
        if (r < 0)
                return r;
        /* A forced stop overtakes whatever waits for the guest to end by itself. */
        overtake = change == STATE_STOP && force && i->life_job && (streq(i->life_job->kind, "stop") || streq(i->life_job->kind, "restart"));
        if (!overtake) {
                r = job_check_busy(i, error);
                if (r < 0)
                        return r;
        }
        r = new_job(i, change, timeout, force, who, ret);
        if (r >= 0 && overtake)
                (*ret)->lane = JOB_FREE;
        return r;
}

int instance_change_state(Instance *i, StateChange change, int timeout, bool force, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        r = instance_change_state_quietly(i, change, timeout, force, who, &j, error);
        if (r >= 0)
                r = job_new_operation(j, changes[change].description, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

int instance_start_quietly(Instance *i) {
        Job *j;
        int r;

        if (i->life_job || i->row != ROW_CREATED)
                return -EBUSY;
        r = new_job(i, STATE_START, -1, false, NULL, &j);
        if (r < 0)
                return r;
        job_start(j);
        return 0;
}
