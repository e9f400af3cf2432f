/* SPDX-License-Identifier: Apache-2.0 */
/* get, set, unset, show, edit and list for everything that has a configuration. */

#include <stdio.h>

#include "editor.h"
#include "entity.h"
#include "yaml-json.h"

static const char *entity_map(const Entity *e) {
        return e->map ?: "config";
}

int entity_get(Context *c, const Entity *e, const char *key) {
        _cleanup_reply_ Reply reply = {};
        struct json_object *value;
        int r;

        r = client_get(c->client, e->path, &reply);
        if (r < 0)
                return r;
        value = jget_key(jget(reply.metadata, entity_map(e)), key);
        if (value || !e->get_if_set)
                printf("%s\n", strempty(json_object_get_string(value)));
        return 0;
}

int entity_change(Context *c, const Entity *e, int (*change)(struct json_object *o, void *userdata), void *userdata) {
        _cleanup_json_ struct json_object *request = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(c->client, e->path, &reply);
        if (r < 0)
                return r;

        request = jpick(reply.metadata, e->writable);
        r = change(request, userdata);
        if (r < 0)
                return r;
        return operation_run(c->client, "PUT", e->path, request, reply.etag);
}

typedef struct MapChange {
        const Entity *entity;
        struct json_object *values;     /* to set */
        const char *key;                /* to unset */
} MapChange;

static int change_set(struct json_object *o, void *userdata) {
        MapChange *m = userdata;
        struct json_object *map = jobject(o, entity_map(m->entity));

        JFOREACH(v, m->values)
                jset(map, v.key, json_object_get(v.value));
        return 0;
}

int entity_set(Context *c, const Entity *e, char *const *arguments) {
        _cleanup_json_ struct json_object *values = jnew();
        int r;

        r = keyvalues_parse_set(arguments, values);
        if (r < 0)
                return r;
        return entity_change(c, e, change_set, &(MapChange) { .entity = e, .values = values });
}

static int change_unset(struct json_object *o, void *userdata) {
        MapChange *m = userdata;
        struct json_object *map = jobject(o, entity_map(m->entity));

        if (m->entity->strict_unset && !json_object_object_get_ex(map, m->key, NULL))
                return fail(-ENOENT, "Can't unset key '%s', it's not currently set", m->key);
        json_object_object_del(map, m->key);
        return 0;
}

int entity_unset(Context *c, const Entity *e, const char *key) {
        return entity_change(c, e, change_unset, &(MapChange) { .entity = e, .key = key });
}

static bool is_listed(const char *const *list, const char *key) {
        for (; list && *list; list++)
                if (streq(*list, key))
                        return true;
        return false;
}

struct json_object *entity_order(const Entity *e, struct json_object *o) {
        struct json_object *ordered = jnew();

        for (const char *const *k = e->shown; k && *k; k++) {
                struct json_object *value = NULL;

                if (json_object_object_get_ex(o, *k, &value))
                        jset(ordered, *k, json_object_get(value));
        }
        if (!e->only_shown)
                JFOREACH(m, o)
                        if (!is_listed(e->shown, m.key))
                                jset(ordered, m.key, json_object_get(m.value));
        return ordered;
}

int entity_show(Context *c, const Entity *e) {
        _cleanup_json_ struct json_object *ordered = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(c->client, e->path, &reply);
        if (r < 0)
                return r;
        ordered = entity_order(e, reply.metadata);
        return output_yaml(ordered);
}

/* Members of requests that are true or false; all other single values are text, whatever they look like. */
static const char *const booleans[] = {
        "ephemeral", "stateful", "public", "auto_update", "restricted", NULL,
};

static int take_member(struct json_object *into, const char *key, struct json_object *value) {
        struct json_object *copy;

        if (is_listed(booleans, key)) {
                if (!json_object_is_type(value, json_type_boolean))
                        return fail(-EINVAL, "\"%s\" is either true or false, not \"%s\"", key, strempty(yaml_text(value)));
                jset_bool(into, key, json_object_get_boolean(value));
                return 0;
        }
        if (!value)
                return 0;

        copy = json_object_get(value);
        if (yaml_stringify(&copy) < 0)
                abort();
        jset(into, key, copy);
        return 0;
}

int entity_parse(const Entity *e, const char *text, size_t size, struct json_object **ret) {
        _cleanup_json_ struct json_object *document = NULL, *request = jnew();
        _cleanup_free_ char *message = NULL;
        int r;

        r = yaml_parse(text, size, &document, &message);
        if (r < 0)
                return fail(-EINVAL, "%s", message ?: strerror(-r));
        if (document && !json_object_is_type(document, json_type_object))
                return fail(-EINVAL, "The text is to be a YAML map, \"key: value\" line by line");

        JFOREACH(m, document) {
                if (is_listed(e->writable, m.key)) {
                        r = take_member(request, m.key, m.value);
                        if (r < 0)
                                return r;
                } else if (!is_listed(e->shown, m.key))
                        fprintf(stderr, "Warning: the field \"%s\" is unknown and ignored\n", m.key);
        }

        *ret = TAKE_PTR(request);
        return 0;
}

