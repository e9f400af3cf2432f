/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the kernel's packet filter equal to what the database says. */
#pragma once

#include "manager.h"

int ruleset_new(Manager *m, Ruleset **ret);
Ruleset *ruleset_free(Ruleset *r);
/* Builds the ruleset from the database and, if it differs from what was applied last, has a worker put it into the kernel. done is
 * called when the kernel has it, at once when it has it already. Several requests share one run. 0, -errno (done is not called). */
int ruleset_update(Manager *m, done_t done, void *userdata);
/* Is a run going on? */
bool ruleset_is_busy(Ruleset *r);
