/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest API answers. */
#include "answer.h"

#include "base/str.h"
#include "json-write.h"

void guest_done(Guest *g) {
        free(g->project);
        free(g->name);
        free(g->uuid);
        config_done(&g->config);
        devices_done(&g->devices);
        *g = (Guest) {};
}

void answer_done(Answer *a) {
        free(a->body);
        *a = (Answer) {};
}

bool answer_is_events(const char *path) {
        return streq(path, "/1.0/events");
}

static int answer_text(unsigned status, AnswerKind kind, char *body, Answer *ret) {
        *ret = (Answer) { .status = status, .kind = kind, .body = body, .size = strlen(body) };
        return 0;
}

int answer_make_error(unsigned status, const char *text, Answer *ret) {
        char *body;
        int r = str_format(&body, "%s\n", text);

        return r < 0 ? r : answer_text(status, ANSWER_ERROR, body, ret);
}

static int answer_json(JsonWriter *w, Answer *ret) {
        _cleanup_free_ char *text = NULL;
        char *body;
        int r;

        r = json_finish_text(w, &text);
        if (r >= 0)
                r = str_format(&body, "%s\n", text);
        return r < 0 ? r : answer_text(200, ANSWER_JSON, body, ret);
}

/* The guest sees what is meant for it, nothing of how it is confined. */
static bool key_is_visible(const char *key) {
        return startswith(key, "user.") || startswith(key, "cloud-init.");
}

static int answer_versions(Answer *ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_array_begin(&w, NULL);
        json_string(&w, NULL, "/1.0");
        json_array_end(&w);
        return answer_json(&w, ret);
}

static int answer_api(const Guest *g, Answer *ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_object_begin(&w, NULL);
        json_string(&w, "state", "Started");
        json_string(&w, "api_version", "1.0");
        json_string(&w, "instance_type", g->type);
        json_string(&w, "location", "none");
        json_object_end(&w);
        return answer_json(&w, ret);
}

static int answer_keys(const Guest *g, Answer *ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_array_begin(&w, NULL);
        CONFIG_FOREACH(i, &g->config)
                if (key_is_visible(i->key))
                        json_stringf(&w, NULL, "/1.0/config/%s", i->key);
        json_array_end(&w);
        return answer_json(&w, ret);
}

static int answer_key(const Guest *g, const char *key, Answer *ret) {
        const char *value;
        char *body;

        if (!key_is_visible(key))
                return answer_make_error(403, "not authorized", ret);
        value = config_get(&g->config, key);
        if (!value)
                return answer_make_error(404, "not found", ret);
        body = strdup(value);
        return body ? answer_text(200, ANSWER_RAW, body, ret) : -ENOMEM;
}

static int answer_meta_data(const Guest *g, Answer *ret) {
        const char *id = config_get_or(&g->config, "volatile.cloud-init.instance-id", "");
        char *body;
        int r;

        if (isempty(id))
                id = isempty(g->uuid) ? g->name : g->uuid;
        r = str_format(&body, "#cloud-config\ninstance-id: %s\nlocal-hostname: %s\n%s", id, g->name,
                       config_get_or(&g->config, "user.meta-data", ""));
        return r < 0 ? r : answer_text(200, ANSWER_RAW, body, ret);
}

/* A network interface without a fixed address is told the one it has. */
static int device_describe(const Guest *g, const Device *d, Config *ret) {
        _cleanup_free_ char *key = NULL;
        int r;

        r = config_copy(&d->config, ret);
        if (r < 0 || !streq_ptr(config_get(&d->config, "type"), "nic") || config_get(&d->config, "hwaddr"))
                return r;
        r = str_format(&key, "volatile.%s.hwaddr", d->name);
        if (r >= 0 && config_get(&g->config, key))
                r = config_set(ret, "hwaddr", config_get(&g->config, key));
        return r;
}

static int answer_devices(const Guest *g, Answer *ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_object_begin(&w, NULL);
        DEVICES_FOREACH(d, &g->devices) {
                _cleanup_(config_done) Config c = {};
                int r = device_describe(g, d, &c);

                if (r < 0)
                        return r;
                json_config(&w, d->name, &c);
        }
        json_object_end(&w);
        return answer_json(&w, ret);
}

/* The fingerprint begins at *ret; its length, or 0. */
static size_t export_fingerprint(const char *path, const char **ret) {
        const char *rest = startswith(path, "/1.0/images/"), *end = rest ? endswith(rest, "/export") : NULL;

        *ret = rest;
        return end && !memchr(rest, '/', (size_t) (end - rest)) ? (size_t) (end - rest) : 0;
}

int answer_is_export(const char *path, const Guest *g, char **ret) {
        const char *fingerprint;
        size_t n = export_fingerprint(path, &fingerprint);

        if (n == 0 || !config_is_true(&g->config, "security.devlxd.images"))
                return 0;
        *ret = strndup(fingerprint, n);
        return *ret ? 1 : -ENOMEM;
}

int answer_make(const char *path, const Guest *g, Answer *ret) {
        const char *key;

        if (streq(path, "/"))
                return answer_versions(ret);
        if (streq(path, "/1.0"))
                return answer_api(g, ret);
        if (streq(path, "/1.0/config"))
                return answer_keys(g, ret);
        if (streq(path, "/1.0/meta-data"))
                return answer_meta_data(g, ret);
        if (streq(path, "/1.0/devices"))
                return answer_devices(g, ret);
        key = startswith(path, "/1.0/config/");
        if (!isempty(key) && !strchr(key, '/'))
                return answer_key(g, key, ret);
        if (export_fingerprint(path, &key) > 0)
                return answer_make_error(403, "not authorized", ret);
        return answer_make_error(404, "404 page not found", ret);
}
