/* SPDX-License-Identifier: Apache-2.0 */
/* lxc snapshot */

#include "lxc.h"

static bool arg_no_expiry = false, arg_reuse = false, arg_stateful = false;

static int delete_old(Context *c, const char *instance, const char *snapshot) {
        _cleanup_free_ char *path = api_path("instances", instance, "snapshots", snapshot, NULL);
        int r;

        r = operation_run(c->client, "DELETE", path, NULL, NULL);
        if (r == -ENOENT) {
                fail_clear();
                return 0;
        }
        return r;
}

static int run(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *name = NULL, *path = NULL;
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        if (c->args[1] && arg_reuse) {
                r = delete_old(c, name, c->args[1]);
                if (r < 0)
                        return r;
        }

        jset_str(o, "name", strempty(c->args[1]));
        jset_bool(o, "stateful", arg_stateful);
        if (arg_no_expiry)
                jset_str(o, "expires_at", "0001-01-01T00:00:00Z");
        path = api_path("instances", name, "snapshots", NULL);
        return operation_run(c->client, "POST", path, o, NULL);
}

static const Option options[] = {
        { 0, "no-expiry", OPTION_BOOL, &arg_no_expiry, "Ignore any configured auto-expiry for the instance" },
        { 0, "reuse", OPTION_BOOL, &arg_reuse, "If the snapshot name already exists, delete and create a new one" },
        { 0, "stateful", OPTION_BOOL, &arg_stateful, "Whether or not to snapshot the instance's running state" },
        {},
};

const Command command_snapshot = {
        .name = "snapshot",
        .usage = "[<remote>:]<instance> [<snapshot name>]",
        .summary = "Create instance snapshots",
        .description = "Without a name, the snapshot gets the next free one of the instance's snapshots.pattern.",
        .examples = "  lxc snapshot u1 snap0\n"
                    "      Create a snapshot of \"u1\" called \"snap0\".",
        .options = options,
        .min_args = 1,
        .max_args = 2,
        .run = run,
};
