/* SPDX-License-Identifier: Apache-2.0 */
/* NULL-terminated string vectors. */
#include "base/str.h"

Strv strv_free(Strv v) {
        STRV_FOREACH(s, v)
                free(*s);
        free(v);
        return NULL;
}

size_t strv_length(char *const *v) {
        size_t n = 0;

        STRV_FOREACH(s, v)
                n++;
        return n;
}

bool strv_contains(char *const *v, const char *s) {
        STRV_FOREACH(i, v)
                if (streq(*i, s))
                        return true;
        return false;
}

/* Takes ownership of s in every case, so that callers need no cleanup. */
static int strv_consume(Strv *v, char *s) {
        size_t n = strv_length(*v);
        Strv w;

        if (!s)
                return -ENOMEM;
        w = reallocarray(*v, n + 2, sizeof(char *));
        if (!w) {
                free(s);
                return -ENOMEM;
        }
        w[n] = s;
        w[n + 1] = NULL;
        *v = w;
        return 0;
}

int strv_extend(Strv *v, const char *s) {
        return strv_consume(v, strdup(s));
}

int strv_copy(char *const *v, Strv *ret) {
        size_t n = strv_length(v);
        _cleanup_strv_free_ Strv w = NULL;

        w = calloc(n + 1, sizeof(char *));
        if (!w)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                w[i] = strdup(v[i]);
                if (!w[i])
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(w);
        return 0;
}

bool strv_equal(char *const *a, char *const *b) {
        size_t n = strv_length(a);

        if (n != strv_length(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

int strv_split(const char *s, const char *separators, Strv *ret) {
        _cleanup_strv_free_ Strv v = NULL;

        v = calloc(1, sizeof(char *));
        if (!v)
                return -ENOMEM;
        while (s && *s) {
                size_t n = strcspn(s, separators), skip = 0;
                int r;

                while (skip < n && (s[skip] == ' ' || s[skip] == '\t'))
                        skip++;
                size_t end = n;
                while (end > skip && (s[end - 1] == ' ' || s[end - 1] == '\t'))
                        end--;
                if (end > skip) {
                        r = strv_consume(&v, strndup(s + skip, end - skip));
                        if (r < 0)
                                return r;
                }
                s += n;
                if (*s)
                        s++;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

int strv_join(char *const *v, const char *separator, char **ret) {
        size_t size = 1, sep = strlen(separator);
        char *p, *out;

        STRV_FOREACH(s, v)
                size += strlen(*s) + sep;
        out = p = malloc(size);
        if (!out)
                return -ENOMEM;
        STRV_FOREACH(s, v) {
                if (s != (char **) v)
                        p = stpcpy(p, separator);
                p = stpcpy(p, *s);
        }
        *p = '\0';
        *ret = out;
        return 0;
}
