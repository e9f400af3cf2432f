/* SPDX-License-Identifier: Apache-2.0 */
/* Work that takes several steps and asks other daemons: a table of steps with their reverses, run without blocking. */
#include "job.h"

#include "base/clock.h"
#include "bus-error.h"
#include "crash.h"
#include "log.h"
#include "manager.h"
#include "remove.h"

#define LOOK_INTERVAL (3 * USEC_PER_SEC)

int job_new(Manager *m, Instance *i, const char *kind, JobLane lane, const JobStep *steps, const Requestor *who, Job **ret) {
        _cleanup_(job_freep) Job *j = calloc(1, sizeof(Job));

        if (!j)
                return -ENOMEM;
        *j = (Job) { .manager = m, .instance = i, .kind = kind, .lane = lane, .steps = steps };
        if (requestor_copy(who, &j->who) < 0)
                return -ENOMEM;

        j->next = m->jobs;
        if (j->next)
                j->next->prev = j;
        m->jobs = j;
        if (m->daemon)
                daemon_hold(m->daemon);

        *ret = TAKE_PTR(j);
        return 0;
}

Job *job_free(Job *j) {
        if (!j)
                return NULL;

        if (j->prev || j->next || j->manager->jobs == j) {
                if (j->prev)
                        j->prev->next = j->next;
                else
                        j->manager->jobs = j->next;
                if (j->next)
                        j->next->prev = j->prev;
                if (j->manager->daemon)
                        daemon_release(j->manager->daemon);
        }
        if (j->data)
                (j->free_data ?: free)(j->data);
        sd_event_source_disable_unref(j->timer);
        requestor_done(&j->who);
        sd_bus_error_free(&j->error);
        sd_bus_message_unref(j->request);
        free(j);
        return NULL;
}

void jobs_free_all(Manager *m) {
        while (m->jobs)
                job_free(m->jobs);
}

void *job_alloc_data(Job *j, size_t size, void (*free_data)(void *)) {
        j->data = calloc(1, size);
        j->free_data = free_data;
        return j->data;
}

int job_new_operation_on(Job *j, const char *description, const Snapshot *snapshot, sd_bus_error *error) {
        _cleanup_free_ char *url = NULL;
        int r;

        r = operation_new(j->manager->operations, "task", description, j->instance ? j->instance->project : "default", &j->who,
                          &j->operation, error);
        if (r < 0)
                return r;
        if (j->instance && (snapshot ? snapshot_resource_url(snapshot, &url) : instance_url(j->instance, &url)) >= 0)
                (void) operation_add_resource(j->operation, "instances", url);
        return 0;
}

int job_new_operation(Job *j, const char *description, sd_bus_error *error) {
        return job_new_operation_on(j, description, NULL, error);
}

static void on_cancel(Operation *op, void *userdata) {
        Job *j = userdata;

        j->cancelled = true;
}

void job_allow_cancel(Job *j) {
        operation_set_cancel(j->operation, on_cancel, j);
}

static Job **lane_owner(Job *j) {
        if (!j->instance)
                return NULL;
        switch (j->lane) {
        case JOB_DATA:
                return &j->instance->data_job;
        case JOB_LIFE:
                return &j->instance->life_job;
        default:
                return NULL;
        }
}

static void job_answer_request(Job *j) {
        int r;

        if (!j->request)
                return;
        if (j->result < 0)
                r = sd_bus_reply_method_error(j->request, &j->error);
        else
                r = j->reply ? j->reply(j) : sd_bus_reply_method_return(j->request, NULL);
        if (r < 0)
                log_debug_errno(r, "Failed to answer %s: %m", strempty(sd_bus_message_get_member(j->request)));
}

/* To all who wait for the end of this job inside the daemon. */
static void job_tell_end(Job *j) {
        if (j->done)
                j->done(j);
        if (j->parent)
                job_wake(TAKE_PTR(j->parent), 0, NULL);
}

/* Those who queued behind a job whose instance is gone cannot run any more. */
static void fail_queue(Instance *i) {
        for (Job *q; (q = i->queue);) {
                i->queue = q->queue_next;
                q->result = bus_error_set(&q->error, LXD_ERROR_NOT_FOUND, "Instance not found");
                if (q->operation)
                        operation_finish(q->operation, q->result, &q->error);
                job_answer_request(q);
                job_tell_end(q);
                job_free(q);
        }
        i->queue_tail = NULL;
}

static void start_next(Instance *i) {
        Job *next;

        if (i->id == 0) {
                fail_queue(i);
                return;
        }
        next = i->queue;
        if (!next || i->data_job)
                return;
        i->queue = next->queue_next;
        if (!i->queue)
                i->queue_tail = NULL;
        next->queue_next = NULL;
        job_start(next);
}

/* An instance without a row (never made, or deleted) goes with the last job that holds it. */
static void reap_instance(Manager *m, Instance *i) {
        if (!i || i->id != 0)
                return;
        for (Job *j = m->jobs; j; j = j->next)
                if (j->instance == i)
                        return;
        instance_free(i);
}

