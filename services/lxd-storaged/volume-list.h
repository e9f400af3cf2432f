/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of volumes: one, or a list with a filter. */
#pragma once

#include "filter.h"
#include "volume.h"

extern const TaskKind volume_describe_kind; /* volume task, tolerant */
/* pool_name, volume.project, volume.type (NULL = all), recursion; description = the filter, which the caller has checked; tolerant. */
extern const TaskKind volume_list_kind;
