/* SPDX-License-Identifier: Apache-2.0 */
/* The vtables of lxd-netd, one per file. */
#pragma once

#include "manager.h"

extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable network_vtable[];
extern const sd_bus_vtable nics_vtable[];

/* Finds the network's name in a path; every well-formed path is an object, so that methods can say "Network not found". */
int network_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found, sd_bus_error *error);
/* The name of the network that a path or a message speaks of. 0, -ENOENT, -ENOMEM. */
int network_path_name(const char *path, char **ret);
