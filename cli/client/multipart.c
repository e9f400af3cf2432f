/* SPDX-License-Identifier: Apache-2.0 */
/* A streaming parser of multipart/form-data. */

#include "multipart.h"

/* The value of a parameter: name="value" or name=value. */
static char *parameter(const char *header, const char *name) {
        size_t n = strlen(name);

        for (const char *p = strchr(header, ';'); p; p = strchr(p, ';')) {
                p++;
                p += strspn(p, " \t");
                if (strncasecmp(p, name, n) != 0 || p[n] != '=')
                        continue;
                p += n + 1;
                if (*p == '"')
                        return strchr(p + 1, '"') ? xstrndup(p + 1, strcspn(p + 1, "\"")) : NULL;
                return xstrndup(p, strcspn(p, "; \t"));
        }
        return NULL;
}

char *disposition_filename(const char *value) {
        _cleanup_free_ char *name = value ? parameter(value, "filename") : NULL;
        const char *slash = name ? strrchr(name, '/') : NULL, *base = slash ? slash + 1 : strempty(name);

        if (streq(base, ".") || streq(base, ".."))
                base = "";
        for (const char *p = base; *p; p++)
                if ((unsigned char) *p < 0x20 || *p == 0x7f)
                        return xstrdup("");
        return xstrdup(base);
}

int multipart_init(Multipart *m, const char *content_type, const MultipartHandler *handler) {
        _cleanup_free_ char *boundary = NULL;

        *m = (Multipart) { .handler = *handler };
        if (!content_type || strncasecmp(content_type, "multipart/form-data", strlen("multipart/form-data")) != 0)
                return -EBADMSG;
        boundary = parameter(content_type, "boundary");
        if (isempty(boundary) || strlen(boundary) > 70)
                return -EBADMSG;

        m->delimiter = xformat("\r\n--%s", boundary);
        buffer_puts(&m->pending, "\r\n");       /* as if a line had ended before the first boundary */
        return 0;
}

void multipart_done(Multipart *m) {
        free(m->delimiter);
        buffer_done(&m->pending);
        *m = (Multipart) {};
}

/* Gives out what cannot be the beginning of a delimiter, up to a delimiter if there is one. Returns 1 if there was. */
static int feed_until_delimiter(Multipart *m, bool keep) {
        size_t n = strlen(m->delimiter), give;
        const char *found = memmem(m->pending.data, m->pending.size, m->delimiter, n);
        int r = 0;

        give = found ? (size_t) (found - m->pending.data) : m->pending.size >= n ? m->pending.size - (n - 1) : 0;
        if (keep && give > 0)
                r = m->handler.on_data(m->handler.userdata, m->pending.data, give);
        if (r < 0)
                return r;

        buffer_consume(&m->pending, give + (found ? n : 0));
        return found != NULL;
}

static int parse_head(Multipart *m, const char *head) {
        _cleanup_free_ char *filename = NULL;
        const char *line = strcasestr(head, "\r\nContent-Disposition:");
        _cleanup_free_ char *value = line ? xstrndup(line + 2, strcspn(line + 2, "\r\n")) : NULL;

        if (++m->n_parts > MULTIPART_PARTS_MAX)
                return -E2BIG;
        filename = disposition_filename(value);
        return m->handler.on_part(m->handler.userdata, filename);
}

/* Behind a boundary: its line ends, or the last one is marked. Returns 1 if the state changed. */
static int feed_boundary_end(Multipart *m) {
        if (m->pending.size < 2)
                return 0;
        if (memcmp(m->pending.data, "--", 2) == 0)
                m->state = MULTIPART_DONE;
        else if (memcmp(m->pending.data, "\r\n", 2) == 0)
                m->state = MULTIPART_HEAD;      /* keeps the line end, so that each header begins with one */
        else
                return -EBADMSG;
        return 1;
}

static int feed_head(Multipart *m) {
        const char *end = memmem(m->pending.data, m->pending.size, "\r\n\r\n", 4);
        _cleanup_free_ char *head = NULL;
        size_t n;
        int r;

        if (!end)
                return m->pending.size > MULTIPART_HEAD_MAX ? -E2BIG : 0;
        n = (size_t) (end - m->pending.data);
        head = xstrndup(m->pending.data, n);
        r = parse_head(m, head);
        if (r < 0)
                return r;
        buffer_consume(&m->pending, n + 4);
        m->state = MULTIPART_DATA;
        return 1;
}

static int feed_step(Multipart *m) {
        int r;

        switch (m->state) {
        case MULTIPART_PREAMBLE:
        case MULTIPART_DATA:
                r = feed_until_delimiter(m, m->state == MULTIPART_DATA);
                if (r > 0)
                        m->state = MULTIPART_BOUNDARY_END;
                return r;
        case MULTIPART_BOUNDARY_END:
                return feed_boundary_end(m);
        case MULTIPART_HEAD:
                return feed_head(m);
        default:
                buffer_consume(&m->pending, m->pending.size);
                return 0;
        }
}

int multipart_feed(Multipart *m, const void *data, size_t n) {
        int r;

        buffer_append(&m->pending, data, n);
        do
                r = feed_step(m);
        while (r > 0);
        return r;
}

int multipart_end(Multipart *m) {
        return m->state == MULTIPART_DONE ? 0 : -EBADMSG;
}
