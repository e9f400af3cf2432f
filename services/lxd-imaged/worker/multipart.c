/* SPDX-License-Identifier: Apache-2.0 */
/* The parser keeps what it cannot decide yet (part of a boundary, unfinished headers) in a buffer in front of the next bytes. */

#include <ctype.h>

#include "base/str.h"
#include "bus-error.h"
#include "worker/multipart.h"

typedef enum MultipartState {
        STATE_PREAMBLE,  /* before the first boundary */
        STATE_BOUNDARY,  /* right behind a boundary: CRLF or -- */
        STATE_HEADERS,
        STATE_DATA,
        STATE_EPILOGUE,  /* behind the last boundary: ignored */
} MultipartState;

struct Multipart {
        MultipartState state;
        const MultipartCallbacks *callbacks;
        void *userdata;
        unsigned parts;
        char *buffer;
        size_t size, allocated;
        size_t n_delimiter;
        char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CRLF -- boundary */
};

static bool boundary_is_valid(const char *s) {
        size_t n = strlen(s);

        for (const char *p = s; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("'()+_,-./:=? ", *p))
                        return false;
        return n > 0 && n <= MULTIPART_BOUNDARY_MAX && s[n - 1] != ' ';
}

/* The value of `name=` among the ;-separated parameters of a header value, quoted or not. 1 found, 0 not there, -EINVAL, -ENOMEM. */
static int parameter(const char *header, const char *name, char **ret) {
        size_t n_name = strlen(name);
        const char *p = header;

        while ((p = strchr(p, ';'))) {
                _cleanup_free_ char *value = NULL;
                size_t n = 0;

                for (p++; *p == ' ' || *p == '\t'; p++)
                        ;
                bool match = strncasecmp(p, name, n_name) == 0 && p[n_name] == '=';
                p += strcspn(p, "=;");
                if (*p != '=')
                        continue;

                value = malloc(strlen(++p) + 1);
                if (!value)
                        return -ENOMEM;
                if (*p == '"') {
                        for (p++; *p && *p != '"'; p++) {
                                if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
                                        p++;
                                value[n++] = *p;
                        }
                        if (*p++ != '"')
                                return -EINVAL;
                } else
                        for (; *p && *p != ';' && !isspace((unsigned char) *p); p++)
                                value[n++] = *p;
                value[n] = '\0';
                if (match) {
                        *ret = TAKE_PTR(value);
                        return 1;
                }
        }
        return 0;
}

int multipart_boundary(const char *content_type, char **ret) {
        static const char type[] = "multipart/form-data";
        _cleanup_free_ char *boundary = NULL;
        int r;

        if (strncasecmp(content_type, type, (sizeof(type) - 1)) != 0 || !strchr("; \t", content_type[(sizeof(type) - 1)]))
                return 0;

        r = parameter(content_type, "boundary", &boundary);
        if (r < 0)
                return r;
        if (r == 0 || !boundary_is_valid(boundary))
                return -EINVAL;
        *ret = TAKE_PTR(boundary);
        return 1;
}

int multipart_new(const char *boundary, const MultipartCallbacks *callbacks, void *userdata, Multipart **ret) {
        _cleanup_(multipart_freep) Multipart *m = calloc(1, sizeof(*m));

        if (!m || !(m->buffer = strdup("\r\n"))) /* so that a boundary at the very start is one, too */
                return -ENOMEM;
        assert(strlen(boundary) <= MULTIPART_BOUNDARY_MAX);
        m->size = m->allocated = 2;
        m->callbacks = callbacks;
        m->userdata = userdata;
        m->n_delimiter = (size_t) snprintf(m->delimiter, sizeof(m->delimiter), "\r\n--%s", boundary);
        *ret = TAKE_PTR(m);
        return 0;
}

Multipart *multipart_free(Multipart *m) {
        if (!m)
                return NULL;
        free(m->buffer);
        free(m);
        return NULL;
}

static int refuse(sd_bus_error *error, const char *reason) {
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid multipart image: %s", reason);
}

