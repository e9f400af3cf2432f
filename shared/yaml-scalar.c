/* SPDX-License-Identifier: Apache-2.0 */
/* Decides the type of plain YAML scalars. */

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "yaml-json.h"
#include "yaml-scalar.h"

static const struct {
        const char *text;
        YamlScalarType type;
        bool value;
} words[] = {
        { "", YAML_SCALAR_NULL }, { "~", YAML_SCALAR_NULL },
        { "null", YAML_SCALAR_NULL }, { "Null", YAML_SCALAR_NULL }, { "NULL", YAML_SCALAR_NULL },
        { "y", YAML_SCALAR_BOOL, true }, { "Y", YAML_SCALAR_BOOL, true },
        { "yes", YAML_SCALAR_BOOL, true }, { "Yes", YAML_SCALAR_BOOL, true }, { "YES", YAML_SCALAR_BOOL, true },
        { "true", YAML_SCALAR_BOOL, true }, { "True", YAML_SCALAR_BOOL, true }, { "TRUE", YAML_SCALAR_BOOL, true },
        { "on", YAML_SCALAR_BOOL, true }, { "On", YAML_SCALAR_BOOL, true }, { "ON", YAML_SCALAR_BOOL, true },
        { "n", YAML_SCALAR_BOOL }, { "N", YAML_SCALAR_BOOL },
        { "no", YAML_SCALAR_BOOL }, { "No", YAML_SCALAR_BOOL }, { "NO", YAML_SCALAR_BOOL },
        { "false", YAML_SCALAR_BOOL }, { "False", YAML_SCALAR_BOOL }, { "FALSE", YAML_SCALAR_BOOL },
        { "off", YAML_SCALAR_BOOL }, { "Off", YAML_SCALAR_BOOL }, { "OFF", YAML_SCALAR_BOOL },
        { ".nan", YAML_SCALAR_FLOAT }, { ".NaN", YAML_SCALAR_FLOAT }, { ".NAN", YAML_SCALAR_FLOAT },
        { ".inf", YAML_SCALAR_FLOAT }, { ".Inf", YAML_SCALAR_FLOAT }, { ".INF", YAML_SCALAR_FLOAT },
        { "+.inf", YAML_SCALAR_FLOAT }, { "+.Inf", YAML_SCALAR_FLOAT }, { "+.INF", YAML_SCALAR_FLOAT },
        { "-.inf", YAML_SCALAR_FLOAT }, { "-.Inf", YAML_SCALAR_FLOAT }, { "-.INF", YAML_SCALAR_FLOAT },
        { "<<", YAML_SCALAR_MERGE },
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))
#define NUMBER_MAX 64   /* longest text that is looked at as a number */

static int find_word(const char *text) {
        for (size_t i = 0; i < N_WORDS; i++)
                if (strcmp(words[i].text, text) == 0)
                        return (int) i;
        return -1;
}

/* Copies a number's text without the underscores that YAML allows inside. */
static bool strip_underscores(const char *text, char buf[static NUMBER_MAX]) {
        size_t n = 0;

        for (const char *p = text; *p; p++) {
                if (*p == '_')
                        continue;
                if (n >= NUMBER_MAX - 1)
                        return false;
                buf[n++] = *p;
        }
        buf[n] = 0;
        return n > 0;
}

static bool digits_of_base(const char *p, int base) {
        if (!*p)
                return false;
        for (; *p; p++) {
                int v = isdigit((unsigned char) *p) ? *p - '0' :
                        isxdigit((unsigned char) *p) ? tolower((unsigned char) *p) - 'a' + 10 : 99;
                if (v >= base)
                        return false;
        }
        return true;
}

/* Base of an integer by its prefix, and where the digits begin. "0o17" and "017" are both octal. */
static int number_base(const char **p) {
        if ((*p)[0] != '0' || !(*p)[1])
                return 10;

        switch ((*p)[1]) {
        case 'x': case 'X':
                *p += 2;
                return 16;
        case 'b': case 'B':
                *p += 2;
                return 2;
        case 'o': case 'O':
                *p += 2;
                return 8;
        default:
                *p += 1;
                return 8;
        }
}

/* Parses an integer of 64 bits, signed or unsigned. */
static bool parse_integer(const char *text, int64_t *ret, uint64_t *ret_unsigned, bool *ret_is_unsigned) {
        char buf[NUMBER_MAX];
        const char *p = buf;
        uint64_t value;
        bool negative;
        int base;

        if (!strip_underscores(text, buf))
                return false;

        negative = *p == '-';
        if (*p == '-' || *p == '+')
                p++;

        base = number_base(&p);
        if (!digits_of_base(p, base))
                return false;

        errno = 0;
        value = strtoull(p, NULL, base);
        if (errno != 0)
                return false;

        if (negative && value > (uint64_t) INT64_MAX + 1)
                return false;

        *ret_is_unsigned = !negative && value > INT64_MAX;
        *ret_unsigned = value;
        *ret = negative ? (int64_t) (0 - value) : (int64_t) value;
        return true;
}

