/* SPDX-License-Identifier: Apache-2.0 */
/* lxc storage: pools. */

#include <stdio.h>

#include "storage.h"

char *arg_storage_target = NULL;
static char *arg_format = NULL;
static bool arg_resources = false, arg_bytes = false;

static const char *const pool_writable[] = { "config", "description", NULL };
static const char *const pool_shown[] = {
        "config", "description", "name", "driver", "used_by", "status", "locations", NULL,
};

static int pool_entity(Context *c, Entity *ret, char **ret_path, char **ret_name) {
        int r;

        r = remote_split(c->args[0], ret_name);
        if (r < 0)
                return r;
        if (isempty(*ret_name))
                return fail(-EINVAL, "Missing pool name");

        *ret_path = api_path("storage-pools", *ret_name, NULL);
        api_query(ret_path, "target", arg_storage_target);
        *ret = (Entity) {
                .path = *ret_path,
                .writable = pool_writable,
                .shown = pool_shown,
                .get_if_set = true,
                .help = "### A storage pool, as YAML.\n"
                        "### Lines that begin with a '#' are ignored.\n"
                        "###\n"
                        "### For example:\n"
                        "### config:\n"
                        "###   size: 20GiB\n"
                        "###\n"
                        "### Only the configuration and the description can be changed here.\n",
        };
        return 0;
}

static const EntityKind pool_kind = { .title = "Storage pool", .find = pool_entity };

static void add_row(Context *c, Table *table, struct json_object *o) {
        table_cell(table, jstr(o, "name"));
        table_cell(table, jstr(o, "driver"));
        table_cell(table, json_object_get_string(jget_key(jget(o, "config"), "source")));
        table_cell(table, jstr(o, "description"));
        table_cellf(table, "%zu", jlen(jget(o, "used_by")));
        table_cell_take(table, upper(jstr(o, "status")));
}

static const EntityList pool_list = {
        .path = "/1.0/storage-pools?recursion=1",
        .titles = (const char *const[]) { "NAME", "DRIVER", "SOURCE", "DESCRIPTION", "USED BY", "STATE", NULL },
        .row = add_row,
        .format = &arg_format,
};

static int run_create(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *name = NULL, *path = xstrdup("/1.0/storage-pools");
        int r;

        r = remote_split(c->args[0], &name);
        if (r >= 0)
                r = keyvalues_parse(c->args + 2, jobject(o, "config"));
        if (r < 0)
                return r;

        jset_str(o, "name", name);
        jset_str(o, "driver", c->args[1]);
        api_query(&path, "target", arg_storage_target);
        r = operation_run(c->client, "POST", path, o, NULL);
        if (r < 0 || c->client->quiet)
                return r;
        if (arg_storage_target)
                printf("Storage pool %s pending on member %s\n", name, arg_storage_target);
        else
                printf("Storage pool %s created\n", name);
        return 0;
}

static int get_resources(Context *c, const char *name, Reply *ret) {
        _cleanup_free_ char *path = api_path("storage-pools", name, "resources", NULL);

        api_query(&path, "target", arg_storage_target);
        return client_get(c->client, path, ret);
}

static int run_show(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        _cleanup_reply_ Reply resources = {};
        Entity e;
        int r;

        r = pool_entity(c, &e, &path, &name);
        if (r < 0 || !arg_resources)
                return r < 0 ? r : entity_show(c, &e);
        r = get_resources(c, name, &resources);
        if (r >= 0 && jint(resources.metadata, "inodes.total") == 0)    /* a file system that has no fixed number */
                json_object_object_del(resources.metadata, "inodes");
        return r < 0 ? r : output_yaml(resources.metadata);
}

/* What uses the pool, by kind: { "instances": [ "c1" ], "volumes": [ "data" ] }. */
static struct json_object *used_by_kind(struct json_object *list) {
        struct json_object *kinds = jnew();

