/* SPDX-License-Identifier: Apache-2.0 */
/* The skimming reader. */

#include <limits.h>

#include "json-skim.h"
#include "json-value.h"

typedef struct Skimmer {
        const char *p, *end;            /* *end is NUL: reading one byte too many is harmless */
        const char *const *keys;
        struct json_tokener *tokener;
} Skimmer;

static void skip_space(Skimmer *s) {
        while (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')
                s->p++;
}

static bool take(Skimmer *s, char c) {
        skip_space(s);
        if (*s->p != c)
                return false;
        s->p++;
        return true;
}

/* Behind the opening quote; leaves p behind the closing one. */
static int skip_string(Skimmer *s) {
        for (; s->p < s->end; s->p++)
                if (*s->p == '"') {
                        s->p++;
                        return 0;
                } else if (*s->p == '\\')
                        s->p++;
        return -EBADMSG;
}

/* Any value: brackets are counted, so that depth costs nothing. */
static int skip_value(Skimmer *s) {
        size_t depth = 0;

        skip_space(s);
        while (s->p < s->end) {
                char c = *s->p;

                if (c == '"') {
                        s->p++;
                        if (skip_string(s) < 0)
                                return -EBADMSG;
                } else if (c == '{' || c == '[') {
                        s->p++;
                        depth++;
                        continue;
                } else if (c == '}' || c == ']') {
                        if (depth == 0)
                                return 0;
                        s->p++;
                        depth--;
                } else if (c == ',' && depth == 0)
                        return 0;
                else {
                        s->p++;
                        if (depth == 0 && (c == ' ' || c == '\n'))
                                return 0;
                        continue;
                }
                if (depth == 0)
                        return 0;
        }
        return -EBADMSG;
}

/* A member's name and its colon. Names with escapes are none of ours. */
static int read_key(Skimmer *s, const char **ret, size_t *ret_size) {
        const char *start;

        if (!take(s, '"'))
                return -EBADMSG;
        start = s->p;
        if (skip_string(s) < 0 || s->p > s->end)
                return -EBADMSG;
        *ret = start;
        *ret_size = (size_t) (s->p - 1 - start);
        return take(s, ':') ? 0 : -EBADMSG;
}

static const char *wanted(const Skimmer *s, const char *key, size_t size) {
        for (const char *const *k = s->keys; *k; k++)
                if (strlen(*k) == size && memcmp(*k, key, size) == 0)
                        return *k;
        return NULL;
}

static int read_value(Skimmer *s, struct json_object **ret) {
        const char *start;
        enum json_tokener_error error;

        skip_space(s);
        start = s->p;
        if (skip_value(s) < 0 || s->p > s->end || s->p - start > INT_MAX - 1)
                return -EBADMSG;

        json_tokener_reset(s->tokener);
        *ret = json_tokener_parse_ex(s->tokener, start, (int) (s->p - start));
        error = json_tokener_get_error(s->tokener);
        if (error == json_tokener_continue)     /* a number or word is known to be over by what follows it */
                *ret = json_tokener_parse_ex(s->tokener, " ", 1);
        error = json_tokener_get_error(s->tokener);
        return error == json_tokener_success ? 0 : -EBADMSG;
}

static int read_object(Skimmer *s, struct json_object **ret) {
        _cleanup_json_ struct json_object *o = jnew();

        if (!take(s, '{'))
                return -EBADMSG;
        if (!take(s, '}'))
                do {
                        struct json_object *value = NULL;
                        const char *key, *name;
                        size_t size;
                        int r;

                        r = read_key(s, &key, &size);
                        if (r < 0)
                                return r;
                        name = wanted(s, key, size);
                        r = name ? read_value(s, &value) : skip_value(s);
                        if (r < 0)
                                return r;
                        if (name)
                                jset(o, name, value);
                        skip_space(s);
                        if (take(s, '}'))
                                break;
                } while (take(s, ','));
        if (s->p > s->end || s->p[-1] != '}')
                return -EBADMSG;

        *ret = TAKE_PTR(o);
        return 0;
}

static int read_list(Skimmer *s, struct json_object **ret) {
        _cleanup_json_ struct json_object *list = json_object_new_array();

        if (!take(s, '['))
                return -EBADMSG;
        if (!take(s, ']'))
                for (;;) {
                        struct json_object *o = NULL;
                        int r;

                        r = read_object(s, &o);
                        if (r < 0)
                                return r;
                        json_object_array_add(list, o);
                        if (take(s, ']'))
                                break;
                        if (!take(s, ','))
                                return -EBADMSG;
                }
        *ret = TAKE_PTR(list);
        return 0;
}

/* Walks over the envelope to its "metadata". */
static int find_list(Skimmer *s, struct json_object **ret) {
        if (!take(s, '{'))
                return -EBADMSG;
        do {
                const char *key;
                size_t size;

                if (read_key(s, &key, &size) < 0)
                        return -EBADMSG;
                if (size == strlen("metadata") && memcmp(key, "metadata", size) == 0)
                        return read_list(s, ret);
                if (skip_value(s) < 0)
                        return -EBADMSG;
        } while (take(s, ','));
        return -EBADMSG;
}

int json_skim(const char *text, size_t size, const char *const *keys, struct json_object **ret) {
        Skimmer s = { .p = text, .end = text + size, .keys = keys };
        int r;

        if (size == 0)
                return -EBADMSG;
        s.tokener = json_tokener_new();
        if (!s.tokener)
                return -ENOMEM;
        r = find_list(&s, ret);
        json_tokener_free(s.tokener);
        return r;
}
