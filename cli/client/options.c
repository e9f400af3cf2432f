/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser: long and short options by table. */

#include "base/str.h"
#include "fail.h"
#include "options.h"

typedef struct Parser {
        const Option *tables[2];
        char **argv;
        char ***arguments;
} Parser;

static const Option *find_long(const Parser *p, const char *name, size_t n) {
        for (size_t t = 0; t < ELEMENTSOF(p->tables); t++)
                for (const Option *o = p->tables[t]; o && o->name; o++)
                        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
                                return o;
        return NULL;
}

static const Option *find_letter(const Parser *p, char letter) {
        for (size_t t = 0; t < ELEMENTSOF(p->tables); t++)
                for (const Option *o = p->tables[t]; o && o->name; o++)
                        if (o->letter == letter)
                                return o;
        return NULL;
}

static int invalid_value(const Option *o, const char *value, const char *why) {
        if (o->letter)
                return fail(-EINVAL, "invalid argument \"%s\" for \"-%c, --%s\" flag: %s", value, o->letter, o->name, why);
        return fail(-EINVAL, "invalid argument \"%s\" for \"--%s\" flag: %s", value, o->name, why);
}

static void append_split(char ***list, const char *value) {
        _cleanup_free_ char **pieces = list_split(value, ',');

        for (char **s = pieces; *s; s++)
                list_append(list, *s);
}

static int option_set(const Option *o, const char *value) {
        switch (o->type) {
        case OPTION_BOOL: {
                bool b;

                if (isempty(value) || parse_bool(value, &b) < 0)
                        return invalid_value(o, value, "it is either true or false");
                *(bool*) o->target = b;
                return 0;
        }
        case OPTION_INT: {
                int64_t i;

                if (parse_i64(value, &i) < 0)
                        return invalid_value(o, value, "it is not a whole number");
                *(int64_t*) o->target = i;
                return 0;
        }
        case OPTION_LIST:
                list_append(o->target, xstrdup(value));
                return 0;

        case OPTION_SPLIT:
                append_split(o->target, value);
                return 0;

        default:
                free(*(char**) o->target);
                *(char**) o->target = xstrdup(value);
                return 0;
        }
}

/* The value an option has when it stands alone, or NULL if it needs one. */
static const char *standalone_value(const Option *o) {
        return o->type == OPTION_BOOL ? "true" : o->type == OPTION_OPTIONAL ? o->fallback : NULL;
}

static int parse_long(Parser *p, const char *text) {
        const char *value = strchr(text, '=');
        size_t n = value ? (size_t) (value - text) : strlen(text);
        const Option *o = find_long(p, text, n);

        if (!o)
                return fail(-EINVAL, "unknown flag: --%.*s", (int) n, text);
        if (value)
                return option_set(o, value + 1);

        value = standalone_value(o);
        if (!value && *p->argv)
                value = *p->argv++;
        if (!value)
                return fail(-EINVAL, "flag needs an argument: --%s", o->name);
        return option_set(o, value);
}

/* "-rf", "-cvalue", "-c=value" or "-c value". */
static int parse_letters(Parser *p, const char *text) {
        for (const char *s = text; *s; s++) {
                const Option *o = find_letter(p, *s);
                const char *value;
                int r;

                if (!o)
                        return fail(-EINVAL, "unknown shorthand flag: '%c' in -%s", *s, text);

                if (s[1] == '=')
                        return option_set(o, s + 2);

                value = standalone_value(o);
                if (!value && s[1])
                        return option_set(o, s + 1);
                if (!value && *p->argv)
                        return option_set(o, *p->argv++);
                if (!value)
                        return fail(-EINVAL, "flag needs an argument: '%c' in -%s", *s, text);
                r = option_set(o, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void take_rest(Parser *p) {
        while (*p->argv)
                list_append(p->arguments, xstrdup(*p->argv++));
}

int options_parse(const Option *table, const Option *more, OptionsFlags flags, char **argv, char ***ret) {
        _cleanup_list_ char **arguments = NULL;
        Parser p = { .tables = { table, more }, .argv = argv, .arguments = &arguments };

        while (*p.argv) {
                const char *s = *p.argv++;
                int r = 0;

                if (streq(s, "--")) {
                        take_rest(&p);
                        break;
                }
                if (s[0] == '-' && s[1] == '-')
                        r = parse_long(&p, s + 2);
                else if (s[0] == '-' && s[1])
                        r = parse_letters(&p, s + 1);
                else {
                        list_append(&arguments, xstrdup(s));
                        if (flags & OPTIONS_STOP_AT_ARGUMENT)
                                take_rest(&p);
                }
                if (r < 0)
                        return r;
        }

        if (!arguments)
                arguments = xcalloc(1, sizeof(char*));
        *ret = TAKE_PTR(arguments);
        return 0;
}

static char *option_left(const Option *o) {
        _cleanup_free_ char *value = o->type == OPTION_OPTIONAL ? xformat("[=\"%s\"]", o->fallback) : xstrdup("");

        return o->letter ? xformat("  -%c, --%s%s", o->letter, o->name, value) : xformat("      --%s%s", o->name, value);
}

void options_help(const Option *table, Buffer *text) {
        size_t width = 0;

        for (const Option *o = table; o && o->name; o++) {
                _cleanup_free_ char *left = option_left(o);
                width = MAX(width, strlen(left));
        }

        for (const Option *o = table; o && o->name; o++) {
                _cleanup_free_ char *left = option_left(o);

                buffer_printf(text, "%-*s   %s", (int) width, left, o->help);
                if (o->shown_default)
                        buffer_printf(text, " (default %s)", o->shown_default);
                buffer_putc(text, '\n');
        }
}
