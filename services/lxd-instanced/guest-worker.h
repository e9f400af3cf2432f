/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that the daemon talks to in guest messages, lxd-file-worker and lxd-template-worker: a few of each, calls handed to those that are free. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "guest-message.h"

/* Spawned when needed, up to a maximum (more calls wait their turn), gone after 3 s without work. */
typedef struct GuestWorkers GuestWorkers;

typedef struct GuestWorkersKind {
        const char *name;    /* of the program: "file", "template" */
        size_t max;          /* processes */
        uint64_t call_usec;  /* who takes longer for a call is killed, so that it does not keep the others waiting; 0 = takes its time */
        bool end_by_error;   /* a worker that answered with an error is not asked again: it ends */
} GuestWorkersKind;

/* kind stays where it is. 0, -ENOMEM. */
int guest_workers_new(sd_event *event, const GuestWorkersKind *kind, GuestWorkers **ret);
GuestWorkers *guest_workers_free(GuestWorkers *s);     /* kills them; pending callbacks are not called. Accepts NULL */
unsigned guest_workers_pending(GuestWorkers *s);       /* a daemon with pending calls is not idle */

/* One call; begins what its caller allocates, who has more to remember. The message owns its descriptors. */
typedef struct GuestWorkerCall GuestWorkerCall;
struct GuestWorkerCall {
        GuestWorkerCall *next;
        GuestMessage message;
        /* The answer, whose descriptors may be taken; or negative errno with e set, and no answer. The call is freed after. */
        void (*reply)(GuestWorkerCall *c, int r, const sd_bus_error *e, GuestMessage *answer);
};

GuestWorkerCall *guest_worker_call_free(GuestWorkerCall *c); /* accepts NULL */
DEFINE_CLEANUP(GuestWorkerCall, guest_worker_call_free)
/* Takes the call over, also when it fails: 0, or negative errno with error set and no reply. */
int guest_workers_submit(GuestWorkers *s, GuestWorkerCall *c, sd_bus_error *error);
