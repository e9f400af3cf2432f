/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions of the template language: names, literals, comparisons, filters. */
#include <ctype.h>
#include <stdarg.h>

#include "base/str.h"
#include "template-value.h"

void value_done(Value *v) {
        free(v->string);
        *v = (Value) {};
}
#define _cleanup_value_ _cleanup_(value_done)

bool value_is_true(const Value *v) {
        switch (v->type) {
        case VALUE_STRING:
                return !isempty(v->string);
        case VALUE_NUMBER:
        case VALUE_BOOL:
                return v->number != 0;
        case VALUE_CONFIG:
                return v->config && v->config->n > 0;
        case VALUE_DEVICES:
                return v->devices && v->devices->n > 0;
        default:
                return false;
        }
}

int value_text(const Value *v, char **ret) {
        switch (v->type) {
        case VALUE_STRING:
                return str_replace(ret, v->string);
        case VALUE_NUMBER:
                return str_format(ret, "%" PRIi64, v->number);
        case VALUE_BOOL:
                return str_replace(ret, v->number ? "True" : "False");
        default:
                return str_replace(ret, "");
        }
}

static int value_set_string(Value *v, const char *s, size_t n) {
        char *copy = strndup(s, n);

        if (!copy)
                return -ENOMEM;
        value_done(v);
        v->type = VALUE_STRING;
        v->string = copy;
        return 0;
}

static void value_set_bool(Value *v, bool on) {
        value_done(v);
        v->type = VALUE_BOOL;
        v->number = on;
}

static int value_copy(const Value *from, Value *ret) {
        Value v = *from;

        if (v.type == VALUE_STRING) {
                v.string = strdup(from->string);
                if (!v.string)
                        return -ENOMEM;
        }
        *ret = v;
        return 0;
}

int interpreter_error(Interpreter *i, int r, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        unsigned line = 1;
        va_list ap;

        if (i->message)
                return r;
        for (const char *p = i->text; p < i->at; p++)
                line += *p == '\n';
        va_start(ap, format);
        (void) str_vformat(&text, format, ap);
        va_end(ap);
        (void) str_format(&i->message, "line %u: %s", line, strempty(text));
        return r;
}

int interpreter_step(Interpreter *i) {
        if (++i->steps > TEMPLATE_STEPS_MAX)
                return interpreter_error(i, -E2BIG, "too much to do for one template");
        return 0;
}

void skip_space(Interpreter *i) {
        while (isspace((unsigned char) *i->at))
                i->at++;
}

size_t name_length(const char *at) {
        size_t n = 0;

        if (!isalpha((unsigned char) *at) && *at != '_')
                return 0;
        while (isalnum((unsigned char) at[n]) || at[n] == '_')
                n++;
        return n;
}

bool take_word(Interpreter *i, const char *word) {
        size_t n;

        skip_space(i);
        n = name_length(i->at);
        if (n != strlen(word) || strncmp(i->at, word, n) != 0)
                return false;
        i->at += n;
        return true;
}

bool take_sign(Interpreter *i, const char *sign) {
        skip_space(i);
        if (strncmp(i->at, sign, strlen(sign)) != 0)
                return false;
        i->at += strlen(sign);
        return true;
}

/* A quoted string; a backslash takes the next character as it is. */
static int read_string(Interpreter *i, Value *ret) {
        char quote = *i->at++;
        _cleanup_free_ char *text = malloc(strlen(i->at) + 1);
        size_t n = 0;

        if (!text)
                return -ENOMEM;
        for (; *i->at && *i->at != quote; i->at++) {
                if (*i->at == '\\' && i->at[1]) {
                        i->at++;
                        text[n++] = *i->at == 'n' ? '\n' : *i->at == 't' ? '\t' : *i->at;
                } else
                        text[n++] = *i->at;
        }
        if (!*i->at)
                return interpreter_error(i, -EINVAL, "a quoted string does not end");
        i->at++;
        return value_set_string(ret, text, n);
}

