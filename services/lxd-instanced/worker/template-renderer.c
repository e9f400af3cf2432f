/* SPDX-License-Identifier: Apache-2.0 */
/* Parses metadata.yaml, finds the templates of the triggers and renders them. */
#include <json-c/json.h>

#include "base/str.h"
#include "template-renderer.h"
#include "template.h"
#include "yaml-json.h"

#define TEMPLATES_MAX 256

typedef struct Renderer {
        int sock;
        TemplateContext context;
        Config instance, config;
        Devices devices;
        char *text; /* of the error */
} Renderer;

static void renderer_done(Renderer *r) {
        config_done(&r->instance);
        config_done(&r->config);
        devices_done(&r->devices);
}

static void put_json(struct json_object **o) {
        if (*o)
                json_object_put(*o);
}

/* "KEY=VALUE" */
static int set_item(Config *c, const char *item) {
        _cleanup_free_ char *key = NULL;
        const char *equal = strchr(item, '=');

        if (!equal)
                return -EBADMSG;
        key = strndup(item, (size_t) (equal - item));
        return key ? config_set(c, key, equal + 1) : -ENOMEM;
}

static bool is_key(const char *key, size_t n, const char *word) {
        return strlen(word) == n && strncmp(key, word, n) == 0;
}

/* Facts, config and devices from the request; a "device" field begins a device, "item"s are its keys. */
static int renderer_load(Renderer *r, const GuestMessage *m) {
        static const char *const facts[] = { "name", "type", "architecture", "privileged", "ephemeral" };
        const char *key, *value, *device = NULL;
        Config items = {};
        size_t position = 0, n;
        int q = 0;

        for (size_t i = 0; q >= 0 && i < ELEMENTSOF(facts); i++)
                q = config_set(&r->instance, facts[i], strempty(guest_message_get(m, facts[i])));
        while (q >= 0 && guest_message_next(m, &position, &key, &n, &value)) {
                if (is_key(key, n, "config"))
                        q = set_item(&r->config, value);
                else if (is_key(key, n, "item"))
                        q = set_item(&items, value);
                else if (is_key(key, n, "device")) {
                        q = device ? devices_set(&r->devices, device, &items) : 0;
                        config_done(&items);
                        device = value;
                }
        }
        if (q >= 0 && device)
                q = devices_set(&r->devices, device, &items);
        config_done(&items);
        r->context.instance = &r->instance;
        r->context.config = &r->config;
        r->context.devices = &r->devices;
        return q;
}

/* Sends a question and takes its answer. An error of the other side ends everything: it knows the text. */
static int renderer_ask(Renderer *r, const GuestMessage *m, GuestMessage *ret) {
        int q;

        q = guest_message_send(r->sock, m);
        if (q < 0)
                return q;
        q = guest_message_receive(r->sock, ret);
        if (q <= 0)
                return q ?: -EPIPE;
        return streq(guest_message_verb(ret), "ok") ? 0 : -EPIPE;
}

static const char *json_text(struct json_object *o, const char *key) {
        struct json_object *v;

        return json_object_object_get_ex(o, key, &v) ? yaml_text(v) : NULL;
}

static int read_properties(struct json_object *template, Config *ret) {
        struct json_object *properties;
        int r = 0;

        if (!json_object_object_get_ex(template, "properties", &properties) ||
            !json_object_is_type(properties, json_type_object))
                return 0;
        json_object_object_foreach(properties, key, value) {
                const char *text = yaml_text(value);

                if (r >= 0 && text)
                        r = config_set(ret, key, text);
        }
        return r;
}

static int render_one(Renderer *r, const char *path, struct json_object *template) {
        _cleanup_message_ GuestMessage ask = {}, answer = {}, out = {};
        _cleanup_(config_done) Config properties = {};
        _cleanup_free_ char *text = NULL, *message = NULL;
        struct json_object *create_only = NULL;
        const char *file = json_text(template, "template");
        int q;

        if (isempty(file)) {
                (void) str_format(&r->text, "metadata.yaml: the template for \"%s\" has no file", path);
                return -EINVAL;
        }
        q = read_properties(template, &properties);
        if (q >= 0)
                q = guest_message_begin(&ask, "read");
        if (q >= 0)
                q = guest_message_add(&ask, "name", file);
        if (q >= 0)
                q = renderer_ask(r, &ask, &answer);
        if (q < 0)
                return q;
        r->context.path = path;
        r->context.properties = &properties;
        q = template_render(strempty(guest_message_get(&answer, "text")), &r->context, &text, &message);
        if (q < 0) {
                (void) str_format(&r->text, "Failed to render template \"%s\" for \"%s\": %s", file, path,
                                  message ?: strerror(-q));
                return q;
        }
        q = guest_message_begin(&out, "write");
        if (q >= 0)
                q = guest_message_add(&out, "path", path);
        if (q >= 0 && json_object_object_get_ex(template, "create_only", &create_only) && str_is_true(yaml_text(create_only)))
                q = guest_message_add(&out, "create_only", "1");
        if (q >= 0)
                q = guest_message_add(&out, "text", text);
        return q < 0 ? q : guest_message_send(r->sock, &out);
}

static bool has_trigger(struct json_object *template, const char *trigger) {
        struct json_object *when;

        if (!json_object_object_get_ex(template, "when", &when) || !json_object_is_type(when, json_type_array))
                return false;
        for (size_t i = 0; i < json_object_array_length(when); i++)
                if (streq_ptr(yaml_text(json_object_array_get_idx(when, i)), trigger))
                        return true;
        return false;
}

static int render_trigger(Renderer *r, struct json_object *templates, const char *trigger) {
        r->context.trigger = trigger;
        json_object_object_foreach(templates, path, template) {
                int q;

                if (!json_object_is_type(template, json_type_object) || !has_trigger(template, trigger))
                        continue;
                q = render_one(r, path, template);
                if (q < 0)
                        return q;
        }
        return 0;
}

int renderer_apply(int sock, const char *metadata, const GuestMessage *request, char **ret_text) {
        _cleanup_(renderer_done) Renderer r = { .sock = sock };
        _cleanup_(put_json) struct json_object *root = NULL;
        _cleanup_free_ char **triggers = NULL, *message = NULL;
        struct json_object *templates;
        int q;

        q = yaml_parse(metadata, strlen(metadata), &root, &message);
        if (q < 0) {
                (void) str_format(ret_text, "metadata.yaml cannot be read: %s", message ?: strerror(-q));
                return q;
        }
        if (!json_object_is_type(root, json_type_object) || !json_object_object_get_ex(root, "templates", &templates) ||
            !json_object_is_type(templates, json_type_object))
                return 0;
        if (json_object_object_length(templates) > TEMPLATES_MAX) {
                (void) str_format(ret_text, "metadata.yaml has more than %d templates", TEMPLATES_MAX);
                return -E2BIG;
        }
        q = renderer_load(&r, request);
        if (q >= 0)
                q = guest_message_get_all(request, "trigger", &triggers);
        for (char **t = triggers; q >= 0 && *t; t++)
                q = render_trigger(&r, templates, *t);
        if (q < 0)
                *ret_text = TAKE_PTR(r.text);
        return q;
}
