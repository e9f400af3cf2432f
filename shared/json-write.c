/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming JSON writer. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "json-write.h"

#define ENVELOPE_HEAD                                                                                         \
        "{\"type\":\"sync\",\"status\":\"Success\",\"status_code\":200,\"operation\":\"\",\"error_code\":0,"    \
        "\"error\":\"\",\"metadata\":"

void json_done(JsonWriter *w) {
        free(w->data);
        *w = (JsonWriter) {};
}

static char *reserve(JsonWriter *w, size_t n) {
        if (w->error < 0)
                return NULL;
        if (w->size + n + 1 > w->allocated) {
                size_t more = MAX(w->allocated * 2, w->size + n + 1024);
                char *p = realloc(w->data, more);

                if (!p) {
                        w->error = -ENOMEM;
                        return NULL;
                }
                w->data = p;
                w->allocated = more;
        }
        return w->data + w->size;
}

static void put(JsonWriter *w, const char *s, size_t n) {
        char *p = reserve(w, n);

        if (!p)
                return;
        memcpy(p, s, n);
        w->size += n;
}

static void put_char(JsonWriter *w, char c) {
        put(w, &c, 1);
}

/* Bytes of one escaped character at s; *n is how much of s it took. */
static void put_escaped(JsonWriter *w, const unsigned char *s, size_t *n) {
        static const char hex[] = "0123456789abcdef";
        char u[7] = "\\u0000";

        *n = 1;
        switch (*s) {
        case '"':
                put(w, "\\\"", 2);
                return;
        case '\\':
                put(w, "\\\\", 2);
                return;
        case '\n':
                put(w, "\\n", 2);
                return;
        case '\r':
                put(w, "\\r", 2);
                return;
        case '\t':
                put(w, "\\t", 2);
                return;
        }
        u[4] = hex[*s >> 4];
        u[5] = hex[*s & 15];
        put(w, u, 6);
}

/* Length of a valid UTF-8 sequence at s, 0 if it is none. NUL-terminated input makes reading ahead safe. */
static size_t utf8_length(const unsigned char *s) {
        size_t n = (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : (*s & 0xf8) == 0xf0 ? 4 : 0;

        if (n == 0 || *s == 0xc0 || *s == 0xc1 || *s > 0xf4)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
            (*s == 0xf4 && s[1] > 0x8f))
                return 0;
        return n;
}

static void put_string(JsonWriter *w, const char *value) {
        const unsigned char *s = (const unsigned char *) value;

        put_char(w, '"');
        while (*s) {
                size_t n = 0;

                /* The long runs of plain characters go in one piece. */
                while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
                        n++;
                if (n > 0)
                        put(w, (const char *) s, n);
                else if (*s < 0x80)
                        put_escaped(w, s, &n);
                else {
                        n = utf8_length(s);
                        if (n > 0)
                                put(w, (const char *) s, n);
                        else {
                                put(w, "\xef\xbf\xbd", 3);
                                n = 1;
                        }
                }
                s += n;
        }
        put_char(w, '"');
}

static void begin_value(JsonWriter *w, const char *key) {
        if (w->comma)
                put_char(w, ',');
        w->comma = true;
        if (key) {
                put_string(w, key);
                put_char(w, ':');
        }
}

void json_object_begin(JsonWriter *w, const char *key) {
        begin_value(w, key);
        put_char(w, '{');
        w->comma = false;
}

void json_object_end(JsonWriter *w) {
        put_char(w, '}');
        w->comma = true;
}

void json_array_begin(JsonWriter *w, const char *key) {
        begin_value(w, key);
        put_char(w, '[');
        w->comma = false;
}

void json_array_end(JsonWriter *w) {
        put_char(w, ']');
        w->comma = true;
}

void json_null(JsonWriter *w, const char *key) {
        json_raw(w, key, "null", 4);
}

void json_string(JsonWriter *w, const char *key, const char *value) {
        if (!value) {
                json_null(w, key);
                return;
        }
        begin_value(w, key);
        put_string(w, value);
}