static int read_number(Interpreter *i, Value *ret) {
        char *end;

        errno = 0;
        ret->number = strtoll(i->at, &end, 10);
        if (errno != 0)
                return interpreter_error(i, -EINVAL, "number out of range");
        ret->type = VALUE_NUMBER;
        i->at = end;
        return 0;
}

static int config_value(const Config *c, const char *key, Value *ret) {
        const char *value = c ? config_get(c, key) : NULL;

        value_done(ret);
        return value ? value_set_string(ret, value, strlen(value)) : 0;
}

/* One part further into a map; of anything else nothing comes. */
static int value_descend(Value *v, const char *key) {
        Value next = {};
        int r = 0;

        if (v->type == VALUE_CONFIG)
                r = config_value(v->config, key, &next);
        else if (v->type == VALUE_DEVICES) {
                next.config = v->devices ? devices_get(v->devices, key) : NULL;
                next.type = next.config ? VALUE_CONFIG : VALUE_NONE;
        }
        if (r < 0)
                return r;
        value_done(v);
        *v = next;
        return 0;
}

static int evaluate_nested(Interpreter *i, Value *ret) {
        int r;

        if (++i->depth > TEMPLATE_DEPTH_MAX)
                return interpreter_error(i, -E2BIG, "nested too deep");
        r = evaluate(i, ret);
        i->depth--;
        return r;
}

/* config_get("key"[, default]): the name has been read. */
static int call_config_get(Interpreter *i, Value *ret) {
        _cleanup_value_ Value key = {}, fallback = {};
        _cleanup_free_ char *text = NULL;
        const char *value;
        int r;

        if (!take_sign(i, "("))
                return interpreter_error(i, -EINVAL, "config_get needs a key in brackets");
        r = evaluate_nested(i, &key);
        if (r >= 0 && take_sign(i, ","))
                r = evaluate_nested(i, &fallback);
        if (r < 0)
                return r;
        if (!take_sign(i, ")"))
                return interpreter_error(i, -EINVAL, "a bracket of config_get does not close");
        r = value_text(&key, &text);
        if (r < 0)
                return r;
        value = i->context->config ? config_get(i->context->config, text) : NULL;
        return value ? value_set_string(ret, value, strlen(value)) : value_copy(&fallback, ret);
}

static int lookup(Interpreter *i, const char *name, size_t n, Value *ret) {
        const TemplateContext *c = i->context;
        const struct { const char *name; Value value; } known[] = {
                { "instance", { .type = VALUE_CONFIG, .config = c->instance } },
                { "container", { .type = VALUE_CONFIG, .config = c->instance } },
                { "config", { .type = VALUE_CONFIG, .config = c->config } },
                { "properties", { .type = VALUE_CONFIG, .config = c->properties } },
                { "devices", { .type = VALUE_DEVICES, .devices = c->devices } },
                { "trigger", { .type = VALUE_STRING, .string = (char *) strempty(c->trigger) } },
                { "path", { .type = VALUE_STRING, .string = (char *) strempty(c->path) } },
                { "true", { .type = VALUE_BOOL, .number = 1 } },
                { "false", { .type = VALUE_BOOL } },
        };

        for (size_t k = i->n_locals; k-- > 0;)
                if (i->locals[k].n == n && strncmp(i->locals[k].name, name, n) == 0)
                        return value_copy(&i->locals[k].value, ret);
        for (size_t k = 0; k < ELEMENTSOF(known); k++)
                if (strlen(known[k].name) == n && strncmp(known[k].name, name, n) == 0)
                        return value_copy(&known[k].value, ret);
        return 0;
}