/* Reads the headers of a part (`text` ends with NUL, lines with CRLF) and announces it. */
static int begin_part(Multipart *m, char *text, sd_bus_error *error) {
        static const char disposition[] = "Content-Disposition:";
        _cleanup_free_ char *name = NULL, *filename = NULL;
        char *saved = NULL;
        int r;

        for (char *line = strtok_r(text, "\r\n", &saved); line; line = strtok_r(NULL, "\r\n", &saved)) {
                if (name || strncasecmp(line, disposition, (sizeof(disposition) - 1)) != 0)
                        continue;
                r = parameter(line, "name", &name);
                if (r > 0)
                        r = parameter(line, "filename", &filename);
                if (r == -EINVAL)
                        return refuse(error, "a Content-Disposition header has an open quote");
                if (r < 0)
                        return r;
        }
        if (!name)
                return refuse(error, "a part has no name");
        if (m->parts++ >= MULTIPART_PARTS_MAX)
                return refuse(error, "too many parts");
        return m->callbacks->begin(name, strempty(filename), m->userdata, error);
}

/* Everything in front of the next delimiter goes to the callback. Gives the bytes consumed, or a negative errno. */
static ssize_t feed_data(Multipart *m, const char *p, size_t n, sd_bus_error *error) {
        const char *found = memmem(p, n, m->delimiter, m->n_delimiter);
        size_t data = found ? (size_t) (found - p) : n - MIN(n, m->n_delimiter - 1);
        int r;

        if (m->state == STATE_DATA && data > 0) {
                r = m->callbacks->data(p, data, m->userdata, error);
                if (r < 0)
                        return r;
        }
        if (!found)
                return (ssize_t) data;
        if (m->state == STATE_DATA) {
                r = m->callbacks->end(m->userdata, error);
                if (r < 0)
                        return r;
        }
        m->state = STATE_BOUNDARY;
        return (ssize_t) (data + m->n_delimiter);
}

static ssize_t feed_boundary(Multipart *m, const char *p, size_t n, sd_bus_error *error) {
        if (n < 2)
                return 0;
        if (memcmp(p, "--", 2) == 0)
                m->state = STATE_EPILOGUE;
        else if (memcmp(p, "\r\n", 2) == 0)
                m->state = STATE_HEADERS;
        else
                return refuse(error, "text behind a boundary");
        return 2;
}

static ssize_t feed_headers(Multipart *m, const char *p, size_t n, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        const char *end = memmem(p, n, "\r\n\r\n", 4);
        int r;

        if (end ? end - p > MULTIPART_HEADER_MAX : n > MULTIPART_HEADER_MAX)
                return refuse(error, "the headers of a part are too long");
        if (!end)
                return 0;
        if (memchr(p, 0, (size_t) (end - p)))
                return refuse(error, "NUL byte in the headers of a part");

        text = strndup(p, (size_t) (end - p));
        if (!text)
                return -ENOMEM;
        r = begin_part(m, text, error);
        if (r < 0)
                return r;
        m->state = STATE_DATA;
        return end - p + 4;
}

/* One step at the bytes p. Gives how many are done with; 0 = more are needed. */
static ssize_t step(Multipart *m, const char *p, size_t n, sd_bus_error *error) {
        switch (m->state) {
        case STATE_BOUNDARY:
                return feed_boundary(m, p, n, error);
        case STATE_HEADERS:
                return feed_headers(m, p, n, error);
        case STATE_EPILOGUE:
                return (ssize_t) n;
        case STATE_PREAMBLE:
        case STATE_DATA:
        default:
                return feed_data(m, p, n, error);
        }
}

static int buffer_append(Multipart *m, const void *data, size_t n) {
        if (m->size + n > m->allocated) {
                char *more = realloc(m->buffer, m->size + n);

                if (!more)
                        return -ENOMEM;
                m->buffer = more;
                m->allocated = m->size + n;
        }
        if (n > 0)
                memcpy(m->buffer + m->size, data, n);
        m->size += n;
        return 0;
}

int multipart_feed(Multipart *m, const void *data, size_t n, sd_bus_error *error) {
        size_t done = 0;
        int r = buffer_append(m, data, n);

        if (r < 0)
                return r;
        while (done < m->size) {
                ssize_t k = step(m, m->buffer + done, m->size - done, error);

                if (k < 0)
                        return (int) k;
                if (k == 0)
                        break;
                done += (size_t) k;
        }
        memmove(m->buffer, m->buffer + done, m->size - done);
        m->size -= done;
        return 0;
}

int multipart_finish(Multipart *m, sd_bus_error *error) {
        if (m->state != STATE_EPILOGUE)
                return refuse(error, "the body ends before its last boundary");
        return 0;
}
