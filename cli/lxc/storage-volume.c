/* SPDX-License-Identifier: Apache-2.0 */
/* lxc storage volume: create, delete, rename, and the configuration. */

#include <stdio.h>

#include "storage.h"

static char *arg_type = NULL;

static const char *const volume_writable[] = { "config", "description", NULL };
static const char *const volume_shown[] = {
        "config", "description", "name", "type", "used_by", "location", "content_type", "project", "created_at", NULL,
};
static const char *const snapshot_writable[] = { "description", "expires_at", NULL };
static const char *const snapshot_shown[] = {
        "description", "expires_at", "name", "config", "content_type", "created_at", NULL,
};

void volume_done(Volume *v) {
        free(v->pool);
        free(v->type);
        free(v->name);
        free(v->snapshot);
        *v = (Volume) {};
}

static void split_snapshot(Volume *v, const char *name) {
        const char *slash = strchr(name, '/');

        v->name = slash ? xstrndup(name, (size_t) (slash - name)) : xstrdup(name);
        v->snapshot = slash ? xstrdup(slash + 1) : NULL;
}

int volume_parse(const char *pool, const char *name, Volume *ret) {
        static const char *const types[] = { "container", "custom", "image", "virtual-machine" };
        Volume v = {};
        int r;

        r = remote_split(pool, &v.pool);
        if (r < 0)
                return r;
        if (isempty(v.pool)) {
                volume_done(&v);
                return fail(-EINVAL, "Missing pool name");
        }

        for (size_t i = 0; i < ELEMENTSOF(types) && !v.type; i++)
                if (startswith(name, types[i]) && name[strlen(types[i])] == '/') {
                        v.type = xstrdup(types[i]);
                        name += strlen(types[i]) + 1;
                }
        if (!v.type)
                v.type = xstrdup("custom");
        split_snapshot(&v, name);
        *ret = v;
        return 0;
}

int volume_parse_path(const char *argument, const char *role, Volume *ret) {
        _cleanup_free_ char *name = NULL;
        Volume v = {};
        char *slash;
        int r;

        r = remote_split(argument, &name);
        if (r < 0)
                return r;
        slash = strchr(name, '/');
        if (!slash || !slash[1]) {
                (void) fail(-EINVAL, "No storage pool for %s volume specified", role);
                fail_hint("Name the volume \"%s\" as <pool>/<volume>", argument);
                return -EINVAL;
        }
        *slash = 0;
        v.pool = xstrdup(name);
        v.type = xstrdup("custom");
        split_snapshot(&v, slash + 1);
        *ret = v;
        return 0;
}

char *volume_path(const Volume *v, const char *target) {
        char *path = v->snapshot ?
                api_path("storage-pools", v->pool, "volumes", v->type, v->name, "snapshots", v->snapshot, NULL) :
                api_path("storage-pools", v->pool, "volumes", v->type, v->name, NULL);

        api_query(&path, "target", target);
        return path;
}

static int volume_entity(Context *c, Entity *ret, char **ret_path, Volume *ret_volume) {
        int r;

        r = volume_parse(c->args[0], c->args[1], ret_volume);
        if (r < 0)
                return r;
        *ret_path = volume_path(ret_volume, arg_storage_target);
        *ret = (Entity) {
                .path = *ret_path,
                .writable = ret_volume->snapshot ? snapshot_writable : volume_writable,
                .shown = ret_volume->snapshot ? snapshot_shown : volume_shown,
                .get_if_set = true,
                .help = "### A storage volume, as YAML.\n"
                        "### Lines that begin with a '#' are ignored.\n"
                        "###\n"
                        "### For example:\n"
                        "### config:\n"
                        "###   size: 10GiB\n",
        };
        return 0;
}

