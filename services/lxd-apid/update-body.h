/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of PUT and PATCH: which parts are given, and what PUT does to those that are not. */
#pragma once

#include "bus-message.h"
#include "request.h"

typedef struct UpdateBody {
        const char *description; /* borrowed from the request's JSON; "" when missing */
        const char *architecture;
        bool ephemeral;
        Config config;
        Devices devices;
        Strv profiles;
        uint64_t flags; /* for the Update methods */
} UpdateBody;

/* Reads the parts (UPDATE_DESCRIPTION, _CONFIG, _DEVICES, _PROFILES, _EPHEMERAL, _ARCHITECTURE) out of the body of r. PUT gives all of
 * them (what is missing is empty); PATCH those that are there, and UPDATE_MERGE. 0; -EINVAL with error set; -ENOMEM. */
int update_body_read(Request *r, uint64_t parts, UpdateBody *ret, sd_bus_error *error);
void update_body_done(UpdateBody *b);

/* The "name" of a body, not empty ("No name provided"). 0, -EINVAL with error set, -ENOMEM. Borrowed. */
int body_name(Request *r, const char **ret, sd_bus_error *error);
/* r->location = prefix + encoded name, with ?project= where it is not the default one. 0, -ENOMEM. */
int location_set(Request *r, const char *prefix, const char *name);
