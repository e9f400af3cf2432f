/* SPDX-License-Identifier: Apache-2.0 */
/* lxc storage volume snapshot, restore */

#include "storage.h"

static bool arg_no_expiry = false, arg_reuse = false;

static int delete_old(Context *c, const Volume *v, const char *snapshot) {
        Volume old = { v->pool, v->type, v->name, (char*) snapshot };
        _cleanup_free_ char *path = volume_path(&old, arg_storage_target);
        int r;

        r = operation_run(c->client, "DELETE", path, NULL, NULL);
        if (r == -ENOENT) {
                fail_clear();
                return 0;
        }
        return r;
}

static int run_snapshot(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        int r;

        r = volume_parse(c->args[0], c->args[1], &v);
        if (r < 0)
                return r;
        if (!streq(v.type, "custom"))
                return fail(-EINVAL, "Only \"custom\" volumes can be snapshotted");
        if (arg_reuse && c->args[2]) {
                r = delete_old(c, &v, c->args[2]);
                if (r < 0)
                        return r;
        }

        jset_str(o, "name", strempty(c->args[2]));
        if (arg_no_expiry)
                jset_str(o, "expires_at", "0001-01-01T00:00:00Z");
        path = api_path("storage-pools", v.pool, "volumes", v.type, v.name, "snapshots", NULL);
        api_query(&path, "target", arg_storage_target);
        return operation_run(c->client, "POST", path, o, NULL);
}

static int run_restore(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        int r;

        r = volume_parse(c->args[0], c->args[1], &v);
        if (r < 0)
                return r;
        jset_str(o, "restore", c->args[2]);
        path = volume_path(&v, arg_storage_target);
        return operation_run(c->client, "PUT", path, o, NULL);
}

static const Option options_snapshot[] = {
        { 0, "no-expiry", OPTION_BOOL, &arg_no_expiry, "Ignore any configured auto-expiry for the storage volume" },
        { 0, "reuse", OPTION_BOOL, &arg_reuse, "If the snapshot name already exists, delete and create a new one" },
        OPTION_STORAGE_TARGET,
        {},
};
static const Option options_restore[] = { OPTION_STORAGE_TARGET, {} };

const Command command_storage_volume_snapshot = {
        .name = "snapshot",
        .usage = "[<remote>:]<pool> <volume> [<snapshot>]",
        .summary = "Snapshot storage volumes",
        .options = options_snapshot,
        .min_args = 2,
        .max_args = 3,
        .run = run_snapshot,
};
const Command command_storage_volume_restore = {
        .name = "restore",
        .usage = "[<remote>:]<pool> <volume> <snapshot>",
        .summary = "Restore storage volume snapshots",
        .options = options_restore,
        .min_args = 3,
        .max_args = 3,
        .run = run_restore,
};
