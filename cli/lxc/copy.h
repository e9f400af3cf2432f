/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of instances, for copy and move. */
#pragma once

#include "lxc.h"

typedef struct CopyOptions {
        char *const *config, *const *devices, *const *profiles;
        const char *storage, *target, *target_project, *mode;
        bool no_profiles, ephemeral, instance_only, refresh, stateless, allow_inconsistent;
} CopyOptions;

/* Checks --mode. Returns 0 or -EINVAL with fail() set. */
int copy_check_mode(const char *mode);

/* Copies 'from' ("name" or "name/snapshot") to 'to' ("" lets the server choose a name, which is printed). Returns 0 or
 * a negative errno with fail() set. */
int copy_instance(Context *c, const char *from, const char *to, const CopyOptions *options);

/* Applies -c, -d, -p, -s and --no-profiles to a request that has config, devices and profiles. As above. */
int copy_apply_options(Client *client, struct json_object *o, const CopyOptions *options);
