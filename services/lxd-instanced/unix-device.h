/* SPDX-License-Identifier: Apache-2.0 */
/* unix-char and unix-block: device nodes made for a guest, with the owner its id map gives. */
#pragma once

#include "idmap.h"
#include "manager.h"

typedef struct UnixDevice {
        char *node;    /* on the host; NULL: nothing was made */
        char *target;  /* in the guest */
        dev_t device;
        mode_t mode;   /* type and permissions */
        uint32_t uid, gid; /* in the guest */
} UnixDevice;

void unix_device_done(UnixDevice *u);
/* Reads what the device says and what its source is. 1; 0 = another type of device, or optional and missing; negative errno with error set. */
int unix_device_read(const Device *d, UnixDevice *ret, sd_bus_error *error);
/* The same, and makes the node in dir (device_dir_make()). idmap NULL = privileged. */
int unix_device_make(const char *dir, const Device *d, const Idmap *idmap, UnixDevice *ret, sd_bus_error *error);
