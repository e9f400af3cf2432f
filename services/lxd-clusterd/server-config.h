/* SPDX-License-Identifier: Apache-2.0 */
/* The server's configuration keys: what may be set, what a reader may see. */
#pragma once

#include "config-schema.h"

extern const ConfigKey server_config_keys[];

/* Checks a whole new configuration: known keys, good values, and nothing that this server could not honour. 0; -EINVAL or -EOPNOTSUPP with error set. */
int server_config_check(const Config *c, sd_bus_error *error);
/* The configuration as clients see it: secrets are shown as "true". 0, -ENOMEM. */
int server_config_public(const Config *c, Config *ret);
