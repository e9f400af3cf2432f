/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the reading of JSON bodies: limits, types, and the wording of what is wrong with them. */

#include <json-c/json.h>

#include "base/clock.h"
#include "bus-error.h"
#include "json-args.h"

static int parse_error(json_tokener *tokener, const char *text, size_t n, sd_bus_error *error) {
        enum json_tokener_error e = json_tokener_get_error(tokener);
        size_t at = json_tokener_get_parse_end(tokener);

        if (n == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "EOF");
        if (e == json_tokener_continue)
                return bus_error_set(error, LXD_ERROR_INVALID, "unexpected end of JSON input");
        if (e == json_tokener_error_depth)
                return bus_error_set(error, LXD_ERROR_INVALID, "JSON is nested more than %d levels deep", JSON_DEPTH_MAX);
        if (e == json_tokener_error_parse_utf8_string)
                return bus_error_set(error, LXD_ERROR_INVALID, "JSON is not valid UTF-8 (at byte %zu)", at);
        if (at < n && text[at] > ' ' && text[at] < 0x7f && text[at] != '\'')
                return bus_error_set(error, LXD_ERROR_INVALID, "invalid character '%c' in JSON at byte %zu (%s)", text[at],
                                     at, json_tokener_error_desc(e));
        return bus_error_set(error, LXD_ERROR_INVALID, "invalid JSON at byte %zu (%s)", at, json_tokener_error_desc(e));
}

/* NUL as it is or escaped, in a value or in a name, which json-c itself cuts there: everything behind us would see less than was sent. */
static bool has_nul(const char *text, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (text[i] == '\0')
                        return true;
                if (text[i] != '\\')
                        continue;
                if (n - i > STRLEN("u0000") && memcmp(text + i + 1, "u0000", STRLEN("u0000")) == 0)
                        return true;
                i++; /* what is escaped may be a backslash */
        }
        return false;
}

static const char *type_name(json_object *o) {
        switch (json_object_get_type(o)) {
        case json_type_boolean:
                return "bool";
        case json_type_int:
        case json_type_double:
                return "number";
        case json_type_object:
                return "object";
        case json_type_array:
                return "array";
        case json_type_string:
                return "string";
        default:
                return "null";
        }
}

static int wrong_type(json_object *o, const char *parent, const char *key, const char *wanted, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_INVALID, "json: cannot unmarshal %s into field %s%s%.100s of type %s",
                             type_name(o), strempty(parent), parent ? "." : "", key, wanted);
}

int json_body_parse(const char *text, size_t n, json_object **ret, sd_bus_error *error) {
        _cleanup_json_ json_object *o = NULL;
        json_tokener *tokener;
        size_t end;
        int r = 0;

        if (n > JSON_BODY_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The body is larger than %zu MiB", JSON_BODY_MAX >> 20);
        if (has_nul(text, n))
                return bus_error_set(error, LXD_ERROR_INVALID, "JSON strings must not contain NUL");

        tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);

        o = n > 0 ? json_tokener_parse_ex(tokener, text, (int) n) : NULL;
        /* Only what comes behind a number or a word tells that it has ended. */
        end = json_tokener_get_parse_end(tokener);
        if (!o && n > 0 && json_tokener_get_error(tokener) == json_tokener_continue)
                o = json_tokener_parse_ex(tokener, "", 1);
        if (json_tokener_get_error(tokener) != json_tokener_success || n == 0)
                r = parse_error(tokener, text, n, error);
        else
                for (size_t i = end; i < n && r >= 0; i++)
                        if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
                                r = bus_error_set(error, LXD_ERROR_INVALID, "More data after the JSON value at byte %zu", i);
        json_tokener_free(tokener);
        if (r < 0)
                return r;

        if (!o) { /* null is as good as nothing */
                o = json_object_new_object();
                if (!o)
                        return -ENOMEM;
        }
        if (!json_object_is_type(o, json_type_object))
                return bus_error_set(error, LXD_ERROR_INVALID, "json: cannot unmarshal %s into an object", type_name(o));
        *ret = TAKE_PTR(o);
        return 0;
}

json_object *json_body_free(json_object *o) {
        (void) json_object_put(o);
        return NULL;
}

bool json_arg_is_given(json_object *o, const char *key) {
        return json_object_object_get(o, key) != NULL;
}