/* The ".part" and ["part"] behind a name. */
static int read_parts(Interpreter *i, Value *ret) {
        for (;;) {
                _cleanup_free_ char *key = NULL;
                int r;

                if (*i->at == '.') {
                        size_t n = strcspn(i->at + 1, " \t\r\n.[]|{}()=!<>,\"'+-*/%&");

                        /* A part may have dashes ("my-key"), as pongo2's may not but LXD's keys do. */
                        while (i->at[1 + n] == '-' && isalnum((unsigned char) i->at[2 + n]))
                                n += 1 + strcspn(i->at + 2 + n, " \t\r\n.[]|{}()=!<>,\"'+-*/%&");
                        if (n == 0)
                                return interpreter_error(i, -EINVAL, "a name ends with a dot");
                        key = strndup(i->at + 1, n);
                        i->at += 1 + n;
                        r = key ? value_descend(ret, key) : -ENOMEM;
                } else if (*i->at == '[') {
                        _cleanup_value_ Value v = {};

                        i->at++;
                        r = evaluate_nested(i, &v);
                        if (r >= 0 && !take_sign(i, "]"))
                                return interpreter_error(i, -EINVAL, "a square bracket does not close");
                        if (r >= 0)
                                r = value_text(&v, &key);
                        if (r >= 0)
                                r = value_descend(ret, key);
                } else
                        return 0;
                if (r < 0)
                        return r;
        }
}

static int read_primary(Interpreter *i, Value *ret) {
        size_t n;
        int r;

        skip_space(i);
        if (*i->at == '"' || *i->at == '\'')
                return read_string(i, ret);
        if (isdigit((unsigned char) *i->at) || (*i->at == '-' && isdigit((unsigned char) i->at[1])))
                return read_number(i, ret);
        if (take_sign(i, "(")) {
                r = evaluate_nested(i, ret);
                return r < 0 || take_sign(i, ")") ? r : interpreter_error(i, -EINVAL, "a bracket does not close");
        }
        n = name_length(i->at);
        if (n == 0)
                return interpreter_error(i, -EINVAL, "a value was expected");
        if (take_word(i, "config_get"))
                return call_config_get(i, ret);
        r = lookup(i, i->at, n, ret);
        i->at += n;
        if (r >= 0 && *i->at == '(')
                return interpreter_error(i, -EINVAL, "there is no function of this name; templates have config_get() only");
        return r < 0 ? r : read_parts(i, ret);
}

static int filter_text(const char *name, size_t n, Value *v) {
        char *text = NULL;
        bool lower = n == 5 && strncmp(name, "lower", n) == 0, first = n == 8;
        int r;

        r = value_text(v, &text);
        if (r < 0)
                return r;
        for (char *p = text; *p; p++) {
                *p = (char) (lower ? tolower((unsigned char) *p) : toupper((unsigned char) *p));
                if (first)
                        break;
        }
        value_done(v);
        v->type = VALUE_STRING;
        v->string = text;
        return 0;
}

static int filter_trim(Value *v) {
        _cleanup_free_ char *text = NULL;
        const char *start;
        size_t n;
        int r;

        r = value_text(v, &text);
        if (r < 0)
                return r;
        start = text + strspn(text, " \t\r\n");
        for (n = strlen(start); n > 0 && isspace((unsigned char) start[n - 1]); n--)
                ;
        return value_set_string(v, start, n);
}

static int filter_length(Value *v) {
        size_t n = v->type == VALUE_STRING ? strlen(v->string)
                   : v->type == VALUE_CONFIG && v->config ? v->config->n
                   : v->type == VALUE_DEVICES && v->devices ? v->devices->n : 0;

        value_done(v);
        v->type = VALUE_NUMBER;
        v->number = (int64_t) n;
        return 0;
}

static bool is_name(const char *name, size_t n, const char *word) {
        return strlen(word) == n && strncmp(name, word, n) == 0;
}

static int apply_filter(Interpreter *i, const char *name, size_t n, Value *argument, Value *v) {
        if (is_name(name, n, "safe") || is_name(name, n, "escape"))
                return 0;
        if (is_name(name, n, "lower") || is_name(name, n, "upper") || is_name(name, n, "capfirst"))
                return filter_text(name, n, v);
        if (is_name(name, n, "trim"))
                return filter_trim(v);
        if (is_name(name, n, "length"))
                return filter_length(v);
        if (is_name(name, n, "default") || is_name(name, n, "default_if_none")) {
                if (n == STRLEN("default") ? value_is_true(v) : v->type != VALUE_NONE)
                        return 0;
                value_done(v);
                *v = *argument;
                *argument = (Value) {};
                return 0;
        }
        return interpreter_error(i, -EINVAL, "there is no filter \"%.*s\"", (int) n, name);
}

