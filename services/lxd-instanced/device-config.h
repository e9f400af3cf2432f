/* SPDX-License-Identifier: Apache-2.0 */
/* Device types and their keys, checks of devices by themselves and as the set of one instance. */
#pragma once

#include "config-schema.h"

typedef enum DeviceKind {
        DEVICE_NONE, /* masks a device of a profile */
        DEVICE_DISK,
        DEVICE_NIC,
        DEVICE_UNIX_CHAR,
        DEVICE_UNIX_BLOCK,
        _DEVICE_KIND_MAX,
        _DEVICE_KIND_INVALID = -EINVAL,
} DeviceKind;

/* By the type key; _DEVICE_KIND_INVALID for types that are missing, unknown or not supported. */
DeviceKind device_kind(const Config *device);

/* Checks devices as they are written in an instance or profile: names, types, keys, values. Keeps to what is true of each device alone.
 * 0, negative errno with error set ("Device validation failed for \"eth0\": ..."). */
int devices_check(const Devices *d, sd_bus_error *error);
/* Checks the expanded devices of an instance: a root disk with a pool, no two devices at one place. 0, negative errno with error. */
int devices_check_expanded(const Devices *d, sd_bus_error *error);

/* Can all differences between the two configurations of one device be applied to the running device (else it is unplugged and plugged again)? */
bool device_change_is_live(const Config *old, const Config *new);

/* Disk devices. */
bool device_is_root(const Config *device);
bool device_is_custom_volume(const Config *device); /* pool and source given, path is not / */
bool device_is_required(const Config *device);      /* required and optional keys */
