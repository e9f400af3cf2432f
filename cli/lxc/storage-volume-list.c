/* SPDX-License-Identifier: Apache-2.0 */
/* lxc storage volume list, info */

#include <ctype.h>
#include <stdio.h>

#include "storage.h"

#define COLUMNS_DEFAULT "etndcuL"

static char *arg_columns = NULL, *arg_format = NULL;
static bool arg_all_projects = false;

static const struct {
        char letter;
        const char *title;
} columns[] = {
        { 'c', "CONTENT-TYPE" }, { 'd', "DESCRIPTION" }, { 'e', "PROJECT" }, { 'L', "LOCATION" }, { 'n', "NAME" },
        { 't', "TYPE" }, { 'u', "USED BY" }, { 'U', "USAGE" },
};

static const char *column_title(char letter) {
        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                if (columns[i].letter == letter)
                        return columns[i].title;
        return NULL;
}

static int get_usage(Context *c, const char *pool, struct json_object *o, char **ret) {
        _cleanup_free_ char *path = api_path("storage-pools", pool, "volumes", jstr(o, "type"), jstr(o, "name"), "state", NULL);
        _cleanup_reply_ Reply reply = {};
        int r;

        if (strchr(jstr(o, "name"), '/')) {     /* snapshots have no state of their own */
                *ret = xstrdup("");
                return 0;
        }
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;
        *ret = jint(reply.metadata, "usage.used") > 0 ? format_bytes(jint(reply.metadata, "usage.used"), 2) : xstrdup("");
        return 0;
}

static int add_cell(Context *c, Table *table, char letter, const char *pool, struct json_object *o) {
        char *usage = NULL;
        int r;

        switch (letter) {
        case 'c':
                table_cell(table, jstr(o, "content_type"));
                break;
        case 'd':
                table_cell(table, jstr(o, "description"));
                break;
        case 'e':
                table_cell(table, jstr(o, "project"));
                break;
        case 'L':
                table_cell(table, jstr(o, "location"));
                break;
        case 'n':
                table_cell(table, jstr(o, "name"));
                break;
        case 't':
                table_cellf(table, "%s%s", jstr(o, "type"), strchr(jstr(o, "name"), '/') ? " (snapshot)" : "");
                break;
        case 'u':
                table_cellf(table, "%zu", jlen(jget(o, "used_by")));
                break;
        default:
                r = get_usage(c, pool, o, &usage);
                if (r < 0)
                        return r;
                table_cell_take(table, usage);
        }
        return 0;
}

static int compare_volumes(const void *a, const void *b) {
        struct json_object *x = *(struct json_object *const *) a, *y = *(struct json_object *const *) b;
        int r = strcmp(jstr(x, "type"), jstr(y, "type"));

        return r != 0 ? r : natural_compare(jstr(x, "name"), jstr(y, "name"));
}

static bool is_shown(struct json_object *o, char *const *filters) {
        for (; *filters; filters++) {
                const char *equals = strchr(*filters, '=');
                _cleanup_free_ char *key = equals ? xstrndup(*filters, (size_t) (equals - *filters)) : NULL;

                if (key ? !streq(jstr(o, key), equals + 1) : !startswith(jstr(o, "name"), *filters))
                        return false;
        }
        return true;
}

/* The default columns, without those that say nothing here: the project, unless of all; the location, out of a cluster. */
static char *default_columns(struct json_object *volumes) {
        const char *location = jstr(jat(volumes, 0), "location");
        bool clustered = !isempty(location) && !streq(location, "none");

        return xformat("%stndcu%s", arg_all_projects ? "e" : "", clustered ? "L" : "");
}

static int check_columns(const char *letters) {
        for (const char *p = letters; p && *p; p++)
                if (*p != ',' && !column_title(*p))
                        return fail(-EINVAL, "Unknown column shorthand char '%c' in '%s'", *p, letters);
        return 0;
}

static int run_list(Context *c) {
        _cleanup_json_ struct json_object *shown = json_object_new_array();
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_free_ char *pool = NULL, *path = NULL, *letters = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = check_columns(arg_columns);
        if (r >= 0)
                r = remote_split(c->args[0], &pool);
        if (r < 0)
                return r;
        path = api_path("storage-pools", pool, "volumes", NULL);
        api_query(&path, "recursion", "1");
        api_query(&path, "all-projects", arg_all_projects ? "true" : NULL);
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        letters = arg_columns ? xstrdup(arg_columns) : default_columns(reply.metadata);
        for (size_t i = 0; i < jlen(reply.metadata); i++)
                if (is_shown(jat(reply.metadata, i), c->args + 1))
                        json_object_array_add(shown, json_object_get(jat(reply.metadata, i)));
        json_object_array_sort(shown, compare_volumes);

        for (const char *p = letters; *p; p++)
                if (*p != ',')
                        table_title(table, column_title(*p));
        for (size_t i = 0; i < jlen(shown); i++)
                for (const char *p = letters; *p; p++) {
                        r = *p == ',' ? 0 : add_cell(c, table, *p, pool, jat(shown, i));
                        if (r < 0)
                                return r;
                }
        return output_list(arg_format, table, shown);
}

