/* SPDX-License-Identifier: Apache-2.0 */
/* lxc rename */

#include "rename.h"

static int rename_snapshot(Context *c, const char *from, const char *to) {
        _cleanup_free_ char *instance = NULL, *snapshot = NULL, *to_instance = NULL, *to_snapshot = NULL, *path = NULL;
        _cleanup_json_ struct json_object *o = jnew();

        snapshot_split(from, &instance, &snapshot);
        snapshot_split(to, &to_instance, &to_snapshot);
        if (!to_snapshot || !streq(instance, to_instance))
                return fail(-EINVAL, "Invalid new snapshot name, parent must be the same as source");

        jset_str(o, "name", to_snapshot);
        path = api_path("instances", instance, "snapshots", snapshot, NULL);
        return operation_run(c->client, "POST", path, o, NULL);
}

int rename_instance(Context *c, const char *from, const char *to) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;

        if (strchr(from, '/'))
                return rename_snapshot(c, from, to);

        jset_str(o, "name", to);
        path = api_path("instances", from, NULL);
        return operation_run(c->client, "POST", path, o, NULL);
}

static int run(Context *c) {
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r;

        r = remote_split(c->args[0], &from);
        if (r >= 0)
                r = remote_split(c->args[1], &to);
        return r < 0 ? r : rename_instance(c, from, to);
}

const Command command_rename = {
        .name = "rename",
        .usage = "[<remote>:]<instance>[/<snapshot>] <instance>[/<snapshot>]",
        .summary = "Rename instances and snapshots",
        .min_args = 2,
        .max_args = 2,
        .run = run,
};
