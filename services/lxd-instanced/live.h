/* SPDX-License-Identifier: Apache-2.0 */
/* The difference between two expanded states, applied to a running guest: limits, disks, NICs, device nodes. */
#pragma once

#include "job.h"

typedef struct LiveChange {
        Config old_config, new_config;   /* expanded, owned */
        Devices old_devices, new_devices;
} LiveChange;

void live_change_done(LiveChange *c);
/* Copies the present expansion into one side. 0, -ENOMEM. */
int live_change_take(const Instance *i, Config *config, Devices *devices);

/* What a guest has, where that is not what the record says: profiles change beside jobs, and records while a guest starts. */
typedef struct LiveState {
        Config config;
        Devices devices;
} LiveState;

LiveState *live_state_free(LiveState *s);
DEFINE_CLEANUP(LiveState, live_state_free)

/* The record is about to change by itself: a guest that is there remembers what it has. 0, -ENOMEM. */
int live_remember(Instance *i);
/* A guest is started with this. 0, -ENOMEM. */
int live_set(Instance *i, const Config *config, const Devices *devices);
/* Has the running guest something else than the record says? */
bool live_is_behind(const Instance *i);
/* The old side of a change: what the guest has. 0, -ENOMEM. */
int live_change_begin(const Instance *i, LiveChange *c);
/* The change is made: a running guest has its new side. */
void live_change_applied(Instance *i, const LiveChange *c);

/* Job steps; each knows that a stopped instance needs little. 0, negative errno with error set. */
int live_validate(Job *j, const LiveChange *c, sd_bus_error *error);
/* Unplugs what `from` has and `to` has not (or has in a way that cannot be changed in place). */
int live_unplug(Job *j, const Devices *from, const Devices *to, sd_bus_error *error);
/* Plugs what `to` has more, and changes in place what can be. */
int live_plug(Job *j, const Devices *from, const Devices *to, sd_bus_error *error);
/* Quota of the root disk, also of a stopped instance. */
int live_resize(Job *j, const Devices *from, const Devices *to, sd_bus_error *error);
/* Those limits of the running guest that differ. */
int live_limits(Job *j, const Config *from, const Config *to, sd_bus_error *error);
/* Tells lxd-devlxd (GuestConfigChanged). */
void live_announce(Instance *i, const Config *from, const Config *to);
