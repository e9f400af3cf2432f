/* SPDX-License-Identifier: Apache-2.0 */
/* Where the entries of an image archive belong: the one place that judges their paths. Pure. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

#define ENTRY_PATH_MAX 4095U
#define ENTRY_DEPTH_MAX 256U

typedef enum EntryPlace {
        ENTRY_TOP,         /* the archive's "./" */
        ENTRY_METADATA,    /* metadata.yaml */
        ENTRY_TEMPLATES,   /* templates */
        ENTRY_TEMPLATE,    /* below templates/ */
        ENTRY_ROOTFS,      /* rootfs */
        ENTRY_IN_ROOTFS,   /* below rootfs/ */
        ENTRY_ROOTFS_IMG,  /* rootfs.img: the disk of a virtual machine */
} EntryPlace;

/* Cleans a path of an archive: no "." and empty components, no slash at the end; "" is the top. 0; -EINVAL with error set for an absolute path,
 * a ".." component, one that is too long or deep or not there at all; -ENOMEM. */
int entry_path(const char *path, char **ret, sd_bus_error *error);

/* The place of a clean path in a unified image or a metadata archive. -EINVAL with error set for anything that is not part of an image. */
int entry_place(const char *path, EntryPlace *ret, sd_bus_error *error);
