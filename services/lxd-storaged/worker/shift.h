/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the owners of a volume's tree to those of another id map, for file systems whose mounts cannot map ids.
 *
 * Which map the tree has is written on the volume itself (extended attribute SHIFT_MARK of its directory, lines as lxc.idmap has them;
 * without it ids are those inside the guest). So copies, snapshots and restored volumes know theirs. */
#pragma once

#include "host-error.h"

#define SHIFT_MARK "trusted.lxd.idmap"
#define SHIFT_MARK_MAX (16U * 1024U)

/* Brings the tree `below` (NULL: all) of volume `name` in dir_fd to `map` (SHIFT_MARK's text; "": ids as inside). plan: name of a file in
 * dir_fd, gone at the end. A plan that lies there is undone first. When it fails everything is as before, or the plan is still
 * there for shift_settle(). ret_changed: inodes that changed. 0, -errno with e set. */
int shift_volume(int dir_fd, const char *name, const char *below, const char *plan, const char *map, uint64_t *ret_changed,
                 HostError *e);
/* Undoes what a plan that was left says. No plan = 0. */
int shift_settle(int dir_fd, const char *name, const char *plan, HostError *e);
