/* SPDX-License-Identifier: Apache-2.0 */
/* The vtables of lxd-imaged; docs/bus.md section 5 has their contract. */
#pragma once

#include "image-record.h"
#include "manager.h"

extern const sd_bus_vtable manager_vtable[]; /* userdata: Manager */
extern const sd_bus_vtable store_vtable[];   /* userdata: Manager */
extern const sd_bus_vtable image_vtable[];   /* userdata: ImageObject */
extern const sd_bus_vtable alias_vtable[];   /* userdata: AliasObject */

/* sd_bus_object_find_t: 1 with the object in *ret, valid for this message; 0 not of this shape; -ENOENT and the like with error set. */
int image_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int alias_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int image_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error);
int alias_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error);

/* Appends a(sh): the name and the descriptor of each file of an image. 0, -ENOMEM, -errno. */
int image_append_files(sd_bus_message *reply, const ImageRecord *i, int metadata, int rootfs);
