/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing an earlier copy of an instance up to date with its source: snapshots and contents. The configuration stays its own. */
#pragma once

#include "job.h"

/* source: as for CreateInstance (source, project, instance_only). A job with its operation, not started, that answers as CreateInstance does. 0,
 * negative errno with error set. */
int instance_refresh(Instance *i, const Config *source, const Requestor *who, Job **ret, sd_bus_error *error);
