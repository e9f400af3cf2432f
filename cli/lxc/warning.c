/* SPDX-License-Identifier: Apache-2.0 */
/* lxc warning */

#include "entity.h"

static char *arg_format = NULL;
static bool arg_all = false, arg_delete_all = false;

static int run_list(Context *c) {
        static const char *const titles[] = { "UUID", "TYPE", "STATUS", "SEVERITY", "COUNT", "PROJECT", "LAST SEEN", NULL };
        _cleanup_json_ struct json_object *shown = json_object_new_array();
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_reply_ Reply reply = {};
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = remote_check(c->args[0]);
        if (r >= 0)
                r = client_get(c->client, "/1.0/warnings?recursion=1", &reply);
        if (r < 0)
                return r;

        table_titles(table, titles);
        for (size_t i = 0; i < jlen(reply.metadata); i++) {
                struct json_object *o = jat(reply.metadata, i);

                if (!arg_all && streq(jstr(o, "status"), "resolved"))
                        continue;
                json_object_array_add(shown, json_object_get(o));
                table_cell(table, jstr(o, "uuid"));
                table_cell(table, jstr(o, "type"));
                table_cell_take(table, upper(jstr(o, "status")));
                table_cell_take(table, upper(jstr(o, "severity")));
                table_cellf(table, "%" PRIi64, jint(o, "count"));
                table_cell(table, jstr(o, "project"));
                table_cell_take(table, format_long_date(date_seconds(jstr(o, "last_seen_at"))));
        }
        table_sort(table);
        return output_list(arg_format, table, shown);
}

static int warning_path(const char *argument, char **ret) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(argument, &name);
        if (r >= 0)
                *ret = api_path("warnings", name, NULL);
        return r;
}

static int run_show(Context *c) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = warning_path(c->args[0], &path);
        return r < 0 ? r : entity_show(c, &(Entity) { .path = path });
}

static int run_acknowledge(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        int r;

        r = warning_path(c->args[0], &path);
        if (r < 0)
                return r;
        jset_str(o, "status", "acknowledged");
        return operation_run(c->client, "PUT", path, o, NULL);
}

static int run_delete(Context *c) {
        _cleanup_reply_ Reply reply = {};
        int r;

        if (arg_delete_all == (c->n_args > 0))
                return fail(-EINVAL, "Name the warning to delete, or pass --all");
        if (!arg_delete_all) {
                _cleanup_free_ char *path = NULL;

                r = warning_path(c->args[0], &path);
                return r < 0 ? r : operation_run(c->client, "DELETE", path, NULL, NULL);
        }

        r = client_get(c->client, "/1.0/warnings?recursion=1", &reply);
        for (size_t i = 0; r >= 0 && i < jlen(reply.metadata); i++) {
                _cleanup_free_ char *path = api_path("warnings", jstr(jat(reply.metadata, i), "uuid"), NULL);

                r = operation_run(c->client, "DELETE", path, NULL, NULL);
        }
        return r;
}

static const Option options_list[] = {
        { 'a', "all", OPTION_BOOL, &arg_all, "List all warnings" },
        OPTION_FORMAT(arg_format),
        {},
};
static const Option options_delete[] = {
        { 'a', "all", OPTION_BOOL, &arg_delete_all, "Delete all warnings" },
        {},
};

static const Command acknowledge = {
        .name = "acknowledge",
        .aliases = "ack",
        .usage = "[<remote>:]<warning-uuid>",
        .summary = "Acknowledge warning",
        .min_args = 1,
        .max_args = 1,
        .run = run_acknowledge,
};
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<warning-uuid>",
        .summary = "Delete warning",
        .options = options_delete,
        .max_args = 1,
        .run = run_delete,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]",
        .summary = "List warnings",
        .options = options_list,
        .max_args = 1,
        .run = run_list,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<warning-uuid>",
        .summary = "Show warning",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
};

const Command command_warning = {
        .name = "warning",
        .summary = "Manage warnings",
        .children = (const Command *const[]) { &acknowledge, &delete, &list, &show, NULL },
};
