/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, restart, freeze, unfreeze: jobs around the instance's unit. */
#pragma once

#include "job.h"

/* All: check what can be known at once, and make a job with its operation (not started). 0, negative errno with error set. */
int instance_start(Instance *i, const Requestor *who, Job **ret, sd_bus_error *error);
/* timeout in seconds, negative = the default (600). */
int instance_stop(Instance *i, int timeout, bool force, const Requestor *who, Job **ret, sd_bus_error *error);
int instance_restart(Instance *i, int timeout, bool force, const Requestor *who, Job **ret, sd_bus_error *error);
int instance_freeze(Instance *i, const Requestor *who, Job **ret, sd_bus_error *error);
int instance_unfreeze(Instance *i, const Requestor *who, Job **ret, sd_bus_error *error);

/* Steps for other jobs. */
/* Queues the start of the unit and waits for it; a failed start gives its reason. */
int step_start_unit(Job *j, sd_bus_error *error);
/* Kills the guest if there is one and waits until all of it is undone. */
int step_kill_guest(Job *j, sd_bus_error *error);

/* Starts it without an operation (autostart, reboot of the guest); logs failures. 0, -errno. */
int instance_start_quietly(Instance *i);
