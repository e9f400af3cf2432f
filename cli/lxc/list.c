/* SPDX-License-Identifier: Apache-2.0 */
/* lxc list: the instances of a server. */

#include "json-skim.h"
#include "list-columns.h"
#include "list-filter.h"

#define COLUMNS_DEFAULT "ns46tSL"
#define COLUMNS_FAST "nsacPt"

static char *arg_columns = NULL, *arg_format = NULL;
static bool arg_fast = false, arg_all_projects = false;

/* Only a member of a cluster has a location. */
static bool is_clustered(struct json_object *instances) {
        const char *location = jstr(jat(instances, 0), "location");

        return !isempty(location) && !streq(location, "none");
}

/* Only the members that are looked at, if they are known beforehand; all of them otherwise. */
static int parse_instances(const Buffer *body, const ListColumns *columns, bool all, struct json_object **ret) {
        _cleanup_json_ struct json_object *document = NULL;
        _cleanup_free_ const char **keys = NULL;
        size_t n = 0;

        keys = xcalloc(list_length(columns->members) + 3, sizeof(char*));
        for (char **m = columns->members; m && *m; m++)
                keys[n++] = *m;
        keys[n++] = "name";
        keys[n++] = "location";
        if (!all && body->data && json_skim(body->data, body->size, keys, ret) >= 0)
                return 0;

        document = body->data ? json_tokener_parse(body->data) : NULL;
        if (!json_object_is_type(jget(document, "metadata"), json_type_array))
                return fail(-EBADMSG, "The answer of the server is not a list of instances");
        *ret = json_object_get(jget(document, "metadata"));
        return 0;
}

static int get_instances(Context *c, bool state, Buffer *ret) {
        _cleanup_free_ char *path = xstrdup("/1.0/instances");
        _cleanup_(http_head_done) HttpHead head = {};

        api_query(&path, "recursion", state ? "2" : "1");
        if (arg_all_projects)
                api_query(&path, "all-projects", "true");
        else
                client_add_project(c->client, &path);
        return client_transfer(c->client, &(HttpRequest) { .method = "GET", .path = path }, &head, http_sink_buffer, ret);
}

static struct json_object *filtered(const ListFilters *filters, struct json_object *instances) {
        struct json_object *result = json_object_new_array();

        for (size_t i = 0; i < jlen(instances); i++)
                if (list_filters_match(filters, jat(instances, i)))
                        json_object_array_add(result, json_object_get(jat(instances, i)));
        return result;
}

static Table *make_table(const ListColumns *columns, struct json_object *instances) {
        Table *table = table_new();

        for (size_t i = 0; i < columns->n; i++)
                table_title(table, columns->columns[i].title);

        for (size_t i = 0; i < jlen(instances); i++)
                for (size_t j = 0; j < columns->n; j++) {
                        const ListColumn *column = columns->columns + j;
                        char *value = column->value(column, jat(instances, i));

                        if (column->max_width >= 0 && (size_t) column->max_width < strlen(value))
                                value[column->max_width] = 0;
                        table_cell_take(table, value);
                }
        table_sort(table);
        return table;
}

/* The default columns, as the letters that make sense: no location outside of a cluster. */
static char *columns_text(bool clustered) {
        const char *columns = arg_columns ?: arg_fast ? COLUMNS_FAST : COLUMNS_DEFAULT;

        if (arg_all_projects && !arg_columns)
                return xformat("e%.*s", (int) (strlen(columns) - (!arg_fast && !clustered)), columns);
        if (!arg_columns && !arg_fast && !clustered)
                return xstrndup(columns, strlen(columns) - 1);
        return xstrdup(columns);
}

/* The first argument may begin with a remote, alone or before a filter: "local:web". Addresses have colons as well. */
static int strip_remote(char **arguments) {
        const char *first = arguments[0];
        char *rest = NULL;
        int r;

        if (!first || !strchr(first, ':') || strcspn(first, "=") < strcspn(first, ":"))
                return 0;
        r = remote_split(first, &rest);
        if (r < 0)
                return r;
        free(arguments[0]);
        if (*rest) {
                arguments[0] = rest;
                return 0;
        }
        free(rest);
        memmove(arguments, arguments + 1, list_length(arguments) * sizeof(char*));
        return 0;
}