static int run_create(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        int r;

        r = volume_parse(c->args[0], c->args[1], &v);
        if (r >= 0)
                r = keyvalues_parse(c->args + 2, jobject(o, "config"));
        if (r < 0)
                return r;
        if (v.snapshot)
                return fail(-EINVAL, "Storage volume names may not contain slashes");

        jset_str(o, "name", v.name);
        jset_str(o, "type", v.type);
        jset_str(o, "content_type", arg_type ?: "filesystem");
        path = api_path("storage-pools", v.pool, "volumes", v.type, NULL);
        api_query(&path, "target", arg_storage_target);
        r = operation_run(c->client, "POST", path, o, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Storage volume %s created\n", c->args[1]);
        return r;
}

static int run_delete(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = volume_entity(c, &e, &path, &v);
        if (r >= 0)
                r = operation_run(c->client, "DELETE", path, NULL, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Storage volume %s deleted\n", c->args[1]);
        return r;
}

static int run_rename(Context *c) {
        _cleanup_(volume_done) Volume from = {}, to = {};
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        const char *name;
        Entity e;
        int r;

        r = volume_entity(c, &e, &path, &from);
        if (r >= 0)
                r = volume_parse(c->args[0], c->args[2], &to);
        if (r < 0)
                return r;
        if (!from.snapshot != !to.snapshot || (from.snapshot && !streq(from.name, to.name)))
                return fail(-EINVAL, "Invalid new snapshot name, parent volume must be the same as source");

        name = from.snapshot ? to.snapshot : to.name;
        jset_str(o, "name", name);
        r = operation_run(c->client, "POST", path, o, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Renamed storage volume from \"%s\" to \"%s\"\n", c->args[1], name);
        return r;
}

static int run_show(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = volume_entity(c, &e, &path, &v);
        return r < 0 ? r : entity_show(c, &e);
}

static int run_edit(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = volume_entity(c, &e, &path, &v);
        return r < 0 ? r : entity_edit(c, &e);
}

static int run_get(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = volume_entity(c, &e, &path, &v);
        return r < 0 ? r : entity_get(c, &e, c->args[2]);
}

static int run_set(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = volume_entity(c, &e, &path, &v);
        if (r >= 0 && v.snapshot)
                r = fail(-EINVAL, "Snapshots are read-only and can't have their configuration changed");
        return r < 0 ? r : entity_set(c, &e, c->args + 2);
}

static int run_unset(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = volume_entity(c, &e, &path, &v);
        if (r >= 0 && v.snapshot)
                r = fail(-EINVAL, "Snapshots are read-only and can't have their configuration changed");
        return r < 0 ? r : entity_unset(c, &e, c->args[2]);
}

static const Option options_target[] = { OPTION_STORAGE_TARGET, {} };
static const Option options_create[] = {
        OPTION_STORAGE_TARGET,
        { 0, "type", OPTION_STRING, &arg_type, "Content type, block or filesystem", NULL, "\"filesystem\"" },
        {},
};

static const Command create = {
        .name = "create",
        .usage = "[<remote>:]<pool> <volume> [key=value...]",
        .summary = "Create new custom storage volumes",
        .options = options_create,
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .run = run_create,
};
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<pool> <volume>[/<snapshot>]",
        .summary = "Delete storage volumes",
        .options = options_target,
        .min_args = 2,
        .max_args = 2,
        .run = run_delete,
};
static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<pool> <volume>[/<snapshot>]",
        .summary = "Edit storage volume configurations as YAML",
        .options = options_target,
        .min_args = 2,
        .max_args = 2,
        .run = run_edit,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<pool> <volume>[/<snapshot>] <key>",
        .summary = "Get values for storage volume configuration keys",
        .options = options_target,
        .min_args = 3,
        .max_args = 3,
        .run = run_get,
};
static const Command rename_volume = {
        .name = "rename",
        .usage = "[<remote>:]<pool> <old name>[/<old snapshot name>] <new name>[/<new snapshot name>]",
        .summary = "Rename storage volumes",
        .options = options_target,
        .min_args = 3,
        .max_args = 3,
        .run = run_rename,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<pool> <volume> <key>=<value>...",
        .summary = "Set storage volume configuration keys",
        .options = options_target,
        .min_args = 3,
        .max_args = COMMAND_ANY,
        .run = run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<pool> <volume>[/<snapshot>]",
        .summary = "Show storage volume configurations",
        .examples = "  lxc storage volume show default data\n"
                    "      Will show the properties of a custom volume called \"data\" in the \"default\" pool.\n"
                    "\n"
                    "  lxc storage volume show default container/data\n"
                    "      Will show the properties of the filesystem for a container called \"data\" in the \"default\" pool.",
        .options = options_target,
        .min_args = 2,
        .max_args = 2,
        .run = run_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<pool> <volume> <key>",
        .summary = "Unset storage volume configuration keys",
        .options = options_target,
        .min_args = 3,
        .max_args = 3,
        .run = run_unset,
};

const Command command_storage_volume = {
        .name = "volume",
        .summary = "Manage storage volumes",
        .description = "A volume is a \"custom\" (user created) one unless its type is put before it: container/c1.",
        .children = (const Command *const[]) {
                &command_storage_volume_attach, &command_storage_volume_attach_profile, &command_storage_volume_copy,
                &create, &delete, &command_storage_volume_detach, &command_storage_volume_detach_profile, &edit, &get,
                &command_storage_volume_info, &command_storage_volume_list, &command_storage_volume_move,
                &rename_volume, &command_storage_volume_restore, &set, &show, &command_storage_volume_snapshot,
                &unset, NULL,
        },
};
