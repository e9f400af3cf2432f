/* SPDX-License-Identifier: Apache-2.0 */
/* Boot and shutdown of the host: starting and stopping all instances that want it. */
#include "autostart.h"

#include "bus-error.h"
#include "guest-control.h"
#include "lifecycle.h"
#include "log.h"
#include "manager.h"

typedef struct Item {
        uint64_t id;
        int64_t priority;
        uint64_t delay; /* s after it before the next one */
} Item;

typedef struct Batch {
        Item *items; /* in order */
        size_t n, next;
} Batch;

static void batch_free(void *p) {
        Batch *b = p;

        free(b->items);
        free(b);
}

bool autostart_wants(const char *key, const char *power) {
        if (!isempty(key))
                return str_is_true(key);
        return streq_ptr(power, "RUNNING");
}

static int64_t number_of(const Instance *i, const char *key, int64_t fallback) {
        const char *text = instance_get(i, key);
        int64_t v;

        return isempty(text) || parse_i64(text, &v) < 0 ? fallback : v;
}

/* Highest priority first, then by name (the table's order: qsort() is not stable, the id is no better than the name for people). */
static int compare_items(const void *a, const void *b) {
        const Item *x = a, *y = b;

        if (x->priority != y->priority)
                return x->priority > y->priority ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

static int new_batch_job(Manager *m, const char *kind, const JobStep *steps, const char *description, const char *priority_key,
                         bool (*wants)(const Instance *i), const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        Batch *b;
        int r;

        r = job_new(m, NULL, kind, JOB_FREE, steps, who, &j);
        if (r < 0)
                return r;
        b = job_alloc_data(j, sizeof(Batch), batch_free);
        if (!b || !(b->items = calloc(m->n_instances + 1, sizeof(Item))))
                return -ENOMEM;
        for (size_t k = 0; k < m->n_instances; k++) {
                Instance *i = m->instances[k];

                if (i->row == ROW_CREATED && wants(i))
                        b->items[b->n++] = (Item) { i->id, number_of(i, priority_key, 0), (uint64_t) MAX(number_of(i, "boot.autostart.delay", 0), (int64_t) 0) };
        }
        SORT(b->items, b->n, compare_items);
        j->tolerant = true;
        r = job_new_operation(j, description, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* ---- boot ---- */

static bool wants_start(const Instance *i) {
        return !instance_is_running(i) && autostart_wants(instance_get(i, "boot.autostart"), config_get(&i->settings.config, "volatile.last_state.power"));
}

/* A job of its own for one instance, whose end wakes the batch. */
static int run_child(Job *parent, Instance *i, const char *kind, const JobStep *steps) {
        Job *child;
        int r;

        if (i->life_job)
                return 0;
        r = job_new(parent->manager, i, kind, JOB_LIFE, steps, &parent->who, &child);
        if (r < 0)
                return r;
        job_start_child(parent, child);
        return 0;
}

static const JobStep start_one[] = { { "unit", step_start_unit, NULL }, {} };

/* Instances of one priority start together, unless one wants a delay after it: then the rest waits for that. */
static int step_start_some(Job *j, sd_bus_error *error) {
        Batch *b = j->data;
        bool waits = false;
        size_t first = b->next;

        while (b->next < b->n && !waits && b->items[b->next].priority == b->items[first].priority) {
                const Item *item = b->items + b->next++;
                Instance *i = instance_find_id(j->manager, item->id);

                if (!i || instance_is_running(i))
                        continue;
                (void) run_child(j, i, "start", start_one);
                if (item->delay > 0) {
                        waits = true;
                        (void) job_wait_time(j, item->delay * USEC_PER_SEC);
                }
        }
        return 0;
}

/* The table of steps loops: back to the first one until nothing is left. */
static int step_again(Job *j, sd_bus_error *error) {
        Batch *b = j->data;

        if (b->next < b->n)
                j->at = (size_t) -1;
        return 0;
}

static const JobStep start_all_steps[] = { { "start", step_start_some, NULL }, { "again", step_again, NULL }, {} };

int autostart_start_all(Manager *m, const Requestor *who, Job **ret, sd_bus_error *error) {
        m->stopping = false;
        return new_batch_job(m, "autostart", start_all_steps, "Starting instances", "boot.autostart.priority", wants_start, who, ret, error);
}

/* ---- shutdown ---- */

static int child_shutdown(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        uint64_t timeout = (uint64_t) MAX(number_of(i, "boot.host_shutdown_timeout", 30), (int64_t) 0);
        int r;

        if (!instance_is_running(i))
                return 0;
        j->tolerant = true; /* the next step kills who did not listen */
        if (i->status == INSTANCE_FROZEN && guest_unfreeze(j->manager->event, i->id, job_guest_done, j, NULL, NULL) >= 0)
                job_wait(j);
        instance_set_status(i, INSTANCE_STOPPING);
        r = guest_shutdown(j->manager->event, i->id, job_guest_done, j, NULL, NULL);
        if (r < 0)
                return 0;
        job_wait(j);
        return job_wait_event(j, JOB_EVENT_STOPPED, timeout * USEC_PER_SEC);
}

static const JobStep stop_one[] = { { "shutdown", child_shutdown, NULL }, { "kill", step_kill_guest, NULL }, {} };

static bool wants_stop(const Instance *i) {
        return instance_is_running(i);
}

static int step_stop_some(Job *j, sd_bus_error *error) {
        Batch *b = j->data;
        size_t first = b->next;

        while (b->next < b->n && b->items[b->next].priority == b->items[first].priority) {
                Instance *i = instance_find_id(j->manager, b->items[b->next++].id);

                if (i)
                        (void) run_child(j, i, "stop", stop_one);
        }
        return 0;
}

static const JobStep stop_all_steps[] = { { "stop", step_stop_some, NULL }, { "again", step_again, NULL }, {} };

int autostart_stop_all(Manager *m, const Requestor *who, Job **ret, sd_bus_error *error) {
        int r = new_batch_job(m, "shutdown", stop_all_steps, "Stopping instances", "boot.stop.priority", wants_stop, who, ret, error);

        /* From here on the last state stays as it is, so that the next boot brings the same guests back. */
        if (r >= 0)
                m->stopping = true;
        return r;
}
