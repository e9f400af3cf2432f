/* SPDX-License-Identifier: Apache-2.0 */
/* /var/lib/lxd/devices/<id>/: what a guest's start needs of the host in one place that the guest's root, and nobody else, can reach:
 * device nodes, and places for bind mounts of disks whose own place is closed to it. */
#pragma once

#include "idmap.h"
#include "manager.h"

/* Makes the folder for the owner that the map gives to the guest's root (NULL: root itself). 0, -errno. */
int device_dir_make(Manager *m, uint64_t id, const Idmap *idmap, char **ret);
/* The folder or file "disk.<name>" in dir on which the runner's side mounts a disk (runner/binds.h). 0 and the path, -errno. */
int device_dir_place(const char *dir, const char *name, bool directory, char **ret);
/* The whole folder. Never goes into what is mounted there. */
void device_dir_remove(Manager *m, uint64_t id);
