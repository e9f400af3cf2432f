/* SPDX-License-Identifier: Apache-2.0 */
/* Is on this host what devices name? */
#pragma once

#include "keyvalue.h"

#include <systemd/sd-bus.h>

/* A disk that is a path of the host, which has no such path. */
bool device_source_is_missing(const Config *device);
/* Refuses required disks of `new` without a source, unless they are in `old`, too (NULL: none). 0, -EINVAL with error set ("Failed add validation for
 * device \"data\": ..."). */
int devices_check_sources(const Devices *old, const Devices *new, sd_bus_error *error);
