/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of volumes, within a pool and between pools. */
#pragma once

#include "volume.h"

/* A volume task (see volume.h) with source.type, project and name (or "name/snapshot") and source_pool_name set, the source
 * locked shared; with_snapshots. */
extern const TaskKind volume_copy_kind;
extern const TaskKind volume_copy_instance_kind;
extern const TaskKind volume_refresh_instance_kind; /* the same of an existing volume, which takes the contents of the source */

/* Sets the source of a task and locks it, shared. 0, -ENOMEM. */
int copy_set_source(Task *t, const char *pool, const char *type, const char *project, const char *name);

/* Steps that other files build on. */
int step_source_load(Task *t, sd_bus_error *error);      /* source.type, project, name in source_pool -> source */
int step_source_config(Task *t, sd_bus_error *error);    /* what the request has no config or description of its own for comes from the source */
int step_record_snapshots(Task *t, sd_bus_error *error); /* with_snapshots: rows of all */
int step_copy_run(Task *t, sd_bus_error *error);
