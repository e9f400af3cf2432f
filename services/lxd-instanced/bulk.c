/* SPDX-License-Identifier: Apache-2.0 */
/* One change of state for all instances of a project that it concerns. */
#include "bulk.h"

#include "bus-error.h"
#include "manager.h"

typedef struct Bulk {
        StateChange change;
        int timeout;
        bool force;
        uint64_t *ids;
        size_t n;
        char *failures; /* one line each, as LXD has them */
} Bulk;

static void bulk_free(void *p) {
        Bulk *b = p;

        free(b->failures);
        free(b->ids);
        free(b);
}

static bool is_concerned(const Instance *i, StateChange change) {
        switch (change) {
        case STATE_START:
                return !instance_is_running(i);
        case STATE_FREEZE:
                return i->status == INSTANCE_RUNNING;
        case STATE_UNFREEZE:
                return i->status == INSTANCE_FROZEN;
        default:
                return instance_is_running(i);
        }
}

static void note_failure(Bulk *b, const Instance *i, const char *reason) {
        char *all;

        if (str_format(&all, "%s - Instance: %s: %s\n", strempty(b->failures), i->name, reason) >= 0) {
                free(b->failures);
                b->failures = all;
        }
}

static void one_done(Job *child) {
        if (child->result < 0)
                note_failure(child->parent->data, child->instance, child->error.message ?: strerror(-child->result));
}

static int step_change(Job *j, sd_bus_error *error) {
        Bulk *b = j->data;

        for (size_t k = 0; k < b->n; k++) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                Instance *i = instance_find_id(j->manager, b->ids[k]);
                Job *child;
                int r;

                if (!i)
                        continue; /* deleted since */
                r = instance_change_state_quietly(i, b->change, b->timeout, b->force, &j->who, &child, &e);
                if (r < 0) {
                        note_failure(b, i, e.message ?: strerror(-r));
                        continue;
                }
                child->done = one_done;
                job_start_child(j, child);
        }
        return 0;
}

static int step_report(Job *j, sd_bus_error *error) {
        Bulk *b = j->data;

        if (!b->failures)
                return 0;
        return bus_error_set(error, LXD_ERROR_FAILED, "The following instances failed to update state:\n%s", b->failures);
}

static const JobStep bulk_steps[] = { { "change", step_change, NULL }, { "report", step_report, NULL }, {} };

static int add_instances(Job *j, const char *project, const char *type) {
        Bulk *b = j->data;
        int r = operation_add_resource(j->operation, "instances", NULL); /* there, even if it is empty */

        for (size_t k = 0; k < j->manager->n_instances && r >= 0; k++) {
                const Instance *i = j->manager->instances[k];
                _cleanup_free_ char *url = NULL;

                if (i->row != ROW_CREATED || !streq(i->project, project) || (type[0] && !streq(type, "container")) || !is_concerned(i, b->change))
                        continue;
                b->ids[b->n++] = i->id;
                r = instance_url(i, &url);
                if (r >= 0)
                        r = operation_add_resource(j->operation, "instances", url);
        }
        return r;
}

int bulk_change_state(Manager *m, const char *project, const char *type, StateChange change, int timeout, bool force, const Requestor *who,
                      Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        Bulk *b;
        int r;

        r = job_new(m, NULL, "bulk", JOB_FREE, bulk_steps, who, &j);
        if (r < 0)
                return r;
        b = job_alloc_data(j, sizeof(Bulk), bulk_free);
        if (!b)
                return -ENOMEM;
        *b = (Bulk) { .change = change, .timeout = timeout, .force = force, .ids = calloc(m->n_instances + 1, sizeof(uint64_t)) };
        if (!b->ids)
                return -ENOMEM;
        r = operation_new(m->operations, "task", state_change_description(change), project, who, &j->operation, error);
        if (r >= 0)
                r = add_instances(j, project, type);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}
