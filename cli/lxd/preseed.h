/* SPDX-License-Identifier: Apache-2.0 */
/* A preseed: what the server is to have, as a document with config, networks, storage_pools, projects and profiles. */
#pragma once

#include "lxd.h"

/* Reads YAML text. Unknown members are refused; values of maps become strings. Returns 0 and the document, or -EINVAL
 * with fail() set. */
int preseed_parse(const char *text, size_t size, struct json_object **ret);

/* Makes it so: creates what there is not, changes what there is. If a step fails, the earlier ones are undone, and
 * the error of that step is what is reported. Returns 0 or a negative errno with fail() set. */
int preseed_apply(Client *client, struct json_object *preseed);

/* Prints the server's present state as a preseed. */
int preseed_dump(Client *client);
