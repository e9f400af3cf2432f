/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of "lxc list": letters, and keys of config and devices. */

#include "base/str.h"
#include "list-columns.h"

/* One address a line, "10.0.3.5 (eth0)", of that family; local ones are left out. */
static char *addresses(struct json_object *instance, const char *family) {
        struct json_object *network = jget(instance, "state.network");
        _cleanup_list_ char **list = NULL;
        Buffer text = {};

        buffer_puts(&text, "");
        if (!json_object_is_type(network, json_type_object))
                return text.data;

        JFOREACH(m, network) {
                struct json_object *a = jget(m.value, "addresses");

                for (size_t i = 0; i < jlen(a); i++) {
                        const char *scope = jstr(jat(a, i), "scope");

                        if (streq(jstr(jat(a, i), "family"), family) && !streq(scope, "link") && !streq(scope, "local"))
                                list_append(&list, xformat("%s (%s)", jstr(jat(a, i), "address"), m.key));
                }
        }

        /* The last first, as LXD does by sorting backwards: addresses with a higher text are usually global. */
        for (size_t n = list_length(list); n > 1; n--)
                for (size_t i = 0; i + 1 < n; i++)
                        if (strcmp(list[i], list[i + 1]) < 0) {
                                char *t = list[i];
                                list[i] = list[i + 1];
                                list[i + 1] = t;
                        }
        for (size_t i = 0; list && list[i]; i++)
                buffer_printf(&text, "%s%s", i > 0 ? "\n" : "", list[i]);
        return text.data;
}

static bool is_running(struct json_object *o) {
        int64_t code = jint(o, "status_code");

        return code == 103 || code == 110 || code == 109 || code == 113;       /* also frozen, freezing, ready */
}

static char *value_ipv4(const ListColumn *c, struct json_object *o) {
        return is_running(o) ? addresses(o, "inet") : xstrdup("");
}

static char *value_ipv6(const ListColumn *c, struct json_object *o) {
        return is_running(o) ? addresses(o, "inet6") : xstrdup("");
}

static char *value_architecture(const ListColumn *c, struct json_object *o) {
        return xstrdup(jstr(o, "architecture"));
}

static char *value_pool(const ListColumn *c, struct json_object *o) {
        struct json_object *devices = jget(o, "expanded_devices");

        if (!json_object_is_type(devices, json_type_object))
                return xstrdup("");

        JFOREACH(m, devices) {
                if (streq(jstr(m.value, "type"), "disk") && streq(jstr(m.value, "path"), "/"))
                        return xstrdup(jstr(m.value, "pool"));
        }
        return xstrdup("");
}

static char *date_or_nothing(const char *s) {
        return startswith(s, "0001-") || startswith(s, "1970-01-01T00:00:00") ? xstrdup("") : format_date(s);
}

static char *value_created(const ListColumn *c, struct json_object *o) {
        return date_or_nothing(jstr(o, "created_at"));
}

static char *value_last_used(const ListColumn *c, struct json_object *o) {
        return date_or_nothing(jstr(o, "last_used_at"));
}

static char *value_description(const ListColumn *c, struct json_object *o) {
        return xstrdup(jstr(o, "description"));
}

static char *value_disk(const ListColumn *c, struct json_object *o) {
        int64_t usage = jint(o, "state.disk.root.usage");

        return usage > 0 ? format_bytes(usage, 2) : xstrdup("");
}

static char *value_project(const ListColumn *c, struct json_object *o) {
        return xstrdup(jstr(o, "project"));
}

static char *value_memory(const ListColumn *c, struct json_object *o) {
        int64_t usage = jint(o, "state.memory.usage");

        return is_running(o) && usage > 0 ? format_bytes(usage, 2) : xstrdup("");
}

static char *value_memory_percent(const ListColumn *c, struct json_object *o) {
        int64_t usage = jint(o, "state.memory.usage"), total = jint(o, "state.memory.total");
        const char *limit = json_object_get_string(jget_key(jget(o, "expanded_config"), "limits.memory"));
        uint64_t bytes = (uint64_t) MAX(total, (int64_t) 0);

        if (bytes == 0 && (!limit || parse_size(limit, &bytes) < 0))
                return xstrdup("");
        if (!is_running(o) || usage <= 0 || bytes == 0)
                return xstrdup("");
        return xformat("%.1f%%", (double) usage * 100 / (double) bytes);
}

