/* SPDX-License-Identifier: Apache-2.0 */
/* Boot and shutdown of the host: starting and stopping all instances that want it. */
#pragma once

#include "job.h"

/* Jobs with their operation, not started. 0, negative errno with error set. */
int autostart_start_all(Manager *m, const Requestor *who, Job **ret, sd_bus_error *error);
int autostart_stop_all(Manager *m, const Requestor *who, Job **ret, sd_bus_error *error);

/* Pure: does boot start it? key: boot.autostart or NULL, power: volatile.last_state.power or NULL. */
bool autostart_wants(const char *key, const char *power);
