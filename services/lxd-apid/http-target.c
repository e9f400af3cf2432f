/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the parsing of request targets. */

#include "http-target.h"

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -EINVAL;
}

/* Decodes s in place; the result is never longer. plus: '+' is a space (queries). */
static int decode(char *s, bool plus) {
        char *out = s;

        for (; *s; s++) {
                if (*s == '%') {
                        int high = hex_value(s[1]), low = high < 0 ? high : hex_value(s[2]);

                        if (low < 0 || (high == 0 && low == 0))
                                return -EINVAL;
                        *out++ = (char) (high << 4 | low);
                        s += 2;
                } else if (*s == '+' && plus)
                        *out++ = ' ';
                else
                        *out++ = *s;
        }
        *out = '\0';
        return 0;
}

static int parse_path(Target *t, char *path) {
        if (path[0] != '/')
                return -EINVAL;
        if (path[1] == '\0')
                return 0;

        for (char *segment = path + 1, *next; segment; segment = next) {
                int r;

                next = strchr(segment, '/');
                if (next)
                        *next++ = '\0';
                if (t->n_segments >= ELEMENTSOF(t->segments))
                        return -E2BIG;

                r = decode(segment, false);
                if (r < 0)
                        return r;
                if (!text_is_valid(segment, false))
                        return -EINVAL;
                t->segments[t->n_segments++] = segment;
        }
        return 0;
}

static int parse_query(Target *t, char *query) {
        for (char *field = query, *next; field; field = next) {
                char *value;
                int r;

                next = strchr(field, '&');
                if (next)
                        *next++ = '\0';
                if (field[0] == '\0')
                        continue;
                if (t->n_parameters >= ELEMENTSOF(t->parameters))
                        return -E2BIG;

                value = strchr(field, '=');
                if (value)
                        *value++ = '\0';
                else
                        value = field + strlen(field);

                r = decode(field, true);
                if (r >= 0)
                        r = decode(value, true);
                if (r < 0)
                        return r;
                if (!text_is_valid(field, false) || !text_is_valid(value, true))
                        return -EINVAL;
                t->parameters[t->n_parameters++] = (TargetParameter) { .name = field, .value = value };
        }
        return 0;
}

/* What proxies send, and every server must take: "http://host/path". The host is nobody's concern here. */
static const char *without_host(const char *uri) {
        const char *host = startswith(uri, "http://") ?: startswith(uri, "https://");

        if (!host)
                return uri;
        host += strcspn(host, "/?#");
        return host[0] == '/' ? host : "";
}

int target_parse(const char *uri, Target *ret) {
        Target t = {};
        char *query;
        int r;

        t.text = strdup(without_host(uri));
        if (!t.text)
                return -ENOMEM;

        t.text[strcspn(t.text, "#")] = '\0';
        query = strchr(t.text, '?');
        if (query)
                *query++ = '\0';

        r = parse_path(&t, t.text);
        if (r >= 0)
                r = parse_query(&t, query);
        if (r < 0) {
                target_done(&t);
                return r;
        }
        *ret = t;
        return 0;
}

void target_done(Target *t) {
        free(t->text);
        *t = (Target) {};
}

const char *target_parameter(const Target *t, const char *name) {
        for (size_t i = 0; i < t->n_parameters; i++)
                if (streq(t->parameters[i].name, name))
                        return t->parameters[i].value;
        return NULL;
}
