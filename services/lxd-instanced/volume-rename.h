/* SPDX-License-Identifier: Apache-2.0 */
/* Devices follow a custom volume that gets another name, or another pool. */
#pragma once

#include "manager.h"

typedef struct VolumeName {
        const char *pool, *name;
} VolumeName;

/* Every disk of an instance or profile of the project that names `from` names `to` from then on. Repeatable: what was renamed is renamed no
 * more. 0, negative errno with error set. */
int references_rename_volume(Manager *m, const char *project, const VolumeName *from, const VolumeName *to, sd_bus_error *error);