/* [-+]? ( '.' digits | digits [ '.' digits? ] ) ( [eE] [-+]? digits )? */
static bool looks_like_float(const char *p) {
        size_t n;

        if (*p == '-' || *p == '+')
                p++;

        if (*p == '.') {
                n = strspn(++p, "0123456789");
                if (n == 0)
                        return false;
                p += n;
        } else {
                n = strspn(p, "0123456789");
                if (n == 0)
                        return false;
                p += n;
                if (*p == '.')
                        p += 1 + strspn(p + 1, "0123456789");
        }

        if (*p == 'e' || *p == 'E') {
                p++;
                if (*p == '-' || *p == '+')
                        p++;
                n = strspn(p, "0123456789");
                if (n == 0)
                        return false;
                p += n;
        }
        return *p == 0;
}

static bool take_digits(const char **p, size_t min, size_t max) {
        size_t n = strspn(*p, "0123456789");

        if (n < min || n > max)
                return false;
        *p += n;
        return true;
}

static bool take_char(const char **p, const char *set) {
        if (!**p || !strchr(set, **p))
                return false;
        (*p)++;
        return true;
}

/* The time of day after a date: [tT ]hh:mm:ss[.fraction][zone]. */
static bool looks_like_clock(const char *p) {
        if (!take_char(&p, "tT \t"))
                return false;
        if (!take_digits(&p, 1, 2) || !take_char(&p, ":") || !take_digits(&p, 2, 2) ||
            !take_char(&p, ":") || !take_digits(&p, 2, 2))
                return false;
        if (*p == '.') {
                p++;
                if (!take_digits(&p, 1, 9))
                        return false;
        }
        if (!*p || strcmp(p, "Z") == 0)
                return true;
        if (!take_char(&p, "+-") || !take_digits(&p, 1, 2))
                return false;
        if (*p == ':') {
                p++;
                if (!take_digits(&p, 2, 2))
                        return false;
        }
        return *p == 0;
}

/* yyyy-mm-dd, alone or followed by a time of day. */
static bool looks_like_time(const char *text) {
        const char *p = text;

        if (!take_digits(&p, 4, 4) || !take_char(&p, "-") || !take_digits(&p, 1, 2) ||
            !take_char(&p, "-") || !take_digits(&p, 1, 2))
                return false;

        return *p == 0 || looks_like_clock(p);
}

YamlScalarType yaml_scalar_type(const char *text) {
        char buf[NUMBER_MAX];
        uint64_t u;
        bool is_u;
        int64_t i;
        int w;

        w = find_word(text);
        if (w >= 0)
                return words[w].type;

        if (!strchr("+-.0123456789", text[0]))
                return YAML_SCALAR_STRING;
        if (looks_like_time(text))
                return YAML_SCALAR_TIME;
        if (parse_integer(text, &i, &u, &is_u))
                return YAML_SCALAR_INT;
        if (strip_underscores(text, buf) && looks_like_float(buf))
                return YAML_SCALAR_FLOAT;

        return YAML_SCALAR_STRING;
}

static double parse_float(const char *text) {
        char buf[NUMBER_MAX];
        const char *sign = strchr("+-", text[0]) ? text + 1 : text;

        if (strcasecmp(sign, ".inf") == 0)
                return text[0] == '-' ? -INFINITY : INFINITY;
        if (strcasecmp(text, ".nan") == 0)
                return NAN;
        return strip_underscores(text, buf) ? strtod(buf, NULL) : NAN;
}

/* Remembers the source text beside the value, for yaml_text(). */
static int keep_text(struct json_object *o, const char *text) {
        char *copy;

        copy = strdup(text);
        if (!copy) {
                json_object_put(o);
                return -ENOMEM;
        }
        json_object_set_userdata(o, copy, json_object_free_userdata);
        return 0;
}

static struct json_object *new_integer(const char *text) {
        uint64_t u = 0;
        int64_t i = 0;
        bool is_u = false;

        (void) parse_integer(text, &i, &u, &is_u);
        return is_u ? json_object_new_uint64(u) : json_object_new_int64(i);
}

int yaml_scalar_resolve(const char *text, size_t size, bool plain, struct json_object **ret) {
        struct json_object *o = NULL;
        int q;

        switch (plain ? yaml_scalar_type(text) : YAML_SCALAR_STRING) {
        case YAML_SCALAR_NULL:
                *ret = NULL;
                return 0;
        case YAML_SCALAR_BOOL:
                o = json_object_new_boolean(words[find_word(text)].value);
                break;
        case YAML_SCALAR_INT:
                o = new_integer(text);
                break;
        case YAML_SCALAR_FLOAT:
                o = json_object_new_double(parse_float(text));
                break;
        default:
                o = json_object_new_string_len(text, (int) size);
                if (!o)
                        return -ENOMEM;
                *ret = o;
                return 0;
        }
        if (!o)
                return -ENOMEM;

        q = keep_text(o, text);
        if (q < 0)
                return q;
        *ret = o;
        return 0;
}

const char *yaml_text(struct json_object *o) {
        const char *text;

        switch (json_object_get_type(o)) {
        case json_type_null:
                return "";
        case json_type_object:
        case json_type_array:
                return NULL;
        case json_type_string:
                return json_object_get_string(o);
        default:
                text = json_object_get_userdata(o);
                return text ?: json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
        }
}