static void job_finish(Job *j) {
        Manager *m = j->manager;
        Instance *i = j->instance;
        Job **owner = lane_owner(j);

        j->finished = true;
        if (j->result < 0)
                (void) bus_error_ensure(&j->error, j->result);
        if (owner && *owner == j)
                *owner = NULL;
        if (j->operation)
                operation_finish(j->operation, j->result, j->result < 0 ? &j->error : NULL);
        job_answer_request(j);
        job_tell_end(j);
        if (i && j->lane == JOB_DATA)
                start_next(i);
        job_free(j);
        reap_instance(m, i);
}

/* Each step of each job is a place where tests kill the daemon. */
static bool job_crashes(Job *j, const JobStep *step) {
        crash_reached(j->kind, step->name);
        return j->manager->crash_hook && j->manager->crash_hook(j->kind, step->name, j->manager->crash_userdata);
}

/* Runs steps until one waits or the job is over. */
static void job_run(Job *j) {
        if (j->in_loop || j->finished)
                return;
        j->in_loop = true;

        while (j->waiting == 0) {
                const JobStep *step = j->steps + j->at;
                int r;

                if (!j->undoing && j->started && j->result < 0) { /* the step at j->at has failed */
                        log_at(LOG_DEBUG, j->result, j->instance ? LOG_INSTANCE(j->instance) : NULL, "%s: step %s failed: %s", j->kind,
                               step->name, strempty(j->error.message));
                        j->undoing = true;
                        j->failed_at = j->at;
                        if (step->undo)
                                (void) step->undo(j);
                        continue;
                }
                if (j->undoing) {
                        if (j->at == 0)
                                break;
                        j->at--;
                        if (j->steps[j->at].undo && (r = j->steps[j->at].undo(j)) < 0)
                                log_warning_errno(r, "Failed to undo step %s of %s: %m", j->steps[j->at].name, j->kind);
                        continue;
                }
                if (j->started) {
                        if (job_crashes(j, step)) {
                                j->in_loop = false;
                                j->finished = true; /* never goes on */
                                return;
                        }
                        step = j->steps + ++j->at;
                }
                j->started = true;
                if (!step->name)
                        break;
                r = j->cancelled ? bus_error_set(&j->error, LXD_ERROR_CANCELLED, "Operation cancelled") : step->run(j, &j->error);
                if (j->waiting > 0)
                        crash_reached(j->kind, "waiting");
                if (r < 0 && j->result >= 0)
                        j->result = r;
        }

        j->in_loop = false;
        if (j->waiting == 0)
                job_finish(j);
}

void job_start(Job *j) {
        Job **owner = lane_owner(j);

        if (owner && *owner && *owner != j) {
                if (j->instance->queue_tail)
                        j->instance->queue_tail->queue_next = j;
                else
                        j->instance->queue = j;
                j->instance->queue_tail = j;
                return;
        }
        if (owner)
                *owner = j;
        job_run(j);
}

void job_start_child(Job *parent, Job *child) {
        child->parent = parent;
        job_wait(parent);
        job_start(child);
}

int job_start_reply_operation(Job *j, sd_bus_message *m) {
        int r;

        /* The answer leaves first: a quick job may be over (and its operation gone) when job_start() returns. */
        r = operation_reply(j->operation, m);
        job_start(j);
        return r;
}

int job_start_reply_done(Job *j, sd_bus_message *m) {
        j->request = sd_bus_message_ref(m);
        job_start(j);
        return 1;
}

bool job_step_was_refused(const Job *j) {
        return j->undoing && j->at == j->failed_at && !sd_bus_error_has_name(&j->error, SD_BUS_ERROR_NO_REPLY);
}

int job_check_busy(Instance *i, sd_bus_error *error) {
        const Job *j = i->life_job;

        /* What changes the volume or the name as a whole excludes a start and a stop. */
        if (!j && i->data_job && (streq(i->data_job->kind, "create") || streq(i->data_job->kind, "delete") ||
                                  streq(i->data_job->kind, "rename") || streq(i->data_job->kind, "restore")))
                j = i->data_job;
        if (!j && !i->data_job && i->intent && startswith(i->intent, "rename:")) {
                (void) instance_undo_rename(i); /* lxd-storaged could not do it before */
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE,
                                     "An earlier rename of instance \"%s\" was cut off and is being undone; please try again", i->name);
        }
        if (!j)
                return 0;
        return bus_error_set(error, LXD_ERROR_LOCKED, "Instance is busy running a \"%s\" operation", j->kind);
}

void job_wait(Job *j) {
        j->waiting++;
}

void job_wake(Job *j, int r, const sd_bus_error *e) {
        assert(j->waiting > 0);
        j->waiting--;

        if (r == -ENOENT && (j->undoing || j->tolerant))
                log_debug("Nothing to clean up in step %s of %s: %s", strempty(j->steps[j->at].name), j->kind, e && e->message ? e->message : "");
        else if (r < 0 && (j->undoing || j->tolerant)) {
                j->undo_failed = true;
                log_warning("Failed to %s step %s of %s: %s", j->undoing ? "undo" : "complete", strempty(j->steps[j->at].name), j->kind,
                            e && e->message ? e->message : strerror(-r));
        } else if (r < 0 && j->result >= 0) {
                j->result = r;
                if (e && sd_bus_error_is_set(e) && !sd_bus_error_is_set(&j->error))
                        (void) sd_bus_error_copy(&j->error, e);
        }
        job_run(j);
}

