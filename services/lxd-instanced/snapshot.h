/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of instances: make, restore, rename, change, delete. */
#pragma once

#include "job.h"

/* Jobs with their operation, not started. 0, negative errno with error set. */
/* name "" = from snapshots.pattern. expires: the time given, or UINT64_MAX = from snapshots.expiry. Reserves the name. */
int snapshot_create(Instance *i, const char *name, uint64_t expires, const Requestor *who, Job **ret, sd_bus_error *error);
int snapshot_restore(Instance *i, const char *name, const Requestor *who, Job **ret, sd_bus_error *error);
int snapshot_rename(Snapshot *s, const char *name, const Requestor *who, Job **ret, sd_bus_error *error);
int snapshot_update(Snapshot *s, uint64_t expires, const Requestor *who, Job **ret, sd_bus_error *error);
int snapshot_delete(Snapshot *s, const Requestor *who, Job **ret, sd_bus_error *error);

/* The names of all of an instance, one per line. 0, -ENOMEM. */
int snapshots_names(const Instance *i, char **ret);

/* A record like `old` of another instance, in memory only, not created yet. NULL when memory is short. */
Snapshot *snapshot_copy(const Snapshot *old, Instance *to);
/* The volume of a pending one is there. 0, -errno with error set. */
int snapshot_complete(Job *j, Snapshot *s, sd_bus_error *error);
/* The event "instance-snapshot-<what>" of each one of an instance: they come with a copy, and go with their instance. */
void snapshots_lifecycle(Instance *i, const char *what, const Requestor *who, Operation *op);
/* Removes the record; the volume is gone. */
void snapshot_forget(Snapshot *s);

/* Makes the snapshots that snapshots.schedule wants in this minute, and deletes all that have expired by now, each in its instance's turn;
 * the job ends when all expired ones are gone. Not started. 0, negative errno with error. */
int snapshots_expire(Manager *m, uint64_t now, const Requestor *who, Job **ret, sd_bus_error *error);

/* Keeps <run dir>/snapshot-duties, the condition of the timer's service, in step with whether there is anything for it to do: after a change
 * of one instance or its snapshots (NULL: of one that is gone), without a look at the others unless it was the last that had any. */
void snapshots_update_duties(Manager *m, const Instance *changed);

/* The same after any change: looks at all instances. */
void snapshots_find_duties(Manager *m);

/* After a crash: removes a pending or half-deleted one, takes back a rename, completes a restore. 0, -errno. */
int snapshot_recover(Snapshot *s);
int snapshot_redo_restore(Instance *i);