static int edit_from_stdin(Context *c, const Entity *e) {
        _cleanup_json_ struct json_object *request = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_stdin(&text, &size);
        if (r < 0)
                return r;
        r = entity_parse(e, text, size, &request);
        if (r < 0)
                return r;
        if (json_object_object_length(request) == 0)    /* would reset everything */
                return fail(-EINVAL, "Standard input has no configuration");
        return operation_run(c->client, "PUT", e->path, request, NULL);
}

/* The text for the editor: what the user may change and what it is about, with help above. */
static int edit_text(const Entity *e, struct json_object *o, Buffer *ret) {
        _cleanup_json_ struct json_object *ordered = entity_order(e, o);
        _cleanup_free_ char *yaml = NULL;
        int r;

        r = output_yaml_text(ordered, &yaml);
        if (r < 0)
                return r;
        buffer_puts(ret, strempty(e->help));
        if (e->help)
                buffer_putc(ret, '\n');
        buffer_puts(ret, yaml);
        return 0;
}

int entity_edit(Context *c, const Entity *e) {
        _cleanup_buffer_ Buffer text = {};
        _cleanup_reply_ Reply reply = {};
        int r;

        if (!isatty(STDIN_FILENO))
                return edit_from_stdin(c, e);

        r = client_get(c->client, e->path, &reply);
        if (r < 0)
                return r;
        r = edit_text(e, reply.metadata, &text);
        if (r < 0)
                return r;

        for (;;) {
                _cleanup_json_ struct json_object *request = NULL;
                _cleanup_free_ char *edited = NULL;
                size_t size;

                r = editor_run(text.data, text.size, ".yaml", &edited, &size);
                if (r < 0)
                        return r;

                r = entity_parse(e, edited, size, &request);
                if (r >= 0)
                        r = operation_run(c->client, "PUT", e->path, request, reply.etag);
                if (r >= 0)
                        return 0;

                r = editor_ask_again(r);
                if (r < 0)
                        return r;
                buffer_done(&text);
                buffer_append(&text, edited, size);
        }
}

/* What the first argument of a command names. */
typedef struct Found {
        Entity entity;
        char *path, *name;
} Found;

static void found_done(Found *f) {
        free(f->path);
        free(f->name);
}

static const EntityKind *kind_of(Context *c) {
        return c->command->data;
}

static int find(Context *c, Found *ret) {
        return kind_of(c)->find(c, &ret->entity, &ret->path, &ret->name);
}

int entity_run_delete(Context *c) {
        _cleanup_(found_done) Found f = {};
        int r;

        r = find(c, &f);
        if (r >= 0)
                r = operation_run(c->client, "DELETE", f.path, NULL, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("%s %s deleted\n", kind_of(c)->title, f.name);
        return r;
}

int entity_run_edit(Context *c) {
        _cleanup_(found_done) Found f = {};
        int r;

        r = find(c, &f);
        return r < 0 ? r : entity_edit(c, &f.entity);
}

int entity_run_get(Context *c) {
        _cleanup_(found_done) Found f = {};
        int r;

        r = find(c, &f);
        return r < 0 ? r : entity_get(c, &f.entity, c->args[1]);
}

int entity_run_rename(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_(found_done) Found f = {};
        int r;

        r = find(c, &f);
        if (r < 0)
                return r;
        jset_str(o, "name", c->args[1]);
        r = operation_run(c->client, "POST", f.path, o, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("%s %s renamed to %s\n", kind_of(c)->title, f.name, c->args[1]);
        return r;
}

int entity_run_set(Context *c) {
        _cleanup_(found_done) Found f = {};
        int r;

        r = find(c, &f);
        return r < 0 ? r : entity_set(c, &f.entity, c->args + 1);
}

int entity_run_show(Context *c) {
        _cleanup_(found_done) Found f = {};
        int r;

        r = find(c, &f);
        return r < 0 ? r : entity_show(c, &f.entity);
}

int entity_run_unset(Context *c) {
        _cleanup_(found_done) Found f = {};
        int r;

        r = find(c, &f);
        return r < 0 ? r : entity_unset(c, &f.entity, c->args[1]);
}

int entity_run_list(Context *c) {
        const EntityList *l = c->command->data;
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_reply_ Reply reply = {};
        int r;

        r = output_check_format(*l->format);
        if (r >= 0)
                r = remote_check(c->args[0]);
        if (r >= 0)
                r = client_get(c->client, l->path, &reply);
        if (r < 0)
                return r;

        table_titles(table, l->titles);
        for (size_t i = 0; i < jlen(reply.metadata); i++)
                l->row(c, table, jat(reply.metadata, i));
        table_sort(table);
        return output_list(*l->format, table, reply.metadata);
}
