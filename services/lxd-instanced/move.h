/* SPDX-License-Identifier: Apache-2.0 */
/* Moving a stopped instance to another pool, with its snapshots; it may get another name on the way. */
#pragma once

#include "job.h"

/* A job with its operation, not started. 0, negative errno with error set. */
int instance_move(Instance *i, const char *name, const char *pool, const Requestor *who, Job **ret, sd_bus_error *error);
/* After a crash in the middle: the volume that is not the record's is removed. */
int instance_end_move(Instance *i);