void json_stringf(JsonWriter *w, const char *key, const char *format, ...) {
        _cleanup_free_ char *s = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&s, format, ap) < 0) {
                s = NULL;
                w->error = -ENOMEM;
        }
        va_end(ap);
        if (s)
                json_string(w, key, s);
}

void json_int(JsonWriter *w, const char *key, int64_t value) {
        char number[24];

        json_raw(w, key, number, (size_t) snprintf(number, sizeof(number), "%" PRIi64, value));
}

void json_uint(JsonWriter *w, const char *key, uint64_t value) {
        char number[24];

        json_raw(w, key, number, (size_t) snprintf(number, sizeof(number), "%" PRIu64, value));
}

void json_double(JsonWriter *w, const char *key, double value) {
        char number[32];

        if (!isfinite(value)) {
                json_null(w, key);
                return;
        }
        json_raw(w, key, number, (size_t) snprintf(number, sizeof(number), "%.15g", value));
}

void json_boolean(JsonWriter *w, const char *key, bool value) {
        json_raw(w, key, value ? "true" : "false", value ? 4 : 5);
}

void json_time(JsonWriter *w, const char *key, uint64_t usec) {
        char buffer[TIME_TEXT_MAX];

        json_string(w, key, time_format(usec, buffer));
}

void json_strv(JsonWriter *w, const char *key, char *const *v) {
        json_array_begin(w, key);
        STRV_FOREACH(s, v)
                json_string(w, NULL, *s);
        json_array_end(w);
}

void json_config(JsonWriter *w, const char *key, const Config *c) {
        json_object_begin(w, key);
        CONFIG_FOREACH(i, c)
                json_string(w, i->key, i->value);
        json_object_end(w);
}

void json_devices(JsonWriter *w, const char *key, const Devices *d) {
        json_object_begin(w, key);
        DEVICES_FOREACH(i, d)
                json_config(w, i->name, &i->config);
        json_object_end(w);
}

void json_raw(JsonWriter *w, const char *key, const char *json, size_t n) {
        begin_value(w, key);
        put(w, json, n);
}

void json_document_begin(JsonWriter *w) {
        put(w, ENVELOPE_HEAD, STRLEN(ENVELOPE_HEAD));
        w->comma = false;
}

int json_document_finish(JsonWriter *w) {
        put(w, "}\n", 2);
        return json_finish_memfd(w);
}

int json_finish_memfd(JsonWriter *w) {
        int r = w->error < 0 ? w->error : memfd_new_sealed("lxd-document", w->data, w->size);

        json_done(w);
        return r;
}

int json_finish_text(JsonWriter *w, char **ret) {
        put_char(w, '\0');
        if (w->error < 0) {
                int r = w->error;

                json_done(w);
                return r;
        }
        *ret = TAKE_PTR(w->data);
        json_done(w);
        return 0;
}

/* FNV-1a with 128 bits, which goes on from h. An ETag has to differ when the object does, and nobody gains by making two alike: SHA-256 would
 * do no better, and costs a daemon 400 KB of memory and a millisecond at its start, for libcrypto. */
static unsigned __int128 hash(unsigned __int128 h, const char *data, size_t n) {
        const unsigned __int128 prime = ((unsigned __int128) 1 << 88) + 0x13b;

        for (size_t i = 0; i < n; i++)
                h = (h ^ (unsigned char) data[i]) * prime;
        return h;
}

int json_etag(const JsonWriter *w, char **ret) {
        unsigned __int128 once = (unsigned __int128) 0x6c62272e07bb0142 << 64 | 0x62b821756295c58d, twice;

        if (w->error < 0)
                return w->error;
        once = hash(once, w->data, w->size);
        twice = hash(once, w->data, w->size); /* LXD's have 64 digits */
        return str_format(ret, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, (uint64_t) (once >> 64), (uint64_t) once,
                          (uint64_t) (twice >> 64), (uint64_t) twice);
}
