/* SPDX-License-Identifier: Apache-2.0 */
/* Reads YAML into json-c objects: the parser side of yaml-json.h. */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "yaml-json.h"
#include "yaml-scalar.h"

/* What one document costs so far, and the first thing found wrong with it. */
typedef struct Reader {
        yaml_parser_t parser;
        unsigned depth;
        unsigned n_nodes;
        char *message;
} Reader;

static void reader_done(Reader *r) {
        yaml_parser_delete(&r->parser);
        free(r->message);
}

static void event_done(yaml_event_t *e) {
        yaml_event_delete(e);
}

static void put_object(struct json_object **o) {
        json_object_put(*o);
}

#define _event_ __attribute__((cleanup(event_done)))
#define _object_ __attribute__((cleanup(put_object)))

/* Keeps the first message only: later ones are consequences. Returns 'error' for "return reader_fail(...)". */
__attribute__((format(printf, 4, 5)))
static int reader_fail(Reader *r, int error, const yaml_mark_t *mark, const char *format, ...) {
        char text[512];
        va_list ap;

        if (r->message)
                return error;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);

        if (asprintf(&r->message, "yaml: line %zu: %s", mark->line + 1, text) < 0)
                r->message = NULL;
        return error;
}

static int reader_next(Reader *r, yaml_event_t *ret) {
        if (yaml_parser_parse(&r->parser, ret))
                return 0;

        if (r->parser.error == YAML_MEMORY_ERROR)
                return -ENOMEM;

        return reader_fail(r, -EBADMSG, &r->parser.problem_mark, "%s",
                           r->parser.problem ?: "the text cannot be read");
}

static int reader_count(Reader *r, const yaml_event_t *e) {
        if (++r->n_nodes > YAML_NODES_MAX)
                return reader_fail(r, -E2BIG, &e->start_mark, "more than %u values", YAML_NODES_MAX);
        return 0;
}

static int reader_no_anchor(Reader *r, const yaml_event_t *e, const yaml_char_t *anchor) {
        if (!anchor)
                return 0;
        return reader_fail(r, -EBADMSG, &e->start_mark, "anchors and aliases are not allowed (\"&%s\")",
                           (const char*) anchor);
}

static int read_node(Reader *r, const yaml_event_t *e, struct json_object **ret);

static int read_scalar(Reader *r, const yaml_event_t *e, struct json_object **ret) {
        const char *text = (const char*) e->data.scalar.value;
        const char *tag = (const char*) e->data.scalar.tag;
        size_t n = e->data.scalar.length;
        bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        int q;

        q = reader_no_anchor(r, e, e->data.scalar.anchor);
        if (q < 0)
                return q;

        if (memchr(text, 0, n))
                return reader_fail(r, -EBADMSG, &e->start_mark, "NUL byte in a value");

        if (tag && strcmp(tag, YAML_STR_TAG) == 0)
                plain = false;
        else if (tag && strcmp(tag, "!") != 0 && !e->data.scalar.plain_implicit)
                plain = true;

        return yaml_scalar_resolve(text, n, plain, ret);
}

static int read_sequence(Reader *r, const yaml_event_t *start, struct json_object **ret) {
        _object_ struct json_object *array = NULL;
        int q;

        q = reader_no_anchor(r, start, start->data.sequence_start.anchor);
        if (q < 0)
                return q;

        array = json_object_new_array();
        if (!array)
                return -ENOMEM;

        for (;;) {
                _event_ yaml_event_t e = {};
                struct json_object *item = NULL;

                q = reader_next(r, &e);
                if (q < 0)
                        return q;
                if (e.type == YAML_SEQUENCE_END_EVENT)
                        break;

                q = read_node(r, &e, &item);
                if (q < 0)
                        return q;
                if (json_object_array_add(array, item) < 0) {
                        json_object_put(item);
                        return -ENOMEM;
                }
        }

        *ret = array;
        array = NULL;
        return 0;
}

