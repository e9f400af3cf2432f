/* SPDX-License-Identifier: Apache-2.0 */
/* Changing instances: checks, the record, and what takes effect on a running guest at once. */
#pragma once

#include "job.h"

typedef struct UpdateRequest {
        uint64_t flags; /* UPDATE_* */
        char *architecture, *description;
        bool ephemeral;
        Strv profiles;
        Config config;
        Devices devices;
} UpdateRequest;

void update_request_done(UpdateRequest *u);

/* Takes the request's contents. A job with its operation, not started. 0, negative errno with error set: PreconditionFailed for another etag,
 * InvalidArgument, NotFound (profile). */
int instance_update(Instance *i, UpdateRequest *u, const char *etag, const Requestor *who, Job **ret, sd_bus_error *error);

/* A running guest that has not what the record says by now gets it, in a job behind what is under way; with `resize` also a stopped one gets the
 * quota of its root disk. */
void update_follow_profiles(Instance *i, bool resize);
/* p is about to change: its running users remember what they have. 0, -ENOMEM. */
int update_remember_users(Manager *m, const Profile *p);
/* p has its new state already, `old` the former config and devices: a job, not started, that brings the running users to it (and the quotas of
 * all) and fails with a line for each that could not follow; *ret stays NULL when there is nothing to do. 0, -ENOMEM. */
int update_users_of_profile(Manager *m, const Profile *p, const Profile *old, Job **ret);
