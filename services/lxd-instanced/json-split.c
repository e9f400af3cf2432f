/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a JSON object of another daemon apart into its members' texts, without building a tree. */
#include "json-split.h"

static const char *skip_space(const char *p) {
        return p + strspn(p, " \t\r\n");
}

/* p is at a quote; returns what follows the closing one, or NULL. */
static const char *skip_string(const char *p) {
        for (p++; *p; p++) {
                if (*p == '\\' && p[1])
                        p++;
                else if (*p == '"')
                        return p + 1;
        }
        return NULL;
}

static const char *skip_value(const char *p) {
        unsigned depth = 0;

        do {
                if (*p == '"') {
                        p = skip_string(p);
                        if (!p)
                                return NULL;
                        continue;
                }
                if (*p == '\0')
                        return NULL;
                if (*p == '{' || *p == '[')
                        depth++;
                else if (*p == '}' || *p == ']')
                        depth--;
                p++;
        } while (depth > 0 || (*p != ',' && *p != '}' && *p != '\0'));
        return p;
}

int json_split_object(const char *text, JsonMember **ret, size_t *ret_n) {
        _cleanup_free_ JsonMember *members = NULL;
        const char *p = skip_space(text);
        size_t n = 0;

        if (*p != '{')
                return -EBADMSG;
        p = skip_space(p + 1);

        while (*p != '}') {
                JsonMember m = { .key = p + 1 }, *grown;
                const char *end;

                if (*p != '"' || !(p = skip_string(p)))
                        return -EBADMSG;
                m.key_length = (size_t) (p - 1 - m.key);
                p = skip_space(p);
                if (*p != ':')
                        return -EBADMSG;
                m.value = skip_space(p + 1);
                end = *m.value && *m.value != ',' && *m.value != '}' ? skip_value(m.value) : NULL;
                if (!end)
                        return -EBADMSG;
                p = end;
                while (end > m.value && strchr(" \t\r\n", end[-1]))
                        end--;
                m.value_length = (size_t) (end - m.value);

                grown = reallocarray(members, n + 1, sizeof(JsonMember));
                if (!grown)
                        return -ENOMEM;
                members = grown;
                members[n++] = m;

                p = skip_space(p);
                if (*p == ',')
                        p = skip_space(p + 1);
                else if (*p != '}')
                        return -EBADMSG;
        }

        *ret = TAKE_PTR(members);
        *ret_n = n;
        return 0;
}
