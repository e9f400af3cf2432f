/* SPDX-License-Identifier: Apache-2.0 */
/* /var/lib/lxd/devices/<id>/: what a guest's start needs of the host in one place that the guest's root, and nobody else, can reach:
 * device nodes, and bind mounts of disks whose own place is closed to it. */
#pragma once

#include "idmap.h"
#include "manager.h"

/* Makes the folder for the owner that the map gives to the guest's root (NULL: root itself). 0, -errno. */
int device_dir_make(Manager *m, uint64_t id, const Idmap *idmap, char **ret);
/* Bind mounts source as "disk.<name>" in dir. 0 and the path, -errno. */
int device_dir_bind(const char *dir, const char *name, const char *source, bool directory, bool recursive, char **ret);
/* Lets go of all mounts: once the guest runs it has its own. Nodes stay. */
void device_dir_unbind(Manager *m, uint64_t id);
/* The whole folder. Never goes into what is mounted there. */
void device_dir_remove(Manager *m, uint64_t id);