static int check_key(Reader *r, const yaml_event_t *e, struct json_object *map) {
        const char *key = (const char*) e->data.scalar.value;
        int q;

        if (e->type != YAML_SCALAR_EVENT)
                return reader_fail(r, -EBADMSG, &e->start_mark, "a key must be a plain word or a string");

        q = reader_no_anchor(r, e, e->data.scalar.anchor);
        if (q < 0)
                return q;

        if (memchr(key, 0, e->data.scalar.length))
                return reader_fail(r, -EBADMSG, &e->start_mark, "NUL byte in a key");
        if (strcmp(key, "<<") == 0 && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
                return reader_fail(r, -EBADMSG, &e->start_mark, "merge keys (\"<<\") are not allowed");
        if (json_object_object_get_ex(map, key, NULL))
                return reader_fail(r, -EBADMSG, &e->start_mark, "key \"%.100s\" already set in map", key);

        return reader_count(r, e);
}

static int read_pair(Reader *r, const yaml_event_t *key, struct json_object *map) {
        _event_ yaml_event_t value = {};
        struct json_object *item = NULL;
        int q;

        q = check_key(r, key, map);
        if (q < 0)
                return q;

        q = reader_next(r, &value);
        if (q < 0)
                return q;

        q = read_node(r, &value, &item);
        if (q < 0)
                return q;

        if (json_object_object_add_ex(map, (const char*) key->data.scalar.value, item,
                                      JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0) {
                json_object_put(item);
                return -ENOMEM;
        }
        return 0;
}

static int read_mapping(Reader *r, const yaml_event_t *start, struct json_object **ret) {
        _object_ struct json_object *map = NULL;
        int q;

        q = reader_no_anchor(r, start, start->data.mapping_start.anchor);
        if (q < 0)
                return q;

        map = json_object_new_object();
        if (!map)
                return -ENOMEM;

        for (;;) {
                _event_ yaml_event_t e = {};

                q = reader_next(r, &e);
                if (q < 0)
                        return q;
                if (e.type == YAML_MAPPING_END_EVENT)
                        break;

                q = read_pair(r, &e, map);
                if (q < 0)
                        return q;
        }

        *ret = map;
        map = NULL;
        return 0;
}

static int read_node(Reader *r, const yaml_event_t *e, struct json_object **ret) {
        int q;

        q = reader_count(r, e);
        if (q < 0)
                return q;

        switch (e->type) {
        case YAML_SCALAR_EVENT:
                return read_scalar(r, e, ret);

        case YAML_ALIAS_EVENT:
                return reader_fail(r, -EBADMSG, &e->start_mark, "anchors and aliases are not allowed (\"*%s\")",
                                   (const char*) e->data.alias.anchor);

        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
                if (r->depth >= YAML_DEPTH_MAX)
                        return reader_fail(r, -E2BIG, &e->start_mark, "nested more than %u levels deep",
                                           YAML_DEPTH_MAX);
                r->depth++;
                q = e->type == YAML_MAPPING_START_EVENT ? read_mapping(r, e, ret) : read_sequence(r, e, ret);
                r->depth--;
                return q;

        default:
                return reader_fail(r, -EBADMSG, &e->start_mark, "unexpected end");
        }
}

/* The stream's frame around the one node: start, document start, node, document end, end. */
static int read_stream(Reader *r, struct json_object **ret) {
        _object_ struct json_object *root = NULL;
        bool seen = false;
        int q;

        for (;;) {
                _event_ yaml_event_t e = {};

                q = reader_next(r, &e);
                if (q < 0)
                        return q;

                switch (e.type) {
                case YAML_STREAM_END_EVENT:
                        *ret = root;
                        root = NULL;
                        return 0;

                case YAML_STREAM_START_EVENT:
                case YAML_DOCUMENT_END_EVENT:
                        break;

                case YAML_DOCUMENT_START_EVENT:
                        if (seen)
                                return reader_fail(r, -EBADMSG, &e.start_mark, "more than one document");
                        seen = true;
                        break;

                default:
                        q = read_node(r, &e, &root);
                        if (q < 0)
                                return q;
                }
        }
}

int yaml_parse(const char *text, size_t size, struct json_object **ret, char **ret_message) {
        __attribute__((cleanup(reader_done))) Reader r = {};
        int q;

        if (!yaml_parser_initialize(&r.parser))
                return -ENOMEM;

        if (size > YAML_SIZE_MAX)
                q = reader_fail(&r, -E2BIG, &(yaml_mark_t) {}, "%zu bytes are more than the allowed %u",
                                size, YAML_SIZE_MAX);
        else {
                yaml_parser_set_input_string(&r.parser, (const unsigned char*) text, size);
                yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
                q = read_stream(&r, ret);
        }

        if (q < 0 && ret_message) {
                *ret_message = r.message;
                r.message = NULL;
        }
        return q;
}

static int stringify_map(struct json_object *map) {
        int q = 0;

        json_object_object_foreach(map, key, value) {
                struct json_object *item = json_object_get(value);

                q = yaml_stringify(&item);
                if (q < 0) {
                        json_object_put(item);
                        return q;
                }
                if (item == value) {            /* a container, changed in place */
                        json_object_put(item);
                        continue;
                }
                if (json_object_object_add(map, key, item) < 0) {       /* the key exists: replaced in place */
                        json_object_put(item);
                        return -ENOMEM;
                }
        }
        return 0;
}

static int stringify_array(struct json_object *array) {
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                struct json_object *old = json_object_array_get_idx(array, i), *item = json_object_get(old);
                int q;

                q = yaml_stringify(&item);
                if (q >= 0 && item == old)
                        json_object_put(item);
                else if (q < 0 || json_object_array_put_idx(array, i, item) < 0) {
                        json_object_put(item);
                        return q < 0 ? q : -ENOMEM;
                }
        }
        return 0;
}

int yaml_stringify(struct json_object **o) {
        struct json_object *s;
        const char *text;

        switch (json_object_get_type(*o)) {
        case json_type_object:
                return stringify_map(*o);
        case json_type_array:
                return stringify_array(*o);
        case json_type_string:
                return 0;
        default:
                text = yaml_text(*o);
                s = json_object_new_string(text);
                if (!s)
                        return -ENOMEM;
                json_object_put(*o);
                *o = s;
                return 0;
        }
}