static int run(Context *c) {
        _cleanup_(list_filters_freep) ListFilters *filters = NULL;
        _cleanup_(list_columns_done) ListColumns columns = {};
        _cleanup_json_ struct json_object *all = NULL, *instances = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_buffer_ Buffer body = {};
        bool data;
        int r;

        r = output_check_format(arg_format);
        if (r >= 0 && arg_fast && arg_columns)
                r = fail(-EINVAL, "Can't specify --fast with --columns");
        if (r >= 0)
                r = strip_remote(c->args);
        if (r < 0)
                return r;

        /* Checked before anything is asked, and again when it is known whether this is a cluster. */
        text = columns_text(true);
        r = list_columns_parse(text, true, &columns);
        if (r < 0)
                return r;

        data = !output_is_table(arg_format);
        filters = list_filters_new(c->args);
        r = get_instances(c, data || (columns.needs & LIST_NEEDS_STATE) || list_filters_need_state(filters), &body);
        if (r >= 0)
                r = parse_instances(&body, &columns, data || list_filters_need_all(filters), &all);
        if (r < 0)
                return r;

        instances = filtered(filters, all);
        if (!data) {
                free(text);
                text = columns_text(is_clustered(all));
                list_columns_done(&columns);
                r = list_columns_parse(text, is_clustered(all), &columns);
                if (r < 0)
                        return r;
                table = make_table(&columns, instances);
        }
        return output_list(arg_format, table, instances);
}

static const Option options[] = {
        { 0, "all-projects", OPTION_BOOL, &arg_all_projects, "Display instances from all projects" },
        { 'c', "columns", OPTION_STRING, &arg_columns, "Columns", NULL, "\"" COLUMNS_DEFAULT "\"" },
        { 0, "fast", OPTION_BOOL, &arg_fast, "Fast mode (same as --columns=" COLUMNS_FAST ")" },
        OPTION_FORMAT(arg_format),
        {},
};

const Command command_list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:] [<filter>...]",
        .summary = "List instances",
        .description =
                "Each filter leaves out the instances that do not match it. A filter is one of\n"
                "  web                    names that begin with \"web\"\n"
                "  '.*web.*01'            names that match a regular expression: all of it, or with ^ or $ part of it\n"
                "  user.blah=abc          a config key with that value (a regular expression too);\n"
                "                         parts of the key may be cut short: u.blah=abc\n"
                "  name=t1                a name, or a regular expression for the whole of it\n"
                "  type=, status=, architecture=, location=   one of several values, separated by commas\n"
                "  ephemeral=             true or false\n"
                "  ipv4=, ipv6=           an address or a network (10.0.3.0/24)\n"
                "\n"
                "Columns are letters, or keys, separated by commas. The letters:\n"
                "  4 - IPv4 address                  n - Name\n"
                "  6 - IPv6 address                  N - Number of processes\n"
                "  a - Architecture                  p - PID of the instance's init process\n"
                "  b - Storage pool                  P - Profiles\n"
                "  c - Creation date                 s - State\n"
                "  d - Description                   S - Number of snapshots\n"
                "  D - Disk usage                    t - Type (persistent or ephemeral)\n"
                "  e - Project name                  u - CPU usage (in seconds)\n"
                "  l - Last used date                L - Location (cluster member)\n"
                "  m - Memory usage                  f - Base image fingerprint (short)\n"
                "  M - Memory usage (%)              F - Base image fingerprint (long)\n"
                "A key is [config:|devices:]key[:title][:width]; width -1 is unlimited, 0 that of the title.",
        .examples = "  lxc list -c nFs46,volatile.eth0.hwaddr:MAC,config:image.os,devices:eth0.parent:ETHP\n"
                    "  lxc list status=running -c n -f csv\n"
                    "      The names of all running instances.",
        .options = options,
        .max_args = COMMAND_ANY,
        .run = run,
};
