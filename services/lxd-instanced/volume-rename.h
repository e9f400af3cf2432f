/* SPDX-License-Identifier: Apache-2.0 */
/* Devices follow a custom volume that gets another name. */
#pragma once

#include "manager.h"

/* Every disk of an instance or profile of the project that names volume `from` of the pool names `to` from then on. Repeatable: what was
 * renamed is renamed no more. 0, negative errno with error set. */
int references_rename_volume(Manager *m, const char *pool, const char *project, const char *from, const char *to, sd_bus_error *error);