        for (size_t i = 0; i < jlen(list); i++) {
                _cleanup_list_ char **parts = list_split(jstr_at(list, i), '/');
                const char *kind, *name;
                struct json_object *names;

                if (list_length(parts) < 4)
                        continue;
                /* "", "1.0", "instances", "c1", ... or "", "1.0", "storage-pools", POOL, "volumes", TYPE, "v1", ... */
                kind = list_length(parts) > 6 && streq(parts[4], "volumes") ? parts[4] : parts[2];
                name = kind == parts[4] ? parts[6] : parts[3];

                names = jget_key(kinds, kind);
                if (!names) {
                        names = json_object_new_array();
                        jset(kinds, kind, names);
                }
                json_object_array_add(names, json_object_new_string_len(name, (int) strcspn(name, "?")));
        }
        return kinds;
}

static char *space_text(struct json_object *resources, const char *member) {
        return arg_bytes ? xformat("%" PRIi64, jint(resources, member)) : format_bytes(jint(resources, member), 2);
}

static int run_info(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL, *name = NULL, *used = NULL, *total = NULL;
        _cleanup_reply_ Reply pool = {}, resources = {};
        struct json_object *info = jobject(o, "info");
        Entity e;
        int r;

        r = pool_entity(c, &e, &path, &name);
        if (r >= 0)
                r = client_get(c->client, path, &pool);
        if (r >= 0)
                r = get_resources(c, name, &resources);
        if (r < 0)
                return r;

        used = space_text(resources.metadata, "space.used");
        total = space_text(resources.metadata, "space.total");
        jset_str(info, "description", jstr(pool.metadata, "description"));
        jset_str(info, "driver", jstr(pool.metadata, "driver"));
        jset_str(info, "name", jstr(pool.metadata, "name"));
        jset_str(info, "space used", used);
        jset_str(info, "total space", total);
        jset(o, "used by", used_by_kind(jget(pool.metadata, "used_by")));
        return output_yaml(o);
}

static const Option options_target[] = { OPTION_STORAGE_TARGET, {} };
static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };
static const Option options_show[] = {
        { 0, "resources", OPTION_BOOL, &arg_resources, "Show the resources available to the storage pool" },
        OPTION_STORAGE_TARGET,
        {},
};
static const Option options_info[] = {
        { 0, "bytes", OPTION_BOOL, &arg_bytes, "Show the used and free space in bytes" },
        OPTION_STORAGE_TARGET,
        {},
};

static const Command create = {
        .name = "create",
        .usage = "[<remote>:]<pool> <driver> [key=value...]",
        .summary = "Create storage pools",
        .examples = "  lxc storage create fast btrfs size=20GiB\n"
                    "      A pool in a file of 20 GiB.",
        .options = options_target,
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .run = run_create,
};
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<pool>",
        .summary = "Delete storage pools",
        .min_args = 1,
        .max_args = 1,
        .data = &pool_kind,
        .run = entity_run_delete,
};
static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<pool>",
        .summary = "Edit storage pool configurations as YAML",
        .examples = "  lxc storage edit [<remote>:]<pool> < pool.yaml\n"
                    "      Update a storage pool using the content of pool.yaml.",
        .min_args = 1,
        .max_args = 1,
        .data = &pool_kind,
        .run = entity_run_edit,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<pool> <key>",
        .summary = "Get values for storage pool configuration keys",
        .options = options_target,
        .min_args = 2,
        .max_args = 2,
        .data = &pool_kind,
        .run = entity_run_get,
};
static const Command info = {
        .name = "info",
        .usage = "[<remote>:]<pool>",
        .summary = "Show useful information about storage pools",
        .options = options_info,
        .min_args = 1,
        .max_args = 1,
        .run = run_info,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]",
        .summary = "List available storage pools",
        .options = options_list,
        .max_args = 1,
        .data = &pool_list,
        .run = entity_run_list,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<pool> <key>=<value>...",
        .summary = "Set storage pool configuration keys",
        .options = options_target,
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .data = &pool_kind,
        .run = entity_run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<pool>",
        .summary = "Show storage pool configurations and resources",
        .options = options_show,
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<pool> <key>",
        .summary = "Unset storage pool configuration keys",
        .options = options_target,
        .min_args = 2,
        .max_args = 2,
        .data = &pool_kind,
        .run = entity_run_unset,
};

const Command command_storage = {
        .name = "storage",
        .summary = "Manage storage pools and volumes",
        .children = (const Command *const[]) {
                &create, &delete, &edit, &get, &info, &list, &set, &show, &unset, &command_storage_volume, NULL,
        },
};
