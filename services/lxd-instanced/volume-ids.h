/* SPDX-License-Identifier: Apache-2.0 */
/* How the ids of a volume's files come to be those of a guest: by a mount that maps them, or shifted on the disk. */
#pragma once

#include "storage.h"

/* The map that the files must have: none where mounts can map ids, else the guest's own (lines as lxc.idmap has them). *ret is the
 * caller's. 0, negative errno with error set. */
int volume_ids_wanted(const MountedVolume *v, bool privileged, char *const *guest, Strv *ret, sd_bus_error *error);
/* Is the volume, whose files have the ids that are wanted, to be mapped when it is mounted? */
bool volume_ids_by_mount(const MountedVolume *v, bool privileged);
