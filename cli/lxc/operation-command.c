/* SPDX-License-Identifier: Apache-2.0 */
/* lxc operation */

#include <stdio.h>

#include "entity.h"

static char *arg_format = NULL;
static bool arg_all_projects = false;

static void add_row(Table *table, struct json_object *o) {
        _cleanup_free_ char *date = format_date(jstr(o, "created_at"));

        table_cell(table, jstr(o, "id"));
        table_cell_take(table, upper(jstr(o, "class")));
        table_cell(table, jstr(o, "description"));
        table_cell_take(table, upper(jstr(o, "status")));
        table_cell(table, yes_no_upper(jbool(o, "may_cancel")));
        table_cell(table, date);
}

static int run_list(Context *c) {
        static const char *const titles[] = { "ID", "TYPE", "DESCRIPTION", "STATUS", "CANCELABLE", "CREATED", NULL };
        _cleanup_json_ struct json_object *all = json_object_new_array();
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_free_ char *path = xstrdup("/1.0/operations?recursion=1");
        _cleanup_reply_ Reply reply = {};
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = remote_check(c->args[0]);
        if (r < 0)
                return r;
        api_query(&path, "all-projects", arg_all_projects ? "true" : NULL);
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        table_titles(table, titles);
        JFOREACH(m, reply.metadata)             /* lists by state: "running", "success", ... */
                for (size_t i = 0; i < jlen(m.value); i++) {
                        json_object_array_add(all, json_object_get(jat(m.value, i)));
                        add_row(table, jat(m.value, i));
                }
        table_sort(table);
        return output_list(arg_format, table, all);
}

static int operation_path(Context *c, char **ret, char **ret_name) {
        int r;

        r = remote_split(c->args[0], ret_name);
        if (r >= 0)
                *ret = api_path("operations", *ret_name, NULL);
        return r;
}

static int run_show(Context *c) {
        static const char *const shown[] = {
                "id", "class", "description", "created_at", "updated_at", "status", "status_code", "resources", "metadata",
                "may_cancel", "err", "location", NULL,
        };
        _cleanup_free_ char *path = NULL, *name = NULL;
        int r;

        r = operation_path(c, &path, &name);
        return r < 0 ? r : entity_show(c, &(Entity) { .path = path, .shown = shown });
}

static int run_delete(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        int r;

        r = operation_path(c, &path, &name);
        if (r >= 0)
                r = operation_run(c->client, "DELETE", path, NULL, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Operation %s deleted\n", name);
        return r;
}

static const Option options_list[] = {
        { 0, "all-projects", OPTION_BOOL, &arg_all_projects, "List operations from all projects" },
        OPTION_FORMAT(arg_format),
        {},
};

static const Command delete = {
        .name = "delete",
        .aliases = "cancel rm",
        .usage = "[<remote>:]<operation>",
        .summary = "Delete a background operation (will attempt to cancel)",
        .min_args = 1,
        .max_args = 1,
        .run = run_delete,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]",
        .summary = "List background operations",
        .options = options_list,
        .max_args = 1,
        .run = run_list,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<operation>",
        .summary = "Show details on a background operation",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
};

const Command command_operation = {
        .name = "operation",
        .summary = "List, show and delete background operations",
        .children = (const Command *const[]) { &delete, &list, &show, NULL },
};
