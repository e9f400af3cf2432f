/* SPDX-License-Identifier: Apache-2.0 */
/* The strict parser of HTTP/1.1 responses. */

#include <ctype.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "http-parse.h"

#define CHUNK_LINE_MAX 1024U
#define TRAILER_MAX (16U * 1024U)

void http_head_done(HttpHead *h) {
        free(h->text);
        *h = (HttpHead) {};
}

ssize_t http_head_length(const char *data, size_t size) {
        const char *end = size > 0 ? memmem(data, MIN(size, (size_t) HTTP_HEAD_MAX), "\r\n\r\n", 4) : NULL;

        if (end)
                return end - data + 4;
        return size >= HTTP_HEAD_MAX ? -E2BIG : 0;
}

static bool is_token(const char *s) {
        if (!*s)
                return false;
        for (; *s; s++)
                if (!isalnum((unsigned char) *s) && !strchr("!#$%&'*+-.^_`|~", *s))
                        return false;
        return true;
}

static bool is_field_text(const char *s) {
        for (; *s; s++)
                if (((unsigned char) *s < 0x20 && *s != '\t') || *s == 0x7f)
                        return false;
        return true;
}

/* "HTTP/1.1 200 OK" */
static int parse_status_line(const char *line, HttpHead *h) {
        const char *p = startswith(line, "HTTP/1.");

        if (!p || (p[0] != '0' && p[0] != '1') || p[1] != ' ')
                return -EBADMSG;
        h->keep_alive = p[0] == '1';
        p += 2;

        for (int i = 0; i < 3; i++)
                if (!isdigit((unsigned char) p[i]))
                        return -EBADMSG;
        if (p[3] != ' ' && p[3] != 0)
                return -EBADMSG;

        h->status = (unsigned) ((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
        if (h->status < 100 || h->status > 599 || !is_field_text(p))
                return -EBADMSG;
        return 0;
}

static int parse_length(const char *s, uint64_t *ret) {
        uint64_t value = 0;

        if (!*s)
                return -EBADMSG;
        for (; *s; s++) {
                if (!isdigit((unsigned char) *s) || value > (INT64_MAX - 9) / 10)
                        return -EBADMSG;
                value = value * 10 + (uint64_t) (*s - '0');
        }
        *ret = value;
        return 0;
}

/* Headers that say where the body ends. Two lengths, or a length and chunks, would let two readers disagree. */
static int apply_header(HttpHead *h, const char *name, const char *value) {
        if (strcasecmp(name, "Content-Length") == 0) {
                uint64_t length;

                if (h->has_length || h->chunked || parse_length(value, &length) < 0)
                        return -EBADMSG;
                h->has_length = true;
                h->length = length;
        } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
                if (h->has_length || h->chunked || strcasecmp(value, "chunked") != 0)
                        return -EBADMSG;
                h->chunked = true;
        } else if (strcasecmp(name, "Connection") == 0) {
                if (strcasecmp(value, "close") == 0)
                        h->keep_alive = false;
                else if (strcasecmp(value, "keep-alive") == 0)
                        h->keep_alive = true;
        }
        return 0;
}

static int parse_header_line(char *line, HttpHead *h) {
        char *colon = strchr(line, ':'), *value, *end;

        if (!colon)
                return -EBADMSG;
        *colon = 0;

        value = colon + 1 + strspn(colon + 1, " \t");
        end = value + strlen(value);
        while (end > value && strchr(" \t", end[-1]))
                *--end = 0;

        if (!is_token(line) || !is_field_text(value))
                return -EBADMSG;
        if (h->n_headers >= HTTP_HEADERS_MAX)
                return -E2BIG;

        h->headers[h->n_headers++] = (HttpHeader) { .name = line, .value = value };
        return apply_header(h, line, value);
}

static int parse_lines(char *p, HttpHead *h) {
        bool first = true;

        while (*p) {
                char *end = strstr(p, "\r\n");
                int r;

                if (!end)
                        return -EBADMSG;
                *end = 0;
                if (end == p)                   /* the empty line: nothing may follow */
                        return first || end[2] ? -EBADMSG : 0;

                r = first ? parse_status_line(p, h) : parse_header_line(p, h);
                if (r < 0)
                        return r;
                first = false;
                p = end + 2;
        }
        return -EBADMSG;
}

int http_head_parse(const char *data, size_t size, HttpHead *ret) {
        HttpHead h = {};
        int r;

        if (memchr(data, 0, size))
                return -EBADMSG;

        h.text = strndup(data, size);
        if (!h.text)
                return -ENOMEM;

        r = parse_lines(h.text, &h);
        if (r < 0) {
                http_head_done(&h);
                return r;
        }
        *ret = h;
        return 0;
}

const char *http_head_get(const HttpHead *h, const char *name) {
        for (size_t i = 0; i < h->n_headers; i++)
                if (strcasecmp(h->headers[i].name, name) == 0)
                        return h->headers[i].value;
        return NULL;
}

void http_body_begin(HttpBody *b, const HttpHead *head, bool no_body) {
        *b = (HttpBody) {};

        if (no_body || head->status < 200 || head->status == 204 || head->status == 304)
                b->state = HTTP_BODY_DONE;
        else if (head->chunked)
                b->state = HTTP_BODY_CHUNK_SIZE;
        else if (!head->has_length)
                b->state = HTTP_BODY_UNTIL_EOF;
        else if (head->length == 0)
                b->state = HTTP_BODY_DONE;
        else {
                b->state = HTTP_BODY_LENGTH;
                b->remaining = head->length;
        }
}

static int hex_value(char c) {
        return isdigit((unsigned char) c) ? c - '0' :
               isxdigit((unsigned char) c) ? tolower((unsigned char) c) - 'a' + 10 : -1;
}

/* One byte of "1a2b;extension\r\n". */
static int feed_chunk_size(HttpBody *b, char c) {
        int v = hex_value(c);

        if (++b->line > CHUNK_LINE_MAX)
                return -EBADMSG;

        if (b->cr) {
                if (c != '\n' || !b->digits)
                        return -EBADMSG;
                b->state = b->remaining > 0 ? HTTP_BODY_CHUNK_DATA : HTTP_BODY_TRAILER;
                b->line = 0;
                b->cr = b->digits = b->extension = false;
        } else if (c == '\r')
                b->cr = true;
        else if (b->extension || (c == ';' && b->digits))
                b->extension = true;
        else if (v >= 0 && b->remaining <= (UINT64_MAX >> 8)) {
                b->remaining = b->remaining * 16 + (uint64_t) v;
                b->digits = true;
        } else
                return -EBADMSG;
        return 0;
}

/* CR LF behind the data of a chunk. */
static int feed_chunk_end(HttpBody *b, char c) {
        if (c != (b->cr ? '\n' : '\r'))
                return -EBADMSG;
        if (b->cr)
                b->state = HTTP_BODY_CHUNK_SIZE;
        b->cr = !b->cr;
        return 0;
}

/* Lines behind the last chunk; the body ends with the empty one. */
static int feed_trailer(HttpBody *b, char c) {
        if (++b->trailer > TRAILER_MAX)
                return -EBADMSG;

        if (b->cr) {
                if (c != '\n')
                        return -EBADMSG;
                if (b->line == 0)
                        b->state = HTTP_BODY_DONE;
                b->line = 0;
                b->cr = false;
        } else if (c == '\r')
                b->cr = true;
        else
                b->line++;
        return 0;
}

static void take_content(HttpBody *b, size_t size, size_t *ret_used, size_t *ret_size) {
        size_t n = b->state == HTTP_BODY_UNTIL_EOF ? size : MIN(b->remaining, (uint64_t) size);

        *ret_used += n;
        *ret_size = n;
        if (b->state == HTTP_BODY_UNTIL_EOF)
                return;

        b->remaining -= n;
        if (b->remaining == 0)
                b->state = b->state == HTTP_BODY_LENGTH ? HTTP_BODY_DONE : HTTP_BODY_CHUNK_END;
}

int http_body_feed(HttpBody *b, const char *data, size_t size, size_t *ret_used, const char **ret_data,
                   size_t *ret_size) {
        size_t used = 0, n = 0;
        int r = 0;

        *ret_data = data;
        while (used < size && n == 0 && b->state != HTTP_BODY_DONE && r >= 0)
                switch (b->state) {
                case HTTP_BODY_CHUNK_SIZE:
                        r = feed_chunk_size(b, data[used++]);
                        break;
                case HTTP_BODY_CHUNK_END:
                        r = feed_chunk_end(b, data[used++]);
                        break;
                case HTTP_BODY_TRAILER:
                        r = feed_trailer(b, data[used++]);
                        break;
                default:
                        *ret_data = data + used;
                        take_content(b, size - used, &used, &n);
                        break;
                }

        *ret_used = used;
        *ret_size = n;
        if (r < 0)
                return r;
        return b->state == HTTP_BODY_DONE;
}

int http_body_eof(HttpBody *b) {
        if (b->state != HTTP_BODY_UNTIL_EOF && b->state != HTTP_BODY_DONE)
                return -ECONNRESET;
        b->state = HTTP_BODY_DONE;
        return 0;
}
