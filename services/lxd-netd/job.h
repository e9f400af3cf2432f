/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of networks, one after the other: each is a request from the bus that is answered when it is done. */
#pragma once

#include "manager.h"

/* The first step of a change. 0: it goes on and ends with job_done(). Negative: failed, with error set. */
typedef int (*job_run_t)(Job *j, sd_bus_error *error);

struct Job {
        Manager *manager;
        job_run_t run;
        sd_bus_message *message; /* referenced; NULL: nobody waits for an answer */
        Requestor who;
        Network network;         /* the network as it is */
        Network next;            /* and as it shall be */
        char *etag;
        uint64_t flags;
        sd_bus_error failure;    /* why it is being taken back */
        int result;
        Job *after;
};

/* A change asked for by m (may be NULL). 0, -ENOMEM. */
int job_new(Manager *manager, job_run_t run, sd_bus_message *m, Job **ret);
Job *job_free(Job *j);
DEFINE_CLEANUP(Job, job_free)
/* Queues it; ours from then on. */
void job_submit(Job *j);
/* Ends the running change: answers and lets the next one begin. e may be NULL when r >= 0. */
void job_done(Job *j, int r, const sd_bus_error *e);