int json_pick(json_object *o, const char *list, const char *key, const char *value, char **ret) {
        json_object *items = json_object_object_get(o, list);

        for (size_t i = 0; json_object_is_type(items, json_type_array) && i < json_object_array_length(items); i++) {
                json_object *item = json_object_array_get_idx(items, i);
                const char *text = NULL;

                if (json_object_is_type(item, json_type_object) && json_arg_text(item, key, &text, NULL) > 0 && streq(text, value))
                        return str_replace(ret, json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN |
                                                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
        }
        return -ENOENT;
}

int json_arg_text(json_object *o, const char *key, const char **ret, sd_bus_error *error) {
        json_object *v = json_object_object_get(o, key);

        if (!v)
                return 0;
        if (!json_object_is_type(v, json_type_string))
                return wrong_type(v, NULL, key, "string", error);
        *ret = json_object_get_string(v);
        return 1;
}

int json_arg_bool(json_object *o, const char *key, bool *ret, sd_bus_error *error) {
        json_object *v = json_object_object_get(o, key);

        if (!v)
                return 0;
        if (!json_object_is_type(v, json_type_boolean))
                return wrong_type(v, NULL, key, "bool", error);
        *ret = json_object_get_boolean(v);
        return 1;
}

int json_arg_int(json_object *o, const char *key, int64_t min, int64_t max, int64_t *ret, sd_bus_error *error) {
        json_object *v = json_object_object_get(o, key);
        int64_t i;

        if (!v)
                return 0;
        if (!json_object_is_type(v, json_type_int))
                return wrong_type(v, NULL, key, "int", error);
        i = json_object_get_int64(v);
        if (i < min || i > max)
                return bus_error_set(error, LXD_ERROR_INVALID, "Field %s must be between %" PRIi64 " and %" PRIi64, key, min, max);
        *ret = i;
        return 1;
}

int json_arg_object(json_object *o, const char *key, json_object **ret, sd_bus_error *error) {
        json_object *v = json_object_object_get(o, key);

        if (!v)
                return 0;
        if (!json_object_is_type(v, json_type_object))
                return wrong_type(v, NULL, key, "object", error);
        *ret = v;
        return 1;
}

/* The members of o, all strings (null = empty), into an empty Config. */
static int read_config(json_object *o, const char *parent, Config *ret, sd_bus_error *error) {
        Config c = {};

        json_object_object_foreach(o, key, value) {
                int r;

                if (value && !json_object_is_type(value, json_type_string))
                        r = wrong_type(value, parent, key, "string", error);
                else
                        r = config_set(&c, key, value ? json_object_get_string(value) : "");
                if (r < 0) {
                        config_done(&c);
                        return r;
                }
        }
        *ret = c;
        return 1;
}

int json_arg_config(json_object *o, const char *key, Config *ret, sd_bus_error *error) {
        json_object *v = NULL;
        int r = json_arg_object(o, key, &v, error);

        return r <= 0 ? r : read_config(v, key, ret, error);
}

int json_arg_devices(json_object *o, const char *key, Devices *ret, sd_bus_error *error) {
        json_object *v = NULL;
        Devices d = {};
        int r = json_arg_object(o, key, &v, error);

        if (r <= 0)
                return r;

        json_object_object_foreach(v, name, value) {
                Config c = {};

                if (!json_object_is_type(value, json_type_object))
                        r = wrong_type(value, key, name, "object", error);
                else
                        r = read_config(value, key, &c, error);
                if (r >= 0)
                        r = devices_set(&d, name, &c);
                config_done(&c);
                if (r < 0) {
                        devices_done(&d);
                        return r;
                }
        }
        *ret = d;
        return 1;
}

int json_arg_strv(json_object *o, const char *key, Strv *ret, sd_bus_error *error) {
        json_object *v = json_object_object_get(o, key);
        _cleanup_strv_free_ Strv list = NULL;

        if (!v)
                return 0;
        if (!json_object_is_type(v, json_type_array))
                return wrong_type(v, NULL, key, "array of strings", error);

        for (size_t i = 0; i < json_object_array_length(v); i++) {
                json_object *item = json_object_array_get_idx(v, i);
                int r;

                if (!json_object_is_type(item, json_type_string))
                        return wrong_type(item, NULL, key, "array of strings", error);
                r = strv_extend(&list, json_object_get_string(item));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 1;
}

int json_arg_time(json_object *o, const char *key, uint64_t *ret, sd_bus_error *error) {
        const char *text = NULL;
        int r = json_arg_text(o, key, &text, error);

        if (r <= 0)
                return r;
        if (isempty(text)) {
                *ret = 0;
                return 1;
        }
        r = time_parse(text, ret);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Field %s is not a time in RFC 3339 form: \"%.100s\"", key, text);
        return 1;
}
