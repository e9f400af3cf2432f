/* SPDX-License-Identifier: Apache-2.0 */
/* Writes json-c objects as YAML in block style: the emitter side of yaml-json.h. */

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/macro.h"
#include "yaml-json.h"
#include "yaml-scalar.h"

typedef struct Writer {
        yaml_emitter_t emitter;
        YamlDumpFlags flags;
        unsigned depth;
        FILE *out;
        char *text;
        size_t size;
} Writer;

static void writer_done(Writer *w) {
        yaml_emitter_delete(&w->emitter);
        if (w->out)
                fclose(w->out);
        free(w->text);
}

static int writer_output(void *data, unsigned char *buffer, size_t size) {
        Writer *w = data;

        return fwrite(buffer, 1, size, w->out) == size;
}

/* libyaml takes the event over, also when it fails. */
static int writer_emit(Writer *w, yaml_event_t *e) {
        if (yaml_emitter_emit(&w->emitter, e))
                return 0;
        return w->emitter.error == YAML_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

/* Sexagesimal numbers of YAML 1.1 ("22:30"): we do not read them as numbers, but other readers do. */
static bool base60(const char *s) {
        bool colon = false;

        s += strspn(s, "+-") > 0;
        if (!isdigit((unsigned char) *s))
                return false;
        s += strspn(s, "0123456789_");

        for (; *s == ':'; colon = true) {
                size_t n = strspn(++s, "0123456789");

                if (n < 1 || n > 2 || (n == 2 && s[0] > '5'))
                        return false;
                s += n;
        }
        if (*s == '.')
                s += 1 + strspn(s + 1, "0123456789_");
        return colon && *s == 0;
}

static yaml_scalar_style_t string_style(const Writer *w, const char *s, const char *key) {
        YamlScalarType type;
        size_t n;

        if (strchr(s, '\n'))
                return YAML_LITERAL_SCALAR_STYLE;

        type = yaml_scalar_type(s);
        n = key && !(w->flags & YAML_DUMP_QUOTE_TIMES) ? strlen(key) : 0;
        if (type == YAML_SCALAR_TIME && n > 3 && strcmp(key + n - 3, "_at") == 0)
                return YAML_PLAIN_SCALAR_STYLE;
        if (type != YAML_SCALAR_STRING || base60(s))
                return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        return YAML_PLAIN_SCALAR_STYLE;
}

static int write_scalar(Writer *w, const char *s, size_t size, yaml_scalar_style_t style) {
        yaml_event_t e;

        if (!yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t*) s, (int) size, true, true, style))
                return -EINVAL;         /* or no memory, which libyaml does not tell apart */
        return writer_emit(w, &e);
}

static int write_double(Writer *w, double d) {
        char buf[64];

        if (isnan(d))
                snprintf(buf, sizeof(buf), ".nan");
        else if (isinf(d))
                snprintf(buf, sizeof(buf), d < 0 ? "-.inf" : ".inf");
        else if (d == 0 && signbit(d)) /* "-0" would come back as an integer, which has no such zero */
                snprintf(buf, sizeof(buf), "-0.0");
        else                            /* the shortest text that reads back the same */
                for (int precision = 1; precision <= 17; precision++) {
                        snprintf(buf, sizeof(buf), "%.*g", precision, d);
                        if (strtod(buf, NULL) == d)
                                break;
                }

        return write_scalar(w, buf, strlen(buf), YAML_PLAIN_SCALAR_STYLE);
}

static int write_node(Writer *w, struct json_object *o, const char *key);

static int write_array(Writer *w, struct json_object *o) {
        size_t n = json_object_array_length(o);
        yaml_event_t e;
        int r;

        if (!yaml_sequence_start_event_initialize(&e, NULL, NULL, true,
                                                  n == 0 ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE))
                return -ENOMEM;
        r = writer_emit(w, &e);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = write_node(w, json_object_array_get_idx(o, i), NULL);
        if (r < 0)
                return r;

        if (!yaml_sequence_end_event_initialize(&e))
                return -ENOMEM;
        return writer_emit(w, &e);
}

static int compare_entries(const void *a, const void *b) {
        const struct lh_entry *const *x = a, *const *y = b;

        return yaml_key_compare(lh_entry_k(*x), lh_entry_k(*y));
}

/* The members of an object in the order they are to be written. */
static struct lh_entry **list_members(Writer *w, struct json_object *o) {
        struct lh_table *table = json_object_get_object(o);
        struct lh_entry **list, *e;
        size_t n = 0;

        list = calloc((size_t) lh_table_length(table) + 1, sizeof(*list));
        if (!list)
                return NULL;

        lh_foreach(table, e)
                list[n++] = e;
        if (w->flags & YAML_DUMP_SORT)
                SORT(list, n, compare_entries);
        return list;
}

