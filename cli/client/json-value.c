/* SPDX-License-Identifier: Apache-2.0 */
/* Short ways to read and build json-c objects. */

#include "json-value.h"

struct json_object *jget(struct json_object *o, const char *path) {
        while (o) {
                const char *dot = strchr(path, '.');
                _cleanup_free_ char *key = dot ? xstrndup(path, (size_t) (dot - path)) : NULL;
                struct json_object *next = NULL;

                if (!json_object_object_get_ex(o, key ?: path, &next))
                        return NULL;
                if (!dot)
                        return next;
                o = next;
                path = dot + 1;
        }
        return NULL;
}

struct json_object *jget_key(struct json_object *o, const char *key) {
        struct json_object *value = NULL;

        return json_object_object_get_ex(o, key, &value) ? value : NULL;
}

const char *jstr(struct json_object *o, const char *path) {
        return strempty(json_object_get_string(jget(o, path)));
}

int64_t jint(struct json_object *o, const char *path) {
        return json_object_get_int64(jget(o, path));
}

bool jbool(struct json_object *o, const char *path) {
        return json_object_get_boolean(jget(o, path));
}

size_t jlen(struct json_object *array) {
        return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *jat(struct json_object *array, size_t i) {
        return i < jlen(array) ? json_object_array_get_idx(array, i) : NULL;
}

const char *jstr_at(struct json_object *array, size_t i) {
        return strempty(json_object_get_string(jat(array, i)));
}

struct lh_entry *jentries(struct json_object *o) {
        return json_object_is_type(o, json_type_object) ? json_object_get_object(o)->head : NULL;
}

JMember jmember(struct lh_entry *entry) {
        if (!entry)
                return (JMember) {};
        return (JMember) {
                .key = lh_entry_k(entry),
                .value = (struct json_object*) lh_entry_v(entry),
                .next = entry->next,
        };
}

void jset(struct json_object *o, const char *key, struct json_object *value) {
        if (json_object_object_add(o, key, value) < 0)
                abort();
}

void jset_str(struct json_object *o, const char *key, const char *value) {
        if (value)
                jset(o, key, json_object_new_string(value));
}

void jset_strings(struct json_object *o, const char *key, char *const *list) {
        struct json_object *array = json_object_new_array();

        for (; list && *list; list++)
                json_object_array_add(array, json_object_new_string(*list));
        jset(o, key, array);
}

void jset_bool(struct json_object *o, const char *key, bool value) {
        jset(o, key, json_object_new_boolean(value));
}

void jset_int(struct json_object *o, const char *key, int64_t value) {
        jset(o, key, json_object_new_int64(value));
}

struct json_object *jnew(void) {
        struct json_object *o = json_object_new_object();

        if (!o)
                abort();
        return o;
}

struct json_object *jobject(struct json_object *o, const char *key) {
        struct json_object *member = NULL;

        if (json_object_object_get_ex(o, key, &member) && json_object_is_type(member, json_type_object))
                return member;

        member = jnew();
        jset(o, key, member);
        return member;
}

struct json_object *jpick(struct json_object *o, const char *const *keys) {
        struct json_object *picked = jnew();

        for (; *keys; keys++) {
                struct json_object *value = NULL;

                if (json_object_object_get_ex(o, *keys, &value))
                        jset(picked, *keys, jcopy(value));
        }
        return picked;
}

struct json_object *jcopy(struct json_object *o) {
        struct json_object *copy = NULL;

        if (o && json_object_deep_copy(o, &copy, NULL) < 0)
                abort();
        return copy;
}

const char *jtext(struct json_object *o) {
        return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}
