/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting and renaming instances. */
#pragma once

#include "job.h"

/* Jobs with their operation, not started. 0, negative errno with error set ("Instance is running", "Container is protected", ...). */
int instance_delete(Instance *i, const Requestor *who, Job **ret, sd_bus_error *error);
int instance_rename(Instance *i, const char *name, const Requestor *who, Job **ret, sd_bus_error *error);

/* Deletes without an operation and whatever the row says (ephemeral ones, leftovers of a crash); started. Whoever waits for the instance to stop
 * is woken at its end. 0, -errno. */
int instance_delete_quietly(Instance *i);
/* After a crash in the middle of a rename: the volume gets the name of the row back. */
int instance_undo_rename(Instance *i);
/* The instance of the job has this name now, in its row as well: what else goes by the name follows. 0, -errno. */
int instance_renamed(Job *j, const char *name);
