/* SPDX-License-Identifier: Apache-2.0 */
/* Work that takes several steps and asks other daemons: a table of steps with their reverses, run without blocking. */
#pragma once

#include <systemd/sd-bus.h>

#include "bus-peer.h"
#include "instance.h"
#include "operation.h"

/*
 * A job runs its steps one after the other. A step may start calls with job_call() or take a job_wait(); the job goes on when
 * all are answered. When a step fails, the reverses of it and of all steps before it run backwards (each must be fine with
 * nothing to undo), and the job ends with the first error. Nobody waits for a job: it answers its request or finishes its
 * operation itself.
 */
typedef struct JobStep {
        const char *name;
        int (*run)(Job *j, sd_bus_error *error); /* 0 or negative errno with error set */
        int (*undo)(Job *j);                     /* may be NULL; errors are logged */
} JobStep;

typedef enum JobLane {
        JOB_DATA, /* one at a time per instance, others queue */
        JOB_LIFE, /* one at a time per instance, others are refused by job_check_busy() */
        JOB_FREE, /* no lock: PrepareGuest and GuestStopped, which belong to the guest that comes or goes */
} JobLane;

/* What may happen to an instance while jobs wait for it. */
typedef enum JobEvent {
        JOB_EVENT_NONE,
        JOB_EVENT_STOPPED,  /* the guest is gone for good, and all of it undone */
        JOB_EVENT_RELEASED, /* nobody reads or writes its files any more (access.h) */
} JobEvent;

struct Job {
        Manager *manager;
        Instance *instance;      /* may be NULL */
        const char *kind;        /* "create", "start", ...: LXD's word in the busy error */
        JobLane lane;
        const JobStep *steps;    /* ends with a zeroed one */
        size_t at, failed_at;
        bool undoing, in_loop, started, finished;
        bool undo_failed;        /* a call of a reverse, or of cleaning up, failed, and not because there is nothing to clean up */
        unsigned waiting;
        int result;
        sd_bus_error error;
        Operation *operation;    /* finished with the job; may be NULL */
        sd_bus_message *request; /* answered with the job; may be NULL */
        int (*reply)(Job *j);    /* the answer of a success; NULL = empty */
        void (*done)(Job *j);    /* at the end, after operation and request, before the next queued job starts; may be NULL */
        Job *parent;             /* waits for its end; may be NULL */
        Requestor who;
        bool cancelled;          /* no further step is begun */
        bool tolerant;           /* failed calls are logged and do not fail the step: for cleaning up */
        JobEvent waits_for;      /* woken by jobs_wake_event() */
        sd_event_source *timer;
        uint64_t deadline;       /* of job_wait_event_looking() */
        void (*look)(Job *j);
        void *data;              /* the steps' own */
        void (*free_data)(void *);
        Job *prev, *next;        /* of the manager */
        Job *queue_next;
};

/* What an entry of the journal about a job's instance has; id is one of LXD_MSG_* or NULL. */
#define LOG_JOB(j, id)                                                                                        \
        (&(const LogFields) { .project = (j)->instance->project, .instance = (j)->instance->name,             \
                              .operation = operation_id((j)->operation),             \
                              .requestor = (j)->who.user, .message_id = (id) })

/* A new job; instance and who may be NULL. Not started. 0, -ENOMEM. */
int job_new(Manager *m, Instance *i, const char *kind, JobLane lane, const JobStep *steps, const Requestor *who, Job **ret);
/* For a job that was never started; frees data. */
Job *job_free(Job *j);
DEFINE_CLEANUP(Job, job_free)
/* data of the given size, zeroed, freed by free_data (NULL: free()). NULL when memory is short. */
void *job_alloc_data(Job *j, size_t size, void (*free_data)(void *));

/* Makes the operation of the job, with the instance as resource. 0, negative errno with error set. */
int job_new_operation(Job *j, const char *description, sd_bus_error *error);
/* The same with a snapshot of it as resource. */
int job_new_operation_on(Job *j, const char *description, const Snapshot *snapshot, sd_bus_error *error);
/* Has the operation's Cancel end the job: what runs comes to its end, instead of the next step all reverses run. */
void job_allow_cancel(Job *j);
/* Starts it (or queues it) and answers m with the operation's path. The job frees itself in the end. */
int job_start_reply_operation(Job *j, sd_bus_message *m);
/* Starts it; m is answered when the job is done. */
int job_start_reply_done(Job *j, sd_bus_message *m);
void job_start(Job *j);
/* Starts child; the parent's step waits for its end, however that is: child->done() may look at the result. */
void job_start_child(Job *parent, Job *child);

/* The job's clean-up at the daemon's end, without any callback. */
void jobs_free_all(Manager *m);

/* In a reverse: has this very step failed, with an answer? Then the other daemon has undone its part. When that died, nobody knows. */
bool job_step_was_refused(const Job *j);

/* Is the instance in the middle of something that a new `kind` cannot wait for? -EBUSY with LXD's text
 * "Instance is busy running a %q operation". */
int job_check_busy(Instance *i, sd_bus_error *error);

/* then() looks at a successful reply: 0 or negative errno with error set. May be NULL. */
typedef int (*job_reply_t)(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error);
/* Sends m to the peer; the job waits for the answer. A failed call fails the job with the callee's text (except in a reverse: logged). The
 * message is not consumed. 0, -errno with error set. */
int job_call(Job *j, BusPeer *p, sd_bus_message *m, job_reply_t then, void *arg, sd_bus_error *error);
/* The same for an empty answer; about precedes the text of a failure. */
int job_call_about(Job *j, BusPeer *p, sd_bus_message *m, const char *about, sd_bus_error *error);
/* Waits for something else: each job_wait() needs one job_wake(). e may be NULL. */
void job_wait(Job *j);
void job_wake(Job *j, int r, const sd_bus_error *e);
/* Waits until that has happened; timeout in µs (UINT64_MAX = none) fails the step with -ETIMEDOUT. 0, -errno. */
int job_wait_event(Job *j, JobEvent event, uint64_t timeout);
/* The same, and every few seconds look() makes sure that the event can still come. */
int job_wait_event_looking(Job *j, JobEvent event, uint64_t timeout, void (*look)(Job *j));
/* Wakes all jobs that wait for this to happen to the instance. */
void jobs_wake_event(Instance *i, JobEvent event);
/* Waits for so long. 0, -errno. */
int job_wait_time(Job *j, uint64_t usec);
/* Ready-made callbacks that wake the job in userdata. */
void job_unit_done(int r, const sd_bus_error *e, void *userdata);
void job_guest_done(int r, const sd_bus_error *e, int *fds, size_t n_fds, void *userdata);
void job_templates_done(int r, const sd_bus_error *e, void *userdata);
