/* SPDX-License-Identifier: Apache-2.0 */
/* The bind mounts of a guest's disks in /var/lib/lxd/devices/<id>/, where liblxc finds them as the guest's root. The runner's side makes them,
 * and not lxd-instanced, which has a mount namespace of its own. */
#pragma once

#include <stdint.h>

#include "base/macro.h"

/* Mounts source on path, a folder or file that lxd-instanced made in the guest's folder. 0, -errno. */
int bind_make(const char *path, const char *source, bool recursive);
/* Lets go of all binds in the guest's folder and removes their places, because a guest that runs has its own; else the whole folder. */
void binds_undo(uint64_t id, bool guest_runs);