static int write_members(Writer *w, struct lh_entry **list) {
        for (; *list; list++) {
                const char *key = lh_entry_k(*list);
                int r;

                r = write_scalar(w, key, strlen(key), string_style(w, key, NULL));
                if (r < 0)
                        return r;
                r = write_node(w, (struct json_object*) lh_entry_v(*list), key);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_object(Writer *w, struct json_object *o) {
        struct lh_entry **list;
        yaml_event_t e;
        int r;

        list = list_members(w, o);
        if (!list)
                return -ENOMEM;

        if (!yaml_mapping_start_event_initialize(&e, NULL, NULL, true,
                                                 list[0] ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE))
                r = -ENOMEM;
        else
                r = writer_emit(w, &e);
        if (r >= 0)
                r = write_members(w, list);
        free(list);
        if (r < 0)
                return r;

        if (!yaml_mapping_end_event_initialize(&e))
                return -ENOMEM;
        return writer_emit(w, &e);
}

static int write_node(Writer *w, struct json_object *o, const char *key) {
        const char *s;
        int r;

        switch (json_object_get_type(o)) {
        case json_type_object:
        case json_type_array:
                if (w->depth >= YAML_DEPTH_MAX)
                        return -E2BIG;
                w->depth++;
                r = json_object_is_type(o, json_type_object) ? write_object(w, o) : write_array(w, o);
                w->depth--;
                return r;

        case json_type_string:
                s = json_object_get_string(o);
                return write_scalar(w, s, (size_t) json_object_get_string_len(o), string_style(w, s, key));

        case json_type_null:
                return write_scalar(w, "null", 4, YAML_PLAIN_SCALAR_STYLE);

        case json_type_double:
                return write_double(w, json_object_get_double(o));

        default:
                s = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
                return s ? write_scalar(w, s, strlen(s), YAML_PLAIN_SCALAR_STYLE) : -ENOMEM;
        }
}

static int write_document(Writer *w, struct json_object *o) {
        yaml_event_t e;
        int r;

        if (!yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING))
                return -ENOMEM;
        r = writer_emit(w, &e);
        if (r < 0)
                return r;

        if (!yaml_document_start_event_initialize(&e, NULL, NULL, NULL, true))
                return -ENOMEM;
        r = writer_emit(w, &e);
        if (r < 0)
                return r;

        r = write_node(w, o, NULL);
        if (r < 0)
                return r;

        if (!yaml_document_end_event_initialize(&e, true))
                return -ENOMEM;
        r = writer_emit(w, &e);
        if (r < 0)
                return r;

        if (!yaml_stream_end_event_initialize(&e))
                return -ENOMEM;
        return writer_emit(w, &e);
}

int yaml_dump(struct json_object *o, YamlDumpFlags flags, char **ret, size_t *ret_size) {
        __attribute__((cleanup(writer_done))) Writer w = { .flags = flags };
        int r;

        if (!yaml_emitter_initialize(&w.emitter))
                return -ENOMEM;
        w.out = open_memstream(&w.text, &w.size);
        if (!w.out)
                return -ENOMEM;

        yaml_emitter_set_output(&w.emitter, writer_output, &w);
        yaml_emitter_set_unicode(&w.emitter, true);

        r = write_document(&w, o);
        if (r < 0)
                return r;

        r = fclose(w.out);
        w.out = NULL;
        if (r < 0)
                return -ENOMEM;

        *ret = w.text;
        w.text = NULL;
        if (ret_size)
                *ret_size = w.size;
        return 0;
}

/* Length of the digits at p without leading zeros, and where they begin. */
static size_t significant_digits(const char **p) {
        *p += strspn(*p, "0");
        return strspn(*p, "0123456789");
}

static int compare_numbers(const char **a, const char **b) {
        size_t n = significant_digits(a), m = significant_digits(b);
        int r;

        if (n != m)
                return n < m ? -1 : 1;
        r = strncmp(*a, *b, n);
        *a += n;
        *b += n;
        return r;
}

static int char_class(char c) {
        return isalpha((unsigned char) c) ? 2 : isdigit((unsigned char) c) ? 1 : 0;
}

int yaml_key_compare(const char *a, const char *b) {
        const char *whole_a = a, *whole_b = b;

        while (*a && *b) {
                int x = char_class(*a), y = char_class(*b);

                if (x == 1 && y == 1) {
                        int r = compare_numbers(&a, &b);
                        if (r != 0)
                                return r;
                } else if (*a == *b) {
                        a++;
                        b++;
                } else if (x != y)
                        return x - y;
                else
                        return (unsigned char) *a - (unsigned char) *b;
        }

        if (*a || *b)
                return *a ? 1 : -1;
        return strcmp(whole_b, whole_a);        /* "1" before "01" */
}
