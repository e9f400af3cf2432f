/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of custom volumes that are made by a schedule and removed when they expire. lxd-volumes-expire.timer has it done each minute. */
#pragma once

#include "manager.h"

/* Makes or removes the file without which the timer starts nothing; it outlives a reboot, because nothing need start this daemon then. To be called after whatever
 * changes schedules or expiries. Failure is logged. */
void snapshot_duties_update(Manager *m);
/* Queues what is due at this time (µs since the epoch). 0, -errno with error set. */
int snapshot_duties_run(Manager *m, uint64_t now, sd_bus_error *error);
