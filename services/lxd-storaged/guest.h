/* SPDX-License-Identifier: Apache-2.0 */
/* What lxd-instanced needs while guests run: mounts with their holders, usage. */
#pragma once

#include "volume.h"

extern const TaskKind guest_mount_kind;   /* volume task; holder. Answers with the path */
/* Whatever this holder holds, under whatever names it is now: for a guest that has ended. 0, -EINVAL, -errno of the database. */
int guest_let_go(Manager *m, const char *holder);
extern const TaskKind guest_unmount_kind; /* volume task; holder. Missing = success */
extern const TaskKind guest_usage_kind;   /* pool_name, volume.project, names. Answers a{st} */
extern const TaskKind volume_state_kind;  /* volume task. Answers the document of its usage */
