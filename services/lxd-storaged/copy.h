/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of volumes, within a pool and between pools. */
#pragma once

#include "volume.h"

/* A volume task (see volume.h) with source.type, project and name (or "name/snapshot") and source_pool_name set, the source
 * locked shared; with_snapshots. */
extern const TaskKind volume_copy_kind;
extern const TaskKind volume_copy_instance_kind;
extern const TaskKind volume_refresh_instance_kind; /* the same of an existing volume, which takes the contents of the source */

/* Sets the source of a task and locks it. 0, -ENOMEM. */
int copy_set_source(Task *t, const char *pool, const char *type, const char *project, const char *name);