static int read_filtered(Interpreter *i, Value *ret) {
        int r;

        r = read_primary(i, ret);
        while (r >= 0) {
                _cleanup_value_ Value argument = {};
                const char *name;
                size_t n;

                skip_space(i);
                if (i->at[0] != '|' || i->at[1] == '|')
                        return 0;
                i->at++;
                skip_space(i);
                name = i->at;
                n = name_length(name);
                if (n == 0)
                        return interpreter_error(i, -EINVAL, "a filter's name was expected");
                i->at += n;
                if (*i->at == ':') {
                        i->at++;
                        r = read_primary(i, &argument);
                }
                if (r >= 0)
                        r = apply_filter(i, name, n, &argument, ret);
        }
        return r;
}

static int compare(const Value *a, const Value *b, int *ret) {
        _cleanup_free_ char *x = NULL, *y = NULL;
        int r;

        if (a->type == VALUE_NUMBER && b->type == VALUE_NUMBER) {
                *ret = (a->number > b->number) - (a->number < b->number);
                return 0;
        }
        r = value_text(a, &x);
        if (r >= 0)
                r = value_text(b, &y);
        if (r >= 0)
                *ret = strcmp(x, y);
        return r;
}

static int contains(const Value *needle, const Value *hay, bool *ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = value_text(needle, &text);
        if (r < 0)
                return r;
        *ret = hay->type == VALUE_CONFIG    ? hay->config && config_get(hay->config, text)
               : hay->type == VALUE_DEVICES ? hay->devices && devices_get(hay->devices, text)
                                            : hay->type == VALUE_STRING && strstr(hay->string, text);
        return 0;
}

static int read_comparison(Interpreter *i, Value *ret) {
        static const char *const signs[] = { "==", "!=", "<>", "<=", ">=", "<", ">" };
        _cleanup_value_ Value right = {};
        size_t sign;
        bool in = false;
        int order = 0, r;

        r = read_filtered(i, ret);
        if (r < 0)
                return r;
        for (sign = 0; sign < ELEMENTSOF(signs); sign++)
                if (take_sign(i, signs[sign]))
                        break;
        if (sign == ELEMENTSOF(signs)) {
                if (!take_word(i, "in"))
                        return 0;
                r = read_filtered(i, &right);
                if (r >= 0)
                        r = contains(ret, &right, &in);
                if (r >= 0)
                        value_set_bool(ret, in);
                return r;
        }
        r = read_filtered(i, &right);
        if (r >= 0)
                r = compare(ret, &right, &order);
        if (r >= 0)
                value_set_bool(ret, (bool[]) { order == 0, order != 0, order != 0, order <= 0, order >= 0, order < 0,
                                               order > 0 }[sign]);
        return r;
}

static int read_not(Interpreter *i, Value *ret) {
        bool negate = false;
        int r;

        for (;;) {
                skip_space(i);
                if (!(take_word(i, "not") || (i->at[0] == '!' && i->at[1] != '=' && take_sign(i, "!"))))
                        break;
                negate = !negate;
        }
        r = read_comparison(i, ret);
        if (r >= 0 && negate)
                value_set_bool(ret, !value_is_true(ret));
        return r;
}

static int read_and(Interpreter *i, Value *ret) {
        int r;

        r = read_not(i, ret);
        while (r >= 0 && (take_word(i, "and") || take_sign(i, "&&"))) {
                _cleanup_value_ Value right = {};

                r = read_not(i, &right);
                if (r >= 0)
                        value_set_bool(ret, value_is_true(ret) && value_is_true(&right));
        }
        return r;
}

int evaluate(Interpreter *i, Value *ret) {
        int r;

        r = interpreter_step(i);
        if (r >= 0)
                r = read_and(i, ret);
        while (r >= 0 && (take_word(i, "or") || take_sign(i, "||"))) {
                _cleanup_value_ Value right = {};

                r = read_and(i, &right);
                if (r >= 0)
                        value_set_bool(ret, value_is_true(ret) || value_is_true(&right));
        }
        return r;
}