static int set_timer(Job *j, uint64_t usec);

static uint64_t next_look(const Job *j) {
        uint64_t now = now_monotonic();

        return j->deadline <= now ? 0 : j->deadline - now < LOOK_INTERVAL ? j->deadline - now : LOOK_INTERVAL;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        Job *j = userdata;

        j->timer = sd_event_source_disable_unref(j->timer);
        if (j->waits_for != JOB_EVENT_NONE && j->look && now_monotonic() < j->deadline && set_timer(j, next_look(j)) >= 0)
                j->look(j);
        else if (j->waits_for != JOB_EVENT_NONE) {
                j->waits_for = JOB_EVENT_NONE;
                j->look = NULL;
                job_wake(j, -ETIMEDOUT, NULL);
        } else
                job_wake(j, 0, NULL);
        return 0;
}

static int set_timer(Job *j, uint64_t usec) {
        j->timer = sd_event_source_disable_unref(j->timer);
        return sd_event_add_time_relative(j->manager->event, &j->timer, CLOCK_MONOTONIC, usec, 0, on_timeout, j);
}

int job_wait_event(Job *j, JobEvent event, uint64_t timeout) {
        if (timeout != UINT64_MAX) {
                int r = set_timer(j, timeout);

                if (r < 0)
                        return r;
        }
        j->waits_for = event;
        job_wait(j);
        return 0;
}

int job_wait_event_looking(Job *j, JobEvent event, uint64_t timeout, void (*look)(Job *j)) {
        int r;

        j->deadline = now_monotonic() + timeout;
        r = set_timer(j, next_look(j));
        if (r < 0)
                return r;
        j->look = look;
        j->waits_for = event;
        job_wait(j);
        return 0;
}

void jobs_wake_event(Instance *i, JobEvent event) {
        /* A woken job may end, start others or free itself: look again from the start each time. */
        for (Job *j = i->manager->jobs; j;) {
                if (j->instance != i || j->waits_for != event || j->finished) {
                        j = j->next;
                        continue;
                }
                j->waits_for = JOB_EVENT_NONE;
                j->look = NULL;
                j->timer = sd_event_source_disable_unref(j->timer);
                Manager *m = j->manager;
                job_wake(j, 0, NULL);
                j = m->jobs;
        }
}

int job_wait_time(Job *j, uint64_t usec) {
        int r = set_timer(j, usec);

        if (r < 0)
                return r;
        job_wait(j);
        return 0;
}

typedef struct Call {
        Job *job;
        job_reply_t then;
        void *arg;
        char *about; /* precedes the text of a failure; may be NULL */
} Call;

static Call *call_free(Call *c) {
        if (c)
                free(c->about);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Call, call_free)

static void call_done(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        _cleanup_(call_freep) Call *call = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = 0;

        if (e) {
                r = -abs(sd_bus_error_get_errno(e) ?: EIO);
                if (call->about && sd_bus_error_copy(&error, e) < 0) {
                        (void) bus_error_wrap(&error, r, "%s", call->about);
                        e = &error;
                }
        } else if (call->then) {
                r = call->then(call->job, m, call->arg, &error);
                if (r < 0)
                        e = &error;
        }
        job_wake(call->job, r, e);
}

static int start_call(Job *j, BusPeer *p, sd_bus_message *m, job_reply_t then, void *arg, const char *about, sd_bus_error *error) {
        _cleanup_(call_freep) Call *call = calloc(1, sizeof(Call));
        int r;

        if (!call)
                return -ENOMEM;
        *call = (Call) { .job = j, .then = then, .arg = arg };
        if (str_replace(&call->about, about) < 0)
                return -ENOMEM;

        r = bus_peer_call(p, m, call_done, call);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to call %s of %s", strempty(sd_bus_message_get_member(m)),
                                      strempty(sd_bus_message_get_interface(m)));
        TAKE_PTR(call);
        job_wait(j);
        return 0;
}

int job_call(Job *j, BusPeer *p, sd_bus_message *m, job_reply_t then, void *arg, sd_bus_error *error) {
        return start_call(j, p, m, then, arg, NULL, error);
}

int job_call_about(Job *j, BusPeer *p, sd_bus_message *m, const char *about, sd_bus_error *error) {
        return start_call(j, p, m, NULL, NULL, about, error);
}

void job_unit_done(int r, const sd_bus_error *e, void *userdata) {
        job_wake(userdata, r, e);
}

void job_guest_done(int r, const sd_bus_error *e, int *fds, size_t n_fds, void *userdata) {
        for (size_t i = 0; i < n_fds; i++)
                fds[i] = close_safe(fds[i]);
        job_wake(userdata, r, e);
}

void job_templates_done(int r, const sd_bus_error *e, void *userdata) {
        job_wake(userdata, r, e);
}
