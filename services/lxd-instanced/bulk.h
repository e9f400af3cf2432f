/* SPDX-License-Identifier: Apache-2.0 */
/* One change of state for all instances of a project that it concerns. */
#pragma once

#include "lifecycle.h"

/* A job with one operation (not started) that changes all at the same time: start those that are stopped, stop and restart those that run,
 * and so on. type "" or "container" are all, of another there are none. It ends when the last is done, and fails when one did, with the names
 * and reasons. timeout and force as in lifecycle.h. 0, negative errno with error set. */
int bulk_change_state(Manager *m, const char *project, const char *type, StateChange change, int timeout, bool force, const Requestor *who,
                      Job **ret, sd_bus_error *error);
