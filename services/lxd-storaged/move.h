/* SPDX-License-Identifier: Apache-2.0 */
/* Custom volumes that go to another pool. */
#pragma once

#include "volume.h"

/* A volume task (see volume.h) for the volume that it becomes, with the source that copy_set_source() sets locked exclusively. */
extern const TaskKind volume_move_kind;
/* What an ended process left of a move: volume.id (with pool.id) stays where it is; both locked. */
extern const TaskKind volume_recover_move_kind;

/* Whether rename_to of a volume that changes names another pool, too; *ret_pool and *ret_name are the caller's. 1, 0, -ENOMEM. */
int move_target(const Volume *v, char **ret_pool, char **ret_name);
