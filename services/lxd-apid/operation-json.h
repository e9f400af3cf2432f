/* SPDX-License-Identifier: Apache-2.0 */
/* Operations as REST shows them. */
#pragma once

#include "json-write.h"
#include "operation.h"

/* Writes one operation object. metadata: its JSON text, or NULL to make it of the record's (keys with a dot nest one level, none at all
 * gives null). Resources under "instances" appear under "containers" too, as clients of LXD expect. */
void json_operation(JsonWriter *w, const char *key, const OperationRecord *record, const char *metadata);
