/* SPDX-License-Identifier: Apache-2.0 */
/* lxc image alias */

#include "image.h"

static char *arg_format = NULL;

static int alias_path(Context *c, char **ret) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        if (isempty(name))
                return fail(-EINVAL, "Alias name missing");
        *ret = api_path("images", "aliases", name, NULL);
        return 0;
}

static int run_create(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *name = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        jset_str(o, "name", name);
        jset_str(o, "target", c->args[1]);
        jset_str(o, "description", "");
        return client_call(c->client, "POST", "/1.0/images/aliases", o, NULL, &reply);
}

static int run_delete(Context *c) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = alias_path(c, &path);
        return r < 0 ? r : operation_run(c->client, "DELETE", path, NULL, NULL);
}

static int run_rename(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        int r;

        r = alias_path(c, &path);
        if (r < 0)
                return r;
        jset_str(o, "name", c->args[1]);
        return operation_run(c->client, "POST", path, o, NULL);
}

/* A filter is part of the fingerprint (its beginning) or of the name. */
static bool is_shown(struct json_object *o, char *const *filters) {
        for (; *filters; filters++)
                if (!startswith(jstr(o, "target"), *filters) && !strstr(jstr(o, "name"), *filters))
                        return false;
        return true;
}

static int run_list(Context *c) {
        static const char *const titles[] = { "ALIAS", "FINGERPRINT", "TYPE", "DESCRIPTION", NULL };
        _cleanup_json_ struct json_object *shown = json_object_new_array();
        _cleanup_(table_freep) Table *table = table_new();
        char **filters = c->args;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = output_check_format(arg_format);
        if (r >= 0 && filters[0] && endswith(filters[0], ":"))
                r = remote_check(*filters++);
        if (r >= 0)
                r = client_get(c->client, "/1.0/images/aliases?recursion=1", &reply);
        if (r < 0)
                return r;

        table_titles(table, titles);
        for (size_t i = 0; i < jlen(reply.metadata); i++) {
                struct json_object *o = jat(reply.metadata, i);

                if (!is_shown(o, filters))
                        continue;
                json_object_array_add(shown, json_object_get(o));
                table_cell(table, jstr(o, "name"));
                table_cellf(table, "%.12s", jstr(o, "target"));
                table_cell_take(table, upper(jstr(o, "type")));
                table_cell(table, jstr(o, "description"));
        }
        table_sort(table);
        return output_list(arg_format, table, shown);
}

static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };

static const Command create = {
        .name = "create",
        .usage = "[<remote>:]<alias> <fingerprint>",
        .summary = "Create aliases for existing images",
        .min_args = 2,
        .max_args = 2,
        .run = run_create,
};
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<alias>",
        .summary = "Delete image aliases",
        .min_args = 1,
        .max_args = 1,
        .run = run_delete,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:] [<filters>...]",
        .summary = "List image aliases",
        .description = "Filters may be part of the image hash or part of the image alias name.",
        .options = options_list,
        .max_args = COMMAND_ANY,
        .run = run_list,
};
static const Command rename_alias = {
        .name = "rename",
        .aliases = "mv",
        .usage = "[<remote>:]<alias> <new-name>",
        .summary = "Rename aliases",
        .min_args = 2,
        .max_args = 2,
        .run = run_rename,
};

const Command command_image_alias = {
        .name = "alias",
        .summary = "Manage image aliases",
        .children = (const Command *const[]) { &create, &delete, &list, &rename_alias, NULL },
};
