/* SPDX-License-Identifier: Apache-2.0 */
/* What a project may be called, and its configuration keys. */
#pragma once

#include <systemd/sd-bus.h>

#include "keyvalue.h"

/* 0, -EINVAL with error set. */
int project_name_check(const char *name, sd_bus_error *error);
/* Checks the keys whose values differ from those in `old`. 0; -EINVAL, or -EOPNOTSUPP for a limit that nobody would enforce, with
 * error set. */
int project_config_check(const Config *old, const Config *new, sd_bus_error *error);
