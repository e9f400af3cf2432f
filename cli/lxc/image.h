/* SPDX-License-Identifier: Apache-2.0 */
/* What the sub-commands of "lxc image" share. */
#pragma once

#include "lxc.h"

/* The fingerprint that a name stands for: an alias's target, else the name itself. 'type' ("virtual-machine", or NULL
 * for any) chooses among aliases of the same name. Returns 0 and text to be freed, or a negative errno. */
int image_resolve(Client *client, const char *name, const char *type, char **ret);

/* remote_split() for a local image, image_resolve(), and its path. */
int image_path(Context *c, const char *argument, const char *type, char **ret_path);

/* Makes aliases point to an image, also those that exist. */
int image_set_aliases(Client *client, char *const *aliases, const char *fingerprint);

/* The fingerprint in what an operation left behind, "" if there is none. */
const char *image_fingerprint(struct json_object *operation);

extern const Command command_image_alias, command_image_copy, command_image_export, command_image_import,
        command_image_list, command_image_refresh;
