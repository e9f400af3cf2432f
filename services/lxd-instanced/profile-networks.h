/* SPDX-License-Identifier: Apache-2.0 */
/* The networks that a profile names: lxd-netd knows whether they are there. */
#pragma once

#include "profile.h"

/* Asks for those of the devices that p (NULL: a new profile) does not name yet; then the request is read from its beginning by apply(), with p, or the manager, as
 * userdata. Answers m itself when it has to ask. 0 or more as a bus handler has it; negative errno with error set, -EINVAL for a network that is not there. */
int profile_check_networks(Manager *m, const char *project, Profile *p, const Devices *devices, sd_bus_message *request, sd_bus_message_handler_t apply,
                           sd_bus_error *error);
