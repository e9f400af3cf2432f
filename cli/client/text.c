/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, growing buffers, lists of strings, sizes and widths of text. */

#include <locale.h>
#include <stdio.h>
#include <wchar.h>

#include "text.h"

static void out_of_memory(void) {
        fputs("Error: Out of memory\n", stderr);
        exit(EXIT_FAILURE);
}

void *xrealloc(void *p, size_t n) {
        p = realloc(p, n ?: 1);
        if (!p)
                out_of_memory();
        return p;
}

void *xcalloc(size_t n, size_t size) {
        void *p = calloc(n ?: 1, size ?: 1);

        if (!p)
                out_of_memory();
        return p;
}

char *xstrndup(const char *s, size_t n) {
        char *p = strndup(s, n);

        if (!p)
                out_of_memory();
        return p;
}

char *xstrdup(const char *s) {
        return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xvformat(const char *format, va_list ap) {
        char *s = NULL;

        if (vasprintf(&s, format, ap) < 0)
                out_of_memory();
        return s;
}

char *xformat(const char *format, ...) {
        va_list ap;
        char *s;

        va_start(ap, format);
        s = xvformat(format, ap);
        va_end(ap);
        return s;
}

void buffer_done(Buffer *b) {
        free(b->data);
        *b = (Buffer) {};
}

char *buffer_reserve(Buffer *b, size_t n) {
        if (b->allocated - b->size <= n || !b->data) {
                if (n > SIZE_MAX / 4 || b->size > SIZE_MAX / 4)
                        out_of_memory();
                b->allocated = MAX(b->size + n + 256, b->allocated * 2);
                b->data = xrealloc(b->data, b->allocated);
        }
        return b->data + b->size;
}

void buffer_append(Buffer *b, const void *data, size_t n) {
        char *p = buffer_reserve(b, n);

        if (n > 0)
                memcpy(p, data, n);
        b->size += n;
        b->data[b->size] = 0;
}

void buffer_puts(Buffer *b, const char *s) {
        buffer_append(b, s, strlen(s));
}

void buffer_putc(Buffer *b, char c) {
        buffer_append(b, &c, 1);
}

void buffer_vprintf(Buffer *b, const char *format, va_list ap) {
        _cleanup_free_ char *s = xvformat(format, ap);

        buffer_puts(b, s);
}

void buffer_printf(Buffer *b, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        buffer_vprintf(b, format, ap);
        va_end(ap);
}

void buffer_consume(Buffer *b, size_t n) {
        assert(n <= b->size);
        if (n == 0)
                return;
        memmove(b->data, b->data + n, b->size - n);
        b->size -= n;
        b->data[b->size] = 0;
}

size_t list_length(char *const *list) {
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

void list_append(char ***list, char *s) {
        size_t n = list_length(*list);

        *list = xrealloc(*list, (n + 2) * sizeof(char*));
        (*list)[n] = s;
        (*list)[n + 1] = NULL;
}

bool list_contains(char *const *list, const char *s) {
        for (; list && *list; list++)
                if (streq(*list, s))
                        return true;
        return false;
}

char *list_join(char *const *list, const char *separator) {
        Buffer b = {};

        buffer_puts(&b, "");
        for (size_t i = 0; list && list[i]; i++)
                buffer_printf(&b, "%s%s", i > 0 ? separator : "", list[i]);
        return b.data;
}

char **list_split(const char *s, char separator) {
        char **list = NULL;

        for (;;) {
                const char *end = strchrnul(s, separator);

                list_append(&list, xstrndup(s, (size_t) (end - s)));
                if (!*end)
                        return list;
                s = end + 1;
        }
}

void list_free(char **list) {
        for (char **p = list; p && *p; p++)
                free(*p);
        free(list);
}

static char *format_units(int64_t bytes, unsigned precision, double base, const char *const units[static 6]) {
        double value = (double) bytes;
        size_t unit = 0;

        if (value < base)
                return xformat("%" PRIi64 "B", bytes);

        value /= base;
        while (value >= base && unit < 5) {
                value /= base;
                unit++;
        }
        return xformat("%.*f%s", (int) precision, value, units[unit]);
}

char *format_bytes(int64_t bytes, unsigned precision) {
        static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

        return format_units(bytes, precision, 1024, units);
}

char *format_bytes_decimal(int64_t bytes, unsigned precision) {
        static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };

        return format_units(bytes, precision, 1000, units);
}

static size_t wide_width(const char *s, size_t n) {
        mbstate_t state = {};
        size_t width = 0;

        while (n > 0) {
                wchar_t c;
                size_t used = mbrtowc(&c, s, n, &state);
                int columns;

                if (used == 0 || used > n) {            /* NUL, cut off or not UTF-8 */
                        state = (mbstate_t) {};
                        used = 1;
                        c = L'?';
                }
                columns = wcwidth(c);
                width += columns > 0 ? (size_t) columns : 0;
                s += used;
                n -= used;
        }
        return width;
}

size_t text_width(const char *s, size_t n) {
        static bool utf8 = false;
        size_t i;

        for (i = 0; i < n; i++)
                if ((unsigned char) s[i] >= 0x80)
                        break;
        if (i == n)
                return n;

        if (!utf8) {            /* built into glibc: no files are read */
                (void) setlocale(LC_CTYPE, "C.UTF-8");
                utf8 = true;
        }
        return wide_width(s, n);
}
