/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, restart, freeze, unfreeze: jobs around the instance's unit. */
#pragma once

#include "job.h"

typedef enum StateChange {
        STATE_START,
        STATE_STOP,
        STATE_RESTART,
        STATE_FREEZE,
        STATE_UNFREEZE,
        STATE_CHANGE_MAX,
        STATE_CHANGE_INVALID = -EINVAL,
} StateChange;

/* "start", "stop", ...; STATE_CHANGE_INVALID for all else. */
StateChange state_change_from_text(const char *text);
/* What its operation is called. */
const char *state_change_description(StateChange change);

/* Checks what can be known at once, and makes a job with its operation (not started). Of a stop and a restart: timeout in seconds, negative = the
 * default (600); force kills. 0, negative errno with error set. */
int instance_change_state(Instance *i, StateChange change, int timeout, bool force, const Requestor *who, Job **ret, sd_bus_error *error);
/* The same without an operation: one of many. */
int instance_change_state_quietly(Instance *i, StateChange change, int timeout, bool force, const Requestor *who, Job **ret, sd_bus_error *error);

/* Steps for other jobs. */
/* Queues the start of the unit and waits for it; a failed start gives its reason. */
int step_start_unit(Job *j, sd_bus_error *error);
/* Kills the guest if there is one and waits until all of it is undone. */
int step_kill_guest(Job *j, sd_bus_error *error);

/* Starts it without an operation (autostart, reboot of the guest); logs failures. 0, -errno. */
int instance_start_quietly(Instance *i);
