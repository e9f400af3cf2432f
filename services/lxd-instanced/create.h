/* SPDX-License-Identifier: Apache-2.0 */
/* Making instances: from images, empty, and as copies. */
#pragma once

#include "job.h"

typedef struct CreateRequest {
        char *project, *name, *type, *architecture, *description;
        bool ephemeral;
        bool default_profiles; /* profiles were not given */
        Strv profiles;
        Config config;
        Devices devices;
        Config source;
} CreateRequest;

void create_request_done(CreateRequest *c);

/* Checks the request, reserves the name (a pending row) and makes the job, not started, with its operation. Takes what it needs out of c.
 * 0, or negative errno with error set and nothing left behind: InvalidArgument, AlreadyExists, NotFound, NotSupported. */
int instance_create(Manager *m, CreateRequest *c, const Requestor *who, Job **ret, sd_bus_error *error);
/* The instance and snapshot that a copy is made of: "c1" or "c1/snap0" in `project` (or that of the new one). *ret_snapshot may become NULL. 0,
 * negative errno with error set. */
int create_find_source(Manager *m, const Config *source, const char *project, Instance **ret, Snapshot **ret_snapshot, sd_bus_error *error);
/* What is copied is a resource of the operation, too. snapshot may be NULL. 0, -errno. */
int create_add_source(Job *j, const Instance *from, const Snapshot *snapshot);
/* A step: answers CreateInstance. */
int create_step_answer(Job *j, sd_bus_error *error);
/* Fills what each NIC of the expanded devices lacks in volatile.<device>.hwaddr and .name. 0, -errno. */
int instance_fill_nics(Instance *i, const Devices *expanded, Config *config);