static char *value_name(const ListColumn *c, struct json_object *o) {
        return xstrdup(jstr(o, "name"));
}

static char *value_processes(const ListColumn *c, struct json_object *o) {
        return is_running(o) ? xformat("%" PRIi64, jint(o, "state.processes")) : xstrdup("");
}

static char *value_pid(const ListColumn *c, struct json_object *o) {
        return is_running(o) ? xformat("%" PRIi64, jint(o, "state.pid")) : xstrdup("");
}

static char *value_profiles(const ListColumn *c, struct json_object *o) {
        struct json_object *profiles = jget(o, "profiles");
        Buffer text = {};

        buffer_puts(&text, "");
        for (size_t i = 0; i < jlen(profiles); i++)
                buffer_printf(&text, "%s%s", i > 0 ? "\n" : "", jstr_at(profiles, i));
        return text.data;
}

static char *value_state(const ListColumn *c, struct json_object *o) {
        return upper(jstr(o, "status"));
}

static char *value_snapshots(const ListColumn *c, struct json_object *o) {
        return xformat("%zu", jlen(jget(o, "snapshots")));
}

static char *value_type(const ListColumn *c, struct json_object *o) {
        const char *type = jstr(o, "type");
        _cleanup_free_ char *u = upper(isempty(type) ? "container" : type);

        return jbool(o, "ephemeral") ? xformat("%s (EPHEMERAL)", u) : TAKE_PTR(u);
}

static char *value_cpu(const ListColumn *c, struct json_object *o) {
        int64_t usage = jint(o, "state.cpu.usage");

        return is_running(o) && usage > 0 ? xformat("%" PRIi64 "s", usage / 1000000000) : xstrdup("");
}

static char *value_location(const ListColumn *c, struct json_object *o) {
        return xstrdup(jstr(o, "location"));
}

static const char *base_image(struct json_object *o) {
        return strempty(json_object_get_string(jget_key(jget(o, "config"), "volatile.base_image")));
}

static char *value_image_short(const ListColumn *c, struct json_object *o) {
        return xstrndup(base_image(o), 12);
}

static char *value_image(const ListColumn *c, struct json_object *o) {
        return xstrdup(base_image(o));
}

static char *value_config(const ListColumn *c, struct json_object *o) {
        struct json_object *value = jget_key(jget(o, "config"), c->key) ?: jget_key(jget(o, "expanded_config"), c->key);

        return xstrdup(strempty(json_object_get_string(value)));
}

/* "eth0.parent": the device's name ends at the first dot. */
static char *value_device(const ListColumn *c, struct json_object *o) {
        const char *dot = strchr(c->key, '.');
        _cleanup_free_ char *name = xstrndup(c->key, (size_t) (dot - c->key));
        struct json_object *device = jget_key(jget(o, "devices"), name) ?: jget_key(jget(o, "expanded_devices"), name);

        return xstrdup(strempty(json_object_get_string(jget_key(device, dot + 1))));
}

static const struct {
        char letter;
        const char *title;
        char *(*value)(const ListColumn *column, struct json_object *instance);
        const char *members;
        ListNeeds needs;
} letters[] = {
        { '4', "IPV4", value_ipv4, "state status_code", LIST_NEEDS_STATE },
        { '6', "IPV6", value_ipv6, "state status_code", LIST_NEEDS_STATE },
        { 'a', "ARCHITECTURE", value_architecture, "architecture" },
        { 'b', "STORAGE POOL", value_pool, "expanded_devices" },
        { 'c', "CREATED AT", value_created, "created_at" },
        { 'd', "DESCRIPTION", value_description, "description" },
        { 'D', "DISK USAGE", value_disk, "state", LIST_NEEDS_STATE },
        { 'e', "PROJECT", value_project, "project" },
        { 'f', "BASE IMAGE", value_image_short, "config" },
        { 'F', "BASE IMAGE", value_image, "config" },
        { 'l', "LAST USED AT", value_last_used, "last_used_at" },
        { 'L', "LOCATION", value_location, "location" },
        { 'm', "MEMORY USAGE", value_memory, "state status_code", LIST_NEEDS_STATE },
        { 'M', "MEMORY USAGE%", value_memory_percent, "state status_code expanded_config", LIST_NEEDS_STATE },
        { 'n', "NAME", value_name, "name" },
        { 'N', "PROCESSES", value_processes, "state status_code", LIST_NEEDS_STATE },
        { 'p', "PID", value_pid, "state status_code", LIST_NEEDS_STATE },
        { 'P', "PROFILES", value_profiles, "profiles" },
        { 's', "STATE", value_state, "status" },
        { 'S', "SNAPSHOTS", value_snapshots, "snapshots", LIST_NEEDS_STATE },
        { 't', "TYPE", value_type, "type ephemeral" },
        { 'u', "CPU USAGE", value_cpu, "state status_code", LIST_NEEDS_STATE },
};

