/* SPDX-License-Identifier: Apache-2.0 */
/* Prints lists and objects. */

#include "base/file.h"
#include "fail.h"
#include "json-value.h"
#include "output.h"
#include "yaml-json.h"

static const char *const formats[] = { "table", "csv", "json", "yaml", "compact" };

int output_check_format(const char *format) {
        if (!format)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (streq(format, formats[i]))
                        return 0;
        return fail(-EINVAL, "Invalid format \"%s\"", format);
}

bool output_is_table(const char *format) {
        return !format || !(streq(format, "json") || streq(format, "yaml"));
}

int output_bytes(const void *data, size_t n) {
        int r = fd_write_all(STDOUT_FILENO, data, n);

        /* Who reads only the beginning ("| head") is content. */
        return r < 0 && r != -EPIPE ? fail(r, "Cannot write to standard output: %s", strerror(-r)) : 0;
}

/* Members that are maps of free keys, and members that are lists, in LXD's API. The server writes null for empty
 * ones now and then; maps are sorted by natural order. */
static const char *const map_names[] = {
        "config", "expanded_config", "devices", "expanded_devices", "properties", "network", "disk", "resources",
        "metadata", "context", "templates", "kernel_features", "lxc_features",
};
static const char *const list_names[] = {
        "profiles", "snapshots", "backups", "used_by", "aliases", "addresses", "locations", "projects", "operations",
        "ingress", "egress", "ports",
};

static bool name_in(const char *name, const char *const *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(name, list[i]))
                        return true;
        return false;
}

static int compare_keys(const void *a, const void *b) {
        return yaml_key_compare(*(const char *const *) a, *(const char *const *) b);
}

struct json_object *output_sorted(struct json_object *map) {
        _cleanup_free_ const char **keys = xcalloc((size_t) json_object_object_length(map), sizeof(char*));
        struct json_object *sorted = jnew();
        size_t n = 0;

        JFOREACH(m, map) {
                keys[n++] = m.key;
        }
        SORT(keys, n, compare_keys);
        for (size_t i = 0; i < n; i++)
                jset(sorted, keys[i], json_object_get(jget_key(map, keys[i])));
        return sorted;
}

static struct json_object *tidy(struct json_object *o, bool is_map);

static struct json_object *tidy_member(const char *key, struct json_object *value) {
        bool map = name_in(key, map_names, ELEMENTSOF(map_names));

        if (value || !(map || name_in(key, list_names, ELEMENTSOF(list_names))))
                return tidy(value, map);
        return map ? jnew() : json_object_new_array();
}

/* A copy of the tree as it is to be shown. New reference. */
static struct json_object *tidy(struct json_object *o, bool is_map) {
        _cleanup_json_ struct json_object *sorted = NULL;
        struct json_object *copy;

        switch (json_object_get_type(o)) {
        case json_type_array:
                copy = json_object_new_array();
                for (size_t i = 0; i < jlen(o); i++)
                        json_object_array_add(copy, tidy(jat(o, i), false));
                return copy;

        case json_type_object:
                copy = jnew();
                sorted = is_map ? output_sorted(o) : json_object_get(o);
                JFOREACH(m, sorted)
                        jset(copy, m.key, tidy_member(m.key, m.value));
                return copy;

        default:
                return json_object_get(o);
        }
}

int output_yaml_text(struct json_object *o, char **ret) {
        _cleanup_json_ struct json_object *copy = tidy(o, false);
        int r;

        r = yaml_dump(copy, 0, ret, NULL);
        if (r < 0)
                return fail(r, "The answer of the server cannot be written as YAML: %s", strerror(-r));
        return 0;
}

int output_yaml(struct json_object *o) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = output_yaml_text(o, &text);
        return r < 0 ? r : output_bytes(text, strlen(text));
}

int output_yaml_map(struct json_object *o) {
        _cleanup_json_ struct json_object *sorted = json_object_is_type(o, json_type_object) ? output_sorted(o) : jnew();

        return output_yaml(sorted);
}

static int compare_members(const void *a, const void *b) {
        return strcmp(((const JMember*) a)->key, ((const JMember*) b)->key);
}

static void indent(Buffer *text, unsigned depth) {
        buffer_putc(text, '\n');
        for (; depth > 0; depth--)
                buffer_putc(text, '\t');
}

static void put_json_string(const char *s, Buffer *text) {
        _cleanup_json_ struct json_object *o = json_object_new_string(s);

        buffer_puts(text, jtext(o));
}

static void put_json_object(struct json_object *o, bool sorted, unsigned depth, Buffer *text) {
        _cleanup_free_ JMember *members = xcalloc((size_t) json_object_object_length(o), sizeof(JMember));
        size_t n = 0;

        JFOREACH(m, o)
                members[n++] = m;
        if (sorted)
                SORT(members, n, compare_members);

        buffer_putc(text, '{');
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        buffer_putc(text, ',');
                indent(text, depth + 1);
                put_json_string(members[i].key, text);
                buffer_puts(text, ": ");
                output_json_pretty(members[i].value, sorted, depth + 1, text);
        }
        if (n > 0)
                indent(text, depth);
        buffer_putc(text, '}');
}

void output_json_pretty(struct json_object *o, bool sorted, unsigned depth, Buffer *text) {
        if (json_object_is_type(o, json_type_object))
                put_json_object(o, sorted, depth, text);
        else if (json_object_is_type(o, json_type_array)) {
                buffer_putc(text, '[');
                for (size_t i = 0; i < jlen(o); i++) {
                        if (i > 0)
                                buffer_putc(text, ',');
                        indent(text, depth + 1);
                        output_json_pretty(jat(o, i), sorted, depth + 1, text);
                }
                if (jlen(o) > 0)
                        indent(text, depth);
                buffer_putc(text, ']');
        } else
                buffer_puts(text, o ? jtext(o) : "null");
}

static int output_json(struct json_object *o) {
        _cleanup_buffer_ Buffer text = {};

        buffer_printf(&text, "%s\n", jtext(o));
        return output_bytes(text.data, text.size);
}

int output_list(const char *format, const Table *table, struct json_object *data) {
        _cleanup_buffer_ Buffer text = {};

        if (!format || streq(format, "table"))
                table_render(table, TABLE_BORDERS, &text);
        else if (streq(format, "compact"))
                table_render(table, TABLE_COMPACT, &text);
        else if (streq(format, "csv"))
                table_render(table, TABLE_CSV, &text);
        else if (streq(format, "json"))
                return output_json(data);
        else if (streq(format, "yaml"))
                return output_yaml(data);
        else
                return output_check_format(format);

        return output_bytes(text.data, text.size);
}
