/* SPDX-License-Identifier: Apache-2.0 */
/* lxc image list */

#include <regex.h>

#include "image.h"

#define COLUMNS_DEFAULT "lfpdatsu"

static char *arg_columns = NULL, *arg_format = NULL;

static const struct {
        char letter;
        const char *title;
} columns[] = {
        { 'l', "ALIAS" }, { 'L', "ALIASES" }, { 'f', "FINGERPRINT" }, { 'F', "FINGERPRINT" }, { 'p', "PUBLIC" },
        { 'd', "DESCRIPTION" }, { 'a', "ARCHITECTURE" }, { 't', "TYPE" }, { 's', "SIZE" }, { 'u', "UPLOAD DATE" },
};

static const char *column_title(char letter) {
        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                if (columns[i].letter == letter)
                        return columns[i].title;
        return NULL;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(jstr(*(struct json_object *const *) a, "name"), jstr(*(struct json_object *const *) b, "name"));
}

/* The shortest alias, and how many more there are. */
static char *short_alias(struct json_object *aliases) {
        const char *shortest = NULL;

        for (size_t i = 0; i < jlen(aliases); i++) {
                const char *name = jstr(jat(aliases, i), "name");

                if (!shortest || strlen(name) < strlen(shortest))
                        shortest = name;
        }
        if (jlen(aliases) > 1)
                return xformat("%s (%zu more)", shortest, jlen(aliases) - 1);
        return xstrdup(strempty(shortest));
}

static char *all_aliases(struct json_object *aliases) {
        size_t n = jlen(aliases);
        _cleanup_free_ struct json_object **list = xcalloc(n, sizeof(struct json_object*));
        Buffer text = {};

        for (size_t i = 0; i < n; i++)
                list[i] = jat(aliases, i);
        SORT(list, n, compare_names);
        buffer_puts(&text, "");
        for (size_t i = 0; i < n; i++)
                buffer_printf(&text, "%s%s", i > 0 ? "\n" : "", jstr(list[i], "name"));
        return text.data;
}

static char *cell(char letter, struct json_object *o) {
        switch (letter) {
        case 'l':
                return short_alias(jget(o, "aliases"));
        case 'L':
                return all_aliases(jget(o, "aliases"));
        case 'f':
                return xstrndup(jstr(o, "fingerprint"), 12);
        case 'F':
                return xstrdup(jstr(o, "fingerprint"));
        case 'p':
                return xstrdup(yes_no(jbool(o, "public")));
        case 'd':
                return xstrdup(jstr(o, "properties.description"));
        case 'a':
                return xstrdup(jstr(o, "architecture"));
        case 't':
                return upper(isempty(jstr(o, "type")) ? "container" : jstr(o, "type"));
        case 's':
                return xformat("%.2fMB", (double) jint(o, "size") / 1024.0 / 1024.0);
        default:
                return format_long_date(date_seconds(jstr(o, "uploaded_at")));
        }
}

static bool property_matches(struct json_object *o, const char *key, const char *value) {
        _cleanup_free_ char *expression = xformat("^%s$", value);
        regex_t regex;
        bool valid = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) == 0, found = false;

        JFOREACH(m, jget(o, "properties")) {
                const char *text = strempty(json_object_get_string(m.value));

                if (startswith(m.key, key) && (streq(text, value) || (valid && regexec(&regex, text, 0, NULL, 0) == 0)))
                        found = true;
        }
        if (valid)
                regfree(&regex);
        return found || streq(jstr(o, key), value);
}

static bool filter_matches(struct json_object *o, const char *filter) {
        struct json_object *aliases = jget(o, "aliases");
        const char *equals = strchr(filter, '=');

        if (equals) {
                _cleanup_free_ char *key = xstrndup(filter, (size_t) (equals - filter));
                return property_matches(o, key, equals + 1);
        }
        for (size_t i = 0; i < jlen(aliases); i++)
                if (strstr(jstr(jat(aliases, i), "name"), filter))
                        return true;
        return strstr(jstr(o, "fingerprint"), filter);
}

static bool is_shown(struct json_object *o, char *const *filters) {
        for (; *filters; filters++)
                if (!filter_matches(o, *filters))
                        return false;
        return true;
}

static int check_columns(const char *letters) {
        _cleanup_list_ char **fields = list_split(letters, ',');

        for (char **f = fields; *f; f++)
                if (!**f)
                        return fail(-EINVAL, "Empty column entry (redundant, leading or trailing command) in '%s'", letters);
        for (const char *p = letters; *p; p++)
                if (*p != ',' && !column_title(*p))
                        return fail(-EINVAL, "Unknown column shorthand char '%c' in '%s'", *p, letters);
        return 0;
}

/* The first filter may have a remote in front. Returns 1 if it is nothing but that. */
static int strip_remote(char **filters) {
        _cleanup_free_ char *rest = NULL;
        int r;

        if (!filters[0] || strcspn(filters[0], "=") < strcspn(filters[0], ":"))
                return 0;
        r = remote_split(filters[0], &rest);
        if (r < 0)
                return r;
        free(filters[0]);
        filters[0] = TAKE_PTR(rest);
        return isempty(filters[0]);
}

static int run(Context *c) {
        const char *letters = arg_columns ?: COLUMNS_DEFAULT;
        _cleanup_json_ struct json_object *shown = json_object_new_array();
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_reply_ Reply reply = {};
        char **filters = c->args;
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = check_columns(letters);
        if (r >= 0)
                r = strip_remote(filters);
        if (r > 0)
                filters++;
        if (r >= 0)
                r = client_get(c->client, "/1.0/images?recursion=1", &reply);
        if (r < 0)
                return r;

        for (const char *p = letters; *p; p++)
                if (*p != ',')
                        table_title(table, column_title(*p));
        for (size_t i = 0; i < jlen(reply.metadata); i++) {
                struct json_object *o = jat(reply.metadata, i);

                if (!is_shown(o, filters))
                        continue;
                json_object_array_add(shown, json_object_get(o));
                for (const char *p = letters; *p; p++)
                        if (*p != ',')
                                table_cell_take(table, cell(*p, o));
        }
        table_sort(table);
        return output_list(arg_format, table, shown);
}

static const Option options[] = {
        { 'c', "columns", OPTION_STRING, &arg_columns, "Columns", NULL, "\"" COLUMNS_DEFAULT "\"" },
        OPTION_FORMAT(arg_format),
        {},
};

const Command command_image_list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:] [<filter>...]",
        .summary = "List images",
        .description = "A filter is a property (<key>=<value>), part of a fingerprint or part of an alias.\n"
                       "\n"
                       "The columns:\n"
                       "    l - Shortest image alias (and number of other aliases)\n"
                       "    L - List of all image aliases\n"
                       "    f - Fingerprint (short)\n"
                       "    F - Fingerprint (long)\n"
                       "    p - Whether image is public\n"
                       "    d - Description\n"
                       "    a - Architecture\n"
                       "    s - Size\n"
                       "    u - Upload date\n"
                       "    t - Type",
        .options = options,
        .max_args = COMMAND_ANY,
        .run = run,
};