static void columns_add(ListColumns *c, ListColumn column) {
        _cleanup_list_ char **members = list_split(column.members, ' ');

        c->columns = xrealloc(c->columns, (c->n + 1) * sizeof(ListColumn));
        c->columns[c->n++] = column;
        c->needs |= column.needs;
        for (char **m = members; *m; m++)
                if (!list_contains(c->members, *m))
                        list_append(&c->members, xstrdup(*m));
}

static int add_letters(ListColumns *c, const char *text, bool clustered) {
        for (const char *p = text; *p; p++) {
                size_t i;

                for (i = 0; i < ELEMENTSOF(letters); i++)
                        if (letters[i].letter == *p)
                                break;
                if (i == ELEMENTSOF(letters))
                        return fail(-EINVAL, "Unknown column shorthand char '%c' in '%s'", *p, text);
                if (*p == 'L' && !clustered)
                        return fail(-EINVAL, "Can't specify column L when not clustered");

                columns_add(c, (ListColumn) {
                        .title = xstrdup(letters[i].title),
                        .value = letters[i].value,
                        .needs = letters[i].needs,
                        .members = letters[i].members,
                        .max_width = -1,
                });
        }
        return 0;
}

/* "[config:|devices:]key[:name][:maxWidth]" */
static int add_custom(ListColumns *c, const char *text) {
        _cleanup_list_ char **fields = list_split(text, ':');
        char **f = fields;
        ListColumn column = { .value = value_config, .members = "config expanded_config", .max_width = -1 };

        if (list_length(f) > 1 && (streq(f[0], "config") || streq(f[0], "devices"))) {
                if (streq(f[0], "devices")) {
                        column.value = value_device;
                        column.members = "devices expanded_devices";
                }
                f++;
        }
        if (list_length(f) > 3)
                return fail(-EINVAL, "Invalid config key column format (too many fields): '%s'", text);
        if (!strchr(f[0], '.') || f[0][0] == '.')
                return fail(-EINVAL, "Invalid config key '%s' in '%s'", f[0], text);

        if (f[1] && f[2]) {
                if (parse_i64(f[2], &column.max_width) < 0)
                        return fail(-EINVAL, "Invalid max width (must be an integer) '%s' in '%s'", f[2], text);
                if (column.max_width < -1)
                        return fail(-EINVAL, "Invalid max width (must -1, 0 or a positive integer) '%s' in '%s'", f[2], text);
        }
        column.key = xstrdup(f[0]);
        column.title = xstrdup(f[1] ?: f[0]);
        if (column.max_width == 0)
                column.max_width = (int64_t) strlen(column.title);
        columns_add(c, column);
        return 0;
}

void list_columns_done(ListColumns *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->columns[i].title);
                free(c->columns[i].key);
        }
        free(c->columns);
        list_free(c->members);
        *c = (ListColumns) {};
}

int list_columns_parse(const char *text, bool clustered, ListColumns *ret) {
        _cleanup_(list_columns_done) ListColumns c = {};
        _cleanup_list_ char **fields = list_split(text, ',');

        for (char **f = fields; *f; f++) {
                int r;

                if (!**f)
                        return fail(-EINVAL, "Empty column entry (redundant, leading or trailing command) in '%s'", text);
                r = strchr(*f, '.') || strchr(*f, ':') ? add_custom(&c, *f) : add_letters(&c, *f, clustered);
                if (r < 0)
                        return r;
        }

        *ret = c;
        c = (ListColumns) {};
        return 0;
}