static int print_snapshots(struct json_object *snapshots) {
        static const char *const titles[] = { "NAME", "DESCRIPTION", "EXPIRES AT", NULL };
        _cleanup_(table_freep) Table *table = table_new();

        if (jlen(snapshots) == 0)
                return 0;
        table_titles(table, titles);
        for (size_t i = 0; i < jlen(snapshots); i++) {
                const char *slash = strrchr(jstr(jat(snapshots, i), "name"), '/');

                table_cell(table, slash ? slash + 1 : jstr(jat(snapshots, i), "name"));
                table_cell(table, jstr(jat(snapshots, i), "description"));
                table_cell_take(table, format_date(jstr(jat(snapshots, i), "expires_at")));
        }
        printf("\nSnapshots:\n");
        fflush(stdout);
        return output_list(NULL, table, NULL);
}

static int run_info(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL, *state_path = NULL, *snapshots_path = NULL, *used = NULL, *total = NULL;
        _cleanup_reply_ Reply volume = {}, state = {}, snapshots = {};
        int r;

        r = volume_parse(c->args[0], c->args[1], &v);
        if (r < 0)
                return r;
        if (v.snapshot)
                return fail(-EINVAL, "\"%s\" is a snapshot; \"lxc storage volume show\" shows it", c->args[1]);

        path = volume_path(&v, arg_storage_target);
        state_path = api_path("storage-pools", v.pool, "volumes", v.type, v.name, "state", NULL);
        snapshots_path = api_path("storage-pools", v.pool, "volumes", v.type, v.name, "snapshots", NULL);
        api_query(&state_path, "target", arg_storage_target);
        api_query(&snapshots_path, "recursion", "1");
        r = client_get(c->client, path, &volume);
        if (r >= 0)
                r = client_get(c->client, state_path, &state);
        if (r >= 0 && streq(v.type, "custom"))
                r = client_get(c->client, snapshots_path, &snapshots);
        if (r < 0)
                return r;

        printf("Name: %s\n", jstr(volume.metadata, "name"));
        if (!isempty(jstr(volume.metadata, "description")))
                printf("Description: %s\n", jstr(volume.metadata, "description"));
        printf("Type: %s\n", jstr(volume.metadata, "type"));
        printf("Content type: %s\n", jstr(volume.metadata, "content_type"));
        used = format_bytes(jint(state.metadata, "usage.used"), 2);
        printf("Usage: %s\n", used);
        if (jint(state.metadata, "usage.total") > 0) {
                total = format_bytes(jint(state.metadata, "usage.total"), 2);
                printf("Total: %s\n", total);
        }
        return print_snapshots(snapshots.metadata);
}

static const Option options_list[] = {
        { 0, "all-projects", OPTION_BOOL, &arg_all_projects, "All projects" },
        { 'c', "columns", OPTION_STRING, &arg_columns, "Columns", NULL, "\"" COLUMNS_DEFAULT "\"" },
        OPTION_FORMAT(arg_format),
        {},
};
static const Option options_info[] = { OPTION_STORAGE_TARGET, {} };

const Command command_storage_volume_list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]<pool> [<filter>...]",
        .summary = "List storage volumes",
        .description = "A filter is the beginning of a name, or <member>=<value>.\n"
                       "\n"
                       "The columns:\n"
                       "    c - Content type (filesystem or block)\n"
                       "    d - Description\n"
                       "    e - Project name\n"
                       "    L - Location (cluster member)\n"
                       "    n - Name\n"
                       "    t - Type of volume (custom, image, container or virtual-machine)\n"
                       "    u - Number of references (used by)\n"
                       "    U - Current disk usage",
        .options = options_list,
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run_list,
};
const Command command_storage_volume_info = {
        .name = "info",
        .usage = "[<remote>:]<pool> <volume>",
        .summary = "Show storage volume state information",
        .options = options_info,
        .min_args = 2,
        .max_args = 2,
        .run = run_info,
};
