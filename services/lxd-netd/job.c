/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of networks, one after the other. */
#include "job.h"

#include "bus-error.h"
#include "log.h"

int job_new(Manager *manager, job_run_t run, sd_bus_message *m, Job **ret) {
        Job *j = calloc(1, sizeof(Job));

        if (!j)
                return -ENOMEM;
        *j = (Job) { .manager = manager, .run = run, .message = sd_bus_message_ref(m) };
        *ret = j;
        return 0;
}

Job *job_free(Job *j) {
        if (!j)
                return NULL;
        sd_bus_message_unref(j->message);
        requestor_done(&j->who);
        network_done(&j->network);
        network_done(&j->next);
        sd_bus_error_free(&j->failure);
        free(j->etag);
        free(j);
        return NULL;
}

static int on_next(sd_event_source *s, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Manager *m = userdata;
        int r;

        m->next_job = sd_event_source_disable_unref(m->next_job);
        if (!m->jobs)
                return 0;
        r = m->jobs->run(m->jobs, &error);
        if (r < 0)
                job_done(m->jobs, r, &error);
        return 0;
}

/* From the loop, so that a long queue of short changes does not become a deep stack. */
static void job_schedule(Manager *m) {
        int r;

        if (!m->jobs || m->next_job)
                return;
        r = sd_event_add_defer(m->event, &m->next_job, on_next, m);
        if (r < 0)
                log_error_errno(r, "Failed to continue with the next change: %m");
}

void job_submit(Job *j) {
        Job **p = &j->manager->jobs;
        bool first = !*p;

        while (*p)
                p = &(*p)->after;
        *p = j;
        if (first)
                job_schedule(j->manager);
}

void job_done(Job *j, int r, const sd_bus_error *e) {
        _cleanup_(sd_bus_error_free) sd_bus_error fallback = SD_BUS_ERROR_NULL;
        Manager *m = j->manager;

        assert(m->jobs == j);
        if (r < 0 && (!e || !sd_bus_error_is_set(e))) {
                bus_error_ensure(&fallback, r);
                e = &fallback;
        }
        if (j->message) {
                int k = r < 0 ? sd_bus_reply_method_error(j->message, e) : sd_bus_reply_method_return(j->message, NULL);

                if (k < 0 && k != -ENOTCONN && k != -ECONNRESET)
                        log_warning_errno(k, "Failed to answer: %m");
        } else if (r < 0)
                log_error("%s", e->message);
        m->jobs = j->after;
        job_free(j);
        job_schedule(m);
}
