/* SPDX-License-Identifier: Apache-2.0 */
/* lxc restore */

#include "lxc.h"

static bool arg_stateful = false;

static int run(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *name = NULL, *path = NULL;
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;

        jset_str(o, "restore", c->args[1]);
        jset_bool(o, "stateful", arg_stateful);
        path = api_path("instances", name, NULL);
        return operation_run(c->client, "PUT", path, o, NULL);
}

static const Option options[] = {
        { 0, "stateful", OPTION_BOOL, &arg_stateful, "Whether or not to restore the instance's running state from snapshot (if available)" },
        {},
};

const Command command_restore = {
        .name = "restore",
        .usage = "[<remote>:]<instance> <snapshot>",
        .summary = "Restore instances from snapshots",
        .description = "The instance becomes what it was; what has changed since then is lost.",
        .examples = "  lxc snapshot u1 snap0\n"
                    "      Create the snapshot.\n"
                    "\n"
                    "  lxc restore u1 snap0\n"
                    "      Restore the snapshot.",
        .options = options,
        .min_args = 2,
        .max_args = 2,
        .run = run,
};
